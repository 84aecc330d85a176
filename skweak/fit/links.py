"""Where the HTML of an estimator links to."""

from functools import cache
from importlib.metadata import PackageNotFoundError, metadata


@cache
def documentation_url():
    """Return the address of the documentation that the installed package names, None without one."""
    try:
        urls = metadata("skweak-learn").get_all("Project-URL") or []
    except PackageNotFoundError:
        return None
    named = dict(url.split(", ", 1) for url in urls)
    return named.get("Documentation")


class Documented:
    """Mixin that links the HTML of an estimator to its page of the reference."""

    _doc_link_module = "skweak"

    def _get_doc_link(self):
        url, parts = documentation_url(), type(self).__module__.split(".")
        if url is None or parts[0] != "skweak":
            return ""
        # Every public class has a page of its own.
        return f"{url.rstrip('/')}/api/{'.'.join(parts[:2])}.{type(self).__name__}.html"
