"""Leveraged weighted loss (arXiv:2106.05731)."""

from numbers import Real

from sklearn.utils._param_validation import Interval, StrOptions

from skweak.base import WeakClassifier
from skweak.labels import disambiguation
from skweak.losses import leveraged_weighted_loss, leveraged_weights
from skweak.partial import presets
from skweak.partial.confidence import start_confidence


class LWSClassifier(WeakClassifier):
    """Network that is told what the true label may be and, with a weight of its own, what it cannot be.

    Candidates and other classes are weighted apart, each by what the network believed at the row's last
    visit: the likely candidate is pulled up, the class it would wrongly prefer is pushed down.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The network.
    beta : float >= 0, default=1.0
        Weight of the classes that are no candidates; 0 ignores them, 1 or 2 is usual, large values only
        exclude.
    surrogate : {"sigmoid", "cross_entropy"}, default="cross_entropy"
        Loss of one class. "sigmoid" is bounded, hence robust to sets that miss the true label, but slow, and
        it ends up with one class for all rows where that class is a candidate of most; "cross_entropy" does
        neither.
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
    Wen et al., arXiv:2106.05731.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skweak.datasets import make_uniform_candidates
    >>> X, y = load_iris(return_X_y=True)
    >>> candidates = make_uniform_candidates(y, rate=0.4, random_state=0)
    >>> clf = LWSClassifier(max_epochs=40, random_state=0).fit(X, candidates)
    >>> bool((clf.transduction_ == y).mean() > 0.9)
    True
    """

    _label_kind = "partial"
    _presets = presets.LWS
    _parameter_constraints = {
        "beta": [Interval(Real, 0, None, closed="left")],
        "surrogate": [StrOptions({"sigmoid", "cross_entropy"})],
    }

    def __init__(self, module="auto", *, beta=1.0, surrogate="cross_entropy", **training):
        super().__init__(module, **training)
        self.beta = beta
        self.surrogate = surrogate

    def _start(self, run):
        start_confidence(run)
        if "rejection" not in vars(run.state):
            others = 1 - run.data.target.to(run.dtype)
            run.state.rejection = others / others.sum(1, keepdim=True).clamp_min(1)

    def _loss(self, run, batch):
        logits, state = run.module_(batch.X).to(run.dtype), run.state
        weight = state.confidence.index_select(0, batch.index) + state.rejection.index_select(0, batch.index)
        losses = leveraged_weighted_loss(logits, batch.y, weight, beta=self.beta, surrogate=self.surrogate)
        weight = leveraged_weights(logits, batch.y)
        inside = batch.y.to(run.dtype)
        state.confidence.index_copy_(0, batch.index, weight * inside)
        state.rejection.index_copy_(0, batch.index, weight * (1 - inside))
        return losses

    def _finish(self, run):
        return disambiguation(run.state.confidence)
