"""Per-label losses on the labels as given: the yardstick of multi-label methods."""

from numbers import Real

from sklearn.utils._param_validation import Interval, StrOptions

from skweak.base import WeakClassifier
from skweak.fit.side import CellWeights, LabelPairs
from skweak.fit.weighted import WeightedRows
from skweak.losses import asymmetric_loss, pairwise_label_loss


class MultiLabelClassifier(WeightedRows, WeakClassifier):
    """Network with one sigmoid per label, trained on the known entries as if every one were right.

    Use it as the baseline, as a teacher, or on complete and clean label sets. With few positives per row the focal and
    the asymmetric loss keep the many easy negatives from drowning them.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The network. With `skweak.nn.LabelwiseNetwork` it has an embedding of each label, as `L2DClassifier` wants it of
        a teacher.
    loss : {"bce", "focal", "asymmetric"}, default="bce"
        Binary cross-entropy; the same weighted by how wrong an entry is; or weighted more strongly for negatives than
        for positives.
    gamma : float >= 0, default=2.0
        Power of the weight in the focal loss; 0 is "bce", large values keep only entries that are predicted wrong.
    gamma_negative, gamma_positive : float >= 0, default=4.0, 1.0
        The same in the asymmetric loss, of negative and of positive entries.
    clip : float in [0, 1), default=0.05
        Negatives predicted with at most this probability cost nothing in the asymmetric loss. Larger values forgive
        negatives that are really missing labels.
    pair_weight : float >= 0, default=1.0
        Weight of the comparisons given to ``fit`` as ``pairs``, beside an entry; 0 does not learn from them.
    lr : float > 0, default=0.01
        Learning rate. The loss of a row is a sum over its labels: with hundreds of labels take a smaller one.
    **training
        Shared parameters; see `skweak.base.WeakClassifier`.

    Notes
    -----
    ``y`` is (n, L) of 0 and 1, and -1 where nothing is known; such entries have no loss. A one-dimensional ``y`` with
    two values is one label. Where ``sample_weight`` (n,) weighs rows, ``cell_weight`` (n, L) of ``fit`` weighs entries.

    References
    ----------
    Lin et al., arXiv:1708.02002 (focal); Ridnik et al., arXiv:2009.14119 (asymmetric).

    Examples
    --------
    >>> from sklearn.datasets import make_multilabel_classification
    >>> X, Y = make_multilabel_classification(n_samples=200, n_labels=2, random_state=0)
    >>> clf = MultiLabelClassifier(max_epochs=30, random_state=0).fit(X, Y)
    >>> clf.predict_proba(X).shape, bool(clf.score(X, Y) > 0.85)
    ((200, 5), True)
    """

    _label_kind = "multilabel"
    _supports_partial_fit = True
    _side_facts = {
        "cell_weight": CellWeights("weights of the entries of ``y``, 0 like an unknown entry"),
        "pairs": LabelPairs("comparisons of two labels, as `skweak.active.AURO` asks for them"),
    }
    _parameter_constraints = {
        "loss": [StrOptions({"bce", "focal", "asymmetric"})],
        "gamma": [Interval(Real, 0, None, closed="left")],
        "gamma_negative": [Interval(Real, 0, None, closed="left")],
        "gamma_positive": [Interval(Real, 0, None, closed="left")],
        "clip": [Interval(Real, 0, 1, closed="left")],
        "pair_weight": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self, module="auto", *, loss="bce", gamma=2.0, gamma_negative=4.0, gamma_positive=1.0, clip=0.05,
        pair_weight=1.0, lr=0.01, **training,
    ):  # fmt: skip
        super().__init__(module, lr=lr, **training)
        self.loss = loss
        self.gamma = gamma
        self.gamma_negative = gamma_negative
        self.gamma_positive = gamma_positive
        self.clip = clip
        self.pair_weight = pair_weight

    def _loss(self, run, batch):
        focus = {
            "bce": {"gamma_negative": 0, "gamma_positive": 0, "clip": 0},
            # Only here the weight itself is differentiated, as in the paper.
            "focal": {"gamma_negative": self.gamma, "gamma_positive": self.gamma, "clip": 0, "detach_focus": False},
            "asymmetric": {
                "gamma_negative": self.gamma_negative, "gamma_positive": self.gamma_positive, "clip": self.clip,
            },
        }[self.loss]  # fmt: skip
        weight, pairs = (run.facts.read(name, batch.index) for name in ("cell_weight", "pairs"))
        logits = run.module_(batch.X)
        loss = asymmetric_loss(logits, batch.y, mask=None if weight is None else weight.to(logits.dtype), **focus)
        return loss if pairs is None else loss + self.pair_weight * pairwise_label_loss(logits, pairs)
