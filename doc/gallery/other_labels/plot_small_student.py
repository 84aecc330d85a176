"""
Knowledge distillation: train a small network with a larger one
===============================================================

A network that must run on a small device, or answer within a millisecond, cannot be as large as one would like.
Trained on few labels it is also worse than its size would allow. Distillation lets a larger model help: beside the
label, the student learns the probabilities that the teacher gives to all classes. A 7 that looks a little like a 1
says so there, and a label does not.

The student has sixteen hidden units and 200 labeled rows. The teacher has 256 units and was trained on more rows.
The figure compares the teacher, the student trained on its labels alone, the student of plain distillation (KD),
and one of DIST, which matches correlations instead of the probabilities themselves and is meant for teachers that
are much stronger. Each dot is one of four seeds, so that the spread can be seen beside the difference.

The gain comes from what the teacher knows and the student's labels do not say. A teacher trained on the same 200
rows would know little more than they do, and the pages of the family show that distillation then gains next to
nothing.

The teacher can be any classifier with ``predict_proba``, such as a forest, a skorch net or a torch module; if it is
not fitted yet, it is fitted on the same rows first. Its outputs can also be computed once and given to ``fit`` as
``teacher_logits``.
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
