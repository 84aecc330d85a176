"""Co-divide, the frame that DivideMix and DPC share: each network trains on the split that the other one made."""

from typing import NamedTuple

import torch

from skweak.engine import Batch, PairedBatches
from skweak.engine.mixing import draw_mixing
from skweak.losses import sharpen


class CoBatch(NamedTuple):
    """A step of one network: its name, rows it takes as labelled and rows it takes as unlabelled (or None)."""

    name: str
    labeled: Batch
    unlabeled: Batch | None


class CoDivideBatches:
    """An epoch of the first network, then one of the second, each on its own split.

    Parameters
    ----------
    run : Trainer
        With networks ``module_`` and ``peer_``.
    batches : TensorBatches
        Batches of the whole training set.
    splits : dict of str to tensor of bool (n,)
        For each network the rows it takes as labelled.
    drop_last : bool
        Leave out short labelled batches.
    """

    def __init__(self, run, batches, splits, *, drop_last):
        self.run, self.pairs = run, {}
        size = max(1, batches.batch_size // 2)
        for name, is_labeled in splits.items():
            labeled, unlabeled = (
                batches.restrict(mask.nonzero()[:, 0], batch_size=size, drop_last=drop)
                for mask, drop in ((is_labeled, drop_last), (~is_labeled, True))
            )
            self.pairs[name] = PairedBatches(labeled, unlabeled)

    def __len__(self):
        return sum(map(len, self.pairs.values()))

    def __iter__(self):
        for name, pairs in self.pairs.items():
            network, other = networks_of(self.run, name)
            network.train()
            other.eval()
            for labeled, unlabeled in pairs:
                yield CoBatch(name, labeled, unlabeled)


def networks_of(run, name):
    """Return the network ``name`` and the other one."""
    return (run.module_, run.peer_) if name == "module" else (run.peer_, run.module_)


def split_rows(clean_proba, threshold, ranking, trusted, given=None, belief=None):
    """Return the rows taken as labelled: posterior above ``threshold``, or verified.

    When none is left, the better half of ``ranking`` (larger is cleaner) stands in, so that training can go on. A
    mixture always calls some rows wrong, those of rare and of hard classes first. So with the class ``given`` to each
    row, the rows in whose label the network has a ``belief`` above one half stay, and of every class the better rows,
    half of the share that stays of all.
    """
    is_labeled = clean_proba > threshold
    if not is_labeled.any():
        is_labeled = ranking >= ranking.median()
    if given is not None:
        place, count = rank_in_class(ranking, given)
        quota = (is_labeled.to(ranking.dtype).mean() / 2 * count).ceil()
        is_labeled = is_labeled | (belief > 0.5) | (place < quota[given])
    return is_labeled if trusted is None else is_labeled | trusted


def rank_in_class(ranking, given):
    """Return the place (n,) of each row among those of its class, 0 for the largest ``ranking``, and class sizes."""
    count = torch.bincount(given)
    # Sorted by class, and by ranking within it.
    order = ranking.argsort(descending=True, stable=True)
    order = order[given[order].argsort(stable=True)]
    first = count.cumsum(0) - count
    place = torch.empty_like(given)
    place[order] = torch.arange(len(given), device=given.device) - first[given[order]]
    return place, count


def mixture_separation(values, posterior):
    """Return how far apart the two components of a mixture are (Ashman's D, arXiv:astro-ph/9408030).

    The distance of the means over the root mean square of the widths, from ``values`` (n,) in [0, 1] and the
    ``posterior`` (n,) of one component; 0 where that component has all rows or none. Below 2 they are one hump.
    """
    means, widths = [], []
    for weight in (posterior, 1 - posterior):
        total = weight.sum()
        if total < 1e-6:
            return 0.0
        mean = (weight * values).sum() / total
        means.append(mean)
        # The floor is that of `mixture_posterior`.
        widths.append((weight * (values - mean).square()).sum() / total + 5e-4)
    return float((means[0] - means[1]).abs() / ((widths[0] + widths[1]) / 2).sqrt())


def weights_of_labels(clean_proba, is_labeled, threshold):
    """Return how much each given label counts in its target: a row that stays counts at least ``threshold``."""
    return torch.where(is_labeled, clean_proba.clamp_min(threshold), clean_proba)


def weigh_by_class(values, given, weight):
    """Return ``values`` (n,) times the weights of the classes ``given`` (n,), which may be None."""
    return values if weight is None else values * weight.index_select(0, given)


def mean_class_weight(run):
    """Return the mean over all training rows of the weight of their class, 1 without weights.

    Losses that are divided by it, not by the mean of a batch, leave a small batch without the heavy classes light.
    """
    if run.class_weight is None:
        return 1.0
    return run.class_weight.index_select(0, run.data.target).mean().clamp_min(torch.finfo(run.dtype).tiny)


def mean_by_class(losses, target, weight):
    """Return the mean of ``losses`` (n,), weighed by the classes ``target`` (n,); weights may be None."""
    if weight is None:
        return losses.mean()
    by_row = weight.index_select(0, target)
    return (losses * by_row).sum() / by_row.sum()


class Mixed(NamedTuple):
    """Mixed inputs and what they were mixed from; the first ``n_labeled`` rows come from labelled rows."""

    X: torch.Tensor
    targets: torch.Tensor
    partners: torch.Tensor
    share: float
    order: torch.Tensor
    n_labeled: int


def guess_and_mix(run, batch, clean_proba, probability, *, temperature, alpha):
    """Refine labelled targets, guess unlabelled ones from both networks, and mix the views of all rows.

    Parameters
    ----------
    run : Trainer
    batch : CoBatch
    clean_proba : tensor of shape (n,)
        Probability of each row's label being right, as this network was told.
    probability : callable
        Turns logits into probabilities.
    temperature : float
        Of `skweak.losses.sharpen`.
    alpha : float
        Both parameters of the Beta distribution of the mixing share.

    Returns
    -------
    Mixed
    """
    network, other = networks_of(run, batch.name)
    labeled, unlabeled = batch.labeled, batch.unlabeled
    n, rows = len(labeled.X), [labeled.X, labeled.X]
    rows += [] if unlabeled is None else [unlabeled.X, unlabeled.X]
    X = torch.cat([run.views.weak(part) for part in rows])
    with torch.no_grad():
        # One pass per network over all views. The trained network stays in training mode, as in the authors' code.
        proba = probability(network(X))
        weight = clean_proba.index_select(0, labeled.index)[:, None]
        given = torch.zeros_like(proba[:n]).scatter_(1, labeled.y[:, None], 1.0)
        refined = (proba[:n] + proba[n : 2 * n]) / 2
        targets = sharpen(weight * given + (1 - weight) * refined, temperature=temperature).repeat(2, 1)
        if unlabeled is not None:
            guesses = torch.stack([*proba[2 * n :].chunk(2), *probability(other(X[2 * n :])).chunk(2)]).mean(0)
            targets = torch.cat([targets, sharpen(guesses, temperature=temperature).repeat(2, 1)])
    share, order = draw_mixing(run, alpha, len(X))
    share = max(share, 1 - share)
    return Mixed(torch.lerp(X[order], X, share), targets, targets[order], share, order, 2 * n)
