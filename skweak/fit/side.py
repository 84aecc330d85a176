"""The one door for facts about rows besides their labels: a method names them, and ``fit`` takes and checks them.

A class names its facts in ``_side_facts``, a dictionary from the keyword of ``fit`` to one of the objects below. They
then stand in the signature of ``fit`` (and ``partial_fit``), which is what scikit-learn's metadata routing and
cross-validation read, and in training ``run.facts.read(name, batch.index)`` gives them row by row.
"""

import functools
import inspect
import warnings

import numpy as np
from sklearn.utils import check_array
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import column_or_1d

from skweak.engine.adjacency import Adjacency
from skweak.fit.inputs import check_pairs


class RowValues:
    """Numbers, one or a line of them per row: (n,) or (n, k).

    Parameters
    ----------
    meaning : str
        What they say, for ``help``.
    required : bool
        Whether ``fit`` refuses to go without them.
    """

    shape = "(n,) or (n, k)"

    def __init__(self, meaning, *, required=False):
        self.meaning, self.required = meaning, required

    def check(self, name, value, target):
        """Return the fact as the engine keeps it, or raise; ``target`` is the encoded ``y`` of as many rows."""
        if isinstance(value, np.ma.MaskedArray):
            raise TypeError(f"{name} is a masked array, whose mask would be ignored; fill it first.")
        with np.errstate(invalid="ignore"):
            value = check_array(value, dtype=np.float64, ensure_2d=False, input_name=name)
        if len(value) != len(target):
            raise ValueError(f"{name} has {len(value)} rows, but X has {len(target)}; give one per row.")
        return np.array(value, order="C")

    def target(self, value, target):
        """Return the encoded ``y`` as the checked fact leaves it."""
        return target

    def attributes(self, name, value):
        """Return the fitted attributes that follow from a fact as it was given."""
        return {}


class CellWeights(RowValues):
    """Weights of the entries of ``y``, (n, columns of y), none negative.

    The loss of an entry counts as often as its weight says, 0 like an unknown entry; the mean over rows stays.
    """

    shape = "(n, columns of y)"

    def check(self, name, value, target):
        """Return the weights, or raise."""
        value = super().check(name, value, target)
        if value.shape != target.shape:
            raise ValueError(f"{name} has shape {value.shape}, but y has {target.shape}; give one weight per entry.")
        if (value < 0).any():
            raise ValueError(f"{name} must not be negative, got {value.min():g}; 0 leaves an entry out.")
        if not value[target >= 0].any():
            raise ValueError(f"{name} is zero for every known entry of y; give at least one a positive weight.")
        return value

    def target(self, value, target):
        """Return the encoded ``y`` with the entries of weight 0 unknown."""
        return np.where(value == 0, -1, target)


class RowGroups(RowValues):
    """A name per row, such as its domain or source, of any type: (n,).

    The engine keeps codes; the names in their order are the fitted attribute ``<fact>_``.
    """

    shape = "(n,)"

    def check(self, name, value, target):
        """Return codes (n,), or raise."""
        value = column_or_1d(value)
        if len(value) != len(target):
            raise ValueError(f"{name} has {len(value)} entries for {len(target)} rows of X; give one per row.")
        return np.unique(value, return_inverse=True)[1]

    def attributes(self, name, value):
        """Return the names."""
        return {f"{name}_": np.unique(column_or_1d(value))}


class RowPairs(RowValues):
    """A square sparse matrix (n, n), given as `skweak.engine.Adjacency` where folds shall cut it."""

    shape = "(n, n)"

    def check(self, name, value, target):
        """Return the `skweak.engine.Adjacency`, or raise."""
        try:
            value = value if isinstance(value, Adjacency) else Adjacency(value)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{name}: {error}") from error
        if len(value) != len(target):
            raise ValueError(f"{name} has {len(value)} rows and columns, but X has {len(target)} rows; give one each.")
        return value


class RowEdges(RowPairs):
    """Undirected edges between rows: weights of at least 0 (n, n), made symmetric where they are not."""

    def check(self, name, value, target):
        """Return the `skweak.engine.Adjacency`, or raise."""
        value = super().check(name, value, target)
        if value.matrix.nnz and value.matrix.data.min() < 0:
            raise ValueError(f"{name} must hold weights of at least 0, got {value.matrix.data.min():g}.")
        if abs(value.matrix - value.matrix.T).max() > 0:
            warnings.warn(
                f"{name} is not symmetric: edges count in both directions, with the larger of their two weights.",
                UserWarning, stacklevel=6,
            )  # fmt: skip
            value = Adjacency(value.matrix.maximum(value.matrix.T))
        return value


class LabelPairs(RowValues):
    """Comparisons of two labels: lines of row, label that fits better and other label, or (n, K, 2) by row.

    Folds cut the second form alone, whose places without a comparison hold -1.
    """

    shape = "(P, 3) or (n, K, 2)"

    def check(self, name, value, target):
        """Return the pairs of every row (n, K, 2), or raise."""
        value = np.asarray(value)
        if value.ndim != 3:
            return check_pairs(value, len(target))
        if value.dtype.kind not in "iu" or value.shape[::2] != (len(target), 2):
            raise ValueError(f"{name} must be integers ({len(target)}, K, 2), got {value.dtype} {value.shape}.")
        return value.astype(np.int64)


def check_side(method, given, target):
    """Return the checked facts of a `skweak.fit.Request`, by name, what they leave of ``target``, and the fitted
    attributes that follow from them.
    """
    given = {name: value for name, value in (given or {}).items() if value is not None}
    checked, attributes = {}, {}
    for name, kind in method._side_facts.items():
        if name in given:
            checked[name] = kind.check(name, given[name], target)
            target = kind.target(checked[name], target)
            attributes |= kind.attributes(name, given[name])
        elif kind.required:
            raise ValueError(f"{name} is missing: fit(X, y, {name}=...) takes {kind.shape}: {kind.meaning}.")
    return checked, target, attributes


def show_facts(cls):
    """Put the facts that ``cls`` names into the signatures and help of its ``fit`` and ``partial_fit``."""
    facts = vars(cls).get("_side_facts") or {}
    for name in ("fit", "partial_fit"):
        if facts and name not in vars(cls):
            method = inspect.getattr_static(cls, name)
            # A method that is there for some classes only is a descriptor around its function.
            shown = _with_facts(getattr(method, "fn", method), facts)
            setattr(cls, name, available_if(method.check)(shown) if hasattr(method, "fn") else shown)


def _with_facts(function, facts):
    @functools.wraps(function)
    def shown(self, X, y, *args, **given):
        return function(self, X, y, *args, **given)

    own = inspect.signature(function)
    named = [p for p in own.parameters.values() if p.kind is not p.VAR_KEYWORD and p.name not in facts]
    added = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None) for name in facts]
    shown.__signature__ = own.replace(parameters=named + added)
    told = "".join(f"\n        - ``{name}`` {kind.shape}: {kind.meaning}" for name, kind in facts.items())
    doc = function.__doc__.rstrip()
    shown.__doc__ = f"{doc}\n\n        Facts about rows, which folds cut as they cut ``X``:\n{told}\n"
    return shown
