"""Folds of tables in which some classes have few rows."""

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from skweak.model_selection import SemiStratifiedKFold, TrustedKFold, TrustedStratifiedKFold, compare

# Rows of the classes: 6, 3, 2 and 1, and two rows without a label.
Y = np.array([0] * 6 + [1] * 3 + [2] * 2 + [3] + [-1] * 2)
X = np.eye(4)[np.where(Y < 0, 0, Y)]


def test_semi_supervised_folds_test_every_row_but_the_only_one_of_its_class():
    with pytest.warns(UserWarning, match=r"classes \[3\] have one labeled row each") as warned:
        parts = list(SemiStratifiedKFold(5).split(X, Y))
    assert len(warned) == 1 and len(parts) == 5
    assert sorted(np.concatenate([test for _, test in parts])) == list(range(11))
    for train, test in parts:
        assert {11, 12, 13} <= set(train) and not set(train) & set(test)
        assert set(Y[train]) == {0, 1, 2, 3, -1}
        assert (np.bincount(Y[test], minlength=3) <= [2, 1, 1]).all()


def test_semi_supervised_folds_where_all_classes_have_fewer_rows_than_folds():
    y = np.array(["a", "a", "b", "b", "c", "c", "?"])
    parts = list(SemiStratifiedKFold(3, unlabeled="?", shuffle=True, random_state=0).split(y[:, None], y))
    assert sorted(np.concatenate([test for _, test in parts])) == list(range(6))
    assert all(set(y[train]) == {"a", "b", "c", "?"} for train, _ in parts)
    with pytest.raises(ValueError, match="y has 6 labeled rows of classes with two or more, n_splits=7"):
        list(SemiStratifiedKFold(7, unlabeled="?").split(y[:, None], y))


@pytest.mark.parametrize("splitter", [TrustedKFold, TrustedStratifiedKFold])
def test_trusted_folds_test_rare_classes_once(splitter):
    trusted = np.ones(len(Y), bool)
    parts = list(splitter(trusted, 5).split(X, Y))
    assert sorted(np.concatenate([test for _, test in parts])) == list(range(len(Y)))
    assert all(len(train) + len(test) == len(Y) for train, test in parts)


@pytest.mark.filterwarnings("error")
def test_compare_takes_classes_of_any_size():
    labeled = Y >= 0
    table = compare({"nearest": KNeighborsClassifier(1)}, X[labeled], Y[labeled], cv=5, seeds=2)
    # Only the row that is alone in its class is predicted wrong, in folds of 2 or 3 rows.
    assert 11 / 12 - 0.05 < table.loc["nearest", "mean"] < 1
    few = compare({"nearest": KNeighborsClassifier(1)}, np.eye(3)[[0, 0, 1, 1, 2, 2]], list("aabbcc"), cv=3, seeds=1)
    assert few.loc["nearest", "mean"] == 1.0
