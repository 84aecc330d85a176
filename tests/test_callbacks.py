"""skorch callbacks keep their effect, and what they need is recorded."""

import pickle

import numpy as np
import pytest
import torch
from skorch.callbacks import (
    Callback,
    Checkpoint,
    EarlyStopping,
    EpochScoring,
    Freezer,
    GradientNormClipping,
    InputShapeSetter,
    LoadInitState,
    LRScheduler,
    ProgressBar,
)

from skweak.distill import DHKDClassifier
from skweak.nn import ResNet
from skweak.noisy import BLDRClassifier, CrossEntropyClassifier, DPCClassifier, ELRClassifier
from tests.small_data import blobs

X, Y, NOISY = blobs(90)


def fit(*callbacks, **params):
    settings = {"max_epochs": 6, "batch_size": 30, "module__hidden": (8,), "random_state": 0} | params
    return CrossEntropyClassifier(callbacks=list(callbacks), **settings).fit(X, NOISY)


def test_early_stopping_ends_training_and_keeps_the_model():
    # Nothing improves by a factor of a thousand: two misses after the first epoch.
    clf = fit(EarlyStopping(patience=2, threshold=0.999), validation_fraction=0.2, max_epochs=50)
    assert len(clf.history_) == 3 and clf.predict(X).shape == (90,)


def test_early_stopping_restores_the_best_weights():
    stopper = EarlyStopping(patience=3, load_best=True)
    clf = fit(stopper, validation_fraction=0.3, max_epochs=200, lr=0.5)
    losses = [row["valid_loss"] for row in clf.history_]
    assert len(losses) < 200
    restored = CrossEntropyClassifier(max_epochs=int(np.argmin(losses)) + 1, validation_fraction=0.3, lr=0.5,
                                      batch_size=30, module__hidden=(8,), random_state=0).fit(X, NOISY)  # fmt: skip
    np.testing.assert_array_equal(clf.predict_proba(X), restored.predict_proba(X))


def test_early_stopping_without_held_out_rows_says_what_it_needs():
    with pytest.raises(ValueError, match="validation_fraction"):
        fit(EarlyStopping(patience=2))


def test_ctrl_c_is_raised_and_leaves_the_estimator_unfitted():
    class Interrupt(Callback):
        def on_epoch_end(self, net, **kwargs):
            raise KeyboardInterrupt

    clf = CrossEntropyClassifier(max_epochs=3, callbacks=[Interrupt(), EarlyStopping(monitor="train_loss")])
    with pytest.raises(KeyboardInterrupt):
        clf.fit(X, NOISY)
    assert not hasattr(clf, "net_") and not hasattr(clf, "n_features_in_")


def test_checkpoint_saves_the_best_epoch_and_load_init_state_continues(tmp_path):
    checkpoint = Checkpoint(monitor="valid_loss_best", dirname=str(tmp_path))
    clf = fit(checkpoint, validation_fraction=0.2)
    saved = torch.load(tmp_path / "params.pt", weights_only=True)
    best = int(np.argmin([row["valid_loss"] for row in clf.history_])) + 1
    short = fit(validation_fraction=0.2, max_epochs=best).net_.module_.state_dict()
    assert all(torch.equal(saved[name], short[name]) for name in saved)
    again = fit(LoadInitState(checkpoint), validation_fraction=0.2, max_epochs=2)
    assert len(again.history_) == best + 2
    assert again.history_[-1]["train_loss"] < clf.history_[0]["train_loss"]


def test_lr_scheduler_by_epoch():
    clf = fit(("rate", LRScheduler("StepLR", step_size=2, gamma=0.1)), lr=0.1)
    np.testing.assert_allclose([row["event_lr"] for row in clf.history_], [0.1, 0.1, 0.01, 0.01, 0.001, 0.001])


def test_lr_scheduler_by_batch():
    seen = []

    class Record(Callback):
        def on_batch_end(self, net, training, **kwargs):
            seen.append(net.optimizer_.param_groups[0]["lr"])

    fit(LRScheduler("StepLR", step_size=1, gamma=0.5, step_every="batch"), Record(), lr=0.8, max_epochs=1)
    assert seen == [0.4, 0.2, 0.1]


