"""Whether a model is right as often as it says."""

import numpy as np
from sklearn.utils._optional_dependencies import check_matplotlib_support
from sklearn.utils.validation import check_array, check_is_fitted, column_or_1d


class ReliabilityDisplay:
    """Reliability diagram: accuracy of the predictions against their confidence.

    Scikit-learn's CalibrationDisplay takes two classes; this one takes the most probable of any number.
    Below the diagonal the model is too sure of itself, above it too modest.

    Parameters
    ----------
    confidence, accuracy, share : ndarray of shape (n_bins,)
        Mean confidence, accuracy and share of the rows of each bin that has any.
    calibration_error : float
        Mean distance of the two, weighted by the shares.
    name : str or None, default=None
        For the legend.

    Attributes
    ----------
    line_ : matplotlib Line2D
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    Examples
    --------
    >>> display = ReliabilityDisplay.from_results([0, 1], [[0.75, 0.25], [0.75, 0.25]])
    >>> display.accuracy, display.calibration_error                 # one of two right at confidence 0.75
    (array([0.5]), 0.25)
    """

    def __init__(self, confidence, accuracy, share, *, calibration_error, name=None):
        self.confidence = confidence
        self.accuracy = accuracy
        self.share = share
        self.calibration_error = calibration_error
        self.name = name

    @classmethod
    def from_estimator(cls, estimator, X, y, *, n_bins=10, name=None, ax=None):
        """Ask a fitted classifier about rows it has not seen.

        Parameters
        ----------
        estimator : fitted classifier with ``predict_proba``
        X : array-like of shape (n, ...)
        y : array-like of shape (n,)
            True labels.
        n_bins : int >= 1, default=10
            Bins of equal width of the confidence.
        name : str or None, default=None
            None is the name of the class.
        ax : matplotlib Axes, optional
            Where to draw; new axes by default.

        Returns
        -------
        ReliabilityDisplay
        """
        check_is_fitted(estimator)
        name = type(estimator).__name__ if name is None else name
        proba = estimator.predict_proba(X)
        return cls.from_predictions(y, proba, classes=estimator.classes_, n_bins=n_bins, name=name, ax=ax)

    @classmethod
    def from_predictions(cls, y_true, proba, *, classes=None, n_bins=10, name=None, ax=None):
        """Draw the diagram of probabilities; see `from_results`, which only collects it."""
        return cls.from_results(y_true, proba, classes=classes, n_bins=n_bins, name=name).plot(ax)

    @classmethod
    def from_results(cls, y_true, proba, *, classes=None, n_bins=10, name=None):
        """Take probabilities as they are.

        Parameters
        ----------
        y_true : array-like of shape (n,)
        proba : array-like of shape (n, C)
        classes : array-like of shape (C,) or None, default=None
            The class of each column; None is the sorted labels of `y_true`.
        n_bins : int >= 1, default=10
        name : str or None, default=None

        Returns
        -------
        ReliabilityDisplay
        """
        y_true, proba = column_or_1d(y_true), check_array(proba, dtype=np.float64, input_name="proba")
        classes = np.unique(y_true) if classes is None else np.asarray(classes)
        if proba.shape != (len(y_true), len(classes)):
            raise ValueError(f"proba has shape {proba.shape}, expected is ({len(y_true)}, {len(classes)}).")
        if n_bins < 1:
            raise ValueError(f"n_bins must be at least 1, got {n_bins!r}.")
        sure, right = proba.max(axis=1), classes[proba.argmax(axis=1)] == y_true
        place = np.minimum((sure * n_bins).astype(int), n_bins - 1)
        rows = np.bincount(place, minlength=n_bins)
        used = rows > 0
        confidence = np.bincount(place, sure, n_bins)[used] / rows[used]
        accuracy = np.bincount(place, right, n_bins)[used] / rows[used]
        share = rows[used] / rows.sum()
        error = float(share @ np.abs(confidence - accuracy))
        return cls(confidence, accuracy, share, calibration_error=error, name=name)

    def plot(self, ax=None):
        """Draw the diagram on ``ax``, by default on new axes, and return the display."""
        check_matplotlib_support(f"{type(self).__name__}.plot")
        import matplotlib.pyplot as plt

        ax = plt.subplots()[1] if ax is None else ax
        if not any(line.get_label() == "perfect calibration" for line in ax.get_lines()):
            ax.plot([0, 1], [0, 1], linestyle=":", color="gray", label="perfect calibration")
        label = f"{self.name or 'model'} (error {self.calibration_error:.3f})"
        (self.line_,) = ax.plot(self.confidence, self.accuracy, marker="o", markersize=4, label=label)
        ax.set(xlabel="confidence", ylabel="accuracy", xlim=(0, 1.02), ylim=(0, 1.02))
        ax.legend()
        self.ax_, self.figure_ = ax, ax.figure
        return self
