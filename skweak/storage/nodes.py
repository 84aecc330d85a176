"""Python values as JSON and back: plain values, arrays, tensors and names, and nothing else.

None, booleans, numbers, strings and lists stand for themselves; everything else is an object of one key that says what
it is. A name is looked up in a table given by the caller; nothing is ever imported or run because a text says so.
"""

import math
from functools import partial
from types import BuiltinFunctionType, FunctionType
from typing import NamedTuple

import numpy as np
import torch

from skweak.storage.layout import DTYPES, FileFormatError

_SPECIAL = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
_DTYPES = {str(dtype).removeprefix("torch."): dtype for dtype in DTYPES.values()}
# Bytes that an array of strings may take for each byte of text: it is as wide as its longest one.
_WIDEST = 256


class Kind(NamedTuple):
    """One more type of values: its key, what it is made of, and how it is made again."""

    key: str
    type: type
    take_apart: callable
    put_together: callable


class Writer:
    """Turns values into nodes and gathers their tensors.

    Parameters
    ----------
    name_of : callable, optional
        From a class or function to the name it is known by, or None.
    kinds : list of Kind
        Further types.
    """

    def __init__(self, name_of=lambda value: None, kinds=()):
        self.name_of, self.kinds, self.tensors = name_of, kinds, {}

    def node(self, value, where):
        """Return the node of ``value``, which stands at ``where``; raise where it cannot be kept."""
        if value is None or type(value) in (bool, int, str):
            return value
        if type(value) is float:
            return value if math.isfinite(value) else {"float": str(value)}
        if type(value) is list:
            return self._items(value, where)
        for kind in self.kinds:
            if isinstance(value, kind.type):
                return {kind.key: self.node(kind.take_apart(value), where)}
        return self._tagged(value, where)

    def _tagged(self, value, where):
        if isinstance(value, dict):
            return {"dict": [[self.node(k, where), self.node(v, f"{where}.{k}")] for k, v in value.items()]}
        if type(value) is tuple:
            return {"tuple": self._items(value, where)}
        if isinstance(value, torch.Tensor) and value.layout is torch.strided and not value.dtype.is_complex:
            return {"tensor": self._keep(value, where)}
        if isinstance(value, (np.ndarray, np.generic)):
            return self._array(value, where)
        if isinstance(value, (torch.dtype, torch.device)):
            return {type(value).__name__: str(value).removeprefix("torch.")}
        if isinstance(value, partial):
            return {"partial": self._items([value.func, list(value.args), value.keywords], where)}
        name = self.name_of(value) if isinstance(value, (type, FunctionType, BuiltinFunctionType)) else None
        if name is None:
            raise TypeError(f"{where} is {value!r}, of type {type(value).__name__}, which cannot be kept in a file.")
        return {"name": name}

    def _items(self, values, where):
        return [self.node(value, f"{where}.{i}") for i, value in enumerate(values)]

    def _array(self, value, where):
        if isinstance(value, (np.str_, str)):
            return str(value)
        if value.dtype.kind in "OU":
            texts = np.asarray(value).ravel().tolist()
            if all(type(text) is str for text in texts) and _fits(value.size, texts):
                return {"strings": [list(value.shape), value.dtype.kind == "O", texts]}
        try:
            native = np.array(value, dtype=value.dtype.newbyteorder("="), order="C")
            name = self._keep(torch.from_numpy(native), where)
        except TypeError as error:
            raise TypeError(f"{where} is an array of {value.dtype}, which cannot be kept in a file.") from error
        return {"array" if isinstance(value, np.ndarray) else "scalar": name}

    def _keep(self, tensor, where):
        name = where
        while name in self.tensors:
            name += "_"
        self.tensors[name] = tensor
        return name


class Reader:
    """Turns nodes into values again.

    Parameters
    ----------
    tensors : dict of str to tensor
        Each may be used once, so that a small file cannot give much.
    names : dict
        Classes and functions by name.
    kinds : list of Kind
        As in `Writer`.

    Raises
    ------
    FileFormatError
        If a node is none.
    """

    def __init__(self, tensors, names=None, kinds=()):
        self.tensors, self.names = dict(tensors), names or {}
        self.kinds = {kind.key: kind.put_together for kind in kinds}
        self.made = {
            "float": _SPECIAL.__getitem__, "dict": self._dict, "tuple": lambda items: tuple(self._list(items)),
            "tensor": self._take, "array": lambda name: self._take(name).numpy(), "scalar": self._scalar,
            "strings": _strings, "dtype": _DTYPES.__getitem__, "device": torch.device,
            "partial": self._partial, "name": self._name,
        }  # fmt: skip

    def value(self, node):
        """Return the value of a node."""
        if node is None or type(node) in (bool, int, str):
            return node
        if type(node) is float:
            if math.isfinite(node):
                return node
            raise FileFormatError("it holds a number that is too large")
        if type(node) is list:
            return self._list(node)
        if type(node) is not dict or len(node) != 1:
            raise FileFormatError("it holds something that is no value")
        ((key, inside),) = node.items()
        if key in self.kinds:
            return self.kinds[key](self.value(inside))
        if key not in self.made:
            raise FileFormatError(f"it holds a value of the unknown kind {key!r}")
        try:
            return self.made[key](inside)
        except FileFormatError:
            raise
        except (TypeError, ValueError, KeyError, RuntimeError) as error:
            raise FileFormatError(f"it holds a {key} that is none: {error}") from error

    def finish(self):
        """Raise when a tensor belongs to nothing."""
        if self.tensors:
            raise FileFormatError(f"its tensor {next(iter(self.tensors))!r} belongs to nothing")

    def _list(self, items):
        if type(items) is not list:
            raise TypeError("no list")
        return [self.value(item) for item in items]

    def _dict(self, pairs):
        result = {self.value(key): self.value(value) for key, value in pairs}
        if len(result) != len(pairs):
            raise FileFormatError("a key comes twice")
        return result

    def _take(self, name):
        if name not in self.tensors:
            raise FileFormatError(f"the tensor {name!r} is not there, or used twice")
        return self.tensors.pop(name)

    def _scalar(self, name):
        array = self._take(name).numpy()
        if array.ndim:
            raise TypeError("it has dimensions")
        return array[()]

    def _name(self, name):
        if name not in self.names:
            raise FileFormatError(
                f"it needs {name!r}, which is no class or function of this package; if you know it and trust it, "
                f"pass it: trusted=[{str(name).rpartition('.')[2]}]"
            )
        return self.names[name]

    def _partial(self, parts):
        function, args, keywords = self._list(parts)
        if not callable(function):
            raise TypeError("no function")
        return partial(function, *args, **keywords)


def _fits(size, texts):
    return 4 * size * max(map(len, texts), default=0) <= _WIDEST * (sum(map(len, texts)) + 4 * len(texts))


def _strings(parts):
    shape, as_objects, texts = parts
    if not all(type(text) is str for text in texts) or type(as_objects) is not bool:
        raise TypeError("not only text")
    if not as_objects and not _fits(len(texts), texts):
        raise ValueError("one text is much longer than the others")
    return np.array(texts, dtype=object if as_objects else str).reshape(shape)
