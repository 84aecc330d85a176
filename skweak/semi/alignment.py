"""Pseudo-labels in the proportions of the given labels (distribution alignment, arXiv:1911.09785)."""

import torch
from sklearn.utils._param_validation import StrOptions

from skweak.utils import label_prior

CONSTRAINT = ["boolean", StrOptions({"auto"})]
# Of the mean prediction, per step: about the last hundred of them.
_DECAY = 0.99


def is_table(run):
    """Return whether the rows are those of a table; what "auto" means differs there."""
    return len(run.data.row_shape) == 1


def start_alignment(run, align):
    """Note in ``run`` how frequent the classes are among the labels, if ``align`` says so: "auto" does for tables."""
    run.scratch.aligns = is_table(run) if align == "auto" else align
    if run.scratch.aligns:
        labels = run.data.target.index_select(0, run.state.labeled)
        run.scratch.shares = label_prior(labels, run.n_outputs).to(run.dtype)
        if "mean_proba" not in vars(run.state):
            run.state.mean_proba = run.scratch.shares.clone()


def align_proba(run, proba):
    """Return probabilities (n, C) times the share of their class among the labels over its share among predictions.

    Without it a class that the network happens to prefer takes more and more pseudo-labels.
    """
    if not run.scratch.aligns:
        return proba
    run.state.mean_proba = torch.lerp(proba.mean(0), run.state.mean_proba, _DECAY)
    proba = proba * (run.scratch.shares / run.state.mean_proba.clamp_min(1e-6))
    return proba / proba.sum(1, keepdim=True)
