"""What an epoch leaves behind: a row of the history, or an error when a number is not finite."""

import math

import torch

from skweak.engine.errors import DivergenceError

# So many numbers of steps are kept one by one before they become one tensor.
_AT_ONCE = 32


class StepValues:
    """One number of every step of an epoch, still on the device.

    Thousands of single numbers would stand between the batches in memory and keep it from being used again.
    """

    def __init__(self):
        self._packed, self._single = [], []

    def append(self, value):
        """Add a tensor without dimensions."""
        self._single.append(value)
        if len(self._single) == _AT_ONCE:
            self._packed.append(torch.stack(self._single))
            self._single = []

    def stack(self):
        """Return all of them as one tensor."""
        if self._single:
            self._packed.append(torch.stack(self._single))
            self._single = []
        return self._packed[0] if len(self._packed) == 1 else torch.cat(self._packed)


def record_epoch(run, prefix, losses, counts):
    """Record mean loss and parts of an epoch; raise `DivergenceError` when a loss is not finite.

    Parameters
    ----------
    run : Trainer
    prefix : str
        Of the names in the history.
    losses : StepValues
        Mean loss of every batch.
    counts : list of int
        Their weights.
    """
    losses = losses.stack().double()
    run.history.record(f"{prefix}_batch_count", len(counts))
    if not torch.isfinite(losses).all():
        step = int((~torch.isfinite(losses)).nonzero()[0])
        bad = next((k for k, v in run.parts.items() if not torch.isfinite(v.stack()).all()), "loss")
        raise DivergenceError.at(run, step, bad)
    weights = torch.tensor(counts, dtype=torch.float64, device=losses.device)
    run.history.record(f"{prefix}_loss", float((losses * weights).sum() / weights.sum()))
    for name, values in run.parts.items():
        run.history.record(name, float(values.stack().double().mean()))
    if not run.history[-1, "batches"]:
        # Checkpoint reads the record of the last batch.
        run.history.new_batch()


def label_loss(run, data):
    """Return the mean negative log-probability of what the labels of some rows say, as a number."""
    run.set_training(False)
    proba = run.evaluate(data, lambda rows: run.method._row_proba(run, rows))
    run.set_training(True)
    weights = {name: data.side[name].to(proba.dtype) for name in ("cell_weight",) if name in data.side}
    return float(run.method._held_out_loss(proba, data.target, **weights))


def record_held_out_loss(run, held_out):
    """Record ``valid_loss`` on the held-out rows and whether it is the best so far."""
    loss = label_loss(run, held_out)
    best = min((row["valid_loss"] for row in run.history[:-1] if "valid_loss" in row), default=math.inf)
    run.history.record("valid_loss", loss)
    run.history.record("valid_loss_best", loss < best)
