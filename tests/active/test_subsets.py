"""Parts of a table: pure functions by hand, the selector in fit and as a strategy, and what trains on them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from skweak.active import DataPruner, MarginSampling, ScoreDiversitySelector, SubsetClassifier
from skweak.active.scores import (
    cluster_quota,
    el2n,
    forgetting_events,
    parametric_prototypes,
    ratio_score,
    select_subset,
)
from skweak.active.scores.subsets import SUBSET_METHODS

TEN = np.array([[0.0], [0.1], [0.2], [0.3], [0.4], [9.0], [9.1], [9.2], [9.3], [9.4]])
SCORE = np.array([5.0, 4, 3, 2, 1, 5, 4, 3, 2, 1])


def test_scores_by_hand():
    np.testing.assert_allclose(el2n([[0.5, 0.5], [1, 0]], [0, 1]), [np.sqrt(0.5), np.sqrt(2)])
    np.testing.assert_allclose(ratio_score([[0.8, 0.2], [0.1, 0.9]], [0, 0], [0.4, 0.6]), [0.5, 4.0])
    assert forgetting_events([[1, 0, 0], [0, 1, 0]]).tolist() == [1, 0, 3]
    assert cluster_quota([5, 5, 1], 4).tolist() == [2, 2, 0] and cluster_quota([2, 0], 2).tolist() == [2, 0]
    with pytest.raises(ValueError, match="clusters have only 2"):
        cluster_quota([2], 3)
    with pytest.raises(ValueError, match="at least one epoch"):
        forgetting_events(np.empty((0, 3)))


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=8), st.floats(0, 1))
def test_quotas_add_up_and_stay_near_the_share(sizes, share):
    m = int(share * sum(sizes))
    quota = cluster_quota(sizes, m)
    assert quota.sum() == m and (quota <= sizes).all()
    assert (np.abs(quota - m * np.array(sizes) / max(1, sum(sizes))) < 1).all()


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 10_000))
def test_every_method_gives_distinct_rows_and_follows_their_order(seed):
    generator = np.random.default_rng(seed)
    rows, score = generator.normal(size=(24, 3)), generator.permutation(24).astype(float)
    m = int(generator.integers(1, 25))
    for method in SUBSET_METHODS:
        picks = select_subset(rows, m, score=score, method=method)
        assert len(set(picks.tolist())) == m and picks.dtype == np.int64
    turn = generator.permutation(24)
    # Two rows that cover nobody but each other are a tie, which order decides: "facility" is left out.
    for method in ("kcenter", "easy"):
        picks = select_subset(rows, m, score=score, method=method)
        assert set(turn[select_subset(rows[turn], m, score=score[turn], method=method)]) == set(picks)
    # One cluster takes the best of all; a constant score takes the same share everywhere.
    assert set(select_subset(rows, m, score=score, n_clusters=1)) == set(np.argsort(score)[:m])


def test_ten_rows():
    assert select_subset(TEN, 4, score=SCORE, n_clusters=2).tolist() == [4, 9, 3, 8]
    assert select_subset(TEN, 4, score=SCORE, n_clusters=2, direction="hard").tolist() == [0, 5, 1, 6]
    assert select_subset(TEN, 2, method="kcenter").tolist() == [0, 9]
    assert select_subset(TEN, 2, score=SCORE, method="easy", target=(TEN[:, 0] // 9).astype(int)).tolist() == [4, 9]
    # The hardest two never, the others evenly.
    picks = [select_subset(TEN, 5, score=SCORE, method="window", drop_hardest=0.2, random_state=s) for s in range(9)]
    assert not {0, 5} & set(np.concatenate(picks)) and set(SCORE[picks[0]]) == {1, 2, 3, 4}
    radius = [np.abs(TEN - TEN[select_subset(TEN, m, method="kcenter")].T).min(1).max() for m in range(1, 8)]
    assert (np.diff(radius) <= 0).all()
    circle = np.column_stack([np.cos(np.arange(10)), np.sin(np.arange(10))])
    alike = circle[parametric_prototypes(circle, 3)]
    assert (alike @ alike.T - np.eye(3)).max() < 0.6
    for wrong, message in (({"n_select": 11}, "there are only 10"), ({"method": "best"}, "method must be"),
                           ({"direction": "up"}, "direction must be"), ({"n_clusters": 11}, "n_clusters=11")):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            select_subset(TEN, **{"n_select": 2} | wrong)


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    X, noisy, generator = X / 16, y.copy(), np.random.default_rng(0)
    wrong = np.flatnonzero(generator.random(800) < 0.3)
    noisy[wrong] = (y[wrong] + generator.integers(1, 10, len(wrong))) % 10
    return X, y, noisy


def test_easy_rows_of_every_cluster_are_rarely_mislabeled(digits):
    X, y, noisy = digits
    selector = ScoreDiversitySelector(n_select=100).fit(X[:800], noisy[:800])
    assert (noisy[selector.selected_] == y[selector.selected_]).mean() > 0.95
    assert set(noisy[selector.selected_]) == set(range(10)) and len(set(selector.cluster_)) == 50
    hard = ScoreDiversitySelector(n_select=100, direction="hard").fit(X[:800], noisy[:800])
    assert (noisy[hard.selected_] == y[hard.selected_]).mean() < 0.2
    clf = SubsetClassifier(LogisticRegression(max_iter=200), ScoreDiversitySelector(n_select=100))
    drawn = np.random.default_rng(1).choice(800, 100, replace=False)
    plain = LogisticRegression(max_iter=200).fit(X[drawn], noisy[drawn])
    assert clf.fit(X[:800], noisy[:800]).score(X[800:], y[800:]) > plain.score(X[800:], y[800:]) + 0.1


def test_scores_by_name_and_by_function(digits):
    X, y, noisy = digits
    for score in ("el2n", "ratio", "entropy", "margin", lambda X, y: X[:, 20]):
        selector = ScoreDiversitySelector(n_select=0.25, score=score).fit(X[:200], noisy[:200])
        assert len(selector.selected_) == 50 and selector.score_.shape == (200,)
    assert len(ScoreDiversitySelector(n_select=20).fit(X[:200]).selected_) == 20
    # The only row of a class can be judged by no fold, and counts as easy.
    alone = np.append(noisy[:199], 77)
    rare = ScoreDiversitySelector(n_select=20).fit(X[:200], alone)
    assert np.isnan(rare.score_).tolist() == [False] * 199 + [True] and 199 in rare.selected_
    assert np.isnan(ScoreDiversitySelector(n_select=20).fit(X[:200], np.arange(200)).score_).all()
    found = ScoreDiversitySelector(n_select=20, embed=lambda X: X[:, :2], method="kcenter", score=None).fit(X[:200])
    assert found.score_ is None and found.cluster_ is None
    for facts, labels, message in (
        ({"score": "loss"}, None, "judges labels; give y"), ({"score": "margin"}, None, "needs predictions"),
        ({"n_select": 300}, noisy[:200], "asks for 300 of 200 rows"),
        ({"score": "ratio", "n_select": 195}, noisy[:200], "labels implausible"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            ScoreDiversitySelector(**facts).fit(X[:200], labels)


def test_it_is_a_query_strategy_too(digits):
    X, y, _ = digits
    learner = LogisticRegression(max_iter=200).fit(X[:60], y[:60])
    picks, scores = ScoreDiversitySelector()(learner, X[60:260], 12)
    assert len(set(picks.tolist())) == 12 and (np.diff(scores) <= 0).all()
    hard = ScoreDiversitySelector(score="margin", n_clusters=1)(learner, X[60:260], 12)[0]
    assert set(hard) == set(MarginSampling()(learner, X[60:260], 12)[0])
    with pytest.raises(ValueError, match="which a pool has not"):
        ScoreDiversitySelector(score="loss")(learner, X[60:260], 12)


def test_smaller_shares_lie_in_larger_ones(digits):
    X, y, _ = digits
    teacher = LogisticRegression(max_iter=200).fit(X[:300], y[:300])
    for score in ("random", "el2n", "grand", "prototype"):
        before = set()
        for fraction in (0.1, 0.3, 0.8, 1.0):
            kept = DataPruner(fraction, score=score, teacher=teacher).fit(X[:200], y[:200]).selected_
            assert len(kept) == round(200 * fraction) and (np.diff(kept) > 0).all() and before <= set(kept)
            assert set(y[kept]) == set(range(10))
            before = set(kept)
    easy, hard = (DataPruner(0.2, score="el2n", keep=keep, teacher=teacher).fit(X[:200], y[:200]) for keep in
                  ("easy", "hard"))  # fmt: skip
    assert easy.score_[easy.selected_].max() < hard.score_[hard.selected_].mean()
    assert len(SubsetClassifier(teacher, DataPruner(0.2)).fit(X[:200], y[:200]).selected_) == 40
    with pytest.raises(ValueError, match="keeps 2 rows of 10 classes"):
        DataPruner(0.01).fit(X[:200], y[:200])
    with pytest.raises(ValueError, match="needs teacher="):
        DataPruner(score="el2n").fit(X[:200], y[:200])
