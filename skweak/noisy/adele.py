"""ADELE: labels are corrected class by class when a class stops learning and begins to remember (arXiv:2110.03740)."""

import warnings

import numpy as np
import torch
from scipy.optimize import OptimizeWarning, curve_fit
from sklearn.metrics import jaccard_score
from sklearn.utils.validation import column_or_1d
from skorch.callbacks import Callback

from skweak.augment import make_views


def early_learning_onset(curve, threshold=0.9):
    """Epoch at which a learning curve has lost a share of its first slope, by a fit of ``a (1 - exp(-t^b / c))``.

    Parameters
    ----------
    curve : array-like of shape (T,)
        Agreement with the given labels in [0, 1] after each epoch 1, 2, ..., T.
    threshold : float in [0, 1], default=0.9
        Share of the slope of the first epoch that is lost; larger is later, 1 is never.

    Returns
    -------
    float
        First of the epochs 1..T whose slope has fallen by more than the threshold; infinity where there is none yet,
        for fewer than three points and for a curve that stays at zero or cannot be fitted.

    Raises
    ------
    ValueError
        If the curve or the threshold is not as described.

    Notes
    -----
    ``a`` and ``b`` are in [0, 1], so that the slope can only fall; late points count more, up to ten times as exact as
    the first one.

    References
    ----------
    arXiv:2110.03740

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.noisy import early_learning_onset
    >>> epochs = np.arange(1, 21)
    >>> early_learning_onset(0.8 * (1 - np.exp(-epochs / 2)))                 # exp(-(6 - 1) / 2) is below 0.1
    6.0
    >>> early_learning_onset(epochs / 100)
    inf
    """
    curve = column_or_1d(curve, dtype=np.float64)
    if not ((curve >= 0) & (curve <= 1)).all():
        raise ValueError("curve must hold numbers in [0, 1], one per epoch.")
    if not 0 <= threshold <= 1:
        raise ValueError(f"threshold must be in [0, 1], got {threshold!r}.")
    epochs = np.arange(1.0, len(curve) + 1)
    if len(curve) < 3 or not curve.any():
        return np.inf
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", OptimizeWarning)
            (a, b, c), _ = curve_fit(
                _growth, epochs, curve, p0=(1.0, 1.0, 1.0), sigma=np.geomspace(1.0, 0.1, len(curve)),
                bounds=([0.0, 0.0, 1e-6], [1.0, 1.0, np.inf]),
            )  # fmt: skip
    except RuntimeError:
        return np.inf
    # The slope a b / c t^(b - 1) exp(-t^b / c) over that of the first epoch.
    lost = 1 - epochs ** (b - 1) * np.exp((1 - epochs**b) / c)
    return float(epochs[np.argmax(lost > threshold)]) if a > 1e-6 and (lost > threshold).any() else np.inf


def _growth(t, a, b, c):
    return a * (1 - np.exp(-(t**b) / c))


