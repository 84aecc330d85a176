"""BALD with dropout as the posterior (arXiv:1112.5745, arXiv:1703.02910)."""

import copy
import warnings
from numbers import Integral

import numpy as np
from scipy.special import xlogy
from sklearn.utils._param_validation import Interval
from torch.nn.modules.dropout import _DropoutNd

from skweak.active.base import SEED, ScoreStrategy
from skweak.engine.seeding import seeded


class BALD(ScoreStrategy):
    """Rows on which the networks that dropout makes out of one network disagree, each being sure of itself.

    Separates what the model does not know from what nobody can know: a row between two classes is uncertain in every
    pass and scores 0.

    Parameters
    ----------
    n_passes : int >= 2, default=20
        Random passes over the pool; more give a smoother score at proportional cost.
    random_state : int or None, default=0
        Seed of the dropout masks. Each round has its own draw; None draws anew at every call.
    verbose : int, default=0
        1 shows a progress bar.

    Notes
    -----
    The score is ``H(mean p) - mean H(p)`` over the passes, at least 0. Only dropout layers are random, in a copy of the
    network; all others stay in evaluation mode. A network without dropout gets 0 everywhere and a warning.

    References
    ----------
    Houlsby et al., arXiv:1112.5745; Gal et al., arXiv:1703.02910.

    Examples
    --------
    >>> from skweak.noisy import CrossEntropyClassifier
    >>> X, y = np.array([[-1.0], [1.0]] * 8), np.array([0, 1] * 8)
    >>> learner = CrossEntropyClassifier(module__dropout=0.5, max_epochs=5, random_state=0).fit(X, y)
    >>> indices, scores = BALD()(learner, np.array([[-9.0], [0.0]]), n_instances=2)
    >>> bool((scores >= 0).all())
    True
    """

    _parameter_constraints = ScoreStrategy._parameter_constraints | {
        "n_passes": [Interval(Integral, 2, None, closed="left")],
        "random_state": SEED,
    }

    def __init__(self, *, n_passes=20, random_state=0, verbose=0):
        super().__init__(verbose=verbose)
        self.n_passes = n_passes
        self.random_state = random_state

    def _score(self, view):
        device = _with_active_dropout(view)

        def mutual_information(rows):
            total = entropy = 0.0
            for _ in range(self.n_passes):
                proba = view.predict_proba(rows).astype(np.float64)
                total, entropy = total + proba, entropy - xlogy(proba, proba).sum(axis=1)
            mean = total / self.n_passes
            return np.maximum(-xlogy(mean, mean).sum(axis=1) - entropy / self.n_passes, 0)

        with seeded(view.seed(self.random_state), device):
            return view.map(mutual_information)


def _with_active_dropout(view):
    """Replace the estimator of ``view`` by a copy whose dropout layers stay random; return the network's device."""
    estimator = view.estimator
    holder = getattr(estimator, "net_", estimator)
    view.in_order = True
    if not hasattr(holder, "module_"):
        raise TypeError(
            f"{view.owner} needs a network with dropout, which {type(estimator).__name__} is not; use QueryByCommittee."
        )
    random_holder = copy.deepcopy(holder)
    layers = [m for m in random_holder.module_.modules() if isinstance(m, _DropoutNd) and m.p > 0]
    if not layers:
        warnings.warn(
            f"{view.owner}: the network of {type(estimator).__name__} has no dropout layer, every score is 0; "
            "set module__dropout.",
            UserWarning,
            stacklevel=2,
        )
    for layer in layers:
        layer.train()
        # Whoever puts the network into evaluation mode does not reach this layer.
        layer.train = lambda mode=True, layer=layer: layer
    if holder is estimator:
        view.estimator = random_holder
    else:
        view.estimator = copy.copy(estimator)
        view.estimator.net_ = random_holder
    return holder.device
