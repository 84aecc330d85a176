"""How much room embeddings take: the rate of a code for them, and what classes save of it (arXiv:2006.08558)."""

import torch
from torch.nn import functional as F

from skweak.losses._checks import check_class_target, check_interval, check_logits


def coding_rate(Z, eps=0.5):
    """Rate of a code for embeddings: half the logarithm of the volume that they span.

    Parameters
    ----------
    Z : Tensor of shape (m, p), floating point
        Embeddings, usually of length 1.
    eps : float > 0, default=0.5
        Precision of the code. Small values count thin directions too; large ones bring the rate to 0.

    Returns
    -------
    Tensor of shape ()
        At least 0; 0 only where all embeddings are. Rotating the embeddings changes nothing.

    Raises
    ------
    TypeError
        If ``Z`` is no floating point tensor.
    ValueError
        If ``Z`` is no matrix with a row, or ``eps`` is out of range.

    Notes
    -----
    ``1/2 logdet(I + p / (m eps) Z^T Z)``, computed in double precision.

    References
    ----------
    arXiv:2006.08558, arXiv:2312.08852

    Examples
    --------
    >>> import torch
    >>> coding_rate(torch.eye(2), eps=1.0)  # I + I, whose determinant is 4
    tensor(0.6931)
    >>> coding_rate(torch.tensor([[1.0, 0.0], [1.0, 0.0]]), eps=1.0)  # one direction only: 3
    tensor(0.5493)
    """
    check_logits(Z, "Z", min_columns=1)
    check_interval(eps, "eps", 0, float("inf"), include_low=False, include_high=False)
    return half_logdet(Z.double().T @ Z.double() * (Z.shape[1] / (len(Z) * eps))).to(Z.dtype)


def coding_rate_reduction(Z, target, n_classes, *, eps=0.05, gamma1=1.0, gamma2=2.0):
    """Loss that is low where classes lie in thin subspaces which together take much room.

    Parameters
    ----------
    Z : Tensor of shape (m, p), floating point
        Embeddings of length 1; of other lengths, the loss falls as they grow.
    target : Tensor of int64 of shape (m,)
        Class of each row.
    n_classes : int >= 1
        A class without rows counts as 0.
    eps : float > 0, default=0.05
        Precision of the code, as in `coding_rate`.
    gamma1 : float > 0, default=1.0
        Weight of the rates within the classes; it multiplies the whole covariance as well. More draws rows of a class
        together.
    gamma2 : float >= 0, default=2.0
        Weight of the rate of all rows. More pushes classes apart.

    Returns
    -------
    Tensor of shape ()
        ``gamma1 * R_within - gamma2 * R``.

    Raises
    ------
    TypeError, ValueError
        If a shape, a type, a class or a number is out of range.

    Notes
    -----
    ``R = 1/2 logdet(I + gamma1 p / (m eps) Z^T Z)`` and
    ``R_within = sum_c m_c / m 1/2 logdet(I + p / (m_c eps) Z_c^T Z_c)``. Time grows with ``n_classes p^2 (m + p)``; a
    batch should hold four rows of each class or more.

    References
    ----------
    arXiv:2006.08558, arXiv:2312.08852

    Examples
    --------
    >>> import torch
    >>> Z = torch.eye(2)
    >>> coding_rate_reduction(Z, torch.tensor([0, 1]), 2, eps=1.0, gamma2=1.0)  # (log 3 - log 4) / 2
    tensor(-0.1438)
    >>> coding_rate_reduction(Z, torch.tensor([0, 0]), 2, eps=1.0, gamma2=1.0)
    tensor(0.)
    """
    check_logits(Z, "Z", min_columns=1)
    check_class_target(target, len(Z), n_classes)
    for name, value, included in (("eps", eps, False), ("gamma1", gamma1, False), ("gamma2", gamma2, True)):
        check_interval(value, name, 0, float("inf"), include_low=included, include_high=False)
    return rate_reduction(Z, target, n_classes, eps, gamma1, gamma2).to(Z.dtype)


def rate_reduction(Z, target, n_classes, eps, gamma1, gamma2):
    """Return `coding_rate_reduction` in double precision, without checks, which would look at every batch."""
    Z, (m, p) = Z.double(), Z.shape
    whole = half_logdet(Z.T @ Z * (gamma1 * p / (m * eps)))
    member = F.one_hot(target, n_classes).to(Z.dtype)
    sizes = member.sum(0)
    # Class by class: one product of all would hold the rows once per class.
    grams = torch.stack([(Z * column[:, None]).T @ Z for column in member.T])
    within = half_logdet(grams * (p / (sizes.clamp_min(1) * eps))[:, None, None])
    return gamma1 * (sizes / m * within).sum() - gamma2 * whole


def half_logdet(gram):
    """Return half the logarithm of the determinant of I + ``gram`` (..., p, p), positive semidefinite."""
    eye = torch.eye(gram.shape[-1], dtype=gram.dtype, device=gram.device)
    # Without the check, which would stop a device; what is not finite stays so.
    factor = torch.linalg.cholesky_ex(eye + gram)[0]
    return factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)
