"""The folds that judge labels: rare classes, sorted rows and groups."""

import warnings

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, StratifiedKFold

from skweak.noisy import LabelIssueFilter, find_label_issues
from skweak.noisy.issues import FILTERS


def blobs(counts, seed=0, spread=0.3):
    """Give rows around one corner per class, as many as counted."""
    y = np.repeat(np.arange(len(counts)), counts)
    return 3 * np.eye(len(counts))[y] + spread * np.random.RandomState(seed).randn(len(y), len(counts)), y


@pytest.mark.filterwarnings("error")
def test_classes_with_fewer_rows_than_folds_are_judged():
    X, y = blobs([20] * 34 + [3] * 6)
    wrong = [5, 5 + 20 * 7]
    y[wrong] = 36, 2
    for model in (LogisticRegression(C=10), RandomForestClassifier(50, random_state=0)):
        clf = LabelIssueFilter(model, random_state=0).fit(X, y)
        assert np.isfinite(clf.label_quality_).all() and clf.noise_mask_[wrong].all() and clf.noise_mask_.sum() <= 6
        assert set(y[~clf.noise_mask_]) == set(range(40))
    assert set(wrong) <= set(find_label_issues(LogisticRegression(C=10), X, y, random_state=0)["row"])


@pytest.mark.parametrize("filter_by", FILTERS)
def test_a_class_of_one_row_is_not_judged_but_named(filter_by):
    X, y = blobs([15, 15, 15, 1, 1])
    y[3] = 1
    with pytest.warns(UserWarning, match="No fold can judge rows 45, 46, .* \\(classes 3, 4\\). The quality is nan") as caught:
        clf = LabelIssueFilter(LogisticRegression(), filter_by=filter_by, random_state=0).fit(X, y)
    assert len(caught) == 1
    assert np.flatnonzero(np.isnan(clf.label_quality_)).tolist() == [45, 46]
    assert np.flatnonzero(clf.noise_mask_).tolist() == [3] and clf.estimator_.classes_.tolist() == [0, 1, 2, 3, 4]
    with pytest.warns(UserWarning, match="No fold can judge") as caught:
        issues = find_label_issues(LogisticRegression(), X, y, filter_by=filter_by, random_state=0)
    assert len(caught) == 1 and issues["row"].tolist() == [3]
    weighted = LabelIssueFilter(LogisticRegression(), filter_by=filter_by, action="weight", random_state=0)
    with pytest.warns(UserWarning, match="No fold can judge"):
        assert np.isfinite(weighted.fit(X, y).predict_proba(X)).all()


@pytest.mark.parametrize("counts", [[20, 1], [1, 1, 1], [2, 1], [2, 2]])
def test_the_smallest_classes_there_can_be(counts):
    X, y = blobs(counts)
    alone = np.isin(y, np.flatnonzero(np.array(counts) == 1))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        clf = LabelIssueFilter(LogisticRegression(), random_state=0).fit(X, y)
    assert [w.category for w in caught] == [UserWarning] * int(alone.any())
    assert (np.isnan(clf.label_quality_) == alone).all() and not clf.noise_mask_[alone].any()


def test_sorted_rows_are_shuffled_into_the_folds():
    X, y = load_digits(return_X_y=True)
    order = np.argsort(y, kind="stable")
    X, parity, model = X[order] / 16, y[order] % 2, LogisticRegression(max_iter=500)
    # All labels are right. Without shuffling each fold asks about digits of which the model has seen too few.
    assert len(find_label_issues(model, X, parity, cv=StratifiedKFold(5))) > 600
    alarms = [len(find_label_issues(model, X, parity, random_state=seed)) for seed in (0, 1)]
    assert max(alarms) < 50
    assert LabelIssueFilter(model, random_state=0).fit(X, parity).noise_mask_.sum() == alarms[0]


def test_groups_stay_together():
    # Each row is there five times, all with the same random label: only a model that knows its twins bears it out.
    random = np.random.RandomState(0)
    X, y, groups = np.repeat(random.randn(60, 3), 5, axis=0), np.repeat(random.randint(0, 2, 60), 5), np.repeat(np.arange(60), 5)
    model = RandomForestClassifier(30, random_state=0)
    apart = find_label_issues(model, X, y, random_state=0, groups=groups, filter_by="predicted_neq_given")
    assert len(find_label_issues(model, X, y, random_state=0, filter_by="predicted_neq_given")) < 20 and len(apart) > 80
    clf = LabelIssueFilter(model, random_state=0, filter_by="predicted_neq_given").fit(X, y, groups=groups)
    assert set(apart["row"]) == set(np.flatnonzero(clf.noise_mask_))
    folds = find_label_issues(model, X, y, groups=groups, cv=GroupKFold(5), filter_by="predicted_neq_given")
    assert len(folds) > 80


def test_a_class_of_one_group_cannot_be_judged():
    X, y = blobs([12, 12, 4])
    groups = np.r_[np.arange(24) % 6, [9] * 4]
    with pytest.warns(UserWarning, match="No fold can judge rows 24, 25, 26, 27, .* \\(class 2\\)") as caught:
        clf = LabelIssueFilter(LogisticRegression(), cv=3, random_state=0).fit(X, y, groups=groups)
    assert len(caught) == 1 and np.flatnonzero(np.isnan(clf.label_quality_)).tolist() == [24, 25, 26, 27]
    assert not clf.noise_mask_.any()
