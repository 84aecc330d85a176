"""
What wrong labels do to a network
=================================

Plain training learns the clean pattern first and then the mistakes; a robust loss holds on to the pattern.
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
