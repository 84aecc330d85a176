"""The frame of the methods that learn from unlabeled rows: labeled rows alone, then both side by side."""

import warnings
from typing import NamedTuple

import numpy as np
import torch

from skweak.engine import Batch, MovingAverage, PairedBatches
from skweak.losses import asymmetric_loss
from skweak.multilabel.thresholds import class_aware_pseudo_labels
from skweak.utils import warmup_decay


class SemiBatch(NamedTuple):
    """Labeled rows, and in the second stage unlabeled ones (else None)."""

    labeled: Batch
    unlabeled: Batch | None


class SemiBatches:
    """Steps of labeled rows, which start again as often as needed, with unlabeled rows beside them.

    Parameters
    ----------
    run : Trainer
        With ``state.labeled`` and ``state.unlabeled``, and a method that has ``unlabeled_ratio``: the
        unlabeled rows of a step per labeled row.
    batches : TensorBatches
        Batches of the whole training set.
    warmup : bool
        Labeled rows only, in as many steps as a pass over all rows takes. Otherwise an epoch is a pass over
        the unlabeled rows.
    """

    def __init__(self, run, batches, *, warmup):
        self.warmup, size = warmup, batches.batch_size
        n_labeled = size if warmup else max(1, round(size / (1 + run.method.unlabeled_ratio)))
        first = range(len(batches))
        if not warmup:
            first = batches.restrict(run.state.unlabeled, batch_size=max(1, size - n_labeled))
        self.pairs = PairedBatches(first, batches.restrict(run.state.labeled, batch_size=n_labeled))

    def __len__(self):
        return len(self.pairs)

    def __iter__(self):
        for unlabeled, labeled in self.pairs:
            yield SemiBatch(labeled, None if self.warmup else unlabeled)


def start_stages(run):
    """Find labeled and unlabeled rows and start an average of the network; warn when no row is unlabeled.

    Sets ``labeled`` and ``unlabeled`` (positions), ``target`` (the labels that unlabeled rows learn from, -1
    where unknown) and what `start_average` does.
    """
    state, target = run.state, run.data.target
    known = (target != -1).any(1)
    state.labeled, state.unlabeled = known.nonzero()[:, 0], (~known).nonzero()[:, 0]
    state.target = target.clone()
    if not len(state.labeled):
        raise ValueError(
            f"validation_fraction={run.method.validation_fraction} leaves no labeled row to train on; lower "
            "it or label more rows."
        )
    if not len(state.unlabeled):
        warnings.warn(
            f"y holds no row of -1: {type(run.method).__name__} learns from labeled rows only.",
            UserWarning, stacklevel=2,
        )  # fmt: skip
    start_average(run)


def in_warmup(run):
    """Return whether this epoch learns from labeled rows only."""
    return run.epoch < run.state.warmup or not len(run.state.unlabeled)


def check_warmup(method):
    """Raise unless unlabeled rows get an epoch after the warm-up."""
    if method.warmup_epochs != "auto" and method.warmup_epochs >= method.max_epochs:
        raise ValueError(
            f"warmup_epochs={method.warmup_epochs} must be smaller than max_epochs={method.max_epochs}, or "
            "the second stage never starts."
        )


def start_average(run):
    """Start ``run.state.average``, the moving average of the network that guesses and predicts."""
    if "average" not in vars(run.state):
        run.state.average, run.state.steps = MovingAverage(run.module_, use_buffers=True), 0


def follow(run, decay):
    """Let the average follow the network by one step; its decay grows with the steps, up to ``decay``."""
    run.state.average.decay = warmup_decay(run.state.steps, maximum=decay)
    run.state.average.update_parameters(run.module_)
    run.state.steps += 1


def weak_proba(run, rows):
    """Return the average's probabilities of a weak view of the training rows ``rows``."""
    average, weak = run.state.average, run.views.weak
    return run.outputs(average, rows, function=lambda X: run.method._proba(average(weak(X)).double()))


def row_loss(method, logits, target):
    """Return the asymmetric loss (n,) with the parameters of the method."""
    return asymmetric_loss(
        logits, target,
        gamma_negative=method.gamma_negative, gamma_positive=method.gamma_positive, clip=method.clip,
    )  # fmt: skip


def semi_loss(run, batch):
    """Return the loss of labeled rows plus that of unlabeled ones on ``run.state.target``, per labeled row.

    The strong view is learned.
    """
    X, target = batch.labeled.X, batch.labeled.y
    n_labeled = len(X)
    if batch.unlabeled is not None:
        X = torch.cat([X, batch.unlabeled.X])
        target = torch.cat([target, run.state.target.index_select(0, batch.unlabeled.index)])
    losses = row_loss(run.method, run.module_(run.views.strong(X)), target)
    # Divided by labeled rows only: more unlabeled rows beside each of them weigh more, as in a plain sum.
    return (losses[:n_labeled].sum() + run.method.unlabeled_weight * losses[n_labeled:].sum()) / n_labeled


def check_prior(prior, n_labels):
    """Raise unless ``prior`` is None, one share, or one for each label."""
    if prior is not None:
        values = np.asarray(prior, dtype=float)
        if values.shape not in ((), (n_labels,)) or not ((values >= 0) & (values <= 1)).all():
            raise ValueError(
                f"class_prior must be a number in [0, 1] or {n_labels} of them, one per label, got {prior!r}."
            )


def find_prior(prior, target):
    """Return the share of positives of each label, by default that among its known entries, 0 without any."""
    if prior is None:
        return (target == 1).double().sum(0) / (target != -1).sum(0).clamp_min(1)
    shares = np.broadcast_to(np.asarray(prior, dtype=float), target.shape[1:])
    return torch.as_tensor(shares.copy(), device=target.device)


def prior_thresholds(proba, prior):
    """Return the thresholds (L,) that make the share ``prior`` of the rows positive.

    A label without positives gets 1.01. A single label, the one-dimensional ``y``, is left at 0.5, so that
    the prediction is the more probable class.
    """
    if proba.shape[1] == 1:
        return np.array([0.5])
    proba = proba.double()
    labels, _ = class_aware_pseudo_labels(proba, prior)
    lowest = proba.masked_fill(labels == 0, torch.inf).amin(0)
    # In the middle of the gap: training pulls scores of the same rows apart, and new rows fall in between.
    middle = (lowest + proba.masked_fill(labels == 1, 0.0).amax(0)) / 2
    return torch.where(lowest.isfinite(), middle, 1.01).cpu().numpy()


def complete_target(target, proba, thresholds):
    """Return the known entries as they are and the others decided by ``thresholds``."""
    decided = (proba >= torch.as_tensor(thresholds, device=proba.device)).to(target.dtype)
    return torch.where(target == -1, decided, target).long().cpu().numpy()
