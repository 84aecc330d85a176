"""After an exception or Ctrl-C, at whatever moment, an estimator is as it was before."""

import copy
import warnings

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

from skweak.engine import DivergenceError
from skweak.noisy import BLDRClassifier, CrossEntropyClassifier, DPCClassifier, ELRClassifier, GCEClassifier
from tests.reliability.fits import NETWORKS, quiet_fit, small_estimator, small_rows
from tests.small_data import blobs

X, _, Y = blobs(60)
OTHER_X, _, OTHER_Y = blobs(60, seed=5)
SMALL = {"max_epochs": 3, "batch_size": 16, "module__hidden": (6,), "random_state": 0}
NOTIFICATIONS = ["on_train_begin", "on_epoch_begin", "on_batch_begin", "on_grad_computed", "on_batch_end",
                 "on_epoch_end", "on_train_end"]  # fmt: skip
HOOKS = ["_check_labels", "_networks", "_optimizers", "_start", "_start_epoch", "_batches", "_train_step", "_loss",
         "_end_step", "_end_epoch", "_finish", "_final_proba"]  # fmt: skip
ERRORS = [RuntimeError("injected"), KeyboardInterrupt("injected"), MemoryError("injected")]


class Failing(Callback):
    """Raises at a notification of the second epoch, or at the first one that comes only once."""

    def __init__(self, moment, error):
        self.moment, self.error = moment, error


def _fail_at(moment):
    def notified(self, net, *args, **kwargs):
        if self.moment == moment and (net.epoch == 1 or moment.startswith("on_train")):
            raise self.error

    return notified


for _moment in NOTIFICATIONS:
    setattr(Failing, _moment, _fail_at(_moment))


def state_of(estimator):
    """Return the attributes of an estimator and a deep copy of their values."""
    return set(vars(estimator)), {k: v for k, v in vars(estimator).items() if not k.endswith("_")}


def assert_unfitted(estimator, before):
    assert state_of(estimator) == before
    assert not hasattr(estimator, "net_") and not hasattr(estimator, "n_features_in_")


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("moment", NOTIFICATIONS)
@pytest.mark.parametrize("cls", [ELRClassifier, DPCClassifier], ids=lambda cls: cls.__name__)
def test_a_callback_that_raises(cls, moment, error):
    settings = SMALL | ({"warmup_epochs": 1} if cls is DPCClassifier else {})
    clf = cls(**settings, callbacks=[Failing(moment, error)])
    before = state_of(clf)
    with pytest.raises(type(error), match="injected"):
        clf.fit(X, Y)
    assert_unfitted(clf, before)
    fresh = cls(**settings).fit(X, Y)
    assert np.array_equal(clf.set_params(callbacks=None).fit(X, Y).predict_proba(X), fresh.predict_proba(X))
    # And a fitted one keeps its model.
    names = set(vars(clf))
    with pytest.raises(type(error), match="injected"):
        clf.set_params(callbacks=[Failing(moment, error)]).fit(OTHER_X, OTHER_Y)
    assert set(vars(clf)) == names and np.array_equal(clf.predict_proba(X), fresh.predict_proba(X))


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_that_raises(hook):
    class Method(GCEClassifier):
        broken = False

    def run(self, *args, **kwargs):
        if self.broken:
            raise KeyboardInterrupt("injected")
        return getattr(super(Method, self), hook)(*args, **kwargs)

    setattr(Method, hook, run)
    Method.broken = True
    clf = Method(**SMALL, validation_fraction=0.2)
    before = state_of(clf)
    with pytest.raises(KeyboardInterrupt, match="injected"):
        clf.fit(X, Y)
    assert_unfitted(clf, before)
    Method.broken = False
    expected = clf.fit(X, Y).predict_proba(X)
    Method.broken = True
    with pytest.raises(KeyboardInterrupt, match="injected"):
        clf.fit(OTHER_X, OTHER_Y)
    Method.broken = False
    assert np.array_equal(clf.predict_proba(X), expected)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_learning_on_is_undone_when_it_fails(error):
    class Breaking(GCEClassifier):
        breaks = False

        def _end_step(self, run):
            if self.breaks and run.batch == 1:
                raise error

    clf = Breaking(**SMALL).partial_fit(X, Y, classes=[0, 1, 2])
    # The same object without the failure is what must come out of the next attempt.
    expected_next = copy.deepcopy(clf).partial_fit(X, Y).predict_proba(X)
    before = clf.predict_proba(X)
    Breaking.breaks = True
    with pytest.raises(type(error)):
        clf.partial_fit(X, Y)
    assert np.array_equal(clf.predict_proba(X), before)
    Breaking.breaks = False
    assert np.array_equal(clf.partial_fit(X, Y).predict_proba(X), expected_next)
    warm = Breaking(warm_start=True, **SMALL).fit(X, Y)
    before = warm.predict_proba(X)
    Breaking.breaks = True
    with pytest.raises(type(error)):
        warm.fit(X, Y)
    assert np.array_equal(warm.predict_proba(X), before) and len(warm.history_) == 3


@pytest.mark.parametrize("cls", NETWORKS, ids=lambda cls: cls.__name__)
def test_every_estimator_survives_ctrl_c(cls):
    X, y = small_rows(cls)
    clf = small_estimator(cls, callbacks=[Failing("on_epoch_end", KeyboardInterrupt("injected"))])
    before = state_of(clf)
    with pytest.raises(KeyboardInterrupt, match="injected"):
        quiet_fit(clf, X, y)
    assert_unfitted(clf, before)


