"""Gaussians of classes: outliers, covariances by hand, and what small classes take from large ones."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.covariance import LedoitWolf

from skweak.noisy.class_gaussians import class_gaussians, class_inliers, lean_on_large

# Ten rows in two directions, of which one of each class lies with the other one.
ANGLES = np.array([0.0, 0.1, 0.2, 0.3, 1.3, 1.4, 1.35, 1.45, 1.5, 0.15])
TEN = np.column_stack([np.cos(ANGLES), np.sin(ANGLES)])
TARGET = np.array([0, 0, 0, 0, 0, 1, 1, 1, 1, 1])


def test_rows_among_the_other_class_are_outliers():
    inside = class_inliers(TEN, TARGET, 2, n_neighbors=3)
    assert (~inside).nonzero()[0].tolist() == [4, 9]
    assert (~class_inliers(TEN, TARGET, 2, n_neighbors=3, outlier_share=0.2)).nonzero()[0].tolist() == [4, 9]
    assert class_inliers(TEN, TARGET, 2, n_neighbors=3, outlier_share=0.1).all()


@given(st.integers(0, 10**6), st.sampled_from(["auto", 0.0, 0.3, 0.5]))
@settings(max_examples=20, deadline=None, derandomize=True)
def test_half_of_a_class_stays_and_tiny_classes_whole(seed, share):
    random = np.random.RandomState(seed)
    # Heavy tails and rows that occur many times.
    features = np.concatenate([random.standard_cauchy((40, 2)) ** 3, np.zeros((9, 2)), random.randn(3, 2)])
    target = np.repeat([0, 1, 2, 3], [40, 9, 2, 1])
    inside = class_inliers(features, target, 5, outlier_share=share)
    assert inside[:40].sum() >= 20 and inside[40:49].sum() >= 5 and inside[49:].all()
    assert share != 0.3 or inside[:49].sum() == 49 - 12 - 2
    assert np.array_equal(class_inliers(1000 * features, target, 5, outlier_share=share), inside)


def test_mean_and_covariance_by_hand():
    features = np.array([[0.0], [2.0], [4.0], [6.0], [1.0], [3.0], [8.0]])
    mean, covariance = class_gaussians(features, np.array([0, 0, 0, 0, 0, 0, 2]), 4)
    # Six rows are more than five for one direction: the plain variance of 0, 2, 4, 6, 1, 3.
    plain = np.var([0, 2, 4, 6, 1, 3], ddof=1)
    np.testing.assert_allclose(mean[:, 0], [16 / 6, 24 / 7, 8, 24 / 7])
    # A single row, and no row at all, have the variance within all classes.
    within = 6 / 7 * np.var([0, 2, 4, 6, 1, 3])
    np.testing.assert_allclose(covariance[:, 0, 0], [plain, within, within, within])


def test_few_rows_are_shrunk():
    rows = np.random.RandomState(0).randn(9, 2)
    covariance = class_gaussians(rows, np.zeros(9, int), 1)[1]
    np.testing.assert_allclose(covariance[0], LedoitWolf().fit(rows).covariance_)


def test_a_small_class_leans_on_near_large_ones_by_hand():
    mean = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0], [9.0, 9.0]])
    covariance = np.stack([np.eye(2) * v for v in (1.0, 2.0, 4.0, 8.0)])
    counts = np.array([4, 10, 20, 30])
    # Of four counts the median is 15: classes 0 and 1 are small, and class 0 leans on 2, which is nearest, and 3.
    moved, spread = lean_on_large(
        mean, covariance, counts, n_lenders=2, mean_share=0.9, covariance_share=0.5, widening=0.1
    )
    weight = np.array([20 / 4, 30 / 162]) / (20 / 4 + 30 / 162)
    np.testing.assert_allclose(moved[0], 0.1 * (weight[0] * mean[2] + weight[1] * mean[3]))
    variance = 0.5 * 1 + 0.5 * (weight[0] * 4 + weight[1] * 8)
    np.testing.assert_allclose(spread[0], np.eye(2) * variance * 1.1)
    np.testing.assert_array_equal(moved[2:], mean[2:])
    np.testing.assert_array_equal(spread[2:], covariance[2:])


@given(st.integers(0, 10**6))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_names_of_classes_do_not_matter_and_nothing_borrowed_is_nothing_changed(seed):
    random = np.random.RandomState(seed)
    mean, root, counts = random.randn(5, 3), random.randn(5, 3, 3), random.permutation(5) + 3
    covariance, order = root @ root.transpose(0, 2, 1), random.permutation(5)
    moved, spread = lean_on_large(mean, covariance, counts)
    again, shape = lean_on_large(mean[order], covariance[order], counts[order])
    np.testing.assert_allclose(again, moved[order])
    np.testing.assert_allclose(shape, spread[order])
    assert np.linalg.eigvalsh(spread).min() >= -1e-9
    own = lean_on_large(mean, covariance, counts, mean_share=1, covariance_share=1, widening=0)
    np.testing.assert_array_equal(own[0], mean)
    np.testing.assert_array_equal(own[1], covariance)


@pytest.mark.parametrize("counts", [[5, 5, 5], [1, 1, 1]])
def test_classes_of_one_size_are_all_large(counts):
    mean, covariance = np.eye(3), np.stack([np.eye(3)] * 3)
    moved, spread = lean_on_large(mean, covariance, np.array(counts))
    assert np.array_equal(moved, mean) and np.array_equal(spread, covariance)
