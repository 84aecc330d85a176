"""A network beside its neighbours: what each says, what guides, its limits, and wrong labels that weigh less."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback
from torch import nn

from skweak.engine import Batch, Resume
from skweak.noisy import CrossEntropyClassifier, KNNAugmentedClassifier, knn_vote
from skweak.noisy.datastore import Datastore
from tests.small_data import blobs

# Ten rows on two directions; the fifth is labelled as the others are not.
TEN = torch.tensor([[1.0, 0.0]] * 5 + [[0.0, 1.0]] * 5)
GIVEN = torch.tensor([0, 0, 0, 0, 1, 1, 1, 1, 1, 1])
SMALL = {"max_epochs": 4, "batch_size": 16, "random_state": 0}


def run_of(clf, keys=TEN, given=GIVEN):
    store = Datastore(len(keys), 2, 2, clf.metric)
    store.fill(keys, given)
    return SimpleNamespace(store_=store, data=SimpleNamespace(target=given), n_outputs=2, dtype=torch.float32)


def test_a_wrong_label_among_ten_weighs_next_to_nothing():
    clf = KNNAugmentedClassifier(n_neighbors=4, beta=1.0)
    weight = clf._weights(run_of(clf))
    # The vote for label 0 of rows 0-3 is 3/4 each; for label 1 it is 0, clamped, and 1 five times.
    torch.testing.assert_close(weight[:4], torch.ones(4))
    mean = (1e-3 + 5) / 6
    torch.testing.assert_close(weight[4:], torch.tensor([1e-3] + [1.0] * 5) / mean)


def test_the_power_sharpens_and_classes_keep_their_shares():
    given = torch.tensor([0, 0, 0, 1, 1, 1, 1, 1, 1, 0])
    for beta in (0.5, 3.0):
        clf = KNNAugmentedClassifier(n_neighbors=4, beta=beta)
        weight = clf._weights(run_of(clf, given=given))
        for c in (0, 1):
            torch.testing.assert_close(weight[given == c].mean(), torch.tensor(1.0))
        # Votes 1/2 for the label 0 of the first three rows and 0 for that of the last, whose label is 1 around it.
        assert weight[9] / weight[0] == pytest.approx(2e-3**beta, rel=1e-4)


def test_the_surprise_of_the_neighbours_by_hand():
    clf = KNNAugmentedClassifier(n_neighbors=4, mode="hard")
    weight = clf._weights(run_of(clf))
    np.testing.assert_allclose(weight[:6], [1 - 0.2 * np.log(0.75)] * 4 + [1 - 0.2 * np.log(1e-3), 1.0], rtol=1e-6)


def test_the_loss_of_a_row_is_its_weight_times_cross_entropy():
    run = SimpleNamespace(module_=nn.Identity(), state=SimpleNamespace(weight=torch.tensor([1.0, 3.0, 0.5])))
    batch = Batch(torch.tensor([[0.25, 0.75]] * 2).log(), torch.tensor([0, 1]), torch.tensor([2, 1]))
    losses = KNNAugmentedClassifier()._loss(run, batch)
    np.testing.assert_allclose(losses, [0.5 * np.log(4), 3 * np.log(4 / 3)], rtol=1e-6)


def test_a_prediction_is_the_mixture_of_network_and_vote():
    X, _, noisy = blobs(60)
    clf = KNNAugmentedClassifier(interpolation=0.4, n_neighbors=5, **SMALL).fit(X, noisy)
    vote = knn_vote(clf.embed(X), clf.embed(X), noisy, 3, k=5)
    network = clf.net_.module_(torch.as_tensor(X, dtype=torch.float32)).softmax(1).detach().numpy()
    np.testing.assert_allclose(clf.predict_proba(X), 0.6 * network + 0.4 * vote, atol=2e-6)


def test_without_vote_and_guidance_it_is_cross_entropy_to_the_bit():
    X, _, noisy = blobs(60)
    plain = CrossEntropyClassifier(lr=0.03, **SMALL).fit(X, noisy)
    for mode in ("trust", "hard"):
        clf = KNNAugmentedClassifier(interpolation=0, mode=mode, beta=0, **SMALL).fit(X, noisy)
        assert np.array_equal(clf.predict_proba(X), plain.predict_proba(X))
        assert len(clf.net_.store_.keys) == 0


@pytest.mark.parametrize("interpolation", [0.0, 0.2])
def test_a_stopped_fit_goes_on_with_the_same_bits_and_other_rows_may_follow(interpolation):
    states = []

    class Keep(Callback):
        def on_epoch_end(self, net, **kwargs):
            states.append(net.state_dict())

    X, _, noisy = blobs(60)

    first = KNNAugmentedClassifier(interpolation=interpolation, callbacks=[Keep()], warmup_epochs=2, **SMALL).fit(X, noisy)
    for state in states[:-1]:
        again = KNNAugmentedClassifier(interpolation=interpolation, callbacks=[Resume(state)], warmup_epochs=2, **SMALL)
        assert np.array_equal(again.fit(X, noisy).predict_proba(X), first.predict_proba(X))
    warm = KNNAugmentedClassifier(interpolation=interpolation, warm_start=True, **SMALL).fit(X[:50], noisy[:50]).fit(X, noisy)
    assert len(warm.net_.store_.keys) == (60 if interpolation else 0) and len(warm.history_) == 8


def test_the_vote_of_one_neighbour_alone_returns_the_given_labels():
    X, _, noisy = blobs(60)
    clf = KNNAugmentedClassifier(interpolation=1, n_neighbors=1, **SMALL).fit(X, noisy)
    assert np.array_equal(clf.predict(X), noisy)
    # The vote of the others does not know a row's own label.
    vote = knn_vote(clf.embed(X), clf.embed(X), noisy, 3, k=1, exclude=np.arange(60))
    np.testing.assert_allclose(clf.label_quality_, vote[np.arange(60), noisy], atol=1e-6)
    assert np.array_equal(clf.transduction_, vote.argmax(1))


def test_wrong_labels_weigh_less_and_are_found():
    X, clean, noisy = blobs(90)
    clf = KNNAugmentedClassifier(max_epochs=30, random_state=0, warm_start=True).fit(X, noisy)
    weight, wrong = clf.net_.state.weight.numpy(), clean != noisy
    assert weight[wrong].max() < 0.2 < weight[~wrong].mean()
    assert clf.noise_mask_[wrong].mean() > 0.8 and clf.noise_mask_[~wrong].mean() < 0.1
    assert (clf.transduction_ == clean).mean() > (noisy == clean).mean()


def test_it_remembers_fewer_wrong_labels_than_cross_entropy_and_the_other_direction_more():
    X, clean, noisy = blobs(150, seed=1)
    settings = {"max_epochs": 60, "lr": 0.05, "random_state": 0}
    wrong = noisy != clean
    remembered = [
        (clf.fit(X, noisy).predict(X)[wrong] == noisy[wrong]).mean()
        for clf in (
            KNNAugmentedClassifier(interpolation=0, **settings), CrossEntropyClassifier(**settings),
            KNNAugmentedClassifier(interpolation=0, mode="hard", beta=2.0, **settings),
        )
    ]  # fmt: skip
    assert remembered[0] < remembered[1] < remembered[2]


def test_searches_are_as_rare_as_asked(monkeypatch):
    X, _, noisy = blobs(60)
    epochs = []
    search = KNNAugmentedClassifier._weights
    monkeypatch.setattr(
        KNNAugmentedClassifier, "_weights", lambda self, run: epochs.append(run.epoch + 1) or search(self, run)
    )
    KNNAugmentedClassifier(refresh=3, warmup_epochs=2, max_epochs=10, random_state=0).fit(X, noisy)
    assert epochs == [2, 5, 8]


def test_whoever_predicts_during_training_asks_the_store_of_that_moment():
    seen = []

    class Ask(Callback):
        def on_epoch_end(self, net, **kwargs):
            seen.append(net.predict_proba(X))
            votes = net.store_(torch.as_tensor(clf_embedding(net)), 16).numpy()
            network = net.module_(torch.as_tensor(X, dtype=torch.float32)).softmax(1).detach().numpy()
            np.testing.assert_allclose(seen[-1], 0.5 * network + 0.5 * votes, atol=2e-6)

    def clf_embedding(net):
        return net.module_.features(torch.as_tensor(X, dtype=torch.float32)).detach()

    X, _, noisy = blobs(60)
    asked = KNNAugmentedClassifier(interpolation=0.5, callbacks=[Ask()], **SMALL).fit(X, noisy)
    alone = KNNAugmentedClassifier(interpolation=0.5, **SMALL).fit(X, noisy)
    assert np.array_equal(asked.predict_proba(X), alone.predict_proba(X)) and len(seen) == 4


def test_changed_labels_vote():
    class Change(Callback):
        def on_epoch_begin(self, net, **kwargs):
            net.facts.change("target", [0], [2])

    X, _, noisy = blobs(60)
    noisy[0] = 0
    clf = KNNAugmentedClassifier(callbacks=[Change()], **SMALL).fit(X, noisy)
    assert clf.net_.store_.labels.tolist() == [2, *noisy[1:]]


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_extreme_rows_are_named(metric):
    X, _, noisy = blobs(60)
    clf = KNNAugmentedClassifier(metric=metric, module__scale_inputs=False, **SMALL).fit(X, noisy)
    X[3] = 3e38
    with pytest.raises(ValueError, match="first in row 3"):
        clf.predict_proba(X)


@pytest.mark.parametrize(
    ("name", "value"),
    [("n_neighbors", 0), ("interpolation", 1.1), ("mode", "soft"), ("beta", -1), ("metric", "l1"), ("temperature", 0),
     ("refresh", 0), ("warmup_epochs", -1)],
)  # fmt: skip
def test_parameters_out_of_range(name, value):
    with pytest.raises(ValueError, match=f"'{name}' parameter"):
        KNNAugmentedClassifier(**{name: value}).fit(*blobs(30)[::2])
