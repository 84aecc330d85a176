import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits, load_iris
from sklearn.model_selection import train_test_split
from torch import nn
from torch.nn import functional as F

from skweak.datasets import make_uniform_candidates
from skweak.engine.prototypes import move_prototypes
from skweak.losses import supervised_contrastive_loss as contrastive_loss
from skweak.nn import MLP
from skweak.nn.heads import Projected
from skweak.partial import PiCOClassifier


def directions(n, d, seed):
    return F.normalize(torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64))


def test_one_row_is_compared_with_all_but_itself():
    queries = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    others = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    loss = contrastive_loss(queries, torch.tensor([0, 1]), others, torch.tensor([0, 1, -1]), temperature=0.5)
    # Similarities over 1/2 of the first row: 0 (other query), 2 (its positive), 0, -2.
    assert loss[0].item() == pytest.approx(math.log(math.exp(2) + 1 + 1 + math.exp(-2)) - 2)
    # Of the second: 0 (other query), 0, 2 (its positive), 0.
    assert loss[1].item() == pytest.approx(math.log(math.exp(2) + 3) - 2)


@given(seed=st.integers(0, 1000), temperature=st.sampled_from([0.07, 0.3, 1.0]))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_the_contrast_is_the_mean_over_positives_of_a_slow_loop(seed, temperature):
    random = np.random.RandomState(seed)
    queries, others = directions(4, 3, seed), directions(6, 3, seed + 1)
    labels = torch.from_numpy(random.randint(3, size=4))
    other_labels = torch.cat([labels, torch.tensor([-1, 2])])
    loss = contrastive_loss(queries, labels, others, other_labels, temperature=temperature)
    pool, names = torch.cat([queries, others]), torch.cat([labels, other_labels])
    for i in range(4):
        terms = {j: math.exp(float(queries[i] @ pool[j]) / temperature) for j in range(10) if j != i}
        chosen = [-math.log(t / sum(terms.values())) for j, t in terms.items() if names[j] == labels[i]]
        assert loss[i].item() == pytest.approx(sum(chosen) / len(chosen))


def test_the_contrast_has_finite_slopes_at_opposite_vectors():
    queries = torch.tensor([[1.0, 0.0], [-1.0, 0.0]], requires_grad=True)
    loss = contrastive_loss(queries, torch.tensor([0, 0]), -queries.detach(), torch.tensor([0, 0]), temperature=0.01)
    loss.sum().backward()
    assert torch.isfinite(loss).all() and torch.isfinite(queries.grad).all()


@given(seed=st.integers(0, 1000), decay=st.sampled_from([0.0, 0.5, 0.99]))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_prototypes_move_as_if_row_after_row(seed, decay):
    vectors, prototypes = directions(7, 3, seed), directions(4, 3, seed + 1)
    labels = torch.from_numpy(np.random.RandomState(seed).randint(3, size=7))
    expected = prototypes.clone()
    for vector, label in zip(vectors, labels, strict=True):
        expected[label] = decay * expected[label] + (1 - decay) * vector
    moved = move_prototypes(prototypes, vectors, labels, decay=decay)
    torch.testing.assert_close(moved, F.normalize(expected))
    # No row of class 3: its prototype stays.
    torch.testing.assert_close(moved[3], prototypes[3])


def test_prototypes_by_hand():
    prototypes = torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    moved = move_prototypes(prototypes, torch.tensor([[0.0, 1.0], [0.6, 0.8]]), torch.tensor([0, 1]), decay=0.5)
    # (1/2, 1/2) and (0.3, 0.4), both brought to length 1.
    torch.testing.assert_close(moved, torch.tensor([[0.5**0.5, 0.5**0.5], [0.6, 0.8]]))


def test_the_projection_goes_to_the_sphere_and_leaves_the_network_as_it_was():
    backbone = MLP(4, 3, hidden=(8,))
    network, X = Projected(backbone, width=5), torch.randn(6, 4)
    logits, vectors = network.both(X)
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(6))
    assert vectors.shape == (6, 5) and torch.equal(logits, backbone(X)) and torch.equal(network(X), backbone(X))
    assert torch.equal(network.head(network.features(X)), logits)


@pytest.fixture(scope="module")
def iris():
    X, y = load_iris(return_X_y=True)
    return X, y, make_uniform_candidates(y, rate=0.5, random_state=0)


SMALL = {"module__hidden": (16,), "queue_size": 100, "projection_width": 8, "random_state": 0}


