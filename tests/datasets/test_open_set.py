import numpy as np
import pytest

from skweak.datasets import make_open_set_noise, make_open_set_pool

N = 5000
Y = np.random.RandomState(0).permutation(np.arange(N) % 10)
X = np.arange(N, dtype=np.float32)[:, None] * np.ones((1, 2), dtype=np.float32)
FOREIGN = -1 - np.arange(3000, dtype=np.float32)[:, None] * np.ones((1, 2), dtype=np.float32)


def close(share, proba, n_rows):
    """Within four standard errors of a share of n_rows independent draws."""
    return np.all(
        np.abs(share - proba) <= 4 * np.sqrt(np.multiply(proba, 1 - np.asarray(proba)) / n_rows) + 1e-12
    )


@pytest.mark.parametrize("closed", ["symmetric", "asymmetric"])
@pytest.mark.parametrize("rate", [0.2, 0.8])
def test_unknown_classes_convention(closed, rate):
    noisy = make_open_set_noise(X, Y, rate=rate, closed=closed, random_state=1)
    unknown = Y >= 8
    assert noisy.known_classes.tolist() == list(range(8))
    assert set(noisy.target) == set(range(8))
    assert np.array_equal(noisy.data, X) and np.array_equal(noisy.clean_target, Y)
    assert np.array_equal(noisy.noise_type == "open", unknown)
    assert np.array_equal(noisy.noise_type == "clean", noisy.target == Y)
    # Total rate: 0.2 + 0.8 * rate.
    assert close((noisy.target != Y).mean(), 0.2 + 0.8 * rate, N)
    for k in range(10):
        share = np.bincount(noisy.target[k == Y], minlength=10) / (k == Y).sum()
        assert close(share, noisy.transition_matrix[k], (k == Y).sum())


def test_closed_noise_stays_among_the_known_classes():
    noisy = make_open_set_noise(X, Y, [7, 2, 5], rate=1.0, closed="asymmetric", random_state=0)
    assert noisy.known_classes.tolist() == [2, 5, 7]
    # Cyclic order 2 -> 5 -> 7 -> 2.
    assert [set(noisy.target[k == Y]) for k in (2, 5, 7)] == [{5}, {7}, {2}]
    T = noisy.transition_matrix
    assert np.allclose(T[0, [2, 5, 7]], 1 / 3) and T[2, 5] == T[5, 7] == T[7, 2] == 1
    assert np.allclose(T.sum(axis=1), 1)


def test_rate_zero_relabels_unknown_rows_only():
    noisy = make_open_set_noise(X, Y, rate=0, open_share=0.5, random_state=0)
    assert noisy.known_classes.tolist() == [0, 1, 2, 3, 4]
    assert np.array_equal(noisy.target[Y < 5], Y[Y < 5])
    assert not (noisy.noise_type == "closed").any()


def test_replace_convention():
    noisy = make_open_set_noise(X, Y, rate=0.6, variant="replace", X_open=FOREIGN, random_state=0)
    is_open = noisy.noise_type == "open"
    # int(0.5 * 0.6 * 5000) rows are replaced, as many are relabeled with the true class included.
    assert is_open.sum() == 1500
    assert np.array_equal(noisy.data[~is_open], X[~is_open]) and (noisy.data[is_open] < 0).all()
    assert np.array_equal(noisy.target[is_open], Y[is_open])
    assert np.unique(noisy.data[is_open][:, 0]).size == 1500
    closed = noisy.noise_type == "closed"
    assert np.array_equal(closed, noisy.target != Y) and close(closed.sum() / 1500, 0.9, 1500)
    assert np.allclose(noisy.transition_matrix, 0.7 * np.eye(10) + 0.03)
    assert noisy.known_classes.tolist() == list(range(10))


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_replace_limits(share):
    noisy = make_open_set_noise(
        X, Y, rate=0.3, variant="replace", open_share=share, X_open=FOREIGN[:10], random_state=0
    )
    assert (noisy.noise_type == "open").sum() == 1500 * share
    assert ("closed" in noisy.noise_type) == (share == 0)
    nothing = make_open_set_noise(X, Y, rate=0, variant="replace", X_open=FOREIGN)
    assert np.array_equal(nothing.data, X) and np.array_equal(nothing.target, Y)
    assert (nothing.noise_type == "clean").all()


