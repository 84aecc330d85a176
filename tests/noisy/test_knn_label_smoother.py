"""Labels and the rows around them: support by hand, its limits, series, and labels that become better."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.utils.estimator_checks import parametrize_with_checks

from skweak.noisy import KNNLabelSmoother
from tests.small_data import blobs

# Ten rows on two directions; one of the first five has the label of the others.
TEN = np.array([[1.0, 0.0]] * 5 + [[0.0, 2.0]] * 5)
GIVEN = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1, 1])


@parametrize_with_checks([KNNLabelSmoother()])
def test_scikit_learn(estimator, check):
    check(estimator)


def test_support_and_contradiction_of_ten_rows():
    smoother = KNNLabelSmoother(n_neighbors=4).fit(TEN, GIVEN)
    # Three of the four others of the first rows agree; nobody agrees with the fifth.
    np.testing.assert_allclose(smoother.support_, [0.75] * 4 + [0.0] + [1.0] * 5, atol=1e-12)
    np.testing.assert_allclose(smoother.contradiction_, [0.25] * 4 + [1.0] + [0.0] * 5, atol=1e-12)
    np.testing.assert_allclose(smoother.label_quality_, [0.75] * 4 + [0.0] + [1.0] * 5, atol=1e-12)
    np.testing.assert_allclose(smoother.label_proba_[[0, 4, 9]], [[0.75, 0.25], [1, 0], [0, 1]], atol=1e-12)
    assert smoother.transduction_.tolist() == [0] * 5 + [1] * 5
    assert smoother.noise_mask_.nonzero()[0].tolist() == [4]
    confidence = np.array([1.5] * 4 + [0.0] + [2.0] * 5)
    np.testing.assert_allclose(smoother.sample_weight_, np.exp(2 * (confidence - confidence.mean())))


def test_the_share_limits_what_changes():
    X, _, noisy = blobs(90)
    changed = [KNNLabelSmoother(share=share).fit(X, noisy).noise_mask_.sum() for share in (0, 0.05, 0.5, 1)]
    assert changed[0] == 0 and changed == sorted(changed) and changed[1] <= 5 < changed[2]


def test_rows_of_a_series_ask_the_rows_before_and_after():
    X, y = np.ones((7, 1)), np.array([0, 0, 1, 0, 0, 1, 1])
    groups = np.array(["a"] * 5 + ["b"] * 2)
    smoother = KNNLabelSmoother(n_neighbors=1, share=1).fit(X, y, groups=groups)
    # At the ends of a series there is one neighbour; rows of another series are none.
    np.testing.assert_allclose(smoother.support_, [1, 0.5, 0, 0.5, 1, 1, 1])
    assert smoother.transduction_.tolist() == [0, 0, 0, 0, 0, 1, 1]
    mixed = np.array([5, 0, 6, 1, 2, 3, 4])
    again = KNNLabelSmoother(n_neighbors=1, share=1).fit(X[mixed], y[mixed], groups=groups[mixed])
    assert np.array_equal(again.transduction_, smoother.transduction_[mixed])


def test_rows_without_a_neighbour_keep_their_label():
    X, y = np.eye(4), np.array([0, 1, 0, 1])
    for groups in (None, np.arange(4)):
        smoother = KNNLabelSmoother(n_neighbors=2, share=1).fit(X, y, groups=groups)
        assert np.array_equal(smoother.transduction_, y)
        np.testing.assert_allclose(smoother.label_proba_, np.eye(2)[y])


@given(st.integers(0, 10**6), st.integers(1, 40), st.floats(0, 1))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_what_holds_for_any_rows(seed, k, share):
    random = np.random.RandomState(seed)
    X, y, order = random.randn(25, 3), random.randint(0, 3, 25), random.permutation(25)
    one, other = KNNLabelSmoother(k, share=share).fit(X, y), KNNLabelSmoother(k, share=share).fit(X[order] * 5, y[order])
    np.testing.assert_allclose(one.label_proba_.sum(1), 1)
    assert (one.label_proba_ >= 0).all() and 0 <= one.label_quality_.min() <= one.label_quality_.max() <= 1
    # Neither the order nor the length of rows matters, and names of classes are names.
    np.testing.assert_allclose(other.label_quality_, one.label_quality_[order], atol=1e-9)
    named = KNNLabelSmoother(k, share=share).fit(X, np.array(["b", "a", "c"])[y])
    np.testing.assert_allclose(named.support_, one.support_)
    assert (one.transduction_ != y).sum() == one.noise_mask_.sum()


def test_sparse_rows_are_read_as_they_are():
    X, _, noisy = blobs(60)
    dense, thin = KNNLabelSmoother().fit(X, noisy), KNNLabelSmoother().fit(sparse.csr_matrix(X), noisy)
    np.testing.assert_allclose(thin.support_, dense.support_, atol=1e-9)
    groups = np.arange(60) // 10
    dense, thin = (KNNLabelSmoother(3).fit(rows, noisy, groups) for rows in (X, sparse.csr_matrix(X)))
    np.testing.assert_allclose(thin.support_, dense.support_, atol=1e-9)


def test_labels_become_better_and_so_does_what_is_trained_on_them():
    X, clean, noisy = blobs(300, seed=2)
    rows, labels = KNNLabelSmoother().fit_resample(X, noisy)
    assert rows is X and (labels == clean).mean() > (noisy == clean).mean() + 0.03
    plain, smoothed = (LogisticRegression(C=100).fit(X, y).predict_proba(X)[np.arange(300), clean] for y in (noisy, labels))
    assert np.log(smoothed).mean() > np.log(plain).mean()


def test_what_cannot_be_smoothed_is_refused():
    X, _, noisy = blobs(30)
    for changes, arguments, message in (
        ({"n_neighbors": 0}, (X, noisy), "'n_neighbors' parameter"), ({"share": 2}, (X, noisy), "'share' parameter"),
        ({}, (X, None), "requires y"), ({}, (X[:1], noisy[:1]), "minimum of 2"), ({}, (X, noisy[:-1]), "inconsistent"),
        ({}, (X, noisy, [0, 1]), "inconsistent"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            KNNLabelSmoother(**changes).fit(*arguments)
