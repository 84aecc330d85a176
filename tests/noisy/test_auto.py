"""The first choice: who is judged, by what, who is chosen, and what it tells."""

import io
import sys
import time
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_digits, make_classification
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from skweak.datasets import make_noisy_labels
from skweak.noisy import AutoNoisyClassifier, LabelIssueFilter
from skweak.noisy.candidates import default_candidates
from skweak.noisy.race import Race, is_near_symmetric, probabilities


class Told(ClassifierMixin, BaseEstimator):
    """Answers the probabilities that stand in its rows, so that scores are known by hand."""

    def __init__(self, shift=0, pause=0.0, broken=False):
        self.shift, self.pause, self.broken = shift, pause, broken

    def fit(self, X, y):
        if self.broken:
            raise RuntimeError("no more paper")
        time.sleep(self.pause)
        self.classes_, self.n_seen_ = np.unique(y), len(y)
        return self

    def predict_proba(self, X):
        return np.eye(len(self.classes_))[(X[:, 0].astype(int) + self.shift) % len(self.classes_)]

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(1)]


def table(n=60, n_classes=3, n_wrong=0):
    """Rows that tell their class; the first labels are wrong."""
    clean = np.arange(n) % n_classes
    X = np.column_stack([clean, np.random.RandomState(0).randn(n)]).astype(float)
    y = clean.copy()
    y[:n_wrong] = (y[:n_wrong] + 1) % n_classes
    return X, y, clean


def test_the_best_out_of_fold_wins_and_is_fitted_to_all_rows():
    X, y, clean = table(n_wrong=6)
    candidates = [("bad", Told(1)), ("good", Told()), ("worse", Told(2))]
    clf = AutoNoisyClassifier(candidates, average=1, random_state=0).fit(X, y)
    board = clf.leaderboard_.set_index("candidate")
    assert clf.leaderboard_["candidate"][0] == "good" and board.note["good"] == "chosen"
    # 54 of 60 labels are those of the rows.
    assert board.score["good"] == board.accuracy["good"] == 0.9 and board.low["good"] < 0.9 < board.high["good"]
    assert clf.best_estimator_.n_seen_ == 60 and (clf.predict(X) == clean).all()
    assert clf.noise_mask_.nonzero()[0].tolist() == list(range(6))
    assert (clf.label_quality_ == (y == clean)).all()
    assert clf.noise_rate_ == pytest.approx(0.1) and clf.noise_rate_interval_.low < 0.1 < clf.noise_rate_interval_.high


def test_the_worse_half_stops_after_one_fold_of_many_rows():
    X, y, _ = table(n=360)
    names = [("a", Told(1)), ("b", Told()), ("c", Told(2)), ("d", Told(0))]
    board = AutoNoisyClassifier(names, cv=4, average=1).fit(X, y).leaderboard_.set_index("candidate")
    assert board.folds.to_dict() == {"b": 4, "d": 4, "a": 1, "c": 1}
    # One fold of few rows tells too little.
    board = AutoNoisyClassifier(names, cv=4, average=1).fit(X[:60], y[:60]).leaderboard_
    assert (board.folds == 4).all() and set(board.candidate[:2]) == {"b", "d"}


def test_class_weights_go_to_the_candidates_that_take_some():
    X, y = make_classification(120, weights=[0.9], random_state=0)
    own = LogisticRegression(class_weight={1: 2.0})
    behind = LabelIssueFilter(make_pipeline(StandardScaler(), LogisticRegression()), cv=2)
    candidates = [("plain", LogisticRegression()), ("own", own), ("behind", behind), ("neighbours", KNeighborsClassifier())]
    clf = AutoNoisyClassifier(candidates, average=4, class_weight="balanced", random_state=0)
    found = clf._candidates(X, 0)[1]
    assert found["plain"].class_weight == "balanced" and own.class_weight == found["own"].class_weight == {1: 2.0}
    assert found["behind"].estimator[-1].class_weight == "balanced" and behind.estimator[-1].class_weight is None
    clf.fit(X, y)


def test_averages_only_those_that_cannot_be_told_from_the_best():
    X, y, _ = table(n=300)
    candidates = [("one", Told()), ("other", Told()), ("far", Told(1))]
    clf = AutoNoisyClassifier(candidates, average=3).fit(X, y)
    assert len(clf.estimators_) == 2
    assert clf.leaderboard_.note.tolist() == ["chosen", "chosen", ""]
    mixed = AutoNoisyClassifier([("soft", DummyClassifier()), ("sure", DummyClassifier(strategy="most_frequent"))])
    mixed.fit(X[:90], np.r_[np.zeros(50, int), np.ones(40, int)])
    np.testing.assert_allclose(mixed.predict_proba(X[:2]), [[(1 + 5 / 9) / 2, (0 + 4 / 9) / 2]] * 2)


