"""What happens when a loss or a weight is not finite."""

import warnings

from skweak.engine.errors import first_not_finite
from skweak.engine.state import load_method_state, method_state


class RaiseDivergence:
    """Policy that ends a fit with the error; it has the moments of every policy."""

    def begin(self, run):
        """Act before the first epoch."""

    def end_epoch(self, run):
        """Act after an epoch."""

    def recover(self, run, error):
        """Raise ``error``, or return when ``run`` can be used all the same."""
        raise error


class KeepLastFinite(RaiseDivergence):
    """Policy that goes back to the last epoch that left only finite numbers, of which it keeps a copy.

    A fit that goes on from an earlier one starts from finite numbers. Without such an epoch the error is raised.
    """

    state = None

    def begin(self, run):
        """Copy where an earlier fit ended."""
        if run.history:
            self.end_epoch(run)

    def end_epoch(self, run):
        """Copy networks, and what the method remembers, unless a number of them is not finite."""
        if first_not_finite(run) is None:
            self.state, self.epoch = method_state(run), run.epoch

    def recover(self, run, error):
        """Put ``run`` back to the copy and drop later rows of its history, with a warning."""
        if self.state is None:
            raise error
        surplus = run.epoch - self.epoch + ("train_loss" not in run.history[-1])
        load_method_state(run, self.state)
        del run.history[len(run.history) - surplus :]
        run.epoch = self.epoch
        warnings.warn(f"{error} The weights of epoch {run.epoch} are kept.", UserWarning, stacklevel=6)


# The policies by the value of ``on_divergence``.
POLICIES = {"raise": RaiseDivergence, "best": KeepLastFinite}
