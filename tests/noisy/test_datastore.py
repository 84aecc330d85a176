"""The vote of neighbours: values by hand, its limits, and the same answer in pieces, on one device and on another."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from skweak.noisy import datastore, knn_vote
from skweak.noisy.datastore import Datastore

KEYS = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
LABELS = np.array([0, 1, 1])


def random_rows(seed, n=30, d=4):
    random = np.random.RandomState(seed)
    return random.randn(n, d), random.randint(0, 3, n)


def test_a_vote_by_hand():
    # Cosines 1, 0 and -1, temperature 1 / log 2: weights 2, 1 and 1/2.
    vote = knn_vote([[3.0, 0.0]], KEYS, LABELS, 3, k=3, temperature=1 / np.log(2))
    np.testing.assert_allclose(vote, [[2 / 3.5, 1.5 / 3.5, 0]])
    # Squared distances 0, 2 and 4.
    vote = knn_vote([[1.0, 0.0]], KEYS, LABELS, 3, k=3, temperature=2 / np.log(2), metric="euclidean")
    np.testing.assert_allclose(vote, [[1 / 1.75, 0.75 / 1.75, 0]])


def test_the_nearest_key_decides_alone():
    Q, _ = random_rows(1, n=10)
    keys, labels = random_rows(0)
    unit = keys / np.linalg.norm(keys, axis=1, keepdims=True)
    nearest = (Q @ unit.T).argmax(1)
    for settled in ({"k": 1}, {"k": 5, "temperature": 1e-4}):
        np.testing.assert_allclose(knn_vote(Q, keys, labels, 3, **settled), np.eye(3)[labels[nearest]], atol=1e-6)


def test_a_large_temperature_counts_and_more_neighbours_than_keys_are_all_keys():
    vote = knn_vote([[0.3, 0.1]], KEYS, LABELS, 2, k=99, temperature=1e9)
    np.testing.assert_allclose(vote, [[1 / 3, 2 / 3]], atol=1e-8)


def test_a_row_is_left_out_by_its_position_and_its_double_is_not():
    keys = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    vote = knn_vote(keys, keys, [0, 1, 2], 3, k=1, exclude=[0, 1, -1])
    np.testing.assert_allclose(vote, [[0, 1, 0], [1, 0, 0], [0, 0, 1]])


@given(st.integers(0, 10**6), st.integers(1, 40), st.sampled_from(["cosine", "euclidean"]), st.booleans())
@settings(max_examples=25, deadline=None, derandomize=True)
def test_votes_are_shares_and_do_not_know_the_order_of_the_store(seed, k, metric, without_self):
    keys, labels = random_rows(seed)
    order = np.random.RandomState(seed).permutation(30)
    exclude = np.arange(30) if without_self else None
    vote = knn_vote(keys, keys, labels, 3, k=k, metric=metric, exclude=exclude)
    np.testing.assert_allclose(vote.sum(1), 1)
    assert (vote >= 0).all()
    position = None if exclude is None else np.argsort(order)[exclude]
    np.testing.assert_allclose(
        knn_vote(keys, keys[order], labels[order], 3, k=k, metric=metric, exclude=position), vote, atol=1e-12
    )
    # Another name of the classes renames the columns.
    np.testing.assert_allclose(
        knn_vote(keys, keys, 2 - labels, 3, k=k, metric=metric, exclude=exclude), vote[:, ::-1], atol=1e-12
    )


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_pieces_of_torch_find_what_scikit_learn_finds(metric, monkeypatch):
    keys, labels = random_rows(0, n=50)
    store = Datastore(50, 4, 3, metric).double()
    store.fill(torch.from_numpy(keys), torch.from_numpy(labels))
    rows, own = torch.from_numpy(keys), torch.arange(50)
    expected = store(rows, 5, own)
    similarity, neighbor = store._nearest(store.keys, 5)
    monkeypatch.setattr(datastore, "_CHUNK", 7)
    squares = [store._squares(part) for part in store.keys.split(7)]
    torch.testing.assert_close(store._similarity(torch.cat(squares)).topk(5, dim=1), (similarity, neighbor), check_dtype=False)
    torch.testing.assert_close(store(rows, 5, own), expected)


def test_the_automatic_temperature_of_distances():
    # Squared distances to the second neighbour: 4, 1, 4.
    store = Datastore(3, 1, 2, "euclidean").double()
    store.fill(torch.tensor([[0.0], [1.0], [2.0]]).double(), torch.tensor([0, 1, 1]))
    store.choose_temperature(2)
    assert store.temperature.item() == 1.0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"k": 0}, "k must be"), ({"temperature": 0}, "temperature must be"), ({"metric": "manhattan"}, "metric must be"),
        ({"labels": [0, 1, 3]}, "labels must be 3 integers in 0..2"), ({"labels": [0, 1]}, "labels must be"),
        ({"Q": [[1.0]]}, "Q has 1 columns"), ({"exclude": [3]}, "exclude must be"), ({"exclude": [0, 1]}, "exclude must be"),
        ({"keys": [[1.0, 0.0]], "labels": [0], "exclude": [0]}, "at least two keys"), ({"Q": [[np.nan, 0]]}, "Q contains NaN"),
    ],
)  # fmt: skip
def test_what_cannot_vote_is_refused(changes, message):
    settings = {"Q": [[1.0, 0.0]], "keys": KEYS, "labels": LABELS, "n_classes": 3} | changes
    with pytest.raises(ValueError, match=message):
        knn_vote(**settings)
