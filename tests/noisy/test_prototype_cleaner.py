"""Labels of embeddings cleaned by prototypes: ten rows by hand, limits, and labels that become better."""

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.utils.estimator_checks import parametrize_with_checks

from skweak.noisy import PrototypeCleaner
from tests.small_data import blobs

# Ten rows of which the fifth is wrong, three times: neighbours tell typical rows only where there are enough of them.
TEN = np.array([[1.0, 0.0]] * 15 + [[0.0, 2.0]] * 15)
GIVEN = np.array(["a"] * 12 + ["b"] * 18)


@parametrize_with_checks([PrototypeCleaner(cv=2)])
def test_scikit_learn(estimator, check):
    check(estimator)


def test_prototypes_alone_on_ten_rows():
    cleaner = PrototypeCleaner(alpha=0, random_state=0).fit(TEN, GIVEN)
    # A fifth of each class.
    assert np.bincount(GIVEN[cleaner.anchor_mask_] == "b").tolist() == [2, 3]
    np.testing.assert_allclose(cleaner.prototypes_, np.eye(2), atol=1e-12)
    # Cosines 1 and 0 over the temperature of 0.1.
    near = 1 / (1 + np.exp(-10))
    np.testing.assert_allclose(cleaner.label_quality_, [near] * 12 + [1 - near] * 3 + [near] * 15)
    assert cleaner.transduction_.tolist() == ["a"] * 15 + ["b"] * 15 and cleaner.kept_mask_.all()
    assert cleaner.noise_mask_.nonzero()[0].tolist() == [12, 13, 14]


def test_where_nobody_is_sure_unlikely_labels_are_left_out():
    cleaner = PrototypeCleaner(alpha=0, threshold=1.1, random_state=0)
    rows, labels = cleaner.fit_resample(TEN, GIVEN)
    assert len(rows) == len(labels) == 27 and np.array_equal(cleaner.transduction_, GIVEN)
    assert np.flatnonzero(~cleaner.kept_mask_).tolist() == [12, 13, 14]


def test_the_classifier_alone():
    dummy = DummyClassifier(strategy="prior")
    cleaner = PrototypeCleaner(dummy, alpha=1, threshold=0.55, cv=2, random_state=0)
    cleaner.fit(TEN, GIVEN)
    np.testing.assert_allclose(cleaner.label_proba_, [[0.4, 0.6]] * 30)
    assert (cleaner.transduction_[~cleaner.anchor_mask_] == "b").all()


def test_one_class_and_a_class_of_one_row():
    assert not PrototypeCleaner().fit(TEN, np.zeros(30)).noise_mask_.any()
    cleaner = PrototypeCleaner().fit(TEN, np.append(GIVEN[:29], "c"))
    assert cleaner.transduction_[29] == "c" and cleaner.anchor_mask_[29]


def test_rows_are_judged_whatever_their_length_and_names_of_classes_are_names():
    X, _, noisy = blobs(90)
    X = X - X.mean(axis=0)
    # The prototypes see directions alone.
    one = PrototypeCleaner(alpha=0).fit(X, noisy)
    other = PrototypeCleaner(alpha=0).fit(X * 7, np.array(list("xyzuvw"))[noisy])
    np.testing.assert_allclose(one.label_proba_, other.label_proba_)
    assert np.array_equal(one.noise_mask_, other.noise_mask_)


def test_wrong_labels_become_right():
    X, clean, noisy = blobs(200, seed=1)
    rows = X - X.mean(axis=0)
    cleaner = PrototypeCleaner(random_state=0).fit(rows, noisy)
    wrong = noisy != clean
    assert (cleaner.transduction_ == clean)[cleaner.kept_mask_].mean() > 0.97 > (noisy == clean).mean()
    assert cleaner.noise_mask_[wrong].mean() > 0.7 > 0.1 > cleaner.noise_mask_[~wrong].mean()
    kept, labels = cleaner.fit_resample(rows, noisy)
    judge = LogisticRegression(max_iter=500)
    assert judge.fit(kept, labels).score(rows, clean) >= judge.fit(rows, noisy).score(rows, clean)


@pytest.mark.parametrize(
    ("name", "value"),
    [("alpha", 2), ("threshold", 0), ("temperature", 0), ("n_anchor", 0), ("cv", 1), ("estimator", "lr")],
)
def test_parameters_out_of_range(name, value):
    with pytest.raises(ValueError, match=f"'{name}' parameter"):
        PrototypeCleaner(**{name: value}).fit(TEN, GIVEN)
