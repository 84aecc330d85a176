"""What every kind of ``y`` must fulfil before it is encoded: its array, its markers and its classes."""

import inspect
import warnings
from numbers import Real

import numpy as np
from scipy import sparse
from sklearn.model_selection._validation import _fit_and_predict
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_array, column_or_1d

from skweak.labels.markers import marked, read_labels, refuse_printed


def label_array(y, kind, *, takes_sparse=False, markers=None, classes=None):
    """Return ``y`` as an array, or as a csr matrix; of one type, or of objects among which the markers stand.

    Parameters
    ----------
    y : array-like or sparse matrix
    kind : str
        Name of the kind of labels, for messages.
    takes_sparse : bool
        Whether a sparse matrix is accepted.
    markers : callable or None
        Given whether ``y`` has several columns, it returns the markers that may stand in it by their names.
    classes : ndarray or None
        All classes, as far as they are known.
    """
    if isinstance(y, np.ma.MaskedArray):
        raise TypeError(f"y is a masked array, whose mask would be ignored; fill it with the marker of {kind} labels.")
    if sparse.issparse(y):
        if not takes_sparse:
            raise TypeError(f"y is a sparse matrix, which {kind} labels do not accept; pass an array.")
        return y.tocsr()
    given = y
    try:
        y = read_labels(y) if isinstance(y, (list, tuple)) else y
        y = check_array(y, ensure_2d=False, allow_nd=True, dtype=None, ensure_all_finite=False, ensure_min_samples=0,
                        ensure_min_features=0, input_name="y")  # fmt: skip
    except ValueError as error:
        raise ValueError(f"y cannot be read as labels: {error}") from error
    if y.ndim not in (1, 2):
        raise ValueError(f"y must have one or two dimensions, got shape {y.shape}.")
    if y.dtype.kind in "mMSV":
        raise TypeError(f"y holds {y.dtype} values; classes are numbers or strings.")
    markers = {} if markers is None else markers(y.ndim == 2 and y.shape[1] > 1)
    refuse_printed(y, markers, classes)
    known = np.zeros(y.shape, dtype=bool)
    if y.dtype.kind in "Of":
        for marker in markers.values():
            known |= marked(y, marker)
    if y.dtype.kind == "O" and isinstance(given, (list, tuple)):
        # Where nan is no marker, numbers beside it are floats like any others.
        plain = np.asarray(given)
        y = plain if plain.dtype.kind == "f" and (np.isnan(plain) & ~known).any() else y
    _refuse_mixture(y, "y", known, takes_numbers=bool(markers))
    if y.dtype.kind == "f" and not (np.isfinite(y) | known).all():
        what = "infinity" if np.isinf(y).any() else "NaN"
        raise ValueError(f"Input y contains {what}. Mark missing labels with the marker of the estimator instead.")
    # -0.0 and 0.0 are one class; adding zero makes both print as 0.0.
    return y + 0.0 if y.dtype.kind == "f" else y


def label_column(y):
    """Return ``y`` as a vector; a matrix of one column gives scikit-learn's warning, a wider one an error."""
    if y.ndim == 1:
        return y
    try:
        return column_or_1d(y.toarray() if sparse.issparse(y) else y, warn=True)
    except ValueError as error:
        if y.dtype.kind not in "biuf" or not np.isin(y, (0, 1)).all():
            raise
        if (y.sum(axis=1) == 1).all():
            told = "It looks one-hot: give the classes, y.argmax(axis=1)."
        else:
            told = "Rows with several labels are for skweak.multilabel, rows of candidates for skweak.partial."
        raise ValueError(f"{error} {told}") from error


def check_discrete(y):
    """Raise unless ``y`` holds classes as scikit-learn understands them."""
    # Numbers beyond every integer are compared with their integers there, which numpy warns of.
    with np.errstate(invalid="ignore"):
        check_classification_targets(y)


def check_numbering(y, kind):
    """Say what scikit-learn's cross_val_predict does to a matrix of labels when it is asked for probabilities.

    It numbers the values of each column anew, 0, 1, ..., whatever they mean; nothing of ``y`` shows it afterwards.
    """
    frame = inspect.currentframe()
    while frame is not None and frame.f_code is not _fit_and_predict.__code__:
        frame = frame.f_back
    method = None if frame is None else frame.f_locals.get("method")
    if method not in ("predict_proba", "predict_log_proba", "decision_function"):
        return
    done = (
        f"cross_val_predict(method={method!r}) numbers the values of each column of y anew: -1 (unknown) becomes 0, "
        "and so does the only value of a column"
    )
    if kind == "crowd" or (not sparse.issparse(y) and y.dtype.kind in "iuf" and (y > 1).any()):
        raise ValueError(f"{done}: {kind} labels lose their meaning. Fit on the folds of cv.split yourself.")
    warnings.warn(
        f"{done}. Nothing is lost if y holds 0 and 1 in every column; else fit on the folds of cv.split yourself.",
        UserWarning, stacklevel=8,
    )  # fmt: skip


