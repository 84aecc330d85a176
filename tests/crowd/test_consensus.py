"""Merging answers: values by hand, limits, and tables in which somebody is odd."""

import importlib
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.exceptions import ConvergenceWarning

from skweak.crowd import Consensus, dawid_skene, glad, mace, majority_vote, one_coin
from skweak.datasets import make_annotators, make_crowd_labels

MERGES = [majority_vote, one_coin, mace, glad, dawid_skene]
COMMON = settings(max_examples=25, deadline=None, derandomize=True)
each = pytest.mark.parametrize("merge", MERGES, ids=lambda merge: merge.__name__)


def crowd(n=400, seed=0, density=1.0, **kinds):
    truth = np.random.RandomState(seed).randint(0, 3, n)
    confusion, kind = make_annotators(3, random_state=seed, **kinds)
    answers, _ = make_crowd_labels(truth, confusion=confusion, density=density, random_state=seed)
    return truth, answers, kind


def test_votes_by_hand():
    result = majority_vote([["b", "b", "a"], ["a", None, "c"], [None, None, None]])
    assert result.label.tolist() == ["b", "a", "a"] and result.classes.tolist() == ["a", "b", "c"]
    np.testing.assert_allclose(result.posterior, [[1 / 3, 2 / 3, 0], [1 / 2, 0, 1 / 2], [1 / 3] * 3])
    np.testing.assert_allclose(result.quality, [2 / 3, 1 / 2, 1 / 3])
    assert result.n_answers.tolist() == [3, 2, 0]
    np.testing.assert_allclose(result.annotator_quality, [7 / 12, 2 / 3, 5 / 12])


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_one_step_of_one_coin_by_hand():
    # Votes: (1, 0) and (1/2, 1/2); so annotator 0 is right in 3/2 and annotator 1 in 3/2 of two answers.
    result = one_coin([[0, 0], [0, 1]], smoothing=0, max_iter=1)
    np.testing.assert_allclose(result.annotator_quality, [0.75, 0.75])
    np.testing.assert_allclose(result.prior, [0.75, 0.25])
    # Row 0: 3/4 * 9/16 against 1/4 * 1/16; row 1 keeps the prior, since the answers cancel.
    np.testing.assert_allclose(result.posterior, [[27 / 28, 1 / 28], [0.75, 0.25]])


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_one_step_of_mace_by_hand():
    from scipy.special import digamma

    result = mace([[0]], classes=[0, 1], knowing=(1, 1), spamming=1, max_iter=1)
    # The one answer is known with weight 1/2.
    know, guess = (np.exp(digamma(1.5) - digamma(3)) for _ in range(2))
    habit = np.exp(digamma(1.5) - digamma(2.5))
    odds = 1 + know / (guess * habit)
    np.testing.assert_allclose(result.posterior, [[odds / (1 + odds), 1 / (1 + odds)]])
    np.testing.assert_allclose(result.annotator_quality, [0.5])
    np.testing.assert_allclose(result.details["habit"], [[0.6, 0.4]])
    np.testing.assert_allclose(result.confusion, [[[0.8, 0.2], [0.3, 0.7]]])


def test_glad_explains_answers_by_skill_times_easiness():
    truth, answers, _ = crowd(300, reliable=6, adversarial=1, accuracy=(0.7, 0.9))
    result = glad(answers)
    right = 1 / (1 + np.exp(-result.details["skill"] * result.details["easiness"][:, None]))
    odds = np.zeros((300, 3))
    for k in range(3):
        odds[:, k] = np.where(answers == k, np.log(right), np.log((1 - right) / 2)).sum(1)
    expected = np.exp(odds - odds.max(1, keepdims=True))
    np.testing.assert_allclose(result.posterior, expected / expected.sum(1, keepdims=True), atol=1e-9)
    assert result.details["skill"][6] < 0 < result.details["skill"][:6].min()
    np.testing.assert_allclose(result.annotator_quality, right.mean(0))


def test_glad_finds_hard_tasks():
    truth, answers, _ = crowd(200, reliable=8, accuracy=0.95)
    answers[:40] = np.random.RandomState(0).randint(0, 3, (40, 8))
    easiness = glad(answers).details["easiness"]
    assert np.median(easiness[:40]) < 0.7 * np.median(easiness[40:])


def test_the_gradient_of_glad_is_that_of_its_loss(monkeypatch):
    from scipy.optimize import check_grad

    seen = []

    def spy(loss, start, args, *rest, **options):
        seen.append((loss, start, args))
        raise StopIteration

    monkeypatch.setattr(importlib.import_module("skweak.crowd.glad"), "minimize", spy)
    with pytest.raises(StopIteration):
        glad([[0, 1, 1], [1, 1, -1], [2, 0, 2]])
    loss, start, args = seen[0]
    point = start + np.random.RandomState(0).randn(len(start)) / 2
    assert check_grad(lambda v: loss(v, *args)[0], lambda v: loss(v, *args)[1], point) < 1e-5


