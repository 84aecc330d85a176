"""What two fits have in common, told by short texts that are the same in every process."""

import hashlib
import re
from functools import partial
from numbers import Number

import numpy as np
import torch
from scipy import sparse
from sklearn.base import BaseEstimator
from skorch.callbacks import Callback

_CHUNK = 2**25


def digest(array):
    """Return a digest of shape, type and contents of an array, tensor, csr matrix or source of slices, read in chunks.

    Examples
    --------
    >>> digest(np.zeros((2, 2))) == digest(np.zeros((2, 2))), digest(np.zeros((2, 2))) == digest(np.zeros((4, 1)))
    (True, False)
    """
    if isinstance(array, torch.Tensor):
        # Half precision, which numpy may not know, loses nothing by being widened.
        array = (array.float() if array.is_floating_point() and array.itemsize < 4 else array).detach().cpu().numpy()
    result = hashlib.sha256(f"{array.shape} {array.dtype}".encode())
    if sparse.issparse(array):
        parts = (array.data, array.indices, array.indptr)
    else:
        rows = max(1, _CHUNK // max(1, array[0:1].nbytes)) if array.shape else 1
        parts = (array[i : i + rows] for i in range(0, len(array), rows)) if array.shape else (array,)
    for part in parts:
        plain = not part.dtype.hasobject
        result.update(np.ascontiguousarray(part).tobytes() if plain else repr(part.tolist()).encode())
    return result.hexdigest()[:16]


def describe(value):
    """Return a text for a parameter, the same for equal ones whatever their addresses.

    Of arrays and networks it holds a digest; of estimators and callbacks, name and parameters.

    Examples
    --------
    >>> describe(("a", 1.5, [np.float32])), describe(partial(dict, a=1))
    ("('a', 1.5, [numpy.float32])", 'partial(builtins.dict, a=1)')
    """
    if value is None or isinstance(value, (Number, str, bytes)):
        return repr(value)
    if isinstance(value, (list, tuple)):
        inside = ", ".join(map(describe, value))
        return f"[{inside}]" if isinstance(value, list) else f"({inside})"
    if isinstance(value, (np.ndarray, torch.Tensor)) or sparse.issparse(value):
        return f"{type(value).__name__} {tuple(value.shape)} {digest(value)}"
    if isinstance(value, torch.nn.Module):
        return _call(value, {name: tensor for name, tensor in value.state_dict().items()})
    if isinstance(value, Callback):
        settings = {k: v for k, v in vars(value).items() if not k.endswith("_")}
        return _call(value, {k: v for k, v in settings.items() if v is None or isinstance(v, (Number, str))})
    if isinstance(value, BaseEstimator):
        networks = {"fitted": value.net_.module_} if hasattr(value, "net_") else {}
        return _call(value, value.get_params(deep=False) | networks)
    if isinstance(value, partial):
        return f"partial({', '.join([describe(value.func), *map(describe, value.args), *_settings(value.keywords)])})"
    if hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__}"
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))


def _call(value, settings):
    return f"{type(value).__name__}({', '.join(_settings(settings))})"


def _settings(settings):
    return [f"{name}={describe(value)}" for name, value in settings.items()]
