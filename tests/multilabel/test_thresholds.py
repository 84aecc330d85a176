import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import fbeta_score, precision_score, recall_score

from skweak.multilabel import class_aware_pseudo_labels, metric_adaptive_thresholds

COMMON = settings(max_examples=25, deadline=None, derandomize=True)
# A coarse grid of scores makes ties frequent.
SCORES = st.integers(0, 20).map(lambda step: step / 20)


@st.composite
def scores(draw, elements=SCORES):
    shape = draw(st.integers(1, 12)), draw(st.integers(1, 3))
    proba = torch.from_numpy(draw(arrays(np.float64, shape, elements=elements)))
    prior = torch.from_numpy(draw(arrays(np.float64, shape[1], elements=st.floats(0, 1))))
    return proba, prior


@st.composite
def scores_and_truth(draw):
    shape = draw(st.integers(1, 12)), draw(st.integers(1, 3))
    proba = torch.from_numpy(draw(arrays(np.float64, shape, elements=SCORES)))
    target = torch.from_numpy(draw(arrays(np.int64, shape, elements=st.integers(-1, 1))))
    return proba, target


def test_pseudo_labels_by_hand():
    proba = torch.tensor([[0.9, 0.1], [0.5, 0.2], [0.4, 0.3], [0.1, 0.4]])
    labels, mask = class_aware_pseudo_labels(
        proba, torch.tensor([0.5, 0.25]), positive_fraction=0.5, negative_fraction=0.7
    )
    # Positives: floor(0.5 * 4) = 2 and floor(0.25 * 4) = 1 of the largest scores.
    assert labels.T.tolist() == [[1, 1, 0, 0], [0, 0, 0, 1]]
    # Sure positives: floor(0.5 * 2) = 1 and floor(0.5 * 1) = 0.
    # Sure negatives: floor(0.7 * 2) = 1 and floor(0.7 * 3) = 2 of the smallest.
    assert mask.T.tolist() == [[1, 0, 0, 1], [1, 1, 0, 0]]


def test_count_of_zero_claims_nothing():
    labels, mask = class_aware_pseudo_labels(torch.rand(10, 1), torch.tensor([0.09]), negative_fraction=0)
    assert labels.sum() == 0 and mask.sum() == 0


def test_all_rows_positive_when_the_prior_is_one():
    labels, mask = class_aware_pseudo_labels(torch.rand(10, 1), torch.tensor([1.0]))
    assert labels.sum() == 10 and mask.sum() == 10


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_counts_survive_rounding(dtype):
    # 0.29 * 100 is 28.999999999999996 in float64
    proba = torch.arange(100, dtype=dtype)[:, None] / 100
    labels, _ = class_aware_pseudo_labels(proba, torch.tensor([0.29], dtype=dtype))
    assert labels.sum() == 29


@pytest.mark.parametrize(
    ("given_fractions", "equal_to"),
    [((1.7, 5.0), (1.0, 0.998)), ((-1.0, -2.0), (0.0, 0.0)), ((1.0, 1.0), (1.0, 0.998))],
)
def test_fractions_are_clipped(given_fractions, equal_to):
    proba, prior = torch.rand(1000, 2, generator=torch.Generator().manual_seed(0)), torch.tensor([0.2, 0.0])
    masks = [
        class_aware_pseudo_labels(proba, prior, positive_fraction=positive, negative_fraction=negative)[1]
        for positive, negative in (given_fractions, equal_to)
    ]
    assert torch.equal(*masks)
    if equal_to == (1.0, 0.998):
        # floor(0.998 * 800) + 200 and floor(0.998 * 1000)
        assert masks[0].sum(dim=0).tolist() == [998, 998]


@COMMON
@given(scores(), st.floats(0, 1), st.floats(0, 0.998))
def test_pseudo_labels_equal_a_loop_over_labels(case, positive_fraction, negative_fraction):
    proba, prior = case
    labels, mask = class_aware_pseudo_labels(
        proba, prior, positive_fraction=positive_fraction, negative_fraction=negative_fraction
    )
    n = len(proba)
    for k, column in enumerate(proba.T.tolist()):
        descending = sorted(column, reverse=True)

        def threshold(share, ordered, none, n=n):
            count = math.floor(share * n + 1e-9)
            return ordered[count - 1] if count else none

        positive = threshold(prior[k].item(), descending, math.inf)
        sure = threshold(positive_fraction * prior[k].item(), descending, math.inf)
        sure_not = threshold(negative_fraction * (1 - prior[k].item()), descending[::-1], -math.inf)
        assert labels[:, k].tolist() == [float(p >= positive) for p in column]
        assert mask[:, k].tolist() == [float(p >= sure or p <= sure_not) for p in column]