@pytest.mark.parametrize("variant", ["cifar80n", "replace"])
def test_noise_is_repeatable_and_leaves_all_else_alone(variant):
    before, state = (X.copy(), Y.copy(), FOREIGN.copy()), np.random.get_state()
    options = {"rate": 0.4, "variant": variant, "X_open": FOREIGN if variant == "replace" else None}
    first, second, other = (make_open_set_noise(X, Y, random_state=s, **options) for s in (0, 0, 1))
    make_open_set_noise(X, Y, **options)
    assert all(np.array_equal(first[key], second[key]) for key in first)
    assert not np.array_equal(first.target, other.target)
    assert all(np.array_equal(a, b) for a, b in zip(before, (X, Y, FOREIGN), strict=True))
    assert all(np.array_equal(a, b) for a, b in zip(state, np.random.get_state(), strict=True))


def test_noise_keeps_the_type_of_labels_and_inputs():
    names = np.array(["a", "b", "c", "d", "e"])[Y % 5]
    images = np.zeros((N, 1, 2, 2), dtype=np.uint8)
    noisy = make_open_set_noise(images, names, rate=0.2)
    assert noisy.target.dtype == names.dtype and noisy.known_classes.tolist() == ["a", "b", "c", "d"]
    noisy = make_open_set_noise(images, names, rate=0.2, variant="replace", X_open=images[:7] + 9)
    assert noisy.data.dtype == np.uint8 and noisy.data.shape == images.shape


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"rate": 1.5}, ValueError, "rate must be in"),
        ({"variant": "other"}, ValueError, "variant must be one of 'cifar80n', 'replace'"),
        ({"closed": "pair"}, ValueError, "closed must be one of"),
        ({"open_share": 1.5}, ValueError, "open_share must be in"),
        ({"open_share": 0.9}, ValueError, "open_share=0.9 leaves fewer than 2 of 10 known classes"),
        ({"known_classes": [1, 1, 2]}, ValueError, "known_classes must be a list of at least 2 different"),
        ({"known_classes": [1]}, ValueError, "known_classes must be a list of at least 2 different"),
        ({"known_classes": [1, 12]}, ValueError, "known_classes names .*12.*, which is not among"),
        ({"X_open": FOREIGN}, ValueError, "X_open is used by variant='replace' only"),
        ({"variant": "replace"}, ValueError, "X_open is needed for variant='replace'"),
        ({"variant": "replace", "X_open": FOREIGN[:, :1]}, ValueError, r"X_open must have shape \(m, 2\)"),
        ({"variant": "replace", "X_open": FOREIGN[:0]}, ValueError, "X_open must have shape"),
        (
            {"variant": "replace", "X_open": FOREIGN.astype(complex)},
            TypeError,
            "X_open must have a dtype that fits X",
        ),
        (
            {"variant": "replace", "X_open": FOREIGN, "known_classes": [1, 2]},
            ValueError,
            "known_classes and closed",
        ),
        (
            {"variant": "replace", "X_open": FOREIGN, "closed": "asymmetric"},
            ValueError,
            "known_classes and closed",
        ),
    ],
)
def test_noise_errors_name_the_parameter(options, error, message):
    with pytest.raises(error, match=message):
        make_open_set_noise(X, Y, **{"rate": 0.2, **options})


