"""Two-branch learning: a head that trusts its labels, a head that excludes classes, and side branches."""

import math

import torch
import torch.nn.functional as F

from skweak.losses._checks import (
    check_class_target,
    check_interval,
    check_logits,
    check_same_shape,
    check_weight,
)
from skweak.losses.complementary import masked_complementary_loss
from skweak.losses.regularizers import balance_entropy

# Below this a corrected probability, or the mean prediction of a class, is taken for rounding noise.
_FLOOR = 1e-4


def positive_branch_loss(
    weak_logits,
    strong_logits,
    target,
    u,
    v,
    *,
    weight=None,
    noise_rate=0.1,
    residual_weight=50.0,
    balance_weight=0.1,
    consistency_weight=0.9,
    prior=None,
):
    """Loss of a head that learns from noisy labels and explains the wrong ones by parameters of each row.

    Every row owns parameters ``u`` and ``v``: the square of ``u`` raises the probability of the given label,
    that of ``v`` lowers the other classes, so that the network need not memorise a wrong label. They start
    near 0 and grow only on rows that stay unexplained.

    Parameters
    ----------
    weak_logits : Tensor of shape (n, C), floating point
        Unnormalised log-probabilities of a weakly augmented view.
    strong_logits : Tensor of shape (n, C), floating point, or None
        The same of a strongly augmented view; None only with ``consistency_weight=0``.
    target : Tensor of shape (n,), int64
        Noisy class of each row.
    u, v : Tensor of shape (n, C), floating point
        Parameters of these rows. Only the target's column of ``u`` and the other columns of ``v`` matter.
    weight : Tensor of shape (n,) or None, default None
        Non-negative trust in each label; scales the cross-entropy of the row. None is all ones.
    noise_rate : float, default 0.1
        Estimated share of wrong labels in [0, 1]; the residual is multiplied by its square.
    residual_weight : float, default 50.0
        Non-negative weight of the residual. The larger, the faster ``v`` follows the network's arg-max.
    balance_weight : float, default 0.1
        Non-negative weight of the class balance of the batch; large values force equal class shares.
    consistency_weight : float, default 0.9
        Non-negative weight of the agreement of the two views; 0 drops the strong view.
    prior : Tensor of shape (C,) or None, default None
        Share of each class that the balance aims at, summing to 1; None is equal shares, as in the paper.

    Returns
    -------
    Tensor, scalar
        Mean over the rows.

    Raises
    ------
    TypeError
        If logits, ``u`` or ``v`` are no floating point tensors or the target is no int64 tensor.
    ValueError
        If shapes disagree, the batch is empty, there are fewer than two classes, a target is outside
        ``0..C-1``, a weight is negative, the noise rate is outside [0, 1], or the strong view is missing.

    Notes
    -----
    Let ``Y`` be the one-hot target, ``U = clamp(u² Y, 0, 1 - 1e-4)``, ``V = clamp(v² (1 - Y), 0, 1 - 1e-4)``
    and ``q`` the corrected probabilities ``max(softmax(weak) + U - V, 1e-4)``, normalised. The loss is the
    sum of

    - cross-entropy: mean of ``-weight · log q[target]``,
    - residual: ``residual_weight · noise_rate²`` times the mean of ``‖onehot(argmax weak) + U - V - Y‖²``,
    - balance: ``-balance_weight · sum_c prior_c log mean_rows q_c``, the mean clamped to [1e-4, 1],
    - consistency: ``consistency_weight`` times the mean of ``KL(softmax(weak) ‖ softmax(strong))``.

    ``u`` learns from the cross-entropy and the balance, ``v`` from the residual, the network from all but the
    residual; in the consistency the weak view is a constant.

    References
    ----------
    arXiv:2209.01334, arXiv:2202.14026

    Examples
    --------
    >>> import torch
    >>> logits, target = torch.zeros(1, 2), torch.tensor([0])
    >>> nothing = torch.zeros(1, 2)
    >>> positive_branch_loss(logits, logits, target, nothing, nothing, balance_weight=0.0)
    tensor(0.6931)
    >>> positive_branch_loss(logits, logits, target, nothing + 0.7, nothing, balance_weight=0.0) < 0.6931
    tensor(True)
    """
    _check_branch(weak_logits, strong_logits, target, weight, balance_weight, consistency_weight)
    for value, name in ((u, "u"), (v, "v")):
        check_logits(value, name)
        check_same_shape(value, name, weak_logits, "weak_logits")
    check_interval(noise_rate, "noise_rate", 0, 1)
    check_interval(residual_weight, "residual_weight", 0, math.inf, include_high=False)

    column = target.unsqueeze(1)
    weak_log_proba = F.log_softmax(weak_logits, dim=1)
    raised = u.gather(1, column).to(weak_logits.dtype).square().clamp(max=1 - _FLOOR)
    lowered = v.to(weak_logits.dtype).square().clamp(max=1 - _FLOOR)

    # Detached: v must learn from the residual alone, or it would explain every label away.
    correction = lowered.detach().scatter(1, column, -raised)
    corrected = (weak_log_proba.exp() - correction).clamp(min=_FLOOR)
    corrected = (corrected / corrected.sum(dim=1, keepdim=True)).clamp(min=_FLOOR)
    loss = -_weighted_mean(corrected.gather(1, column).squeeze(1).log(), weight)

    # onehot + U - V - Y is onehot - V off the target and onehot - (1 - U) on it.
    guess = torch.zeros_like(lowered).scatter_(1, weak_logits.argmax(dim=1, keepdim=True), 1.0)
    explained = lowered.scatter(1, column, 1 - raised.detach())
    residual = F.mse_loss(explained, guess, reduction="sum")

    loss = loss.add(residual, alpha=residual_weight * noise_rate**2 / len(target))
    loss = loss.add(balance_entropy(corrected, _FLOOR, prior), alpha=balance_weight)
    return _add_consistency(loss, weak_log_proba, strong_logits, consistency_weight)


