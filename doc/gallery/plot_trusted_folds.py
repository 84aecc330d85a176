"""
Validating with dirty labels
============================

Each digit is called its successor in 40 % of the rows. Scores on given labels, on the verified tenth
(``TrustedKFold``), and in truth, of networks trained for longer and longer.
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
