import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax
from scipy.stats import truncnorm
from sklearn.linear_model import Perceptron
from sklearn.neighbors import KNeighborsClassifier

from skweak.datasets import make_instance_dependent_noise, make_margin_noise, make_web_noise

RNG = np.random.RandomState(0)
Y = np.arange(6000) % 5
X = RNG.randn(6000, 8) + Y[:, None]


@pytest.mark.parametrize("variant", ["per_class", "shared"])
@pytest.mark.parametrize("rate", [0.2, 0.45])
def test_instance_noise_reaches_its_rate(variant, rate):
    noisy, mask, T = make_instance_dependent_noise(X, Y, rate=rate, variant=variant, random_state=0)
    assert abs(mask.mean() - rate) < 4 * np.sqrt(rate * (1 - rate) / len(Y)) + 0.01
    assert np.array_equal(mask, noisy != Y) and set(noisy) == set(Y)
    for k in range(5):
        share = np.bincount(noisy[k == Y], minlength=5) / 1200
        assert (np.abs(share - T[k]) <= 4 * np.sqrt(T[k] * (1 - T[k]) / 1200) + 1e-12).all()


@pytest.mark.parametrize("variant", ["per_class", "shared"])
def test_instance_probabilities_agree_with_a_loop_over_rows(variant):
    x, y, rate = X[:40], Y[:40], 0.3
    stream = np.random.RandomState(9)
    limits = (0 - rate) / 0.1, (1 - rate) / 0.1
    flip = truncnorm.ppf(stream.random_sample(40), *limits, loc=rate, scale=0.1)
    draw = stream.random_sample(40)
    weights = [stream.standard_normal((8, 5)) for _ in range(5 if variant == "per_class" else 1)]
    expected, mean = [], np.zeros((5, 5))
    for i in range(40):
        score = 2.0 * x[i] @ weights[y[i] if variant == "per_class" else 0]
        others = [c for c in range(5) if c != y[i]]
        proba = np.zeros(5)
        proba[others] = flip[i] * softmax(score[others])
        proba[y[i]] = 1 - flip[i]
        mean[y[i]] += proba / 8
        expected.append(next(c for c in range(5) if proba[: c + 1].sum() > draw[i]))
    noisy, _, T = make_instance_dependent_noise(x, y, rate=rate, variant=variant, scale=2.0, random_state=9)
    assert noisy.tolist() == expected
    assert np.allclose(T, mean, atol=1e-12)


def test_instance_noise_depends_on_the_features():
    # Rows with the same label and the same large input all get the same wrong class.
    x = np.repeat(RNG.randn(2, 8) * 100, 500, axis=0)
    y = np.array([0, 1, 2, 3, 4] * 200)
    noisy, mask, _ = make_instance_dependent_noise(x, y, rate=0.5, random_state=0)
    for group in (slice(0, 500), slice(500, 1000)):
        for k in range(5):
            rows = (y[group] == k) & mask[group]
            assert np.unique(noisy[group][rows]).size == 1
    # Without weight on the input the wrong class is uniform.
    _, _, T = make_instance_dependent_noise(X, Y, rate=0.4, scale=0.0, random_state=0)
    wrong = T[0, 1:]
    assert np.allclose(wrong, wrong[0])


@pytest.mark.parametrize("variant", ["per_class", "shared"])
def test_instance_rate_zero_and_one(variant):
    noisy, mask, T = make_instance_dependent_noise(X, Y, rate=0, variant=variant, random_state=0)
    assert np.array_equal(noisy, Y) and not mask.any() and np.array_equal(T, np.eye(5))
    # At rate 1 the cut normal has mean 1 - 0.1 * sqrt(2 / pi) = 0.92.
    assert abs(make_instance_dependent_noise(X, Y, rate=1, random_state=0)[1].mean() - 0.92) < 0.015


