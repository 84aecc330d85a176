"""What the scenarios of label issues and of selection count."""

import numpy as np
import pytest

from benchmarks import filtering, label_issues, selection
from benchmarks.scenario import Skipped
from benchmarks.study import run
from skweak.noisy import LabelIssueFilter


def test_only_judged_rows_count():
    # Rows 0 and 1 are wrong; found are 0, 2 and 3, of which 3 was not judged: precision 1/2, recall 1/2.
    given, wrong = np.array([0, 0, 1, 1]), np.array([True, True, False, False])
    data = lambda seed: (None, given, None, wrong, np.array([True, True, True, False]))  # noqa: E731
    found = np.array([True, False, True, True])
    result = label_issues._measure(data, lambda *_: (found, np.array([0.1, 0.2, 0.3, 0.0])), 0)
    assert (result["precision"], result["recall"], result["f1"]) == (0.5, 0.5, 0.5)
    # Of the judged rows the two wrong ones come first.
    assert result["ranking_ap"] == 1.0 and result["flagged"] == 0.75


def test_features_look_at_no_label_and_tell_images_apart():
    random = np.random.RandomState(0)
    images = random.randint(0, 60, (40, 3, 32, 32)).astype(np.uint8)
    images[20:, :, ::4] += 150
    features = label_issues.patch_features(images, 0, n_filters=8, n_components=4)
    assert features.shape == (40, 4) and np.isfinite(features).all()
    assert np.linalg.norm(features[:20].mean(0) - features[20:].mean(0)) > 1


def test_a_missing_peer_is_skipped(monkeypatch):
    monkeypatch.setattr(filtering, "find_spec", lambda name: None)
    monkeypatch.setattr(label_issues, "find_spec", lambda name: None)
    with pytest.raises(Skipped, match="cleanlab is not installed"):
        filtering.cleanlab(None)
    with pytest.raises(Skipped, match="cleanlab is not installed"):
        label_issues.cleanlab("both", None, None, None)


def test_filtering_measures_detection_and_accuracy():
    name = "logistic regression, LabelIssueFilter"
    assert filtering.STUDY.methods[name] == (filtering.linear, LabelIssueFilter)
    result = run(filtering.STUDY, "digits_sym40", name, 100)
    assert result["detection_f1"] > 0.8 and result["accuracy"] > 0.85


def test_selection_counts_hits_and_regret():
    table = {"good": [0.1, 0.9, 0.2], "bad": [0.9, 0.1, 0.2]}

    def load(seed):
        return table, [0.5, 0.75, 0.75]

    assert selection._run(load, "good", 0) == {"hit": 1.0, "regret": 0.0, "accuracy": 0.75, "rank": 1}
    assert selection._run(load, "bad", 0) == {"hit": 0.0, "regret": 0.25, "accuracy": 0.5, "rank": 3}


def test_one_seed_of_the_study_fills_every_scorer(monkeypatch):
    few = {name: make for name, make in selection.CONFIGURATIONS.items() if name.startswith("CE, 4 ")}
    monkeypatch.setattr(selection, "CONFIGURATIONS", few)
    monkeypatch.setitem(selection.SETS, "easy", selection.partial(selection.digits, "symmetric:0.2"))
    table, truth = selection._chosen("easy", 100)
    assert set(table) == set(selection.SCORERS) and all(len(scores) == 1 for scores in table.values())
    assert len(truth) == 1 and 0.5 < truth[0] <= 1
