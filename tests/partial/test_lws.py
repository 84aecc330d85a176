from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

from skweak.datasets import make_noisy_candidates, make_uniform_candidates
from skweak.engine import Batch
from skweak.losses import leveraged_weights
from skweak.partial import LWSClassifier


def fake_run(logits, candidates):
    """Return what the hooks see of a run whose network gives these logits."""
    data = SimpleNamespace(target=torch.tensor(candidates, dtype=torch.uint8))
    run = SimpleNamespace(module_=lambda X: X, state=SimpleNamespace(), dtype=torch.float64, data=data)
    run.check_rows = lambda memory: None
    LWSClassifier()._start(run)
    return run, Batch(torch.tensor(logits, dtype=torch.float64), data.target, torch.arange(len(logits)))


def test_both_groups_start_equal_and_are_then_weighted_apart():
    logits = np.log([[3.0, 1.0, 2.0, 6.0]]).tolist()
    run, batch = fake_run(logits, [[1, 1, 0, 0]])
    assert run.state.confidence.tolist() == [[0.5, 0.5, 0, 0]]
    assert run.state.rejection.tolist() == [[0, 0, 0.5, 0.5]]
    loss = LWSClassifier(beta=2.0, surrogate="sigmoid")._loss(run, batch)
    # Sigmoids 3/4, 1/2, 2/3, 6/7: candidates miss 1/4 and 1/2, the others have 2/3 and 6/7, twice as heavy.
    assert loss.item() == pytest.approx(0.5 * (1 / 4 + 1 / 2) + 2 * 0.5 * (2 / 3 + 6 / 7))
    np.testing.assert_allclose(run.state.confidence, [[3 / 4, 1 / 4, 0, 0]])
    np.testing.assert_allclose(run.state.rejection, [[0, 0, 1 / 4, 3 / 4]])
    second = LWSClassifier(beta=2.0, surrogate="sigmoid")._loss(run, batch)
    expected = 0.75 * 1 / 4 + 0.25 * 1 / 2 + 2 * (0.25 * 2 / 3 + 0.75 * 6 / 7)
    assert second.item() == pytest.approx(expected)


def test_the_two_kept_tables_are_the_leveraged_weights():
    draw = torch.Generator().manual_seed(0)
    logits = torch.randn(6, 4, generator=draw, dtype=torch.float64)
    candidates = (torch.rand(6, 4, generator=draw) < 0.5).long()
    candidates[:, 0] = 1
    candidates[5] = 1
    run, batch = fake_run(logits.tolist(), candidates.tolist())
    assert run.state.rejection[5].tolist() == [0, 0, 0, 0]
    LWSClassifier()._loss(run, batch)
    torch.testing.assert_close(run.state.confidence + run.state.rejection, leveraged_weights(logits, candidates))


@pytest.mark.parametrize(("beta", "pulls"), [(0.0, False), (1.0, True)])
def test_without_beta_other_classes_are_left_alone(beta, pulls):
    run, batch = fake_run([[0.0, 0.0, 1.0]], [[1, 0, 0]])
    X = batch.X.requires_grad_()
    LWSClassifier(beta=beta, surrogate="sigmoid")._loss(run, batch._replace(X=X)).sum().backward()
    assert X.grad[0, 0] < 0 and ((X.grad[0, 1:] > 0).tolist() == [pulls, pulls])


def test_belief_covers_the_candidates_only():
    X = np.array([[-1.0], [-1.2], [1.0], [1.2]])
    S = np.array([[1, 1, 0], [1, 0, 0], [0, 1, 1], [0, 1, 0]])
    clf = LWSClassifier(nn.Linear(1, 3), max_epochs=200, batch_size=4, random_state=0).fit(X, S)
    np.testing.assert_allclose(clf.candidate_weights_.sum(1), 1, rtol=1e-5)
    assert clf.transduction_.tolist() == [0, 0, 1, 1]


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return train_test_split(X / 16, y, test_size=0.3, stratify=y, random_state=0)


def test_it_learns_from_large_sets(digits):
    X, X_test, y, y_test = digits
    S = make_uniform_candidates(y, rate=0.6, random_state=0)
    clf = LWSClassifier(module__hidden=(64,), max_epochs=40, random_state=0).fit(X, S)
    assert clf.score(X_test, y_test) > 0.9 and (clf.transduction_ == y).mean() > 0.9


def test_the_bounded_loss_bears_sets_that_miss_the_true_label(digits):
    X, X_test, y, y_test = digits
    S = make_noisy_candidates(make_uniform_candidates(y, rate=0.2, random_state=0), y, rate=0.3, random_state=1)
    settings = {"module__hidden": (64,), "max_epochs": 60, "random_state": 0}
    accuracy = {
        surrogate: LWSClassifier(surrogate=surrogate, **settings).fit(X, S).score(X_test, y_test)
        for surrogate in ("sigmoid", "cross_entropy")
    }
    assert accuracy["sigmoid"] > accuracy["cross_entropy"] + 0.04


@pytest.mark.parametrize(("changes", "name"), [({"beta": -1}, "beta"), ({"surrogate": "hinge"}, "surrogate")])
def test_parameters_outside_their_range_are_named(changes, name):
    with pytest.raises(ValueError, match=f"'{name}' parameter"):
        LWSClassifier(**changes).fit(np.eye(2), np.eye(2, dtype=int))
