"""The door to the facts of rows: a callback that relabels ten rows, and a fit that goes on with the same bits."""

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

from skweak.engine import Resume
from skweak.multilabel import MultiLabelClassifier
from skweak.noisy import CrossEntropyClassifier, DPCClassifier, ELRClassifier, GCEClassifier
from tests.small_data import blobs, labels_of

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

X, CLEAN, Y = blobs(60)
TEN = np.arange(0, 60, 6)
SMALL = {"module__hidden": (8,), "max_epochs": 4, "batch_size": 20, "random_state": 0, "n_threads": 1}


class Changing(Callback):
    """Changes a fact after the second epoch and keeps the states of all."""

    killed_after = None

    def __init__(self, name="target", index=TEN, values=(Y[TEN] + 1) % 3):
        self.name, self.index, self.values = name, index, values

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        self.states = []

    def on_epoch_begin(self, net, **kwargs):
        if net.epoch == type(self).killed_after:
            raise KeyboardInterrupt

    def on_epoch_end(self, net, **kwargs):
        if net.epoch == 2:
            net.facts.change(self.name, self.index, self.values)
            self.seen = net.facts.read(self.name, torch.from_numpy(np.asarray(self.index))).clone()
        self.states.append(net.state_dict())


def fit_with(callback, cls=CrossEntropyClassifier, y=Y, **changes):
    clf = cls(callbacks=[("changing", callback)], **SMALL | changes)
    return clf.fit(X, y), dict(clf.net_.callbacks_)["changing"]


@pytest.mark.parametrize("cls", [CrossEntropyClassifier, ELRClassifier])
def test_ten_relabelled_rows_train_and_are_reported(cls):
    given = Y.copy()
    clf, callback = fit_with(Changing(), cls)
    assert np.array_equal(given, Y) and callback.seen.tolist() == ((Y[TEN] + 1) % 3).tolist()
    assert clf.transduction_[TEN].tolist() == ((Y[TEN] + 1) % 3).tolist()
    plain = cls(**SMALL).fit(X, Y)
    # Two epochs are the same, those after the change are not.
    ours, theirs = ([row["train_loss"] for row in one.history_] for one in (clf, plain))
    assert ours[:2] == theirs[:2] and ours[2] != theirs[2]
    if cls is CrossEntropyClassifier:
        rest = np.setdiff1d(np.arange(60), TEN)
        assert np.array_equal(clf.transduction_[rest], Y[rest]) and not hasattr(plain, "transduction_")
        # The quality is that of the label as it was given.
        np.testing.assert_allclose(clf.label_quality_, clf.predict_proba(X)[np.arange(60), Y], atol=1e-6)


def test_relabelling_before_the_first_epoch_is_fitting_other_labels():
    class First(Callback):
        def on_epoch_begin(self, net, **kwargs):
            if net.epoch == 0:
                net.facts.change("target", TEN, CLEAN[TEN])
                net.facts.change("weight", np.arange(60) < 30, np.full(30, 2.0))

    other = np.where(np.isin(np.arange(60), TEN), CLEAN, Y)
    weight = np.where(np.arange(60) < 30, 2.0, 1.0)
    # The scale of the inputs is measured before, on weighted rows.
    settings = SMALL | {"module__scale_inputs": False}
    changed = GCEClassifier(callbacks=[First()], **settings).fit(X, Y)
    same = GCEClassifier(**settings).fit(X, other, sample_weight=weight)
    assert np.array_equal(changed.predict_proba(X), same.predict_proba(X))
    assert changed.sample_weight_.tolist() == weight.tolist() and not hasattr(same, "sample_weight_")


SOFT = np.full((10, 3), [0.5, 0.3, 0.2])
CHANGES = {"codes": {}, "soft": {"values": SOFT}, "weights": {"name": "weight", "values": np.arange(10.0)}}


@pytest.mark.parametrize("kind", CHANGES)
@pytest.mark.parametrize("how", ["state", "file"])
def test_a_fit_stopped_after_any_epoch_ends_with_the_same_bits(kind, how, tmp_path, monkeypatch):
    whole, callback = fit_with(Changing(**CHANGES[kind]))
    for stop, state in enumerate(callback.states[:-1], 1):
        if how == "state":
            again = CrossEntropyClassifier(
                callbacks=[("changing", Changing(**CHANGES[kind])), Resume(state)], **SMALL
            ).fit(X, Y)
        else:
            kept = {"checkpoint": tmp_path / f"{stop}", "checkpoint_seconds": 0}
            monkeypatch.setattr(Changing, "killed_after", stop)
            with pytest.raises(KeyboardInterrupt):
                fit_with(Changing(**CHANGES[kind]), **kept)
            monkeypatch.undo()
            again = fit_with(Changing(**CHANGES[kind]), **kept)[0]
        assert np.array_equal(again.predict_proba(X), whole.predict_proba(X))
        name = "sample_weight_" if kind == "weights" else "transduction_"
        assert np.array_equal(getattr(again, name), getattr(whole, name))


def test_soft_targets_train_by_their_probabilities():
    hard, _ = fit_with(Changing(values=(Y[TEN] + 1) % 3))
    soft, callback = fit_with(Changing(values=np.eye(3)[(Y[TEN] + 1) % 3]))
    np.testing.assert_allclose(soft.predict_proba(X), hard.predict_proba(X), atol=1e-5)
    assert callback.seen.shape == (10, 3) and np.array_equal(soft.transduction_, hard.transduction_)


def test_entries_of_several_labels_change_too():
    several = labels_of("multilabel", Y)
    clf, _ = fit_with(Changing(values=1 - np.maximum(several[TEN], 0)), MultiLabelClassifier, several)
    assert np.array_equal(clf.transduction_[TEN], 1 - np.maximum(several[TEN], 0))


WRONG = {
    "no such class": ({"values": np.full(10, 3)}, "class code in 0..2"),
    "too few": ({"values": Y[:3]}, "10 positions need as many values"),
    "no such row": ({"index": np.array([60]), "values": Y[:1]}, r"positions in 0..59"),
    "no probabilities": ({"values": 2 * SOFT}, "rows of sum 1"),
    "a method that computes with class codes": ({"values": SOFT, "cls": GCEClassifier}, "class code in 0..2"),
    "a method that keeps its own": ({"cls": DPCClassifier, "warmup_epochs": 1}, "does not follow changes of 'target'"),
    "negative": ({"name": "weight", "values": -np.ones(10)}, "finite number >= 0"),
    "nothing left": ({"name": "weight", "index": np.arange(60), "values": np.zeros(60)}, "zero for every row"),
    "unknown": ({"name": "colour"}, "does not follow changes of 'colour'"),
}


@pytest.mark.parametrize("name", WRONG)
def test_changes_that_make_no_sense_are_refused(name):
    given, message = WRONG[name]
    own = {key: given[key] for key in given if key in ("name", "index", "values")}
    with pytest.raises(ValueError, match=message):
        fit_with(Changing(**own), **{key: given[key] for key in given if key not in own})


def test_what_is_not_known_cannot_be_read():
    class Reading(Callback):
        def on_epoch_end(self, net, **kwargs):
            assert net.facts.read("weight") is None and len(net.facts.read("target")) == 60
            net.facts.read("colour")

    with pytest.raises(ValueError, match="knows no fact 'colour'"):
        fit_with(Reading())
