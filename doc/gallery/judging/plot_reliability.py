"""
Calibration of probabilities under noisy labels
===============================================

A classifier is calibrated if it is right in 80 % of the cases in which it says 0.8. Wrong labels disturb this in a
surprising direction: a network that stops before it memorises has learned that even obvious rows sometimes carry
another label. So it is right far more often than it says, and its probabilities are too low.

The figure plots the share of right predictions against the stated probability, on clean test rows, for networks
trained with 40 % wrong labels. The diagonal is perfect calibration. The curve of cross-entropy lies above it:
underconfident. That of GCE, generalised cross-entropy, lies closer, because a robust loss gives up on rows that
contradict the pattern and so does not learn their frequency.

This matters wherever a probability is used and not only the predicted class: a threshold for asking a person, the
cost of a decision, or active learning, which compares uncertainties. It also matters for ``label_quality_``, which
is made of such probabilities; there the order of rows counts more than the values.

Calibration on held-out noisy labels, as ``CalibratedClassifierCV`` would do it, teaches the network the noise
again: it would be calibrated for predicting given labels. Calibrate on verified rows, or not at all. With longer
training the first curve moves to the other side of the diagonal, since a network that has memorised its labels is
sure of everything.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skweak.datasets import make_noisy_labels
from skweak.noisy import CrossEntropyClassifier, GCEClassifier
from skweak.plots import ReliabilityDisplay

X, y = load_digits(return_X_y=True)
X, X_test, y, y_test = train_test_split(X / 16, y, stratify=y, random_state=0)
y_noisy, *_ = make_noisy_labels(y, "symmetric_exclusive:0.4", random_state=0)

ax = None
for method in (CrossEntropyClassifier, GCEClassifier):
    clf = method(module__hidden=(128, 128), max_epochs=25, random_state=0).fit(X, y_noisy)
    ax = ReliabilityDisplay.from_estimator(clf, X_test, y_test, ax=ax).ax_
plt.show()
