"""STORM: the gradient one step ahead by finite differences, its limits, and wrong labels that weigh less."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback
from torch import nn

from skweak.engine import Batch, Resume
from skweak.engine.virtual_step import virtual_step
from skweak.nn import MLP
from skweak.noisy import CrossEntropyClassifier, STORMClassifier
from tests.small_data import blobs

LINEAR = {"module": MLP, "module__hidden": (), "batch_size": 30, "random_state": 0}


class TwoWeights(nn.Module):
    """A weight for each row, whatever is known of it."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([0.3, 0.7], dtype=torch.float64))

    def forward(self, features, target):
        return self.weight[: len(target)]


def run_of(clf, optimizer_class=torch.optim.SGD):
    """Return a trainer of a network of two parameters, w and b with logits (w x + b, 0)."""
    network = nn.Linear(1, 2, dtype=torch.float64)
    with torch.no_grad():
        network.weight.copy_(torch.tensor([[0.5], [0.0]]))
        network.bias.copy_(torch.tensor([-0.2, 0.0]))
    run = SimpleNamespace(
        module_=network, rescaler_=TwoWeights(), optimizer_=optimizer_class(network.parameters(), lr=0.7),
        n_outputs=2, batch_size=2, dtype=torch.float64, device="cpu", state=SimpleNamespace(), scratch=SimpleNamespace(),
        data=SimpleNamespace(weight=None), check_rows=len, record=lambda *_: None, steps=[],
        autocast_context=lambda: torch.autograd.set_grad_enabled(True),
    )  # fmt: skip
    run.data = type("Data", (), {"weight": None, "__len__": lambda self: 2})()
    run.take_step = run.steps.append
    clf._start(run)
    return run


@pytest.mark.parametrize("meta_gradient", ["exact", "last_layer"])
@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.Adam])
def test_the_meta_gradient_is_that_of_finite_differences(meta_gradient, optimizer):
    first = Batch(torch.tensor([[1.0], [-2.0]], dtype=torch.float64), torch.tensor([0, 1]), torch.arange(2))
    other = Batch(torch.tensor([[0.5], [3.0]], dtype=torch.float64), torch.tensor([1, 0]), torch.arange(2))
    clf = STORMClassifier(meta_gradient=meta_gradient, n_passes=1)
    run = run_of(clf, optimizer)
    clf._train_step(run, (first, other))

    def meta_loss(weight):
        network = run.module_
        own = list(network.parameters())
        loss = (weight * nn.functional.cross_entropy(network(first.X), first.y, reduction="none")).mean()
        W, b = virtual_step(run.optimizer_, own, torch.autograd.grad(loss, own))
        return (weight * nn.functional.cross_entropy(other.X @ W.T + b, other.y, reduction="none")).mean().item()

    weight = run.rescaler_.weight.detach()
    expected = []
    for i in range(2):
        ahead, behind = weight.clone(), weight.clone()
        ahead[i] += 1e-5
        behind[i] -= 1e-5
        expected.append((meta_loss(ahead) - meta_loss(behind)) / 2e-5)
    np.testing.assert_allclose(run.rescaler_.weight.grad, expected, rtol=1e-6)
    # The step of the network is the one that was looked at, and the weights of the rows are kept.
    losses = weight * nn.functional.cross_entropy(run.module_(first.X), first.y, reduction="none")
    for parameter, gradient in zip(run.module_.parameters(), torch.autograd.grad(losses.mean(), [*run.module_.parameters()]), strict=True):
        torch.testing.assert_close(parameter.grad, gradient)
    assert torch.equal(run.state.weight, weight) and len(run.steps) == 1


@pytest.mark.parametrize("meta_gradient", ["exact", "last_layer"])
def test_equal_weights_are_cross_entropy_at_half_the_step(meta_gradient):
    X, _, noisy = blobs(60)
    settings = {"max_epochs": 3, "optimizer__weight_decay": 0.0, "dtype": "float64", "random_state": 0}
    equal = STORMClassifier(meta_gradient=meta_gradient, rescaler_lr=0, lr=0.1, **settings).fit(X, noisy)
    assert (equal.sample_weight_ == 0.5).all()
    # The batches come in another order, because others are drawn beside them, so one batch holds all rows.
    equal, plain = (
        cls(batch_size=100, **extra, **settings).fit(X, noisy).predict_proba(X)
        for cls, extra in (
            (STORMClassifier, {"rescaler_lr": 0, "lr": 0.1, "meta_gradient": meta_gradient}),
            (CrossEntropyClassifier, {"lr": 0.05}),
        )
    )
    np.testing.assert_allclose(equal, plain, rtol=1e-6)


def test_both_gradients_are_the_same_for_a_linear_model():
    X, _, noisy = blobs(60)
    exact, cheap = (
        STORMClassifier(meta_gradient=meta, max_epochs=4, dtype="float64", **LINEAR).fit(X, noisy)
        for meta in ("exact", "last_layer")
    )
    np.testing.assert_allclose(exact.predict_proba(X), cheap.predict_proba(X), rtol=1e-5)
    np.testing.assert_allclose(exact.sample_weight_, cheap.sample_weight_, atol=1e-4)


def test_wrong_labels_weigh_less_and_are_remembered_less():
    X, clean, noisy = blobs(120)
    wrong = clean != noisy
    settings = {"max_epochs": 30, "random_state": 0}
    clf = STORMClassifier(**settings).fit(X, noisy)
    assert clf.sample_weight_[wrong].mean() < clf.sample_weight_[~wrong].mean() - 0.2
    plain = CrossEntropyClassifier(**settings).fit(X, noisy)
    assert clf.label_quality_[wrong].mean() < plain.label_quality_[wrong].mean()


@pytest.mark.parametrize("class_weight", [None, "balanced", {0: 2.0, 1: 1.0, 2: 1.0}])
def test_a_stopped_fit_goes_on_with_the_same_bits(class_weight):
    states = []

    class Keep(Callback):
        def on_epoch_end(self, net, **kwargs):
            states.append(net.state_dict())

    X, _, noisy = blobs(60)
    settings = {"max_epochs": 3, "class_weight": class_weight, "batch_size": 30, "random_state": 0}
    first = STORMClassifier(callbacks=[Keep()], **settings).fit(X, noisy)
    again = STORMClassifier(callbacks=[Resume(states[0])], **settings).fit(X, noisy)
    assert np.array_equal(again.predict_proba(X), first.predict_proba(X))
    assert np.array_equal(again.sample_weight_, first.sample_weight_)


def test_compiled_networks_need_the_cheap_gradient():
    X, _, noisy = blobs(30)
    with pytest.raises(ValueError, match="meta_gradient='exact' differentiates gradients"):
        STORMClassifier(compile=True).fit(X, noisy)
