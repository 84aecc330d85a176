import numpy as np
import pytest

from skweak.datasets import make_asymmetric_noise

Y = np.random.RandomState(7).permutation(np.repeat(np.arange(10), 700))
BINARY = np.repeat([0, 1], 20)
FINE = np.arange(100)


def one_hot_pairs(pairs, n_classes, rate):
    """The transition matrix written entry by entry."""
    T = np.zeros((n_classes, n_classes))
    for k in range(n_classes):
        T[k, k] = 1
    for old, new in pairs:
        T[old, old], T[old, new] = 1 - rate, rate
    return T


@pytest.mark.parametrize(
    ("mapping", "pairs"),
    [
        ("cifar10", [(9, 1), (2, 0), (4, 7), (3, 5), (5, 3)]),
        ("mnist", [(7, 1), (2, 7), (3, 8), (5, 6), (6, 5)]),
        ("fashion_mnist", [(0, 6), (6, 0), (2, 4), (4, 2), (5, 7), (7, 5), (9, 7)]),
    ],
)
@pytest.mark.parametrize("exact", [False, True])
def test_named_mappings(mapping, pairs, exact):
    noisy, _, T = make_asymmetric_noise(Y, rate=0.3, mapping=mapping, exact=exact, random_state=0)
    assert np.array_equal(T, one_hot_pairs(pairs, 10, 0.3))
    seen = {(int(a), int(b)) for a, b in zip(Y, noisy, strict=True) if a != b}
    assert seen == set(pairs)
    if exact:
        # 0.3 * 700 = 210 rows of every affected class.
        assert all((noisy[old == Y] != old).sum() == 210 for old, _ in pairs)


def test_cifar100_rings_of_five_and_of_coarse_labels():
    noisy = make_asymmetric_noise(np.arange(100), rate=1.0, mapping="cifar100")[0]
    assert noisy[:10].tolist() == [1, 2, 3, 4, 0, 6, 7, 8, 9, 5]
    # Coarse label = last digit: the ring of class 7 is 7, 17, ..., 97, back to 7.
    noisy = make_asymmetric_noise(np.arange(100), rate=1.0, mapping="cifar100", blocks=np.arange(100) % 10)[0]
    assert noisy[7] == 17 and noisy[97] == 7 and noisy[0] == 10


def test_binary_flips_both_ways():
    _, _, T = make_asymmetric_noise(BINARY, rate=0.3, mapping="binary")
    assert T.tolist() == [[0.95, 0.05], [0.3, 0.7]]
    _, _, T = make_asymmetric_noise(BINARY, rate=0.3, mapping="binary", reverse_rate=0.2)
    assert T.tolist() == [[0.8, 0.2], [0.3, 0.7]]
    _, _, T = make_asymmetric_noise(BINARY, rate=0.01, mapping="binary")
    assert T.tolist() == [[0.99, 0.01], [0.01, 0.99]]


def test_dictionary_names_labels():
    y = np.array(["cat", "dog", "ship"])
    noisy, mask, T = make_asymmetric_noise(y, rate=1.0, mapping={"cat": "dog", "dog": "cat"})
    assert noisy.tolist() == ["dog", "cat", "ship"] and mask.tolist() == [True, True, False]
    assert T.tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 1]]


@pytest.mark.parametrize(
    ("y", "options", "error", "message"),
    [
        (Y, {"mapping": "imagenet"}, ValueError, "mapping must be one of 'cifar10', 'mnist'"),
        (Y, {"mapping": [1, 2]}, TypeError, "mapping must be a name or a dictionary"),
        (Y, {"mapping": {0: 11}}, ValueError, "mapping names 11, which is not among the classes"),
        (Y, {"mapping": "binary"}, ValueError, "mapping='binary' needs y with exactly 2 classes, got 10"),
        (Y, {"n_classes": 12}, ValueError, "n_classes must be None or 10 with mapping='cifar10'"),
        (Y, {"blocks": np.arange(10)}, ValueError, "blocks is used by mapping='cifar100' only"),
        (Y, {"reverse_rate": 0.1}, ValueError, "reverse_rate is used by mapping='binary' only"),
        (["cat", "dog"], {}, ValueError, "y must hold integers"),
        (
            FINE,
            {"mapping": "cifar100", "blocks": np.arange(20)},
            ValueError,
            "blocks must be 'index' or hold",
        ),
        (FINE, {"mapping": "cifar100", "blocks": "coarse"}, ValueError, "blocks must be one of 'index'"),
        (BINARY, {"mapping": "binary", "rate": 0.5}, ValueError, r"rate must be in \[0, 0.5\)"),
        (
            BINARY,
            {"mapping": "binary", "reverse_rate": 0.6},
            ValueError,
            r"reverse_rate must be in \[0, 0.5\)",
        ),
    ],
)
def test_bad_mappings(y, options, error, message):
    with pytest.raises(error, match=message):
        make_asymmetric_noise(y, **{"rate": 0.2, **options})
