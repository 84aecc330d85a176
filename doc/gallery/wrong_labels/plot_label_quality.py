"""
Label quality scores separate right from wrong labels
=====================================================

After training, every estimator for wrong labels has ``label_quality_``: a number in [0, 1] for each training row,
low where the given label looks mistaken. For ELR it is the belief in the given label that the network built up
while it trained; for plain training it is the probability of the given label. The former is better, since at the
end of plain training the network has memorised many wrong labels and believes in them.

The histogram shows digits of which 40 % carry a wrong label, and colours the rows by whether the label is right,
which is not known in practice. There are two hills, one near 0 and one near 1, and little between them. That is
what one hopes for: a list of rows sorted by quality then starts with mistakes only, and where to stop looking is
not critical. The vertical axis is logarithmic, so that the few rows in the wrong hill can be seen at all.

On harder data the hills overlap. Then there is no threshold that separates them, and the order is still useful:
look at rows from the lowest quality on until a screen of them holds no mistake. A row that is merely unusual for
its class also gets a low quality, so that a person should look before a label is changed. ``noise_mask_`` holds the
decision of the method itself where it makes one, and ``transduction_`` the label that it would give.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits

from skweak.datasets import make_noisy_labels
from skweak.noisy import ELRClassifier
from skweak.plots import LabelQualityDisplay

X, y = load_digits(return_X_y=True)
y_noisy, wrong, _ = make_noisy_labels(y, "symmetric_exclusive:0.4", random_state=0)
clf = ELRClassifier(module__hidden=(128, 128), max_epochs=30, random_state=0).fit(X / 16, y_noisy)

LabelQualityDisplay.from_estimator(clf, wrong=wrong).ax_.set_yscale("log")
plt.show()
