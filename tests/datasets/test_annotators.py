import numpy as np
import pytest

from skweak.datasets import make_annotators, make_crowd_labels

N = 6000
Y = np.random.RandomState(2).permutation(np.arange(N) % 3)
EXPERT = np.eye(3)
LIAR = np.roll(np.eye(3), 1, axis=1)
SPAMMER = np.tile([0.0, 0.0, 1.0], (3, 1))
UNSURE = np.array([[0.7, 0.2, 0.1], [0.3, 0.6, 0.1], [0.0, 0.5, 0.5]])


def test_extreme_annotators():
    answers, confusion = make_crowd_labels(Y, confusion=[EXPERT, LIAR, SPAMMER], random_state=0)
    assert np.array_equal(answers[:, 0], Y)
    assert np.array_equal(answers[:, 1], (Y + 1) % 3)
    assert (answers[:, 2] == 2).all()
    assert np.array_equal(confusion, [EXPERT, LIAR, SPAMMER])


@pytest.mark.parametrize(
    "options", [{}, {"density": 0.5}, {"labels_per_row": 2}], ids=["all", "density", "per_row"]
)
def test_answers_follow_the_confusion_within_four_standard_errors(options):
    answers, confusion = make_crowd_labels(Y, confusion=UNSURE, n_annotators=4, random_state=1, **options)
    assert answers.shape == (N, 4) and confusion.shape == (4, 3, 3)
    for a in range(4):
        for k in range(3):
            given = answers[(k == Y) & (answers[:, a] != -1), a]
            share = np.bincount(given, minlength=3) / given.size
            assert (np.abs(share - UNSURE[k]) <= 4 * np.sqrt(UNSURE[k] * (1 - UNSURE[k]) / given.size)).all()


def test_annotators_are_independent():
    answers, _ = make_crowd_labels(Y, accuracy=0.5, n_annotators=2, random_state=0)
    right = answers == Y[:, None]
    # Both right in a quarter of the rows.
    assert abs(right.all(axis=1).mean() - 0.25) < 4 * np.sqrt(0.25 * 0.75 / N)


def test_accuracies_come_from_their_interval():
    _, confusion = make_crowd_labels(Y, n_annotators=200, accuracy=(0.6, 0.9), random_state=0)
    right = confusion[:, 0, 0]
    assert right.min() >= 0.6 and right.max() <= 0.9 and np.ptp(right) > 0.25
    assert np.allclose(confusion.sum(axis=2), 1)
    # The errors of an annotator are uniform: (1 - right) / 2 for each of the two other classes.
    assert np.allclose(confusion[:, 1, 2], (1 - right) / 2)


def test_missing_answers():
    answers, _ = make_crowd_labels(Y, n_annotators=5, labels_per_row=2, random_state=0)
    assert ((answers != -1).sum(axis=1) == 2).all()
    # Each annotator has answered 2 / 5 of the rows.
    assert (np.abs((answers != -1).mean(axis=0) - 0.4) < 4 * np.sqrt(0.24 / N)).all()
    answers, _ = make_crowd_labels(Y, n_annotators=5, density=0.3, random_state=0)
    assert abs((answers != -1).mean() - 0.3) < 4 * np.sqrt(0.21 / answers.size)
    answers, _ = make_crowd_labels(Y, density=0.0)
    assert (answers == -1).all()


def test_labels_of_any_type():
    names = np.array(["ant", "bee", "cow"])
    by_number, _ = make_crowd_labels(Y, density=0.5, random_state=3)
    by_name, _ = make_crowd_labels(names[Y], density=0.5, missing="nothing", random_state=3)
    assert np.array_equal(by_name == "nothing", by_number == -1)
    assert np.array_equal(by_name[by_number != -1], names[by_number[by_number != -1]])
    small, _ = make_crowd_labels(Y.astype(np.uint8), density=0.5, random_state=3)
    assert np.array_equal(small, by_number)
    # The order of `classes` is the order of the confusion matrix.
    swapped, _ = make_crowd_labels(
        ["no", "yes"], confusion=[[0, 1], [0, 1]], n_annotators=1, classes=["yes", "no"]
    )
    assert swapped.tolist() == [["no"], ["no"]]