def test_instance_noise_is_repeatable_and_leaves_all_else_alone():
    images = RNG.randint(0, 256, size=(50, 3, 4, 4)).astype(np.uint8)
    y = np.array(["a", "b"] * 25)
    before = images.copy(), y.copy()
    state = np.random.get_state()
    first = make_instance_dependent_noise(images, y, rate=0.5, random_state=1)
    second = make_instance_dependent_noise(images, y, rate=0.5, random_state=1)
    flat = make_instance_dependent_noise(images.reshape(50, -1).astype(float), y, rate=0.5, random_state=1)
    for other in (second, flat):
        assert all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))
    assert first[0].dtype == y.dtype and first[1].any()
    assert np.array_equal(images, before[0]) and np.array_equal(y, before[1])
    assert all(np.array_equal(a, b) for a, b in zip(state, np.random.get_state(), strict=True))


def test_instance_noise_with_absent_classes():
    noisy, _, T = make_instance_dependent_noise(X, np.zeros(6000, int), rate=0.5, n_classes=3, random_state=0)
    assert set(noisy) == {0, 1, 2} and T[1].tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("X_bad", "error", "message"),
    [
        (X[:10], ValueError, r"X must have shape \(6000, ...\), one row per label, got \(10, 8\)"),
        (np.zeros(6000), ValueError, "X must have shape"),
        (np.full((6000, 8), np.nan), ValueError, "X must be finite"),
        (np.full((6000, 8), 1e308), ValueError, "X must be finite"),
        (np.ma.masked_less(X, 0), TypeError, "X must be a dense numeric array, got .* MaskedArray"),
        (np.full((6000, 8), "a"), TypeError, "X must be a dense numeric array"),
    ],
)
def test_bad_inputs(X_bad, error, message):
    with np.errstate(all="ignore"), pytest.raises(error, match=message):
        make_instance_dependent_noise(X_bad, Y, rate=0.2)


def test_margin_noise_flips_the_rows_at_the_border():
    # On a line with classes left of 0 and right of 0, the four rows nearest to 0 flip.
    x = np.array([-5, -4, -3, -0.2, -0.1, 0.1, 0.2, 3, 4, 5.0])[:, None]
    y = np.repeat(["left", "right"], 5)
    noisy, mask, T = make_margin_noise(x, y, rate=0.4)
    assert np.flatnonzero(mask).tolist() == [3, 4, 5, 6]
    assert noisy.tolist() == ["left"] * 3 + ["right"] * 2 + ["left"] * 2 + ["right"] * 3
    # Two of five rows of each class changed.
    assert np.allclose(T, [[0.6, 0.4], [0.4, 0.6]])


def test_margin_noise_agrees_with_a_loop_over_rows():
    x, y = X[:300], Y[:300]
    proba = KNeighborsClassifier(20).fit(x, y).predict_proba(x)
    margins, rivals = [], []
    for row, label in zip(proba, y, strict=True):
        best = max((c for c in range(5) if c != label), key=lambda c: (row[c], -c))
        margins.append(row[label] - row[best])
        rivals.append(best)
    worst = sorted(range(300), key=lambda i: (margins[i], i))[:90]
    expected = y.copy()
    for i in worst:
        expected[i] = rivals[i]
    noisy, mask, T = make_margin_noise(x, y, rate=0.3, estimator=KNeighborsClassifier(20))
    assert np.array_equal(noisy, expected) and mask.sum() == 90
    assert np.allclose(T.sum(axis=1), 1)


def test_margin_noise_takes_images_and_is_the_identity_at_rate_zero():
    images, y = X[:100].reshape(100, 2, 2, 2), Y[:100]
    noisy, mask, T = make_margin_noise(images, y, rate=0)
    assert np.array_equal(noisy, y) and not mask.any() and np.array_equal(T, np.eye(5))
    assert make_margin_noise(images, y, rate=0.25)[1].sum() == 25


def test_margin_noise_needs_probabilities():
    with pytest.raises(TypeError, match="estimator must have predict_proba, got Perceptron"):
        make_margin_noise(X, Y, rate=0.1, estimator=Perceptron())


