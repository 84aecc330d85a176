"""What was reached for how many labels."""

import numpy as np
from sklearn.utils._optional_dependencies import check_matplotlib_support


class QueryCurveDisplay:
    """Curves of active-learning histories: a score against the number of labeled rows.

    Parameters
    ----------
    curves : dict of str to (x, mean, spread)
        For each name three arrays of shape (n_rounds,).
    x_name, y_name : str
        Labels of the axes.

    Attributes
    ----------
    lines_ : list of matplotlib Line2D
    bands_ : list of matplotlib PolyCollection or None
        One standard deviation to both sides; None for a name with a single history.
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    Examples
    --------
    >>> history = [{"n_labeled": 10, "accuracy": 0.5}, {"n_labeled": 20, "accuracy": 0.75}]
    >>> display = QueryCurveDisplay.from_results({"margin": history})
    >>> display.curves["margin"][1]
    array([0.5 , 0.75])
    """

    def __init__(self, curves, *, x_name, y_name):
        self.curves = curves
        self.x_name = x_name
        self.y_name = y_name

    @classmethod
    def from_results(cls, results, *, x="n_labeled", y=None):
        """Collect the curves of several histories; `plot` draws them.

        Parameters
        ----------
        results : dict of str to history or list of histories
            Of `skweak.active.run_loop`. Several histories of one name, such as those of several seeds, become their
            mean and a band of one standard deviation.
        x : str, default="n_labeled"
            Entry of the records.
        y : str or None, default=None
            Entry of the records; None is "accuracy" where the first history has it, else "query_precision". Rounds that
            lack a finite value, such as the precision of round 0, are left out.

        Returns
        -------
        QueryCurveDisplay

        Raises
        ------
        ValueError
            If there is no history, an entry is missing, or histories of one name differ in length.
        """
        if not results:
            raise ValueError("results is empty; give at least one history.")
        curves = {}
        for name, histories in results.items():
            histories = [histories] if len(histories) and isinstance(histories[0], dict) else list(histories)
            lengths = {len(history) for history in histories}
            if len(lengths) != 1 or lengths == {0}:
                raise ValueError(
                    f"results[{name!r}] holds histories of {sorted(lengths)} rounds; give one or more of equal length."
                )
            y = y or ("accuracy" if "accuracy" in histories[0][0] else "query_precision")
            table = {key: _column(histories, key, name) for key in (x, y)}
            kept = np.isfinite(table[y]).all(axis=0)
            curves[name] = (
                table[x].mean(axis=0)[kept], table[y].mean(axis=0)[kept], table[y].std(axis=0)[kept],
            )  # fmt: skip
            if len(histories) == 1:
                curves[name] = (*curves[name][:2], None)
        return cls(curves, x_name=x.replace("_", " "), y_name=y.replace("_", " "))

    def plot(self, ax=None):
        """Draw the curves on ``ax``, by default on new axes.

        Parameters
        ----------
        ax : matplotlib Axes, optional

        Returns
        -------
        QueryCurveDisplay
            Itself.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        import matplotlib.pyplot as plt

        ax = plt.subplots()[1] if ax is None else ax
        self.lines_, self.bands_ = [], []
        for name, (x, mean, spread) in self.curves.items():
            (line,) = ax.plot(x, mean, marker="o", markersize=3, label=name)
            self.lines_.append(line)
            band = None
            if spread is not None:
                band = ax.fill_between(x, mean - spread, mean + spread, color=line.get_color(), alpha=0.2, linewidth=0)
            self.bands_.append(band)
        ax.set(xlabel=self.x_name, ylabel=self.y_name)
        ax.legend()
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _column(histories, key, name):
    try:
        return np.array([[record[key] for record in history] for history in histories], dtype=float)
    except KeyError:
        entries = sorted(histories[0][0])
        raise ValueError(f"results[{name!r}] has no entry {key!r} in every round; it has {entries}.") from None
