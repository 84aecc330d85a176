"""How values reach the disk and come back: whole or not at all, and never as code."""

from skweak.storage.atomic import remove_leftovers, write_file

__all__ = ["remove_leftovers", "write_file"]
