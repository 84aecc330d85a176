"""
Partial label learning: one of several candidate labels is right
================================================================

Candidate labels arise where a source names several classes and one of them is right: a caption with three names and
a photograph of one face, a search that returns several species, an annotator who hesitates between two diagnoses
and writes down both. Treating every candidate as a right label teaches nonsense, and drawing one at random turns
the problem into one of wrong labels.

PRODEN does neither. It shares the weight of a row among its candidates in proportion to what the network currently
believes, starting with equal shares. Since candidates that are wrong vary from row to row, and the right one does
not, the network learns the pattern first, and the weights settle on one candidate per row. In the end
``transduction_`` holds the candidate chosen for each training row.

The figure adds wrong candidates to every digit with a growing probability. With few of them both ways are alike;
with many, the network that was trained on one random candidate falls behind, because most of its labels are then
wrong, while PRODEN loses little.

The method relies on wrong candidates being spread out. Where the same wrong class stands beside the right one in
every row, no method can tell them apart; a few verified rows can, and ``MoGDClassifier`` takes them. For row
weights or a stream of rows see ``CCClassifier``, which keeps nothing per row.
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
