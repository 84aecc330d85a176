import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.exceptions import ConvergenceWarning

from skweak.crowd import dawid_skene, vote_proportions

COMMON = settings(max_examples=25, deadline=None, derandomize=True)
N_CLASSES = 3
LABELS = arrays(
    np.int64, st.tuples(st.integers(1, 8), st.integers(1, 4)), elements=st.integers(-1, N_CLASSES - 1)
)


def estimation_step(posterior, labels, smoothing):
    """Prior and confusion of one M-step, cell by cell."""
    n_classes = posterior.shape[1]
    prior = (posterior.sum(axis=0) + smoothing) / (len(labels) + n_classes * smoothing)
    confusion = np.full((labels.shape[1], n_classes, n_classes), 1 / n_classes)
    for a in range(labels.shape[1]):
        for k in range(n_classes):
            mass = sum(posterior[i, k] for i in range(len(labels)) if labels[i, a] >= 0)
            if mass + n_classes * smoothing > 0:
                for said in range(n_classes):
                    hits = sum(posterior[i, k] for i in range(len(labels)) if labels[i, a] == said)
                    confusion[a, k, said] = (hits + smoothing) / (mass + n_classes * smoothing)
    return prior, confusion


def expectation_step(prior, confusion, labels):
    """Posterior and log-likelihood of one E-step, in plain probabilities."""
    joint = np.tile(prior, (len(labels), 1))
    for i, row in enumerate(labels):
        for a, said in enumerate(row):
            if said >= 0:
                joint[i] *= confusion[a, :, said]
    return joint / joint.sum(axis=1, keepdims=True), np.log(joint.sum(axis=1)).sum()


