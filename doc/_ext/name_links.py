"""Turn every public name that stands in backticks into a link to its page.

``ELRClassifier``, ``skweak.noisy.ELRClassifier``, ``ELRClassifier(penalty=...)`` and ``ActiveLearner.teach`` all lead
to the class. Names of the package that have no page, such as a private module, stay as they are.
"""

import re

from api_pages import public_names
from docutils import nodes
from sphinx import addnodes
from sphinx.transforms import SphinxTransform

_NAME = re.compile(r"(?:skweak\.(?:[a-z_]+\.)*)?([A-Za-z]\w*)(?:\.\w+)?(?:\(.*\))?$", re.DOTALL)
# Common words of Python that are public names as well count only with their module or a call.
_WORDS = {"load", "save", "compare", "coverage"}


def target_of(text, names):
    """Return the full name that a piece of code means, None if it is no public name."""
    match = _NAME.match(text)
    if match is None or match[1] not in names:
        return None
    name = match[1]
    if name in _WORDS and text == name:
        return None
    return f"{names[name]}.{name}"


def literals(document):
    """Yield the pieces of code in sentences and tables, without titles and what is a link already."""
    for node in document.findall(lambda node: isinstance(node, nodes.literal | nodes.title_reference)):
        above = node.parent
        while above is not None and not isinstance(above, nodes.title | nodes.reference | addnodes.pending_xref):
            above = above.parent
        if above is None:
            yield node


def unlinked(document, names):
    """Return the public names in backticks that are no link."""
    return [node.astext() for node in literals(document) if target_of(node.astext(), names)]


def module_of():
    """Return the module of every public name."""
    return {name: module for name, (module, _) in public_names().items()}


class LinkNames(SphinxTransform):
    """Wrap each public name in a reference that the Python domain resolves."""

    default_priority = 200

    def apply(self):
        """Change the document in place."""
        names = module_of()
        for node in list(literals(self.document)):
            target = target_of(node.astext(), names)
            if target is None:
                continue
            reference = addnodes.pending_xref(
                "", refdomain="py", reftype="obj", reftarget=target, refexplicit=True, refwarn=True,
                refdoc=self.env.current_document.docname,
            )  # fmt: skip
            node.replace_self(reference)
            reference += nodes.literal("", "", *node.children, classes=["xref", "py", "py-obj"])


def setup(app):
    """Register with Sphinx."""
    app.add_transform(LinkNames)
    return {"parallel_read_safe": True}
