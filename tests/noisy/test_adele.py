"""ADELE: the onset by hand, which rows may change, its limits, and labels that become better."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skorch.callbacks import Callback

import skweak
from skweak.engine import Resume
from skweak.multilabel import MultiLabelClassifier
from skweak.noisy import (
    CoTeachingClassifier,
    CrossEntropyClassifier,
    EarlyLearningCorrection,
    SCEClassifier,
    early_learning_onset,
)
from skweak.noisy.adele import _agreement
from tests.small_data import blobs

X, CLEAN, Y = blobs(90)
SMALL = {"max_epochs": 12, "batch_size": 16, "random_state": 0}
EPOCHS = np.arange(1, 31)


def fit(callback=None, cls=CrossEntropyClassifier, others=(), **changes):
    """Return a fitted estimator and the callback that took part."""
    callback = EarlyLearningCorrection(**changes) if callback is None else callback
    clf = cls(callbacks=[("correction", callback), *others], **SMALL).fit(X, Y)
    return clf, dict(clf.net_.callbacks_)["correction"]


@pytest.mark.parametrize(("b", "c"), [(1.0, 2.0), (1.0, 5.0), (0.5, 0.8)])
@pytest.mark.parametrize("threshold", [0.3, 0.9])
def test_the_onset_of_a_curve_of_the_family(b, c, threshold):
    curve = 0.7 * (1 - np.exp(-(EPOCHS**b) / c))
    slope = EPOCHS ** (b - 1) * np.exp(-(EPOCHS**b) / c)
    lost = 1 - slope / slope[0]
    assert early_learning_onset(curve, threshold) == (EPOCHS[lost > threshold][0] if lost[-1] > threshold else np.inf)


def test_curves_that_rise_steadily_or_not_at_all_have_no_onset():
    assert early_learning_onset(EPOCHS / 60) == early_learning_onset(np.zeros(30)) == np.inf
    assert early_learning_onset([0.5, 0.5]) == early_learning_onset(np.ones(30), threshold=1) == np.inf
    assert early_learning_onset(np.full(30, 0.6)) < 5


@given(st.lists(st.floats(0, 1), min_size=3, max_size=12), st.floats(0, 1), st.floats(0, 1))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_a_higher_threshold_is_never_earlier(curve, one, other):
    first, second = (early_learning_onset(curve, threshold) for threshold in sorted((one, other)))
    assert first <= second and (first in range(1, len(curve) + 1) or first == np.inf)


@pytest.mark.parametrize(("curve", "threshold"), [([0.1, 0.2, 1.1], 0.9), ([0.1, np.nan, 0.2], 0.9), ([0.1] * 4, 1.5)])
def test_what_is_no_curve_is_refused(curve, threshold):
    with pytest.raises(ValueError, match="curve must hold|threshold must be"):
        early_learning_onset(curve, threshold)


def test_the_agreement_of_each_class_by_hand():
    given = torch.tensor([0, 0, 0, 1, 1, -1])
    predicted = torch.tensor([0, 0, 1, 1, 0, 1])
    # Class 0: rows 0 and 1 of 0, 1, 2 and 4; class 1: row 3 of 2, 3 and 4; the row without a label does not count.
    np.testing.assert_allclose(_agreement(predicted, given, 3), [2 / 4, 1 / 3, 0])


class Scripted(EarlyLearningCorrection):
    """Probabilities of a script in place of the network's: rows 0 and 3 surely 1, row 1 surely 2, row 2 perhaps 1."""

    def _predict(self, net):
        proba = torch.eye(3)[torch.as_tensor(Y)]
        proba[0], proba[1], proba[2] = torch.tensor([[0.05, 0.9, 0.05], [0.05, 0.05, 0.9], [0.45, 0.5, 0.05]])
        proba[3] = proba[0]
        return proba


def test_only_sure_rows_change_between_open_classes(monkeypatch):
    monkeypatch.setattr("tests.noisy.test_adele.Y", np.r_[0, 0, 0, 2, Y[4:]])
    monkeypatch.setattr("skweak.noisy.adele._agreement", lambda *_: [0.6, 0.6, 0.0])
    clf, callback = fit(Scripted(min_epochs=5))
    # Flat curves end early learning at once, but five points are waited for; class 2 never learns, so that
    # no row becomes one of it and row 3 stays one.
    assert callback.onset_.tolist() == [5, 5, np.inf]
    assert clf.transduction_.tolist() == [1, *Y[1:]]
    assert [row["corrected"] for row in clf.history_] == [0] * 4 + [1] * 8
    assert callback.curves_ == [[0.6, 0.6, 0.0]] * 12 and not hasattr(callback, "_given")


