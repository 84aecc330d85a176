"""
Label formats: noisy, partial, multi-label, crowd, unlabeled, soft
==================================================================

What ``y`` looks like decides which estimator fits. Nothing is guessed from the values of ``y``: the same array of 0
and 1 means "these labels apply" to a multi-label estimator and "one of these is right" to one of candidate labels.
So look for the picture that resembles your data, and take the module that stands above it. Rows are examples;
columns are classes, labels or annotators.

In the first table each row has one class, and two of them (red) are mistaken; nothing marks the mistakes. In the
second each row has a set of candidates of which exactly one is right, as when a caption names three people and the
photograph shows one face. In the third several labels apply at once; question marks stand for unknown entries,
which are not the same as absent labels. In the fourth each column is a person, with a gap where somebody was not
asked. In the fifth most rows are unlabeled, either because their labels are still to be collected (active learning)
or because they never will be (semi-supervised learning). In the last, another model has given probabilities, and a
smaller network is to learn from them.

The marker of a missing label is -1 by default. It may be of any type, such as None or "?" among strings: see the
parameters ``unlabeled``, ``unknown_label`` and ``missing`` of the estimators.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap

random = np.random.RandomState(0)
true = np.array([0, 2, 1, 3, 2, 0])
given = np.array([0, 2, 3, 3, 1, 0])
one_hot = np.eye(4, dtype=int)
several = np.array([[1, 0, -1, 0], [0, 1, 1, 0], [1, 1, 0, -1], [0, 0, 0, 1], [-1, 0, 1, 1], [1, 0, 0, 0]])
votes = np.array([[0, 0, -1], [2, 1, 2], [-1, 1, 1], [3, 3, 3], [2, -1, 0], [0, 0, 1]])
kinds = {
    "some are wrong\nskweak.noisy": given[:, None],
    "candidates, one right\nskweak.partial": np.maximum(one_hot[true], random.rand(6, 4) < 0.35),
    "several, some unknown\nskweak.multilabel": several,
    "one per annotator\nskweak.crowd": votes,
    "unlabeled\nskweak.active": np.array([0, -1, -1, 3, -1, -1])[:, None],
    "another model's\nskweak.distill": np.round(0.7 * one_hot[true] + 0.3 * random.dirichlet(np.ones(4), 6), 2),
}

figure, axes = plt.subplots(1, 6, figsize=(13, 3.4), layout="constrained")
for ax, (title, y) in zip(axes, kinds.items(), strict=True):
    ax.imshow(np.where(y < 0, np.nan, y), cmap=ListedColormap(plt.cm.Blues(np.linspace(0.05, 0.4, 64))), aspect="auto")
    for row, column in np.ndindex(*y.shape):
        value = y[row, column]
        wrong = title.startswith("some") and given[row] != true[row]
        text = "?" if value < 0 else f"{value:g}"
        ax.text(column, row, text, ha="center", va="center", color="firebrick" if wrong or value < 0 else "black")
    ax.set_title(title, fontsize=10)
    ax.set(xticks=[], yticks=[])
plt.show()
