"""What a training did from epoch to epoch."""

import numpy as np
from sklearn.utils._optional_dependencies import check_matplotlib_support
from sklearn.utils.validation import check_is_fitted


class TrainingCurveDisplay:
    """Curves of fitted networks: a loss or another record against the epoch.

    Parameters
    ----------
    curves : dict of str to (epochs, values)
        For each name two arrays of shape (n_epochs,).
    y_name : str
        Label of the vertical axis.

    Attributes
    ----------
    lines_ : list of matplotlib Line2D
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    Examples
    --------
    >>> history = [{"epoch": 1, "train_loss": 2.0}, {"epoch": 2, "train_loss": 1.5}]
    >>> TrainingCurveDisplay.from_results({"plain": history}).curves["plain"]
    (array([1., 2.]), array([2. , 1.5]))
    """

    def __init__(self, curves, *, y_name):
        self.curves = curves
        self.y_name = y_name

    @classmethod
    def from_estimator(cls, estimator, *, y=("train_loss", "valid_loss"), ax=None):
        """Draw the curves of one fitted estimator.

        Parameters
        ----------
        estimator : fitted estimator with ``history_``
        y : str or sequence of str, default=("train_loss", "valid_loss")
            Entries of the history, those it has; at least one must be there.
        ax : matplotlib Axes, optional
            Where to draw; new axes by default.

        Returns
        -------
        TrainingCurveDisplay
        """
        check_is_fitted(estimator, "history_")
        wanted = [y] if isinstance(y, str) else list(y)
        known = [name for name in wanted if name in estimator.history_[0]]
        if not known:
            raise ValueError(f"y={y!r} is not recorded; the history has {_entries(estimator.history_)}.")
        curves = {name.replace("_", " "): _curve(estimator.history_, name, "estimator") for name in known}
        return cls(curves, y_name=known[0].replace("_", " ") if len(known) == 1 else "loss").plot(ax)

    @classmethod
    def from_results(cls, results, *, y="train_loss"):
        """Collect one entry of several histories.

        Parameters
        ----------
        results : dict of str to list of dict
            Histories by name, such as ``history_`` of several estimators.
        y : str, default="train_loss"
            Entry of the records.

        Returns
        -------
        TrainingCurveDisplay
        """
        if not results:
            raise ValueError("results is empty; give at least one history.")
        curves = {name: _curve(history, y, f"results[{name!r}]") for name, history in results.items()}
        return cls(curves, y_name=y.replace("_", " "))

    def plot(self, ax=None):
        """Draw the curves on ``ax``, by default on new axes, and return the display."""
        check_matplotlib_support(f"{type(self).__name__}.plot")
        import matplotlib.pyplot as plt

        ax = plt.subplots()[1] if ax is None else ax
        self.lines_ = [ax.plot(*curve, label=name)[0] for name, curve in self.curves.items()]
        ax.set(xlabel="epoch", ylabel=self.y_name)
        ax.legend()
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _entries(history):
    return sorted(name for name, value in history[0].items() if isinstance(value, int | float))


def _curve(history, name, where):
    if not len(history):
        raise ValueError(f"{where} is an empty history; fit first.")
    if any(name not in record for record in history):
        raise ValueError(f"{where} has no entry {name!r} in every epoch; it has {_entries(history)}.")
    epochs = [record.get("epoch", place) for place, record in enumerate(history, start=1)]
    return np.array(epochs, dtype=float), np.array([record[name] for record in history], dtype=float)
