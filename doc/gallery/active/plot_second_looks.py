"""
Audit, relabel, train
=====================

A fifth of the labels is wrong. The same number of second looks mends many of them where the suspects are asked about,
and few where rows are drawn.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict, train_test_split

from skweak.active import RandomSampling, ReannotationQuery

X, y = load_digits(return_X_y=True)
X, X_test, y, y_test = train_test_split(X / 16, y, test_size=0.4, stratify=y, random_state=0)
generator = np.random.default_rng(0)
wrong = generator.random(len(y)) < 0.2
noisy = np.where(wrong, (y + generator.integers(1, 10, len(y))) % 10, y)
model = LogisticRegression(max_iter=200)


def audit(strategy, **facts):
    """Mend 20 labels in each of eight rounds; return the accuracy after every round."""
    given, looked, curve = noisy.copy(), np.zeros(len(y), dtype=bool), []
    for _ in range(8):
        curve.append(model.fit(X, given).score(X_test, y_test))
        if facts:
            # A label is judged by models that have not seen it.
            proba = cross_val_predict(model, X, given, cv=3, method="predict_proba")
            facts = {"y_pool": given, "label_quality": proba[np.arange(len(y)), given]}
        picks = strategy(model, X, 20, candidates=np.flatnonzero(~looked), labeled=(X, given), **facts)[0]
        looked[picks], given[picks] = True, y[picks]
    return [*curve, model.fit(X, given).score(X_test, y_test)]


for name, curve in (
    ("suspects", audit(ReannotationQuery(), y_pool=noisy)),
    ("chance", audit(RandomSampling())),
):
    plt.plot(20 * np.arange(9), curve, marker="o", label=name)
plt.axhline(model.fit(X, y).score(X_test, y_test), color="grey", linestyle=":", label="all labels right")
plt.xlabel("second looks")
plt.ylabel("accuracy")
plt.legend()
plt.show()
