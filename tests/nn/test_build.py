"""From the parameter ``module`` to a checked network, and what is asked of networks of strangers."""

import time
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from skweak.fit.networks import network_maker
from skweak.nn import MLP, ResNet, SmallCNN
from skweak.nn.build import (
    build,
    check_network,
    embedding_width,
    features_and_logits,
    last_linear,
    reinitialise,
    resize_output,
)
from skweak.noisy import CoTeachingClassifier
from tests.dummies import DummyNoisy
from tests.small_data import blobs

X, _, Y = blobs()


class Foreign(nn.Module):
    """A network without ``features`` and ``head``, whose last linear layer is not the last thing it does."""

    def __init__(self, n_features, n_outputs, width=5, bend=1.0):
        super().__init__()
        self.first, self.last, self.bend = nn.Linear(n_features, width), nn.Linear(width, n_outputs), bend

    def forward(self, X):
        return self.bend * self.last(self.first(X).sin())


class Broken(nn.Module):
    def __init__(self, error):
        super().__init__()
        self.error = error

    def forward(self, X):
        raise self.error


def factory(n_features, n_outputs, depth=1):
    return MLP(n_features, n_outputs, hidden=(6,) * depth)


def anything(**settings):
    return Foreign(4, 3, **settings)


def build_small(module, shape=(4,), n_outputs=3, **parameters):
    return build(module, parameters, input_shape=shape, n_outputs=n_outputs)


BUILT = {
    "auto, table": ("auto", (4,), {"hidden": (7,)}, MLP),
    "auto, images": ("auto", (2, 6, 6), {"width": 2, "blocks": (1,)}, ResNet),
    "class": (SmallCNN, (2, 6, 6), {"widths": (3,)}, SmallCNN),
    "class, flattened images": (MLP, (2, 6, 6), {"hidden": (3,)}, MLP),
    "factory": (factory, (4,), {"depth": 2}, MLP),
    "factory with any names": (anything, (4,), {"width": 2}, Foreign),
    "partial": (partial(MLP, hidden=(5,)), (4,), {}, MLP),
    "partial with parameters": (partial(MLP, hidden=(5,)), (4,), {"dropout": 0.5}, MLP),
    "lambda": (lambda n_outputs: nn.Linear(4, n_outputs), (4,), {}, nn.Linear),
    "foreign class": (Foreign, (4,), {"width": 2}, Foreign),
    "instance": (MLP(4, 3, hidden=(5,)), (4,), {}, MLP),
}


@pytest.mark.parametrize("name", BUILT)
def test_what_module_may_be(name):
    module, shape, parameters, kind = BUILT[name]
    network = build_small(module, shape, **parameters)
    assert isinstance(network, kind)
    check_network(network, shape, 3, torch.float32)
    assert network(torch.zeros(2, *shape)).shape == (2, 3)


def test_parameters_reach_the_network():
    assert build_small("auto", hidden=(7, 6)).stage_widths == [7, 6]
    assert build_small(factory, depth=3).stage_widths == [6, 6, 6]
    assert build_small(partial(MLP, hidden=(5,)), hidden=(2,)).stage_widths == [2]
    assert build_small(MLP, (2, 3, 3), hidden=(2,)).layers[0][0].in_features == 18


def test_an_instance_is_copied_with_its_weights():
    module = MLP(4, 3, hidden=(5,))
    network = build_small(module)
    assert network is not module
    for mine, given in zip(network.parameters(), module.parameters(), strict=True):
        assert torch.equal(mine, given) and mine.data_ptr() != given.data_ptr()


UNBUILT = {
    "instance with parameters": (MLP(4, 3), {"hidden": (5,), "dropout": 0.1}, ValueError,
                                 "module__dropout, module__hidden cannot be set because module is an instance"),
    "unknown parameter": (MLP, {"depth": 2}, ValueError,
                          r"module__depth is not a parameter of MLP.*\['batch_norm', 'dropout', 'hidden', 'scale_inputs'\]"),
    "unknown parameter of a partial": (partial(MLP, hidden=(2,)), {"depth": 2}, ValueError, "module__depth is not"),
    "missing argument": (nn.Linear, {}, ValueError, "module could not be built with its defaults.*in_features"),
    "error of any type": (lambda n_outputs: {}["a"], {}, ValueError, "module could not be built with its defaults"),
    "text": ("mlp", {}, TypeError, "module must be 'auto', a torch.nn.Module"),
    "number": (3, {}, TypeError, "module must be 'auto', a torch.nn.Module"),
    "builtin": (dict, {}, TypeError, "module must be a torch.nn.Module, its class or a factory, got <class 'dict'>"),
    "factory of something else": (lambda: 3, {}, TypeError, "module must build a torch.nn.Module, got int"),
    "dropout above 1": (MLP, {"dropout": 1.5}, ValueError, "module__dropout=1.5"),
}  # fmt: skip


