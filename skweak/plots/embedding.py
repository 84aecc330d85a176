"""Where the rows lie in the space that a network made."""

import numpy as np
from sklearn.decomposition import PCA
from sklearn.utils._optional_dependencies import check_matplotlib_support
from sklearn.utils.validation import check_array, check_is_fitted, column_or_1d


class EmbeddingDisplay:
    """Scatter of an embedding in two dimensions, coloured by label; marked rows are crossed.

    Parameters
    ----------
    points : ndarray of shape (n, 2)
    labels : ndarray of shape (n,)
    marked : ndarray of bool of shape (n,) or None, default=None
        Rows to cross, such as suspicious ones.

    Attributes
    ----------
    scatters_ : list of matplotlib PathCollection
        One per class.
    crosses_ : matplotlib PathCollection or None
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    Examples
    --------
    >>> EmbeddingDisplay.from_results([[0, 1], [2, 3]], ["a", "b"]).points
    array([[0., 1.],
           [2., 3.]])
    """

    def __init__(self, points, labels, *, marked=None):
        self.points = points
        self.labels = labels
        self.marked = marked

    @classmethod
    def from_estimator(cls, estimator, X, y, *, marked=None, ax=None):
        """Draw ``estimator.embed(X)``.

        Parameters
        ----------
        estimator : fitted estimator with ``embed``
        X : array-like of shape (n, ...)
        y : array-like of shape (n,)
            Labels to colour by: given, true or predicted ones.
        marked : array-like of bool of shape (n,) or None, default=None
        ax : matplotlib Axes, optional
            Where to draw; new axes by default.

        Returns
        -------
        EmbeddingDisplay
        """
        check_is_fitted(estimator)
        if not hasattr(estimator, "embed"):
            raise TypeError(
                f"estimator must have embed, {type(estimator).__name__} has not; give features to from_results."
            )
        return cls.from_results(estimator.embed(X), y, marked=marked).plot(ax)

    @classmethod
    def from_results(cls, embedding, y, *, marked=None):
        """Take an embedding as it is; more than two columns are projected on their first principal components.

        Parameters
        ----------
        embedding : array-like of shape (n, d), d >= 2
        y : array-like of shape (n,)
        marked : array-like of bool of shape (n,) or None, default=None

        Returns
        -------
        EmbeddingDisplay
        """
        embedding = check_array(embedding, dtype=np.float64, input_name="embedding", ensure_min_features=2)
        labels = column_or_1d(y)
        marked = None if marked is None else column_or_1d(marked).astype(bool)
        for name, value in (("y", labels), ("marked", marked)):
            if value is not None and len(value) != len(embedding):
                raise ValueError(f"{name} has {len(value)} entries but embedding {len(embedding)} rows; give one each.")
        if embedding.shape[1] > 2:
            # Whatever container the user chose for transformers, the points are an array.
            embedding = PCA(2, random_state=0).set_output(transform="default").fit_transform(embedding)
        return cls(embedding, labels, marked=marked)

    def plot(self, ax=None):
        """Draw the points on ``ax``, by default on new axes, and return the display."""
        check_matplotlib_support(f"{type(self).__name__}.plot")
        import matplotlib.pyplot as plt

        ax = plt.subplots()[1] if ax is None else ax
        classes = np.unique(self.labels)
        colors = plt.get_cmap("tab10" if len(classes) <= 10 else "turbo")
        shades = np.arange(10) if len(classes) <= 10 else np.linspace(0, 1, len(classes))
        self.scatters_ = [
            ax.scatter(*self.points[self.labels == label].T, s=12, alpha=0.7, color=colors(shade), label=str(label))
            for label, shade in zip(classes, shades, strict=False)
        ]
        self.crosses_ = None
        if self.marked is not None:
            self.crosses_ = ax.scatter(*self.points[self.marked].T, s=28, marker="x", color="black", linewidth=0.8)
        ax.set(xticks=[], yticks=[])
        if len(classes) <= 20:
            ax.legend(fontsize="small", markerscale=1.5, loc="center left", bbox_to_anchor=(1, 0.5))
        self.ax_, self.figure_ = ax, ax.figure
        return self
