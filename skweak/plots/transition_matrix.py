"""Which class is called what."""

import numpy as np
from sklearn.metrics import confusion_matrix
from sklearn.utils._optional_dependencies import check_matplotlib_support
from sklearn.utils.multiclass import unique_labels
from sklearn.utils.validation import check_array, check_is_fitted


class TransitionMatrixDisplay:
    """Heat map of a transition matrix: true classes in rows, given labels in columns.

    Parameters
    ----------
    transition_matrix : ndarray of shape (C, C)
        Probabilities; rows sum to 1.
    classes : sequence of length C or None, default=None
        Names of the classes; None numbers them.

    Attributes
    ----------
    im_ : matplotlib AxesImage
    text_ : ndarray of matplotlib Text of shape (C, C) or None
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    Examples
    --------
    >>> TransitionMatrixDisplay.from_results([[0.9, 0.1], [0.2, 0.8]], classes=["cat", "dog"]).classes
    ['cat', 'dog']
    """

    def __init__(self, transition_matrix, *, classes=None):
        self.transition_matrix = transition_matrix
        self.classes = classes

    @classmethod
    def from_estimator(cls, estimator, *, ax=None):
        """Draw ``transition_matrix_`` of a fitted estimator on ``ax``, by default on new axes."""
        check_is_fitted(estimator)
        if not hasattr(estimator, "transition_matrix_"):
            raise TypeError(
                f"estimator must have transition_matrix_, {type(estimator).__name__} has not; estimate one by "
                "skweak.metrics.estimate_transition_matrix."
            )
        return cls.from_results(estimator.transition_matrix_, classes=estimator.classes_).plot(ax)

    @classmethod
    def from_predictions(cls, y_true, y_given, *, classes=None, ax=None):
        """Draw how often each true class was given each label.

        Parameters
        ----------
        y_true, y_given : array-like of shape (n,)
            Right labels, and those that are in the data.
        classes : array-like of shape (C,) or None, default=None
            None is the sorted labels of both.
        ax : matplotlib Axes, optional
            Where to draw; new axes by default.

        Returns
        -------
        TransitionMatrixDisplay
        """
        classes = unique_labels(y_true, y_given) if classes is None else classes
        shares = confusion_matrix(y_true, y_given, labels=classes, normalize="true")
        return cls.from_results(shares, classes=classes).plot(ax)

    @classmethod
    def from_results(cls, transition_matrix, *, classes=None):
        """Take a matrix as it is.

        Parameters
        ----------
        transition_matrix : array-like of shape (C, C)
            Given by `skweak.metrics.estimate_transition_matrix` or a noise generator.
        classes : array-like of shape (C,) or None, default=None

        Returns
        -------
        TransitionMatrixDisplay
        """
        matrix = check_array(transition_matrix, dtype=np.float64, input_name="transition_matrix")
        if matrix.shape[0] != matrix.shape[1]:
            raise ValueError(f"transition_matrix must be square, got shape {matrix.shape}.")
        classes = list(range(len(matrix))) if classes is None else list(np.asarray(classes).tolist())
        if len(classes) != len(matrix):
            raise ValueError(f"classes has {len(classes)} names for {len(matrix)} classes; give one per class.")
        return cls(matrix, classes=classes)

    def plot(self, ax=None, *, cmap="viridis", include_values=None):
        """Draw the matrix.

        Parameters
        ----------
        ax : matplotlib Axes, optional
        cmap : str or Colormap, default="viridis"
        include_values : bool or None, default=None
            Write the numbers; None does so up to twelve classes.

        Returns
        -------
        TransitionMatrixDisplay
            Itself.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        import matplotlib.pyplot as plt

        ax = plt.subplots()[1] if ax is None else ax
        matrix, n_classes = self.transition_matrix, len(self.transition_matrix)
        self.im_ = ax.imshow(matrix, cmap=cmap, vmin=0, vmax=1)
        self.text_ = None
        if n_classes <= 12 if include_values is None else include_values:
            dark, light = self.im_.cmap(0.0), self.im_.cmap(1.0)
            self.text_ = np.empty(matrix.shape, dtype=object)
            for row, column in np.ndindex(*matrix.shape):
                value = matrix[row, column]
                color = light if value < 0.5 else dark
                self.text_[row, column] = ax.text(
                    column, row, f"{value:.2f}", ha="center", va="center", color=color, fontsize="small"
                )
        ticks = np.arange(n_classes)
        ax.set(xlabel="given label", ylabel="true class", xticks=ticks, yticks=ticks)
        ax.set_xticklabels(self.classes, rotation=45 if n_classes > 6 else 0)
        ax.set_yticklabels(self.classes)
        ax.figure.colorbar(self.im_, ax=ax)
        self.ax_, self.figure_ = ax, ax.figure
        return self
