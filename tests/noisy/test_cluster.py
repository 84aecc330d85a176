"""Clusters that noisy labels show: ten nodes by hand, the limit of the function, several classes, and blocks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn import config_context
from sklearn.metrics import f1_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from skweak.datasets import make_block_model, make_noisy_labels
from skweak.engine import Adjacency
from skweak.noisy import LocalCluster, local_cluster
from tests.small_data import blobs

# Two cliques of five with one edge between them; the fourth node is labelled as the other clique.
TEN = np.kron(np.eye(2), np.ones((5, 5))) - np.eye(10)
TEN[4, 5] = TEN[5, 4] = 1
GIVEN = np.array(["in", "in", "in", "away", "in"] + ["away"] * 5)
SEEDS = np.arange(10) == 0


@parametrize_with_checks([LocalCluster()])
def test_scikit_learn(estimator, check):
    check(estimator)


def test_ten_nodes_by_hand():
    cluster = LocalCluster(epsilon=1, size=4).fit(None, GIVEN, adjacency=TEN, seeds=SEEDS)
    assert cluster.classes_.tolist() == ["away", "in"] and cluster.membership_.shape == (10, 1)
    assert cluster.membership_[:, 0].tolist() == [True] * 5 + [False] * 5
    assert cluster.noise_mask_.nonzero()[0].tolist() == [3]
    assert cluster.transduction_.tolist() == ["in"] * 5 + ["away"] * 5
    # One node leaves all of its edges to others; of the 21 ends of edges of five one lies outside.
    assert cluster.sweep_[0][0] == 1 and cluster.sweep_[0][4] == pytest.approx(1 / 21)
    assert cluster.score_.sum() == pytest.approx(1)
    # No edges cross, so that wrong labels stand.
    apart = LocalCluster(epsilon=0).fit(None, GIVEN, adjacency=TEN, seeds=SEEDS)
    assert not apart.noise_mask_.any()


@settings(max_examples=10, deadline=None, derandomize=True)
@given(seed=st.integers(0, 99), epsilon=st.floats(0.05, 1), way=st.sampled_from(["sweep", "support"]))
def test_two_classes_are_the_function_and_the_order_of_nodes_is_nothing(seed, epsilon, way):
    random = np.random.RandomState(seed)
    A = np.triu(random.rand(12, 12) < 0.4, 1) * random.uniform(0.5, 2, (12, 12)) + np.diag(np.ones(11), 1)
    A, y, seeds = A + A.T, random.rand(12) < 0.4, np.arange(12) == 0
    y[:2] = True, False
    cluster = LocalCluster(epsilon=epsilon, round=way, size=4)
    cluster.fit(None, y, adjacency=A, seeds=seeds)
    mask, height = local_cluster(A, y, [0], epsilon=epsilon, round=way, size=4)
    assert np.array_equal(cluster.membership_[:, 0], mask) and np.array_equal(cluster.height_[:, 0], height)
    order = random.permutation(12)
    once = cluster.fit(None, y, adjacency=A, seeds=seeds).height_
    again = cluster.fit(None, y[order], adjacency=Adjacency(A)[order], seeds=seeds[order]).height_
    np.testing.assert_allclose(again, once[order], rtol=1e-3, atol=1e-2)


def test_several_classes_have_a_cluster_each():
    edges = sparse.block_diag([np.ones((5, 5)) - np.eye(5)] * 3).tolil()
    edges[4, 5] = edges[5, 4] = edges[9, 10] = edges[10, 9] = 1
    y = np.repeat([2, 5, 9], 5)
    noisy = y.copy()
    noisy[[3, 12]] = 5
    cluster = LocalCluster().fit(None, noisy, adjacency=edges)
    assert cluster.transduction_.tolist() == y.tolist() and cluster.membership_.shape == (15, 3)
    assert len(cluster.sweep_) == 3 and cluster.noise_mask_.nonzero()[0].tolist() == [3, 12]
    np.testing.assert_allclose(cluster.score_.sum(axis=0), 1)
    # The seeds that nobody named: most edges to nodes of their label, so none at a border.
    assert cluster.seed_mask_.nonzero()[0].tolist() == [0, 6, 11]
    assert LocalCluster().fit_predict(None, noisy, adjacency=edges).tolist() == y.tolist()


def test_mass_that_finds_no_room_is_cut():
    # A pair far from all others, and nodes that all seem to belong.
    edges = sparse.block_diag([TEN, [[0, 1], [1, 0]]])
    y = np.array([1] * 11 + [0])
    cluster = LocalCluster(round="support").fit(None, y, adjacency=edges, seeds=np.arange(12) % 10 == 0)
    assert cluster.membership_.all()
    # One class, or a seed without edges.
    assert not LocalCluster().fit(None, np.ones(10), adjacency=TEN).noise_mask_.any()
    alone = LocalCluster().fit(None, GIVEN, adjacency=np.zeros((10, 10)), seeds=SEEDS)
    assert alone.membership_[:, 0].tolist() == SEEDS.tolist() and not alone.score_.any()


def test_blocks_are_found_better_than_by_labels():
    _, y, adjacency = make_block_model(400, 4, n_features=1, p_in=0.12, p_out=0.02, random_state=0)
    noisy = make_noisy_labels(y, "symmetric_exclusive:0.3", random_state=0)[0]
    clusters = LocalCluster().fit(None, noisy, adjacency=adjacency)
    assert (clusters.transduction_ == y).mean() > (noisy == y).mean() + 0.1
    wrong = noisy != y
    assert clusters.noise_mask_[wrong].mean() > 0.5 > 0.15 > clusters.noise_mask_[~wrong].mean()
    # One of them alone, from a few nodes that belong for certain.
    true, guess = y == 0, make_noisy_labels((y == 0).astype(int), "symmetric_exclusive:0.2", random_state=0)[0]
    seeds = np.zeros(400, dtype=bool)
    seeds[np.flatnonzero(true & (guess == 1))[:3]] = True
    one = LocalCluster(epsilon=0.2, size=100).fit(None, guess, adjacency=adjacency, seeds=seeds)
    assert f1_score(true, one.membership_[:, 0]) > f1_score(true, guess) + 0.05


def test_rows_without_a_graph_and_ways_to_give_one():
    X, clean, noisy = blobs(60)
    clusters = LocalCluster(n_neighbors=5).fit(X, noisy)
    assert (clusters.transduction_ == clean).mean() > (noisy == clean).mean() + 0.05
    part = np.arange(10) < 7
    cut = LocalCluster().fit(None, GIVEN[part], adjacency=Adjacency(TEN)[part], seeds=SEEDS[part])
    np.testing.assert_allclose(cut.height_, LocalCluster().fit(None, GIVEN[:7], adjacency=TEN[:7, :7]).height_)
    with config_context(enable_metadata_routing=True):
        pipe = make_pipeline(StandardScaler(), LocalCluster().set_fit_request(adjacency=True, seeds=True))
        assert pipe.fit_predict(TEN, GIVEN, adjacency=TEN, seeds=SEEDS).tolist() == ["in"] * 5 + ["away"] * 5


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"adjacency": None}, "X is None, and so is adjacency"), ({"adjacency": -TEN}, "at least 0"),
     ({"adjacency": TEN[:9, :9]}, "9 rows and columns"), ({"seeds": [0]}, "seeds must be a boolean mask"),
     ({"seeds": GIVEN == "away"}, "seeds holds no node of 'in'"), ({"y": None}, "y to be passed")],
)  # fmt: skip
def test_what_is_refused(changes, message):
    facts = {"y": GIVEN, "adjacency": TEN, "seeds": None} | changes
    with pytest.raises(ValueError, match=message):
        LocalCluster().fit(None, **facts)


@pytest.mark.parametrize(
    ("name", "value"),
    [("epsilon", 1.1), ("source", 0), ("size", 0), ("round", "all"), ("n_neighbors", 0), ("metric", "l1")],
)
def test_parameters_out_of_range(name, value):
    with pytest.raises(ValueError, match=f"'{name}' parameter"):
        LocalCluster(**{name: value}).fit(None, GIVEN, adjacency=TEN)
