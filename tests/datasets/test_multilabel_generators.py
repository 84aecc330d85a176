import numpy as np
import pytest

from skweak.datasets import (
    make_missing_entries,
    make_multilabel_noise,
    make_partial_multilabel,
    make_positive_only,
    make_semi_supervised,
    make_single_positive,
)

N, L = 5000, 4
Y = (np.random.RandomState(1000).random_sample((N, L)) < [0.2, 0.4, 0.6, 0.5]).astype(np.int64)
SCORES = np.random.RandomState(1).random_sample((N, L))

GENERATORS = {
    "noise": lambda seed: make_multilabel_noise(
        Y, false_negative_rate=0.3, false_positive_rate=0.1, random_state=seed
    ),
    "uniform": lambda seed: make_partial_multilabel(Y, rate=0.2, random_state=seed),
    "class": lambda seed: make_partial_multilabel(
        Y, kind="class", rate=[0.1, 0.2, 0.3, 0.4], random_state=seed
    ),
    "count": lambda seed: make_partial_multilabel(Y, kind="count", n_extra=1, random_state=seed),
    "instance": lambda seed: make_partial_multilabel(
        Y, kind="instance", rate=0.2, scores=SCORES, random_state=seed
    ),
    "cooccurrence": lambda seed: make_partial_multilabel(Y, kind="cooccurrence", rate=0.2, random_state=seed),
    "semi": lambda seed: make_semi_supervised(Y, labeled_fraction=0.1, random_state=seed),
    "missing": lambda seed: make_missing_entries(Y, known_fraction=0.3, random_state=seed),
    "positive": lambda seed: make_positive_only(Y, rate=0.5, random_state=seed),
    "single": lambda seed: make_single_positive(Y, random_state=seed),
}
every_generator = pytest.mark.parametrize("name", GENERATORS)


def close(share, proba, n_rows):
    """Within four standard errors of a share of n_rows independent draws."""
    return np.all(
        np.abs(share - proba) <= 4 * np.sqrt(np.multiply(proba, 1 - np.asarray(proba)) / n_rows) + 1e-12
    )


@every_generator
def test_the_seed_decides_and_nothing_else_is_touched(name):
    before, state = Y.copy(), np.random.get_state()
    first = GENERATORS[name](1)
    assert np.array_equal(first, GENERATORS[name](1))
    assert not np.array_equal(first, GENERATORS[name](2))
    GENERATORS[name](None)
    assert first.shape == Y.shape and not np.shares_memory(first, Y)
    assert np.array_equal(Y, before)
    assert all(np.array_equal(a, b) for a, b in zip(state, np.random.get_state(), strict=True))


def test_flips_have_the_rates_of_their_labels():
    lost, added = [0.1, 0.2, 0.3, 0.0], 0.15
    noisy = make_multilabel_noise(Y, false_negative_rate=lost, false_positive_rate=added, random_state=0)
    assert set(np.unique(noisy)) == {0, 1}
    for k in range(L):
        assert close((noisy[Y[:, k] == 1, k] == 0).mean(), lost[k], (Y[:, k] == 1).sum())
        assert close((noisy[Y[:, k] == 0, k] == 1).mean(), added, (Y[:, k] == 0).sum())


def test_flip_limits():
    assert np.array_equal(make_multilabel_noise(Y), Y)
    assert np.array_equal(make_multilabel_noise(Y, false_negative_rate=1, false_positive_rate=1), 1 - Y)
    assert not make_multilabel_noise(Y, false_negative_rate=1).any()


@pytest.mark.parametrize("dtype", ["bool", "uint8", "float32", "int16"])
def test_dtypes(dtype):
    targets = Y.astype(dtype)
    assert make_multilabel_noise(targets, false_negative_rate=0.5).dtype == dtype
    assert make_partial_multilabel(targets, rate=0.5).dtype == dtype
    for masked in (make_missing_entries(targets, known_fraction=0.5), make_single_positive(targets)):
        assert masked.min() == -1 and set(np.unique(masked)) <= {-1, 0, 1}
        assert masked.dtype == (
            dtype if dtype in ("float32", "int16") else {"bool": "int8", "uint8": "int16"}[dtype]
        )


@pytest.mark.parametrize("name", ["uniform", "class", "count", "instance", "cooccurrence"])
def test_candidates_hold_all_true_labels(name):
    candidates = GENERATORS[name](0)
    assert (candidates >= Y).all() and (candidates > Y).any() and set(np.unique(candidates)) == {0, 1}


@pytest.mark.parametrize(
    ("name", "rates"), [("uniform", [0.2] * 4), ("class", [0.1, 0.2, 0.3, 0.4])], ids=["uniform", "class"]
)
def test_added_candidates_have_their_rate(name, rates):
    candidates = GENERATORS[name](3)
    for k in range(L):
        free = Y[:, k] == 0
        assert close(candidates[free, k].mean(), rates[k], free.sum())


