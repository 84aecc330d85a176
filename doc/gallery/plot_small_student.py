"""
A small network taught by a larger one
======================================

The student has sixteen units and 200 labels; the teacher was trained on more. What the teacher says of these rows is
worth more to the student than their labels alone.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skweak.distill import DISTClassifier, KDClassifier
from skweak.noisy import CrossEntropyClassifier

X, y = load_digits(return_X_y=True)
small = {"module__hidden": (16,), "max_epochs": 60}
scores = {"teacher": [], "alone": [], "KD": [], "DIST": []}
for seed in range(4):
    X_train, X_test, y_train, y_test = train_test_split(X / 16, y, train_size=0.5, stratify=y, random_state=seed)
    teacher = CrossEntropyClassifier(module__hidden=(256,), max_epochs=30, random_state=seed).fit(X_train, y_train)
    few = X_train[:200], y_train[:200]
    alone = CrossEntropyClassifier(**small, random_state=seed).fit(*few)
    plain = KDClassifier(teacher=teacher, **small, random_state=seed).fit(*few)
    relations = DISTClassifier(teacher=teacher, **small, random_state=seed).fit(*few)
    for name, model in zip(scores, (teacher, alone, plain, relations), strict=True):
        scores[name].append(model.score(X_test, y_test))

figure, ax = plt.subplots()
for place, (name, values) in enumerate(scores.items()):
    ax.scatter([place] * len(values), values, label=name)
ax.set(xticks=range(4), ylabel="accuracy on test rows, four seeds", xlim=(-0.5, 3.5))
ax.set_xticklabels(list(scores))
plt.show()
