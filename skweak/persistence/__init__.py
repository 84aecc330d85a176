"""Estimators in one file each: `save` and `load`, which runs nothing that the file says; `export_onnx` for others."""

from skweak.persistence.model import load, save
from skweak.persistence.onnx import export_onnx
from skweak.storage import FileFormatError

__all__ = ["FileFormatError", "export_onnx", "load", "save"]
