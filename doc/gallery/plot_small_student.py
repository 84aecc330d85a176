"""
A small network taught by a forest
==================================

With few labels a network of one small layer learns more from the probabilities of a forest than from the labels alone.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split

from skweak.distill import KDClassifier
from skweak.noisy import CrossEntropyClassifier

X, y = load_digits(return_X_y=True)
small = {"module__hidden": (8,), "max_epochs": 40}
scores = {"forest": [], "student": [], "the same network alone": []}
for seed in range(3):
    X_train, X_test, y_train, y_test = train_test_split(X / 16, y, train_size=500, stratify=y, random_state=seed)
    forest = RandomForestClassifier(100, min_samples_leaf=2, random_state=seed).fit(X_train, y_train)
    student = KDClassifier(teacher=forest, **small, random_state=seed).fit(X_train, y_train)
    alone = CrossEntropyClassifier(**small, random_state=seed).fit(X_train, y_train)
    for name, model in zip(scores, (forest, student, alone), strict=True):
        scores[name].append(model.score(X_test, y_test))

figure, ax = plt.subplots()
ax.boxplot(list(scores.values()), tick_labels=list(scores))
ax.set_ylabel("accuracy on test rows, three seeds")
plt.show()
