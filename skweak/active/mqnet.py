"""MQ-Net: a small network that learns how much purity and how much information a query needs (arXiv:2210.07805)."""

import copy
from numbers import Integral, Real

import numpy as np
import torch
from sklearn.base import clone
from sklearn.utils import _safe_indexing
from sklearn.utils._param_validation import HasMethods, Interval

from skweak.active.base import SEED, QueryStrategy
from skweak.active.scores import confidence_score, top_k
from skweak.active.scores.neighbors import top_similarities
from skweak.engine.seeding import seeded

# Bound of a standardised value before the exponential: a lonely outlier must not overflow it.
_LARGEST_DEVIATION, _PROBA_FLOOR = 20.0, 1e-12


class MQNet(QueryStrategy):
    """Rows by a learned balance of looking known and being uncertain.

    After each batch a network with two inputs learns from its answers which rows were worth buying, those of a known
    class with a large loss, and ranks the next pool. It can only grow with either input. The light form of the method:
    features are given or the learner's own, and the uncertainty is that of the learner.

    Parameters
    ----------
    features : transformer, callable or None, default=None
        Gives the features whose cosine to the nearest labeled known row is the purity; those of a network that was
        pretrained without labels suit it. None takes the learner's embedding.
    n_hidden : int >= 1, default=64
        Width of the network.
    n_steps : int >= 1, default=2000
        Steps of its training at each call, each over the whole last batch.
    lr : float > 0, default=1e-3
        Their learning rate (Adam).
    random_state : int or None, default=0
        Seed of the network and of the classifier before the last batch. Each round has its own draw.
    verbose : int, default=0
        1 shows a progress bar for each pass over the pool.

    Notes
    -----
    The purity P and the uncertainty ``I = 1 - max p`` enter as ``exp((v - mean) / std)`` over the pool; the network is
    ``relu(W2) sigmoid(relu(W1) (I, P) + b)``. It learns to order random pairs of the last batch by their loss, 0 for
    unknown rows, with margin 1. That loss and both inputs are those at the time of the purchase: a clone of the
    estimator is fitted to the rows before that batch. Without a batch to learn from the score is I plus the
    standardised P.

    References
    ----------
    Park et al., arXiv:2210.07805.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> X, y = np.array([[1.0, 0.0], [0.0, 1.0]]), [0, 1]
    >>> learner = LogisticRegression().fit(X, y)
    >>> MQNet()(learner, np.array([[-1.0, -1.0], [1.0, 0.1], [0.1, 1.0]]), n_instances=2, labeled=(X, y))[0]
    array([1, 2])
    """

    _parameter_constraints = QueryStrategy._parameter_constraints | {
        "features": [None, callable, HasMethods(["transform"])],
        "n_hidden": [Interval(Integral, 1, None, closed="left")],
        "n_steps": [Interval(Integral, 1, None, closed="left")],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "random_state": SEED,
    }

    def __init__(self, *, features=None, n_hidden=64, n_steps=2000, lr=1e-3, random_state=0, verbose=0):
        super().__init__(verbose=verbose)
        self.features = features
        self.n_hidden = n_hidden
        self.n_steps = n_steps
        self.lr = lr
        self.random_state = random_state

    def _select(self, view, n_instances):
        inputs = self._inputs(view, view.known_labeled()[0])
        pool = view.map(inputs)
        n_last = len(view.bought[-1]) if view.bought else 0
        if n_last < 2:
            scores = pool[:, 0] + _standardise(pool, pool)[:, 1]
        else:
            with seeded(view.seed(self.random_state), "cpu"):
                network = self._learn(view, n_last)
            scores = network(_standardise(pool, pool))
        picks = top_k(scores, n_instances)
        return picks, scores[picks]

    def _inputs(self, view, known):
        """Return the function that gives uncertainty and purity of rows as two columns."""
        anchors = view.features(known, self.features)

        def inputs(rows):
            uncertainty = 1 - confidence_score(view.predict_proba(rows), kind="least_confidence")
            purity = top_similarities(view.features(rows, self.features), anchors)[0]
            return np.column_stack([uncertainty, purity]).astype(np.float64)

        return inputs

    def _learn(self, view, n_last):
        """Return the network that ranks the last batch like its losses."""
        X, y = view.require_labeled()
        last = np.arange(len(y) - n_last, len(y))
        before = copy.copy(view)
        before.estimator = clone(view.estimator)
        if "random_state" in before.estimator.get_params():
            before.estimator.set_params(random_state=view.seed(self.random_state))
        before.labeled = _safe_indexing(X, np.arange(last[0])), y[: last[0]]
        before.estimator.fit(*before.labeled)
        inputs, bought = self._inputs(before, before.known_labeled()[0]), _safe_indexing(X, last)
        # What was bought was a part of the pool that it was chosen from.
        values = inputs(bought)
        signals = _standardise(values, np.concatenate([values, before.map(inputs)]))
        return _rank_by(signals, self._losses(before, bought, y[last], view.estimator.classes_), self)

    def _losses(self, view, X, y, known_classes):
        proba = view.predict_proba(X)
        hit = y[:, None] == np.asarray(view.estimator.classes_)
        # A class that was met in this batch for the first time had no probability at all.
        true = np.maximum((proba * hit).sum(axis=1), _PROBA_FLOOR)
        return np.where(np.isin(y, known_classes), -np.log(true), 0.0)

    @classmethod
    def _test_params(cls):
        return {"n_steps": 20}


def _standardise(values, population):
    spread = population.std(axis=0)
    deviation = (values - population.mean(axis=0)) / np.where(spread > 0, spread, 1)
    return np.exp(np.clip(deviation, -_LARGEST_DEVIATION, _LARGEST_DEVIATION))


def _rank_by(signals, losses, settings):
    """Return a function of two signals, increasing in both, that orders rows as their losses do."""
    signals, losses = torch.from_numpy(signals), torch.from_numpy(losses)
    width = settings.n_hidden
    weights = [torch.rand(shape, dtype=torch.float64, requires_grad=True) for shape in ((2, width), width, width)]
    first, bias, second = weights

    def network(values):
        return torch.sigmoid(values @ first.relu() + bias) @ second.relu()

    optimizer = torch.optim.Adam(weights, lr=settings.lr)
    half = len(losses) // 2
    for _ in range(settings.n_steps):
        order = torch.randperm(len(losses))
        left, right = order[:half], order.flip(0)[:half]
        direction = torch.where(losses[left] > losses[right], 1.0, -1.0)
        values = network(signals)
        loss = (1 - direction * (values[left] - values[right])).relu().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    # Without the last digits, in which equal rows may differ.
    return lambda values: network(torch.from_numpy(values)).detach().numpy().round(10)