def simulate(n, skills, *, n_classes=3, missing=0.0, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(n_classes, size=n)
    shift = rng.integers(1, n_classes, size=(n, len(skills)))
    right = rng.random((n, len(skills))) < np.array(skills)
    labels = np.where(right, truth[:, None], (truth[:, None] + shift) % n_classes)
    labels[rng.random(labels.shape) < missing] = -1
    return truth, labels


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_one_iteration_by_hand():
    # Votes: row 0 says 0 twice, row 1 is split.
    labels = np.array([[0, 0], [0, 1]])
    posterior, prior, confusion, log_likelihood, n_iter = dawid_skene(
        labels, n_classes=2, smoothing=0, max_iter=1
    )
    # Start: (1, 0) and (1/2, 1/2). Prior: (3/4, 1/4).
    np.testing.assert_allclose(prior, [0.75, 0.25])
    # Annotator 0 always says 0. Annotator 1 says 0 with mass 1 of 3/2 in class 0 and never in class 1.
    np.testing.assert_allclose(confusion, [[[1, 0], [1, 0]], [[2 / 3, 1 / 3], [0, 1]]])
    # Row 0: (3/4 * 2/3, 0). Row 1: (3/4 * 1/3, 1/4 * 1) = (1/4, 1/4).
    np.testing.assert_allclose(posterior, [[1, 0], [0.5, 0.5]])
    assert log_likelihood == pytest.approx(np.log(1 / 2) + np.log(1 / 2))
    assert n_iter == 1


@COMMON
@given(LABELS, st.sampled_from([0, 0.01, 1.0]), st.integers(1, 5))
def test_iterations_equal_a_loop(labels, smoothing, max_iter):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        posterior, prior, confusion, log_likelihood, n_iter = dawid_skene(
            labels, n_classes=N_CLASSES, smoothing=smoothing, max_iter=max_iter, tol=0
        )
    assert n_iter == max_iter
    expected = vote_proportions(labels, n_classes=N_CLASSES)
    for _ in range(max_iter):
        expected_prior, expected_confusion = estimation_step(expected, labels, smoothing)
        expected, expected_log_likelihood = expectation_step(expected_prior, expected_confusion, labels)
    np.testing.assert_allclose(posterior, expected, atol=1e-9)
    np.testing.assert_allclose(prior, expected_prior, atol=1e-9)
    np.testing.assert_allclose(confusion, expected_confusion, atol=1e-9)
    np.testing.assert_allclose(log_likelihood, expected_log_likelihood, atol=1e-9)


@COMMON
@given(LABELS, st.sampled_from([0, 0.01, 1.0]), st.randoms(use_true_random=False))
def test_result_is_a_model_and_follows_permutations(labels, smoothing, random):
    def fit(labels):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            return dawid_skene(labels, n_classes=N_CLASSES, smoothing=smoothing, max_iter=20)

    posterior, prior, confusion, log_likelihood, n_iter = fit(labels)
    for distribution in (posterior, prior, confusion):
        assert (distribution >= 0).all() and np.isfinite(distribution).all()
        np.testing.assert_allclose(distribution.sum(axis=-1), 1)
    assert np.isfinite(log_likelihood)
    # The parameters returned are those behind the posterior and the log-likelihood returned.
    again, again_log_likelihood = expectation_step(prior, confusion, labels)
    np.testing.assert_allclose(posterior, again, atol=1e-9)
    assert log_likelihood == pytest.approx(again_log_likelihood, abs=1e-9)
    annotators = list(range(labels.shape[1]))
    random.shuffle(annotators)
    moved = fit(labels[::-1, annotators])
    np.testing.assert_allclose(moved[0], posterior[::-1], atol=1e-6)
    np.testing.assert_allclose(moved[2], confusion[annotators], atol=1e-6)
    renamed = fit(np.where(labels >= 0, N_CLASSES - 1 - labels, -1))
    np.testing.assert_allclose(renamed[0], posterior[:, ::-1], atol=1e-6)
    np.testing.assert_allclose(renamed[2], confusion[:, ::-1, ::-1], atol=1e-6)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_likelihood_never_falls_without_smoothing():
    _, labels = simulate(40, [0.8, 0.7, 0.6, 0.5], missing=0.3)
    values = [dawid_skene(labels, n_classes=3, smoothing=0, max_iter=k)[3] for k in range(1, 12)]
    assert (np.diff(values) >= -1e-9).all() and values[-1] > values[0] + 0.1


def test_recovers_skills_and_beats_the_vote_with_an_adversary():
    truth, labels = simulate(400, [0.9, 0.85, 0.8, 0.1, 0.4], seed=1)
    posterior, _, confusion, _, _ = dawid_skene(labels, n_classes=3)
    votes = vote_proportions(labels, n_classes=3)
    assert np.mean(posterior.argmax(axis=1) == truth) > np.mean(votes.argmax(axis=1) == truth) + 0.03
    skills = np.trace(confusion, axis1=1, axis2=2) / 3
    np.testing.assert_allclose(skills, [0.9, 0.85, 0.8, 0.1, 0.4], atol=0.1)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("smoothing", [0, 0.01])
@pytest.mark.parametrize(
    "labels",
    [np.zeros((5, 3), int), np.array([[0], [1], [0]]), np.full((4, 2), -1), np.array([[0, -1], [1, -1]])],
    ids=["one class", "one annotator", "no answers", "silent annotator"],
)
def test_degenerate_tables(labels, smoothing):
    posterior, _, confusion, log_likelihood, _ = dawid_skene(labels, n_classes=3, smoothing=smoothing)
    assert np.isfinite(posterior).all() and np.isfinite(log_likelihood)
    np.testing.assert_allclose(posterior.sum(axis=1), 1)
    silent = (labels < 0).all(axis=0)
    np.testing.assert_allclose(confusion[silent], 1 / 3)
    if smoothing == 0:
        # Without smoothing an unopposed answer is believed.
        seen = (labels >= 0).any(axis=1)
        np.testing.assert_array_equal(posterior[seen].argmax(axis=1), labels[seen].max(axis=1))


def test_smoothing_pulls_the_confusion_towards_uniform():
    _, labels = simulate(30, [0.9, 0.8, 0.7])
    spread = [dawid_skene(labels, n_classes=3, smoothing=a)[2].std() for a in (0, 0.1, 1, 10)]
    assert (np.diff(spread) < 0).all()


def test_stops_by_tolerance_and_warns_at_max_iter():
    _, labels = simulate(60, [0.8, 0.7, 0.6], missing=0.2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        n_loose = dawid_skene(labels, n_classes=3, tol=1e-2)[4]
        n_tight = dawid_skene(labels, n_classes=3, tol=1e-8)[4]
    assert 1 < n_loose < n_tight < 1000
    with pytest.warns(ConvergenceWarning, match="max_iter=3"):
        assert dawid_skene(labels, n_classes=3, max_iter=3)[4] == 3


@pytest.mark.parametrize("dtype", [np.int8, np.uint64])
def test_any_integer_type_gives_the_same(dtype):
    truth, labels = simulate(50, [0.9] * 60)
    expected = dawid_skene(labels, n_classes=3)[0]
    np.testing.assert_array_equal(dawid_skene(labels.astype(dtype), n_classes=3)[0], expected)


LABELS_2 = np.array([[0, 1], [1, 1]])


@pytest.mark.parametrize(
    ("labels", "options", "error", "message"),
    [
        (np.array([[0, 2]]), {}, ValueError, "labels contains 2"),
        (np.array([[0.0, 1.0]]), {}, TypeError, "labels"),
        (LABELS_2, {"n_classes": 1}, ValueError, "n_classes"),
        (LABELS_2, {"smoothing": -0.1}, ValueError, "smoothing"),
        (LABELS_2, {"smoothing": np.inf}, ValueError, "smoothing"),
        (LABELS_2, {"max_iter": 0}, ValueError, "max_iter"),
        (LABELS_2, {"max_iter": 1.5}, TypeError, "max_iter"),
        (LABELS_2, {"tol": -1e-3}, ValueError, "tol"),
    ],
)
def test_errors_name_the_parameter(labels, options, error, message):
    with pytest.raises(error, match=message):
        dawid_skene(labels, **{"n_classes": 2, **options})
