"""Sharpness-aware steps: one of them by hand, their limits, and what a step that evaluates twice must not change."""

import copy

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from skorch.callbacks import GradientNormClipping

from skweak.distill import DHKDClassifier
from skweak.noisy import CoTeachingClassifier, CrossEntropyClassifier, ELRClassifier
from skweak.optim import SAM
from tests.small_data import blobs


def quadratic(start, **options):
    """One step on (w_1^2 + 4 w_2^2) / 2 and how often the loss was computed."""
    w, calls = torch.tensor(start, requires_grad=True), []
    optimizer = SAM([w], lr=0.1, **options)

    def closure():
        optimizer.zero_grad()
        loss = (w**2 * torch.tensor([1.0, 4.0])).sum() / 2
        loss.backward()
        calls.append(loss.item())
        return loss

    returned = optimizer.step(closure)
    return w.detach(), calls, returned


def test_one_step_by_hand():
    # Gradient (3, 4), norm 5: uphill by 0.5 * (0.6, 0.8) to (3.3, 1.4), gradient there (3.3, 5.6), step 0.1 of it.
    w, calls, returned = quadratic([3.0, 1.0], rho=0.5)
    torch.testing.assert_close(w, torch.tensor([3.0 - 0.33, 1.0 - 0.56]))
    assert len(calls) == 2 and calls[0] == returned.item() == 6.5


def test_adaptive_step_by_hand():
    # Sizes |w| + 0.01 = (3.01, 1.01), slopes size g = (9.03, 4.04), uphill by 0.5 * size * slope / norm.
    w, _, _ = quadratic([3.0, 1.0], rho=0.5, adaptive=True)
    top = torch.tensor([3.0, 1.0]) + 0.5 * torch.tensor([27.1803, 4.0804]) / (9.03**2 + 4.04**2) ** 0.5
    torch.testing.assert_close(w, torch.tensor([3.0, 1.0]) - 0.1 * top * torch.tensor([1.0, 4.0]))


def test_radius_zero_is_the_base_optimizer():
    w, calls, _ = quadratic([3.0, 1.0], rho=0.0)
    torch.testing.assert_close(w, torch.tensor([2.7, 0.6]))
    assert len(calls) == 1
    X, y, _ = blobs()
    params = {"module__hidden": (8,), "max_epochs": 5, "random_state": 0}
    plain = CrossEntropyClassifier(optimizer=torch.optim.SGD, optimizer__momentum=0.9, **params).fit(X, y)
    sam = CrossEntropyClassifier(optimizer=SAM, optimizer__momentum=0.9, optimizer__rho=0.0, **params).fit(X, y)
    np.testing.assert_allclose(sam.predict_proba(X), plain.predict_proba(X), rtol=1e-5)


@pytest.mark.parametrize("rho", [-0.1, float("nan"), float("inf")])
def test_refused_radius(rho):
    with pytest.raises(ValueError, match="rho must be a finite number"):
        SAM([torch.zeros(1, requires_grad=True)], rho=rho)


def test_the_state_goes_through_a_state_dict():
    first, second = (torch.nn.Linear(3, 1) for _ in range(2))
    second.load_state_dict(first.state_dict())
    optimizers = [SAM(net.parameters(), lr=0.1, momentum=0.9) for net in (first, second)]
    X = torch.randn(8, 3, generator=torch.Generator().manual_seed(0))

    def step(net, optimizer):
        def closure():
            optimizer.zero_grad()
            loss = net(X).pow(2).mean()
            loss.backward()
            return loss

        optimizer.step(closure)

    step(first, optimizers[0])
    second.load_state_dict(first.state_dict())
    optimizers[1].load_state_dict(copy.deepcopy(optimizers[0].state_dict()))
    for net, optimizer in zip((first, second), optimizers, strict=True):
        step(net, optimizer)
    assert torch.equal(first.weight, second.weight)


