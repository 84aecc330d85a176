"""ShrinkMatch (arXiv:2308.06777)."""

from numbers import Real

import torch
from sklearn.utils._param_validation import Interval
from torch import nn

from skweak.losses import shrunk_cross_entropy
from skweak.nn.build import embedding_width, features_and_logits
from skweak.semi import alignment, presets
from skweak.semi.base import SemiSupervisedClassifier, supervised_loss
from skweak.utils import warmup_decay


class ShrinkMatchClassifier(SemiSupervisedClassifier):
    """FixMatch that also learns from uncertain rows: among the classes that are left without the confusing ones.

    A row that may be a cat or a dog still tells that a cat is no truck. It pays with many classes and few labels;
    with two classes nothing can be left out, and it is FixMatch with soft pseudo-labels.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The network.
    threshold : float in [0, 1], default=0.95
        Probability from which a row counts as certain, among all classes or the remaining ones.
    align : "auto" or bool, default="auto"
        Weigh the predictions that become pseudo-labels so that each class has its share of the given labels; otherwise
        a class that the network happens to prefer takes more and more rows. "auto" does so for tables. Not for labels
        that were chosen in other proportions than the rows have, such as ten of every class.
    **training
        See `SemiSupervisedClassifier`, and `skweak.base.WeakClassifier` for what all estimators share.

    Attributes
    ----------
    transduction_ : ndarray of shape (n,)
        The given labels, and for unlabeled rows the predicted ones.

    Notes
    -----
    The shrunk loss goes through an auxiliary head on the embedding of the strong view and is weighted by the running
    share of certain rows, which ``history_`` has as ``used``. Its decay grows with the steps up to 0.999, so that
    short trainings know the share as well.

    References
    ----------
    Yang et al., arXiv:2308.06777.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skweak.datasets import make_unlabeled
    >>> X, y = load_iris(return_X_y=True)
    >>> y_few = make_unlabeled(y, 5, per_class=True, random_state=0)
    >>> clf = ShrinkMatchClassifier(max_epochs=20, random_state=0).fit(X, y_few)
    >>> bool((clf.transduction_ == y).mean() > 0.85)
    True
    """

    _presets = presets.SHRINKMATCH
    _parameter_constraints = {"threshold": [Interval(Real, 0, 1, closed="both")], "align": alignment.CONSTRAINT}

    def __init__(self, module="auto", *, threshold=0.95, align="auto", **training):
        super().__init__(module, **training)
        self.threshold = threshold
        self.align = align

    def _networks(self, make):
        module = make()
        width = embedding_width(module)
        narrow = max(1, width // 4)
        auxiliary = nn.Sequential(
            nn.Linear(width, narrow), nn.BatchNorm1d(narrow), nn.LeakyReLU(0.1),
            nn.Linear(narrow, narrow), nn.BatchNorm1d(narrow), nn.LeakyReLU(0.1),
            nn.Linear(narrow, make.n_outputs),
        )  # fmt: skip
        return {"module": module, "auxiliary": auxiliary}

    def _start(self, run):
        super()._start(run)
        alignment.start_alignment(run, self.align)
        if "certain" not in vars(run.state):
            run.state.certain = torch.zeros((), dtype=run.dtype, device=run.device)

    def _loss(self, run, batch):
        X, views, state = batch.labeled.X, run.views, run.state
        if batch.unlabeled is None:
            return supervised_loss(run, run.module_(views.weak(X)), batch)
        n, m = len(X), len(batch.unlabeled.X)
        both = torch.cat([views.weak(torch.cat([X, batch.unlabeled.X])), views.strong(batch.unlabeled.X)])
        z, logits = features_and_logits(run.module_, both)
        labeled, weak, strong = logits.to(run.dtype).split([n, m, m])
        proba = alignment.align_proba(run, weak.detach().softmax(1))
        mask = (proba.amax(1) >= self.threshold).to(run.dtype)
        run.record("used", mask)
        decay = warmup_decay(state.steps, maximum=0.999) if state.steps else 0.0
        state.certain = torch.lerp(mask.mean(), state.certain, decay)
        certain = (mask * -(proba * strong.log_softmax(1)).sum(1)).mean()
        loss = supervised_loss(run, labeled, batch)
        if m > 1:
            # One row alone has no batch statistics for the auxiliary head.
            shrunk, weight = shrunk_cross_entropy(
                run.auxiliary_(z[n + m :]).to(run.dtype), proba, threshold=self.threshold
            )
            certain = certain + state.certain * (weight * shrunk).mean()
        return loss + self.unlabeled_weight * certain
