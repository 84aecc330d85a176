"""
Audit, relabel and train again under a budget
=============================================

A fifth of the labels are wrong, and there is time to look at some rows a second time. Which ones? An audit ranks
all rows by the probability that their label is right; a query strategy for given labels, `ReannotationQuery`, asks
about the most doubtful labels first. Rows drawn at random are the baseline, since a random look corrects only as
many labels as are wrong on average.

The loop has three steps, repeated until the budget is spent. Out-of-fold probabilities of a plain classifier say
how well every given label fits. The strategy picks the rows, a person answers, and the answers replace the labels
of these rows, which are never asked about again. Then the classifier is trained on the corrected labels and judges
the rest again. With cleaner labels it judges better, so later rounds find what the first one missed.

The curves show the accuracy on clean test rows after every round, for both ways of choosing; the dotted line shows
a model trained on right labels alone. A look at a suspect corrects a label more often than a random look does. The
accuracy of a linear model changes less than the labels do, because it averages over mistakes that hit all classes
alike. Correcting labels pays most where the test labels come from the same source, where mistakes have a direction,
or where the model is large enough to remember them.
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
