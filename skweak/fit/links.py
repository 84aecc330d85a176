"""Where the HTML of an estimator links to."""

from functools import cache
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

# Where ``make doc`` writes the pages of a checkout.
BUILT = Path(__file__).parents[2] / "doc" / "_build" / "html"


@cache
def documentation_url():
    """Return the address of the documentation.

    It is the one that the installed package names; without one, the pages that ``make doc`` built in the checkout; None
    where there are neither.
    """
    try:
        urls = metadata("skweak-learn").get_all("Project-URL") or []
    except PackageNotFoundError:
        urls = []
    named = dict(url.split(", ", 1) for url in urls)
    if "Documentation" in named:
        return named["Documentation"]
    return BUILT.as_uri() if (BUILT / "index.html").exists() else None


class Documented:
    """Mixin that links the HTML of an estimator to its page of the reference."""

    _doc_link_module = "skweak"

    def _get_doc_link(self):
        url, parts = documentation_url(), type(self).__module__.split(".")
        if url is None or parts[0] != "skweak":
            return ""
        # Every public class has a page of its own.
        return f"{url.rstrip('/')}/api/{'.'.join(parts[:2])}.{type(self).__name__}.html"
