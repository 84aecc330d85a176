"""Backward loss correction by a label transition matrix (arXiv:1609.03683)."""

from numbers import Real

import numpy as np
import torch
from sklearn.utils._param_validation import Interval

from skweak.losses import backward_corrected_cross_entropy
from skweak.noisy.forward_correction import ForwardCorrectionClassifier

# Condition number of a matrix that is inverted: largest of an estimate, and of one that is given.
_STEADY, _LARGEST = 20, 1e8


class BackwardCorrectionClassifier(ForwardCorrectionClassifier):
    """Network whose losses are combined so that the label noise cancels out in their mean.

    The counterpart of `ForwardCorrectionClassifier`, with the same matrix, given or estimated in the same way. Its loss
    is right for any network in the mean, but a single row may have a negative one, which a large network drives as low
    as it can. Prefer the forward correction unless rows are many and the network small.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The network.
    transition_matrix : array-like of shape (C, C) or None, default=None
        Probability of observing label j (column) on a row of class i; rows sum to 1, and it has an inverse. None
        estimates it.
    floor : float in (0, 1], default=0.1
        Probability below which a class has no pull on a row any more, so that no loss falls without end; the paper's
        authors have 1e-7. Larger values remember less.
    warmup_epochs : "auto" or int >= 0, default="auto"
        Epochs of plain cross-entropy before the estimate; "auto" is a sixth of them, on small tables up to a half. Too
        many and the network remembers the noise. Not used with a given matrix.
    anchor_quantile : float in (0, 1], default=0.97
        Rank of the anchor point of a class among its probabilities; 1 is the largest, less is more robust.
    lr : float > 0, default=0.01
        Learning rate.
    **training
        Shared parameters; see `skweak.base.WeakClassifier`.

    Attributes
    ----------
    transition_matrix_ : ndarray of shape (C, C)
    label_quality_ : ndarray of shape (n,)
        Probability that the given label is the true one, given label and inputs.

    Notes
    -----
    An estimate that has no inverse to speak of is drawn towards the identity until its condition number is 20.

    References
    ----------
    Patrini et al., arXiv:1609.03683; Hendrycks et al., arXiv:1802.05300, for the estimate from verified rows.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> noise = [[0.8, 0.2, 0.0], [0.0, 0.8, 0.2], [0.2, 0.0, 0.8]]
    >>> clf = BackwardCorrectionClassifier(transition_matrix=noise, max_epochs=30, random_state=0).fit(X, y)
    >>> clf.label_quality_.shape
    (150,)
    """

    _parameter_constraints = {"floor": [Interval(Real, 0, 1, closed="right")]}

    def __init__(
        self, module="auto", *, transition_matrix=None, floor=0.1, warmup_epochs="auto", anchor_quantile=0.97,
        lr=0.01, **training,
    ):  # fmt: skip
        super().__init__(
            module, transition_matrix=transition_matrix, warmup_epochs=warmup_epochs, anchor_quantile=anchor_quantile,
            lr=lr, **training,
        )  # fmt: skip
        self.floor = floor

    def _check_labels(self, labels, trusted):
        super()._check_labels(labels, trusted)
        if self.transition_matrix is not None:
            condition = np.linalg.cond(np.asarray(self.transition_matrix, dtype=float))
            if not condition <= _LARGEST:
                raise ValueError(
                    f"transition_matrix has the condition number {condition:.3g}, accepted are at most {_LARGEST:.0e}: "
                    "two classes get nearly the same labels; merge them or use ForwardCorrectionClassifier."
                )

    def _usable(self, estimate):
        identity = torch.eye(len(estimate), dtype=estimate.dtype, device=estimate.device)
        drawn = (torch.lerp(estimate, identity, share) for share in np.linspace(0, 1, 21).tolist())
        return next(matrix for matrix in drawn if torch.linalg.cond(matrix.double()) <= _STEADY)

    def _corrected(self, logits, target, transition):
        return backward_corrected_cross_entropy(logits, target, transition, floor=self.floor)
