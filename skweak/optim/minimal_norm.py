"""The smallest weights with given outputs."""

import math

import torch

from skweak.losses._checks import check_interval, check_logits


def minimal_norm_weights(inputs, weight=None, *, outputs=None, ridge=0.0, rcond=None):
    """Weights of least Frobenius norm that give a linear layer the same outputs.

    With fewer independent rows than features many weights agree on all rows; the smallest of them bounds the
    sharpness of the loss best. With as many independent rows as features only the given weights are left.

    Parameters
    ----------
    inputs : tensor of shape (n, d)
        Inputs of the layer, one row per example.
    weight : tensor of shape (d, c), optional
        Present weights, the transpose of ``torch.nn.Linear.weight``.
    outputs : tensor of shape (n, c), optional
        Wanted outputs without bias, in place of ``weight``. Where no weights reach them, the result is the
        smallest among the least-squares solutions.
    ridge : float, default=0.0
        Weight of the squared norm against the squared change of the outputs. 0 keeps the outputs; larger
        values shrink the result further and let the outputs drift towards 0.
    rcond : float, optional
        Singular values of ``inputs`` up to ``rcond`` times the largest count as 0; a larger value gives a
        lower rank and smaller weights. By default ``max(n, d)`` times 2.2e-16 for float64 inputs and 1.2e-7
        for others. Not used when ``ridge`` is positive.

    Returns
    -------
    tensor of shape (d, c)
        Computed in float64, in the dtype of ``inputs``. Inputs that are all 0 give zeros.

    Notes
    -----
    With ``inputs = U diag(s) Vᵀ`` cut to its rank, the result is the projection ``V Vᵀ weight`` on the row
    space, which divides by no singular value, or ``V diag(1/s) Uᵀ outputs``. With ``ridge`` the factors of
    the columns of V are ``s² / (s² + ridge)`` and ``s / (s² + ridge)``.

    References
    ----------
    arXiv:2405.14111

    Examples
    --------
    >>> import torch
    >>> from skweak.optim import minimal_norm_weights
    >>> inputs = torch.tensor([[1.0, 0.0]])
    >>> weight = torch.tensor([[2.0], [5.0]])
    >>> minimal_norm_weights(inputs, weight)
    tensor([[2.],
            [0.]])
    >>> minimal_norm_weights(inputs, outputs=torch.tensor([[4.0]]))
    tensor([[4.],
            [0.]])
    """
    check_logits(inputs, "inputs", min_columns=1)
    if (weight is None) == (outputs is None):
        received = "neither" if weight is None else "both"
        raise ValueError(f"give exactly one of weight and outputs, got {received}.")
    n, d = inputs.shape
    name, given, n_rows = ("outputs", outputs, n) if weight is None else ("weight", weight, d)
    check_logits(given, name, min_columns=1)
    if given.shape[0] != n_rows:
        axis = "rows" if weight is None else "columns"
        raise ValueError(f"{name} has {given.shape[0]} rows but inputs has {n_rows} {axis}; they must agree.")
    check_interval(ridge, "ridge", 0, math.inf, include_high=False)
    if rcond is None:
        rcond = min(max(n, d) * (2.2e-16 if inputs.dtype == torch.float64 else 1.2e-7), 0.5)
    check_interval(rcond, "rcond", 0, 1, include_high=False)
    for value, label in ((inputs, "inputs"), (given, name)):
        if not value.isfinite().all():
            raise ValueError(f"{label} contains NaN or infinity; give finite numbers only.")
    left, singular, right = torch.linalg.svd(inputs.double(), full_matrices=False)
    if ridge > 0:
        inverse = singular / (singular.square() + ridge)
        share = inverse * singular
    else:
        kept = singular > rcond * singular[0]
        inverse = torch.where(kept, 1 / torch.where(kept, singular, 1.0), 0.0)
        # Exactly 1 or 0, where the product of inverse and singular would round.
        share = kept.double()
    if weight is None:
        coordinates = inverse.unsqueeze(1) * (left.T @ outputs.double())
    else:
        coordinates = share.unsqueeze(1) * (right @ weight.double())
    return (right.T @ coordinates).to(inputs.dtype)
