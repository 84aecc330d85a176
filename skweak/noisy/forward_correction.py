"""Forward loss correction by a label transition matrix (arXiv:1609.03683)."""

from numbers import Integral, Real

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch.nn import functional as F

from skweak.base import WeakClassifier
from skweak.fit import refuse_facts
from skweak.losses import forward_corrected_cross_entropy
from skweak.utils import warmup_length


class ForwardCorrectionClassifier(WeakClassifier):
    """Network whose class probabilities are passed through the label noise before they meet the labels.

    Right when labels are flipped with probabilities that depend on the true class only. The matrix of these
    probabilities is given, or estimated after a warm-up: from the verified rows where there are any
    (arXiv:1802.05300), else from the rows that look most typical of each class (anchor points).

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The network.
    transition_matrix : array-like of shape (C, C) or None, default=None
        Probability of observing label j (column) on a row of class i; rows sum to 1. None estimates it.
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
    Departure from the paper: the corrected training continues the network of the warm-up instead of starting anew.

    References
    ----------
    Patrini et al., arXiv:1609.03683; Hendrycks et al., arXiv:1802.05300.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> noise = [[0.8, 0.2, 0.0], [0.0, 0.8, 0.2], [0.2, 0.0, 0.8]]
    >>> clf = ForwardCorrectionClassifier(transition_matrix=noise, max_epochs=30, random_state=0).fit(X, y)
    >>> clf.label_quality_.shape
    (150,)
    """

    _parameter_constraints = {
        "transition_matrix": [None, "array-like"],
        "warmup_epochs": [Interval(Integral, 0, None, closed="left"), StrOptions({"auto"})],
        "anchor_quantile": [Interval(Real, 0, 1, closed="right")],
    }

    def __init__(
        self, module="auto", *, transition_matrix=None, warmup_epochs="auto", anchor_quantile=0.97,
        lr=0.01, **training,
    ):  # fmt: skip
        super().__init__(module, lr=lr, **training)
        self.transition_matrix = transition_matrix
        self.warmup_epochs = warmup_epochs
        self.anchor_quantile = anchor_quantile

    def fit(self, X, y, trusted=None, **facts):
        """Train on ``X`` and ``y``; ``trusted`` (n,) marks rows whose label was verified."""
        return self._fit(X, y, trusted=trusted, **refuse_facts(self, facts))

    def _check_labels(self, labels, trusted):
        if self.transition_matrix is not None:
            check_transition_matrix(self.transition_matrix, labels)
        elif self.warmup_epochs != "auto" and self.warmup_epochs >= self.max_epochs:
            raise ValueError(
                f"warmup_epochs={self.warmup_epochs} must be smaller than max_epochs={self.max_epochs}, or the "
                "correction never starts; lower it or give transition_matrix."
            )

    def _start(self, run):
        known = self.transition_matrix is not None
        run.state.transition = None
        run.state.warmup = warmup_length(self.warmup_epochs, run)
        if known:
            run.state.transition = torch.as_tensor(np.asarray(self.transition_matrix), dtype=run.dtype).to(run.device)

    def _start_epoch(self, run):
        if run.state.transition is None and run.epoch >= run.state.warmup:
            # Saturated probabilities must not make a label that was given impossible.
            proba = run.outputs(run.module_).softmax(1).clamp_min(torch.finfo(run.dtype).eps)
            estimate = estimate_transition(
                proba, run.data.target, trusted=run.data.trusted, quantile=self.anchor_quantile
            )
            run.state.transition = self._usable(estimate)

    def _loss(self, run, batch):
        logits = run.module_(batch.X)
        if run.state.transition is None:
            return F.cross_entropy(logits, batch.y, reduction="none")
        losses = self._corrected(logits, batch.y, run.state.transition)
        if run.data.trusted is not None:
            verified = run.data.trusted.index_select(0, batch.index)
            losses = torch.where(verified, F.cross_entropy(logits, batch.y, reduction="none"), losses)
        return losses

    def _usable(self, estimate):
        return estimate

    def _corrected(self, logits, target, transition):
        return forward_corrected_cross_entropy(logits, target, transition)

    def _finish(self, run):
        transition, target = run.state.transition, run.data.target
        proba = run.outputs(run.module_).softmax(1)
        given = target[:, None]
        observed = (proba @ transition).gather(1, given)
        quality = proba.gather(1, given) * transition.diagonal()[given] / observed.clamp_min(1e-12)
        return {
            "transition_matrix_": transition.double().cpu().numpy(),
            "label_quality_": quality[:, 0].clamp(0, 1).float().cpu().numpy(),
        }

    @classmethod
    def _test_params(cls):
        return super()._test_params() | {"warmup_epochs": 5}


def check_transition_matrix(matrix, labels):
    """Raise unless ``matrix`` is (C, C) with rows that are probabilities and can give rise to the ``labels``."""
    matrix, n_classes = np.asarray(matrix, dtype=float), len(labels.classes)
    if matrix.shape != (n_classes, n_classes):
        raise ValueError(
            f"transition_matrix has shape {matrix.shape}, but y has {n_classes} classes; give one of shape "
            f"({n_classes}, {n_classes}), row i for true class i."
        )
    if not np.isfinite(matrix).all() or (matrix < 0).any() or np.abs(matrix.sum(1) - 1).max() > 1e-6:
        raise ValueError("transition_matrix must hold probabilities whose rows sum to 1; divide each row by its sum.")
    impossible = labels.target[~matrix.any(axis=0)[labels.target]]
    if len(impossible):
        raise ValueError(
            f"transition_matrix gives the label {labels.classes.tolist()[impossible[0]]!r} to no class, but y holds "
            f"it; give column {impossible[0]} some mass or drop these rows."
        )


def estimate_transition(proba, target, *, trusted=None, quantile=0.97):
    """Estimate the transition matrix from noisy class probabilities.

    Parameters
    ----------
    proba : tensor of shape (n, C)
        Probabilities of the *observed* label, from a network trained on noisy labels.
    target : tensor of int64 of shape (n,)
        Given labels; read only where ``trusted``.
    trusted : tensor of bool of shape (n,) or None
        Rows whose label is verified: row i of the matrix is their mean probability in class i.
    quantile : float in (0, 1]
        Without verified rows of a class: rank of its anchor point among the probabilities of that class.

    Returns
    -------
    tensor of shape (C, C)
        Rows sum to 1.
    """
    n_rows, n_classes = proba.shape
    place = min(n_rows - 1, int(quantile * n_rows))
    anchors = proba.argsort(dim=0)[place]
    rows = proba[anchors].clone()
    if trusted is not None:
        for c in target[trusted].unique():
            rows[c] = proba[trusted & (target == c)].mean(0)
    return rows / rows.sum(1, keepdim=True)