def test_web_noise_of_four_rows_by_hand():
    # Means 0.5 and 6.5: 4 is 6.25 and 12.25 away from them, so it is the one row that looks half like the other class.
    x, y = np.array([[0.0], [1.0], [4.0], [9.0]]), np.array(["a", "a", "b", "b"])
    noisy, mask, T = make_web_noise(x, y, rate=0.25, relevance=1e6, random_state=0)
    assert noisy.tolist() == ["a", "a", "a", "b"] and mask.tolist() == [False, False, True, False]
    assert T.tolist() == [[1, 0], [0.5, 0.5]]
    # The next is 1, whose own mean is 0.25 away and the other 30.25; then 0 (0.25, 42.25) before 9 (6.25, 72.25).
    assert make_web_noise(x, y, rate=0.5, relevance=1e6)[0].tolist() == ["a", "b", "a", "b"]
    assert make_web_noise(x, y, rate=0.75, relevance=1e6)[0].tolist() == ["b", "b", "a", "b"]


def test_web_noise_draws_pairs_by_their_scores():
    # Three classes on a line, one row each and many copies: the middle one is near both others.
    x, y = np.repeat([[0.0], [1.0], [3.0]], 4000, axis=0), np.repeat([0, 1, 2], 4000)
    x = x + np.tile([[0.1], [-0.1]], (6000, 1))
    _, mask, T = make_web_noise(x, y, rate=0.02, relevance=0.01, random_state=0)
    z = (x - x.mean()) / x.std()
    d = (z - np.array([z[y == k].mean() for k in range(3)])) ** 2
    own = d[np.arange(len(y)), y]
    weight = np.exp(0.01 * (own[:, None] - d) / own.mean())
    weight[np.arange(len(y)), y] = 0
    expected = np.array([weight[y == k].sum(0) for k in range(3)]) / weight.sum()
    # 240 draws without replacement of 12,000 rows are nearly independent.
    found = (T - np.diag(np.diag(T))) * 4000 / mask.sum()
    assert mask.sum() == 240
    assert (np.abs(found - expected) < 4 * np.sqrt(expected / 240) + 0.005).all()


@settings(max_examples=25, deadline=None)
@given(rate=st.floats(0, 1), relevance=st.floats(0, 100), scale=st.floats(1e-3, 1e3), seed=st.integers(0, 99))
def test_web_noise_flips_exactly_its_share_whatever_the_units(rate, relevance, scale, seed):
    x, y = X[:60].copy(), Y[:60].copy()
    noisy, mask, T = make_web_noise(x, y, rate=rate, relevance=relevance, random_state=seed)
    assert mask.sum() == int(rate * 60) and np.array_equal(mask, noisy != y)
    assert np.array_equal(x, X[:60]) and np.array_equal(y, Y[:60])
    np.testing.assert_allclose(T.sum(1), 1)
    again = make_web_noise(scale * x.reshape(60, 2, 4) + 3, y, rate=rate, relevance=relevance, random_state=seed)
    assert (again[0] == noisy).mean() > 0.95  # rounding may decide a tie


def test_web_noise_without_relevance_is_uniform_and_with_it_lies_at_borders():
    _, mask, T = make_web_noise(X, Y, rate=0.3, relevance=0.0, random_state=0)
    assert mask.sum() == 1800
    assert np.abs(T[~np.eye(5, dtype=bool)] - 0.3 / 4).max() < 4 * np.sqrt(0.075 / 1200)
    _, _, near = make_web_noise(X, Y, rate=0.3, relevance=1.0, random_state=0)
    # Classes lie in order on a diagonal: most wrong labels of the first one are the second.
    assert near[0, 1] > 2 * near[0, 2] > near[0, 4]


def test_web_noise_refuses_what_it_cannot_measure():
    with pytest.raises(ValueError, match="X must be finite"):
        make_web_noise([[np.nan], [1.0]], [0, 1], rate=0.5)
    for relevance in (-1, np.inf):
        with pytest.raises(ValueError, match="relevance must be in"):
            make_web_noise(X, Y, rate=0.5, relevance=relevance)
    # Rows that are all alike have no distances: any of them may flip.
    assert make_web_noise(np.ones((10, 2)), [0, 1] * 5, rate=0.5)[1].sum() == 5
