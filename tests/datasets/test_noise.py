import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skweak.datasets import (
    make_asymmetric_noise,
    make_noisy_labels,
    make_pairflip_noise,
    make_symmetric_noise,
)

N_CLASSES = 10
Y = np.random.RandomState(7).permutation(np.repeat(np.arange(N_CLASSES), 700))
BINARY = np.random.RandomState(8).permutation(np.repeat([0, 1], 2000))
FINE = np.repeat(np.arange(100), 60)

GENERATORS = {
    "symmetric": (Y, lambda y, rate, seed: make_symmetric_noise(y, rate=rate, random_state=seed)),
    "exclusive": (
        Y,
        lambda y, rate, seed: make_symmetric_noise(y, rate=rate, variant="exclusive", random_state=seed),
    ),
    "exclusive_exact": (
        Y,
        lambda y, rate, seed: make_symmetric_noise(
            y, rate=rate, variant="exclusive_exact", random_state=seed
        ),
    ),
    "pairflip": (Y, lambda y, rate, seed: make_pairflip_noise(y, rate=rate, random_state=seed)),
    "cifar10": (Y, lambda y, rate, seed: make_asymmetric_noise(y, rate=rate, random_state=seed)),
    "cifar10_exact": (
        Y,
        lambda y, rate, seed: make_asymmetric_noise(y, rate=rate, exact=True, random_state=seed),
    ),
    "cifar100": (
        FINE,
        lambda y, rate, seed: make_asymmetric_noise(y, rate=rate, mapping="cifar100", random_state=seed),
    ),
    "binary": (
        BINARY,
        lambda y, rate, seed: make_asymmetric_noise(y, rate=rate, mapping="binary", random_state=seed),
    ),
}
every_generator = pytest.mark.parametrize("name", GENERATORS)


@every_generator
def test_rate_zero_is_the_identity(name):
    y, make = GENERATORS[name]
    noisy, mask, T = make(y, 0.0, 3)
    assert np.array_equal(noisy, y) and not mask.any()
    assert np.array_equal(T, np.eye(len(T)))


@every_generator
def test_mask_marks_the_changed_rows_and_the_matrix_is_stochastic(name):
    y, make = GENERATORS[name]
    noisy, mask, T = make(y, 0.4, 3)
    assert mask.dtype == bool and mask.any()
    assert np.array_equal(mask, noisy != y)
    assert T.min() >= 0 and np.allclose(T.sum(axis=1), 1, atol=1e-12)


@every_generator
@pytest.mark.parametrize("seed", [0, 1])
def test_empirical_transition_lies_within_four_standard_errors(name, seed):
    y, make = GENERATORS[name]
    noisy, _, T = make(y, 0.35, seed)
    for k in range(len(T)):
        rows = noisy[y == k]
        share = np.array([(rows == j).mean() for j in range(len(T))])
        error = np.sqrt(T[k] * (1 - T[k]) / rows.size)
        assert (np.abs(share - T[k]) <= 4 * error + 1e-12).all()


@every_generator
def test_the_seed_decides_the_result_and_nothing_else_is_touched(name):
    y, make = GENERATORS[name]
    before = y.copy()
    np.random.seed(5)
    state = np.random.get_state()
    first = make(y, 0.4, 11)
    second = make(y, 0.4, 11)
    make(y, 0.4, None)
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert not np.array_equal(first[0], make(y, 0.4, 12)[0])
    assert np.array_equal(y, before)
    assert all(np.array_equal(a, b) for a, b in zip(state, np.random.get_state(), strict=True))


@every_generator
def test_a_generator_object_is_drawn_from(name):
    y, make = GENERATORS[name]
    state = np.random.RandomState(4)
    assert np.array_equal(make(y, 0.4, 4)[0], make(y, 0.4, state)[0])
    assert not np.array_equal(make(y, 0.4, state)[0], make(y, 0.4, 4)[0])
    by_generator = [make(y, 0.4, np.random.default_rng(4))[0] for _ in range(2)]
    assert np.array_equal(*by_generator)


def test_inclusive_draws_exactly_the_rounded_down_number_of_rows():
    # 10 classes, rate 0.5: 3500 rows are drawn and nine in ten of them change: 0.45 of 7000 = 3150, sd 18.
    noisy, mask, T = make_symmetric_noise(Y, rate=0.5, random_state=0)
    assert abs(mask.sum() - 3150) < 72
    assert T[0, 0] == pytest.approx(0.55) and T[0, 1] == pytest.approx(0.05)
    # With every label drawn anew no more than n rows can change, with int(0.3 * 11) = 3 rows no more than 3.
    few = [make_symmetric_noise(np.arange(11), rate=0.3, random_state=s)[1].sum() for s in range(60)]
    assert max(few) == 3


