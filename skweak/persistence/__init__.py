"""Estimators in one file each: `save` and `load`, which runs nothing that the file says."""

from skweak.persistence.model import load, save
from skweak.storage import FileFormatError

__all__ = ["FileFormatError", "load", "save"]
