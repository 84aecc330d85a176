"""What probabilities say about encoded labels: tensor functions that several kinds share."""

import torch


def log_of(proba):
    """Return the logarithm; of 0 a large finite number, whose gradient is 0."""
    return proba.clamp_min(torch.finfo(proba.dtype).tiny).log()


def given_class_losses(proba, target, weight=None):
    """Return the mean ``-log proba`` of the classes in ``target`` (n, K); codes without a column say nothing."""
    judged = (target >= 0) & (target < proba.shape[1])
    return mean_loss(log_of(proba).gather(1, target.clamp(0, proba.shape[1] - 1)), judged, weight)


def mean_loss(log_proba, judged, weight=None):
    """Return minus the mean of log-probabilities over the entries that can be judged, 0 where there are none.

    ``weight`` (as ``judged``, not negative) makes it a weighted mean.
    """
    counted = judged if weight is None else judged * weight
    total = counted.sum()
    return -(log_proba * counted).sum() / total.where(total > 0, torch.ones_like(total))


def judge_given(proba, target):
    """Return the attributes of rows whose label stays as given; of one class per row with its probability."""
    judged = {"transduction_": as_array(target)}
    if target.dim() == 1:
        is_class = (target >= 0) & (target < proba.shape[1])
        given = proba.gather(1, target.clamp(0, proba.shape[1] - 1)[:, None])[:, 0]
        judged["label_quality_"] = as_array(given.masked_fill(~is_class, float("nan")))
    return judged


def judge_most_probable(proba):
    """Return the attributes of rows that settle on their most probable class."""
    quality, codes = proba.max(1)
    return {"label_quality_": as_array(quality), "transduction_": as_array(codes)}


def disambiguation(belief):
    """Return the fitted attributes that follow from a belief (n, C), rows of sum 1 over the candidates."""
    return {"candidate_weights_": as_array(belief)} | judge_most_probable(belief)


def as_array(values):
    """Return a copy as an array: on the CPU it would share the memory of what a warm start goes on changing."""
    values = values.float() if values.is_floating_point() else values
    return values.cpu().numpy().copy()
