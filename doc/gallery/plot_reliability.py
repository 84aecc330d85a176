"""
As sure as right
================

With 40 % wrong labels, plain training stopped early has learned that labels cannot be relied on: it is right far more
often than it says. A robust loss is about as sure as it is right.
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
