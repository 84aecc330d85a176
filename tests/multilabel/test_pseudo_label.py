import numpy as np
import pytest
import torch

from skweak.multilabel import CAPClassifier, MultiLabelPseudoLabelClassifier
from tests.latent_data import hide_rows, latent_labels

TINY = {"warmup_epochs": 1, "max_epochs": 3, "module__hidden": (8,), "batch_size": 32, "random_state": 0}


@pytest.fixture(scope="module")
def rows():
    X, Y = latent_labels(90, seed=0, n_labels=3)
    return X, Y, hide_rows(Y, 40)


PROBA = torch.tensor([[0.97, 0.5, 0.2], [0.04, 0.6, 0.9]])


@pytest.mark.parametrize(
    ("parameters", "n_top", "expected"),
    [
        ({}, 1, [[1, -1, -1], [0, -1, -1]]),
        ({"positive_threshold": 0.6, "negative_threshold": 0.5}, 1, [[1, 0, 0], [0, 1, 1]]),
        ({"selection": "top"}, 1, [[1, -1, -1], [-1, -1, 1]]),
        ({"selection": "top"}, 2, [[1, 1, -1], [-1, 1, 1]]),
    ],
    ids=["sure", "all", "top-1", "top-2"],
)
def test_sure_entries_by_hand(parameters, n_top, expected):
    assert MultiLabelPseudoLabelClassifier(**parameters)._sure_entries(PROBA, n_top).tolist() == expected


@pytest.mark.parametrize(
    ("cardinality", "n_top", "expected"), [(1, None, 1), (2, None, 2), (3, None, 3), (0, None, 1), (3, 1, 1)]
)
def test_number_of_top_labels(rows, cardinality, n_top, expected):
    X, _, target = rows
    target = target.copy()
    target[:40] = np.arange(3) < cardinality
    clf = MultiLabelPseudoLabelClassifier(**TINY, selection="top", n_top=n_top, warm_start=True).fit(
        X, target
    )
    state = clf.net_.state
    assert ((state.target[state.unlabeled] == 1).sum(1) == expected).all()


def test_without_weight_it_is_cap_without_weight(rows):
    X, _, target = rows
    settings = {**TINY, "unlabeled_weight": 0.0, "gamma_negative": 0.0, "clip": 0.0, "augment": None}
    first, second = (
        cls(**settings).fit(X, target) for cls in (MultiLabelPseudoLabelClassifier, CAPClassifier)
    )
    assert np.array_equal(first.predict_proba(X), second.predict_proba(X))


def test_unknown_entries_are_decided_at_one_half(rows):
    X, Y, target = rows
    clf = MultiLabelPseudoLabelClassifier(**TINY).fit(X, target)
    assert np.array_equal(clf.transduction_[:40], Y[:40])
    assert np.array_equal(clf.transduction_[40:], clf.predict_proba(X[40:]) >= 0.5)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"warmup_epochs": 5}, "warmup_epochs=5 must be smaller than max_epochs=3"),
        ({"positive_threshold": 0.4, "negative_threshold": 0.5}, "negative_threshold=0.5 must be below"),
        ({"selection": "top", "n_top": 4}, "n_top=4 exceeds the 3 labels"),
        ({"selection": "bottom"}, "selection"),
    ],
    ids=["warmup", "thresholds", "n_top", "selection"],
)
def test_bad_parameters(rows, parameters, message):
    X, _, target = rows
    with pytest.raises(ValueError, match=message):
        MultiLabelPseudoLabelClassifier(**{**TINY, **parameters}).fit(X, target)
