"""What goes wrong while training, in words that name the cause."""

import torch


class DivergenceError(FloatingPointError):
    """Training produced a loss or a weight that is not finite."""

    @classmethod
    def at(cls, run, step, part):
        """Return the error for step ``step`` of the current epoch of ``run``, naming the ``part`` that failed."""
        where = f"epoch {run.epoch + 1}, step {step + 1}" if step is not None else "the end of training"
        return cls(
            f"{type(run.method).__name__}: {part} is not finite at {where}. Usual causes: lr={run.lr!r} is too large, "
            f"X is not scaled ({run.data.describe_scale()}; try StandardScaler or RobustScaler), or half precision."
        )


def explain(run, error):
    """Return our error for one that came up in the loop, None if we know no better.

    Parameters
    ----------
    run : Trainer
    error : Exception
    """
    if isinstance(error, DivergenceError):
        return error
    owner = type(run.method).__name__
    if "more than 1 value per channel" in str(error):
        return ValueError(
            f"{owner}: BatchNorm met a step of one row, which it cannot normalise (X has n_samples={len(run.data)} "
            f"to train on, batch_size={run.batch_size}); give more rows, raise batch_size or leave BatchNorm out."
        )
    broken = first_not_finite(run)
    return None if broken is None else DivergenceError.at(run, run.batch, broken)


def first_not_finite(run):
    """Return the name of the first weight or buffer that is not finite, None if there is none."""
    modules = {name: getattr(run, f"{name}_") for name in run._modules}
    modules |= {name: value for name, value in vars(run.state).items() if isinstance(value, torch.nn.Module)}
    for owner, module in modules.items():
        for name, value in module.state_dict().items():
            if value.is_floating_point() and not torch.isfinite(value).all():
                return f"weight {name} of {owner}"
    return None