def test_symmetric_noise_is_told_from_slips_and_from_chance():
    keep = np.full((3, 3), 0.2) + 0.4 * np.eye(3)
    slips = 0.7 * np.eye(3) + 0.3 * np.roll(np.eye(3), 1, axis=1)
    many = np.full(3, 1000)
    assert is_near_symmetric(keep, many) and is_near_symmetric(np.eye(3), many)
    assert not is_near_symmetric(slips, many)
    # Of four rows each, slips and chance look alike.
    assert is_near_symmetric(slips, np.full(3, 4))
    one_sided = np.array([[1.0, 0.0], [0.4, 0.6]])
    assert not is_near_symmetric(one_sided, many[:2]) and is_near_symmetric(one_sided, many[:2], tolerance=0.3)


def judged(y, proba):
    """Return a race whose candidates have answered these probabilities of class 1."""
    race = Race(dict.fromkeys(proba), np.zeros((len(y), 1)), y, np.unique(y), [])
    race.proba = {name: np.column_stack([1 - np.array(p), p]) for name, p in proba.items()}
    race.folds = dict.fromkeys(proba, 2)
    return race


def test_what_accuracy_cannot_tell_apart_the_order_of_probabilities_does():
    # Both are wrong in one row of four, and "sure" is surest of just that one.
    race = judged(np.array([0, 0, 1, 1]), {"sure": [0.1, 0.9, 0.8, 0.7], "doubts": [0.1, 0.6, 0.8, 0.7]})
    assert race._area("sure") == 0.5 and race._area("doubts") == 1.0
    order, scores = race.ranking("auto")
    assert scores["sure"][0].value == scores["doubts"][0].value == 0.75 and order == ["doubts", "sure"]
    # Whoever named a scoring gets it.
    assert race.ranking("accuracy")[0] == ["sure", "doubts"]
    # Far below the best, no order helps: "late" sorts all rows and calls them all 0.
    y = np.arange(200) % 2
    late = judged(y, {"late": 0.1 + 0.2 * y, "right": np.where(np.arange(200) < 190, 0.2 + 0.6 * y, 0.8 - 0.6 * y)})
    assert late._area("late") == 1.0 > late._area("right") and late.ranking("auto")[0] == ["right", "late"]


def test_the_area_of_classes_that_no_judged_row_has_does_not_count():
    race = judged(np.array([0, 1]), {"a": [0.2, 0.8]})
    race.y = np.array([1, 1])
    assert race._area("a") == 0.5


def test_noise_that_favours_a_class_is_corrected():
    """Class 1 is called 0 in 40 % of its rows, so that agreement hardly blames who calls it 0 as well."""
    random = np.random.RandomState(0)
    clean = np.arange(4000) % 2
    y = np.where((clean == 1) & (random.rand(4000) < 0.4), 0, clean)
    share = random.rand(4000)
    predicted = {"true": clean, "bold": np.where(share < 0.05, 1, clean), "shy": np.where(share < 0.15, 0, clean)}
    race = Race(dict.fromkeys(predicted), np.zeros((4000, 1)), y, np.arange(2), [])
    race.proba = {name: np.eye(2)[codes] * 0.8 + 0.1 for name, codes in predicted.items()}
    race.folds = dict.fromkeys(predicted, 2)
    order, scores = race.ranking("auto")
    assert scores["shy"][1] > scores["bold"][1] and order == ["true", "bold", "shy"]
    score, low, high = scores["true"][0]
    assert low < score < high and abs(score - 1) < 0.1 < 1 - scores["true"][1]
    # Told to, it follows the given labels.
    assert race.ranking("accuracy")[0] == ["true", "shy", "bold"]


