"""One judge for every absurd input: an error that names what is wrong, or a valid result; in a child with limits."""

import copy
import inspect
import os
import re
import resource
import signal
import tempfile
import warnings

import numpy as np
import torch
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from tests.reliability import catalogue
from tests.reliability.fits import small_estimator

SECONDS, BYTES = 12, 3 * 2**30
# scikit-learn's own sentences about X and y, which other tools know as well.
STANDARD = r"Found array with|Expected 2D array|Unknown label type|inconsistent number|Complex data|could not convert string|" \
           r"setting an array element|feature names|The number of classes|Expected a 1D array|Only binary|Found input variables"  # fmt: skip
NOT_OURS = r"mat1|must match the size of tensor|dtype Long|RuntimeError|Expected all tensors|at::|c10::|same dtype|THPVariable"

# Compiling takes longer than a case may.
LONG = {("compile", "True")}


class Late(BaseException):
    """The time of a case is over."""


def _frozen(value):
    """Return what must not change of an input."""
    if isinstance(value, (np.ndarray, torch.Tensor)) or sparse.issparse(value) or hasattr(value, "iloc"):
        return copy.deepcopy(value)
    return None


def _same(before, now):
    if before is None or before is now:
        return True
    if sparse.issparse(before):
        return np.array_equal(before.toarray(), now.toarray(), equal_nan=True)
    if isinstance(before, torch.Tensor) or hasattr(before, "iloc"):
        return repr(before) == repr(now) if isinstance(before, torch.Tensor) else before.equals(now)
    same = (before.dtype, before.shape) == (now.dtype, now.shape) and before.tobytes() == now.tobytes()
    # Printing takes long, and only objects and masks show more in it than in the bytes.
    return same and ((type(before) is np.ndarray and before.dtype != object) or repr(before) == repr(now))


def judge(cls, parameters, X, y, keywords):
    """Return None when the outcome of a fit is as it should be, else what is wrong with it."""
    names = {*inspect.signature(cls).parameters, *keywords, "X", "y", "n_samples", "n_features", "module"}
    before = [_frozen(value) for value in (X, y, *keywords.values())]
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            clf = small_estimator(cls, **({"max_epochs": 1, "batch_size": 64} | _short(cls) | parameters))
            clf.fit(X, y, **keywords)
            wrong = _check_result(clf, cls)
        except (ValueError, TypeError, FloatingPointError) as error:
            text = str(error)
            wrong = None
            if not re.search(rf"\b({'|'.join(names)})\b|{STANDARD}", text) or re.search(NOT_OURS, text):
                wrong = f"{type(error).__name__} without a name: {text}"
        except Late:
            wrong = "too slow"
        except BaseException as error:
            wrong = f"{type(error).__name__}: {error}"
    foreign = [w for w in told if not issubclass(w.category, (UserWarning, ConvergenceWarning))]
    if wrong is None and foreign:
        wrong = f"{foreign[0].category.__name__}: {foreign[0].message}"
    if not all(_same(*pair) for pair in zip(before, (X, y, *keywords.values()), strict=True)):
        wrong = "an input was changed"
    return wrong


def _short(cls):
    """Return epochs that are few, and more than a warm-up."""
    short = {name: 1 for name in inspect.signature(cls).parameters if name.startswith("warmup")}
    return short | {"max_epochs": 2} if short else short


def _check_result(clf, cls):
    X, _ = catalogue.valid(cls)
    if clf.net_.input_shape != (X.shape[1],):
        X = np.zeros((3, *clf.net_.input_shape))
    if hasattr(clf, "feature_names_in_"):
        del clf.feature_names_in_
    proba, predicted = clf.predict_proba(X), clf.predict(X)
    if not np.isfinite(proba).all() or (proba < 0).any() or (proba > 1).any():
        return "probabilities that are none"
    if cls._label_kind != "multilabel" and not np.allclose(proba.sum(1), 1, atol=1e-4):
        return "probabilities that do not sum to 1"
    if predicted.ndim == 1 and not set(predicted.tolist()) <= set(clf.classes_.tolist()):
        return "predictions that are no classes"
    if len(proba) != len(X) or len(predicted) != len(X):
        return "predictions of another length"
    weights = [p for name in clf.net_._modules for p in getattr(clf.net_, f"{name}_").parameters()]
    return None if all(torch.isfinite(p).all() for p in weights) else "weights that are not finite"


def cases(cls):
    """Return the cases of a class by name: parameters, rows, labels and keywords."""
    X, y = catalogue.valid(cls)
    result = {f"X {name}": ({}, value, y, {}) for name, value in catalogue.inputs(X).items()}
    result |= {f"y {name}": ({}, X, value, {}) for name, value in catalogue.labels(y, cls._label_kind).items()}
    result |= {f"rows {name}": ({}, *pair, {}) for name, pair in catalogue.rows_and_labels(X, y).items()}
    result |= {f"fit {name}": ({}, X, y, dict([fact])) for name, fact in catalogue.facts(cls, len(X)).items()}
    for parameter in inspect.signature(cls).parameters:
        for name, value in catalogue.VALUES.items():
            # What would be right, only long.
            if (parameter, name) not in LONG and not (re.search("epoch|steps", parameter) and name == "2**40"):
                result[f"{parameter}={name}"] = ({parameter: value}, X, y, {})
    return result


def judge_all(cls, chosen, queue):
    """Judge the chosen cases of a class in this child, which has little memory and little time for each."""
    torch.set_num_threads(1)
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))

    def ring(*_):
        raise Late

    signal.signal(signal.SIGALRM, ring)
    every = cases(cls)
    # Some values are names of files.
    with tempfile.TemporaryDirectory() as directory:
        os.chdir(directory)
        for name in chosen:
            queue.put((name, "died"))
            signal.alarm(SECONDS)
            try:
                wrong = judge(cls, *every[name])
            finally:
                signal.alarm(0)
            queue.put((name, wrong))
    queue.put(None)
