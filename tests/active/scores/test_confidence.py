import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import softmax

from skweak.active.scores import bidirectional_uncertainty, confidence_score, predicted_known
from skweak.active.scores.confidence import BLOCK_ROWS

COMMON = settings(max_examples=25, deadline=None, derandomize=True)
KINDS = ["least_confidence", "margin", "entropy"]


@st.composite
def probabilities(draw, n_tables=1, bound=50):
    """Tables of one shape whose rows sum to 1, some of them with ties and exact zeros."""
    shape = draw(st.integers(1, 8)), draw(st.integers(2, 5))
    elements = st.floats(-bound, bound, width=16) | st.sampled_from([0.0, 1.0, -1000.0])
    tables = [softmax(draw(arrays(np.float64, shape, elements=elements)), axis=1) for _ in range(n_tables)]
    return tables if n_tables > 1 else tables[0]


def random_probabilities(n, n_classes, dtype=np.float64):
    return np.random.default_rng(0).dirichlet(np.ones(n_classes), n).astype(dtype)


def reference_confidence(row, kind):
    ordered = sorted(row, reverse=True)
    return {
        "least_confidence": ordered[0],
        "margin": ordered[0] - ordered[1],
        "entropy": sum(p * math.log(p + 1e-10) for p in row),
    }[kind]


def test_confidence_by_hand():
    proba = np.array([[0.5, 0.2, 0.3], [1.0, 0.0, 0.0], [0.4, 0.4, 0.2]])
    np.testing.assert_allclose(confidence_score(proba, kind="least_confidence"), [0.5, 1, 0.4])
    np.testing.assert_allclose(confidence_score(proba, kind="margin"), [0.2, 1, 0], atol=1e-16)
    np.testing.assert_array_equal(confidence_score(proba), confidence_score(proba, kind="margin"))
    uniform = confidence_score(np.full((1, 4), 0.25), kind="entropy")
    np.testing.assert_allclose(uniform, -math.log(4), rtol=1e-8)


