import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.datasets import make_multilabel_classification
from sklearn.metrics import coverage_error, label_ranking_loss
from sklearn.model_selection import GridSearchCV, KFold

from skweak.metrics import (
    coverage,
    coverage_scorer,
    one_error,
    one_error_scorer,
    ranking_loss,
    ranking_loss_scorer,
)
from skweak.multilabel import MultiLabelClassifier

quick = settings(max_examples=25, deadline=None, derandomize=True)
METRICS = {"ranking_loss": ranking_loss, "coverage": coverage, "one_error": one_error}
every = pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS.keys())


@st.composite
def cases(draw, values=(-1, 0, 1)):
    """Targets and scores with many ties."""
    shape = draw(st.tuples(st.integers(1, 6), st.integers(1, 5)))
    target = draw(hnp.arrays(np.int64, shape, elements=st.sampled_from(values)))
    return target, draw(hnp.arrays(np.int64, shape, elements=st.integers(0, 4))) / 4


def loop(metric, target, score):
    """Definition, row by row over the known entries; None is a row that does not count."""
    rows = []
    for labels, scores in zip(target, score, strict=True):
        known = labels != -1
        if not known.any():
            continue
        labels, scores = labels[known], scores[known]
        present, absent = scores[labels == 1], scores[labels == 0]
        if metric is ranking_loss:
            wrong = sum(p <= a for p in present for a in absent)
            rows.append(wrong / (len(present) * len(absent)) if len(present) and len(absent) else 0.0)
        elif metric is coverage:
            rows.append(max(((scores >= p).sum() for p in present), default=0))
        else:
            rows.append(float(labels[scores.argmax()] != 1) if len(present) else None)
    counted = [row for row in rows if row is not None]
    return np.mean(counted) if counted else np.nan


@every
def test_by_hand(metric):
    # First row: present 0.6, absent 0.9 and 0.1, one pair of two is wrong, place 2, the highest is absent.
    # Second: present 0.8 and 0.5 above absent 0.2 (0.9 is unknown): no error, place 2, a present one on top.
    target = [[1, 0, 0, -1], [1, 1, 0, -1]]
    score = [[0.6, 0.9, 0.1, 0.95], [0.8, 0.5, 0.2, 0.9]]
    assert metric(target, score) == {ranking_loss: 0.25, coverage: 2.0, one_error: 0.5}[metric]


@every
@quick
@given(case=cases())
def test_agrees_with_the_loop(metric, case):
    np.testing.assert_allclose(metric(*case), loop(metric, *case))


@quick
@given(cases(values=(0, 1)))
def test_without_unknown_entries_it_is_scikit_learn(case):
    target, score = np.pad(case[0], ((0, 0), (0, 1))), np.pad(case[1], ((0, 0), (0, 1)), constant_values=0.3)
    np.testing.assert_allclose(ranking_loss(target, score), label_ranking_loss(target, score))
    np.testing.assert_allclose(coverage(target, score), coverage_error(target, score))


@every
@quick
@given(case=cases(), seed=st.integers(0, 99))
def test_unknown_entries_and_monotone_transforms_change_nothing(metric, case, seed):
    target, score = case
    value = metric(target, score)
    noise = np.random.RandomState(seed).randn(*score.shape)
    np.testing.assert_equal(metric(target, np.where(target == -1, noise, score)), value)
    np.testing.assert_equal(metric(target, np.exp(3 * score) - 7), value)
    order = np.random.RandomState(seed).permutation(len(target))
    np.testing.assert_allclose(metric(target[order], score[order]), value)


@every
def test_perfect_scores(metric):
    target = np.array([[1, 0, 1, 0], [0, 0, 0, 1]])
    assert metric(target, target + 0.0) == {ranking_loss: 0.0, coverage: 1.5, one_error: 0.0}[metric]
    wrong = {ranking_loss: 1.0, coverage: 4.0, one_error: 1.0}[metric]
    assert metric(target, 1.0 - target) == wrong


def test_rows_that_say_nothing():
    target, score = [[1, 0], [0, 0], [1, 1], [-1, -1]], [[0.2, 0.7]] * 4
    # Of the last row nothing is known, so it never counts. Only the first row has a pair, and it is wrong.
    assert ranking_loss(target, score) == pytest.approx(1 / 3)
    assert ranking_loss(target, score, undefined="skip") == 1.0
    # The second row has no present label; the third has one on top.
    assert one_error(target, score) == 0.5
    assert one_error(target, score, undefined="one") == pytest.approx(2 / 3)
    assert coverage(target, score) == pytest.approx((2 + 0 + 2) / 3)
    assert all(np.isnan(metric([[-1, -1]], [[1, 2]])) for metric in (ranking_loss, coverage, one_error))
    assert np.isnan(ranking_loss([[0, 0]], [[1, 2]], undefined="skip")) and np.isnan(
        one_error([[0, 0]], [[1, 2]])
    )


def test_normalised_coverage_is_a_share_of_the_known_labels():
    # Place 2 of 3 known and place 3 of 4: 1 of 3 and 2 of 4 lie above.
    target, score = [[1, 0, 0, -1], [1, 0, 0, 0]], [[2, 3, 1, 9], [2, 4, 3, 1]]
    assert coverage(target, score, normalize=True) == pytest.approx((1 / 3 + 2 / 4) / 2)


@every
def test_weights_repeat_rows(metric):
    target, score = np.array([[1, 0, -1], [0, 1, 1]]), np.array([[0.3, 0.4, 0.5], [0.1, 0.2, 0.3]])
    repeated = metric(target[[0, 0, 0, 1]], score[[0, 0, 0, 1]])
    assert metric(target, score, sample_weight=[3, 1]) == pytest.approx(repeated)


@pytest.mark.parametrize("n_labels", [2, 4])
@pytest.mark.parametrize(
    ("scorer", "metric"),
    [(ranking_loss_scorer, ranking_loss), (coverage_scorer, coverage), (one_error_scorer, one_error)],
    ids=METRICS.keys(),
)
def test_scorers(scorer, metric, n_labels):
    X, Y = make_multilabel_classification(60, n_classes=n_labels, random_state=0)
    Y[::5, 0] = -1
    clf = MultiLabelClassifier(max_epochs=2, module__hidden=(4,), random_state=0)
    fitted = clf.fit(X, Y)
    assert scorer(fitted, X, Y) == -metric(Y, fitted.predict_proba(X))
    folds = KFold(2, shuffle=True, random_state=0)
    search = GridSearchCV(clf, {"lr": [0.01, 0.1]}, scoring=scorer, cv=folds, error_score="raise").fit(X, Y)
    assert search.best_score_ <= 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[1, 2]], [[1, 2]]), "y_true contains"),
        (([[1, 0]], [[1, 2, 3]]), "y_true has shape"),
        (([[1, 0]], [1, 2]), "y_score"),
        (([[1, 0]], [[np.nan, 2]]), "y_score"),
    ],
    ids=["value", "shape", "flat", "nan"],
)
@every
def test_bad_arguments(metric, arguments, message):
    with pytest.raises(ValueError, match=message):
        metric(*arguments)


@every
def test_bad_options(metric):
    with pytest.raises(ValueError, match="sample_weight"):
        metric([[1, 0]], [[1, 2]], sample_weight=[1, 2])
    name = "normalize" if metric is coverage else "undefined"
    with pytest.raises(ValueError, match=name):
        metric([[1, 0]], [[1, 2]], **{name: "maybe"})
