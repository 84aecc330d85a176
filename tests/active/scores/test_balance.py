"""Batches with a balance, confusion within a row, and scores on a graph."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skweak.active.scores import (
    balanced_picks,
    critical_rows,
    difficulty_balanced,
    disharmony,
    introspective_confusion,
    match_outputs,
    mixed_uncertainty,
    novel_picks,
    subspace_rows,
)

SEEDS = st.integers(0, 10_000)


def test_mixed_uncertainty_by_hand():
    proba = np.array([[0.5, 0.5], [0.9, 0.1], [1.0, 0.0]])
    entropy = -(0.9 * np.log(0.9) + 0.1 * np.log(0.1))
    np.testing.assert_allclose(mixed_uncertainty(proba, [0, 0, 1]), [0.3 * np.log(2), 0.3 * entropy, 0])
    np.testing.assert_allclose(mixed_uncertainty(proba), [0.5 * np.log(2), 0.1 * entropy, 0])
    # Nobody is confident enough to speak for the group: full doubt.
    assert mixed_uncertainty(proba, [0, 0, 1], min_confidence=0.95)[0] == pytest.approx(np.log(2))


@settings(deadline=None, max_examples=30)
@given(SEEDS)
def test_shares_of_classes(seed):
    generator = np.random.default_rng(seed)
    predicted, scores = generator.integers(3, size=40), generator.random(40)
    picks = balanced_picks(scores, predicted, [5, 5, 5], 9)
    assert len(set(picks.tolist())) == 9
    if (np.bincount(predicted, minlength=3) >= 3).all():
        assert np.bincount(predicted[picks], minlength=3).tolist() == [3, 3, 3]
        rare = balanced_picks(scores, predicted, [50, 50, 0], 9)
        assert (predicted[rare] == 2).sum() >= 3
    for label in range(3):
        of_class = picks[predicted[picks] == label]
        assert set(of_class) == set(np.flatnonzero(predicted == label)[np.argsort(-scores[predicted == label])][: len(of_class)])


@settings(deadline=None, max_examples=30)
@given(SEEDS)
def test_names_of_novel_classes_do_not_matter(seed):
    generator = np.random.default_rng(seed)
    proba = generator.dirichlet(np.ones(5), size=30)
    novel = np.array([False, False, True, True, True])
    turn = np.concatenate([[0, 1], 2 + generator.permutation(3)])
    for uncertain in (False, True):
        picks = novel_picks(proba, novel, 12, uncertain=uncertain)
        again = novel_picks(proba[:, turn], novel, 12, uncertain=uncertain)
        # The order of classes decides nothing but ties of place.
        assert set(picks) == set(again) and len(set(picks.tolist())) == 12
    found = novel[proba.argmax(axis=1)].sum()
    assert novel[proba[picks].argmax(axis=1)].sum() == min(12, found)
    assert match_outputs(turn, np.arange(5), 5).tolist() == turn.tolist()


def test_confusion_by_hand():
    # Two of three pairs differ; a row without valid answers is all confusion.
    outputs = np.array([[0, 1, 0], [0, 1, 1], [0, 2, 2]])
    assert introspective_confusion(outputs, weight=0.0).round(4).tolist() == [0.0, 0.6667, 1.0]
    valid = np.array([[1, 0, 0], [1, 0, 1], [1, 0, 1]], dtype=bool)
    scores = introspective_confusion(outputs, valid=valid)
    share = -(np.log(1 / 3) / 3 + 2 * np.log(2 / 3) / 3) / np.log(3)
    np.testing.assert_allclose(scores, [0, 1, 0.5 * (0.5 / 3 + 0.5 * share) + 0.5])
    sets = np.array([[[1, 1, 0]], [[1, 0, 0]]])
    assert introspective_confusion(sets, weight=0.0).tolist() == [0.5]
    with pytest.raises(ValueError, match="M of at least 2"):
        introspective_confusion([[0, 1]])


@settings(deadline=None, max_examples=30)
@given(SEEDS)
def test_confusion_is_a_share(seed):
    generator = np.random.default_rng(seed)
    outputs, valid = generator.integers(3, size=(4, 9)), generator.random((4, 9)) < 0.7
    scores = introspective_confusion(outputs, valid=valid, form=generator.integers(4, size=(4, 9)))
    assert (scores >= 0).all() and (scores <= 1 + 1e-12).all()
    same = introspective_confusion(np.repeat(outputs[:1], 4, axis=0))
    assert (same == 0).all()


def test_thirds_of_difficulty():
    features = np.random.default_rng(0).normal(size=(30, 2))
    picks = difficulty_balanced(np.arange(30.0), features, 8)
    assert np.bincount(picks // 10, minlength=3).tolist() == [2, 4, 2] and (np.diff(picks // 10) >= 0).all()
    assert set(difficulty_balanced(np.arange(30.0), features, 10, shares=(1, 0, 0))) == set(range(10))
    # What a third lacks comes from the middle.
    assert len(set(difficulty_balanced(np.arange(30.0), features, 15, shares=(1, 0, 0)).tolist())) == 15
    assert difficulty_balanced(np.arange(3.0), features[:3], 9).tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="shares must be three"):
        difficulty_balanced([1.0], [[0.0]], 1, shares=(0, 0, 0))


def test_rows_on_a_graph():
    line = np.diag(np.ones(9), 1) + np.diag(np.ones(9), -1)
    proba = np.tile([0.9, 0.1], (10, 1))
    proba[4] = [0.4, 0.6]
    assert disharmony(line, proba).round(6).tolist() == [0, 0, 0, 0.5, 1.0, 0.5, 0, 0, 0, 0]
    assert disharmony(line, np.tile([0.9, 0.1], (10, 1))).round(12).max() == 0
    proba[9] = [0.5, 0.5]
    # Row 9 is the most uncertain, 4 the most at odds; both are among the first three of both orders.
    assert set(critical_rows(proba, line, 3)[:2]) == {4, 9} and len(set(critical_rows(proba, line, 10))) == 10
    rows = np.repeat([[1.0, 0.0], [0.0, 1.0]], 5, axis=0)
    blocks = np.kron(np.eye(2), np.ones((5, 5)) - np.eye(5))
    picks = subspace_rows(rows, blocks, 10, 2)
    assert sorted(picks.tolist()) == list(range(10))
    with pytest.raises(ValueError, match="graph has shape"):
        disharmony(np.eye(3), proba)
