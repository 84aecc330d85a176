"""
Where suspicious rows lie
=========================

In the embedding of a robust network a wrong label stands in the wrong crowd. Crosses mark what the network suspects.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits

from skweak.datasets import make_noisy_labels
from skweak.noisy import ELRClassifier
from skweak.plots import EmbeddingDisplay

X, y = load_digits(n_class=5, return_X_y=True)
y_noisy, wrong, _ = make_noisy_labels(y, "symmetric_exclusive:0.1", random_state=0)
clf = ELRClassifier(module__hidden=(64, 16), max_epochs=30, random_state=0).fit(X / 16, y_noisy)

EmbeddingDisplay.from_estimator(clf, X / 16, y_noisy, marked=clf.noise_mask_)
plt.show()
