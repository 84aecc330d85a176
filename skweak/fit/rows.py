"""Which rows of a fit train, which are held out and which take no part, and what is reported of each."""

import numpy as np
import torch


class RowFacts:
    """The rows of one fit.

    Parameters
    ----------
    weight : ndarray of shape (n,) or None
        Rows of weight zero are left out.
    validation_fraction : float in [0, 1)
        Share of the others to hold out.

    Attributes
    ----------
    whole : TensorData
        All rows, with what is known of each; like the others set by `split`.
    training : TensorData
        The rows that train, in their order.
    held_out : TensorData or None
        The rows of ``valid_loss``.
    """

    def __init__(self, weight, validation_fraction):
        self.weight, self.validation_fraction = weight, validation_fraction

    def split(self, whole, random):
        """Say what becomes of each row of the `TensorData` ``whole``; ``random`` is a numpy RandomState."""
        self.whole = whole
        self._rows, held_out = split_rows(len(whole), self.weight, self.validation_fraction, random)
        self.training = whole if self._rows is None else whole.subset(self._rows)
        self.held_out = None if held_out is None else whole.subset(held_out)

    def report(self, changed, fitted):
        """Return the attributes ``fitted`` of training rows with the facts that callbacks changed.

        ``changed`` holds, by name, a fact at the end of training and which rows have another one than at its start.
        """
        if "weight" in changed:
            fitted = {"sample_weight_": changed["weight"][0].cpu().numpy()} | fitted
        if "target" in changed:
            target, rows = (part.cpu() for part in changed["target"])
            codes = target.argmax(1) if target.is_floating_point() else target
            settled = torch.as_tensor(fitted.get("transduction_", self.training.target.cpu())).clone()
            settled[rows] = codes[rows].to(settled.dtype)
            fitted = fitted | {"transduction_": settled.numpy()}
        return fitted

    def complete(self, fitted, untrained_values, judge):
        """Return the attributes ``fitted``, those of training rows with an entry for every row of ``X``.

        Parameters
        ----------
        fitted : dict of str to object
            What the method found out.
        untrained_values : dict of str to object
            Names of attributes with one entry per row, and the entry of a row that did not train and is not judged.
        judge : callable
            Returns such attributes of rows that did not train, given their `TensorData`.
        """
        if self._rows is None:
            return fitted
        rest = np.delete(np.arange(len(self.whole)), self._rows)
        judged, completed = judge(self.whole.subset(rest)), dict(fitted)
        for name in set(fitted) & set(untrained_values):
            full = np.empty((len(self.whole), *fitted[name].shape[1:]), dtype=fitted[name].dtype)
            full[self._rows], full[rest] = fitted[name], judged.get(name, untrained_values[name])
            completed[name] = full
        return completed


def split_rows(n_rows, weight, fraction, random):
    """Return the positions of the rows to train on (None for all) and of those held out (None without a split).

    Parameters
    ----------
    n_rows : int
    weight : ndarray of shape (n,) or None
        Rows of weight zero take no part.
    fraction : float in [0, 1)
        Share of the rows to hold out.
    random : numpy.random.RandomState
    """
    if weight is None or weight.all():
        rows = None
    else:
        rows = np.flatnonzero(weight)
        if not len(rows):
            raise ValueError("sample_weight is zero for every row; give at least one row a positive weight.")
    if not fraction:
        return rows, None
    order = random.permutation(n_rows if rows is None else rows)
    n_held_out = max(1, round(fraction * len(order)))
    if n_held_out >= len(order):
        raise ValueError(f"validation_fraction={fraction} leaves no row of {len(order)} to train on.")
    return np.sort(order[n_held_out:]), np.sort(order[:n_held_out])
