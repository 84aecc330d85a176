"""What an epoch leaves behind: a row of the history, or an error when a number is not finite."""

import math

import torch

from skweak.engine.errors import DivergenceError


def record_epoch(run, prefix, losses, counts):
    """Record mean loss and parts of an epoch; raise `DivergenceError` when a loss is not finite.

    Parameters
    ----------
    run : Trainer
    prefix : str
        Of the names in the history.
    losses : list of tensor
        Mean loss of every batch, still on the device.
    counts : list of int
        Their weights.
    """
    losses = torch.stack(losses).double()
    run.history.record(f"{prefix}_batch_count", len(counts))
    if not torch.isfinite(losses).all():
        step = int((~torch.isfinite(losses)).nonzero()[0])
        bad = next((k for k, v in run.parts.items() if not torch.isfinite(torch.stack(v)).all()), "loss")
        raise DivergenceError.at(run, step, bad)
    weights = torch.tensor(counts, dtype=torch.float64, device=losses.device)
    run.history.record(f"{prefix}_loss", float((losses * weights).sum() / weights.sum()))
    for name, values in run.parts.items():
        run.history.record(name, float(torch.stack(values).double().mean()))
    if not run.history[-1, "batches"]:
        # Checkpoint reads the record of the last batch.
        run.history.new_batch()


def record_held_out_loss(run, held_out):
    """Record ``valid_loss`` on the held-out rows and whether it is the best so far."""
    run.set_training(False)
    proba = run.evaluate(held_out, lambda rows: run.method._row_proba(run, rows))
    run.set_training(True)
    loss = float(run.method._held_out_loss(proba, held_out.target))
    best = min((row["valid_loss"] for row in run.history[:-1] if "valid_loss" in row), default=math.inf)
    run.history.record("valid_loss", loss)
    run.history.record("valid_loss_best", loss < best)