def test_both_evaluations_of_a_step_see_the_same_random_numbers():
    seen = []

    class Noisy(torch.nn.Module):
        def __init__(self, n_features, n_outputs):
            super().__init__()
            self.head = torch.nn.Linear(n_features, n_outputs)

        def forward(self, X):
            noise = torch.rand(X.shape)
            seen.append((float(noise.sum()), float(X.sum()))) if self.training else None
            return self.head(X + noise)

    X, y, _ = blobs()
    CrossEntropyClassifier(
        Noisy, optimizer=SAM, max_epochs=2, augment=lambda X: X + torch.rand(X.shape), random_state=0
    ).fit(X, y)
    assert len(seen) >= 8
    assert seen[::2] == seen[1::2] and len(set(seen)) == len(seen) // 2


def test_a_row_is_remembered_once_per_step():
    X, y, _ = blobs()
    params = {"module__hidden": (8,), "max_epochs": 1, "batch_size": len(X), "random_state": 0}
    plain = ELRClassifier(optimizer=torch.optim.SGD, **params).fit(X, y)
    sam = ELRClassifier(optimizer=SAM, **params).fit(X, y)
    # One epoch of one step: the memory holds the first network's belief, whatever the step does afterwards.
    np.testing.assert_allclose(sam.label_quality_, plain.label_quality_, rtol=1e-5)


def test_two_networks_lbfgs_and_clipping():
    X, y, _ = blobs()
    params = {"module__hidden": (8,), "max_epochs": 15, "random_state": 0}
    assert CoTeachingClassifier(optimizer=SAM, optimizer__momentum=0.9, **params).fit(X, y).score(X, y) > 0.8
    lbfgs = CrossEntropyClassifier(optimizer=torch.optim.LBFGS, lr=0.1, batch_size=len(X), **params)
    assert lbfgs.fit(X, y).score(X, y) > 0.9
    free, clipped = (
        CrossEntropyClassifier(optimizer=SAM, callbacks=callbacks, **params).fit(X, y).predict_proba(X)
        for callbacks in (None, [GradientNormClipping(1e-3)])
    )
    assert abs(clipped - 1 / 3).mean() < abs(free - 1 / 3).mean()


def test_a_method_with_its_own_gradients_says_so():
    X, y, _ = blobs()
    teacher = CrossEntropyClassifier(module__hidden=(8,), max_epochs=2, random_state=0).fit(X, y)
    with pytest.raises(ValueError, match="DHKDClassifier makes its gradients itself"):
        DHKDClassifier(teacher=teacher, optimizer=SAM, max_epochs=2, random_state=0).fit(X, y)


def test_flat_minima_remember_fewer_wrong_labels():
    X, y = load_digits(return_X_y=True)
    X, random = X[:800] / 16, np.random.RandomState(0)
    wrong = random.rand(800) < 0.4
    noisy = np.where(wrong, random.randint(0, 10, 800), y[:800])
    params = {"max_epochs": 30, "random_state": 0}
    plain = CrossEntropyClassifier(optimizer=torch.optim.SGD, optimizer__momentum=0.9, **params).fit(X, noisy)
    sam = CrossEntropyClassifier(optimizer=SAM, optimizer__momentum=0.9, optimizer__rho=0.2, **params).fit(X, noisy)
    assert sam.score(X, y[:800]) > plain.score(X, y[:800]) + 0.03


def test_statistics_of_batches_are_taken_once_per_step():
    class Normed(torch.nn.Sequential):
        def __init__(self, n_features, n_outputs):
            super().__init__(torch.nn.BatchNorm1d(n_features), torch.nn.Linear(n_features, n_outputs))

    X, y, _ = blobs()
    params = {"max_epochs": 1, "batch_size": len(X), "random_state": 0}
    plain = CrossEntropyClassifier(Normed, optimizer=torch.optim.SGD, **params).fit(X + 3, y)
    sam = CrossEntropyClassifier(Normed, optimizer=SAM, **params).fit(X + 3, y)
    norms = [clf.net_.module_[0] for clf in (plain, sam)]
    torch.testing.assert_close(norms[0].running_mean, norms[1].running_mean)
    assert norms[1].momentum == 0.1