def test_named_columns_are_remembered(monkeypatch):
    monkeypatch.setattr("skweak.noisy.auto.default_candidates", few)
    X, y, _ = table()
    frame = pd.DataFrame(X, columns=["a", "b"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clf = AutoNoisyClassifier(random_state=0).fit(frame, y)
        assert clf.feature_names_in_.tolist() == ["a", "b"] and clf.predict(frame).shape == (60,)
    with pytest.raises(ValueError, match="feature names"):
        clf.predict(frame[["b", "a"]])


def test_a_scoring_of_ones_own_decides():
    X, y, _ = table(n_wrong=6)
    candidates = [("good", Told()), ("bad", Told(1))]
    assert AutoNoisyClassifier(candidates, average=1).fit(X, y).leaderboard_.candidate[0] == "good"
    reverse = AutoNoisyClassifier(candidates, average=1, scoring=lambda est, X, y: -est.score(X, y)).fit(X, y)
    assert reverse.leaderboard_.candidate[0] == "bad" and np.isnan(reverse.leaderboard_.low).all()
    named = AutoNoisyClassifier(candidates, average=1, scoring="balanced_accuracy").fit(X, y)
    assert named.leaderboard_.score[0] == pytest.approx(0.9)


def test_time_is_kept_and_there_is_always_a_result():
    X, y, _ = table()
    names = [("quick", Told(1)), ("slow", Told(pause=0.3)), ("never", Told(pause=0.3))]
    clf = AutoNoisyClassifier(names, time_limit=1e-9).fit(X, y)
    assert clf.leaderboard_.note.tolist() == ["chosen", "no time left to judge it", "no time left to judge it"]
    clf = AutoNoisyClassifier(names, time_limit=0.5, cv=5).fit(X, y)
    board = clf.leaderboard_.set_index("candidate")
    assert board.folds["never"] == 0 or board.folds["slow"] < 5
    assert clf.predict(X).shape == y.shape
    # With time for all, the clock changes nothing.
    free, bound = (AutoNoisyClassifier(names[:1], time_limit=limit).fit(X, y) for limit in (None, 600))
    assert np.array_equal(free.predict_proba(X), bound.predict_proba(X))


def test_one_that_fails_is_named_and_left_out_and_the_last_error_is_raised():
    X, y, clean = table()
    candidates = [("torn", Told(broken=True)), ("good", Told())]
    with pytest.warns(UserWarning, match="torn failed with RuntimeError: no more paper"):
        clf = AutoNoisyClassifier(candidates).fit(X, y)
    assert clf.leaderboard_.candidate.tolist() == ["good", "torn"] and (clf.predict(X) == clean).all()
    with pytest.raises(RuntimeError, match="no more paper"):
        AutoNoisyClassifier(candidates[:1]).fit(X, y)


def test_classes_of_one_row_are_kept():
    X, y, _ = table(n=31)
    y[-1] = 7
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clf = AutoNoisyClassifier([("tree", DecisionTreeClassifier(random_state=0))], random_state=0).fit(X, y)
    assert clf.classes_.tolist() == [0, 1, 2, 7] and clf.predict_proba(X).shape == (31, 4)
    assert np.isfinite(clf.leaderboard_.score[0])
    # Nobody can be judged where each row is a class of its own.
    lone = AutoNoisyClassifier([("neighbor", KNeighborsClassifier(1))]).fit(X[:4], np.arange(4))
    assert np.isnan(lone.noise_rate_) and lone.predict(X[:4]).shape == (4,)


def test_a_class_that_a_model_never_met_has_probability_zero():
    X, y, _ = table()
    fitted = GaussianNB().fit(X[y < 2], y[y < 2])
    proba = probabilities(fitted, X, np.arange(-1, 3))
    assert proba.shape == (60, 4) and not proba[:, [0, 3]].any() and np.allclose(proba.sum(1), 1)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"candidates": []}, ValueError, "pairs of name and classifier"),
        ({"candidates": [LogisticRegression()]}, ValueError, "pairs of name and classifier"),
        ({"candidates": [("a", Told()), ("a", Told())]}, ValueError, "names of their own"),
        ({"candidates": [("a", object)]}, TypeError, "'a' must have fit and predict_proba"),
        ({"candidates": "all"}, ValueError, "candidates"),
        ({"cv": 1}, ValueError, "cv"),
        ({"time_limit": 0}, ValueError, "time_limit"),
        ({"average": 0}, ValueError, "average"),
    ],
    ids=str,
)
def test_what_is_wrong_is_said(change, error, message):
    X, y, _ = table()
    with pytest.raises(error, match=message):
        AutoNoisyClassifier(**({"candidates": [("a", Told())]} | change)).fit(X, y)


def test_one_class_is_refused():
    X, y, _ = table()
    with pytest.raises(ValueError, match="y holds one class"):
        AutoNoisyClassifier([("a", Told())]).fit(X, np.zeros_like(y))


def test_candidates_suit_the_rows():
    def names(X):
        return [name for name, _ in default_candidates(X, 0)]

    rows = np.zeros((10, 4))
    assert names(rows)[0] == "logistic regression" and "boosted trees" in names(rows) and "DPC" in names(rows)
    assert "random forest behind the filter" in names(rows)
    assert not any("boosted" in name or "linear head" in name for name in names(sparse.csr_matrix(rows)))
    assert {"GCE, linear head", "ELR, linear head"} <= set(names(sparse.csr_matrix((10, 300))))
    assert "random forest" not in names(np.zeros((10, 1, 8, 8)))
    # Rows of length 1, as TF-IDF and encoders give them, get logistic regression once.
    wide, shrunk = np.eye(10, 300), "logistic regression, rows of length 1"
    wide[0] = 0
    assert shrunk in names(3 * wide) and f"{shrunk} behind the filter" in names(sparse.csr_matrix(3 * wide))
    assert shrunk not in names(wide) and shrunk not in names(sparse.csr_matrix(wide)) and shrunk not in names(rows + 3)
    assert shrunk in names(np.where(wide == 1, np.nan, wide))
    assert all(est.get_params()["random_state"] == 3 for name, est in default_candidates(rows, 3) if "forest" in name)
    gaps = dict(default_candidates(np.full((10, 4), np.nan), 0))
    assert gaps["logistic regression"].steps[0][0] == "simpleimputer" and gaps["boosted trees"].max_iter == 50
    # Who cannot take gaps is behind an imputer, once.
    assert [step for step, _ in gaps["GCE"].steps] == ["simpleimputer", "gceclassifier"]