class Diverging(CrossEntropyClassifier):
    """Its loss becomes NaN at a chosen step, or a weight in the last one."""

    at = None

    def _loss(self, run, batch):
        losses = super()._loss(run, batch)
        return losses * float("nan") if (run.epoch, run.batch) == self.at else losses

    def _end_epoch(self, run):
        if self.at == "weights" and run.epoch == 2:
            next(run.module_.parameters()).data[0, 0] = float("nan")


@pytest.mark.parametrize("at", [(0, 0), (1, 2), (2, 3), "weights"], ids=str)
def test_a_diverging_fit_says_so_or_keeps_the_last_finite_epoch(at, monkeypatch):
    monkeypatch.setattr(Diverging, "at", at)
    with pytest.raises(DivergenceError, match="Diverging: .* is not finite at .*lr=0.05.* not scaled.* half precision"):
        Diverging(**SMALL).fit(X, Y)
    clf = Diverging(on_divergence="best", **SMALL)
    if at == (0, 0):
        with pytest.raises(DivergenceError):
            clf.fit(X, Y)
        return
    finite = 2 if at == "weights" else at[0]
    with pytest.warns(UserWarning, match=rf"not finite.*The weights of epoch {finite} are kept"):
        clf.fit(X, Y)
    short = CrossEntropyClassifier(**(SMALL | {"max_epochs": finite})).fit(X, Y)
    assert np.array_equal(clf.predict_proba(X), short.predict_proba(X))
    assert [row["train_loss"] for row in clf.history_] == [row["train_loss"] for row in short.history_]


def test_a_split_on_broken_weights_is_a_divergence():
    class Late(DPCClassifier):
        def _end_epoch(self, run):
            if run.epoch == 0:
                next(run.module_.parameters()).data[0, 0] = float("nan")

    with pytest.raises(DivergenceError, match="weight .* of module is not finite at epoch 2"):
        Late(warmup_epochs=1, **SMALL).fit(X, Y)


def test_averages_and_memories_go_back_as_well():
    class LateELR(ELRClassifier):
        def _loss(self, run, batch):
            losses = super()._loss(run, batch)
            return losses * float("nan") if (run.epoch, run.batch) == (2, 1) else losses

    with pytest.warns(UserWarning, match="epoch 2 are kept"):
        clf = LateELR(on_divergence="best", **SMALL).fit(X, Y)
    short = ELRClassifier(**(SMALL | {"max_epochs": 2})).fit(X, Y)
    assert np.array_equal(clf.label_quality_, short.label_quality_)


def test_large_values_are_a_divergence_or_an_error_of_x():
    raw = SMALL | {"module__scale_inputs": False}
    with pytest.raises(DivergenceError, match="column 1"):
        CrossEntropyClassifier(**raw).fit(X * [1, 1e37, 1, 1], Y)
    # The scaling of the default network copes with all of it.
    scaled = CrossEntropyClassifier(**SMALL).fit(X * [1, 1e37, 1, 1], Y)
    assert np.isfinite(scaled.predict_proba(3e38 * np.sign(X))).all()
    clf = CrossEntropyClassifier(**raw).fit(X, Y)
    far = X.copy()
    # Every term of the first hidden unit is large and positive.
    far[7] = 3e38 * np.sign(clf.net_.module_.layers[0][0].weight[0].detach().numpy())
    with torch.no_grad():
        clf.net_.module_.layers[0][0].weight.mul_(10)
    for method in (clf.predict, clf.predict_proba, clf.embed):
        with pytest.raises(ValueError, match=r"X gives outputs that are not finite, first in row 7"):
            method(far)


def test_one_outlier_is_named_once_with_the_remedy():
    far = X.copy()
    far[11, 2] = 1e6
    with pytest.warns(UserWarning, match=r"median of column 2 .* RobustScaler and clip"):
        CrossEntropyClassifier(**SMALL, module__scale_inputs=False).fit(far, Y)
    # Wide, rare and constant columns are no outliers, nor is a pixel that is nearly always black.
    pixel = np.where(np.arange(60) == 5, 1.0, 1e-4 * X[:, 1])
    rare = np.column_stack([X[:, 0] * 1e6, np.arange(60) == 3, np.ones(60), np.exp(3 * X[:, 1]), pixel])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # The step is so small that nothing is learnt.
        warnings.filterwarnings("ignore", message=".*of its training rows")
        CrossEntropyClassifier(lr=1e-9, **SMALL, module__scale_inputs=False).fit(rare, Y)
        CrossEntropyClassifier(**SMALL).fit(far, Y)


def test_a_step_of_one_row_with_batch_norm_is_told_in_our_words():
    with pytest.raises(ValueError, match="BatchNorm met a step of one row.*n_samples=60.*batch_size=1"):
        CrossEntropyClassifier(**(SMALL | {"batch_size": 1, "module__batch_norm": True})).fit(X, Y)
    with pytest.raises(ValueError, match="batch_size=1"):
        quiet_fit(BLDRClassifier(max_epochs=2, batch_size=1), X[:10], Y[:10])


@pytest.mark.parametrize("augment", [lambda X: X[:, :3], lambda X: X[:-1], lambda X: None, lambda X: X.numpy()])
def test_a_view_of_another_shape_is_told_in_our_words(augment):
    with pytest.raises((TypeError, ValueError), match="augment must .* got"):
        CrossEntropyClassifier(augment=augment, **SMALL).fit(X, Y)
    with pytest.raises((TypeError, ValueError), match="augment must .* got"):
        quiet_fit(DPCClassifier(augment=(lambda X: X, augment), warmup_epochs=1, consistency_weight=1.0, **SMALL), X, Y)
