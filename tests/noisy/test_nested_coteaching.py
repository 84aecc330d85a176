"""Nested co-teaching: draws of widths and their accuracies by hand, both stages, its limits, and wrong labels."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from skweak.nn import MLP, SmallCNN
from skweak.nn.heads import Nested
from skweak.noisy import CrossEntropyClassifier, NestedCoTeachingClassifier
from skweak.noisy.codivide import rank_in_class
from skweak.noisy.nested_coteaching import nested_accuracy, width_probabilities
from tests.small_data import blobs

SMALL = {"module__hidden": (16,), "batch_size": 16, "random_state": 0}


def test_the_first_values_are_used_more_often():
    np.testing.assert_allclose(width_probabilities(2, 1.0), np.array([1, np.exp(-3)]) / (1 + np.exp(-3)))
    # A tiny scale leaves the first value alone, a huge one draws every width alike.
    assert width_probabilities(4, 1e-200).tolist() == [1, 0, 0, 0]
    np.testing.assert_allclose(width_probabilities(4, 1e200), 0.25)


@given(st.integers(1, 300), st.floats(1e-3, 1e6))
@settings(max_examples=30, deadline=None, derandomize=True)
def test_they_are_probabilities_that_fall(n_values, scale):
    proba = width_probabilities(n_values, scale)
    assert proba.shape == (n_values,) and proba.sum() == pytest.approx(1) and (np.diff(proba) <= 0).all()


@given(st.integers(1, 8), st.integers(2, 4), st.integers(0, 10**6))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_sums_over_values_are_what_explicit_masks_give(n_values, n_classes, seed):
    random = np.random.RandomState(seed)
    z, weight = torch.from_numpy(random.randn(10, n_values)), torch.from_numpy(random.randn(n_classes, n_values))
    target = torch.from_numpy(random.randint(0, n_classes, 10))
    for k, found in enumerate(nested_accuracy(z, weight, target), start=1):
        masked = z * (torch.arange(n_values) < k)
        assert found == ((masked @ weight.T).argmax(1) == target).double().mean()


def test_a_nested_network_has_no_bias_and_uses_the_first_values():
    torch.manual_seed(0)
    network, X = Nested(MLP(4, 3, hidden=(5,))), torch.randn(6, 4)
    assert network.backbone.head.bias is None
    z, weight = network.backbone.features(X), network.backbone.head.weight
    torch.testing.assert_close(network(X), z @ weight.T)
    torch.testing.assert_close(network.narrow(X, 2), z[:, :2] @ weight[:, :2].T)
    network.width.fill_(2)
    torch.testing.assert_close(network(X), network.narrow(X, 2))
    assert (network.features(X)[:, 2:] == 0).all() and torch.equal(network.head(network.features(X)), network(X))


def test_places_within_classes():
    given_class = torch.tensor([0, 1, 0, 1, 0])
    place, count = rank_in_class(torch.tensor([0.1, 0.5, 0.9, 0.6, 0.3]), given_class)
    assert place.tolist() == [2, 1, 0, 0, 1] and count.tolist() == [3, 2]


class Watched(NestedCoTeachingClassifier):
    """Keeps what the networks were like when training began, and what their epochs gave."""

    def _start(self, run):
        super()._start(run)
        self.held, self.start, self.seen = run.state.held.clone(), run.peer_.backbone.state_dict(), []
        self.start = {name: value.clone() for name, value in self.start.items()}

    def _end_epoch(self, run):
        super()._end_epoch(run)
        self.seen.append((int(run.module_.width), run.state.best_accuracy, run.module_.backbone.head.weight.detach().clone()))


def test_other_rows_are_held_out_from_each_network():
    X, _, noisy = blobs(60)
    first, second = Watched(holdout=0.2, max_epochs=1, **SMALL).fit(X, noisy).held.numpy()
    assert not (first & second).any()
    expected = (0.2 * np.bincount(noisy)).astype(int)
    for held in (first, second):
        assert np.array_equal(np.bincount(noisy[held], minlength=3), expected)
    assert not Watched(holdout=0.0, max_epochs=1, **SMALL).fit(X, noisy).held.any()


def test_a_network_learns_nothing_from_rows_held_out():
    logits = nn.Parameter(torch.zeros(4, 2))
    network = SimpleNamespace(narrow=lambda X, width: logits)
    batch = SimpleNamespace(X=None, y=torch.tensor([0, 1, 0, 1]), index=torch.arange(4))
    held = torch.tensor([True, False, False, False])
    run = SimpleNamespace(class_weight=torch.tensor([3.0, 1.0]))
    kept = torch.tensor([1.0, 0.0, 1.0, 1.0])
    loss = NestedCoTeachingClassifier._mean_loss(run, batch, network, held, 1, kept)
    loss.backward()
    assert loss.item() == pytest.approx(np.log(2)) and logits.grad.any(1).tolist() == [False, False, True, True]
    # Three quarters of the gradient belong to the row of the heavy class.
    torch.testing.assert_close(logits.grad.abs().sum(1)[2:], torch.tensor([0.75, 0.25]))
    assert NestedCoTeachingClassifier._mean_loss(run, batch, network, torch.ones(4, dtype=torch.bool), 1).item() == 0


def test_one_value_is_used_when_the_scale_is_tiny_and_all_of_them_are_the_plain_network():
    X, _, noisy = blobs(60)
    shared = SMALL | {"dtype": "float64", "max_epochs": 3, "lr": 0.05}
    clf = Watched(width_scale=1e-9, holdout=0, warmup_epochs=2, **shared).fit(X, noisy)
    # Behind the first value the last layer has only shrunk by weight decay.
    weight, start = clf.net_.peer_.backbone.head.weight, clf.start["head.weight"]
    ratio = (weight / start)[:, 1:]
    torch.testing.assert_close(ratio, ratio[:1, :1].expand_as(ratio))
    assert not torch.allclose((weight / start)[:, :1], ratio[:1, :1])

    class Plain(Watched):
        def _draw_width(self, run):
            return 16

        def _end_epoch(self, run):
            pass

    clf = Plain(holdout=0, warmup_epochs=3, **shared).fit(X, noisy)
    other = CrossEntropyClassifier(**shared).fit(X, noisy).net_.module_
    other.head.bias = None
    other.load_state_dict(clf.start)
    alone = CrossEntropyClassifier(other, **{k: v for k, v in shared.items() if "__" not in k}).fit(X, noisy)
    for own, plain in zip(clf.net_.peer_.backbone.parameters(), alone.net_.module_.parameters(), strict=True):
        torch.testing.assert_close(own, plain, rtol=1e-8, atol=1e-12)


def test_the_best_epoch_of_the_first_stage_goes_on_with_as_few_values_as_are_as_good():
    class Judged(Watched):
        @staticmethod
        def _accuracy(run, network, held):
            # Twice equally good, the second time by the values 3 to 5 alike.
            curve = torch.full((16,), 0.1, dtype=torch.float64)
            curve[2:5] = (0.5, 0.9, 0.9, 0.3, 0.2)[run.epoch] + 0.1 * (network is run.peer_)
            return curve

    X, _, noisy = blobs(60)
    clf = Judged(warmup_epochs=4, max_epochs=5, **SMALL).fit(X, noisy)
    widths, scores, weights = zip(*clf.seen, strict=True)
    assert widths == (3,) * 5 and scores == pytest.approx((0.55, 0.95, 0.95, 0.95, 0.95))
    assert torch.equal(weights[3], weights[2]) and not torch.equal(weights[2], weights[1])
    assert clf.width_ == 3 and clf.net_.module_.width == clf.net_.peer_.width == 3


def test_each_network_learns_from_what_the_other_one_keeps():
    kept = []

    class Halves(NestedCoTeachingClassifier):
        def _choices(self, run, networks, halves):
            found = super()._choices(run, networks, halves)
            kept.append((halves[0].index, halves[1].index, *found))
            return found

        def _mean_loss(self, run, batch, network, held, width, chosen=None):
            if chosen is not None:
                first, second, by_first, by_second = kept[-1]
                own, choice = (second, by_second) if network is run.module_ else (first, by_first)
                assert torch.equal(batch.index, own) and torch.equal(chosen, choice)
            return super()._mean_loss(run, batch, network, held, width, 1.0 if chosen is None else chosen)

    X, _, noisy = blobs(60)
    Halves(forget_rate=0.5, warmup_epochs=9, max_epochs=10, lr=0.1, **SMALL).fit(X, noisy)
    assert len(kept) == 4
    for first, second, by_first, by_second in kept:
        assert len(set(first.tolist()) | set(second.tolist())) == len(first) + len(second)
        assert len(first) // 2 <= by_first.sum() < len(first) and len(second) // 2 <= by_second.sum() < len(second)


def test_batchnorm_keeps_its_statistics_in_the_second_stage():
    found = []

    class Statistics(NestedCoTeachingClassifier):
        def _end_epoch(self, run):
            super()._end_epoch(run)
            found.append(run.module_.backbone.blocks[0][1].running_mean.clone())

    X = np.random.RandomState(0).randn(24, 1, 8, 8).astype(np.float32)
    clf = Statistics(SmallCNN, module__widths=(4,), warmup_epochs=1, max_epochs=3, batch_size=8, random_state=0)
    clf.fit(X, np.arange(24) % 3)
    assert torch.equal(found[0], found[1]) and torch.equal(found[1], found[2]) and found[0].any()


def test_wrong_labels_are_found_and_not_learnt():
    X, clean, noisy = blobs(90)
    settings = {"max_epochs": 40, "lr": 0.1, "random_state": 0}
    clf = NestedCoTeachingClassifier(**settings).fit(X, noisy)
    wrong = noisy != clean
    plain = CrossEntropyClassifier(**settings).fit(X, noisy)
    assert clf.label_quality_[wrong].mean() < plain.label_quality_[wrong].mean()
    assert (clf.transduction_ == clean).mean() > (noisy == clean).mean()
    assert clf.width_ < 256 and (clf.embed(X)[:, clf.width_ :] == 0).all()


@pytest.mark.parametrize(
    ("name", "value"), [("width_scale", 0), ("warmup_epochs", -1), ("holdout", 0.6), ("forget_rate", 1.0), ("ramp_epochs", 0)]
)
def test_parameters_out_of_range(name, value):
    with pytest.raises(ValueError, match=f"'{name}' parameter"):
        NestedCoTeachingClassifier(**{name: value}).fit(*blobs(30)[::2])
