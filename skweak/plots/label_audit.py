"""How many labels of each class are wrong, as an audit estimates it."""

from io import BytesIO

import numpy as np
from sklearn.utils._optional_dependencies import check_matplotlib_support

from skweak.plots.label_quality import LabelQualityDisplay
from skweak.plots.transition_matrix import TransitionMatrixDisplay


class LabelAuditDisplay:
    """Estimated share of wrong labels of each class with its interval, the largest on top.

    Parameters
    ----------
    classes : list of str
    share, low, high : ndarray of shape (C,)
        Estimates and the ends of their intervals, in [0, 1].
    overall : tuple of three floats
        Estimate and interval of all labels.

    Attributes
    ----------
    points_ : matplotlib ErrorbarContainer
    line_ : matplotlib Line2D
        The share of all labels.
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> import pandas as pd
    >>> by_class = pd.DataFrame({"wrong": [0.1, 0.3], "low": [0, 0.2], "high": [0.2, 0.4]}, index=["cat", "dog"])
    >>> audit = SimpleNamespace(by_class=by_class, noise_share=0.2, interval=(0.1, 0.3))
    >>> LabelAuditDisplay.from_results(audit).classes
    ['dog', 'cat']
    """

    def __init__(self, classes, share, low, high, *, overall):
        self.classes, self.overall = classes, overall
        self.share, self.low, self.high = share, low, high

    @classmethod
    def from_results(cls, audit, *, most=25):
        """Take the classes of an audit.

        Parameters
        ----------
        audit : LabelAudit
            Of `skweak.audit.audit_labels`.
        most : int >= 1, default=25
            Classes at most: those of the largest shares. More make the picture taller.

        Returns
        -------
        LabelAuditDisplay
        """
        frame = audit.by_class.dropna().sort_values("wrong", ascending=False, kind="stable").head(most)
        names = [str(name) for name in frame.index]
        columns = (frame[name].to_numpy(dtype=float) for name in ("wrong", "low", "high"))
        return cls(names, *columns, overall=(audit.noise_share, *audit.interval))

    def plot(self, ax=None):
        """Draw points and intervals on ``ax``, by default on new axes, and return the display."""
        check_matplotlib_support(f"{type(self).__name__}.plot")
        import matplotlib.pyplot as plt

        ax = plt.subplots()[1] if ax is None else ax
        places = np.arange(len(self.classes))
        around = np.abs(np.c_[self.share - self.low, self.high - self.share].T)
        self.points_ = ax.errorbar(self.share, places, xerr=around, fmt="o", capsize=3)
        self.line_ = ax.axvline(self.overall[0], color="gray", linestyle="--", label="all labels")
        ax.axvspan(*self.overall[1:], color="gray", alpha=0.15, linewidth=0)
        names = [_short(name, 30) for name in self.classes]
        ax.set(xlabel="estimated share of wrong labels", ylabel="given class", yticks=places, yticklabels=names)
        ax.set_xlim(left=0)
        ax.invert_yaxis()
        ax.legend()
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _short(name, most):
    # Dollars in names are no formulas.
    return (name if len(name) <= most else name[: most - 1] + "…").replace("$", r"\$")


def audit_pictures(audit):
    """Return the pictures of an audit: for each title the bytes of a PNG.

    Parameters
    ----------
    audit : LabelAudit

    Returns
    -------
    dict of str to bytes
    """
    check_matplotlib_support("audit_pictures")
    from matplotlib.figure import Figure

    shares = LabelAuditDisplay.from_results(audit)
    displays = {"Wrong labels by class": (shares, 1.6 + 0.3 * len(shares.classes))}
    suspected = np.isin(np.arange(audit.n_rows), audit.issues["row"])
    displays["Quality of the labels"] = LabelQualityDisplay.from_results(audit.quality, wrong=suspected), 3.2
    if len(audit.classes) <= 12:
        names = [_short(str(name), 20) for name in audit.classes]
        displays["Given labels of each true class"] = (
            TransitionMatrixDisplay.from_results(audit.transition_matrix, classes=names), 4.2
        )  # fmt: skip
    pictures = {}
    for title, (display, height) in displays.items():
        figure = Figure(figsize=(6, height), layout="constrained")
        display.plot(ax=figure.subplots()).ax_.set_title(title)
        with BytesIO() as file:
            figure.savefig(file, format="png", dpi=110)
            pictures[title] = file.getvalue()
    return pictures