def test_reduce_on_plateau_reads_a_recorded_loss():
    clf = fit(("rate", LRScheduler("ReduceLROnPlateau", monitor="train_loss", patience=0, threshold=10.0)), lr=0.1)
    assert clf.history_[-1]["event_lr"] < 0.1


def test_gradient_norm_clipping_bounds_the_step():
    tight, free = fit(GradientNormClipping(1e-6)), fit(max_epochs=1, lr=1e-12)
    moved = [
        (a - b).abs().max()
        for a, b in zip(tight.net_.module_.parameters(), free.net_.module_.parameters(), strict=True)
    ]
    # 18 clipped steps at momentum 0.9 move a weight by at most 18 * 10 * 0.05 * 1e-6, and weight decay by about 1e-3.
    assert max(moved) < 2e-3
    assert not np.allclose(fit().predict_proba(X), tight.predict_proba(X), atol=1e-2)


def test_freezer_keeps_the_weights_it_names():
    class Start(Callback):
        def on_train_begin(self, net, **kwargs):
            self.weights.append({n: p.detach().clone() for n, p in net.module_.named_parameters()})

        weights = []

    clf = fit(Start(), Freezer("layers.*"))
    start, end = Start.weights[0], dict(clf.net_.module_.named_parameters())
    assert torch.equal(start["layers.0.0.weight"], end["layers.0.0.weight"])
    assert not torch.equal(start["head.weight"], end["head.weight"])


@pytest.mark.parametrize("on_train", [True, False])
def test_epoch_scoring_scores_the_right_rows(on_train):
    scoring = EpochScoring("accuracy", name="accuracy", on_train=on_train, lower_is_better=False)
    clf = fit(scoring, validation_fraction=0.2, max_epochs=20)
    assert 0.5 < clf.history_[-1]["accuracy"] <= 1


def test_epoch_scoring_with_a_function_of_the_net():
    def share_of_class_0(net, X, y):
        return (net.predict(X) == 0).mean()

    clf = fit(EpochScoring(share_of_class_0, name="share", on_train=True))
    assert clf.history_[-1]["share"] == pytest.approx((clf.predict(X) == 0).mean())


def test_scoring_beside_a_callback_of_batches():
    scoring = EpochScoring("accuracy", name="accuracy", on_train=True)
    clf = fit(scoring, LRScheduler("StepLR", step_size=5, step_every="batch"), max_epochs=2)
    assert 0 <= clf.history_[-1]["accuracy"] <= 1


def test_progress_bar_counts_batches(capsys):
    fit(ProgressBar(detect_notebook=False), max_epochs=1)
    # The bar is too fast to be drawn again at its end.
    assert "0/3" in capsys.readouterr().err


def test_verbose_shows_one_bar_over_epochs(capsys):
    fit(verbose=1)
    shown = capsys.readouterr()
    assert "6/6" in shown.err and "cross-entropy" in shown.err and shown.out == ""


@pytest.mark.parametrize("cls", [ELRClassifier, BLDRClassifier, DPCClassifier], ids=lambda cls: cls.__name__)
def test_the_bar_shows_a_loss_that_methods_can_be_compared_by(cls, capsys):
    settings = {"max_epochs": 4, "module__hidden": (8,), "random_state": 0}
    clf = cls(verbose=1, **settings).fit(X, NOISY)
    shown = float(capsys.readouterr().err.rpartition("cross-entropy ")[2].partition("]")[0])
    # All rows are few enough to be looked at.
    proba = clf.predict_proba(X)[np.arange(len(X)), NOISY]
    assert shown == pytest.approx(-np.log(proba).mean(), abs=1e-3)
    silent = cls(**settings).fit(X, NOISY)
    assert np.array_equal(silent.predict_proba(X), clf.predict_proba(X))


def test_callback_parameters_are_spelled_through_the_estimator():
    clf = fit(("rate", LRScheduler("StepLR", step_size=100)), callbacks__rate__step_size=1, lr=0.1)
    assert clf.history_[-1]["event_lr"] < 0.1


def test_the_callbacks_given_are_not_changed():
    stopper = EarlyStopping(patience=1, threshold=0.999)
    before = dict(vars(stopper))
    fit(stopper, validation_fraction=0.2)
    assert vars(stopper) == before


