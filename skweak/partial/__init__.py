"""Estimators for rows that have a set of candidate labels, one of which is right.

``y`` is a matrix (n, C) of 0 and 1, dense or sparse; ``classes`` names its columns. Folds, pipelines and searches of
scikit-learn take both; only ``cross_validate`` and its kin refuse a sparse one: give them ``y.toarray()``. For a matrix
an integer ``cv`` means folds in the order of the rows, so pass a shuffled ``KFold``.

>>> from sklearn.datasets import load_iris
>>> from sklearn.model_selection import KFold, cross_val_score
>>> from skweak.datasets import make_uniform_candidates
>>> from skweak.metrics import candidate_hit_scorer
>>> X, y = load_iris(return_X_y=True)
>>> candidates = make_uniform_candidates(y, rate=0.4, random_state=0)
>>> clf, folds = PRODENClassifier(max_epochs=20, random_state=0), KFold(3, shuffle=True, random_state=0)
>>> bool(cross_val_score(clf, X, candidates, cv=folds, scoring=candidate_hit_scorer).mean() > 0.8)
True
"""

from skweak.partial.cc import CCClassifier
from skweak.partial.lws import LWSClassifier
from skweak.partial.mogd import MoGDClassifier
from skweak.partial.pico import PiCOClassifier
from skweak.partial.proden import PRODENClassifier
from skweak.partial.rc import RCClassifier

__all__ = [
    "CCClassifier",
    "LWSClassifier",
    "MoGDClassifier",
    "PRODENClassifier",
    "PiCOClassifier",
    "RCClassifier",
]
