"""How the pages are built; ``make doc`` calls it."""

import os
import sys
import tomllib
from pathlib import Path

import matplotlib

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "_ext"), str(HERE), str(HERE.parent)]
os.environ.setdefault("OMP_NUM_THREADS", "1")
matplotlib.use("Agg")

import skweak

# The address of the repository, once the project has one, stands in its metadata.
PROJECT = tomllib.loads((HERE.parent / "pyproject.toml").read_text())["project"]
REPOSITORY = PROJECT.get("urls", {}).get("Repository")


def first_line(version):
    """Return version and repository for the first page."""
    where = f"[repository]({REPOSITORY})" if REPOSITORY else "source in the folder these pages were built from"
    return f"Version {version} · {PROJECT['license']} · {where} · [changelog](changelog.md)."


project = "skweak"
version = release = skweak.__version__
extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "numpydoc",
    "myst_parser",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
    "api_pages",
    "discovery_tables",
    "guide",
    "measured_rows",
    "name_links",
    "overview_tables",
    "paper_tables",
    "result_tables",
]
exclude_patterns = ["_build", "gallery", "_ext"]
templates_path = []
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
myst_enable_extensions = ["dollarmath", "colon_fence", "substitution"]
myst_substitutions = {"version_line": first_line(release)}
# In docstrings a name between single backticks is a name of the package.
default_role = "py:obj"
# Prompts and outputs are not copied.
copybutton_exclude = ".linenos, .gp, .go"
copybutton_selector = "div.highlight pre"
myst_heading_anchors = 3

html_theme = "pydata_sphinx_theme"
html_title = f"skweak {release}"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_js_files = ["filter.js"]
html_show_sourcelink = False
html_copy_source = False
html_show_copyright = False
# Pages without pages below them need no bar at the side.
html_sidebars = {"index": [], "install": [], "audit": [], "choosing": [], "estimators": []}
html_theme_options = {
    "icon_links": [{"name": "Repository", "url": REPOSITORY, "icon": "fa-brands fa-git-alt"}] if REPOSITORY else [],
    "navbar_align": "left",
    "header_links_before_dropdown": 7,
    "navbar_end": ["theme-switcher", "navbar-icon-links"],
    "footer_start": [],
    "footer_end": [],
    "show_prev_next": False,
    # A hundred pages of classes stand in no bar but that of their module.
    "collapse_navigation": True,
    "secondary_sidebar_items": ["page-toc"],
}

autodoc_member_order = "groupwise"
autodoc_typehints = "none"
# The bar beside a page is narrow: a method stands under its class there, without its name.
toc_object_entries_show_parents = "hide"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

GALLERY = [f"gallery/{section}" for section in ("start", "wrong_labels", "other_labels", "judging", "active")]
sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "auto_gallery",
    "filename_pattern": r"plot_",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_memory": False,
    "min_reported_time": 1000,
    "show_signature": False,
    "write_computation_times": False,
    "plot_gallery": "True",
    "remove_config_comments": True,
    # Names in the code of a script lead to the reference, and a page of the reference shows the scripts that use it.
    "doc_module": ("skweak",),
    "reference_url": {"skweak": None},
    "backreferences_dir": "api/gallery",
    "subsection_order": GALLERY,
}
