"""
Active learning curves: margin sampling against random sampling
===============================================================

Labels cost money, and not every row is worth the same. Active learning lets the classifier choose: after each batch
it is fitted again and picks the rows of the pool whose labels would help it most. Margin sampling picks those whose
two most probable classes are closest. It is the simplest rule that does well on most data.

The figure shows test accuracy against the number of labels, for margin sampling and for rows drawn at random, the
baseline of every strategy. The line is the mean over three seeds and the band their spread. Read it horizontally:
how many random labels give the accuracy that margin sampling reaches with fewer? Read vertically, the advantage
vanishes at the end, since with all rows labeled all strategies are the same.

Judge a strategy by whole curves over several seeds, never by the last point of one curve. Count the first rows too:
here twenty rows, two of each class, are given, because a strategy that needs a fitted classifier cannot start
without them. ``Herding`` and ``TypiClust`` choose the first rows as well.

Three cases in which another strategy is better: batches of a hundred rows, in which margin sampling picks near
copies (``BADGE``, ``RankedBatch``); a pool that contains rows of no known class, which are always uncertain
(``BUAL``); and rare classes (``ClassBalanced``).

Here ``run_loop`` takes its answers from an array. In real use it asks a person, keeps each answer in a journal, and
resumes after an interruption.
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