@each
@COMMON
@given(table=arrays(np.int64, st.tuples(st.integers(1, 6), st.integers(1, 4)), elements=st.integers(-1, 2)))
def test_every_result_is_a_distribution(merge, table):
    if (table < 0).all():
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        result = merge(table, classes=[0, 1, 2])
    assert isinstance(result, Consensus)
    assert result.posterior.shape == (len(table), 3) and np.isfinite(result.posterior).all()
    np.testing.assert_allclose(result.posterior.sum(1), 1)
    assert ((result.quality >= 0) & (result.quality <= 1 + 1e-12)).all()
    silent = (table < 0).all(0)
    assert np.array_equal(np.isnan(result.annotator_quality), silent)
    assert ((result.annotator_quality >= 0) | silent).all()


@pytest.mark.parametrize("merge", [one_coin, mace, dawid_skene], ids=lambda merge: merge.__name__)
def test_order_and_names_do_not_matter(merge):
    truth, answers, _ = crowd(80, reliable=4, lazy=1, density=0.7)
    first = merge(answers, tol=1e-8)
    moved = merge(answers[::-1, [3, 1, 0, 2, 4]], tol=1e-8)
    np.testing.assert_allclose(moved.posterior[::-1], first.posterior, atol=1e-6)
    named = merge(np.where(answers < 0, "?", np.array(["c", "b", "a"])[answers]), missing="?", tol=1e-8)
    np.testing.assert_allclose(named.posterior[:, ::-1], first.posterior, atol=1e-6)


@pytest.mark.parametrize("merge", [one_coin, mace, glad, dawid_skene], ids=lambda merge: merge.__name__)
def test_models_beat_the_vote_where_most_do_not_look(merge):
    truth, answers, kind = crowd(600, reliable=3, lazy=4, accuracy=0.9)
    vote, result = majority_vote(answers), merge(answers)
    assert (result.label == truth).mean() > (vote.label == truth).mean() + 0.02
    assert result.annotator_quality[kind == "reliable"].min() > result.annotator_quality[kind == "lazy"].max() + 0.2


@pytest.mark.parametrize("merge", [one_coin, glad, dawid_skene], ids=lambda merge: merge.__name__)
def test_a_crowd_that_is_always_wrong_about_one_class_exchanges_it(merge):
    # Everybody says 1 for 0 and 0 for 1: nothing in the answers can tell.
    truth = np.arange(60) % 2
    assert (merge(np.repeat(1 - truth[:, None], 3, axis=1)).label == 1 - truth).all()


@each
def test_one_annotator_is_believed(merge):
    table = np.array([[0], [1], [2], [1], [-1]])
    result = merge(table)
    assert result.label[:4].tolist() == [0, 1, 2, 1] and result.n_answers[4] == 0


@each
def test_one_class_is_settled(merge):
    result = merge([["a", "a"], ["a", None]])
    assert result.label.tolist() == ["a", "a"] and result.posterior.tolist() == [[1.0], [1.0]]


@each
def test_an_annotator_without_answers_changes_nothing(merge):
    truth, answers, _ = crowd(60, reliable=4)
    more = merge(np.c_[answers, np.full(60, -1)])
    np.testing.assert_allclose(more.posterior, merge(answers).posterior, atol=1e-6)
    assert np.isnan(more.annotator_quality[4])


def test_the_diagonal_believes_in_annotators_of_few_answers():
    answers = [[0, 0, -1], [1, 1, -1], [0, 0, 1]]
    confusion = [dawid_skene(answers, diagonal=d).confusion[2] for d in (0, 1, 100)]
    assert confusion[0][1, 1] < confusion[1][1, 1] < confusion[2][1, 1] and confusion[2][1, 1] > 0.99
    # A row of a class that the annotator never met is uniform without the prior.
    coded = dawid_skene(np.array(answers), n_classes=2, smoothing=0)[2]
    np.testing.assert_allclose(dawid_skene(answers, diagonal=0, smoothing=0, early_stop=None).confusion, coded)


def test_early_stops_are_silent_and_can_be_left_out():
    truth, answers, _ = crowd(200, reliable=5, density=0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert dawid_skene(answers).n_iter <= 20
        assert dawid_skene(answers, early_stop=3).n_iter == 3
        assert dawid_skene(answers, early_stop=None).n_iter > 20


def test_both_answers_of_a_repeated_pair_count():
    long = {"task": [0, 0, 0], "worker": [0, 0, 1], "label": [1, 1, 0]}
    np.testing.assert_allclose(majority_vote(long).posterior, [[1 / 3, 2 / 3]])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda t: one_coin(t, smoothing=-1), "smoothing"),
        (lambda t: one_coin(t, max_iter=0), "max_iter"),
        (lambda t: mace(t, knowing=(0, 1)), "knowing"),
        (lambda t: mace(t, spamming=0), "spamming"),
        (lambda t: glad(t, prior=(np.nan, 1)), "prior"),
        (lambda t: glad(t, newton_iter=0), "newton_iter"),
        (lambda t: dawid_skene(t, diagonal=-1), "diagonal"),
        (lambda t: dawid_skene(t, early_stop=0), "early_stop"),
        (lambda t: dawid_skene(t, n_classes=2, classes=[0, 1]), "exclude each other"),
        (lambda t: dawid_skene(t, classes=[0]), "not in classes"),
    ],
)
def test_errors_name_the_parameter(call, message):
    with pytest.raises(ValueError, match=message):
        call(np.array([[0, 1], [1, 1]]))
