"""Risk-consistent partial-label learning (arXiv:2007.08929)."""

from skweak.base import WeakClassifier
from skweak.labels import disambiguation
from skweak.losses import candidate_posterior, risk_consistent_loss
from skweak.partial.confidence import start_confidence


class RCClassifier(WeakClassifier):
    """Network trained on an estimate of its risk on the true labels, made from the candidates.

    If candidate sets are drawn evenly, weights equal to the probabilities among the candidates make the loss
    an unbiased estimate. They are taken after each step by a second forward pass, where `PRODENClassifier`
    reuses the first: a little slower, weights one step fresher, results much alike.

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
    Feng et al., arXiv:2007.08929.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skweak.datasets import make_uniform_candidates
    >>> X, y = load_iris(return_X_y=True)
    >>> candidates = make_uniform_candidates(y, rate=0.4, random_state=0)
    >>> clf = RCClassifier(max_epochs=40, random_state=0).fit(X, candidates)
    >>> bool((clf.transduction_ == y).mean() > 0.9)
    True
    """

    _label_kind = "partial"

    def __init__(self, module="auto", **training):
        super().__init__(module, **training)

    def _start(self, run):
        start_confidence(run)

    def _loss(self, run, batch):
        return risk_consistent_loss(run.module_(batch.X), run.state.confidence.index_select(0, batch.index))

    def _train_step(self, run, batch):
        loss = super()._train_step(run, batch)
        logits = run.outputs(run.module_, batch.index)
        run.state.confidence.index_copy_(0, batch.index, candidate_posterior(logits, batch.y))
        return loss

    def _finish(self, run):
        return disambiguation(run.state.confidence)
