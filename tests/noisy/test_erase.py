"""Labels that a graph corrects: guesses by hand, limits, missing labels, edges at prediction, and a comparison."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn import config_context
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, cross_val_score

from skweak.datasets import make_block_model, make_noisy_labels
from skweak.engine import Adjacency
from skweak.noisy import CrossEntropyClassifier, ERASEClassifier

# Ten nodes: two cliques of five; node 4 is labelled as the other clique.
CLIQUES = np.kron(np.eye(2), np.ones((5, 5))) - np.eye(10)
GIVEN = torch.tensor([0, 0, 0, 0, 1, 1, 1, 1, 1, -1])
SMALL = {"module__hidden": (16,), "embedding_dim": 8, "max_epochs": 15, "random_state": 0}


@pytest.fixture(scope="module")
def graph():
    """Three blocks of eighty nodes, a third of them labeled, three labels in ten wrong."""
    X, y, adjacency = make_block_model(240, p_in=0.08, p_out=0.01, random_state=0)
    noisy = make_noisy_labels(y, "symmetric_exclusive:0.3", random_state=0)[0]
    labeled = np.arange(240) < 80
    return X, y, np.where(labeled, noisy, -1), adjacency, labeled


def prepared(clf, given=GIVEN, edges=CLIQUES):
    """Return a run with what a fit on ten nodes has prepared."""
    data = SimpleNamespace(target=given, n=len(given))
    rows = np.eye(10, dtype=np.float32)

    class Data(SimpleNamespace):
        X, sparse_batches, side = rows, False, {"adjacency": Adjacency(edges)}

        def __len__(self):
            return 10

        def slice(self, start, stop):
            return torch.from_numpy(rows)

    run = SimpleNamespace(
        data=Data(**vars(data)), scratch=SimpleNamespace(), n_outputs=2, dtype=torch.float32, device="cpu"
    )
    clf._start(run)
    return run


def test_spread_labels_and_guesses_of_ten_nodes_by_hand():
    clf = ERASEClassifier(alpha=0.5, n_steps=1, beta=1.0)
    run = prepared(clf)
    # Between labeled nodes: node 4 has four neighbours of label 0, each of these three of label 0 and one of 1.
    settled = run.scratch.settled
    torch.testing.assert_close(settled[0], torch.tensor([0.5 + 0.5 * 3 / 4, 0.5 / 4]))
    torch.testing.assert_close(settled[4], torch.tensor([0.5, 0.5]))
    torch.testing.assert_close(settled[9], torch.zeros(2))
    share, guessed = clf._guess(run, torch.zeros(10, 3))
    first = settled.softmax(1)
    torch.testing.assert_close(share[4], 0.5 * first[:4].mean(0) + 0.5 * first[4])
    # The wrong label and the missing one follow their neighbours.
    assert guessed.tolist() == [0] * 5 + [1] * 5


def test_embeddings_of_either_direction_decide_without_labels():
    clf = ERASEClassifier(alpha=1.0, beta=0.0)
    run = prepared(clf)
    z = torch.tensor([[1.0, 0.0]] * 4 + [[-1.0, 0.0]] + [[0.0, 1.0]] * 5)
    share, guessed = clf._guess(run, z)
    # The mean of class 1 is its own direction mostly; node 4 lies on the line of class 0.
    mean = torch.nn.functional.normalize(torch.tensor([[-1.0, 4.0]]), dim=1)[0].abs()
    torch.testing.assert_close(share[9], torch.tensor([0.0, mean[1]]).softmax(0))
    assert guessed.tolist() == [0] * 5 + [1] * 5


def test_without_spreading_given_labels_stand_and_classes_are_not_lost():
    clf = ERASEClassifier(alpha=1.0, beta=1.0)
    guessed = clf._guess(prepared(clf), torch.zeros(10, 3))[1]
    assert torch.equal(guessed[:9], GIVEN[:9])
    # The only row of class 1 is outvoted by all others, but somebody must have the class.
    alone = torch.tensor([0] * 9 + [1])
    clf = ERASEClassifier(alpha=0.0, beta=1.0)
    run = prepared(clf, alone, np.ones((10, 10)) - np.eye(10))
    assert clf._guess(run, torch.zeros(10, 3))[1].tolist() == [0] * 9 + [1]


def test_it_beats_plain_training_and_smoothed_rows(graph):
    X, y, given, adjacency, labeled = graph
    clf = ERASEClassifier(random_state=0, max_epochs=30).fit(X, given, adjacency=adjacency)
    P = sparse.diags(1 / (adjacency.sum(1).A1 + 1)) @ (adjacency + sparse.eye(240))
    hops = np.hstack([X, P @ X, P @ (P @ X)])
    smoothed = LogisticRegression(max_iter=1000).fit(hops[labeled], given[labeled])
    plain = CrossEntropyClassifier(random_state=0).fit(X[labeled], given[labeled])
    found, rest = clf.predict(X, adjacency=adjacency), ~labeled
    assert (found == y)[rest].mean() > (smoothed.predict(hops) == y)[rest].mean() + 0.08
    assert (clf.predict(X) == y)[rest].mean() > (plain.predict(X) == y)[rest].mean() + 0.08
    # What it found out about given labels, and about missing ones.
    wrong = labeled & (given != y)
    assert clf.noise_mask_[wrong].mean() > 0.7 and clf.noise_mask_[labeled & ~wrong].mean() < 0.2
    assert not clf.noise_mask_[rest].any()
    assert clf.label_quality_[wrong].mean() < clf.label_quality_[labeled & ~wrong].mean()
    assert (clf.transduction_ == y)[rest].mean() > 0.85


def test_folds_cut_edges_and_a_graph_may_accompany_predictions(graph):
    X, y, given, adjacency, labeled = graph
    with config_context(enable_metadata_routing=True):
        clf = ERASEClassifier(unlabeled=None, **SMALL).set_fit_request(adjacency=True)
        clf.set_score_request(adjacency=True)
        scores = cross_val_score(clf, X, y, params={"adjacency": Adjacency(adjacency)}, cv=KFold(2), error_score="raise")
    half = Adjacency(adjacency)
    clf = ERASEClassifier(unlabeled=None, **SMALL).fit(X[120:], y[120:], adjacency=half[120:240])
    assert clf.score(X[:120], y[:120], adjacency=half[:120]) == scores[0]
    assert not np.array_equal(clf.predict_proba(X[:120], half[:120]), clf.predict_proba(X[:120]))
    # Without edges a row is its own neighbourhood.
    none = sparse.csr_matrix((120, 120))
    np.testing.assert_allclose(clf.predict_proba(X[:120], none), clf.predict_proba(X[:120]), atol=1e-6)
    with pytest.raises(ValueError, match="adjacency has 120 rows and columns, but X has 100 rows"):
        clf.predict(X[:100], none)


def test_sparse_rows_frames_and_images_are_smoothed_alike(graph):
    pd = pytest.importorskip("pandas")
    X, y, given, adjacency, _ = graph
    X = X.astype(np.float32)
    dense = ERASEClassifier(**SMALL).fit(X, given, adjacency=adjacency)
    there = dense.predict_proba(sparse.csr_matrix(X), adjacency)
    np.testing.assert_allclose(there, dense.predict_proba(X, adjacency), atol=1e-6)
    words = sparse.csr_matrix(np.maximum(X, 0))
    assert ERASEClassifier(**SMALL).fit(words, given, adjacency=adjacency).score(words, y, adjacency=adjacency) > 0.5
    assert ERASEClassifier(**SMALL).fit(words, given).score(words, y) > 0.4
    frame = pd.DataFrame(X).add_prefix("f")
    named = ERASEClassifier(**SMALL).fit(frame, given, adjacency=adjacency)
    np.testing.assert_allclose(named.predict_proba(frame, adjacency), dense.predict_proba(X, adjacency), atol=1e-6)
    bytes_ = ((X - X.min()) * 20).clip(0, 255).astype(np.uint8).reshape(240, 1, 4, 8)
    small = SMALL | {"module__width": 4, "module__blocks": (1,), "max_epochs": 2}
    del small["module__hidden"]
    images = ERASEClassifier(**small).fit(bytes_, given, adjacency=adjacency)
    assert images.predict(bytes_, adjacency).shape == (240,)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_edges_are_checked(graph):
    X, _, given, adjacency, _ = graph
    with pytest.raises(ValueError, match="adjacency must hold weights of at least 0"):
        ERASEClassifier(**SMALL).fit(X, given, adjacency=-adjacency)
    upper = sparse.triu(adjacency)
    with pytest.warns(UserWarning, match="not symmetric"):
        one_way = ERASEClassifier(**SMALL).fit(X, given, adjacency=upper)
    both = ERASEClassifier(**SMALL).fit(X, given, adjacency=adjacency)
    assert np.array_equal(one_way.predict_proba(X), both.predict_proba(X))


@pytest.mark.parametrize(
    ("name", "value"),
    [("beta", 1.1), ("alpha", -0.1), ("n_steps", -1), ("smoothing", 1.0), ("gamma1", 0), ("gamma2", -1), ("eps", 0),
     ("embedding_dim", 0), ("n_neighbors", 0), ("metric", "l1")],
)  # fmt: skip
def test_parameters_out_of_range(name, value):
    with pytest.raises(ValueError, match=f"'{name}' parameter"):
        ERASEClassifier(**{name: value}).fit(np.eye(4), [0, 0, 1, -1])