def test_exclusive_never_returns_the_true_class():
    noisy, mask, _ = make_symmetric_noise(Y, rate=1.0, variant="exclusive", random_state=0)
    assert mask.all()
    noisy, mask, _ = make_symmetric_noise(Y, rate=1.0, variant="exclusive_exact", random_state=0)
    assert mask.all()


def test_exclusive_exact_flips_the_rounded_up_number_of_each_class():
    # Class sizes 3, 4, 5 at rate 0.4: 1.2, 1.6, 2.0 round up to 2, 2, 2.
    y = np.repeat([0, 1, 2], [3, 4, 5])
    _, mask, _ = make_symmetric_noise(y, rate=0.4, variant="exclusive_exact", random_state=0)
    assert [int(mask[y == k].sum()) for k in range(3)] == [2, 2, 2]


def test_exclusive_targets_are_uniform_over_the_other_classes():
    noisy, _, _ = make_symmetric_noise(Y, rate=1.0, variant="exclusive_exact", random_state=1)
    counts = np.bincount(noisy[Y == 4], minlength=10)
    # 700 rows over 9 classes: 77.8 each, standard deviation 8.3.
    assert counts[4] == 0 and (np.abs(np.delete(counts, 4) - 700 / 9) < 4 * 8.4).all()


def test_all_rows_flip_at_rate_one():
    noisy, _, _ = make_asymmetric_noise(np.arange(10), rate=1.0, random_state=0)
    assert noisy.tolist() == [0, 1, 0, 5, 7, 3, 6, 7, 8, 1]
    noisy, _, _ = make_pairflip_noise(np.arange(10), rate=1.0)
    assert noisy.tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0]


@pytest.mark.parametrize(
    "dtype", ["int8", "uint8", "int64", "uint64", "float32", ">i4", "bool", "<U5", "object"]
)
@pytest.mark.parametrize("variant", ["inclusive", "exclusive", "exclusive_exact"])
def test_dtype_and_label_set_are_preserved(dtype, variant):
    if dtype in ("<U5", "object"):
        y = np.array(["no", "yes", "maybe"] * 40, dtype=dtype)
    else:
        y = np.array([0, 1] * 60).astype(dtype)
    noisy = make_symmetric_noise(y, rate=0.5, variant=variant, random_state=0)[0]
    assert noisy.dtype == y.dtype
    assert set(noisy.tolist()) == set(y.tolist())


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    codes=st.lists(st.integers(0, 3), min_size=8, max_size=60).filter(lambda c: len(set(c)) == 4),
    rate=st.floats(0, 1),
    seed=st.integers(0, 1000),
    variant=st.sampled_from(["inclusive", "exclusive", "exclusive_exact"]),
)
def test_names_of_the_classes_do_not_matter(codes, rate, seed, variant):
    names = np.array(["ant", "bee", "cow", "dog"])
    numbers = np.array([-3, 5, 17, 10**12])
    options = {"rate": rate, "variant": variant, "random_state": seed}
    noisy, mask, T = make_symmetric_noise(np.array(codes), **options)
    for labels in (names, numbers):
        other, other_mask, other_T = make_symmetric_noise(labels[codes], **options)
        assert np.array_equal(other, labels[noisy])
        assert np.array_equal(mask, other_mask) and np.array_equal(T, other_T)
    assert T.shape == (4, 4) and np.allclose(T.sum(axis=1), 1)


def test_n_classes_allows_absent_classes():
    y = np.zeros(2000, dtype=np.uint8)
    noisy, _, T = make_symmetric_noise(y, rate=1.0, n_classes=4, random_state=0)
    assert T.shape == (4, 4) and set(noisy.tolist()) == {0, 1, 2, 3} and noisy.dtype == np.uint8
    assert make_pairflip_noise(y, rate=1.0, n_classes=2)[0].tolist() == [1] * 2000
    # bird -> airplane although no airplane occurs.
    assert make_asymmetric_noise([2, 2, 8], rate=1.0)[0].tolist() == [0, 0, 8]


@pytest.mark.parametrize(
    ("text", "make"),
    [
        ("symmetric:0.4", lambda y: make_symmetric_noise(y, rate=0.4, random_state=2)),
        ("symmetric:.4", lambda y: make_symmetric_noise(y, rate=0.4, random_state=2)),
        (
            "symmetric_exclusive:0.4",
            lambda y: make_symmetric_noise(y, rate=0.4, variant="exclusive", random_state=2),
        ),
        ("pairflip:0.45", lambda y: make_pairflip_noise(y, rate=0.45, random_state=2)),
        ("pairflip:0", lambda y: make_pairflip_noise(y, rate=0.0, random_state=2)),
    ],
)
def test_noise_by_name(text, make):
    for got, expected in zip(make_noisy_labels(Y, text, random_state=2), make(Y), strict=True):
        assert np.array_equal(got, expected)


