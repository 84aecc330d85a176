"""The loop: epochs, optimizers, history, divergence, and the exact continuation of a stopped fit."""

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback, LRScheduler
from torch import nn

from skweak.engine import DivergenceError, Resume
from skweak.nn import MLP
from skweak.noisy import (
    BLDRClassifier,
    CoTeachingClassifier,
    CrossEntropyClassifier,
    DivideMixClassifier,
    DPCClassifier,
    ELRClassifier,
)
from tests.small_data import blobs

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


class DropoutMLP(MLP):
    """Dropout and BatchNorm, so that every generator and buffer matters."""

    def __init__(self, n_features, n_outputs):
        super().__init__(n_features, n_outputs, hidden=(8, 8), dropout=0.2, batch_norm=True)


class TakeStates(Callback):
    """Copies the trainer's state at the end of chosen epochs."""

    def __init__(self, states):
        self.states = states

    def on_epoch_end(self, net, **kwargs):
        self.states.append(net.state_dict())


METHODS = {
    "ce": (CrossEntropyClassifier, {}),
    "elr": (ELRClassifier, {}),
    "coteaching": (CoTeachingClassifier, {"ramp_epochs": 4}),
    "dividemix": (DivideMixClassifier, {"warmup_epochs": 2, "unlabeled_weight": 5.0, "ramp_epochs": 3}),
    "dpc": (DPCClassifier, {"warmup_epochs": 2, "unlabeled_weight": 5.0, "ramp_epochs": 3, "consistency_weight": 1.0}),
    "bldr": (BLDRClassifier, {"reweight_start": 2}),
}


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.AdamW], ids=["sgd", "adamw"])
def test_a_fit_stopped_after_any_epoch_ends_with_the_same_bits(name, optimizer):
    cls, own = METHODS[name]
    X, _, y = blobs(60)

    def make(callbacks):
        scheduler = ("rate", LRScheduler("CosineAnnealingLR", T_max=6))
        return cls(module=DropoutMLP, optimizer=optimizer, lr=0.01, max_epochs=6, batch_size=16, augment="weak",
                   callbacks=[scheduler, *callbacks], random_state=0, **own)  # fmt: skip

    states = []
    whole = make([("states", TakeStates(states))]).fit(X, y)
    assert len(states) == 6
    for state in states[:-1]:
        resumed = make([("states", TakeStates([])), Resume(state)]).fit(X, y)
        assert np.array_equal(resumed.predict_proba(X), whole.predict_proba(X))
        assert np.array_equal(resumed.label_quality_, whole.label_quality_)
        assert [row["train_loss"] for row in resumed.history_] == [row["train_loss"] for row in whole.history_]


def test_one_state_can_be_resumed_twice():
    X, _, y = blobs(60)
    states = []
    settings = {"max_epochs": 4, "module": DropoutMLP, "random_state": 0}
    whole = CrossEntropyClassifier(callbacks=[TakeStates(states)], **settings).fit(X, y)
    for _ in range(2):
        again = CrossEntropyClassifier(callbacks=[TakeStates([]), Resume(states[1])], **settings).fit(X, y)
        assert np.array_equal(again.predict_proba(X), whole.predict_proba(X))


def test_a_foreign_state_is_refused():
    X, _, y = blobs(60)
    states = []
    CoTeachingClassifier(max_epochs=2, callbacks=[TakeStates(states)], random_state=0).fit(X, y)
    with pytest.raises(ValueError, match="peer"):
        CrossEntropyClassifier(max_epochs=2, callbacks=[Resume(states[0])]).fit(X, y)


def test_steps_are_epochs_times_batches_and_every_epoch_trains_once():
    X, _, y = blobs(90)
    steps = []

    class Count(Callback):
        def on_batch_end(self, net, training, **kwargs):
            steps.append(training)

    clf = CrossEntropyClassifier(max_epochs=3, batch_size=20, callbacks=[Count()], validation_fraction=0.1).fit(X, y)
    # 81 training rows: four batches of 20 and one row that joins the last.
    assert steps == [True] * 12 and clf.history_[0]["train_batch_count"] == 4