@pytest.mark.parametrize("error", [RuntimeError, MemoryError])
@pytest.mark.parametrize("event", ["on_train_begin", "on_epoch_begin", "on_batch_begin", "on_batch_end",
                                   "on_grad_computed", "on_epoch_end", "on_train_end"])  # fmt: skip
def test_an_exception_in_a_callback_leaves_the_old_model(event, error, global_generators):
    def fail(self, *args, **kwargs):
        raise error("on purpose")

    clf = fit(lr=0.02)
    before, attributes = clf.predict_proba(X), sorted(vars(clf))
    failing = type("Failing", (Callback,), {event: fail})()
    with pytest.raises(error, match="on purpose"):
        clf.set_params(callbacks=[failing]).fit(X[:, :3], NOISY)
    assert np.array_equal(clf.predict_proba(X), before) and sorted(vars(clf)) == attributes
    clf.set_params(callbacks=[]).fit(X, NOISY)
    assert np.array_equal(clf.predict_proba(X), before)


@pytest.mark.parametrize("name", [None, "weak", "own"])
def test_a_checkpoint_pickles_the_whole_net(tmp_path, name):
    augment = {"own": standardize}.get(name, name)
    fit(Checkpoint(monitor=None, f_pickle="net.pkl", dirname=tmp_path), augment=augment)
    net = pickle.loads((tmp_path / "net.pkl").read_bytes())
    assert net.module_.head.weight.shape == (3, 8)


def test_a_checkpoint_pickles_a_net_of_images(tmp_path):
    images = np.random.RandomState(0).rand(24, 1, 8, 8)
    clf = CrossEntropyClassifier(
        module=ResNet, module__blocks=(1,), module__width=4, augment="weak", max_epochs=1,
        callbacks=[Checkpoint(monitor=None, f_pickle="net.pkl", dirname=tmp_path)],
    )  # fmt: skip
    clf.fit(images, Y[:24])
    assert pickle.loads((tmp_path / "net.pkl").read_bytes()).views.strong(torch.zeros(2, 1, 8, 8)).shape == (2, 1, 8, 8)


def standardize(rows):
    return rows - rows.mean(0)


class Begin(Callback):
    def on_train_begin(self, net, X, y, **kwargs):
        self.seen_ = X, y


def test_callbacks_get_the_rows_at_the_start():
    begin = Begin()
    clf = CrossEntropyClassifier(callbacks=[("begin", begin)], max_epochs=1, random_state=0).fit(X, NOISY)
    rows, codes = dict(clf.net_.callbacks_)["begin"].seen_
    np.testing.assert_allclose(rows, X, rtol=1e-6)
    assert codes.tolist() == NOISY.tolist()
    clf.set_params(validation_fraction=0.5).fit(X, NOISY)
    assert dict(clf.net_.callbacks_)["begin"].seen_[0].shape == (45, 4)


def test_the_setter_of_the_input_shape_finds_it_set():
    clf = fit(InputShapeSetter(param_name="n_features"))
    assert np.array_equal(clf.predict_proba(X), fit().predict_proba(X))


@pytest.mark.parametrize("head", ["mlp", "linear", "shared"])
def test_a_frozen_part_stays_under_two_gradients(head):
    teacher = CrossEntropyClassifier(max_epochs=2, random_state=0).fit(X, NOISY)
    settings = {"teacher": teacher, "aux_head": head, "random_state": 0, "module__hidden": (8,), "max_epochs": 3}
    clf = DHKDClassifier(callbacks=[Freezer("layers*")], **settings).fit(X, NOISY)
    start = DHKDClassifier(**(settings | {"max_epochs": 1, "lr": 1e-30, "optimizer__weight_decay": 0.0})).fit(X, NOISY)
    weights, first = clf.net_.module_.state_dict(), start.net_.module_.state_dict()
    changed = {name: not torch.equal(weights[name], first[name]) for name in weights if "num_batches" not in name}
    frozen = [name for name in changed if name.startswith("layers") and "running" not in name]
    assert frozen and not any(changed[name] for name in frozen) and changed["head.weight"]


def test_a_log_gets_a_line_a_minute(capsys):
    fit(verbose=1, max_epochs=300)
    said = capsys.readouterr().err
    assert said.count("\r") <= 3 and "300/300" in said and "cross-entropy" in said