def test_asymmetric_by_name_takes_a_mapping():
    expected = make_asymmetric_noise(Y, rate=0.4, mapping="cifar10", random_state=2)[0]
    assert np.array_equal(
        make_noisy_labels(Y, "asymmetric:0.4", mapping="cifar10", random_state=2)[0], expected
    )
    expected = make_asymmetric_noise(BINARY, rate=0.4, mapping="binary", random_state=2)[0]
    assert np.array_equal(make_noisy_labels(BINARY, "asymmetric:0.4", random_state=2)[0], expected)


def test_instance_noise_by_name_needs_the_inputs():
    X = np.random.RandomState(0).randn(len(BINARY), 2)
    assert make_noisy_labels(BINARY, "instance:0.3", X, random_state=0)[1].any()
    with pytest.raises(ValueError, match="X is needed for noise='instance:0.3'"):
        make_noisy_labels(BINARY, "instance:0.3")


@pytest.mark.parametrize(
    ("noise", "error", "message"),
    [
        (0.4, TypeError, "noise must be a string"),
        ("symmetric", ValueError, "noise must end in a rate"),
        ("symmetric:", ValueError, "noise must end in a rate"),
        ("symmetric:much", ValueError, "noise must end in a rate"),
        ("symmetric:1.5", ValueError, r"noise must end in a rate in \[0, 1\], got 1.5"),
        ("symmetric:nan", ValueError, r"noise must end in a rate in \[0, 1\], got nan"),
        ("sym:0.4", ValueError, "noise must be KIND:RATE with KIND one of symmetric, symmetric_exclusive"),
        ("", ValueError, "noise must be KIND:RATE"),
        ("asymmetric:0.4", ValueError, "mapping is needed for noise='asymmetric:0.4' with 10 classes"),
    ],
)
def test_unreadable_noise(noise, error, message):
    with pytest.raises(error, match=message):
        make_noisy_labels(Y, noise)


def test_mapping_belongs_to_asymmetric_noise():
    with pytest.raises(ValueError, match="mapping is used by asymmetric noise only"):
        make_noisy_labels(Y, "symmetric:0.2", mapping="cifar10")


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([], "y must have shape"),
        ([[0, 1], [1, 0]], "y must have shape"),
        ([0, 0], "y must have at least 2 classes"),
        ([0.5, 1.5, 2.2], "y must hold class labels, got continuous"),
        ([0.0, 1.0, np.nan], "y must hold class labels, got NaN"),
        (np.arange(5000), "y has 5000 different labels in 5000 rows"),
        (["a", None, "b"], "y must hold class labels"),
    ],
)
def test_bad_labels(y, message):
    with pytest.raises(ValueError, match=message):
        make_symmetric_noise(y, rate=0.2)


def test_masked_labels_are_refused():
    with pytest.raises(TypeError, match="y must be an ordinary array, got a masked array"):
        make_symmetric_noise(np.ma.array([0, 1, 0], mask=[0, 0, 1]), rate=0.2)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"rate": 1.2}, ValueError, r"rate must be in \[0, 1\], got 1.2"),
        ({"rate": -0.1}, ValueError, "rate must be in"),
        ({"rate": float("nan")}, ValueError, "rate must be in"),
        ({"rate": "0.2"}, TypeError, "rate must be a real number"),
        ({"rate": True}, TypeError, "rate must be a real number"),
        ({"rate": 0.2, "variant": "both"}, ValueError, "variant must be one of 'inclusive'"),
        ({"rate": 0.2, "n_classes": 1}, ValueError, "n_classes must be at least 2"),
        ({"rate": 0.2, "n_classes": 2.0}, TypeError, "n_classes must be an integer"),
        ({"rate": 0.2, "n_classes": 9}, ValueError, r"y contains 9, accepted are the classes 0..8"),
        ({"rate": 0.2, "random_state": -1}, ValueError, "random_state must be"),
        ({"rate": 0.2, "random_state": 2**40}, ValueError, "random_state must be"),
        ({"rate": 0.2, "random_state": True}, TypeError, "random_state must be"),
        ({"rate": 0.2, "random_state": "0"}, ValueError, "random_state must be"),
    ],
)
def test_bad_options(options, error, message):
    with pytest.raises(error, match=message):
        make_symmetric_noise(Y, **options)


def test_n_classes_needs_integers_that_fit():
    with pytest.raises(ValueError, match=r"y must hold integers in 0\.\.2 .* got dtype <U1"):
        make_symmetric_noise(["a", "b"], rate=0.2, n_classes=3)
    with pytest.raises(ValueError, match="n_classes=300 does not fit y of dtype uint8"):
        make_symmetric_noise(np.array([0, 1], dtype=np.uint8), rate=0.2, n_classes=300)
    with pytest.raises(ValueError, match="y contains -1, accepted are the classes"):
        make_symmetric_noise([-1, 1], rate=0.2, n_classes=3)