@pytest.mark.parametrize("name", UNBUILT)
def test_what_module_may_not_be(name):
    module, parameters, error, message = UNBUILT[name]
    with pytest.raises(error, match=message):
        build_small(module, **parameters)


NONE = [0, -1, 2.5, "a", None]
WRONG_SIZES = {
    "auto": {"hidden": [*NONE, 10**9, True, "ab", (0,), (-1,), (2.5,), (8, -1), (True,), (10**9,), (8, 10**9)]},
    SmallCNN: {"widths": [*NONE, 10**9, (), (0,), (-1,), (2.5,), (10**9,), (8, 10**9)]},
    ResNet: {"blocks": [*NONE, 2, (), (0,), (1, 0), (-1,), (1.5,)], "width": [*NONE, 10**9, (3,)]},
}


@pytest.mark.parametrize(
    ("module", "name", "value"),
    [(module, name, value) for module, names in WRONG_SIZES.items() for name in names for value in names[name]],
)
def test_wrong_sizes_are_named_before_memory_is_taken(module, name, value):
    shape = (4,) if module == "auto" else (1, 4, 4)
    resource = pytest.importorskip("resource")
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    with pytest.raises(ValueError, match=f"module could not be built with module__{name}="):
        build_small(module, shape, **{name: value})
    # In kB: the smallest of the huge layers would be 4 GB.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000
    assert time.perf_counter() - start < 2


def test_a_wrong_size_is_named_by_fit():
    with pytest.raises(ValueError, match=r"module__hidden=\(1000000000,\).*takes more than 1,073,741,824 numbers"):
        DummyNoisy(module__hidden=(10**9,)).fit(X, Y)


def test_many_small_layers_count_together(monkeypatch):
    def bulk(count):
        return nn.ParameterList([torch.rand(2, 5), torch.ones((10,)), *(torch.empty(size=(10,)) for _ in range(count))])

    monkeypatch.setattr("skweak.nn.build._MOST_NUMBERS", 100)
    assert len(build_small(bulk, count=8)) == 10
    with pytest.raises(ValueError, match="module__count=9: it takes more than 100 numbers"):
        build_small(bulk, count=9)


def test_the_guard_changes_no_weight():
    torch.manual_seed(0)
    expected = MLP(4, 3, hidden=(5,), batch_norm=True).state_dict()
    torch.manual_seed(0)
    built = build_small(MLP, hidden=(5,), batch_norm=True).state_dict()
    assert all(torch.equal(built[name], expected[name]) for name in expected)


class Tuple(nn.Linear):
    def forward(self, X):
        return super().forward(X), X


UNFIT = {
    "two outputs": (nn.Linear(4, 2), r"module must return logits of shape \(n, 3\).*got \(2, 2\) for 2 rows"),
    "three dimensions": (nn.Sequential(nn.Linear(4, 3), nn.Unflatten(1, (1, 3))), r"got \(2, 1, 3\)"),
    "one number": (nn.Sequential(nn.Linear(4, 1), nn.Flatten(0)), r"got \(2,\)"),
    "tuple": (Tuple(4, 3), "module must return logits.*got tuple"),
    "other input": (nn.Linear(5, 3), r"module cannot process rows of X of shape \(4,\)"),
    "our own, other outputs": (MLP(4, 2), r"module must return logits of shape \(n, 3\).*got \(2, 2\) for 2 rows"),
    "our own, other input": (MLP(5, 3), r"module cannot process rows of X of shape \(4,\)"),
    "images": (nn.Conv2d(1, 3, 3), r"module cannot process rows of X of shape \(4,\)"),
    "attribute": (Broken(AttributeError("no colour")), "module cannot process rows.*no colour"),
    "assertion": (Broken(AssertionError("four dimensions")), "module cannot process rows.*four dimensions"),
    "key": (Broken(KeyError("depth")), "module cannot process rows.*depth"),
}


@pytest.mark.parametrize("name", UNFIT)
def test_networks_that_do_not_fit_the_data(name):
    module, message = UNFIT[name]
    with pytest.raises(ValueError, match=message):
        check_network(module, (4,), 3, torch.float32)
    with pytest.raises(ValueError, match=message):
        DummyNoisy(module=module, max_epochs=1).fit(X, Y)


