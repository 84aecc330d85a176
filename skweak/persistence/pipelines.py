"""Estimators around networks, such as pipelines: scikit-learn's parts in the format of skops, the networks in ours.

skops writes an archive whose types are compared with a list before any object is made. What it does not look at is
looked at here: sizes that the archive claims, and nodes that stand for one another.
"""

import copy
import io
import json
import math
import sys
import zipfile
from functools import cache

import numpy as np
import torch
from sklearn import model_selection
from sklearn.base import BaseEstimator
from sklearn.metrics import get_scorer, get_scorer_names
from skorch import NeuralNet
from skorch.callbacks import Callback

from skweak.base import WeakClassifier
from skweak.storage import FileFormatError
from skweak.utils import all_estimators

# Parts of scikit-learn without compiled code that skops does not list, since they are no public estimators.
_HARMLESS = (
    "numpy.dtype", "numpy.floating", "numpy.integer", "numpy.ma.MaskedArray", "numpy.number",
    "sklearn.calibration._CalibratedClassifier", "sklearn.calibration._SigmoidCalibration",
    "sklearn.calibration._TemperatureScaling", "sklearn.compose._column_transformer.make_column_selector",
    "sklearn.feature_selection._mutual_info.mutual_info_classif",
    "sklearn.feature_selection._univariate_selection.chi2",
    "sklearn.feature_selection._univariate_selection.f_classif", "sklearn.metrics._scorer._CurveScorer",
    "sklearn.metrics._scorer._PassthroughScorer", "sklearn.metrics._scorer._Scorer", "sklearn.utils._bunch.Bunch",
    "sklearn.utils._metadata_requests.MetadataRequest", "sklearn.utils._metadata_requests.MethodMetadataRequest",
)  # fmt: skip
# These have files of their own; an archive never holds one.
_OURS = (WeakClassifier, NeuralNet, Callback, torch.nn.Module, torch.optim.Optimizer)
# A sparse matrix is compressed; it may unfold to this many times its bytes, or to a megabyte.
_UNFOLDS = 64


class Around:
    """An estimator that is none of ours, to be saved or just loaded."""

    def __init__(self, estimator):
        self.estimator = estimator


class NetworkPlace(BaseEstimator):
    """Stands in an archive for the network of that number."""

    def __init__(self, number=0):
        self.number = number

    def __deepcopy__(self, memo):
        return memo["networks"][self.number]


def take_around_apart(around):
    """Return the archive of an estimator and the networks that stand in it."""
    skops_io = _skops()
    networks = _networks_in(around.estimator)
    places = {id(network): NetworkPlace(number) for number, network in enumerate(networks)}
    try:
        without = copy.deepcopy(around.estimator, places)
        archive = skops_io.dumps(without)
        _check_archive(archive)
    except (AttributeError, FileFormatError, RecursionError, ValueError) as error:
        name = type(around.estimator).__name__
        raise TypeError(f"{name} holds something that skops cannot keep: {error}.") from error
    for name in skops_io.get_untrusted_types(data=archive):
        module, _, own = name.rpartition(".")
        if module.partition(".")[0] in ("torch", "skorch") or own not in vars(sys.modules.get(module, io)):
            raise TypeError(
                f"{type(around.estimator).__name__} holds {name}, which cannot be kept in a file; give a function or "
                "class that stands in a module under its name."
            )
    return {"archive": np.frombuffer(archive, dtype=np.uint8).copy(), "networks": networks}


def put_around_together(plain, trusted):
    """Return the estimator again, with everything that its archive names compared with what is trusted first."""
    networks = plain["networks"]
    if not all(isinstance(network, WeakClassifier) for network in networks):
        raise FileFormatError("one of its networks is none")
    skops_io, archive = _skops(), plain["archive"].tobytes()
    try:
        made = _unpack(skops_io, archive, [*_harmless(), *_names(trusted)])
        return Around(copy.deepcopy(made, {"networks": networks}))
    except FileFormatError:
        raise
    except Exception as error:
        # Whatever an odd archive meets in zipfile, numpy, skops or the states of scikit-learn, it was the file.
        raise FileFormatError(f"its archive cannot be read: {error}") from error


def _unpack(skops_io, archive, known):
    """Return the estimator of a checked archive, networks still missing."""
    _check_archive(archive)
    unknown = sorted(set(skops_io.get_untrusted_types(data=archive)) - set(known))
    if unknown:
        imports = "; ".join(f"from {module} import {own}" for module, _, own in (n.rpartition(".") for n in unknown))
        listed = ", ".join(name.rpartition(".")[2] for name in unknown)
        raise FileFormatError(
            f"it needs {', '.join(unknown)}, which could do harm in a file of a stranger; if you trust who made the "
            f"file, pass what it needs: {imports}; trusted=[{listed}]"
        )
    made = skops_io.loads(archive, trusted=known)
    if not isinstance(made, BaseEstimator):
        raise FileFormatError(f"it holds a {type(made).__name__} instead of an estimator")
    return made


