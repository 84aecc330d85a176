"""Progressive identification of the true label (arXiv:2002.08053)."""

from skweak.base import WeakClassifier
from skweak.labels import disambiguation
from skweak.losses import candidate_posterior, risk_consistent_loss
from skweak.partial.confidence import start_confidence


class PRODENClassifier(WeakClassifier):
    """Network that shares each row's weight among its candidates as it believes in them.

    All candidates start equal. Every visit of a row trains on its weights and then sets them to what the
    network predicted, so that easy rows settle first and help with the harder ones. The method to try first:
    one network, the cost of plain training, no parameter of its own.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The network.
    **training
        Shared parameters; see `skweak.base.WeakClassifier`. ``y`` is a 0/1 matrix (n, C), ``classes`` names
        its columns.

    Attributes
    ----------
    candidate_weights_ : ndarray of shape (n, C)
        The last weight of each candidate; rows sum to 1.
    label_quality_ : ndarray of shape (n,)
        The weight of the label settled on; low means undecided.
    transduction_ : ndarray of shape (n,)
        The label settled on: the candidate of the largest weight.

    References
    ----------
    Lv et al., arXiv:2002.08053.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skweak.datasets import make_uniform_candidates
    >>> X, y = load_iris(return_X_y=True)
    >>> candidates = make_uniform_candidates(y, rate=0.4, random_state=0)
    >>> clf = PRODENClassifier(max_epochs=40, random_state=0).fit(X, candidates)
    >>> bool((clf.transduction_ == y).mean() > 0.9)
    True
    """

    _label_kind = "partial"

    def __init__(self, module="auto", **training):
        super().__init__(module, **training)

    def _start(self, run):
        start_confidence(run)

    def _loss(self, run, batch):
        logits, confidence = run.module_(batch.X).to(run.dtype), run.state.confidence
        losses = risk_consistent_loss(logits, confidence.index_select(0, batch.index))
        confidence.index_copy_(0, batch.index, candidate_posterior(logits, batch.y))
        return losses

    def _finish(self, run):
        return disambiguation(run.state.confidence)
