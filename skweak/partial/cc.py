"""Classifier-consistent partial-label learning (arXiv:2007.08929)."""

from skweak.base import WeakClassifier
from skweak.fit.weighted import WeightedRows
from skweak.labels import disambiguation
from skweak.losses import candidate_posterior, classifier_consistent_loss


class CCClassifier(WeightedRows, WeakClassifier):
    """Network that has to put its probability inside the candidate set, and may share it there as it likes.

    The likelihood of the candidate sets when they are drawn evenly. It keeps nothing per row, so it alone of
    its family takes row weights and learns from a stream by ``partial_fit``.

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
        Final probability of each candidate given that one of them is true; rows sum to 1.
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
    >>> clf = CCClassifier(max_epochs=40, random_state=0).fit(X, candidates)
    >>> bool((clf.transduction_ == y).mean() > 0.9)
    True
    """

    _label_kind = "partial"
    _supports_partial_fit = True
    # What it reports follows from the candidates at the end of training.
    _changeable_facts = ("weight",)

    def __init__(self, module="auto", **training):
        super().__init__(module, **training)

    def _loss(self, run, batch):
        return classifier_consistent_loss(run.module_(batch.X), batch.y)

    def _finish(self, run):
        return disambiguation(candidate_posterior(run.outputs(run.module_), run.data.target))