def negative_branch_loss(
    weak_logits,
    strong_logits,
    target,
    predicted,
    *,
    weight=None,
    balance_weight=0.1,
    consistency_weight=0.9,
    prior=None,
):
    """Loss of a head that learns which classes a row does not have.

    Every class but the given label and the head's own prediction is taken as complementary. A wrong label
    then does little harm, and the probability this head gives to the label tells clean from noisy rows.

    Parameters
    ----------
    weak_logits : Tensor of shape (n, C), floating point
        Unnormalised log-probabilities of a weakly augmented view.
    strong_logits : Tensor of shape (n, C), floating point, or None
        The same of a strongly augmented view; None only with ``consistency_weight=0``.
    target : Tensor of shape (n,), int64
        Noisy class of each row.
    predicted : Tensor of shape (n,), int64
        Arg-max of this head in a separate forward pass. With two classes a row whose prediction differs from
        its label has no complementary class left.
    weight : Tensor of shape (n,) or None, default None
        Non-negative trust in each label; scales the complementary loss of the row. None is all ones.
    balance_weight : float, default 0.1
        Non-negative weight of the class balance of the batch; large values force equal class shares.
    consistency_weight : float, default 0.9
        Non-negative weight of the agreement of the two views; 0 drops the strong view.
    prior : Tensor of shape (C,) or None, default None
        Share of each class that the balance aims at, summing to 1; None is equal shares, as in the paper.

    Returns
    -------
    Tensor, scalar
        Mean over the rows.

    Raises
    ------
    TypeError
        If logits are no floating point tensors or a class vector is no int64 tensor.
    ValueError
        If shapes disagree, the batch is empty, there are fewer than two classes, a class is outside
        ``0..C-1``, a weight is negative, or the strong view is missing.

    Notes
    -----
    With ``p = softmax(weak)`` the sum of

    - the mean of ``-weight · sum_c log clamp(1 - p_c, 1e-5, 1)`` over the complementary classes ``c``,
    - ``-balance_weight · sum_c prior_c log mean_rows p_c``, the mean clamped to [1e-4, 1],
    - ``consistency_weight`` times the mean of ``KL(p ‖ softmax(strong))``, ``p`` detached.

    References
    ----------
    arXiv:2209.01334

    Examples
    --------
    >>> import torch
    >>> logits, target = torch.zeros(1, 4), torch.tensor([0])
    >>> negative_branch_loss(logits, logits, target, torch.tensor([1]), balance_weight=0.0)
    tensor(0.5754)
    >>> negative_branch_loss(logits, logits, target, target, balance_weight=0.0)
    tensor(0.8630)
    """
    _check_branch(weak_logits, strong_logits, target, weight, balance_weight, consistency_weight)
    check_class_target(predicted, *weak_logits.shape, "predicted")

    weak_log_proba = F.log_softmax(weak_logits, dim=1)
    proba = weak_log_proba.exp()
    possible = torch.stack((target, predicted), dim=1)
    complement = torch.ones_like(proba).scatter_(1, possible, 0.0)
    loss = _weighted_mean(masked_complementary_loss(proba, complement, floor=1e-5), weight)
    loss = loss.add(balance_entropy(proba, _FLOOR, prior), alpha=balance_weight)
    return _add_consistency(loss, weak_log_proba, strong_logits, consistency_weight)


