"""How values reach the disk and come back: whole or not at all, and never as code."""

from skweak.storage.atomic import remove_leftovers, write_file
from skweak.storage.document import package_versions, read_document, write_document
from skweak.storage.fingerprint import describe, digest
from skweak.storage.layout import FileFormatError
from skweak.storage.nodes import Kind

__all__ = [
    "FileFormatError",
    "Kind",
    "describe",
    "digest",
    "package_versions",
    "read_document",
    "remove_leftovers",
    "write_document",
    "write_file",
]