def test_first_step_equals_a_bare_loop():
    X, _, y = blobs(30)
    X = X.astype(np.float32)
    network = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3))
    clf = CrossEntropyClassifier(module=network, max_epochs=1, batch_size=30, lr=0.1, optimizer=torch.optim.SGD).fit(
        X, y
    )
    loss = nn.functional.cross_entropy(network(torch.from_numpy(X)), torch.from_numpy(y))
    gradients = torch.autograd.grad(loss, list(network.parameters()))
    for ours, start, gradient in zip(clf.net_.module_.parameters(), network.parameters(), gradients, strict=True):
        torch.testing.assert_close(ours.detach(), (start - 0.1 * gradient).detach())
    assert clf.history_[0]["train_loss"] == pytest.approx(loss.item(), rel=1e-5)


@pytest.mark.parametrize("kind", ["loss", "part"])
def test_a_loss_that_is_not_finite_stops_with_epoch_step_and_part(kind):
    class Diverging(CrossEntropyClassifier):
        def _loss(self, run, batch):
            losses = super()._loss(run, batch)
            bad = losses * float("nan") if run.epoch == 2 and run.batch == 1 else losses
            if kind == "part":
                run.record("penalty", bad)
            return bad

    X, _, y = blobs(90)
    part = "penalty" if kind == "part" else "loss"
    with pytest.raises(DivergenceError, match=rf"Diverging: {part} is not finite at epoch 3, step 2.*lr=0.05"):
        Diverging(max_epochs=5, batch_size=30, random_state=0).fit(X, y)


@pytest.mark.parametrize(("epoch", "place"), [(1, "epoch 2, step 1"), (3, "the end of training")])
def test_a_pass_over_all_rows_that_is_not_finite_stops_too(epoch, place):
    class Looking(CrossEntropyClassifier):
        def look(self, run):
            if run.epoch == epoch:
                run.outputs(run.module_, function=lambda X: X / 0)

        def _start_epoch(self, run):
            self.look(run)

        def _finish(self, run):
            self.look(run)
            return super()._finish(run)

    X, _, y = blobs(30)
    with pytest.raises(DivergenceError, match=f"Looking: an output of a network over all rows is not finite at {place}"):
        Looking(max_epochs=3, random_state=0).fit(X, y)


def test_divergence_names_the_largest_column():
    X, _, y = blobs(90)
    X[:, 2] *= 1e18
    with pytest.raises(DivergenceError, match="column 2"):
        CrossEntropyClassifier(max_epochs=20, module__scale_inputs=False, random_state=0).fit(X, y)
    assert CrossEntropyClassifier(max_epochs=20, random_state=0).fit(X, y).score(X, y) > 0.8


def test_recorded_parts_are_means_in_the_history():
    class Recording(CrossEntropyClassifier):
        def _loss(self, run, batch):
            run.record("position", batch.index.double())
            return super()._loss(run, batch)

    X, _, y = blobs(90)
    clf = Recording(max_epochs=1, batch_size=30).fit(X, y)
    # The mean position of 90 rows seen once is (0 + 89) / 2.
    assert clf.history_[0]["position"] == pytest.approx(44.5)


def test_late_first_gradient_with_momentum():
    """A head that joins late has no momentum yet, which the fused step must bear."""

    class Late(CrossEntropyClassifier):
        def _networks(self, make):
            return {"module": make(), "late": make()}

        def _loss(self, run, batch):
            nets = [run.module_] if run.epoch == 0 else [run.module_, run.late_]
            return sum(nn.functional.cross_entropy(net(batch.X), batch.y) for net in nets)

    X, _, y = blobs(60)
    assert Late(max_epochs=3, random_state=0).fit(X, y).score(X, y) > 0.5


def test_nothing_but_networks_stays_after_a_fit():
    X, _, y = blobs(60)
    net = ELRClassifier(max_epochs=2).fit(X, y).net_
    assert net.data is None and net.method is None and not vars(net.state) and net.optimizer_ is None
    assert not net.module_.training