@COMMON
@given(scores(elements=st.floats(0, 1, width=16)), st.randoms(use_true_random=False))
def test_pseudo_labels_follow_permutations_and_increasing_maps(case, random):
    proba, prior = case
    labels, mask = class_aware_pseudo_labels(proba, prior, positive_fraction=0.5, negative_fraction=0.5)
    rows, columns = list(range(proba.shape[0])), list(range(proba.shape[1]))
    random.shuffle(rows)
    random.shuffle(columns)
    moved = class_aware_pseudo_labels(
        proba[rows][:, columns], prior[columns], positive_fraction=0.5, negative_fraction=0.5
    )
    assert torch.equal(moved[0], labels[rows][:, columns]) and torch.equal(moved[1], mask[rows][:, columns])
    scaled = class_aware_pseudo_labels(8 * proba - 3, prior, positive_fraction=0.5, negative_fraction=0.5)
    assert torch.equal(scaled[0], labels) and torch.equal(scaled[1], mask)


@COMMON
@given(scores(), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_mask_grows_with_the_fractions_and_holds_all_positives_at_one(case, a, b, c, d):
    proba, prior = case
    (a, b), (c, d) = sorted((a, b)), sorted((c, d))
    _, small = class_aware_pseudo_labels(proba, prior, positive_fraction=a, negative_fraction=c)
    _, large = class_aware_pseudo_labels(proba, prior, positive_fraction=b, negative_fraction=d)
    assert (small <= large).all()
    labels, full = class_aware_pseudo_labels(proba, prior)
    assert (labels <= full).all()
    if all(len(set(column)) == len(column) for column in proba.T.tolist()):
        assert labels.sum(dim=0).tolist() == (prior * len(proba) + 1e-9).floor().tolist()


def test_pseudo_labels_have_the_dtype_of_the_scores_and_leave_them_unchanged():
    proba = torch.tensor([[0.1], [0.9]], requires_grad=True)
    before = proba.detach().clone()
    labels, mask = class_aware_pseudo_labels(proba, torch.tensor([0.5], dtype=torch.float64))
    assert labels.dtype == mask.dtype == torch.float32
    assert not labels.requires_grad and not mask.requires_grad
    assert torch.equal(proba.detach(), before)


def test_metric_thresholds_by_hand():
    proba = torch.tensor([0.1, 0.3, 0.5, 0.7], dtype=torch.float64)[:, None]
    target = torch.tensor([0, 1, 0, 1])[:, None]
    # Above 0.5 only the last row is predicted: precision 1. Up to 0.1 everything is: recall 1 at 0.00.
    # F1 up to 0.1, 0.3, 0.5, 0.7: 4/6, 4/5, 2/4, 2/3. The first threshold that leaves out 0.1 is 0.11.
    for metric, threshold, score in (("precision", 0.51, 1), ("recall", 0, 1), ("f1", 0.11, 0.8)):
        thresholds, scores = metric_adaptive_thresholds(proba, target, metric=metric)
        assert thresholds.item() == threshold and scores.item() == pytest.approx(score, abs=1e-15)


def test_default_metric_is_fbeta_one_half():
    proba, target = torch.tensor([[0.2], [0.4], [0.6]]), torch.tensor([[1], [0], [1]])
    thresholds, scores = metric_adaptive_thresholds(proba, target)
    # Up to 0.2: P = 2/3, R = 1 gives 1.25 * 2/3 / (0.25 * 2/3 + 1) = 5/7.
    # Above 0.4: P = 1, R = 1/2 gives 1.25 * 1/2 / (0.25 + 1/2) = 5/6.
    assert thresholds.item() == pytest.approx(0.41) and scores.item() == pytest.approx(5 / 6)


def test_label_without_known_positives_is_never_predicted():
    proba = torch.tensor([[0.2, 0.9], [0.4, 1.0]])
    for metric in ("precision", "recall", "f1", "fbeta"):
        thresholds, scores = metric_adaptive_thresholds(proba, torch.tensor([[1, 0], [1, -1]]), metric=metric)
        assert thresholds[1].item() == pytest.approx(1.01) and scores[1].item() == 0
        assert thresholds[0].item() <= 0.2 and scores[0].item() == 1


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_scores_on_the_grid_count_as_predicted(dtype):
    grid = torch.arange(100, dtype=dtype)[:, None] / 100
    target = (grid >= grid[57]).long()
    thresholds, scores = metric_adaptive_thresholds(grid, target, metric="f1")
    assert thresholds.dtype == scores.dtype == dtype
    assert thresholds.item() == grid[57].item() and scores.item() == 1
    assert torch.equal((grid >= thresholds).long(), target)


def reference_metric(metric, truth, predicted, beta):
    if not (truth & predicted).any():
        return 0
    precision, recall = truth[predicted].mean(), predicted[truth == 1].mean()
    if metric in ("precision", "recall"):
        return precision if metric == "precision" else recall
    squared = 1 if metric == "f1" else beta**2
    return (1 + squared) * precision * recall / (squared * precision + recall)


def test_reference_metric_agrees_with_scikit_learn():
    truth, predicted = np.array([1, 1, 1, 0, 0]), np.array([True, True, False, True, False])
    assert reference_metric("precision", truth, predicted, 1) == precision_score(truth, predicted)
    assert reference_metric("recall", truth, predicted, 1) == recall_score(truth, predicted)
    for metric, beta in (("f1", 1), ("fbeta", 0.5)):
        expected = fbeta_score(truth, predicted, beta=beta)
        assert reference_metric(metric, truth, predicted, beta) == pytest.approx(expected)


@COMMON
@given(scores_and_truth(), st.sampled_from(["precision", "recall", "f1", "fbeta"]), st.floats(0.1, 4))
def test_metric_thresholds_equal_brute_force(case, metric, beta):
    proba, target = case
    thresholds, scores = metric_adaptive_thresholds(proba, target, metric=metric, beta=beta)
    for k in range(proba.shape[1]):
        known = target[:, k] >= 0
        truth, column = target[known, k].numpy(), proba[known, k].numpy()
        if not truth.any():
            assert (thresholds[k], scores[k]) == (1.01, 0)
            continue
        values = [reference_metric(metric, truth, column >= step / 100, beta) for step in range(100)]
        # Rounding may tell apart thresholds that are equally good: the first within 1e-12 of the best is the
        # answer.
        first = next(step for step, value in enumerate(values) if value > max(values) - 1e-12)
        assert thresholds[k] == first / 100
        np.testing.assert_allclose(scores[k], max(values), rtol=1e-12)


@COMMON
@given(scores_and_truth())
def test_fbeta_meets_precision_and_f1(case):
    proba, target = case
    for metric, beta in (("precision", 0), ("f1", 1)):
        expected = metric_adaptive_thresholds(proba, target, metric=metric)
        result = metric_adaptive_thresholds(proba, target, metric="fbeta", beta=beta)
        assert torch.equal(result[0], expected[0]) and torch.equal(result[1], expected[1])
    precise = metric_adaptive_thresholds(proba, target, metric="precision")[0]
    complete = metric_adaptive_thresholds(proba, target, metric="recall")[0]
    assert (precise >= complete).all()


PROBA = torch.full((4, 2), 0.5)
PRIOR = torch.tensor([0.5, 0.5])
TARGET = torch.ones(4, 2)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: class_aware_pseudo_labels(PROBA.numpy(), PRIOR), TypeError, "proba"),
        (lambda: class_aware_pseudo_labels(PROBA[0], PRIOR), ValueError, "proba.*2 dimensions"),
        (lambda: class_aware_pseudo_labels(PROBA[:0], PRIOR), ValueError, "proba is an empty batch"),
        (lambda: class_aware_pseudo_labels(PROBA, PRIOR[:1]), ValueError, "prior has 1 .*2"),
        (
            lambda: class_aware_pseudo_labels(PROBA, torch.tensor([0.5, 1.5])),
            ValueError,
            "prior contains 1.5",
        ),
        (
            lambda: class_aware_pseudo_labels(PROBA, torch.tensor([0.5, math.nan])),
            ValueError,
            "prior contains nan",
        ),
        (lambda: class_aware_pseudo_labels(PROBA, [0.5, 0.5]), TypeError, "prior"),
        (
            lambda: class_aware_pseudo_labels(PROBA, PRIOR, positive_fraction="a"),
            TypeError,
            "positive_fraction",
        ),
        (
            lambda: class_aware_pseudo_labels(PROBA, PRIOR, negative_fraction=math.nan),
            ValueError,
            "negative_fraction",
        ),
        (
            lambda: metric_adaptive_thresholds(PROBA, TARGET, metric="auc"),
            ValueError,
            "metric.*precision.*auc",
        ),
        (lambda: metric_adaptive_thresholds(PROBA, TARGET, beta=-1), ValueError, "beta"),
        (lambda: metric_adaptive_thresholds(PROBA, TARGET[:3]), ValueError, "target"),
        (lambda: metric_adaptive_thresholds(PROBA, 2 * TARGET), ValueError, "target contains 2"),
        (lambda: metric_adaptive_thresholds(3 * PROBA, TARGET), ValueError, "proba.*1.5"),
    ],
)
def test_errors_name_the_parameter(call, error, message):
    with pytest.raises(error, match=message):
        call()
