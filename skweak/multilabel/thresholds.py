"""Thresholds that turn the scores of each label into 0 and 1."""

import math

import torch

from skweak.losses._checks import check_binary_target, check_interval, check_logits, check_option
from skweak.multilabel.priors import check_range, check_shares

N_THRESHOLDS = 100


def class_aware_pseudo_labels(proba, prior, *, positive_fraction=1.0, negative_fraction=1.0):
    """Pseudo-labels whose positives are as frequent, label by label, as the prior says.

    One threshold for all labels starves the rare ones. Here each label has its own: the highest scores become
    positive until their share equals the label's frequency.

    Parameters
    ----------
    proba : tensor of shape (n, n_labels)
        Scores of unlabelled rows. Only their order within a column matters.
    prior : tensor of shape (n_labels,)
        Expected share of positives of each label, in [0, 1].
    positive_fraction : float, default=1.0
        Share of the expected positives that are trusted, clipped to [0, 1]; smaller values keep the surest
        ones.
    negative_fraction : float, default=1.0
        Share of the expected negatives that are trusted, clipped to [0, 0.998].

    Returns
    -------
    labels : tensor of shape (n, n_labels)
        0/1 in the dtype of ``proba``. Ties at a threshold are all positive; a label whose count
        ``floor(n * prior)`` is 0 has no positive.
    mask : tensor of shape (n, n_labels)
        0/1 in the dtype of ``proba``: 1 where the pseudo-label is trusted.

    References
    ----------
    arXiv:2305.02795

    Examples
    --------
    >>> import torch
    >>> from skweak.multilabel import class_aware_pseudo_labels
    >>> proba = torch.tensor([[0.9], [0.6], [0.4], [0.1]])
    >>> labels, mask = class_aware_pseudo_labels(proba, torch.tensor([0.5]), negative_fraction=0.5)
    >>> labels.squeeze(1), mask.squeeze(1)
    (tensor([1., 1., 0., 0.]), tensor([1., 1., 0., 1.]))
    """
    check_logits(proba, "proba", min_columns=1)
    check_shares(prior, "prior")
    n_labels = proba.shape[1]
    if prior.shape[0] != n_labels:
        raise ValueError(f"prior has {prior.shape[0]} entries but proba {n_labels} columns; make them equal.")
    # A product in half precision would overflow from 65504 rows on.
    prior = prior.to(torch.promote_types(prior.dtype, torch.float32))
    check_interval(positive_fraction, "positive_fraction", -math.inf, math.inf)
    check_interval(negative_fraction, "negative_fraction", -math.inf, math.inf)
    positive_fraction = min(max(positive_fraction, 0.0), 1.0)
    negative_fraction = min(max(negative_fraction, 0.0), 0.998)
    ascending = proba.sort(dim=0).values
    labels = proba >= _lower_bound(ascending, prior)
    sure = proba >= _lower_bound(ascending, positive_fraction * prior)
    # Minus turns the smallest scores into the largest.
    sure |= -proba >= _lower_bound(-ascending.flip(0), negative_fraction * (1 - prior))
    return labels.to(proba.dtype), sure.to(proba.dtype)


def metric_adaptive_thresholds(proba, target, *, metric="fbeta", beta=0.5):
    """Threshold of each label that maximises a metric on labelled rows.

    Fits the decision to what a false positive and a false negative cost, and to scores that are not
    calibrated.

    Parameters
    ----------
    proba : tensor of shape (n, n_labels)
        Probabilities of the labelled rows, in [0, 1].
    target : tensor of shape (n, n_labels)
        0/1 truth of any dtype; entries of -1 (unknown) are left out.
    metric : {"precision", "recall", "f1", "fbeta"}, default="fbeta"
        What is maximised.
    beta : float, default=0.5
        Weight of recall against precision in "fbeta"; 0 is precision, 1 is "f1", large values approach
        recall.

    Returns
    -------
    thresholds : tensor of shape (n_labels,)
        The first of 0.00, 0.01, ..., 0.99 with the largest metric of ``proba >= threshold``. A label without
        known positives gets 1.01, so that it is never predicted.
    scores : tensor of shape (n_labels,)
        The metric at the threshold, 0 for a label without known positives.

    Notes
    -----
    ``F_beta = (1 + beta²) precision recall / (beta² precision + recall)``. A precision of 0/0 never wins.

    References
    ----------
    arXiv:2407.18624

    Examples
    --------
    >>> import torch
    >>> from skweak.multilabel import metric_adaptive_thresholds
    >>> proba = torch.tensor([[0.2], [0.4], [0.6]], dtype=torch.float64)
    >>> thresholds, scores = metric_adaptive_thresholds(proba, torch.tensor([[0], [1], [1]]), metric="f1")
    >>> thresholds.item(), scores.item()
    (0.21, 1.0)
    """
    check_logits(proba, "proba", min_columns=1)
    check_binary_target(target, proba)
    check_option(metric, "metric", ("precision", "recall", "f1", "fbeta"))
    check_interval(beta, "beta", 0, math.inf, include_high=False)
    check_range(proba, "proba")
    grid = torch.arange(N_THRESHOLDS, dtype=proba.dtype, device=proba.device) / N_THRESHOLDS
    # A row with level l is predicted positive at the first l thresholds, so one histogram serves all of them.
    n_labels = proba.shape[1]
    level = torch.bucketize(proba, grid, right=True)
    cell = level * n_labels + torch.arange(n_labels, device=proba.device)

    def predicted(selected):
        histogram = torch.bincount(cell[selected], minlength=(N_THRESHOLDS + 1) * n_labels)
        return histogram.view(-1, n_labels).flip(0).cumsum(0).flip(0)[1:].double()

    hits, false_alarms = predicted(target == 1), predicted(target == 0)
    n_positive = (target == 1).sum(dim=0).double()
    if metric == "recall":
        value = hits / n_positive
    else:
        # From counts, F_beta rounds once: thresholds that are equally good stay exactly equal.
        squared = {"precision": 0.0, "f1": 1.0, "fbeta": float(beta) ** 2}[metric]
        value = (1 + squared) * hits / (squared * n_positive + hits + false_alarms)
    value = value.nan_to_num(nan=0.0)
    # argmax returns the first of equal maxima, max makes no such promise.
    index = value.argmax(dim=0)
    best = value.gather(0, index.unsqueeze(0)).squeeze(0)
    return torch.where(n_positive > 0, grid[index], 1.01), best.to(proba.dtype)


def _lower_bound(ascending, share):
    """Smallest of the ``floor(n * share)`` largest scores of each column, infinity when there are none."""
    n = ascending.shape[0]
    # 0.29 * 100 is 28.999999999999996 in floating point and means 29.
    count = ((share * n).double() + 1e-9).floor().long()
    bound = ascending.gather(0, (n - count).clamp(max=n - 1).unsqueeze(0)).squeeze(0)
    return torch.where(count > 0, bound, torch.inf)