def test_a_visit_moves_a_row_by_its_share_towards_one_candidate(iris):
    X, _, S = iris
    size = S.sum(1)
    clf = PiCOClassifier(prototype_start=0, max_epochs=1, target_decay=(0.9, 0.9), **SMALL).fit(X, S)
    # One candidate has 0.9 / size + 0.1, the others 0.9 / size.
    np.testing.assert_allclose(clf.label_quality_, 0.9 / size + 0.1, rtol=1e-5)
    np.testing.assert_allclose(clf.candidate_weights_.sum(1), 1, rtol=1e-5)
    # After an epoch of waiting, two visits at 0.8 (middle) and 0.7 (end); a row may change its mind between.
    clf = PiCOClassifier(prototype_start=1, max_epochs=3, target_decay=(0.9, 0.7), **SMALL).fit(X, S)
    steady, changed = 0.8 * 0.7 / size + 0.2 * 0.7 + 0.3, 0.8 * 0.7 / size + 0.3
    assert (np.isclose(clf.label_quality_, steady) | np.isclose(clf.label_quality_, changed)).all()
    assert np.isclose(clf.label_quality_, steady).mean() > 0.5


def test_weights_wait_for_the_prototypes(iris):
    X, _, S = iris
    clf = PiCOClassifier(prototype_start=3, max_epochs=4, target_decay=(1.0, 1.0), **SMALL).fit(X, S)
    np.testing.assert_allclose(clf.candidate_weights_, S / S.sum(1, keepdims=True), rtol=1e-6)
    third = PiCOClassifier(max_epochs=6, **SMALL).fit(X, S)
    early = PiCOClassifier(max_epochs=6, prototype_start=2, **SMALL).fit(X, S)
    np.testing.assert_array_equal(third.candidate_weights_, early.candidate_weights_)
    assert {"classification", "contrast"} <= third.history_[-1].keys()


class Watching(PiCOClassifier):
    """Keeps a copy of its queue."""

    def _finish(self, run):
        queue = {"queue_": run.state.queue.keys.clone(), "labels_": run.state.queue.labels.clone()}
        return super()._finish(run) | queue


@pytest.mark.parametrize("size", [7, 40, 1000])
def test_the_queue_takes_batches_of_any_size(iris, size):
    X, _, S = iris
    clf = Watching(max_epochs=2, batch_size=32, **SMALL | {"queue_size": size}).fit(X, S)
    assert clf.queue_.shape == (size, 8) and int((clf.labels_ >= 0).sum()) == min(size, 300)
    torch.testing.assert_close(clf.queue_.norm(dim=1), torch.ones(size))


def test_only_the_network_is_kept_unless_training_goes_on(iris):
    X, y, S = iris
    clf = PiCOClassifier(max_epochs=15, **SMALL).fit(X, S)
    assert not vars(clf.net_.state)
    clf = PiCOClassifier(max_epochs=15, warm_start=True, **SMALL).fit(X, S)
    assert {"keys", "queue", "prototypes"} <= vars(clf.net_.state).keys()
    first = (clf.transduction_ == y).mean()
    assert (clf.fit(X, S).transduction_ == y).mean() >= first - 0.02


def test_it_settles_most_rows_of_large_candidate_sets():
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X / 16, y, test_size=0.3, stratify=y, random_state=0)
    S = make_uniform_candidates(y, rate=0.3, random_state=0)
    clf = PiCOClassifier(module__hidden=(64,), max_epochs=30, random_state=0).fit(X, S)
    assert clf.score(X_test, y_test) > 0.92 and (clf.transduction_ == y).mean() > 0.93


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"target_decay": (0.9,)}, "target_decay must be two numbers"),
        ({"target_decay": (0.9, 1.5)}, "target_decay must be two numbers"),
        ({"target_decay": 0.9}, "'target_decay' parameter"),
        ({"prototype_start": 60}, "prototype_start=60 must be smaller than max_epochs=60"),
        ({"queue_size": 0}, "'queue_size' parameter"),
        ({"temperature": 0.0}, "'temperature' parameter"),
    ],
)
def test_parameters_outside_their_range_are_named(iris, changes, message):
    X, _, S = iris
    with pytest.raises(ValueError, match=message):
        PiCOClassifier(**changes).fit(X, S)


def test_the_first_view_is_classified_and_the_second_compared(iris):
    X, _, S = iris
    calls = []
    views = (lambda Z: calls.append("weak") or Z, lambda Z: calls.append("strong") or Z)
    PiCOClassifier(nn.Linear(4, 3), augment=views, max_epochs=1, batch_size=150, random_state=0).fit(X, S)
    assert calls == ["weak", "strong"]
