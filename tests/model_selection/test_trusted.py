"""Folds of verified rows: their laws, and their place in scikit-learn's searches."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score, cross_validate
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skweak.datasets import make_noisy_labels
from skweak.model_selection import TrustedKFold, TrustedStratifiedKFold
from skweak.noisy import DPCClassifier

fast = settings(max_examples=25, deadline=None, derandomize=True)


def test_folds_by_hand():
    folds = list(TrustedKFold([False, True, True, False, True], n_splits=3).split(np.zeros(5)))
    assert [test.tolist() for _, test in folds] == [[1], [2], [4]]
    assert [train.tolist() for train, _ in folds] == [[0, 2, 3, 4], [0, 1, 3, 4], [0, 1, 2, 3]]


@fast
@given(st.integers(0, 10_000), st.integers(2, 5), st.booleans())
def test_laws_of_the_folds(seed, n_splits, shuffle):
    random = np.random.RandomState(seed)
    y = random.randint(0, 2, 40)
    trusted = random.rand(40) < 0.5
    trusted[:12], y[:12] = True, np.arange(12) % 2
    for cls in (TrustedKFold, TrustedStratifiedKFold):
        cv = cls(trusted, n_splits, shuffle=shuffle, random_state=0 if shuffle else None)
        folds = list(cv.split(np.zeros((40, 1)), y))
        assert len(folds) == n_splits == cv.get_n_splits()
        # The test rows are the verified ones, each once; train and test make up everything.
        assert np.sort(np.concatenate([test for _, test in folds])).tolist() == np.flatnonzero(trusted).tolist()
        for train, test in folds:
            assert sorted([*train, *test]) == list(range(40))
        again = list(cv.split(np.zeros((40, 1)), y))
        assert all((a[1] == b[1]).all() for a, b in zip(folds, again, strict=True))


def test_all_rows_verified_are_ordinary_folds():
    X = np.zeros((11, 2))
    for ours, theirs in zip(TrustedKFold(np.ones(11, bool), 3).split(X), KFold(3).split(X), strict=True):
        assert (ours[0] == theirs[0]).all() and (ours[1] == theirs[1]).all()


def test_stratified_folds_keep_the_proportions_of_the_verified_rows():
    y = np.array([0] * 30 + [1] * 10)
    trusted = np.arange(40) % 2 == 0
    for _, test in TrustedStratifiedKFold(trusted, 5).split(np.zeros((40, 1)), y):
        assert np.bincount(y[test]).tolist() == [3, 1]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("counts", [[3] * 10, [3, 1, 1], [40, 3, 1], [1] * 5])
def test_classes_with_fewer_verified_rows_than_folds(counts, shuffle):
    y = np.repeat(np.arange(len(counts)), counts)
    trusted, y = np.r_[np.ones(len(y), bool), np.zeros(9, bool)], np.r_[y, np.zeros(9, int)]
    cv = TrustedStratifiedKFold(trusted, 5, shuffle=shuffle, random_state=0 if shuffle else None)
    folds = list(cv.split(np.zeros((len(y), 1)), y))
    assert len(folds) == 5 == cv.get_n_splits()
    assert np.sort(np.concatenate([test for _, test in folds])).tolist() == np.flatnonzero(trusted).tolist()
    per_fold = np.array([np.bincount(y[test], minlength=len(counts)) for _, test in folds])
    # No two rows of a rare class in one fold, and the folds of one size.
    assert (np.ptp(per_fold, axis=0) <= 1).all() and np.ptp(per_fold.sum(axis=1)) <= 1


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    X, y = X[:500] / 16, y[:500]
    noisy, wrong, _ = make_noisy_labels(y, "pairflip:0.4", random_state=0)
    verified = np.arange(500) % 4 == 0
    return X, y, np.where(verified, y, noisy), verified


def test_an_ordinary_scorer_sees_clean_labels(digits):
    X, y, noisy, verified = digits
    clf = LogisticRegression(C=0.01, max_iter=300)
    trusted = cross_val_score(clf, X, noisy, cv=TrustedStratifiedKFold(verified, 4))
    ordinary = cross_val_score(clf, X, noisy, cv=4)
    assert trusted.mean() > ordinary.mean() + 0.1


def test_searches_hand_the_mask_of_the_training_rows_to_the_method(digits):
    X, noisy, verified = digits[0][:200, 20:30], digits[2][:200] % 3, digits[3][:200]
    seen = []

    class Watched(DPCClassifier):
        def fit(self, X, y, trusted=None):
            seen.append((len(X), None if trusted is None else int(np.sum(trusted))))
            return super().fit(X, y, trusted=trusted)

    pipe = Pipeline([("scale", StandardScaler()), ("clf", Watched(max_epochs=2, warmup_epochs=1, random_state=0))])
    grid = {"clf__kl_weight": [0.0, 0.5]}
    search = GridSearchCV(pipe, grid, cv=TrustedKFold(verified, 5)).fit(X, noisy, clf__trusted=verified)
    # 50 verified rows in five folds: 10 are tested, 190 train, 40 of them verified; then the refit.
    assert seen == [(190, 40)] * 10 + [(200, 50)]
    assert set(search.best_params_) == {"clf__kl_weight"}
    result = cross_validate(pipe, X, noisy, cv=TrustedKFold(verified, 2), scoring=["accuracy", "neg_log_loss"])
    assert np.isfinite(result["test_neg_log_loss"]).all()


@pytest.mark.parametrize(
    ("trusted", "error", "message"),
    [
        ([True] * 4, ValueError, "trusted has 4 entries but X has 5 rows"),
        ([1, 1, 0, 0, 1], TypeError, "trusted must be a mask of booleans, got dtype int"),
        ([True, True, False, False, False], ValueError, "trusted marks 2 rows, n_splits=3 folds need at least as many"),
    ],
    ids=["rows", "kind", "few"],
)
def test_masks_that_do_not_fit_are_named(trusted, error, message):
    with pytest.raises(error, match=message):
        list(TrustedKFold(trusted, 3).split(np.zeros((5, 1))))


def test_stratified_folds_need_labels():
    with pytest.raises(ValueError, match="y is missing"):
        list(TrustedStratifiedKFold([True] * 5, 2).split(np.zeros((5, 1))))


def test_the_splitter_shows_its_parameters():
    assert repr(TrustedKFold([True], 3, shuffle=True, random_state=1)).startswith("TrustedKFold(n_splits=3")
