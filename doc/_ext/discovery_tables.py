"""Tables of all estimators and strategies, found by discovery; what a training costs is counted while one runs."""

import inspect
import re
import warnings
from collections import Counter

import numpy as np
import torch
from api_pages import first_line, public_names
from result_tables import to_nodes
from sklearn.datasets import make_blobs
from sklearn.utils.validation import has_fit_parameter
from sphinx.util.docutils import SphinxDirective

from skweak.base import WeakClassifier
from skweak.nn import MLP
from skweak.utils import all_estimators, all_strategies

# arXiv numbers, DOIs, and what has neither: the venue stands in the docstring.
PAPER = re.compile(r"arXiv:\s?(\d{4}\.\d{4,5})|doi:\s?(10\.\S+\w)")
_ROWS, _CLASSES = 48, 3
KINDS = {
    "noisy": "one class",
    "semi": "one class or unlabeled",
    "open": "one class or none of these",
    "partial": "candidates",
    "multilabel": "several labels",
    "crowd": "several annotators",
}


def small_labels(kind, y):
    """Return class labels in the format of another kind, complete and right."""
    one_hot = np.eye(_CLASSES, dtype=int)[y]
    marked = np.where(np.arange(len(y)) % 4 == 0, -1, y)
    formats = {"semi": marked, "open": marked, "partial": one_hot, "multilabel": one_hot}
    return np.column_stack([y, y]) if kind == "crowd" else formats.get(kind, y)


def training_cost(cls):
    """Return the number of networks that are trained, and the rows that go through them per row and epoch."""
    X, y = make_blobs(_ROWS, centers=_CLASSES, n_features=4, random_state=0)
    params, usual = cls._test_params(), inspect.signature(cls).parameters
    # Half of the epochs are those after a warm-up.
    warmup = max((value for name, value in params.items() if name.startswith("warmup")), default=1)
    params |= {"max_epochs": 2 * warmup + 2, "batch_size": 16, "random_state": 0, "dtype": "float32"}
    params |= {name: usual[name].default for name in ("unlabeled", "unknown_label") if name in usual}
    seen = Counter()

    def count(module, inputs, output):
        if module.training and isinstance(module, torch.nn.Linear):
            seen[id(module)] += len(inputs[0])

    handle = torch.nn.modules.module.register_module_forward_hook(count)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            clf = cls(**params).fit(X.astype("float32"), small_labels(cls._label_kind, y))
    finally:
        handle.remove()
    parts = [part for name in clf.net_._modules for part in getattr(clf.net_, f"{name}_").modules()]
    first = {id(layer): seen[id(layer)] for layer in map(first_layer, parts) if layer is not None}
    return len(first), sum(first.values()) / (_ROWS * len(clf.history_))


def first_layer(module):
    """Return the first layer of a network with weights that training changes, None of anything else."""
    if not isinstance(module, MLP):
        return None
    layer = next(part for part in module.modules() if isinstance(part, torch.nn.Linear))
    return layer if layer.weight.requires_grad else None


def papers(cls):
    """Return the arXiv numbers and DOIs of a docstring."""
    _, _, text = (inspect.getdoc(cls) or "").partition("References\n")
    found = [f"arXiv:{arxiv}" if arxiv else f"doi:{doi}" for arxiv, doi in PAPER.findall(text)]
    return ", ".join(dict.fromkeys(found)) or "–"


def accepts(cls, method, name=None):
    """Return a mark for whether a method is there, or takes a parameter."""
    instance = cls(**cls._test_params())
    there = hasattr(instance, method) if name is None else has_fit_parameter(instance, name)
    return "yes" if there else "–"


def estimator_table():
    """Return the Markdown table of all estimators."""
    head = ["labels", "estimator", "networks", "passes per row", "sample_weight", "partial_fit", "papers"]
    rows = []
    for name, cls in all_estimators():
        cost = ["–", "–"]
        if issubclass(cls, WeakClassifier):
            networks, passes = training_cost(cls)
            cost = [str(networks), f"{passes:.1f}"]
        facts = [accepts(cls, "fit", "sample_weight"), accepts(cls, "partial_fit")]
        rows.append([KINDS[getattr(cls, "_label_kind", "noisy")], f"`{name}`", *cost, *facts, papers(cls)])
    return head, sorted(rows, key=lambda row: row[0])


def strategy_table():
    """Return the Markdown table of all strategies."""
    head = ["asks for", "strategy", "labels", "first rows", "what it does", "papers"]
    rows = []
    for name, cls in all_strategies():
        cold = "yes" if getattr(cls, "_cold_start", False) is True else "–"
        kinds = [getattr(cls, "query_kind", "rows"), getattr(cls, "label_kind", "classes")]
        kinds = [kind if isinstance(kind, str) else "as its strategy" for kind in kinds]
        rows.append([kinds[0], f"`{name}`", kinds[1], cold, first_line(cls), papers(cls)])
    return head, sorted(rows, key=lambda row: row[0] != "rows")


class DiscoveryTable(SphinxDirective):
    """``discovery-table estimators`` or ``strategies``."""

    required_arguments = 1

    def run(self):
        """Return the table; names become links like those in sentences."""
        head, rows = {"estimators": estimator_table, "strategies": strategy_table}[self.arguments[0]]()
        lines = ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)]
        return [to_nodes("\n".join(lines), classes=["filtered"])]


def setup(app):
    """Register with Sphinx."""
    assert public_names()
    app.add_directive("discovery-table", DiscoveryTable)
    return {"parallel_read_safe": True}