def feature_imitation_loss(features, target_features):
    """Squared distance to a deeper branch's features, where either side is active.

    Side branches of a network learn faster when their features follow those of the final layer. Pairs in
    which both features are negative would be cut off by a ReLU and are left alone.

    Parameters
    ----------
    features : Tensor of shape (n, d), floating point
        Features of the side branch.
    target_features : Tensor of shape (n, d), floating point
        Features to imitate; detached.

    Returns
    -------
    Tensor of shape (n,)
        Sum over the features of each row, non-negative.

    Raises
    ------
    TypeError
        If an argument is no floating point tensor.
    ValueError
        If the shapes differ, are not two-dimensional, or the batch is empty.

    References
    ----------
    arXiv:2209.01334

    Examples
    --------
    >>> import torch
    >>> feature_imitation_loss(torch.tensor([[2.0, -1.0, -1.0]]), torch.tensor([[0.0, 1.0, -5.0]]))
    tensor([8.])
    """
    check_logits(features, "features", min_columns=1)
    check_logits(target_features, "target_features", min_columns=1)
    check_same_shape(target_features, "target_features", features, "features")
    target_features = target_features.detach().to(features.dtype)
    inactive = torch.maximum(features.detach(), target_features) <= 0
    return (features - target_features).square().masked_fill(inactive, 0.0).sum(dim=1)


def _check_branch(weak_logits, strong_logits, target, weight, balance_weight, consistency_weight):
    check_logits(weak_logits, "weak_logits")
    check_class_target(target, *weak_logits.shape)
    check_weight(weight, len(weak_logits))
    check_interval(balance_weight, "balance_weight", 0, math.inf, include_high=False)
    check_interval(consistency_weight, "consistency_weight", 0, math.inf, include_high=False)
    if strong_logits is not None:
        check_logits(strong_logits, "strong_logits")
        check_same_shape(strong_logits, "strong_logits", weak_logits, "weak_logits")
    elif consistency_weight != 0:
        raise ValueError(
            f"strong_logits is None with consistency_weight={consistency_weight!r}; give the logits of a "
            "second view or set consistency_weight=0."
        )


def _weighted_mean(values, weight):
    return values.mean() if weight is None else (values * weight.to(values.dtype)).mean()


def _add_consistency(loss, weak_log_proba, strong_logits, consistency_weight):
    # distillation_kl at temperature 1, without computing the weak view's log-softmax a second time.
    if strong_logits is None:
        return loss
    strong_log_proba = F.log_softmax(strong_logits, dim=1)
    divergence = F.kl_div(strong_log_proba, weak_log_proba.detach(), reduction="batchmean", log_target=True)
    return loss.add(divergence, alpha=consistency_weight)