def _skops():
    try:
        import skops.io
    except ImportError as error:
        raise ImportError(
            "Estimators of other packages, such as a Pipeline, are kept by skops, which is not installed: "
            "pip install 'skweak-learn[skops]'."
        ) from error
    return skops.io


@cache
def _harmless():
    """Return the names that an archive may hold besides what skops vouches for."""
    ours = [cls for _, cls in all_estimators() if not issubclass(cls, WeakClassifier)]
    folds = [cls for cls in vars(model_selection).values() if isinstance(cls, type) and hasattr(cls, "split")]
    scores = {get_scorer(name)._score_func for name in get_scorer_names()}
    return [*_HARMLESS, *_names([NetworkPlace, *ours, *folds, *scores])]


def _names(values):
    return [f"{v.__module__}.{v.__name__}" for v in values if not (isinstance(v, type) and issubclass(v, _OURS))]


def _networks_in(root):
    """Return every estimator of ours within an estimator, each once."""
    found, stack, seen = [], [root], {}
    while stack:
        value = stack.pop()
        if id(value) in seen or isinstance(value, type):
            continue
        seen[id(value)] = value
        if isinstance(value, WeakClassifier):
            found.append(value)
        elif isinstance(value, dict):
            stack += value.values()
        elif isinstance(value, (list, tuple, set, frozenset)):
            stack += value
        elif isinstance(value, np.ndarray):
            stack += value.ravel().tolist() if value.dtype == object else []
        elif hasattr(value, "__dict__"):
            stack += vars(value).values()
    return found


def _check_archive(data):
    """Raise unless an archive is what it says: its parts as large as they claim, and every node written out."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
            if any(part.compress_type != zipfile.ZIP_STORED for part in parts):
                raise FileFormatError("its archive is compressed")
            if len({part.filename for part in parts}) < len(parts) or sum(p.file_size for p in parts) > len(data):
                raise FileFormatError("its archive claims more than it holds")
            for part in parts:
                _check_part(archive, part)
            _check_nodes(json.loads(archive.read("schema.json")))
    except zipfile.BadZipFile as error:
        raise FileFormatError(f"its archive is none: {error}") from error


def _check_part(archive, part):
    if part.filename.endswith(".npz"):
        with zipfile.ZipFile(io.BytesIO(archive.read(part))) as inner:
            if sum(one.file_size for one in inner.infolist()) > max(2**20, _UNFOLDS * part.file_size):
                raise FileFormatError("one of its sparse matrices unfolds to much more than it holds")
            for one in inner.infolist():
                _check_array(inner, one)
    elif part.filename.endswith(".npy"):
        _check_array(archive, part)
    elif part.filename != "schema.json":
        raise FileFormatError(f"its archive holds {part.filename!r}")


def _check_array(archive, part):
    with archive.open(part) as file:
        version = np.lib.format.read_magic(file)
        if version not in ((1, 0), (2, 0)):
            raise FileFormatError("one of its arrays has an unknown header")
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(file)
        if math.prod(shape) * dtype.itemsize != part.file_size - file.tell() or math.prod(shape) > max(
            part.file_size, 1
        ):
            raise FileFormatError("one of its arrays is not as large as it says")


def _check_nodes(schema):
    """Raise where a short text stands for a long one: a name that means two things, a part that is read twice."""
    numbers, meanings, readers = {}, {}, {}

    def number(node):
        # Equal values get equal numbers, whatever name they have in the archive.
        if isinstance(node, dict):
            key = dict, *sorted((k, number(v)) for k, v in node.items() if k not in ("__id__", "file"))
        elif isinstance(node, list):
            key = list, *map(number, node)
        else:
            return numbers.setdefault((type(node), node), len(numbers))
        found = numbers.setdefault(key, len(numbers))
        if isinstance(node, dict):
            name = node.get("__id__")
            if node.get("__loader__") == "CachedNode" or (name and meanings.setdefault(name, found) != found):
                raise FileFormatError("a node of its archive stands for another one")
            if "__loader__" in node and "file" in node and (not name or readers.setdefault(node["file"], name) != name):
                raise FileFormatError("a part of its archive is used twice")
        return found

    number(schema)
