from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from skweak.engine import TensorBatches, TensorData
from skweak.multilabel import CAPClassifier, MultiLabelMeanTeacherClassifier
from skweak.multilabel.stages import (
    SemiBatches,
    check_prior,
    complete_target,
    find_prior,
    follow,
    prior_thresholds,
    semi_loss,
    start_average,
)
from tests.latent_data import hide_rows, latent_labels

quick = settings(max_examples=25, deadline=None, derandomize=True)


def run_of(n_labeled, n_unlabeled, batch_size, ratio=1.0):
    n = n_labeled + n_unlabeled
    data = TensorData(np.arange(n, dtype=np.float32)[:, None], np.zeros((n, 2), dtype=np.int8))
    rows = torch.arange(n)
    state = SimpleNamespace(labeled=rows[:n_labeled], unlabeled=rows[n_labeled:])
    run = SimpleNamespace(state=state, method=SimpleNamespace(unlabeled_ratio=ratio))
    return run, TensorBatches(data, batch_size, generator=torch.Generator().manual_seed(0))


def test_warmup_has_as_many_steps_as_a_pass_over_all_rows():
    batches = SemiBatches(*run_of(3, 17, batch_size=4), warmup=True)
    for _ in range(2):
        steps = list(batches)
        assert len(steps) == len(batches) == 5
        assert all(unlabeled is None for _, unlabeled in steps)
        # Three labeled rows are one batch, which is drawn again in every step.
        assert all(sorted(labeled.index.tolist()) == [0, 1, 2] for labeled, _ in steps)


@pytest.mark.parametrize(
    ("batch_size", "ratio", "n_labeled", "n_unlabeled"),
    [(8, 1.0, 4, 4), (8, 7.0, 1, 7), (8, 3.0, 2, 6), (8, 0.25, 6, 2), (1, 1.0, 1, 1), (8, 100.0, 1, 7)],
)
def test_a_step_has_the_ratio_of_unlabeled_rows(batch_size, ratio, n_labeled, n_unlabeled):
    batches = SemiBatches(*run_of(20, 84, batch_size=batch_size, ratio=ratio), warmup=False)
    steps = list(batches)
    assert len(steps) == len(batches)
    assert (len(steps[0].labeled.X), len(steps[0].unlabeled.X)) == (n_labeled, n_unlabeled)
    seen = torch.cat([step.unlabeled.index for step in steps]).tolist()
    assert sorted(seen) == list(range(20, 104))
    assert all((step.labeled.index < 20).all() for step in steps)


def test_semi_loss_by_hand():
    class Constant(nn.Module):
        def forward(self, X):
            return X

    method = SimpleNamespace(gamma_negative=0.0, gamma_positive=0.0, clip=0.0, unlabeled_weight=0.5)
    views = SimpleNamespace(strong=lambda X: X)
    state = SimpleNamespace(target=torch.tensor([[-1], [1], [0], [-1]], dtype=torch.int8))
    run = SimpleNamespace(method=method, views=views, state=state, module_=Constant())
    batch = SimpleNamespace(
        labeled=SimpleNamespace(X=torch.zeros(1, 1), y=torch.tensor([[1]], dtype=torch.int8)),
        unlabeled=SimpleNamespace(X=torch.zeros(3, 1), index=torch.tensor([1, 2, 3])),
    )
    # Every entry costs log 2, the unknown one nothing: (1 + 0.5 * 2) log 2 per labeled row.
    torch.testing.assert_close(semi_loss(run, batch), torch.tensor(2 * np.log(2.0), dtype=torch.float32))
    batch.unlabeled = None
    torch.testing.assert_close(semi_loss(run, batch), torch.tensor(np.log(2.0), dtype=torch.float32))


def test_thresholds_stand_in_the_middle_of_the_gap():
    proba = torch.tensor([[0.9, 0.9], [0.8, 0.7], [0.2, 0.6], [0.1, 0.5]], dtype=torch.float64)
    # Half of the first label: between 0.8 and 0.2. A quarter of the second: between 0.9 and 0.7.
    thresholds = prior_thresholds(proba, torch.tensor([0.5, 0.25], dtype=torch.float64))
    np.testing.assert_allclose(thresholds, [0.5, 0.8])


