"""
Settling on one of several candidates
=====================================

Every row of the digits has wrong candidates beside the true label. PRODEN weighs them anew in each epoch; the average
of candidates gets lost where there are many.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skweak.datasets import make_uniform_candidates
from skweak.partial import CCClassifier, PRODENClassifier

X, y = load_digits(return_X_y=True)
X, X_test, y, y_test = train_test_split(X / 16, y, stratify=y, random_state=0)
rates = [0.1, 0.5, 0.8]
figure, ax = plt.subplots()
for method in (CCClassifier, PRODENClassifier):
    found = []
    for rate in rates:
        candidates = make_uniform_candidates(y, rate=rate, random_state=0)
        clf = method(module__hidden=(64,), max_epochs=20, random_state=0).fit(X, candidates)
        found.append(clf.score(X_test, y_test))
    ax.plot(rates, found, marker="o", label=method.__name__)
ax.set(xlabel="probability of each wrong class to be a candidate", ylabel="accuracy on clean test rows")
ax.legend()
plt.show()
