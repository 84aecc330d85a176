"""
Semi-supervised learning with FixMatch and few labels
=====================================================

A hundred of some twelve hundred digits have a label here; the others are only images. FixMatch uses both. It shows
the network a weak view of an unlabeled image, shifted a little, and where the network is sure of a class it takes
that class as a pseudo-label for a strong view of the same image, whose colours, contrast and geometry are changed.
The unlabeled rows help as far as the strong view is hard and still of the same class.

The comparison must be fair, and plain training is not the right baseline: the same class with
``unlabeled_weight=0`` takes as many steps, with the same views, from labeled rows alone. What remains is the
contribution of the unlabeled rows.

The left panel shows the share of unlabeled rows in use, those whose prediction is above the threshold. It starts
low and grows as the network becomes sure. If it stays near zero, the threshold is too high or the training too
short; if it is high from the first epoch on, the network is sure of itself too early, and probably wrong. The right
panel compares test accuracy.

Two warnings. A mirror image of a digit is no digit, so that the default flip of images is switched off here: views
must fit the data. And for tables, where a strong view that keeps the class hardly exists, such methods often gain
nothing; compare before you believe.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skweak.augment import strong_image_views
from skweak.datasets import make_unlabeled
from skweak.nn import SmallCNN
from skweak.semi import FixMatchClassifier

X, y = load_digits(return_X_y=True)
X = np.float32(X.reshape(-1, 1, 8, 8) / 4 - 2)
X, X_test, y, y_test = train_test_split(X, y, test_size=0.3, stratify=y, random_state=0)
few = make_unlabeled(y, 10, per_class=True, random_state=0)

# %%
# Weight 0 learns from the labeled rows alone, in as many steps and with the same views. Digits have no mirror images.

settings = {
    "module": SmallCNN, "module__widths": (16, 32), "max_epochs": 15, "augment": strong_image_views(8, flip=False),
    "random_state": 0,
}  # fmt: skip
alone = FixMatchClassifier(unlabeled_weight=0.0, **settings).fit(X, few)
both = FixMatchClassifier(**settings).fit(X, few)

# %%
# More and more unlabeled rows are in use while the network becomes sure of them.

figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
left.plot([row["used"] for row in both.history_])
left.set(xlabel="epoch", ylabel="unlabeled rows in use", ylim=(0, 1))
right.bar(["labeled rows", "all rows"], [alone.score(X_test, y_test), both.score(X_test, y_test)])
right.set(ylabel="test accuracy", ylim=(0.5, 1))
plt.show()
