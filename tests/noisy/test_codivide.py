"""Co-divide: splits, guesses and mixing by hand, and who trains on whose split in the two methods that use it."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from skweak.engine import Batch, TensorBatches, TensorData
from skweak.noisy import DivideMixClassifier, DPCClassifier, dividemix, dpc
from skweak.noisy.codivide import (
    CoBatch,
    CoDivideBatches,
    guess_and_mix,
    mixture_separation,
    networks_of,
    split_rows,
    weights_of_labels,
)
from tests.small_data import blobs

METHODS = {
    "dividemix": (DivideMixClassifier, dividemix, "_clean_posterior"),
    "dpc": (DPCClassifier, dpc, "_large_margin"),
}
each = pytest.mark.parametrize(("cls", "place", "judge"), METHODS.values(), ids=METHODS)


def test_rows_strictly_above_the_threshold_are_labelled():
    posterior = torch.tensor([0.0, 0.2, 0.5, 0.500001, 1.0])
    assert split_rows(posterior, 0.5, posterior, None).tolist() == [False, False, False, True, True]


def test_the_better_half_stands_in_for_an_empty_split():
    ranking = torch.tensor([5.0, 1.0, 4.0, 2.0, 3.0, 0.0])
    assert split_rows(torch.zeros(6), 0.5, ranking, None).tolist() == [True, False, True, True, True, False]


def test_no_class_is_emptied_and_believed_rows_stay_by_hand():
    given = torch.tensor([0, 0, 0, 0, 0, 0, 1, 1, 1, 1])
    posterior = torch.tensor([0.9] * 6 + [0.1, 0.4, 0.2, 0.3])
    belief = torch.tensor([0.9] * 6 + [0.1, 0.2, 0.6, 0.3])
    # Six of ten rows stay, so 30 % of every class do: of four rows the best two, rows 7 and 9. Row 8 is believed.
    split = split_rows(posterior, 0.5, posterior, None, given, belief)
    assert split.tolist() == [True] * 6 + [False, True, True, True]
    weights = weights_of_labels(posterior, split, 0.5)
    torch.testing.assert_close(weights, torch.tensor([0.9] * 6 + [0.1, 0.5, 0.5, 0.5]))


def test_the_separation_of_two_components_by_hand():
    # Means 0.1 and 0.9, both of variance 0.01 and the floor of 5e-4.
    values, posterior = torch.tensor([0.0, 0.2, 0.8, 1.0]), torch.tensor([1.0, 1.0, 0.0, 0.0])
    assert mixture_separation(values, posterior) == pytest.approx(0.8 / 0.0105**0.5)
    assert mixture_separation(values, 1 - posterior) == pytest.approx(mixture_separation(values, posterior))
    # Halves of all rows have one mean; a component of all rows or of none has no other.
    assert mixture_separation(values, torch.full((4,), 0.5)) == 0
    assert mixture_separation(values, torch.ones(4)) == mixture_separation(values, torch.zeros(4)) == 0


def test_verified_rows_are_labelled_whatever_their_posterior():
    trusted = torch.tensor([True, False, False, True])
    split = split_rows(torch.tensor([0.1, 0.9, 0.2, 1.0]), 0.5, torch.zeros(4), trusted)
    assert split.tolist() == [True, True, False, True]


def small_run(n=10):
    return SimpleNamespace(module_=nn.Linear(1, 2), peer_=nn.Linear(1, 2)), TensorBatches(
        TensorData(np.arange(n, dtype=np.float32)[:, None], np.arange(n) % 2), 4, generator=torch.Generator()
    )


def test_each_network_has_its_pass_over_half_batches_of_its_split():
    run, batches = small_run()
    splits = {"module": torch.arange(10) < 6, "peer": torch.arange(10) >= 5}
    epoch = CoDivideBatches(run, batches, splits, drop_last=False)
    seen, modes = list(epoch), []
    for batch in epoch:
        own, other = networks_of(run, batch.name)
        modes.append(own.training and not other.training)
    # Half of a batch of 4: 6 and 5 labelled rows make 3 and 2 steps (the fifth row joins the last of 2).
    assert [batch.name for batch in seen] == ["module"] * 3 + ["peer"] * 2 and len(epoch) == 5
    assert all(modes) and len(modes) == 5
    for name, split in splits.items():
        labeled = torch.cat([batch.labeled.index for batch in seen if batch.name == name])
        assert sorted(labeled.tolist()) == split.nonzero()[:, 0].tolist()
        unlabeled = torch.cat([batch.unlabeled.index for batch in seen if batch.name == name])
        assert not split[unlabeled].any()
        assert all(len(batch.unlabeled.index) == 2 for batch in seen)


@pytest.mark.parametrize(("drop_last", "sizes"), [(False, [2, 2, 2, 3]), (True, [2, 2, 2, 2])])
def test_a_short_labelled_batch(drop_last, sizes):
    run, batches = small_run()
    splits = {"module": torch.arange(10) < 9, "peer": torch.arange(10) < 9}
    epoch = CoDivideBatches(run, batches, splits, drop_last=drop_last)
    assert [len(batch.labeled.index) for batch in epoch] == 2 * sizes
    # One unlabelled row is less than half a batch, and yet used in every step.
    assert all(batch.unlabeled.index.tolist() == [9] for batch in epoch)


def test_no_unlabelled_row_gives_none():
    run, batches = small_run()
    everything = torch.ones(10, dtype=torch.bool)
    epoch = CoDivideBatches(run, batches, {"module": everything, "peer": everything}, drop_last=True)
    assert all(batch.unlabeled is None for batch in epoch) and len(epoch) == 10


class Steps:
    """Views that add the next of ``shifts`` at every call, and a Beta distribution that always draws ``share``."""

    def __init__(self, shifts, share):
        self.shifts, self.share = iter(shifts), share

    def weak(self, X):
        return X + torch.tensor(next(self.shifts)).log()

    def beta(self, a, b):
        self.parameters = a, b
        return self.share


def mixing_run(steps, peer_weight=0.0):
    """A first network that returns its input as logits and a second that multiplies it by ``peer_weight``."""
    networks = [nn.Linear(2, 2, bias=False) for _ in range(2)]
    for network, scale in zip(networks, (1.0, peer_weight), strict=True):
        nn.init.eye_(network.weight).data.mul_(scale)
    return SimpleNamespace(
        device="cpu",
        module_=networks[0], peer_=networks[1], views=steps, numpy_random=steps,
        generator=torch.Generator().manual_seed(0),
    )  # fmt: skip


def mix(steps, *, labeled, weight, unlabeled=None, name="module", temperature=0.5, **changes):
    """Mix one row labelled 1 with at most one unlabelled row, both given as probabilities."""
    rows = [Batch(torch.tensor([p]).log(), torch.tensor([1]), torch.tensor([0])) for p in (labeled, unlabeled) if p]
    batch = CoBatch(name, rows[0], rows[1] if unlabeled else None)
    return guess_and_mix(
        mixing_run(steps, **changes), batch, torch.tensor([weight, 0.0]), lambda logits: logits.softmax(1),
        temperature=temperature, alpha=4.0,
    )  # fmt: skip


SAME = [[1.0, 1.0]] * 4


def test_refined_and_guessed_targets_by_hand():
    mixed = mix(Steps(SAME, 0.75), labeled=[0.5, 0.5], weight=0.6, unlabeled=[0.25, 0.75])
    # Labelled: 0.6 (0, 1) + 0.4 (0.5, 0.5) = (0.2, 0.8), squared and normalised (0.04, 0.64) / 0.68 = (1, 16) / 17.
    # Unlabelled: the first network says (1/4, 3/4), the second (1/2, 1/2); mean (3/8, 5/8), sharpened (9, 25) / 34.
    labeled, unlabeled = [1 / 17, 16 / 17], [9 / 34, 25 / 34]
    torch.testing.assert_close(mixed.targets, torch.tensor([labeled, labeled, unlabeled, unlabeled]))
    assert mixed.n_labeled == 2 and mixed.share == 0.75 and not mixed.targets.requires_grad


def test_targets_average_both_views():
    # The second view of a row multiplies the odds of class 0 by 1/9.
    shifts = [[1.0, 1.0], [1.0, 9.0]] * 2
    mixed = mix(Steps(shifts, 0.5), labeled=[0.5, 0.5], weight=0.0, unlabeled=[0.5, 0.5], temperature=1.0)
    # (0.5, 0.5) and (0.1, 0.9) have the mean (0.3, 0.7); the second network says (0.5, 0.5) twice.
    torch.testing.assert_close(mixed.targets, torch.tensor([[0.3, 0.7], [0.3, 0.7], [0.4, 0.6], [0.4, 0.6]]))


def test_the_second_network_guesses_with_the_first():
    mixed = mix(Steps(SAME, 0.5), labeled=[0.2, 0.8], weight=0.0, unlabeled=[0.2, 0.8], name="peer", temperature=1.0)
    # Refining is the business of the trained network alone, which says (1/2, 1/2) here.
    torch.testing.assert_close(mixed.targets[0], torch.tensor([0.5, 0.5]))
    torch.testing.assert_close(mixed.targets[2], torch.tensor([0.35, 0.65]))


@pytest.mark.parametrize("drawn", [0.25, 0.75])
def test_inputs_are_mixed_with_their_partners_by_the_larger_share(drawn):
    # The second views multiply the odds of class 0 by 2 and by 1/3, so that all four rows differ.
    shifts = [[1.0, 1.0], [2.0, 1.0], [1.0, 1.0], [1.0, 3.0]]
    steps = Steps(shifts, drawn)
    mixed = mix(steps, labeled=[0.5, 0.5], weight=1.0, unlabeled=[0.25, 0.75])
    X = torch.tensor([[0.5, 0.5], [1.0, 0.5], [0.25, 0.75], [0.25, 2.25]]).log()
    assert mixed.share == 0.75 and steps.parameters == (4.0, 4.0)
    assert sorted(mixed.order.tolist()) == [0, 1, 2, 3] and mixed.order.tolist() != [0, 1, 2, 3]
    torch.testing.assert_close(mixed.X, 0.75 * X + 0.25 * X[mixed.order])
    torch.testing.assert_close(mixed.partners, mixed.targets[mixed.order])


def test_a_certain_label_stays_and_nothing_unlabelled_is_needed():
    mixed = mix(Steps(SAME, 0.5), labeled=[0.9, 0.1], weight=1.0)
    torch.testing.assert_close(mixed.targets, torch.tensor([[0.0, 1.0]] * 2))
    assert len(mixed.X) == mixed.n_labeled == 2


def watched(cls, judge):
    """Return a subclass and the list in which it writes every judgement and every step in their order."""
    events = []

    class Watched(cls):
        def _train_step(self, run, batch):
            name = getattr(batch, "name", None)
            if name:
                own, other = networks_of(run, name)
                assert own.training and not other.training
                events.append(("train", name, batch, run.state.clean_proba[name]))
            return super()._train_step(run, batch)

    def judged(self, run, network):
        *_, posterior, split = result = getattr(cls, judge)(self, run, network)
        events.append(("judge", "module" if network is run.module_ else "peer", posterior, split))
        return result

    setattr(Watched, judge, judged)
    return Watched, events


def thirty_percent_noise():
    X, clean, _ = blobs(90)
    noisy = np.where(np.arange(90) % 10 < 3, (clean + 1) % 3, clean)
    return X, clean, noisy


SMALL = {"warmup_epochs": 3, "max_epochs": 6, "batch_size": 16, "random_state": 0}


@each
def test_each_network_trains_on_the_split_of_the_other_made_before_training(cls, place, judge):
    Watched, events = watched(cls, judge)
    X, _, noisy = thirty_percent_noise()
    Watched(**SMALL).fit(X, noisy)
    n_differences = 0
    for _ in range(3):
        (_, first, *own), (_, second, *other) = events[:2]
        assert (first, second) == ("module", "peer")
        n_differences += int((own[1] != other[1]).sum())
        del events[:2]
        for name, (posterior, split) in (("module", other), ("peer", own)):
            steps = []
            while events[0][:2] == ("train", name):
                steps.append(events.pop(0))
            for _, _, batch, used in steps:
                assert torch.equal(used, weights_of_labels(posterior, split, 0.5))
                assert split[batch.labeled.index].all()
                assert batch.unlabeled is None or not split[batch.unlabeled.index].any()
            seen = torch.cat([batch.labeled.index for _, _, batch, _ in steps])
            left_out = int(split.sum()) - len(seen)
            assert len(seen.unique()) == len(seen) and 0 <= left_out < (8 if cls is DPCClassifier else 1)
    # The two splits differ, or the exchange would show nothing. A last judgement makes the fitted attributes.
    assert n_differences > 0
    assert [event[:2] for event in events] == [("judge", "module"), ("judge", "peer")]


@each
def test_verified_rows_are_labelled_with_certainty(cls, place, judge):
    Watched, events = watched(cls, judge)
    X, clean, noisy = thirty_percent_noise()
    wrong = clean != noisy
    clf = Watched(**SMALL).fit(X, noisy, trusted=wrong)
    for _, _, posterior, split in (event for event in events if event[0] == "judge"):
        assert (posterior[wrong] == 1).all() and split[wrong].all()
    assert (clf.clean_proba_[wrong] == 1).all() and not clf.noise_mask_[wrong].any()
    assert np.array_equal(clf.transduction_[wrong], noisy[wrong])
    assert (clf.clean_proba_[~wrong] < 1).any()


@each
@pytest.mark.parametrize(
    "split",
    [
        torch.ones(30, dtype=torch.bool),
        torch.arange(30) < 29,
        torch.arange(30) == 7,
        torch.arange(30) % 2 == 0,
    ],
    ids=["nothing-unlabelled", "one-unlabelled", "one-labelled", "half"],
)
@pytest.mark.parametrize("batch_size", [1, 8, 500])
def test_any_split_and_batch_size_trains(cls, place, judge, split, batch_size, monkeypatch):
    monkeypatch.setattr(place, "split_rows", lambda *_: split)
    X, _, noisy = blobs(30)
    clf = cls(**SMALL | {"batch_size": batch_size, "unlabeled_weight": 5.0, "lr": 0.01, "max_epochs": 4})
    proba = clf.fit(X, noisy).predict_proba(X)
    assert np.isfinite(proba).all() and np.isfinite(clf.history_[-1]["train_loss"])


@each
def test_a_threshold_that_nothing_passes_trains_on_the_better_half(cls, place, judge):
    Watched, events = watched(cls, judge)
    own = {"selection": "minmax"} if cls is DPCClassifier else {}
    X, _, noisy = thirty_percent_noise()
    # No posterior but that of the largest scaled margin is exactly 1.
    clf = Watched(clean_threshold=1 - 1e-9, **own, **SMALL).fit(X, noisy)
    assert np.isfinite(clf.predict_proba(X)).all()
    assert all(split.any() for kind, _, _, split in events if kind == "judge")


@each
def test_the_weight_of_guesses_rises_from_the_end_of_the_warm_up(cls, place, judge, monkeypatch):
    calls = []
    original = place.linear_ramp
    monkeypatch.setattr(
        place, "linear_ramp",
        lambda epoch, **k: calls.append((epoch, k["start"], k["length"])) or original(epoch, **k),
    )  # fmt: skip
    X, _, noisy = thirty_percent_noise()
    cls(unlabeled_weight=1.0, ramp_epochs=7, **SMALL).fit(X, noisy)
    epochs, starts, lengths = zip(*calls, strict=True)
    assert epochs[0] == 3 and list(epochs) == sorted(epochs) and 5 < epochs[-1] < 6
    assert set(starts) == {3} and set(lengths) == {7}


@each
def test_a_ramp_without_end_is_no_weight_at_all(cls, place, judge):
    X, _, noisy = thirty_percent_noise()
    # Without dropout, whose draws would tell the two fits apart.
    own = {"head_dropout": 0.0} if cls is DPCClassifier else {}
    without, endless, full = (
        cls(**SMALL, **own, **weight).fit(X, noisy).predict_proba(X)
        for weight in (
            {"unlabeled_weight": 0.0},
            {"unlabeled_weight": 25.0, "ramp_epochs": 10**9},
            {"unlabeled_weight": 25.0, "ramp_epochs": 1},
        )
    )
    np.testing.assert_allclose(endless, without, atol=1e-4)
    assert np.abs(full - without).max() > 1e-2


@each
def test_wrong_labels_are_found_and_mended(cls, place, judge):
    X, clean, noisy = blobs(90)
    clf = cls(max_epochs=20, random_state=0).fit(X, noisy)
    assert clf.clean_proba_.shape == (90, 2)
    np.testing.assert_allclose(clf.label_quality_, clf.clean_proba_.mean(1), rtol=1e-6)
    np.testing.assert_array_equal(clf.noise_mask_, clf.label_quality_ <= 0.5)
    assert clf.label_quality_[clean != noisy].mean() < 0.3 < 0.7 < clf.label_quality_[clean == noisy].mean()
    expected = np.where(clf.noise_mask_, clf.predict(X), noisy)
    np.testing.assert_array_equal(clf.transduction_, expected)
    assert (clf.transduction_ == clean).mean() > (noisy == clean).mean()


@each
@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"warmup_epochs": 4, "max_epochs": 4}, "warmup_epochs=4 must be smaller than max_epochs=4"),
        ({"warmup_epochs": 0}, "'warmup_epochs' parameter"),
        ({"clean_threshold": 1.0}, "'clean_threshold' parameter"),
        ({"clean_threshold": -0.1}, "'clean_threshold' parameter"),
        ({"sharpen_temperature": 0}, "'sharpen_temperature' parameter"),
        ({"mixup_alpha": 0}, "'mixup_alpha' parameter"),
        ({"unlabeled_weight": -1}, "'unlabeled_weight' parameter"),
        ({"ramp_epochs": 0}, "'ramp_epochs' parameter"),
        ({"confidence_penalty": "yes"}, "'confidence_penalty' parameter"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_parameters_out_of_range(cls, place, judge, own, message):
    with pytest.raises(ValueError, match=message):
        cls(**own).fit(*blobs(30)[::2])
