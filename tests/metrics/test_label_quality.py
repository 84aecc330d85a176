"""Label quality, the confident joint and the transition matrix: by hand, by a slow loop, and by their laws."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skweak.metrics import confident_joint, estimate_transition_matrix, label_quality
from skweak.metrics.label_quality import QUALITY_KINDS
from tests.strategies import logits_and_target

fast = settings(max_examples=25, deadline=None, derandomize=True)

# Mean probability of class 0 among the rows given 0: (0.9 + 0.9 + 0.2) / 3 = 2/3; of class 1: (0.7 + 0.9) / 2 = 0.8.
Y = np.array([0, 0, 0, 1, 1])
PROBA = np.array([[0.9, 0.1], [0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [0.1, 0.9]])


@st.composite
def judged(draw):
    """Draw labels (n,), probabilities (n, C) and the classes."""
    logits, target = draw(logits_and_target(rows=st.integers(1, 12), bound=4.0))
    return target.numpy(), logits.softmax(1).numpy(), np.arange(logits.shape[1])


def slow_joint(y, proba, n_classes):
    counts = np.zeros((n_classes, n_classes), dtype=int)
    thresholds = [max(2e-6, proba[y == j, j].mean()) if (y == j).any() else np.inf for j in range(n_classes)]
    for given_label, row in zip(y, proba, strict=True):
        sure = [j for j in range(n_classes) if row[j] >= thresholds[j] - 1e-6]
        if sure:
            counts[given_label, max(sure, key=lambda j, row=row: (row[j], j == given_label))] += 1
    for j in range(n_classes):
        counts[j, j] = max(1, counts[j, j])
    return counts


def test_confident_joint_by_hand():
    # Row 3 (0.7 < 0.8, 0.3 < 2/3) is confident for nothing. Given 1: one counted row of two, scaled to two.
    assert confident_joint(Y, PROBA, calibrate=False).tolist() == [[2, 1], [0, 1]]
    assert confident_joint(Y, PROBA).tolist() == [[2, 1], [0, 2]]


def test_transition_matrix_by_hand():
    # Of the three rows that are truly 1, one was given 0.
    np.testing.assert_allclose(estimate_transition_matrix(Y, PROBA), [[1, 0], [1 / 3, 2 / 3]])


def test_rounding_keeps_the_rows_of_a_class():
    # Counts (1, 1, 1) of a class of four scale to 4/3 each: the first of the equal remainders gets the row left over.
    y = np.array([0, 0, 0, 0, 1, 2])
    proba = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0.1, 0.4, 0.5], [0, 1, 0], [0, 0, 1]])
    assert confident_joint(y, proba).tolist() == [[2, 1, 1], [0, 1, 0], [0, 0, 1]]


def test_a_class_that_nobody_was_given_keeps_its_label():
    proba = np.column_stack([PROBA, np.zeros(5)])
    matrix = estimate_transition_matrix(Y, proba, classes=[0, 1, 2])
    assert matrix[2].tolist() == [0, 0, 1]
    assert confident_joint(Y, proba, classes=[0, 1, 2])[2].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("self_confidence", [0.5, 0.2]),
        # (0.5 - 0.3 + 1) / 2 and (0.2 - 0.5 + 1) / 2
        ("normalized_margin", [0.6, 0.35]),
        # H = -(0.5 log 0.5 + 0.3 log 0.3 + 0.2 log 0.2) / log 3 = 0.93724; log(1 + s) / s at s = H / 0.5 and H / 0.2
        ("confidence_weighted_entropy", [0.56329, 0.37089]),
    ],
)
def test_quality_by_hand(kind, expected):
    proba = [[0.5, 0.3, 0.2], [0.5, 0.3, 0.2]]
    np.testing.assert_allclose(label_quality(["a", "c"], proba, kind=kind, classes=list("abc")), expected, atol=1e-5)


def test_quality_at_its_limits():
    certain = [[1.0, 0.0], [1.0, 0.0]]
    for kind in QUALITY_KINDS:
        assert label_quality([0, 1], certain, kind=kind).tolist() == [1.0, 0.0]


@fast
@given(judged())
def test_joint_equals_a_slow_loop(data):
    y, proba, classes = data
    assert confident_joint(y, proba, calibrate=False, classes=classes).tolist() == slow_joint(y, proba, len(classes)).tolist()


@fast
@given(judged())
def test_rows_of_the_calibrated_joint_are_class_counts(data):
    y, proba, classes = data
    joint = confident_joint(y, proba, classes=classes)
    assert joint.sum(1).tolist() == np.bincount(y, minlength=len(classes)).tolist() and (joint >= 0).all()


@fast
@given(judged())
def test_duplicated_rows_double_the_joint(data):
    y, proba, classes = data
    once = confident_joint(y, proba, calibrate=False, classes=classes)
    twice = confident_joint(np.tile(y, 2), np.tile(proba, (2, 1)), calibrate=False, classes=classes)
    off = ~np.eye(len(classes), dtype=bool)
    assert (twice[off] == 2 * once[off]).all()


@fast
@given(judged(), st.randoms(use_true_random=False))
def test_order_of_rows_and_names_of_classes_do_not_matter(data, random):
    y, proba, classes = data
    # Of two other classes with the same probability the first counts, which is a matter of order.
    proba = 0.9 * proba + 0.1 * np.random.RandomState(len(y)).dirichlet(np.ones(len(classes)), len(y))
    order = np.array(random.sample(range(len(y)), len(y)))
    assert (confident_joint(y[order], proba[order], classes=classes) == confident_joint(y, proba, classes=classes)).all()
    renamed = np.array(random.sample(range(len(classes)), len(classes)))
    moved = np.empty_like(proba)
    moved[:, renamed] = proba
    np.testing.assert_allclose(
        estimate_transition_matrix(renamed[y], moved, classes=classes)[np.ix_(renamed, renamed)],
        estimate_transition_matrix(y, proba, classes=classes),
    )
    for kind in QUALITY_KINDS:
        quality = label_quality(y, proba, kind=kind, classes=classes)
        assert (quality >= 0).all() and (quality <= 1).all()
        np.testing.assert_allclose(label_quality(renamed[y], moved, kind=kind, classes=classes), quality)


@fast
@given(judged())
def test_transition_rows_are_probabilities(data):
    y, proba, classes = data
    matrix = estimate_transition_matrix(y, proba, classes=classes)
    np.testing.assert_allclose(matrix.sum(1), 1)
    assert (matrix >= 0).all()


def test_classes_in_any_order_name_the_columns():
    swapped = confident_joint(Y, PROBA[:, ::-1], classes=[1, 0])
    assert swapped.tolist() == confident_joint(Y, PROBA)[::-1, ::-1].tolist()


@pytest.mark.parametrize(
    ("y", "proba", "classes", "message"),
    [
        (Y[:3], PROBA, None, "y has 3 labels but proba has 5 rows"),
        (Y, PROBA * 2, None, "proba must hold probabilities; row 0"),
        (Y, PROBA - 0.15, None, "proba must hold probabilities; row 0"),
        (Y, PROBA, [0, 1, 2], "proba has 2 columns for the 3 classes"),
        (Y, PROBA, [0, 2], "y holds .*1.*, which is not among classes"),
        (np.zeros(5), PROBA, None, "proba has 2 columns for the 1 classes"),
    ],
    ids=["rows", "sum", "negative", "columns", "class", "one-class"],
)
def test_what_does_not_fit_is_named(y, proba, classes, message):
    with pytest.raises(ValueError, match=message):
        confident_joint(y, proba, classes=classes)


def test_an_unknown_kind_is_named():
    with pytest.raises(ValueError, match="kind must be one of self_confidence, .* got 'entropy'"):
        label_quality(Y, PROBA, kind="entropy")
