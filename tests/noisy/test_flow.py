"""Mass that flows through a graph: by hand, its laws (those of the least energy), and clusters that noisy labels show."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from skweak.datasets import make_block_model
from skweak.engine import Adjacency
from skweak.noisy import flow_diffusion, local_cluster

CLIQUES = np.kron(np.eye(2), np.ones((4, 4))) - np.eye(8)
CLIQUES[3, 4] = CLIQUES[4, 3] = 1


def connected(n, seed):
    """Return a weighted graph whose nodes are all linked in a line, and here and there besides."""
    random = np.random.RandomState(seed)
    A = np.diag(random.uniform(0.5, 2, n - 1), 1) + np.triu(random.rand(n, n) < 0.3, 2) * random.rand(n, n)
    return A + A.T, random


def test_a_chain_by_hand():
    # Of 2.5 at the end 1.5 go on over an edge of weight 2, and 0.5 over one of weight 1.
    chain = np.array([[0, 2, 0], [2, 0, 1], [0, 1, 0]])
    np.testing.assert_allclose(flow_diffusion(chain, [2.5, 0, 0], [1, 1, 1]), [1.25, 0.5, 0], atol=1e-4)
    # Room for all: nothing flows.
    assert not flow_diffusion(Adjacency(chain), [1, 0.5, 0], [1, 1, 1]).any()


@settings(max_examples=20, deadline=None, derandomize=True)
@given(n=st.integers(2, 7), seed=st.integers(0, 99), scale=st.floats(0.1, 10))
def test_laws(n, seed, scale):
    A, random = connected(n, seed)
    source, sink = np.zeros(n), random.uniform(0.5, 1.5, n)
    source[random.randint(n)] = 0.8 * sink.sum()
    x = flow_diffusion(A, source, sink, tol=1e-9)
    laplacian = np.diag(A.sum(1)) - A
    left = source - laplacian @ x
    # Mass is conserved, nobody holds too much, and whoever passed some on is full.
    assert left.sum() == pytest.approx(source.sum()) and (x >= 0).all() and (left <= sink * (1 + 1e-8)).all()
    np.testing.assert_allclose(left[x > 1e-6], sink[x > 1e-6], rtol=1e-6)
    np.testing.assert_allclose(flow_diffusion(A, scale * source, scale * sink, tol=1e-9), scale * x, atol=1e-6 * scale)


def test_wrong_labels_are_outvoted_and_labels_can_be_ignored():
    member = np.array([1, 1, 0, 1, 0, 0, 0, 0])
    for way in ("sweep", "support"):
        mask, height = local_cluster(CLIQUES, member, [0], round=way, size=3)
        assert mask.tolist() == [True] * 4 + [False] * 4 if way == "sweep" else mask[:4].all()
    # Without labels only edges count: all ways of labelling are the same.
    blind = local_cluster(CLIQUES, member, [0], epsilon=1, size=3)[1]
    mass = np.zeros(8)
    mass[0] = 6
    np.testing.assert_allclose(blind, flow_diffusion(CLIQUES, mass, np.ones(8)))
    np.testing.assert_allclose(blind, local_cluster(CLIQUES, 1 - member, [0], epsilon=1, size=3)[1])


def test_it_finds_more_of_a_block_than_labels_or_edges_alone():
    scores = []
    for seed in (0, 1, 2):
        _, y, adjacency = make_block_model(600, 6, n_features=1, p_in=0.08, p_out=0.015, random_state=seed)
        true, random = y == 0, np.random.RandomState(seed)
        member = np.where(random.rand(600) < 0.8, true, ~true)
        seeds = np.flatnonzero(true)[:1]
        found = [local_cluster(adjacency, member, seeds, size=100, epsilon=weight)[0] for weight in (0.05, 1.0)]
        scores.append([f1_score(true, guess) for guess in (*found, member)])
    ours, blind, labels = np.mean(scores, axis=0)
    assert ours > labels + 0.05 and ours > blind + 0.05


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"adjacency": np.triu(CLIQUES)}, "symmetric"), ({"member": [0, 1]}, "member must be"), ({"seeds": []}, "seeds"),
     ({"seeds": [8]}, "seeds"), ({"epsilon": 2}, "epsilon"), ({"source": 0}, "source"), ({"size": 0}, "size"),
     ({"size": 8}, "cannot stay"), ({"round": "all"}, "round")],
)  # fmt: skip
def test_what_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        local_cluster(**{"adjacency": CLIQUES, "member": [1] * 4 + [0] * 4, "seeds": [0]} | arguments)


def test_masses_and_rooms_are_checked():
    for source, sink, message in (([-1, 0], [1, 1], "negative"), ([1, 0], [1, 0], "above 0"), ([1], [1, 1], "source")):
        with pytest.raises(ValueError, match=message):
            flow_diffusion([[0, 1], [1, 0]], source, sink)
