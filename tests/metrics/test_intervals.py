"""Intervals of an accuracy: values by hand, limits, and how often they hold the truth."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.dummy import DummyClassifier

from skweak.metrics import estimate_transition_matrix, estimated_accuracy, noise_rate_interval, verified_accuracy
from skweak.metrics.intervals import accuracy_interval, corrected_interval


def zeros():
    return DummyClassifier(strategy="constant", constant=0).fit([[0], [0]], [0, 1])


def test_verified_rows_alone_are_counted():
    y = np.array([0, 0, 1, 1, 1, 1])
    verified = np.array([True, True, True, False, False, True])
    assert verified_accuracy(zeros(), np.zeros((6, 1)), y, verified).value == 0.5
    assert verified_accuracy(zeros(), np.zeros((6, 1)), y, y == 0).value == 1


def test_wilson_by_hand():
    # 8 of 10 with z = 1.96: centre (0.8 + z²/20) / (1 + z²/10), reach z sqrt(0.016 + z²/400) / (1 + z²/10).
    value, low, high = accuracy_interval(8, 10)
    assert value == 0.8 and low == pytest.approx(0.4902, abs=1e-4) and high == pytest.approx(0.9433, abs=1e-4)
    assert accuracy_interval(10, 10).high == 1 and accuracy_interval(10, 10).low > 0.7


@given(st.integers(1, 300), st.data())
def test_the_interval_holds_its_value_and_narrows(n, data):
    right = data.draw(st.integers(0, n))
    value, low, high = accuracy_interval(right, n)
    assert 0 <= low <= value <= high <= 1
    more = accuracy_interval(4 * right, 4 * n)
    assert more.high - more.low < high - low
    wide = accuracy_interval(right, n, 0.99)
    assert wide.high - wide.low > high - low


@pytest.mark.parametrize(
    ("verified", "message"),
    [([0, 1], "boolean mask of the 3 rows"), ([True, False], "boolean mask"), ([False] * 3, "marks no row")],
    ids=["positions", "short", "none"],
)
def test_a_wrong_mask_is_told(verified, message):
    with pytest.raises(ValueError, match=message):
        verified_accuracy(zeros(), np.zeros((3, 1)), [0, 1, 0], verified)
    with pytest.raises(ValueError, match="confidence"):
        verified_accuracy(zeros(), np.zeros((3, 1)), [0, 1, 0], [True] * 3, confidence=95)


def test_correction_by_a_known_matrix_by_hand():
    matrix = np.array([[0.75, 0.25], [0.25, 0.75]])
    y, predicted, classes = np.array([0, 0, 0, 1]), np.zeros(4, int), np.array([0, 1])
    value, low, high = corrected_interval(y, predicted, matrix, classes)
    # The inverse has 1.5 and -0.5: the mean of 1.5, 1.5, 1.5, -0.5 is 1, their spread sqrt(0.75).
    assert value == pytest.approx(1) and high - value == pytest.approx(1.96 * np.sqrt(0.75) / 2, abs=1e-3)
    assert value - low == pytest.approx(high - value)
    # A matrix that says nothing cannot be inverted: plain accuracy.
    assert corrected_interval(y, predicted, np.full((2, 2), 0.5), classes).value == 0.75


def noisy(seed, n=600, rate=0.25, skill=0.9):
    """A judge whose mistakes have nothing to do with the noise, and whose confidence tells the class."""
    random = np.random.RandomState(seed)
    clean = random.randint(2, size=n)
    y = np.where(random.rand(n) < rate, 1 - clean, clean)
    hit = random.rand(n) < skill
    predicted = np.where(hit, clean, 1 - clean)
    sure = np.where(hit, 0.9, 0.55)
    proba = np.where(np.arange(2) == predicted[:, None], sure[:, None], 1 - sure[:, None])
    return y, predicted, proba, clean


def test_an_estimated_matrix_makes_the_interval_wider():
    y, predicted, proba, _ = noisy(0)
    matrix = estimate_transition_matrix(y, proba)
    fixed = corrected_interval(y, predicted, matrix, np.arange(2))
    whole = estimated_accuracy(y, predicted, proba, random_state=0)
    assert whole.value == pytest.approx(fixed.value)
    assert whole == estimated_accuracy(y, predicted, proba, random_state=0)
    assert whole != estimated_accuracy(y, predicted, proba, random_state=1)
    assert whole.low == accuracy_interval((y == predicted).sum(), len(y)).low and whole.high > fixed.value
    more = estimated_accuracy(*(np.concatenate([part] * 9) for part in (y, predicted, proba)), random_state=0)
    assert more.high - more.value < (whole.high - whole.value) / 2


def test_without_noise_the_interval_is_as_narrow_as_the_plain_one():
    y, predicted, proba, _ = noisy(0, rate=0.0, skill=1.0)
    plain = accuracy_interval((y == predicted).sum(), len(y))
    assert estimated_accuracy(y, predicted, proba, n_draws=20, random_state=0) == pytest.approx(tuple(plain))


def test_the_truth_lies_in_the_interval_though_the_judge_confuses_classes():
    """A sure judge that is wrong by itself: its mistakes count as noise, and the corrected value is too high."""
    inside, high = 0, 0
    for seed in range(12):
        y, predicted, proba, clean = noisy(seed, n=300, skill=0.8)
        proba = np.where(np.arange(2) == predicted[:, None], 0.8, 0.2)
        value, low, top = estimated_accuracy(y, predicted, proba, n_draws=40, random_state=0)
        truth = (predicted == clean).mean()
        inside += low <= truth <= top
        high += value > truth
    assert inside >= 11 and high == 12


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 1000))
def test_names_of_classes_do_not_matter(seed):
    y, predicted, proba, _ = noisy(seed, n=80)
    names = np.array(["no", "yes"])
    numbers = estimated_accuracy(y, predicted, proba, n_draws=5, random_state=0)
    assert estimated_accuracy(names[y], names[predicted], proba, n_draws=5, random_state=0) == numbers


def test_the_rate_of_wrong_labels_lies_in_its_interval_mostly():
    inside = 0
    for seed in range(20):
        y, _, proba, clean = noisy(seed, skill=1.0)
        value, low, high = noise_rate_interval(y, proba, n_draws=100, random_state=0)
        assert low <= value <= high and value == pytest.approx((y != clean).mean(), abs=0.01)
        inside += low <= 0.25 <= high
    assert inside >= 15


def test_clean_labels_have_no_wrong_ones():
    clean = np.arange(30) % 3
    assert noise_rate_interval(clean, np.eye(3)[clean], n_draws=10, random_state=0) == (0, 0, 0)
