"""How sure the given labels are."""

import numpy as np
from sklearn.utils._optional_dependencies import check_matplotlib_support
from sklearn.utils.validation import check_is_fitted, column_or_1d

from skweak.metrics import label_quality


class LabelQualityDisplay:
    """Histogram of label quality; with a mask, the wrong labels apart.

    Two hills mean that wrong labels can be told from right ones; one hill means that they cannot.

    Parameters
    ----------
    quality : ndarray of shape (n,)
        In [0, 1]; low is suspicious.
    wrong : ndarray of bool of shape (n,) or None, default=None
        Labels that are known, or held, to be wrong.

    Attributes
    ----------
    counts_ : ndarray of shape (n_groups, n_bins)
        Rows of the right and the wrong labels, or of all.
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    Examples
    --------
    >>> LabelQualityDisplay.from_results([0.1, 0.9], wrong=[True, False]).quality
    array([0.1, 0.9])
    """

    def __init__(self, quality, *, wrong=None):
        self.quality = quality
        self.wrong = wrong

    @classmethod
    def from_estimator(cls, estimator, *, wrong=None, ax=None):
        """Draw ``label_quality_`` of a fitted estimator.

        Parameters
        ----------
        estimator : fitted estimator with ``label_quality_``
        wrong : array-like of bool of shape (n,) or None, default=None
            None takes the estimator's ``noise_mask_`` where it has one.
        ax : matplotlib Axes, optional
            Where to draw; new axes by default.

        Returns
        -------
        LabelQualityDisplay
        """
        check_is_fitted(estimator)
        if not hasattr(estimator, "label_quality_"):
            raise TypeError(
                f"estimator must have label_quality_, {type(estimator).__name__} has not; wrap it in LabelIssueFilter."
            )
        wrong = getattr(estimator, "noise_mask_", None) if wrong is None else wrong
        return cls.from_results(estimator.label_quality_, wrong=wrong).plot(ax)

    @classmethod
    def from_predictions(cls, y, proba, *, classes=None, kind="self_confidence", wrong=None, ax=None):
        """Draw the quality of given labels under out-of-fold probabilities.

        Parameters
        ----------
        y : array-like of shape (n,)
            Given labels.
        proba : array-like of shape (n, C)
        classes : array-like of shape (C,) or None, default=None
            The class of each column; None is the sorted labels of `y`.
        kind : str, default="self_confidence"
            See `skweak.metrics.label_quality`.
        wrong : array-like of bool of shape (n,) or None, default=None
        ax : matplotlib Axes, optional
            Where to draw; new axes by default.

        Returns
        -------
        LabelQualityDisplay
        """
        return cls.from_results(label_quality(y, proba, kind=kind, classes=classes), wrong=wrong).plot(ax)

    @classmethod
    def from_results(cls, quality, *, wrong=None):
        """Take label quality as it is.

        Parameters
        ----------
        quality : array-like of shape (n,)
            Such as of `skweak.metrics.label_quality`. Rows of quality nan, which nothing could judge, are left out.
        wrong : array-like of bool of shape (n,) or None, default=None

        Returns
        -------
        LabelQualityDisplay
        """
        quality = column_or_1d(quality, dtype=np.float64)
        judged = ~np.isnan(quality)
        if not ((quality[judged] >= 0) & (quality[judged] <= 1)).all():
            raise ValueError("quality must hold numbers in [0, 1]; scale it.")
        if wrong is not None:
            wrong = column_or_1d(wrong).astype(bool)
            if len(wrong) != len(quality):
                raise ValueError(f"wrong has {len(wrong)} entries but quality has {len(quality)}; give one per row.")
        return cls(quality[judged], wrong=None if wrong is None else wrong[judged])

    def plot(self, ax=None, *, bins=30):
        """Draw the histogram with ``bins`` bars on ``ax``, by default on new axes, and return the display."""
        check_matplotlib_support(f"{type(self).__name__}.plot")
        import matplotlib.pyplot as plt

        ax = plt.subplots()[1] if ax is None else ax
        groups = [self.quality] if self.wrong is None else [self.quality[~self.wrong], self.quality[self.wrong]]
        labels = ["all"] if self.wrong is None else ["not suspected", "suspected"]
        counts, _, _ = ax.hist(groups, np.linspace(0, 1, bins + 1), stacked=True, label=labels)
        self.counts_ = np.diff(np.atleast_2d(counts), axis=0, prepend=0)
        ax.set(xlabel="label quality", ylabel="rows")
        if self.wrong is not None:
            ax.legend(title="given label")
        self.ax_, self.figure_ = ax, ax.figure
        return self