class EarlyLearningCorrection(Callback):
    """Callback that corrects the labels of a class when its early learning ends, in any estimator of class labels.

    Networks learn the clean pattern of a class first; when its agreement with the given labels flattens, they begin to
    remember wrong ones, at another time for each class. From then on confident predictions replace the labels.

    Parameters
    ----------
    threshold : float in [0, 1], default=0.9
        Share of its first slope that the learning curve of a class must lose; larger waits longer, 1 forever.
    confidence : float in [0, 1], default=0.6
        A row is relabelled when its largest probability is above it; larger changes less, 1 nothing.
        The paper has 0.8, which networks on tables with many wrong labels reach when they remember them.
    min_epochs : int >= 3, default=4
        Points of a curve that are waited for.
    views : int >= 1 or None, default=None
        Weak views (see `skweak.augment`) over which predictions are averaged; None predicts the rows as they are.
    every : int >= 1, default=1
        Epochs between two corrections.
    latch : bool, default=True
        A class stays open to correction; otherwise the curve is judged anew after every epoch.

    Attributes
    ----------
    onset_ : ndarray of shape (C,)
        Epoch after which each class was open to correction, infinity for never.
    curves_ : list of list of float
        For each epoch the agreement of each class: rows of which the class is both given and predicted, over rows of
        which it is one of them.

    Raises
    ------
    ValueError
        When training begins, if a parameter is out of range or the estimator has no single class per row or follows
        no changed labels.

    Notes
    -----
    A row changes only when both its present and its new class are open; verified rows (``trusted``) and rows without a
    label never do. After each epoch the history holds ``corrected``, the number of rows with another label than the
    given one; the fit reports the labels as ``transduction_``. One more pass over the rows per epoch, of several views
    one each, and a curve per class. It needs an early phase of several epochs: small steps, ``lr`` 0.02 or less.

    References
    ----------
    Liu et al., arXiv:2110.03740; the form for rows of a table is ours.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skweak.datasets import make_noisy_labels
    >>> from skweak.noisy import CrossEntropyClassifier, EarlyLearningCorrection
    >>> X, y = load_digits(return_X_y=True)
    >>> given, *_ = make_noisy_labels(y, "symmetric_exclusive:0.4", random_state=0)
    >>> clf = CrossEntropyClassifier(lr=0.01, max_epochs=20, callbacks=[EarlyLearningCorrection()], random_state=0)
    >>> clf = clf.fit(X, given)
    >>> bool((clf.transduction_ == y).mean() > (given == y).mean() + 0.1)
    True
    >>> dict(clf.net_.callbacks_)["EarlyLearningCorrection"].onset_.shape
    (10,)
    """

    def __init__(self, threshold=0.9, confidence=0.6, min_epochs=4, views=None, every=1, latch=True):
        self.threshold = threshold
        self.confidence = confidence
        self.min_epochs = min_epochs
        self.views = views
        self.every = every
        self.latch = latch

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        """Check parameters and labels, and keep the labels as they were given."""
        ranges = {"threshold": (0, 1), "confidence": (0, 1), "min_epochs": (3, np.inf), "every": (1, np.inf)}
        for name, (low, high) in ranges.items():
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} must be in [{low}, {high}], got {getattr(self, name)!r}.")
        if self.views is not None and self.views < 1:
            raise ValueError(f"views must be None or at least 1, got {self.views!r}.")
        given = net.facts.read("target")
        if given.dim() != 1 or given.is_floating_point():
            raise ValueError(f"EarlyLearningCorrection needs one class per row, not targets {tuple(given.shape)}.")
        # Nothing changes yet: an estimator that follows no changes says so before it trains.
        net.facts.change("target", given[:0], given[:0])
        self._given, self.curves_ = given, []
        self.onset_ = np.full(net.n_outputs, np.inf)

    def on_epoch_end(self, net, **kwargs):
        """Judge every class, and relabel the confident rows of those whose early learning has ended."""
        confidence, predicted = self._predict(net).max(1)
        self.curves_.append(_agreement(predicted, self._given, net.n_outputs))
        epoch, onset = len(self.curves_), self.onset_ if self.latch else np.full_like(self.onset_, np.inf)
        if epoch >= self.min_epochs:
            curves = np.array(self.curves_).T
            waiting = np.flatnonzero(np.isinf(onset))
            late = [c for c in waiting if early_learning_onset(curves[c], self.threshold) <= epoch]
            onset = np.where(np.isin(np.arange(len(onset)), late), epoch, onset)
        self.onset_ = onset
        present = net.facts.read("target")
        if epoch % self.every == 0:
            opened = torch.from_numpy(np.isfinite(onset)).to(present.device)
            chosen = (confidence > self.confidence) & opened[predicted] & opened[present.clamp_min(0)]
            chosen &= (present >= 0) & (predicted != present)
            trusted = net.facts.read("trusted")
            chosen = chosen if trusted is None else chosen & ~trusted
            net.facts.change("target", chosen, predicted[chosen])
        net.history.record("corrected", int((net.facts.read("target") != self._given).sum()))

    def on_train_end(self, net, X=None, y=None, **kwargs):
        """Forget the labels, which are data and no result."""
        del self._given

    def _predict(self, net):
        """Return the probabilities of the training rows, the mean over views where there are any."""
        views = [lambda X: X] if self.views is None else [make_views("weak", net.data).weak] * self.views
        net.set_training(False)
        proba = [net.evaluate(net.data, lambda X, view=view: net.method._row_proba(net, view(X))) for view in views]
        net.set_training(True)
        return torch.stack(proba).mean(0)


def _agreement(predicted, given, n_classes):
    """Return, for each class, the rows that are it twice over the rows that are it at all; 0 where there are none."""
    known = given >= 0
    said, seen = given[known].cpu().numpy(), predicted[known].cpu().numpy()
    return jaccard_score(said, seen, labels=range(n_classes), average=None, zero_division=0).tolist()