@pytest.mark.parametrize("training", [True, False])
def test_checking_leaves_mode_and_statistics_alone(training):
    network = MLP(4, 3, hidden=(5,), batch_norm=True).train(training)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    check_network(network, (4,), 3, torch.float32)
    assert network.training == training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    with pytest.raises(ValueError):
        check_network(network, (4,), 2, torch.float32)
    assert network.training == training


def test_embedding_of_a_foreign_network_is_the_input_of_its_last_linear_layer():
    torch.manual_seed(0)
    network, rows = Foreign(4, 3, width=5, bend=2.0), torch.randn(6, 4)
    z, logits = features_and_logits(network, rows)
    assert torch.equal(z, network.first(rows).sin()) and torch.equal(logits, network(rows))
    assert embedding_width(network) == 5 == z.shape[1] and last_linear(network) is network.last
    assert not network.last._forward_pre_hooks, "the hook stayed"


def test_embedding_of_our_networks_is_their_features():
    torch.manual_seed(0)
    network, rows = MLP(4, 3, hidden=(5,)), torch.randn(6, 4)
    z, logits = features_and_logits(network, rows)
    assert torch.equal(z, network.features(rows)) and torch.equal(logits, network(rows))
    assert embedding_width(network) == 5


def test_embed_of_an_estimator_with_a_foreign_network():
    clf = DummyNoisy(module=Foreign, module__width=2, max_epochs=1, random_state=0).fit(X, Y)
    z = clf.embed(X)
    assert z.shape == (len(X), 2)
    network, rows = clf.net_.module_, torch.tensor(X, dtype=torch.float32)
    np.testing.assert_allclose(z, network.first(rows).sin().detach().numpy(), rtol=1e-5, atol=1e-6)


def test_the_hook_goes_when_the_network_fails():
    network = Foreign(4, 3)
    with pytest.raises(RuntimeError):
        features_and_logits(network, torch.zeros(2, 7))
    assert not network.last._forward_pre_hooks


class Unused(Foreign):
    def forward(self, X):
        return self.first(X)


def test_networks_without_an_embedding():
    with pytest.raises(ValueError, match="Conv1d has no Linear layer and no features"):
        last_linear(nn.Conv1d(1, 1, 1))
    with pytest.raises(ValueError, match="Unused does not call its last Linear layer"):
        features_and_logits(Unused(4, 3), torch.zeros(2, 4))


def all_parameters_differ(first, second):
    pairs = zip(first.parameters(), second.parameters(), strict=True)
    return all(not torch.equal(a, b) for a, b in pairs if a.unique().numel() > 1)


def transformer():
    return nn.Sequential(nn.Unflatten(1, (1, 4)), nn.TransformerEncoderLayer(4, 2, 8), nn.Flatten(1), nn.Linear(4, 3))


@pytest.mark.parametrize("module", [MLP(4, 3, hidden=(5,), batch_norm=True), Foreign(4, 3), transformer()], ids=type)
def test_networks_made_of_one_instance_differ(module):
    torch.manual_seed(0)
    run = SimpleNamespace(input_shape=(4,), n_outputs=3, dtype=torch.float32)
    make = network_maker(DummyNoisy(module=module), run)
    first, second, third = make(), make(), make()
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), module.parameters(), strict=True))
    assert all_parameters_differ(first, second) and all_parameters_differ(second, third)


def test_co_teaching_of_one_instance_trains_two_networks():
    clf = CoTeachingClassifier(module=Foreign(4, 3), max_epochs=1, random_state=0).fit(X, Y)
    networks = [value for value in vars(clf.net_).values() if isinstance(value, Foreign)]
    assert len(networks) == 2 and all_parameters_differ(*networks)


class Bare(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4, 3))

    def forward(self, X):
        return X @ self.weight


def test_an_instance_that_cannot_be_drawn_anew_makes_no_second_network():
    with pytest.raises(ValueError, match=r"Bare without layers that have reset_parameters\(\)"):
        reinitialise(Bare())
    with pytest.raises(ValueError, match="pass its class or a factory"):
        CoTeachingClassifier(module=Bare(), max_epochs=1).fit(X, Y)
    assert DummyNoisy(module=Bare(), max_epochs=1).fit(X, Y).predict(X).shape == (len(X),)


def test_a_last_layer_of_another_width():
    network = resize_output(Foreign(4, 3, width=5), 7)
    assert network(torch.zeros(2, 4)).shape == (2, 7) and last_linear(network).out_features == 7
    assert len(list(network.parameters())) == 4
