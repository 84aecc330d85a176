"""What goes wrong while training."""


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
