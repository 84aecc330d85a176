"""CAPro: which rows make a prototype, which labels change, the losses of a step by hand, and a comparison."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

from skweak.datasets import make_noisy_labels
from skweak.engine import Batch
from skweak.noisy import CAProClassifier, CrossEntropyClassifier, collective_targets
from skweak.noisy.prototypes import class_anchors, mean_directions, prototype_belief, settle_labels
from tests.small_data import blobs

# Ten rows on two directions; the fifth has the label of the others.
TEN = np.array([[1.0, 0.0]] * 5 + [[0.0, 1.0]] * 5)
GIVEN = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1, 1])


def test_the_rows_of_a_class_whose_neighbours_agree_make_its_prototype():
    # Nine neighbours each: rows of label 1 have more of their own label around, and the fifth is the least of them.
    anchor = class_anchors(np.repeat(TEN, 5, axis=0), np.repeat(GIVEN, 5), 2, 50)
    assert anchor.sum() == 4 + 6 and not anchor[20:25].any()
    few = class_anchors(TEN, GIVEN, 2, 50)
    assert np.bincount(GIVEN[few], minlength=2).tolist() == [1, 1]
    assert class_anchors(np.repeat(TEN, 5, axis=0), np.repeat(GIVEN, 5), 2, 2).sum() == 4


def test_verified_rows_of_a_class_take_the_place_of_typical_ones():
    trusted = np.arange(10) == 4
    anchor = class_anchors(TEN, GIVEN, 2, 50, trusted)
    assert anchor[4] and anchor[:4].sum() == 1 and not anchor[5:].any()


def test_prototypes_are_mean_directions():
    vectors, codes = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]), torch.tensor([0, 0, 1])
    half = 0.5**0.5
    torch.testing.assert_close(mean_directions(vectors, codes, 3), torch.tensor([[half, half], [0, -1], [0, 0]]))


def test_which_labels_are_replaced_kept_and_left_out():
    belief = torch.tensor([[0.7, 0.2, 0.1], [0.7, 0.2, 0.1], [0.5, 0.2, 0.3], [0.35, 0.4, 0.25], [0.6, 0.2, 0.2]])
    labels, anchor = torch.tensor([1, 1, 2, 0, 1]), torch.tensor([False, True, False, False, False])
    target, kept = settle_labels(belief, labels, anchor, 0.6)
    # Replaced, an anchor, nobody is sure and the label is below chance, above chance, just sure enough.
    assert target.tolist() == [0, 1, 2, 0, 0] and kept.tolist() == [True, True, False, True, True]
    target, kept = settle_labels(belief, labels, anchor, 1.1)
    assert torch.equal(target, labels) and kept.tolist() == [False, True, False, True, False]


@given(st.integers(0, 10**6), st.floats(0.05, 1.2), st.floats(0, 1))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_what_holds_for_any_belief(seed, threshold, alpha):
    generator = torch.Generator().manual_seed(seed)
    code, queue, prototypes = (F.normalize(torch.randn(size, 4, generator=generator)) for size in (8, 6, 3))
    proba = torch.rand(8, 3, generator=generator).softmax(1)
    belief = prototype_belief(proba, code, prototypes, temperature=0.1, alpha=alpha)
    torch.testing.assert_close(belief.sum(1), torch.ones(8))
    target, kept = settle_labels(belief, torch.zeros(8, dtype=torch.long), torch.zeros(8, dtype=torch.bool), threshold)
    assert kept[target != 0].all() and (belief.gather(1, target[:, None])[:, 0][target != 0] >= threshold).all()
    proba = torch.rand(6, 3, generator=generator).softmax(1)
    targets = collective_targets(code, queue, proba)
    torch.testing.assert_close(targets.sum(1), torch.ones(8))
    # Past rows of which the same is believed.
    torch.testing.assert_close(collective_targets(code, queue, proba[:1].repeat(6, 1)), proba[:1].repeat(8, 1))


def test_past_rows_in_a_row_s_direction_say_what_it_is():
    queue, proba = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]]), torch.eye(3)
    targets = collective_targets(torch.tensor([[0.6, 0.8]]), queue, proba)
    torch.testing.assert_close(targets, torch.tensor([[3 / 7, 4 / 7, 0.0]]), atol=1e-6, rtol=0)


class Parts(nn.Module):
    """A network of fixed answers: embedding, logits and unit vectors of ten rows."""

    def __init__(self, z, logits, codes):
        super().__init__()
        self.found = z, logits, codes

    def parts(self, X):
        return self.found

    def both(self, X):
        return self.found[1:]


def run_of(begun, epoch):
    generator = torch.Generator().manual_seed(0)
    z, logits, codes = (torch.randn(10, size, generator=generator) for size in (3, 2, 4))
    network = Parts(z, logits, F.normalize(codes))
    prototypes, past = (F.normalize(torch.randn(size, 4, generator=generator)) for size in (2, 6))
    queue = SimpleNamespace(keys=past, push=lambda keys, labels: None)
    state = {"begun": begun, "anchor": torch.arange(10) < 2, "prototypes": prototypes, "queue": queue}
    run = SimpleNamespace(
        module_=network, second_=nn.Linear(4, 2), decoder_=nn.Linear(4, 3), dtype=torch.float32, epoch=epoch,
        views=SimpleNamespace(weak=lambda X: X, strong=lambda X: X), class_weight=None,
        state=SimpleNamespace(**state, keys=SimpleNamespace(module=network, update_parameters=lambda _: None)),
        scratch=SimpleNamespace(starts=(1, 2), mean_weight=1.0),
    )  # fmt: skip
    return run, Batch(torch.zeros(10, 1), torch.from_numpy(GIVEN), torch.arange(10))


def contrast_of(run):
    # The key of the second view is the code itself, so the similarity is 1.
    others = (run.module_.found[2] @ run.state.queue.keys.T / 0.1).exp().sum(1)
    return -(torch.tensor(10.0).exp() / (torch.tensor(10.0).exp() + others)).log()


def test_before_there_are_prototypes_all_labels_hold():
    run, batch = run_of(False, 0)
    z, logits, codes = run.module_.found
    losses = CAProClassifier()._loss(run, batch)
    both = (logits, run.second_(codes))
    expected = sum(F.cross_entropy(part, batch.y, reduction="none") for part in both)
    expected = expected + (run.decoder_(codes) - z).square().mean(1) + contrast_of(run)
    torch.testing.assert_close(losses, expected)


def test_a_step_that_cleans_by_hand():
    run, batch = run_of(True, 2)
    z, logits, codes = run.module_.found
    old = run.state.prototypes
    clf = CAProClassifier(bootstrap_weight=0.25, contrast_weight=0.5)
    losses = clf._loss(run, batch)

    def belief(some_logits, some_codes):
        return (some_logits.softmax(1) + (some_codes @ old.T / 0.1).softmax(1)) / 2

    target, kept = settle_labels(belief(logits, codes), batch.y, run.state.anchor, 0.6)
    assert 0 < kept.sum() < 10 or (target != batch.y).any()
    past = run.state.queue.keys
    collective = collective_targets(codes, past, belief(run.second_(past), past))
    second = run.second_(codes)
    labeled = sum(F.cross_entropy(part, target, reduction="none") for part in (logits, codes @ old.T / 0.1))
    labeled = labeled + 0.75 * F.cross_entropy(second, target, reduction="none")
    labeled = labeled - 0.25 * (collective * second.log_softmax(1)).sum(1)
    expected = labeled * kept / kept.float().mean() + (run.decoder_(codes) - z).square().mean(1) + contrast_of(run) / 2
    torch.testing.assert_close(losses, expected)
    clf._end_step(run)
    member = (target[:, None] == torch.arange(2)) & kept[:, None]
    near = F.normalize(old + 1e-3 * member.float().T @ codes)
    torch.testing.assert_close(run.state.prototypes, near, atol=1e-5, rtol=0)


def test_wrong_labels_are_found_and_the_accuracy_is_above_plain_training():
    X, clean = load_digits(n_class=4, return_X_y=True)
    X, clean = X[:300] / 16, clean[:300]
    noisy, wrong, _ = make_noisy_labels(clean, "symmetric_exclusive:0.3", random_state=0)
    settings = {"max_epochs": 30, "random_state": 0}
    clf = CAProClassifier(**settings).fit(X, noisy)
    assert clf.noise_mask_[wrong].mean() > 0.8 and clf.noise_mask_[~wrong].mean() < 0.1
    assert (clf.transduction_ == clean).mean() > 0.85
    assert clf.score(X, clean) > CrossEntropyClassifier(**settings).fit(X, noisy).score(X, clean) + 0.1


def test_above_one_no_label_is_replaced():
    X, _, noisy = blobs(60)
    clf = CAProClassifier(threshold=1.1, max_epochs=6, random_state=0).fit(X, noisy)
    assert np.array_equal(clf.transduction_, noisy)


@pytest.mark.parametrize(
    ("name", "value"),
    [("threshold", 0), ("temperature", 0), ("n_anchor", 0), ("prototype_start", -1), ("cleaning_start", -1),
     ("bootstrap_weight", 1.1), ("contrast_weight", -1), ("prototype_decay", 1), ("key_decay", 1), ("queue_size", 0),
     ("projection_width", 0)],
)  # fmt: skip
def test_parameters_out_of_range(name, value):
    with pytest.raises(ValueError, match=f"'{name}' parameter"):
        CAProClassifier(**{name: value}).fit(*blobs(30)[::2])