def few(X, seed):
    return [pair for pair in default_candidates(X, seed) if pair[0] in ("logistic regression", "random forest", "GCE")]


@pytest.mark.parametrize("kind", ["gaps", "sparse", "wide"])
def test_the_default_candidates_take_gaps_sparse_and_wide_rows(kind, monkeypatch):
    monkeypatch.setattr("skweak.noisy.auto.default_candidates", few)
    random = np.random.RandomState(0)
    y = np.arange(90) % 3
    X = random.randn(90, 220 if kind == "wide" else 5) + 3 * np.eye(220 if kind == "wide" else 5)[y]
    if kind == "gaps":
        X[random.rand(*X.shape) < 0.1] = np.nan
    X = sparse.csr_matrix(X) if kind == "sparse" else X
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        clf = AutoNoisyClassifier(random_state=0).fit(X, y)
    assert clf.score(X, y) > 0.9 and (clf.leaderboard_.folds > 0).all()


def test_wide_rows_are_shrunk_before_a_linear_model_remembers_wrong_labels():
    random = np.random.RandomState(0)
    clean = np.arange(700) % 2
    X = random.randn(700, 250) + clean[:, None] * 4 * np.eye(250)[0]
    y, _, _ = make_noisy_labels(clean[:300], "symmetric_exclusive:0.3", random_state=0)
    found = dict(default_candidates(X[:300], 0))
    plain, shrunk = (found[f"logistic regression{end}"].fit(X[:300], y) for end in ("", ", rows of length 1"))
    # As many columns as rows: the plain model has learned all labels by heart.
    assert plain.score(X[:300], y) > 0.95 > shrunk.score(X[:300], y)
    assert shrunk.score(X[300:], clean[300:]) > plain.score(X[300:], clean[300:]) + 0.1


def test_digits_with_wrong_labels_are_read_better_than_by_the_first_guess():
    X, clean = load_digits(return_X_y=True)
    X, n = X / 16, 400
    y, wrong, _ = make_noisy_labels(clean[:n], "symmetric_exclusive:0.4", random_state=0)
    candidates = [pair for pair in default_candidates(X[:n], 0) if "forest" in pair[0] or "logistic" in pair[0]]
    clf = AutoNoisyClassifier(candidates, random_state=0).fit(X[:n], y)
    plain = LogisticRegression(max_iter=500).fit(X[:n], y)
    assert clf.score(X[n:], clean[n:]) > plain.score(X[n:], clean[n:]) + 0.05
    assert clf.label_quality_[wrong].mean() < clf.label_quality_[~wrong].mean() - 0.1
    assert clf.noise_rate_interval_.low - 0.1 < 0.4 < clf.noise_rate_interval_.high + 0.1


# Starting two processes takes longer than all of their fits.
@pytest.mark.long
def test_processes_find_what_one_finds():
    X, y = load_digits(return_X_y=True)
    X, y = X[:400] / 16, make_noisy_labels(y[:400], "symmetric_exclusive:0.4", random_state=0)[0]
    candidates = [pair for pair in default_candidates(X, 0) if "forest" in pair[0] or "logistic" in pair[0]]
    one, two = (AutoNoisyClassifier(candidates, random_state=0, n_jobs=n_jobs).fit(X, y) for n_jobs in (None, 2))
    assert np.array_equal(one.predict_proba(X), two.predict_proba(X))


@pytest.mark.parametrize("terminal", [True, False])
def test_a_bar_is_shown_on_a_terminal_alone(terminal, monkeypatch):
    shown = io.StringIO()
    shown.isatty = lambda: terminal
    monkeypatch.setattr(sys, "stderr", shown)
    X, y, _ = table()
    AutoNoisyClassifier([("a", Told())], verbose=1).fit(X, y)
    assert ("candidates" in shown.getvalue()) == terminal
    assert AutoNoisyClassifier([("a", Told())]).fit(X, y) and shown.getvalue().count("\n") <= 1