def binary_matrix(y, kind, accepted):
    """Return a matrix whose entries are all ``accepted``: 0 and 1, and -1 where a label may be unknown."""
    if sparse.issparse(y) and not y.has_canonical_format:
        y = y.copy()
        y.sum_duplicates()
    y = y if -1 not in accepted else _unknown_as_number(y)
    if y.dtype.kind not in "biuf":
        raise ValueError(f"y must hold numbers to be a matrix of {kind} labels, got dtype {y.dtype}.")
    values = y.data if sparse.issparse(y) else y
    wrong = ~np.isin(values, accepted)
    if wrong.any():
        raise ValueError(f"y contains {values[wrong].item(0)!r}; {kind} labels accept only {list(accepted)}.")
    return y


def _unknown_as_number(y):
    """Return a matrix whose entries that are nan, None or pandas' NA are -1."""
    values = y.data if sparse.issparse(y) else y
    unknown = marked(values, np.nan)
    if not unknown.any():
        return y
    values = np.where(unknown, -1, values)
    values = values.astype(float) if not any(isinstance(v, str) for v in values.ravel()[:1]) else values
    return sparse.csr_matrix((values, y.indices, y.indptr), y.shape) if sparse.issparse(y) else values


def class_list(classes):
    """Return the parameter ``classes`` as an array of distinct labels, in the given order."""
    array = read_labels(classes)
    if array.ndim != 1 or not len(array):
        raise ValueError(f"classes must be a list of distinct labels, got {classes!r}.")
    _refuse_mixture(array, "classes")
    if len(np.unique(array)) != len(array):
        raise ValueError(f"classes must be a list of distinct labels, got {array.tolist()!r}.")
    return array


def find_classes(values, classes, n_rows, what):
    """Return the list of classes and the position of every value in it."""
    if classes is None:
        found = np.unique(values)
        if len(found) > 1000 and len(found) > n_rows / 2:
            raise ValueError(
                f"y has {len(found)} classes on {n_rows} rows, which looks like continuous or identifier values; "
                "if they are classes, name them with classes=."
            )
        return found, np.searchsorted(found, values)
    order = np.argsort(classes, kind="stable")
    if (classes.dtype.kind in "OUS") != (values.dtype.kind in "OUS"):
        raise ValueError(f"y holds {values.dtype} labels but classes holds {classes.dtype}; give both the same type.")
    place = np.searchsorted(classes, values, sorter=order).clip(max=len(classes) - 1)
    codes = order[place]
    outside = classes[codes] != values
    if outside.any():
        first = values[outside].item(0)
        raise ValueError(f"y contains {what} {first!r}, which is not in classes={classes.tolist()!r}.")
    return classes, codes


def column_names(classes, n_columns, what):
    """Return the names of the columns of ``y``, by default their numbers."""
    classes = np.arange(n_columns) if classes is None else classes
    if len(classes) != n_columns:
        raise ValueError(f"y has {n_columns} columns of {what} but classes names {len(classes)}; give one name each.")
    return classes


def refuse_marker(classes, name, marker):
    """Raise when a marker is one of the given classes: its rows would have a class and none."""
    if classes is not None and marked(classes, marker).any():
        raise ValueError(f"{name}={marker!r} is also one of classes={classes.tolist()!r}; give it another value.")


def _refuse_mixture(values, name, known=False, takes_numbers=False):
    """Raise where strings stand beside other values; ``known`` says which entries are markers."""
    if values.dtype.kind != "O":
        return
    strings = _each(lambda value: isinstance(value, str), values)
    odd = ~(strings | known)
    if takes_numbers and not (strings & ~known).any():
        odd &= ~_each(lambda value: isinstance(value, Real) and value == value, values)
    if odd.any():
        first = values[odd][0]
        raise TypeError(
            f"Unknown label type: {name} holds {first!r} ({type(first).__name__}) among strings or objects; give all "
            "labels as numbers of a numeric dtype or all as strings, and missing ones as the marker of the estimator."
        )


def _each(test, values):
    return np.frompyfunc(test, 1, 1)(values).astype(bool)
