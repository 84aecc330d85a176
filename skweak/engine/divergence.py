"""What happens when a loss or a weight is not finite."""

import warnings

from skweak.engine.errors import first_not_finite
from skweak.engine.state import load_method_state, method_state


class LastFinite:
    """A copy of the networks and of what the method remembers, from the last epoch that left only finite numbers.

    Parameters
    ----------
    run : Trainer
        A fit that goes on from an earlier one starts from finite numbers.
    """

    def __init__(self, run):
        self.state = None
        if run.history:
            self.keep(run)

    def keep(self, run):
        """Copy the state of ``run`` unless a number of it is not finite."""
        if first_not_finite(run) is None:
            self.state, self.epoch = method_state(run), run.epoch

    def restore(self, run):
        """Put ``run`` back to the copy and drop later rows of its history."""
        surplus = run.epoch - self.epoch + ("train_loss" not in run.history[-1])
        load_method_state(run, self.state)
        del run.history[len(run.history) - surplus :]
        run.epoch = self.epoch


def recover(run, error):
    """Go back to the last finite epoch with a warning if ``on_divergence`` says so and there is one; else raise."""
    if run.last_finite is None or run.last_finite.state is None:
        raise error
    run.last_finite.restore(run)
    warnings.warn(f"{error} The weights of epoch {run.epoch} are kept.", UserWarning, stacklevel=6)