def test_count_adds_exactly_so_many_or_all():
    for extra in range(L + 2):
        candidates = make_partial_multilabel(Y, kind="count", n_extra=extra, random_state=0)
        assert np.array_equal(candidates.sum(axis=1), np.minimum(Y.sum(axis=1) + extra, L))
    rows = np.tile([1, 0, 0, 0], (6000, 1))
    added = make_partial_multilabel(rows, kind="count", n_extra=1, random_state=0)[:, 1:].mean(axis=0)
    assert close(added, 1 / 3, 6000)


def test_instance_candidates_follow_the_scores():
    # Three irrelevant labels with scores 1, 2, 5 of 8: probabilities 0.3 * 3 * (1, 2, 5) / 8.
    rows = np.tile([1, 0, 0, 0], (6000, 1))
    scores = np.tile([9.0, 1, 2, 5], (6000, 1))
    candidates = make_partial_multilabel(rows, kind="instance", rate=0.3, scores=scores, random_state=0)
    assert close(candidates.mean(axis=0), [1, 0.1125, 0.225, 0.5625], 6000)
    nothing = make_partial_multilabel(rows, kind="instance", rate=0.3, scores=np.zeros((6000, 4)))
    assert np.array_equal(nothing, rows)


def test_cooccurrence_candidates_follow_the_label_pairs():
    # Of the rows with label 0 a third has label 1, of those with label 1 a half has label 0. The irrelevant
    # entries weigh 1/3 and 0 in (1, 0, 0), 1/2 and 0 in (0, 1, 0), 0 in (1, 1, 0). The mean over one period
    # is (2 * 1/3 + 1/2) / (4 + 2 + 1) = 1/6, so rate 0.1 gives 0.1 * 6 = 0.6 times the weight: 0.2 and 0.3.
    rows = np.tile([[1, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], (3000, 1))
    candidates = make_partial_multilabel(rows, kind="cooccurrence", rate=0.1, random_state=0)
    for start, expected in ((0, [1, 0.2, 0]), (1, [1, 0.2, 0]), (2, [1, 1, 0]), (3, [0.3, 1, 0])):
        assert close(candidates[start::4].mean(axis=0), expected, 3000)
    alone = np.tile([[1, 0], [0, 1]], (5, 1))
    assert np.array_equal(make_partial_multilabel(alone, kind="cooccurrence", rate=0.5), alone)


def test_candidate_limits():
    assert np.array_equal(make_partial_multilabel(Y, rate=0.0), Y)
    assert make_partial_multilabel(Y, rate=1.0).all()


@pytest.mark.parametrize(("fraction", "labeled"), [(0.1, 500), (0.00001, 1), (0.33333, 1666), (1.0, 5000)])
def test_semi_supervised_rows(fraction, labeled):
    partly = make_semi_supervised(Y, labeled_fraction=fraction, random_state=0)
    hidden = (partly == -1).all(axis=1)
    assert (~hidden).sum() == labeled
    assert np.array_equal(partly[~hidden], Y[~hidden])


def test_semi_supervised_vectors():
    y = np.array(["a", "b", "b", "c"] * 25)
    partly = make_semi_supervised(y, labeled_fraction=0.5, unlabeled="hidden", random_state=0)
    known = partly != "hidden"
    assert known.sum() == 50 and np.array_equal(partly[known], y[known])
    partly = make_semi_supervised(np.arange(100, dtype=np.uint8) % 3, labeled_fraction=0.2, random_state=0)
    assert (partly == -1).sum() == 80


@pytest.mark.parametrize("kind", ["vector", "matrix"])
def test_min_per_label_keeps_rare_labels(kind):
    y = np.repeat([0, 1, 2], [900, 95, 5])
    target = y if kind == "vector" else (y[:, None] == np.arange(3)).astype(int)
    with pytest.warns(UserWarning, match="min_per_label=4 raised the labeled rows from 10 to"):
        partly = make_semi_supervised(target, labeled_fraction=0.01, min_per_label=4, random_state=0)
    shown = y[partly != -1] if kind == "vector" else y[partly[:, 0] != -1]
    assert np.bincount(shown).min() == 4
    with pytest.warns(UserWarning):
        partly = make_semi_supervised(target, labeled_fraction=0.01, min_per_label=50, random_state=0)
    shown = y[partly != -1] if kind == "vector" else y[partly[:, 0] != -1]
    assert np.bincount(shown).tolist() == [50, 50, 5]


def test_min_per_label_is_silent_where_it_changes_nothing(recwarn):
    plain = make_semi_supervised(Y, labeled_fraction=0.5, random_state=0)
    assert np.array_equal(
        make_semi_supervised(Y, labeled_fraction=0.5, min_per_label=3, random_state=0), plain
    )
    assert not recwarn.list


def test_missing_entries():
    partly = GENERATORS["missing"](0)
    known = partly != -1
    assert close(known.mean(axis=0), 0.3, N)
    assert np.array_equal(partly[known], Y[known])
    assert np.array_equal(make_missing_entries(Y, known_fraction=1.0), Y)


def test_positive_only():
    kept = GENERATORS["positive"](0)
    assert set(np.unique(kept)) == {-1, 1}
    assert (Y[kept == 1] == 1).all()
    assert close((kept[Y == 1] == 1).mean(), 0.5, Y.sum())
    assert np.array_equal(make_positive_only(Y) == 1, Y == 1)
    assert (make_positive_only(Y, rate=0) == -1).all()


def test_positive_only_keeps_at_least_one_on_request():
    has_label = Y.any(axis=1)
    kept = make_positive_only(Y, rate=0.0, at_least_one=True, random_state=0)
    assert np.array_equal((kept == 1).sum(axis=1), has_label.astype(int))
    kept = make_positive_only(Y, rate=0.3, at_least_one=True, random_state=0)
    without = make_positive_only(Y, rate=0.3, random_state=0)
    enough = (without == 1).any(axis=1)
    assert np.array_equal(kept[enough], without[enough]) and not enough[has_label].all()


def test_single_positive_is_uniform_among_the_present_labels():
    kept = GENERATORS["single"](0)
    assert np.array_equal((kept == 1).sum(axis=1), Y.any(axis=1).astype(int))
    assert (Y[kept == 1] == 1).all()
    shares = (make_single_positive(np.tile([1, 0, 1, 1], (3000, 1)), random_state=0) == 1).mean(axis=0)
    assert close(shares, [1 / 3, 0, 1 / 3, 1 / 3], 3000)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: make_multilabel_noise([0, 1]), ValueError, "Y must be a dense 0/1 matrix"),
        (lambda: make_multilabel_noise([[0, -1]]), ValueError, "Y must be a dense 0/1 matrix"),
        (lambda: make_multilabel_noise(np.zeros((0, 3))), ValueError, "Y must be a dense 0/1 matrix"),
        (lambda: make_multilabel_noise([["a", "b"]]), ValueError, "Y must be a dense 0/1 matrix"),
        (
            lambda: make_multilabel_noise(Y, false_negative_rate=1.1),
            ValueError,
            "false_negative_rate must be in",
        ),
        (
            lambda: make_multilabel_noise(Y, false_positive_rate=[0.1, 0.2]),
            ValueError,
            r"false_positive_rate must have shape \(4,\), got \(2,\)",
        ),
        (lambda: make_partial_multilabel(Y), ValueError, "rate is needed for kind='uniform'"),
        (lambda: make_partial_multilabel(Y, kind="count"), ValueError, "n_extra is needed for kind='count'"),
        (
            lambda: make_partial_multilabel(Y, kind="count", n_extra=-1),
            ValueError,
            "n_extra must be at least 0",
        ),
        (lambda: make_partial_multilabel(Y, kind="instance", rate=0.1), ValueError, "scores is needed"),
        (lambda: make_partial_multilabel(Y, kind="instance", scores=SCORES), ValueError, "rate is needed"),
        (
            lambda: make_partial_multilabel(Y, kind="instance", rate=0.1, scores=-SCORES),
            ValueError,
            "scores must be finite and not negative",
        ),
        (lambda: make_partial_multilabel(Y, kind="class", rate=[0.1]), ValueError, "rate must have shape"),
        (lambda: make_partial_multilabel(Y, kind="some", rate=0.1), ValueError, "kind must be one of"),
        (lambda: make_semi_supervised(Y, labeled_fraction=2), ValueError, "labeled_fraction must be in"),
        (
            lambda: make_semi_supervised([0, 1], labeled_fraction=0.5, unlabeled=1),
            ValueError,
            "unlabeled=1 is one",
        ),
        (
            lambda: make_semi_supervised(["a", "b"], labeled_fraction=0.5),
            TypeError,
            "unlabeled must be a string",
        ),
        (
            lambda: make_semi_supervised([0, 1], labeled_fraction=0.5, unlabeled="?"),
            TypeError,
            "unlabeled must be a number",
        ),
        (lambda: make_missing_entries(Y, known_fraction=-1), ValueError, "known_fraction must be in"),
        (lambda: make_positive_only(Y, rate=1.5), ValueError, "rate must be in"),
        (lambda: make_single_positive(np.arange(4)), ValueError, "Y must be a dense 0/1 matrix"),
    ],
)
def test_errors_name_the_parameter(call, error, message):
    with pytest.raises(error, match=message):
        call()
