"""
Cross-validation with noisy labels: TrustedKFold
================================================

Model selection with wrong labels has a trap. The validation folds contain the same mistakes as the training folds,
so a model is scored by how well it predicts mistakes. Where these follow a rule, as when each digit is labeled as
its successor in 40 % of the rows, a model that has learned the rule scores better than one that has learned the
digits.

The figure trains the same network for more and more epochs and scores it in three ways. Scores on the given labels,
by ordinary ``KFold``, are low for everyone, because the best possible model disagrees with 40 % of them. Scores on
verified rows, by ``TrustedKFold``, have test folds made of verified rows only, while all other rows stay in every
training part; they follow the third curve, accuracy on clean test rows, which is not available in practice.

A tenth of the rows is verified here. With fewer the curve of verified rows gets noisier: its error is that of a
mean over so few rows, whatever the number of training rows. So spend verified rows on few, clearly different
configurations rather than on a fine grid.

``TrustedKFold`` is a splitter like any other: pass it as ``cv`` to ``GridSearchCV`` or ``cross_val_score``. If no
row can be verified, the next best are scorers corrected by a transition matrix and scorers by the agreement of
neighbours; the page about judging compares all of them.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import KFold, cross_val_score, train_test_split

from skweak.datasets import make_noisy_labels
from skweak.model_selection import TrustedKFold
from skweak.noisy import CrossEntropyClassifier

X, y = load_digits(return_X_y=True)
X, X_test, y, y_test = train_test_split(X / 16, y, test_size=0.4, stratify=y, random_state=0)
y_noisy, *_ = make_noisy_labels(y, "pairflip:0.4", random_state=0)
verified = np.arange(len(y)) % 10 == 0
y_noisy[verified] = y[verified]

epochs = [3, 8, 20, 50]
scores = {"given labels, KFold": [], "verified rows, TrustedKFold": [], "clean test rows": []}
for n_epochs in epochs:
    clf = CrossEntropyClassifier(module__hidden=(64, 64), max_epochs=n_epochs, random_state=0)
    scores["given labels, KFold"].append(cross_val_score(clf, X, y_noisy, cv=KFold(3)).mean())
    scores["verified rows, TrustedKFold"].append(cross_val_score(clf, X, y_noisy, cv=TrustedKFold(verified, 3)).mean())
    scores["clean test rows"].append(clf.fit(X, y_noisy).score(X_test, y_test))

figure, ax = plt.subplots()
for name, series in scores.items():
    ax.plot(epochs, series, marker="o", label=name)
ax.set(xlabel="epochs", ylabel="accuracy", xscale="log", xticks=epochs, xticklabels=epochs)
ax.minorticks_off()
ax.legend()
plt.show()
