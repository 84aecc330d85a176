"""
Buying the labels that teach most
=================================

Asking for the label of the row with the smallest margin reaches with fewer labels what random rows reach with more.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import get_scorer
from sklearn.model_selection import train_test_split

from skweak.active import ActiveLearner, MarginSampling, RandomSampling, run_loop
from skweak.plots import QueryCurveDisplay

X, y = load_digits(return_X_y=True)
X, X_test, y, y_test = train_test_split(X / 16, y, test_size=0.4, stratify=y, random_state=0)
results = {"margin": [], "random": []}
for seed in range(3):
    for name, strategy in (("margin", MarginSampling()), ("random", RandomSampling(random_state=seed))):
        start, pool, y_start, y_pool = train_test_split(X, y, train_size=20, stratify=y, random_state=seed)
        learner = ActiveLearner(
            LogisticRegression(max_iter=300), query_strategy=strategy, X_training=start, y_training=y_start
        )
        scorer = get_scorer("accuracy")
        scorers = {"accuracy": lambda learner, scorer=scorer: scorer(learner.estimator, X_test, y_test)}
        results[name].append(run_loop(learner, pool, y_pool, 8, 20, scorers=scorers, verbose=0))

QueryCurveDisplay.from_results(results, y="accuracy").plot()
plt.show()
