"""How the pages are built; ``make doc`` calls it."""

import os
import sys
from pathlib import Path

import matplotlib

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "_ext"), str(HERE), str(HERE.parent)]
os.environ.setdefault("OMP_NUM_THREADS", "1")
matplotlib.use("Agg")

import skweak

project = "skweak"
version = release = skweak.__version__
extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "numpydoc",
    "myst_parser",
    "sphinx_gallery.gen_gallery",
    "api_pages",
    "result_tables",
]
exclude_patterns = ["_build", "gallery", "_ext"]
templates_path = []
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3

html_theme = "pydata_sphinx_theme"
html_title = "skweak"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_show_sourcelink = False
html_copy_source = False
html_show_copyright = False
# Pages without pages below them need no bar at the side.
html_sidebars = {"index": [], "newcomer": [], "audit": [], "label_quality": [], "choosing": []}
html_theme_options = {
    "navbar_align": "left",
    "header_links_before_dropdown": 8,
    "navbar_end": ["theme-switcher"],
    "footer_start": [],
    "footer_end": [],
    "show_prev_next": False,
    "secondary_sidebar_items": ["page-toc"],
}

autodoc_member_order = "groupwise"
autodoc_typehints = "none"
# The bar beside a page is narrow: a method stands under its class there, without its name.
toc_object_entries_show_parents = "hide"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

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
}
