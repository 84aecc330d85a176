"""Write one page per module of the public names in ``api_list``."""

import importlib
import inspect
from pathlib import Path

from api_list import API


def page(module, title, groups):
    """Return the reStructuredText of a module."""
    lines = [title, "=" * len(title), "", f".. currentmodule:: {module}", "", f".. automodule:: {module}", ""]
    for heading, names in groups.items():
        if heading:
            lines += [heading, "-" * len(heading), ""]
        for name in names:
            lines += directive(module, name)
    return "\n".join(lines)


def directive(module, name):
    """Return the lines that document one name."""
    value = getattr(importlib.import_module(module), name)
    if inspect.isclass(value):
        methods = sorted(
            method
            for method, function in vars(value).items()
            if not method.startswith("_") and callable(getattr(value, method)) and inspect.getdoc(function)
            # Made by scikit-learn for metadata routing, with links into its own pages.
            and not method.endswith("_request")
        )
        lines = [f".. autoclass:: {name}", "   :no-undoc-members:"]
        return [*lines, *([f"   :members: {', '.join(methods)}"] if methods else []), ""]
    kind = "autofunction" if inspect.isfunction(value) else "autodata"
    return [f".. {kind}:: {name}", ""]


def write(app):
    """Write the pages that differ from what is there, so that a second build reads little."""
    folder = Path(app.srcdir) / "api"
    folder.mkdir(exist_ok=True)
    pages = {f"{module.removeprefix('skweak.')}.rst": page(module, *rest) for module, rest in API.items()}
    toc = ["API reference", "=============", "", ".. toctree::", "   :maxdepth: 1", ""]
    pages["index.rst"] = "\n".join([*toc, *(f"   {name.removesuffix('.rst')}" for name in pages), ""])
    for name, text in pages.items():
        path = folder / name
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
    for path in set(folder.glob("*.rst")) - {folder / name for name in pages}:
        path.unlink()


def setup(app):
    """Register with Sphinx; before the pages are found."""
    app.connect("builder-inited", write, priority=100)
    return {"parallel_read_safe": True}
