"""The meaning of a kind of labels lives in `skweak.labels` alone: a new kind is one class, and nothing else changes."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.model_selection import cross_val_score
from torch.nn import functional as F

import skweak
from skweak.base import WeakClassifier
from skweak.labels import KINDS, LabelKind, Labels, find_kind
from tests.small_data import blobs

ROOT = Path(skweak.__file__).parent


class SureLabels(LabelKind):
    """(n, 2): a class from 0 on, and how sure the annotator was of it, in [0, 1]."""

    name = "sure"
    takes_matrix = True

    def encode_matrix(self, y, classes, markers):
        if not ((y[:, 1] >= 0) & (y[:, 1] <= 1)).all():
            raise ValueError("y[:, 1] must be in [0, 1]: how sure the annotator was.")
        return Labels(self, np.unique(y[:, 0].astype(int)), y.astype(np.float32), flat=False)

    def column_target(self, codes, classes):
        return np.stack([codes, np.ones(len(codes))], axis=1).astype(np.float32)

    def held_out_loss(self, proba, target):
        return super().held_out_loss(proba, target[:, :1].long())

    def judge_rows(self, proba, target):
        return super().judge_rows(proba, target[:, 0].long())

    def judge_predictions(self, y, predicted, classes, markers):
        return np.ones(len(y), dtype=bool), (y if y.ndim == 1 else y[:, 0]) == predicted


class SureClassifier(WeakClassifier):
    _label_kind = SureLabels()

    def _loss(self, run, batch):
        return batch.y[:, 1] * F.cross_entropy(run.module_(batch.X), batch.y[:, 0].long(), reduction="none")

    def _finish(self, run):
        return {"transduction_": run.data.target[:, 0].long().cpu().numpy()}


def sure_data():
    X, y, noisy = blobs()
    return X, y, np.stack([noisy, np.where(noisy == y, 1.0, 0.0)], axis=1)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_kind_in_one_class_trains_predicts_scores_and_is_selected():
    X, y, sure = sure_data()
    clf = SureClassifier(**SureClassifier._test_params(), validation_fraction=0.2, random_state=0).fit(X, sure)
    assert clf.classes_.tolist() == [0, 1, 2]
    # Wrong labels are those nobody was sure of, so nothing wrong is learned.
    assert (clf.predict(X) == y).mean() > 0.95
    assert clf.score(X, sure) == (clf.predict(X) == sure[:, 0]).mean()
    assert len(clf.transduction_) == len(X) and np.isfinite(clf.history_[-1]["valid_loss"])
    assert cross_val_score(clf, X, sure, cv=2, error_score="raise").shape == (2,)
    assert clf.fit(X, y).score(X, y) > 0.95


def test_its_own_message_reaches_the_user():
    X, _, sure = sure_data()
    with pytest.raises(ValueError, match="how sure"):
        SureClassifier().fit(X, sure * 3)


def test_kinds_are_found_by_name_and_refuse_others():
    assert [find_kind(name).name for name in KINDS] == list(KINDS)
    kind = SureLabels()
    assert find_kind(kind) is kind
    with pytest.raises(ValueError, match="kind must be one of"):
        find_kind("clean")


@pytest.mark.parametrize("name", KINDS)
def test_probabilities_of_every_kind_lie_in_the_unit_interval(name):
    proba = find_kind(name).proba(torch.tensor([[200.0, -200.0], [0.0, 0.0]], dtype=torch.float64))
    assert ((proba >= 0) & (proba <= 1)).all() and proba[1].tolist() == [0.5, 0.5]


def test_no_other_module_branches_on_a_kind():
    names = "|".join(KINDS)
    branch = re.compile(rf"""kind\w*\s*(==|!=|in|not in)\s*[\(\[{{]?\s*["']({names})["']|_label_kind\s*(==|!=)""")
    for path in ROOT.rglob("*.py"):
        if "labels" not in path.parts:
            assert not branch.search(path.read_text()), path
