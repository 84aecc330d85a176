"""`save` and `load`: an estimator in one file of tensors and plain values."""

from pathlib import Path, PurePath

import numpy as np
from sklearn.base import BaseEstimator
from skorch.callbacks import Callback

from skweak.base import WeakClassifier
from skweak.fit.parameters import check_parameters
from skweak.persistence.names import known_names, name_finder
from skweak.persistence.networks import put_trainer_together, take_trainer_apart
from skweak.persistence.pipelines import Around, put_around_together, take_around_apart
from skweak.storage import FileFormatError, Kind, read_document, write_document


def save(estimator, path):
    """Write an estimator, fitted or not, to one file.

    The file holds parameters, weights and fitted attributes, and neither code nor training data; any reader of
    safetensors opens its tensors. It is written whole or not at all. What only training needs, such as the state of an
    optimizer, is left out.

    Parameters
    ----------
    estimator : estimator
        Any classifier of this package; or a pipeline, a search, a calibrated classifier, any estimator of scikit-learn
        whose networks are of this package. Those are kept by skops, as are parameters that are estimators of
        scikit-learn: ``pip install 'skweak-learn[skops]'``.
    path : path
        The file, which is replaced if it is there.

    Raises
    ------
    TypeError
        If a parameter or attribute cannot be kept without code, such as a lambda or a module instance; the message
        names it.
    ImportError
        If it is an estimator of scikit-learn, or holds one, and skops is not installed.

    See Also
    --------
    load : Read it again.

    Examples
    --------
    >>> import os, tempfile
    >>> import skweak
    >>> from sklearn.datasets import load_iris
    >>> from skweak.noisy import GCEClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = GCEClassifier(max_epochs=3, random_state=0).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     skweak.save(clf, os.path.join(directory, "iris.skweak"))
    ...     again = skweak.load(os.path.join(directory, "iris.skweak"))
    >>> bool((again.predict_proba(X) == clf.predict_proba(X)).all())
    True
    """
    if not isinstance(estimator, BaseEstimator):
        raise TypeError(
            f"estimator must be an estimator of skweak or scikit-learn, got {type(estimator).__name__}; of another "
            "network save what torch.save keeps."
        )
    value = estimator if isinstance(estimator, WeakClassifier) else Around(estimator)
    try:
        write_document(path, "estimator", value, name_of=name_finder(), kinds=_kinds(()))
    except TypeError as error:
        raise TypeError(
            f"{error} Predictions need neither teacher nor callbacks: set such parameters to None before saving; "
            "give a network as a class with module__ parameters."
        ) from error


def load(path, trusted=()):
    """Return the estimator that `save` wrote to ``path``.

    Names in the file are looked up in a fixed table and in ``trusted``; nothing is imported or run because the file
    says so. Everything is checked before memory is taken for it, and a checksum covers every bit.

    Parameters
    ----------
    path : path
    trusted : sequence of classes and functions, default=()
        Your own network classes and functions that the estimator was given as parameters. They are called. Also
        compiled classes of scikit-learn, such as its trees, that read their numbers without looking: the error of an
        untrusted one names it.

    Returns
    -------
    estimator
        It predicts with the same bits on the same device.

    Raises
    ------
    FileFormatError
        If the file is damaged, no file of `save`, of a newer format, or names something that is not trusted.

    See Also
    --------
    save : Write it.
    """
    names = known_names(trusted)
    return read_document(path, "estimator", _only_estimator, names=names, kinds=_kinds(trusted))


def _only_estimator(value):
    if isinstance(value, Around):
        return value.estimator
    if not isinstance(value, WeakClassifier):
        raise FileFormatError("it holds no estimator")
    return value


def _kinds(trusted):
    return [
        Kind("estimator", WeakClassifier, _take_apart, lambda plain: _put_together(plain, bool(trusted))),
        Kind("around", Around, take_around_apart, lambda plain: put_around_together(plain, trusted)),
        # A parameter or a fitted attribute of ours, such as the classifier of a vote.
        Kind(
            "within",
            BaseEstimator,
            lambda inner: take_around_apart(Around(inner)),
            lambda plain: put_around_together(plain, trusted).estimator,
        ),
        Kind("callback", Callback, _take_callback_apart, _put_callback_together),
        Kind("path", PurePath, str, lambda text: Path(_checked(text, str))),
        Kind("random_state", np.random.RandomState, lambda state: state.get_state(), _random_state),
    ]


def _take_apart(estimator):
    parameters = estimator.get_params(deep=False)
    attributes = {name: value for name, value in vars(estimator).items() if name not in {*parameters, "net_"}}
    net = take_trainer_apart(estimator.net_) if hasattr(estimator, "net_") else None
    return {"class": type(estimator), "parameters": parameters, "attributes": attributes, "net": net}


def _put_together(plain, trusted):
    cls, attributes, saved = plain["class"], _checked(plain["attributes"], dict), plain["net"]
    if not issubclass(_checked(cls, type), WeakClassifier):
        raise FileFormatError(f"its class {cls.__name__} is no estimator")
    estimator = cls(**plain["parameters"])
    check_parameters(estimator)
    for name in attributes:
        if not name.isidentifier() or hasattr(estimator, name):
            raise FileFormatError(f"its attribute {name!r} is none that a fit leaves")
    vars(estimator).update(attributes)
    if saved is not None:
        _check_attributes(estimator, saved)
        estimator.net_ = put_trainer_together(estimator, saved, trusted)
    return estimator


def _check_attributes(estimator, saved):
    """Raise unless the fitted attributes and the shapes of the networks belong together."""
    attributes, shape = vars(estimator), saved["input_shape"]
    n_classes = len(_checked(attributes.get("classes_"), np.ndarray))
    if n_classes != estimator._kind.n_classes(saved["n_outputs"], _checked(attributes.get("_flat_y"), bool)):
        raise FileFormatError(f"it has {n_classes} classes for {saved['n_outputs']} outputs")
    if attributes.get("n_features_in_") != shape[0]:
        raise FileFormatError(f"n_features_in_ is {attributes.get('n_features_in_')!r} for rows of shape {shape}")
    if "feature_names_in_" in attributes and len(attributes["feature_names_in_"]) != shape[0]:
        raise FileFormatError(f"it has {len(attributes['feature_names_in_'])} feature names for rows of shape {shape}")
    lengths = {len(attributes[name]) for name in estimator._row_attributes if attributes.get(name) is not None}
    if len(lengths) > 1:
        raise FileFormatError(f"its attributes have {sorted(lengths)} rows")
    if not all(isinstance(row, dict) for row in _checked(attributes.get("history_"), list)):
        raise FileFormatError("its history is none")


def _take_callback_apart(callback):
    # What ends in an underscore belongs to a fit.
    return {"class": type(callback), "settings": {k: v for k, v in vars(callback).items() if not k.endswith("_")}}


def _put_callback_together(plain):
    cls = plain["class"]
    if not issubclass(_checked(cls, type), Callback):
        raise FileFormatError(f"its callback {cls.__name__} is none")
    callback = cls.__new__(cls)
    if any(not name.isidentifier() or hasattr(cls, name) for name in plain["settings"]):
        raise FileFormatError(f"its callback {cls.__name__} has odd settings")
    vars(callback).update(plain["settings"])
    return callback


def _random_state(state):
    result = np.random.RandomState()
    result.set_state(state)
    return result


def _checked(value, kind):
    if not isinstance(value, kind):
        raise FileFormatError(f"it holds a {type(value).__name__} where a {kind.__name__} belongs")
    return value