@COMMON
@given(probabilities(), st.sampled_from(KINDS), st.randoms(use_true_random=False))
def test_confidence_equals_a_loop_and_follows_permutations(proba, kind, random):
    score = confidence_score(proba, kind=kind)
    assert score.dtype == np.float64
    np.testing.assert_allclose(score, [reference_confidence(row, kind) for row in proba], atol=1e-12)
    low = -math.log(proba.shape[1]) - 1e-12 if kind == "entropy" else 0
    assert (score >= low).all() and (score <= 1 + 1e-9).all()
    classes = list(range(proba.shape[1]))
    random.shuffle(classes)
    np.testing.assert_allclose(confidence_score(proba[::-1, classes], kind=kind), score[::-1], atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_classes", [2, 3, 200])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 2e-6), (np.float64, 1e-12)])
def test_blocks_join_without_a_seam(kind, n_classes, dtype, tolerance):
    # 200 classes make blocks of 5242 rows, few classes blocks of BLOCK_ROWS.
    proba = random_probabilities(BLOCK_ROWS + 5 if n_classes < 200 else 5300, n_classes, dtype)
    score = confidence_score(proba, kind=kind)
    ordered = np.sort(proba.astype(np.float64), axis=1)
    expected = {
        "least_confidence": ordered[:, -1],
        "margin": ordered[:, -1] - ordered[:, -2],
        "entropy": (ordered * np.log(ordered + 1e-10)).sum(axis=1),
    }[kind]
    assert score.dtype == np.float64
    np.testing.assert_allclose(score, expected, atol=tolerance)


@pytest.mark.parametrize("kind", KINDS)
def test_any_memory_order_is_read_and_nothing_written(kind):
    proba = random_probabilities(50, 4)
    expected = confidence_score(proba, kind=kind)
    transposed = np.asfortranarray(proba)
    transposed.flags.writeable = False
    np.testing.assert_allclose(confidence_score(transposed, kind=kind), expected, rtol=1e-14)
    np.testing.assert_allclose(confidence_score(proba[::-1], kind=kind), expected[::-1], rtol=1e-14)
    np.testing.assert_array_equal(transposed, random_probabilities(50, 4))


def test_predicted_known_by_hand():
    proba = np.array([[0.2, 0.8], [0.9, 0.1], [0.4, 0.6], [0.5, 0.5], [0.3, 0.7]])
    # Row 3 ties: the first column, a known class, is the arg-max.
    assert predicted_known(proba).tolist() == [1, 3]
    assert predicted_known(proba, n_instances=2).tolist() == [1, 3]
    # Two are not enough for three: the others follow, least unknown first.
    assert predicted_known(proba, n_instances=3).tolist() == [1, 3, 2, 4, 0]


def test_predicted_known_orders_equal_rows_by_index():
    proba = np.tile([0.3, 0.7], (4, 1))
    assert predicted_known(proba).tolist() == []
    assert predicted_known(proba, n_instances=1).tolist() == [0, 1, 2, 3]


@COMMON
@given(probabilities(), st.integers(0, 10))
def test_predicted_known_equals_a_loop(proba, n_instances):
    rows = predicted_known(proba, n_instances=n_instances)
    assert rows.dtype == np.int64
    known = [i for i, row in enumerate(proba) if row[:-1].max() >= row[-1]]
    others = sorted(set(range(len(proba))) - set(known), key=lambda i: (proba[i, -1], i))
    assert rows.tolist() == (known if len(known) >= n_instances else known + others)


def scaled(values):
    span = values.max() - values.min()
    return (values - values.min()) / span if span > 0 else np.zeros(len(values))


def test_bidirectional_by_hand():
    negative = np.array([[0.5, 0.5], [1.0, 0.0], [0.75, 0.25]])
    positive = np.array([[0.75, 0.25], [0.5, 0.5], [0.75, 0.25]])
    # Margins 0, 1, 0.5 scaled to 0, 1, 0.5; margins 0.5, 0, 0.5 scaled to 1, 0, 1.
    plain = bidirectional_uncertainty(negative, positive, known_rate=0.5)
    np.testing.assert_allclose(plain, [-0.5, -1, -1])
    # Unknown 0.2, 0.4, 0.6 scaled to a = 0, 0.5, 1: S = 0 * 0 + 0.5 * 1 * 1, 0.5 * 1 + 0, 1 * 0.5 + 0.
    unknown = np.array([0.2, 0.4, 0.6])
    np.testing.assert_allclose(
        bidirectional_uncertainty(negative, positive, unknown, known_rate=0.5), [-0.5, -0.5, -0.5]
    )


@COMMON
@given(probabilities(n_tables=3), st.floats(0, 1), st.sampled_from(KINDS), st.randoms(use_true_random=False))
def test_bidirectional_laws(tables, known_rate, kind, random):
    negative, positive, third = tables
    unknown = third[:, 0]
    options = {"known_rate": known_rate, "kind": kind}
    score = bidirectional_uncertainty(negative, positive, unknown, **options)
    plain = bidirectional_uncertainty(negative, positive, **options)
    low, high = (scaled(confidence_score(table, kind=kind)) for table in (negative, positive))
    a = scaled(unknown)
    np.testing.assert_allclose(score, -(a * low + known_rate * (1 - a) * high), atol=1e-12)
    np.testing.assert_allclose(plain, -(low + known_rate * high), atol=1e-12)
    assert (score <= 0).all() and (score >= -1 - 1e-12).all()
    assert (plain <= 0).all() and (plain >= -1 - known_rate - 1e-12).all()
    rows = list(range(len(negative)))
    random.shuffle(rows)
    moved = bidirectional_uncertainty(negative[rows], positive[rows], unknown[rows], **options)
    np.testing.assert_allclose(moved, score[rows], atol=1e-12)


def test_each_head_may_permute_its_classes():
    negative, positive = random_probabilities(9, 4), random_probabilities(18, 4)[9:]
    expected = bidirectional_uncertainty(negative, positive, known_rate=0.4)
    permuted = bidirectional_uncertainty(negative[:, [2, 0, 3, 1]], positive[:, ::-1], known_rate=0.4)
    np.testing.assert_allclose(permuted, expected)


def test_first_round_is_the_negative_head_alone():
    negative, positive = random_probabilities(9, 4), random_probabilities(18, 4)[9:]
    score = bidirectional_uncertainty(negative, positive)
    np.testing.assert_array_equal(score, -scaled(confidence_score(negative)))


def test_constant_terms_vanish():
    constant = np.tile([0.7, 0.3], (3, 1))
    score = bidirectional_uncertainty(constant, constant, np.full(3, 0.4), known_rate=1.0)
    np.testing.assert_array_equal(score, [0, 0, 0])


P = np.full((3, 2), 0.5)
BAD = np.array([[0.5, 0.5], [0.5, 0.6]])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: confidence_score(P, kind="gini"), ValueError, "kind.*entropy.*gini"),
        (lambda: confidence_score(P[0]), ValueError, "proba.*2 dimensions"),
        (lambda: confidence_score(P[:0]), ValueError, "proba is empty"),
        (lambda: confidence_score(np.ones((3, 1))), ValueError, "proba.*2 columns"),
        (lambda: confidence_score(BAD), ValueError, "proba: row 1 sums to 1.1"),
        (lambda: confidence_score(BAD.astype(np.float32)), ValueError, "proba: row 1 sums to 1.1"),
        (
            lambda: confidence_score(np.array([[np.nan, 1], [np.inf, 0]])),
            ValueError,
            "proba contains 2 non-finite",
        ),
        (lambda: confidence_score(np.array([[1.5, -0.5]])), ValueError, "proba contains -0.5"),
        (lambda: confidence_score(np.array([["a", "b"]])), TypeError, "proba"),
        (lambda: predicted_known(BAD), ValueError, "proba: row 1"),
        (lambda: predicted_known(P, n_instances=-1), ValueError, "n_instances"),
        (lambda: bidirectional_uncertainty(BAD, P), ValueError, "negative_proba: row 1"),
        (lambda: bidirectional_uncertainty(P[:2], BAD), ValueError, "positive_proba: row 1"),
        (lambda: bidirectional_uncertainty(P, P[:2]), ValueError, "positive_proba has 2 rows"),
        (lambda: bidirectional_uncertainty(P, P, np.zeros(2)), ValueError, "unknown_proba has 2 rows"),
        (lambda: bidirectional_uncertainty(P, P, 2 * np.ones(3)), ValueError, "unknown_proba contains 2"),
        (lambda: bidirectional_uncertainty(P, P, known_rate=1.2), ValueError, "known_rate"),
        (lambda: bidirectional_uncertainty(P, P, kind="gini"), ValueError, "kind"),
    ],
)
def test_errors_name_the_parameter(call, error, message):
    with pytest.raises(error, match=message):
        call()