def test_every_so_many_epochs_and_without_a_latch(monkeypatch):
    curve = iter([0.6] * 5 + [0.7, 0.8, 0.9, 0.95, 0.97, 0.99, 1.0])
    monkeypatch.setattr("skweak.noisy.adele._agreement", lambda *_: [next(curve)] * 3)
    monkeypatch.setattr(
        "skweak.noisy.adele.early_learning_onset", lambda curve, _: 1 if len(curve) == 5 or len(curve) == 8 else np.inf
    )
    clf, callback = fit(Scripted(every=4, latch=False))
    # Open after epoch 8 alone, in which labels are corrected; the fifth epoch is no fourth one.
    assert [row["corrected"] > 0 for row in clf.history_] == [False] * 7 + [True] * 5
    assert np.isinf(callback.onset_).all()


@pytest.mark.parametrize("never", [{"threshold": 1}, {"confidence": 1}, {"min_epochs": 13}])
def test_what_never_corrects_is_plain_training(never):
    clf, _ = fit(**never)
    plain = CrossEntropyClassifier(**SMALL).fit(X, Y)
    assert np.array_equal(clf.predict_proba(X), plain.predict_proba(X))
    assert np.array_equal(clf.transduction_, Y)


@pytest.mark.parametrize("views", [None, 2])
def test_a_stopped_fit_goes_on_with_the_same_bits(views):
    states = []

    class Keep(Callback):
        def on_epoch_end(self, net, **kwargs):
            states.append(net.state_dict())

    whole, callback = fit(others=[("keep", Keep())], views=views)
    assert (whole.transduction_ != Y).any()
    again, second = fit(others=[Resume(states[6])], views=views)
    assert np.array_equal(again.predict_proba(X), whole.predict_proba(X))
    assert np.array_equal(again.transduction_, whole.transduction_) and second.curves_ == callback.curves_


def test_other_names_of_the_classes_are_corrected_likewise():
    names = np.array(["c", "a", "b"])
    callback = EarlyLearningCorrection()
    clf = CrossEntropyClassifier(callbacks=[callback], classes=list(names), **SMALL).fit(X, names[Y])
    assert np.array_equal(clf.transduction_, names[fit()[0].transduction_])


def test_labels_become_better_in_another_estimator_and_verified_rows_stay():
    wrong = CLEAN != Y
    clf, callback = fit(cls=SCEClassifier)
    assert (clf.transduction_ == CLEAN).mean() > (Y == CLEAN).mean() + 0.05
    assert np.isfinite(callback.onset_).all() and (callback.onset_ >= 4).all()

    class Verified(CrossEntropyClassifier):
        def fit(self, X, y):
            return self._fit(X, y, trusted=wrong)

    kept, _ = fit(cls=Verified)
    assert np.array_equal(kept.transduction_[wrong], Y[wrong])


def test_what_cannot_be_corrected_is_refused_before_training():
    for changes, message in (
        ({"threshold": 2}, "threshold must be in"), ({"confidence": -1}, "confidence must be in"), ({"every": 0}, "every must be"),
        ({"min_epochs": 2}, "min_epochs must be in"), ({"views": 0}, "views must be None"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            fit(**changes)
    with pytest.raises(ValueError, match="one class per row"):
        MultiLabelClassifier(callbacks=[EarlyLearningCorrection()], **SMALL).fit(X, np.eye(3, dtype=int)[Y])
    with pytest.raises(ValueError, match="does not follow changes of 'target'"):
        CoTeachingClassifier(callbacks=[EarlyLearningCorrection()], **SMALL).fit(X, Y)


def test_it_is_kept_in_a_file(tmp_path):
    clf, _ = fit()
    skweak.save(clf, tmp_path / "file.skweak")
    assert np.array_equal(skweak.load(tmp_path / "file.skweak").predict_proba(X), clf.predict_proba(X))
