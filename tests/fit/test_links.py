"""The HTML of an estimator links to its page, where the package names one."""

import runpy
from pathlib import Path

import pytest
from sklearn.linear_model import LogisticRegression

from skweak.base import WeakClassifier
from skweak.fit import links
from skweak.noisy import ELRClassifier, LabelIssueFilter
from skweak.semi import DDFAClassifier
from skweak.utils import all_estimators


@pytest.mark.parametrize("estimator", [ELRClassifier(), LabelIssueFilter(LogisticRegression())])
def test_the_link_names_the_page_of_the_class(estimator, monkeypatch):
    monkeypatch.setattr(links, "documentation_url", lambda: "https://somewhere.org/docs/")
    link = f"https://somewhere.org/docs/api/skweak.noisy.{type(estimator).__name__}.html"
    assert link in estimator._repr_html_()
    monkeypatch.setattr(links, "documentation_url", lambda: None)
    assert "somewhere" not in estimator._repr_html_() and estimator._get_doc_link() == ""


def test_every_link_leads_to_a_page_that_the_reference_has(monkeypatch):
    monkeypatch.setattr(links, "documentation_url", lambda: "")
    described = runpy.run_path(Path(__file__).parents[2] / "doc" / "api_list.py")["API"]
    # As doc/_ext/api_pages.py names its files.
    pages = {
        f"/api/{module}.{name}.html"
        for module, (_, groups) in described.items() for names in groups.values() for name in names
    }  # fmt: skip
    classes = [WeakClassifier, DDFAClassifier, *(cls for _, cls in all_estimators())]
    missing = [cls.__name__ for cls in classes if cls._get_doc_link(cls.__new__(cls)) not in pages]
    assert not missing


def test_a_class_of_the_user_has_no_page(monkeypatch):
    monkeypatch.setattr(links, "documentation_url", lambda: "https://somewhere.org")
    assert type("Own", (ELRClassifier,), {"__module__": "own"})()._get_doc_link() == ""


def test_the_address_is_that_of_the_installed_package(monkeypatch):
    class Named:
        def get_all(self, name):
            return ["Source, https://a.org", "Documentation, https://b.org"] if name == "Project-URL" else None

    monkeypatch.setattr(links, "metadata", lambda name: Named())
    assert links.documentation_url.__wrapped__() == "https://b.org"


def test_without_an_address_the_pages_of_the_checkout_are_linked(monkeypatch, tmp_path):
    class Nameless:
        def get_all(self, name):
            return None

    monkeypatch.setattr(links, "metadata", lambda name: Nameless())
    monkeypatch.setattr(links, "BUILT", tmp_path)
    assert links.documentation_url.__wrapped__() is None
    (tmp_path / "index.html").touch()
    assert links.documentation_url.__wrapped__() == tmp_path.as_uri()