def test_the_seed_decides_and_nothing_else_is_touched():
    before, confusion = Y.copy(), np.array([EXPERT, UNSURE])
    state = np.random.get_state()
    runs = [make_crowd_labels(Y, confusion=confusion, density=0.7, random_state=s)[0] for s in (0, 0, 1)]
    make_crowd_labels(Y)
    assert np.array_equal(runs[0], runs[1]) and not np.array_equal(runs[0], runs[2])
    assert np.array_equal(Y, before) and np.array_equal(confusion, [EXPERT, UNSURE])
    assert all(np.array_equal(a, b) for a, b in zip(state, np.random.get_state(), strict=True))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"n_annotators": 0}, ValueError, "n_annotators must be at least 1"),
        ({"n_annotators": 2.5}, TypeError, "n_annotators must be an integer"),
        ({"accuracy": 1.2}, ValueError, "accuracy must be in"),
        ({"accuracy": (0.9, 0.6)}, ValueError, "accuracy must be a number or a pair"),
        ({"accuracy": (0.1, 0.2, 0.3)}, TypeError, "accuracy must be a real number"),
        ({"accuracy": None}, TypeError, "accuracy must be a real number"),
        ({"confusion": np.eye(2)}, ValueError, "confusion must have shape"),
        ({"confusion": 0.5}, ValueError, "confusion must have shape"),
        ({"confusion": np.zeros((0, 3, 3))}, ValueError, "confusion must have shape"),
        ({"confusion": np.full((3, 3), 0.5)}, ValueError, "confusion must have rows that sum to 1"),
        ({"confusion": 1.5 * np.eye(3)}, ValueError, "confusion must hold probabilities"),
        ({"labels_per_row": 6}, ValueError, r"labels_per_row must be in 1\.\.5"),
        (
            {"labels_per_row": 2, "density": 0.5},
            ValueError,
            "labels_per_row=2 and density=0.5 exclude each other",
        ),
        ({"density": 1.5}, ValueError, "density must be in"),
        ({"missing": 1, "density": 0.5}, ValueError, "missing=1 is one of the labels"),
        ({"missing": "?", "labels_per_row": 2}, TypeError, "missing must be a number"),
        ({"classes": [0, 1]}, ValueError, "y contains 2, which is not among classes"),
    ],
)
def test_errors_name_the_parameter(options, error, message):
    with pytest.raises(error, match=message):
        make_crowd_labels(Y, **options)


def test_kinds_of_annotators_by_hand():
    confusion, kind = make_annotators(
        4, reliable=1, biased=1, lazy=1, adversarial=1, class_dependent=1, accuracy=0.7, random_state=0
    )
    assert kind.tolist() == ["reliable", "biased", "lazy", "adversarial", "class_dependent"]
    np.testing.assert_allclose(confusion.sum(2), 1)
    reliable, biased, lazy, adversarial, dependent = confusion
    np.testing.assert_allclose(reliable, 0.7 * np.eye(4) + 0.1 * (1 - np.eye(4)))
    # What exceeds the reliable pattern is one column, of 30 to 60 %.
    share = 1 - (biased - biased.min(0)).sum() / (reliable - reliable.min(0)).sum()
    assert 0.3 <= share <= 0.6 and (biased.mean(0) > 0.25 + 0.1).sum() == 1
    assert (lazy == lazy[0]).all() and sorted(lazy[0].round(4)) == [0.0333, 0.0333, 0.0333, 0.9]
    assert (np.diag(adversarial) < 0.2).all() and sorted(adversarial.max(1)) == [0.7] * 4
    assert len(set(adversarial.argmax(1))) == 4
    assert len(set(np.diag(dependent))) == 4 and (np.diag(dependent) >= 0.25).all() and (dependent <= 0.95).all()


def test_few_annotators_do_most_of_the_work():
    y = np.zeros(2000, int)
    y[0] = 1
    for settings in ({"density": 0.1}, {"labels_per_row": 2}):
        even, _ = make_crowd_labels(y, n_annotators=20, random_state=0, **settings)
        skewed, _ = make_crowd_labels(y, n_annotators=20, random_state=0, skew=1.0, **settings)
        share = np.sort((skewed >= 0).mean(0))[::-1]
        assert share[:4].sum() > 0.5 * share.sum() > np.sort((even >= 0).mean(0))[-4:].sum()
    assert ((skewed >= 0).sum(1) == 2).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: make_annotators(1), "n_classes"),
        (lambda: make_annotators(3, reliable=0), "at least one annotator"),
        (lambda: make_annotators(3, lazy=-1), "lazy"),
        (lambda: make_annotators(3, accuracy=2), "accuracy"),
        (lambda: make_crowd_labels([0, 1], skew=-1), "skew"),
        (lambda: make_crowd_labels([0, 1], skew="much"), "skew"),
    ],
)
def test_kinds_that_cannot_be_drawn(call, message):
    with pytest.raises(ValueError, match=message):
        call()
