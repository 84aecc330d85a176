"""
Settling on one of several candidates
=====================================

Every row of the digits has wrong candidates beside the true label. PRODEN shares a row's weight among its candidates as
it believes in them; a network trained on one candidate at random falls behind where there are many.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skweak.datasets import make_uniform_candidates
from skweak.noisy import CrossEntropyClassifier
from skweak.partial import PRODENClassifier

X, y = load_digits(return_X_y=True)
X, X_test, y, y_test = train_test_split(X / 16, y, stratify=y, random_state=0)
random = np.random.RandomState(0)
rates = [0.1, 0.3, 0.5, 0.7]
scores = {"PRODEN": [], "one candidate at random": []}
for rate in rates:
    candidates = make_uniform_candidates(y, rate=rate, random_state=0)
    drawn = (candidates * random.rand(*candidates.shape)).argmax(axis=1)
    settings = {"module__hidden": (64,), "max_epochs": 30, "random_state": 0}
    scores["PRODEN"].append(PRODENClassifier(**settings).fit(X, candidates).score(X_test, y_test))
    plain = CrossEntropyClassifier(**settings).fit(X, drawn)
    scores["one candidate at random"].append(plain.score(X_test, y_test))

figure, ax = plt.subplots()
for name, series in scores.items():
    ax.plot(rates, series, marker="o", label=name)
ax.set(xlabel="probability of each wrong class to be a candidate", ylabel="accuracy on clean test rows")
ax.legend()
plt.show()
