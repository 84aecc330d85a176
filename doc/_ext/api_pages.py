"""Write the reference from ``api_list``: a page for every module, and one for every class with all that it inherits."""

import html
import importlib
import inspect
import re
from functools import cache
from pathlib import Path

from api_list import API
from docutils import nodes
from docutils.parsers.rst import Directive
from numpydoc.docscrape import NumpyDocString


@cache
def public_names():
    """Return module and object of every public name."""
    found = {}
    for module, (_, groups) in API.items():
        for name in (name for names in groups.values() for name in names):
            found[name] = module, getattr(importlib.import_module(module), name)
    return found


def module_page(module, title, groups):
    """Return the reStructuredText of a module: its classes in a table with links, its functions in full."""
    lines = [*heading(title, "="), f".. currentmodule:: {module}", "", f".. automodule:: {module}", ""]
    values = {name: getattr(importlib.import_module(module), name) for names in groups.values() for name in names}
    for title, names in groups.items():
        classes = [name for name in names if inspect.isclass(values[name])]
        others = [name for name in names if name not in classes]
        if title:
            lines += heading(title, "-")
        if classes:
            lines += summary([(f":py:obj:`{name} <{module}.{name}>`", first_line(values[name])) for name in classes])
            lines += [".. toctree::", "   :hidden:", "", *(f"   {module}.{name}" for name in classes), ""]
        for name in others:
            kind = "autofunction" if inspect.isroutine(values[name]) else "autodata"
            lines += [f".. {kind}:: {name}", ""]
    return "\n".join(lines)


def class_page(module, cls):
    """Return the reStructuredText of a class: docstring, inherited parameters, methods, and where it is measured."""
    name = cls.__name__
    lines = [*heading(name, "="), f".. currentmodule:: {module}", "", f".. autoclass:: {name}", ""]
    for section, what in (("Parameters", "parameters"), ("Attributes", "attributes")):
        entries = inherited(cls, section)
        if entries:
            text = [line for entry in entries for line in definition(*entry)]
            lines += [f".. folded:: {len(entries)} inherited {what}", "", *("   " + line for line in text), ""]
    own, rows = [], []
    for method in methods(cls):
        target = documented_at(cls, method)
        own += [method] * (target == f"{module}.{name}")
        shown = f":py:obj:`{method}() <{target}.{method}>`" if target else f"``{method}()``"
        rows.append((shown, first_line(getattr(cls, method))))
    if rows:
        lines += [*heading("Methods", "-"), *summary(rows)]
        lines += [line for method in own for line in (f".. automethod:: {name}.{method}", "")]
    return "\n".join([*lines, f".. measured:: {name}", "", f".. minigallery:: {module}.{name}", ""])


def heading(title, mark):
    """Return an underlined title."""
    return [title, mark * len(title), ""]


def summary(rows):
    """Return a table of two columns."""
    lines = [".. list-table::", "   :widths: 30 70", ""]
    for left, right in rows:
        lines += [f"   * - {left}", f"     - {right}"]
    return [*lines, ""]


def first_line(value):
    """Return the first paragraph of a docstring on one line."""
    text = " ".join((inspect.getdoc(value) or "").split("\n\n")[0].split())
    # Roles of other packages lead nowhere here.
    text = re.sub(r":(?:\w+:)+`~?([^`<]*?)(?: <[^`]*)?`", r"``\1``", text)
    pieces = re.sub(r"::$", ":", text).split("``")
    # Between double backticks a star is a star.
    return "``".join(piece if i % 2 else piece.replace("*", r"\*") for i, piece in enumerate(pieces))


def methods(cls):
    """Return the names of the documented public methods, inherited ones included."""
    return [
        name
        for name in dir(cls)
        # Those that end in _request are made by scikit-learn, with links into its own pages.
        if not name.startswith("_") and not name.endswith("_request")
        if inspect.isroutine(getattr(cls, name)) and inspect.getdoc(getattr(cls, name))
    ]


def documented_at(cls, method):
    """Return the public class on whose page a method stands in full, None for methods of other packages."""
    public = {value: f"{module}.{name}" for name, (module, value) in public_names().items() if inspect.isclass(value)}
    definer = next(base for base in cls.__mro__ if method in vars(base))
    if not definer.__module__.startswith("skweak"):
        return None
    # A base that has no page of its own is documented with the first class below it that has one.
    *_, lowest = (base for base in cls.__mro__ if issubclass(base, definer) and base in public)
    return public[lowest]


def inherited(cls, section):
    """Return names, types and texts of the parameters or attributes that only the bases describe."""
    seen, found = set(), []
    try:
        signature = inspect.signature(cls).parameters
    except ValueError:
        # Exceptions inherit a constructor written in C.
        signature = {}
    for base in cls.__mro__:
        if not base.__module__.startswith("skweak") or "__doc__" not in vars(base) or not base.__doc__:
            continue
        for entry in NumpyDocString(inspect.cleandoc(base.__doc__))[section]:
            names = {name.strip() for name in entry.name.split(",")}
            fresh = names - seen
            seen |= names
            if base is cls or not fresh or (section == "Parameters" and not fresh <= set(signature)):
                continue
            defaults = [signature[name].default for name in sorted(fresh) if name in signature]
            found.append((", ".join(sorted(fresh)), with_default(entry.type, defaults), entry.desc))
    return found


def with_default(kind, defaults):
    """Return the type with the default of this class, which may differ from that of its base."""
    if not defaults or defaults[0] is inspect.Parameter.empty or not re.search(r"default=\S+$", kind):
        return kind
    shown = f'"{defaults[0]}"' if isinstance(defaults[0], str) else repr(defaults[0])
    return re.sub(r"default=\S+$", lambda _: f"default={shown}", kind)


def definition(name, kind, lines):
    """Return an entry of a definition list."""
    head = ", ".join(f"``{part.strip()}``" for part in name.split(","))
    return [f"{head} : {kind}" if kind else head, *("   " + line for line in lines or ["As in the base class."]), ""]


class Folded(Directive):
    """``folded:: TITLE``: content that opens when its title is clicked; without scripts."""

    required_arguments = 1
    final_argument_whitespace = True
    has_content = True

    def run(self):
        """Return the content between two pieces of HTML."""
        title = html.escape(self.arguments[0])
        box = nodes.container(classes=["folded"])
        self.state.nested_parse(self.content, self.content_offset, box)
        opened = nodes.raw("", f"<details><summary>{title}</summary>", format="html")
        return [opened, box, nodes.raw("", "</details>", format="html")]


def write(app):
    """Write the pages that differ from what is there, so that a second build reads little."""
    folder = Path(app.srcdir) / "api"
    folder.mkdir(exist_ok=True)
    pages = {f"{module}.rst": module_page(module, *rest) for module, rest in API.items()}
    toc = ["API reference", "=============", "", ".. toctree::", "   :maxdepth: 1", ""]
    pages["index.rst"] = "\n".join([*toc, *(f"   {name.removesuffix('.rst')}" for name in pages), ""])
    for name, (module, value) in public_names().items():
        if inspect.isclass(value):
            pages[f"{module}.{name}.rst"] = class_page(module, value)
    for name, text in pages.items():
        path = folder / name
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
    for path in set(folder.glob("*.rst")) - {folder / name for name in pages}:
        path.unlink()


def setup(app):
    """Register with Sphinx; before the pages are found."""
    app.add_directive("folded", Folded)
    app.connect("builder-inited", write, priority=100)
    return {"parallel_read_safe": True}
