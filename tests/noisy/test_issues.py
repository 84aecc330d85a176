"""Finding wrong labels: every filter by hand, the laws of the list, digits, and the wrapper around a classifier."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator
from sklearn.datasets import load_digits
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Perceptron, Ridge
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skweak.datasets import make_noisy_labels
from skweak.metrics import confident_joint
from skweak.noisy import CrossEntropyClassifier, LabelIssueFilter, find_label_issues
from skweak.noisy.issues import _FLAG, FILTERS, _least_supported

fast = settings(max_examples=25, deadline=None, derandomize=True)

# Thresholds: class 0 (0.9 + 0.8 + 0.6 + 0.1) / 4 = 0.6, class 1 (0.9 + 0.7 + 0.35) / 3 = 0.65. Confident: rows 0, 1, 2
# for 0, row 3 for 1; row 6 (0.65 and 0.35) for 0. Joint [[3, 1], [1, 2]], which needs no scaling.
Y = np.array([0, 0, 0, 0, 1, 1, 1])
PROBA = np.array([[0.9, 0.1], [0.8, 0.2], [0.6, 0.4], [0.1, 0.9], [0.1, 0.9], [0.3, 0.7], [0.65, 0.35]])


def flagged(issues, n_rows):
    mask = np.zeros(n_rows, dtype=bool)
    mask[issues["row"]] = True
    return mask


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    X = X / 16
    noisy, wrong, _ = make_noisy_labels(y, "symmetric_exclusive:0.4", random_state=0)
    proba = cross_val_predict(LogisticRegression(max_iter=500), X, noisy, cv=5, method="predict_proba")
    return X, y, noisy, wrong, proba


@pytest.mark.parametrize("filter_by", FILTERS)
def test_two_wrong_labels_of_seven(filter_by):
    issues = find_label_issues(PROBA, None, Y, filter_by=filter_by)
    assert issues.values.tolist() == [[3, 0, 1, 0.1], [6, 1, 0, 0.35]]
    assert list(issues.columns) == ["row", "given", "suggested", "quality"]


def test_the_filters_differ_where_counts_and_probabilities_do():
    # Row 2 is given 0 but 1 is more probable. Thresholds are (0.9 + 0.9 + 0.45) / 3 = 0.75 and 0.9: row 2 is confident
    # for nothing, so no label is counted as wrong, and only the plain comparison flags it.
    y, proba = np.array([0, 0, 0, 1, 1]), np.array([[0.9, 0.1], [0.9, 0.1], [0.45, 0.55], [0.1, 0.9], [0.1, 0.9]])
    found = {name: find_label_issues(proba, None, y, filter_by=name)["row"].tolist() for name in FILTERS}
    assert found.pop("predicted_neq_given") == [2]
    assert set(map(tuple, found.values())) == {()}


def test_pruning_by_class_and_by_pair_differ():
    # Threshold of class 0: (0.9 + 0.8 + 0.15 + 0.2 + 0.1) / 5 = 0.43, of class 1: 0.75, of class 2: 0.85. Of the rows
    # given 0 two are confident for 0, row 3 for 1, row 4 for 2, row 2 for none: (2, 1, 1) scales to (2.5, 1.25, 1.25),
    # in whole rows (3, 1, 1).
    y = np.array([0, 0, 0, 0, 0, 1, 1, 2, 2])
    proba = np.array(
        [[0.9, 0.05, 0.05], [0.8, 0.1, 0.1], [0.15, 0.45, 0.4], [0.2, 0.8, 0.0], [0.1, 0.0, 0.9]]
        + [[0.0, 1.0, 0.0], [0.3, 0.5, 0.2]] + [[0.15, 0.0, 0.85]] * 2
    )  # fmt: skip
    found = {name: find_label_issues(proba, None, y, filter_by=name)["row"].tolist() for name in FILTERS}
    # By pair: the largest lead of 1, row 3, and of 2, row 4. By class: the two smallest probabilities of 0.
    assert found["prune_by_noise_rate"] == [4, 3] and found["prune_by_class"] == [4, 2]
    assert found["both"] == [4] and found["confident_learning"] == [4, 3] and found["predicted_neq_given"] == [4, 2, 3]


@fast
@given(st.integers(0, 10_000), st.integers(2, 9), st.booleans())
def test_pruning_by_pair_is_its_definition(seed, n_classes, ties):
    random = np.random.RandomState(seed)
    proba = random.dirichlet(np.ones(n_classes) / 2, 80)
    if ties:
        proba = proba.round(1) + 1e-6
        proba /= proba.sum(axis=1, keepdims=True)
    y = random.randint(0, n_classes, 80)
    joint, expected = confident_joint(y, proba, classes=np.arange(n_classes)), np.zeros(80, dtype=bool)
    for one, other in zip(*np.nonzero(joint), strict=True):
        if one != other:
            lead = np.where(y == one, proba[:, one] - proba[:, other], np.inf)
            expected |= lead <= np.sort(lead)[joint[one, other] - 1]
    assert (_FLAG["prune_by_noise_rate"](y, proba) == expected).all()


def test_neighbours_by_hand():
    # Three rows point one way, two say 0 and one 1; three point the other way and agree.
    X = [[1, 0], [1, 0], [1, 0], [0, 1], [0, 1], [0, 1]]
    issues = find_label_issues(None, X, ["a", "a", "b", "b", "b", "b"], method="neighbors", n_neighbors=3)
    assert issues[["row", "given", "suggested"]].values.tolist() == [[2, "b", "a"]]
    assert issues["quality"].iloc[0] == pytest.approx(1 / 3)


@fast
@given(st.integers(0, 10_000), st.sampled_from(FILTERS))
def test_order_and_names_do_not_matter(seed, filter_by):
    random = np.random.RandomState(seed)
    proba, y = random.dirichlet(np.ones(3) / 2, 30), np.r_[np.arange(3), random.randint(0, 3, 27)]
    found = flagged(find_label_issues(proba, None, y, filter_by=filter_by), 30)
    order = random.permutation(30)
    moved = flagged(find_label_issues(proba[order], None, y[order], filter_by=filter_by), 30)
    assert (moved == found[order]).all()
    names = np.array(["x", "b", "k"])
    named = find_label_issues(proba, None, names[y], filter_by=filter_by, classes=names)
    assert (flagged(named, 30) == found).all()
    assert (named["given"] != named["suggested"]).all() and named["quality"].is_monotonic_increasing
    # Every class keeps a row.
    assert set(y[~found]) == set(y)


@fast
@given(st.integers(0, 10_000), st.sampled_from(FILTERS))
def test_clean_and_separable_data_have_no_issue(seed, filter_by):
    random = np.random.RandomState(seed)
    y = np.arange(20) % 4
    proba = 0.8 * np.eye(4)[y] + 0.2 * random.dirichlet(np.ones(4), 20)
    assert len(find_label_issues(proba, None, y, filter_by=filter_by)) == 0


def test_digits_reach_the_known_figures(digits):
    X, _, noisy, wrong, proba = digits
    scores = {name: f1_score(wrong, flagged(find_label_issues(proba, None, noisy, filter_by=name), len(X))) for name in FILTERS}
    assert scores["confident_learning"] >= 0.80 and scores["predicted_neq_given"] >= 0.85
    assert scores["prune_by_noise_rate"] >= 0.85
    neighbours = find_label_issues(None, X, noisy, method="neighbors")
    assert f1_score(wrong, flagged(neighbours, len(X))) >= 0.92


def test_ranking_by_neighbours_counts_as_many_as_are_wrong(digits):
    X, y, noisy, wrong, _ = digits
    ranked = flagged(find_label_issues(None, X, noisy, method="neighbor_rank"), len(X))
    assert f1_score(wrong, ranked) >= 0.90
    shares = [(ranked[noisy == c].mean(), wrong[noisy == c].mean()) for c in range(10)]
    np.testing.assert_allclose(*zip(*shares, strict=True), atol=0.1)
    # Where wrong labels go one way the vote misses many, and the count does not.
    one_way, wrong, _ = make_noisy_labels(y, "pairflip:0.45", random_state=0)
    found = {m: flagged(find_label_issues(None, X, one_way, method=m), len(X)) for m in ("neighbors", "neighbor_rank")}
    assert f1_score(wrong, found["neighbor_rank"]) > f1_score(wrong, found["neighbors"]) + 0.04
    clf = LabelIssueFilter(Perceptron(), method="neighbor_rank").fit(X, one_way)
    assert (clf.noise_mask_ == found["neighbor_rank"]).all()


def test_the_least_supported_labels_by_hand():
    # A third of the labels 0 are wrong, so the one with 0.2; half of the labels 1, but all their neighbours say 1.
    votes = np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [0.0, 1.0], [0.0, 1.0]])
    mask = _least_supported(np.array([0, 0, 0, 1, 1]), votes, np.array([2 / 3, 1 / 2]))
    assert mask.tolist() == [False, True, False, False, False]


def test_ranking_by_neighbours_flags_nothing_that_all_of_them_bear_out():
    X, y = np.repeat([[1.0, 0.1], [0.1, 1.0]], 20, axis=0), np.repeat(["a", "b"], 20)
    assert len(find_label_issues(None, X, y, method="neighbor_rank", n_neighbors=5)) == 0
    y[3] = "b"
    issues = find_label_issues(None, X, y, method="neighbor_rank", n_neighbors=5)
    assert issues[["row", "given", "suggested"]].values.tolist()[0] == [3, "b", "a"]


def test_an_estimator_is_asked_out_of_fold_and_stays_unfitted(digits):
    X, _, noisy, _, proba = digits
    model = LogisticRegression(max_iter=500)
    by_hand = find_label_issues(proba, None, noisy)
    pd.testing.assert_frame_equal(find_label_issues(model, X, noisy, cv=StratifiedKFold(5)), by_hand)
    shuffled = cross_val_predict(model, X, noisy, cv=StratifiedKFold(5, shuffle=True, random_state=3), method="predict_proba")
    by_hand = find_label_issues(shuffled, None, noisy)
    pd.testing.assert_frame_equal(find_label_issues(model, X, noisy, random_state=3), by_hand)
    assert not hasattr(model, "coef_")


def test_the_features_of_a_fitted_network_serve_the_neighbours(digits):
    X, _, noisy, wrong, _ = digits
    clf = CrossEntropyClassifier(max_epochs=5, random_state=0).fit(X[:600], noisy[:600])
    by_network = find_label_issues(clf, X[:600], noisy[:600], method="neighbors")
    by_hand = find_label_issues(None, clf.embed(X[:600]), noisy[:600], method="neighbors")
    pd.testing.assert_frame_equal(by_network, by_hand)
    scaled = StandardScaler().fit(X[:600])
    assert len(find_label_issues(scaled, X[:600], noisy[:600], method="neighbors")) > 0


def test_contradicting_duplicates_do_not_crash():
    X, y = np.tile([[1.0, 2.0], [2.0, 1.0]], (10, 1)), np.arange(20) // 2 % 2
    for method, judge in (("confident_learning", LogisticRegression()), ("neighbors", None), ("neighbor_rank", None)):
        assert len(find_label_issues(judge, X, y, method=method, n_neighbors=5)) < 20


@pytest.mark.parametrize("action", ["drop", "weight"])
@pytest.mark.parametrize("model", [LogisticRegression(max_iter=300), RandomForestClassifier(50, random_state=0)], ids=["linear", "forest"])
def test_the_filter_beats_the_bare_classifier(digits, model, action):
    X, y, noisy, wrong, _ = digits
    clf = LabelIssueFilter(model, action=action).fit(X[:1200], noisy[:1200])
    plain = type(model)(**model.get_params()).fit(X[:1200], noisy[:1200])
    margin = 0.02 if isinstance(model, LogisticRegression) else -0.01
    assert clf.score(X[1200:], y[1200:]) > plain.score(X[1200:], y[1200:]) + margin
    assert f1_score(wrong[:1200], clf.noise_mask_) > 0.8
    assert clf.label_quality_[wrong[:1200]].mean() < clf.label_quality_[~wrong[:1200]].mean() - 0.2


def test_dropping_and_weighting_fit_what_they_say(digits):
    X, _, noisy, _, _ = digits
    X, noisy = X[:500], noisy[:500]
    dropped = LabelIssueFilter(LogisticRegression(max_iter=500)).fit(X, noisy)
    kept = ~dropped.noise_mask_
    by_hand = LogisticRegression(max_iter=500).fit(X[kept], noisy[kept])
    np.testing.assert_allclose(dropped.predict_proba(X), by_hand.predict_proba(X))
    weighted = LabelIssueFilter(LogisticRegression(max_iter=500), action="weight").fit(X, noisy)
    weight = np.where(weighted.noise_mask_, weighted.label_quality_, 1.0)
    by_hand = LogisticRegression(max_iter=500).fit(X, noisy, sample_weight=weight)
    np.testing.assert_allclose(weighted.predict_proba(X), by_hand.predict_proba(X))


def test_frames_with_missing_values_and_networks_pass_through(digits):
    X, _, noisy, _, _ = digits
    frame = pd.DataFrame(X[:300]).rename(columns=str).mask(np.random.RandomState(0).rand(300, 64) < 0.1)
    clf = LabelIssueFilter(HistGradientBoostingClassifier(max_iter=10), cv=3).fit(frame, noisy[:300])
    assert clf.feature_names_in_[0] == "0" and clf.predict(frame).shape == (300,)
    network = make_pipeline(StandardScaler(), CrossEntropyClassifier(max_epochs=5, random_state=0))
    images = LabelIssueFilter(network, cv=2).fit(X[:300], noisy[:300])
    assert images.predict_proba(X[:300]).shape == (300, 10)


def test_one_class_and_neighbours_without_probabilities(digits):
    X, _, noisy, _, _ = digits
    clf = LabelIssueFilter(Perceptron(), method="neighbors").fit(X[:300], noisy[:300])
    assert clf.noise_mask_.any() and not hasattr(clf, "predict_proba") and clf.decision_function(X).shape[1] == 10
    alone = LabelIssueFilter(RandomForestClassifier(5)).fit(X[:20], np.zeros(20))
    assert not alone.noise_mask_.any() and set(alone.predict(X)) == {0}


@pytest.mark.parametrize(
    ("judge", "changes", "error", "message"),
    [
        (None, {}, ValueError, "estimator_or_proba is None; give a classifier"),
        (Perceptron(), {}, TypeError, "must have predict_proba, Perceptron has not"),
        (LogisticRegression(), {"groups": [3] * 20}, ValueError, "groups holds a single group"),
        (LogisticRegression(), {"classes": [1, 2]}, ValueError, "y holds .*0.*, which is not among classes"),
        (LogisticRegression().fit([[0], [1]], [0, 1]), {"method": "neighbors"}, TypeError, "embed or transform"),
        (LogisticRegression(), {"method": "votes"}, ValueError, "method must be one of confident_learning, neighbors"),
        (LogisticRegression(), {"filter_by": "all"}, ValueError, "filter_by must be one of .* got 'all'"),
        (LogisticRegression(), {"quality": "x"}, ValueError, "kind must be one of"),
    ],
    ids=["none", "no-proba", "one-group", "class", "features", "method", "filter", "quality"],
)
def test_what_does_not_fit_is_named(judge, changes, error, message):
    X, y = np.random.RandomState(0).randn(20, 2), np.arange(20) % 2
    with pytest.raises(error, match=message):
        find_label_issues(judge, X, y, **changes)


@pytest.mark.parametrize("changes", [{"y": [0, 1, 2]}, {"groups": [0, 1]}])
def test_lengths_must_agree(changes):
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        find_label_issues(LogisticRegression(), np.eye(4), **{"y": [0, 0, 1, 1], **changes})


def test_weighting_needs_weights():
    from sklearn.neighbors import KNeighborsClassifier

    with pytest.raises(ValueError, match="action='weight' needs sample_weight, which KNeighborsClassifier.fit does not"):
        LabelIssueFilter(KNeighborsClassifier(), action="weight").fit([[0], [1]], [0, 1])


def test_the_name_of_a_column_is_no_labels():
    frame = pd.DataFrame({"size": [1.0, 2.0, 3.0, 4.0], "label": [0, 0, 1, 1]})
    remedy = r"y must hold one label per row of X, got 'label' of type str; give the column itself, X\['label'\], and as X"
    for judge in (LogisticRegression(), np.full((4, 2), 0.5)):
        with pytest.raises(ValueError, match=remedy):
            find_label_issues(judge, frame, "label")
    with pytest.raises(ValueError, match=remedy):
        LabelIssueFilter(LogisticRegression()).fit(frame, "label")
    for wrong in ("target", None, 3):
        with pytest.raises(ValueError, match=f"got {wrong!r} of type .*; give a list, array or column of labels"):
            find_label_issues(LogisticRegression(), frame, wrong)


class PlainClassifier(BaseEstimator):
    """A classifier that does not say it is one."""

    def fit(self, X, y):
        self.model_ = LogisticRegression(max_iter=500).fit(X, y)
        self.classes_ = self.model_.classes_
        return self

    def predict(self, X):
        return self.model_.predict(X)

    def predict_proba(self, X):
        return self.model_.predict_proba(X)


def test_a_classifier_need_not_say_that_it_is_one(digits):
    X, y, noisy, _, _ = digits
    own = LabelIssueFilter(PlainClassifier(), cv=3, random_state=0).fit(X[:600], noisy[:600])
    usual = LabelIssueFilter(LogisticRegression(max_iter=500), cv=3, random_state=0).fit(X[:600], noisy[:600])
    assert (own.noise_mask_ == usual.noise_mask_).all() and own.noise_mask_.any()
    assert own.score(X[600:], y[600:]) == usual.score(X[600:], y[600:])


class BareClassifier:
    fit, predict, predict_proba = PlainClassifier.fit, PlainClassifier.predict, PlainClassifier.predict_proba


def test_what_is_no_classifier_of_scikit_learn_is_refused():
    with pytest.raises(TypeError, match="got BareClassifier, which has no __sklearn_tags__; derive it from sklearn.base"):
        LabelIssueFilter(BareClassifier()).fit([[0.0], [1.0]], [0, 1])


def test_a_regressor_is_refused():
    with pytest.raises(TypeError, match="estimator must be a classifier, got the regressor Ridge; give a classifier"):
        LabelIssueFilter(Ridge(), method="neighbors").fit([[0.0], [1.0]], [0, 1])