@quick
@given(st.integers(0, 999), st.integers(2, 40), st.lists(st.floats(0, 1), min_size=2, max_size=4))
def test_thresholds_reach_the_prior(seed, n_rows, prior):
    proba = torch.rand(n_rows, len(prior), dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    thresholds = prior_thresholds(proba, torch.tensor(prior, dtype=torch.float64))
    count = (proba.numpy() >= thresholds).sum(0)
    assert count.tolist() == [int(share * n_rows + 1e-9) for share in prior]


def test_thresholds_at_the_ends():
    proba = torch.tensor([[1e-7, 1 - 1e-7], [1e-7, 1 - 1e-7]], dtype=torch.float32)
    none, every = (prior_thresholds(proba, torch.full((2,), share).double()) for share in (0.0, 1.0))
    assert none.tolist() == [1.01, 1.01]
    assert (proba.numpy() >= every).all()
    assert prior_thresholds(proba[:, :1], torch.ones(1)).tolist() == [0.5]


def test_prior_counts_known_entries_only():
    target = torch.tensor([[1, 0, -1], [-1, 0, -1], [0, 1, -1], [1, 0, -1]])
    # Two of three, one of four, and a label that is nowhere known.
    assert find_prior(None, target).tolist() == [2 / 3, 1 / 4, 0.0]
    assert find_prior(0.3, target).tolist() == [0.3] * 3
    assert find_prior([0.1, 0.2, 0.3], target).tolist() == [0.1, 0.2, 0.3]


@pytest.mark.parametrize("prior", [-0.1, 1.1, [0.5], [0.1, 0.2, 2.0], [0.1, 0.2, np.nan]], ids=str)
def test_bad_prior(prior):
    with pytest.raises(ValueError, match="class_prior"):
        check_prior(prior, 3)


def test_complete_target_keeps_what_is_known():
    target = torch.tensor([[1, -1], [-1, 0]], dtype=torch.int8)
    proba = torch.tensor([[0.1, 0.6], [0.6, 0.9]])
    completed = complete_target(target, proba, np.array([0.7, 0.5]))
    assert completed.dtype == np.int64 and completed.tolist() == [[1, 1], [0, 0]]


def test_average_follows_the_network_and_its_buffers():
    torch.manual_seed(0)
    run = SimpleNamespace(state=SimpleNamespace(), module_=nn.Sequential(nn.Linear(2, 1), nn.BatchNorm1d(1)))
    start_average(run)
    values = []
    for value in (1.0, 2.0, 3.0):
        nn.init.constant_(run.module_[0].weight, value)
        run.module_[1].running_mean.fill_(value)
        run.module_[1].num_batches_tracked += 1
        follow(run, 0.5)
        average = run.state.average.module
        values.append((average[0].weight[0, 0].item(), average[1].running_mean.item()))
    # The first step copies; then 2/11 and 3/12 of the old stay: 2 - 2/11, and 3 - (3 - 20/11) / 4.
    expected = [1.0, 2 - 2 / 11, 3 - (3 - (2 - 2 / 11)) * 3 / 12]
    np.testing.assert_allclose(values, [(v, v) for v in expected], rtol=1e-6)
    assert average[1].num_batches_tracked == 3 and not average.training


@pytest.mark.parametrize("cls", [CAPClassifier, MultiLabelMeanTeacherClassifier])
def test_without_unlabeled_rows_it_warns_and_learns_from_labels(cls):
    X, Y = latent_labels(60, seed=0, n_labels=3)
    with pytest.warns(UserWarning, match="y holds no row of -1"):
        clf = cls(**cls._test_params(), random_state=0).fit(X, Y)
    assert np.array_equal(clf.transduction_, Y) and clf.score(X, Y) > 0.8


def test_no_labeled_row_left():
    X, Y = latent_labels(20, seed=0, n_labels=3)
    cls = CAPClassifier
    with pytest.raises(ValueError, match="validation_fraction=0.9 leaves no labeled row"):
        cls(**cls._test_params(), validation_fraction=0.9, random_state=1).fit(X, hide_rows(Y, 1))
    with pytest.raises(ValueError, match="y holds only -1"):
        cls(**cls._test_params()).fit(X, hide_rows(Y, 0))
