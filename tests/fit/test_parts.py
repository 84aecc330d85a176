"""Every part of a fit can be replaced by a smaller one, and its effect is seen."""

import numpy as np
import pytest
import torch

from skweak.engine import DivergenceError, TensorData
from skweak.engine.checkpoint import NoCheckpoint
from skweak.engine.divergence import RaiseDivergence
from skweak.engine.seeding import Seeding
from skweak.fit import Fit, Request
from skweak.fit.rows import RowFacts
from skweak.noisy import CrossEntropyClassifier
from tests.small_data import blobs

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

X, _, Y = blobs(30)


def make_fit(cls=CrossEntropyClassifier, **changes):
    settings = {"module__hidden": (4,), "max_epochs": 2, "batch_size": 10, "random_state": 0, "n_threads": 1}
    return Fit(cls(**settings | changes), X, Y, Request())


def test_a_recording_checkpoint_sees_every_moment():
    class Recording(NoCheckpoint):
        def __init__(self):
            self.seen = []

        def begin(self, describe):
            self.seen.append(describe()["estimator"])

        def end_epoch(self, run):
            self.seen.append(run.epoch)

        def finish(self, run):
            self.seen.append("finished")

    fit = make_fit()
    fit.checkpoint = Recording()
    clf = fit.run()
    assert fit.checkpoint.seen == ["CrossEntropyClassifier", 1, 2, "finished"] and clf.net_.checkpoint is None


def test_a_checkpoint_that_says_finished_leaves_the_loop_out():
    class Finished(NoCheckpoint):
        def resume(self, run):
            return True

    fit = make_fit()
    fit.checkpoint = Finished()
    assert fit.run().history_ == []


def test_a_policy_may_bear_what_diverges():
    class Broken(CrossEntropyClassifier):
        def _loss(self, run, batch):
            return super()._loss(run, batch) * (float("nan") if run.epoch == 1 else 1.0)

        def _end_step(self, run):
            for weight in run.module_.parameters():
                weight.data.nan_to_num_()

    class Bearing(RaiseDivergence):
        def recover(self, run, error):
            self.error = error

    with pytest.raises(DivergenceError):
        make_fit(Broken).run()
    fit = make_fit(Broken)
    fit.divergence = Bearing()
    assert fit.run().predict(X).shape == (30,) and "epoch 2, step 1" in str(fit.divergence.error)


def test_seeding_gives_seed_generators_and_threads():
    class Counting(Seeding):
        asked = ()

        def seed(self, kept=None):
            self.asked += ("seed",)
            return 7

        def numbers(self, seed, device):
            self.asked += (seed,)
            return super().numbers(seed, device)

        def use_threads(self, run):
            self.asked += (len(run.data),)

    fit = make_fit()
    fit.seeding = Counting()
    first = fit.run().predict_proba(X)
    assert fit.seeding.asked == ("seed", 7, 30)
    again = make_fit(random_state=1)
    again.seeding = Counting()
    np.testing.assert_array_equal(again.run().predict_proba(X), first)
    assert not np.array_equal(make_fit().run().predict_proba(X), first)


def test_a_source_of_data_decides_what_a_process_sees():
    class Counting(TensorData):
        served = 0

        def take_each(self, indices):
            self.served += sum(map(len, indices))
            return super().take_each(indices)

    fit = make_fit()
    fit.data = Counting(X.astype(np.float32), Y)
    fit.run()
    # Two epochs, and the pass that judges the labels.
    assert fit.data.served == 2 * 30 + 30
    half = make_fit()
    half.data = Counting(X.astype(np.float32), Y)
    half.data.share = (1, 2)
    half.run()
    assert half.data.served == 2 * 15 + 30


def test_row_facts_decide_who_trains():
    class OnlyEven(RowFacts):
        def split(self, whole, random):
            self.whole, self._rows = whole, np.arange(0, len(whole), 2)
            self.training, self.held_out = whole.subset(self._rows), whole.subset(self._rows + 1)

    fit = make_fit()
    fit.rows = OnlyEven(None, 0.0)
    clf = fit.run()
    assert torch.equal(fit.rows.training.target, torch.from_numpy(Y[::2])) and "valid_loss" in clf.history_[-1]
    # Rows that did not train are judged by the trained network.
    given = clf.predict_proba(X)[np.arange(30), Y]
    np.testing.assert_allclose(clf.label_quality_, given, atol=1e-6)
