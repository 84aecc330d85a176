"""
Training on noisy labels: memorisation and early learning
=========================================================

A network that is trained on wrong labels first learns the pattern that most labels share. Only later, when the
pattern is learned and the loss still is not zero, does it begin to fit the rows that contradict it, one by one.
Test accuracy therefore rises, reaches a peak, and falls while training accuracy goes on rising. The peak is higher
than the end, but nobody can see where it is without clean rows to measure on.

The figure shows this on digits of which 40 % carry a wrong label. Plain cross-entropy falls from its peak. ELR,
early-learning regularisation, keeps a moving average of what the network said about every row, and a penalty pulls
later predictions towards that early belief. So it stays near the peak, and the last epoch is about as good as the
best one. It costs hardly more than plain training, and it is the method to try first when a network is what you
want.

What to try: change the share of wrong labels, or replace "symmetric_exclusive", where every other class is as
likely, by "pairflip", where each class is mistaken for the next one. With clean labels the two curves should be
nearly the same. A curve that does not fall at all means that the network is too small, or the training too short,
to memorise anything: then a robust loss has nothing to correct.

``EpochScoring`` of skorch records the accuracy after each epoch, as it would for any skorch network.
"""

from functools import partial

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from skorch.callbacks import EpochScoring

from skweak.datasets import make_noisy_labels
from skweak.noisy import CrossEntropyClassifier, ELRClassifier
from skweak.plots import TrainingCurveDisplay

X, y = load_digits(return_X_y=True)
X, X_test, y, y_test = train_test_split(X.astype("float32") / 16, y, stratify=y, random_state=0)
y_noisy, wrong, _ = make_noisy_labels(y, "symmetric_exclusive:0.4", random_state=0)


def on_test_rows(net, *_):
    return (net.predict(X_test) == y_test).mean()


histories = {}
for name, method in (("cross-entropy", CrossEntropyClassifier), ("ELR", ELRClassifier)):
    monitor = EpochScoring(partial(on_test_rows), name="test accuracy", on_train=True, lower_is_better=False)
    clf = method(max_epochs=60, callbacks=[("monitor", monitor)], random_state=0)
    histories[name] = clf.fit(X, y_noisy).history_

TrainingCurveDisplay.from_results(histories, y="test accuracy").plot().ax_.set_title("40 % of the labels are wrong")
plt.show()
