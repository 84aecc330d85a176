"""Estimators side by side: mean scores and how far they spread."""

import numpy as np
from sklearn.utils._optional_dependencies import check_matplotlib_support


class ComparisonDisplay:
    """Mean score of each estimator with an interval, and the score of each seed beside it; the best on top.

    Parameters
    ----------
    names : list of str
    scores : ndarray of shape (n_estimators, n_seeds)
        Mean over the folds of each seed.
    score_name : str, default="score"
        Label of the axis.

    Attributes
    ----------
    points_ : matplotlib ErrorbarContainer
        Mean and two standard deviations of the means of the seeds to both sides.
    dots_ : list of matplotlib PathCollection
        One for each estimator.
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    Examples
    --------
    >>> import pandas as pd
    >>> folds = pd.MultiIndex.from_product([[0, 1], [0, 1]], names=["seed", "fold"])
    >>> scores = pd.DataFrame({"a": [0.5, 0.7, 0.6, 0.6], "b": [0.9, 0.7, 0.8, 1.0]}, index=folds)
    >>> display = ComparisonDisplay.from_results(scores)
    >>> display.names, display.scores.round(2).tolist()
    (['b', 'a'], [[0.8, 0.9], [0.6, 0.6]])
    """

    def __init__(self, names, scores, *, score_name="score"):
        self.names = names
        self.scores = scores
        self.score_name = score_name

    @classmethod
    def from_results(cls, comparison, *, score_name="score"):
        """Take a comparison as it is.

        Parameters
        ----------
        comparison : DataFrame
            Of `skweak.model_selection.compare`, or its ``fold_scores``.
        score_name : str, default="score"

        Returns
        -------
        ComparisonDisplay
        """
        folds = getattr(comparison, "fold_scores", comparison)
        if "seed" not in folds.index.names:
            raise ValueError("comparison must be the result of skweak.model_selection.compare, or its fold_scores.")
        means = folds.groupby(level="seed").mean()
        order = means.mean().sort_values(ascending=False, kind="stable").index
        return cls([str(name) for name in order], means[order].to_numpy().T, score_name=score_name)

    def plot(self, ax=None):
        """Draw points and intervals on ``ax``, by default on new axes, and return the display."""
        check_matplotlib_support(f"{type(self).__name__}.plot")
        import matplotlib.pyplot as plt

        ax = plt.subplots()[1] if ax is None else ax
        places = np.arange(len(self.names))
        mean, around = self.scores.mean(axis=1), 2 * self.scores.std(axis=1)
        self.points_ = ax.errorbar(mean, places, xerr=around, fmt="o", capsize=3)
        self.dots_ = [
            ax.scatter(row, np.full(len(row), place + 0.15), s=8, color="gray") for place, row in enumerate(self.scores)
        ]
        ax.set(xlabel=self.score_name, yticks=places, yticklabels=[name.replace("$", r"\$") for name in self.names])
        ax.invert_yaxis()
        self.ax_, self.figure_ = ax, ax.figure
        return self