def test_pool_holds_all_the_rest():
    pool = make_open_set_pool(X, Y, [1, 0, 4], labeled_fraction=0.1, random_state=0)
    known = np.isin(Y, [0, 1, 4])
    # 1500 known rows, a tenth of them labeled.
    assert len(pool.labeled_index) == 150 and known[pool.labeled_index].all()
    both = np.concatenate([pool.labeled_index, pool.pool_index])
    assert np.array_equal(np.sort(both), np.arange(N))
    assert np.array_equal(pool.X_labeled, X[pool.labeled_index])
    assert np.array_equal(pool.y_labeled, Y[pool.labeled_index])
    assert np.array_equal(pool.X_pool, X[pool.pool_index])
    assert np.array_equal(pool.y_pool, np.where(known, Y, -1)[pool.pool_index])
    assert np.isin(np.flatnonzero(~known), pool.pool_index).all()
    assert pool.known_classes.tolist() == [0, 1, 4]
    assert (pool.openness, pool.mismatch) == (pytest.approx(0.7), pytest.approx(0.3))
    assert pool.unknown_share == pytest.approx(3500 / 4850)
    assert pool.X_test is None and pool.y_test is None


def test_the_labeled_sample_is_uniform_over_the_known_rows():
    taken = np.zeros(N)
    for seed in range(400):
        taken[make_open_set_pool(X, Y, [0, 1], labeled_fraction=0.1, random_state=seed).labeled_index] += 1
    assert abs(taken[Y < 2] / 400 - 0.1).max() < 5 * np.sqrt(0.09 / 400) and not taken[Y >= 2].any()


def test_test_rows_of_unknown_classes_are_dropped():
    pool = make_open_set_pool(X, Y, [0, 1], X_test=X[:1000], y_test=Y[:1000], random_state=0)
    keep = Y[:1000] < 2
    assert np.array_equal(pool.X_test, X[:1000][keep]) and np.array_equal(pool.y_test, Y[:1000][keep])


def test_unknown_label_of_other_types():
    names = np.array([f"class{k}" for k in range(10)])[Y]
    pool = make_open_set_pool(X, names, ["class0", "class1"], unknown_label="none of these", random_state=0)
    assert set(pool.y_pool) == {"class0", "class1", "none of these"}
    pool = make_open_set_pool(X, Y.astype(np.uint8), [0, 1], random_state=0)
    assert set(pool.y_pool.tolist()) == {-1, 0, 1} and pool.y_labeled.dtype == np.uint8


def test_pool_limits():
    assert len(make_open_set_pool(X, Y, [0, 1], labeled_fraction=0).labeled_index) == 1
    everything = make_open_set_pool(X, Y, range(10), labeled_fraction=1)
    assert len(everything.X_pool) == 0 and everything.openness == 0 and everything.unknown_share == 0


def test_pool_is_repeatable_and_leaves_all_else_alone():
    before, state = (X.copy(), Y.copy()), np.random.get_state()
    first, second, other = (make_open_set_pool(X, Y, [3, 4], random_state=s) for s in (0, 0, 1))
    make_open_set_pool(X, Y, [3, 4])
    assert np.array_equal(first.labeled_index, second.labeled_index)
    assert not np.array_equal(first.labeled_index, other.labeled_index)
    assert np.array_equal(X, before[0]) and np.array_equal(Y, before[1])
    assert all(np.array_equal(a, b) for a, b in zip(state, np.random.get_state(), strict=True))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"known_classes": [0, 0]}, ValueError, "known_classes must be a list of at least 2 different"),
        ({"known_classes": [0, 77]}, ValueError, "known_classes names .*77"),
        ({"labeled_fraction": 1.2}, ValueError, "labeled_fraction must be in"),
        ({"X_test": X}, ValueError, "X_test and y_test must be given together"),
        ({"y_test": Y}, ValueError, "X_test and y_test must be given together"),
        ({"X_test": X[:5], "y_test": Y[:4]}, ValueError, r"X_test must have shape \(4, ...\)"),
        ({"unknown_label": 3}, ValueError, "unknown_label=3 is one of the labels in y"),
        ({"unknown_label": "?"}, TypeError, "unknown_label must be a number"),
    ],
)
def test_pool_errors_name_the_parameter(options, error, message):
    with pytest.raises(error, match=message):
        make_open_set_pool(X, Y, **{"known_classes": [0, 1], **options})
