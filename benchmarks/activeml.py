"""Strategies of scikit-activeml, asked about rows with the probabilities of another classifier."""

import inspect

import numpy as np


def prepare(name, labeled, pool, n_instances, predict_proba, classes, *, y=None, random_state=0, **parameters):
    """Return a call of a strategy that gives positions in ``pool``, the labeled rows being known.

    ``predict_proba`` is asked about rows of the pool; without ``y`` all labeled rows count as class 0.
    """
    from skactiveml import pool as strategies
    from skactiveml.base import SkactivemlClassifier

    class Given(SkactivemlClassifier):
        def fit(self, X, y, sample_weight=None):
            return self

        def predict_proba(self, X):
            return predict_proba(X)

    # Labeled rows first, then the pool, whose labels are missing.
    rows = np.concatenate([labeled, pool])
    known = np.zeros(len(labeled)) if y is None else np.searchsorted(classes, y).astype(float)
    y = np.concatenate([known, np.full(len(pool), np.nan)])
    strategy = getattr(strategies, name)(random_state=random_state, **parameters)
    facts = {"batch_size": n_instances}
    for argument in {"clf", "estimator"} & set(inspect.signature(strategy.query).parameters):
        facts |= {argument: Given(classes=np.arange(len(classes))), f"fit_{argument}": False}
    return lambda: np.asarray(strategy.query(rows, y, **facts)) - len(labeled)


def ask(learner, X_pool, n_instances=1, *, name, **parameters):
    """Choose rows for a learner: a strategy of scikit-activeml sees the learner's embeddings and probabilities."""
    embed, proba = learner.estimator.embed, learner.predict_proba(X_pool)
    labeled = learner.X_training
    return prepare(
        name, embed(labeled), embed(X_pool), n_instances, lambda rows: proba, learner.estimator.classes_,
        y=learner.y_training, random_state=len(labeled), **parameters,
    )()  # fmt: skip
