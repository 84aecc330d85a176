"""
Two hills of label quality
==========================

After training on digits with 40 % wrong labels, a robust network tells right from wrong ones almost without overlap.
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
