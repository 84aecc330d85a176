"""Sparse rows: every operation gives what the dense tensor gives, and the first layer never makes them dense."""

import copy
import pickle
import weakref
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from skorch.callbacks import Callback
from torch import nn

import skweak
from skweak.engine import Resume
from skweak.engine.data import TensorBatches, TensorData
from skweak.engine.optimizers import make_optimizer, step
from skweak.engine.readers import spread
from skweak.engine.sparse_rows import SparseRows, as_batch, lay_out_columns
from skweak.nn import MLP, InputScaling
from skweak.noisy import CoTeachingClassifier, CrossEntropyClassifier, DPCClassifier

quick = settings(max_examples=25, deadline=None, derandomize=True)
MATRIX = sparse.random_array((40, 200), density=0.03, format="csr", rng=np.random.default_rng(0), dtype=np.float32)
DENSE = torch.from_numpy(MATRIX.toarray())
LABELS = np.arange(40) % 2


@pytest.fixture
def never_dense(monkeypatch):
    """Fail where sparse rows are made dense."""

    def refuse(self):
        raise AssertionError("sparse rows were made dense")

    monkeypatch.setattr(SparseRows, "dense", refuse)


@quick
@given(st.integers(1, 6), st.integers(1, 8), st.integers(1, 4), st.integers(0, 99), st.booleans())
def test_products_and_gradients_are_those_of_dense_rows(n, d, h, seed, by_columns):
    rng = np.random.default_rng(seed)
    matrix = sparse.csr_matrix(rng.integers(-2, 3, (n, d)) * (rng.random((n, d)) < 0.4).astype(float))
    matrix.eliminate_zeros()
    results = []
    for X in (SparseRows(matrix), torch.from_numpy(matrix.toarray())):
        torch.manual_seed(seed)
        layer = nn.Linear(d, h, dtype=torch.float64)
        layer = lay_out_columns(layer, d) if by_columns else layer
        out = layer(X)
        out.square().sum().backward()
        bare = X @ layer.weight.detach().t()
        results.append([out.detach(), layer.weight.grad, layer.bias.grad, bare, X.t() @ out.detach()])
    for ours, expected in zip(*results, strict=True):
        torch.testing.assert_close(ours, expected)


def test_by_hand():
    X = SparseRows(sparse.csr_matrix([[0.0, 2.0, 0.0], [1.0, 0.0, 3.0]]))
    weight = torch.tensor([[1.0], [10.0], [100.0]], dtype=torch.float64)
    assert (X @ weight).tolist() == [[20.0], [301.0]]
    assert (torch.tensor([[1.0, 1.0]], dtype=torch.float64) @ X).tolist() == [[1.0, 2.0, 3.0]]


OPERATIONS = {
    "sum": lambda X: X.sum(1),
    "rows": lambda X: X[3:7],
    "gather": lambda X: X.index_select(0, torch.tensor([5, 1])),
    "cat": lambda X: torch.cat([X, X]),
    "split": lambda X: X.split(7)[1],
    "elementwise": lambda X: X * 2 + 1,
    "flatten": lambda X: X.flatten(1),
    "double": lambda X: X.double(),
    "lerp": lambda X: torch.lerp(X[:3], X[3:6], 0.5),
    "numpy": lambda X: torch.from_numpy(X.cpu().numpy()),
    "batch norm": lambda X: nn.BatchNorm1d(200)(X),
    "in place": lambda X: X.mul_(3) + X,
    "product after a change": lambda X: X.add_(1) @ torch.ones(200, 2),
    "deep copy": copy.deepcopy,
    "pickle": lambda X: pickle.loads(pickle.dumps(X)),
    "of rows alone": lambda X: X @ X.t(),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_everything_else_sees_dense_rows(name):
    ours, expected = OPERATIONS[name](SparseRows(MATRIX)), OPERATIONS[name](DENSE.clone())
    torch.testing.assert_close(ours.dense() if isinstance(ours, SparseRows) else ours, expected)


def test_the_scaling_layer_keeps_zeros_and_folds_its_factor_in(never_dense):
    layer = InputScaling(3, limit=3.0)
    layer.set_columns(torch.zeros(3), torch.tensor([1.0, 2.0, 1.0]))
    scaled = layer(SparseRows(sparse.csr_matrix(np.float32([[0, 2, 0], [3, 0, 0]]))))
    assert isinstance(scaled, SparseRows)
    # 1 / sqrt(1 + 1/9) and 3 / sqrt(1 + 1).
    assert (scaled @ torch.eye(3)).flatten().tolist() == pytest.approx([0, 0.948683, 0, 2.1213203, 0, 0])


def test_a_scaling_layer_that_centres_gets_dense_rows():
    layer = InputScaling(200)
    assert isinstance(layer(SparseRows(MATRIX)), SparseRows)
    layer.set_columns(torch.ones(200), torch.ones(200))
    torch.testing.assert_close(layer(SparseRows(MATRIX)), layer(DENSE))
    layer.load_state_dict(InputScaling(200).state_dict())
    assert isinstance(layer(SparseRows(MATRIX)), SparseRows)


def test_filled_rows_are_dense_and_repeated_entries_add_up():
    assert not isinstance(as_batch(sparse.csr_matrix(np.eye(3)), torch.float32), SparseRows)
    twice = sparse.csr_matrix((np.float32([1, 2, 5]), np.array([7, 7, 0]), np.array([0, 2, 3])), shape=(2, 100))
    data = TensorData(twice, np.zeros(2), sparse_batches=True)
    batch = data.take(torch.tensor([0, 1])).X
    assert isinstance(batch, SparseRows) and batch.dense()[:, [0, 7]].tolist() == [[0, 3], [5, 0]]
    assert twice.nnz == 3, "the matrix of the caller changed"


def test_rows_are_spread_out_on_the_device():
    for rows in (MATRIX, MATRIX[:0], MATRIX[3:4]):
        assert torch.equal(spread(rows, torch.float64, torch.device("cpu")), torch.from_numpy(rows.toarray()).double())


def test_batches_hold_their_own_entries_alone():
    data = TensorData(MATRIX, LABELS, sparse_batches=True)
    for part in (data, data.subset(np.arange(5, 30))):
        batches = TensorBatches(part, 8, generator=torch.Generator().manual_seed(0))
        for batch in batches:
            assert isinstance(batch.X, SparseRows) and len(batch.X.parts[2]) < MATRIX.nnz / 2
            torch.testing.assert_close(batch.X.dense(), part.rows(batch.index))
        rows = torch.cat([rows.dense() for rows in TensorBatches(part, 8).inputs()])
        torch.testing.assert_close(rows, part.rows(torch.arange(len(part))))
    # What a method asks for itself is dense.
    assert type(data.rows(torch.tensor([0]))) is torch.Tensor


def test_the_default_network_trains_and_predicts_without_dense_rows(never_dense):
    clf = CrossEntropyClassifier(max_epochs=2, batch_size=8, random_state=0, validation_fraction=0.2)
    assert clf.fit(MATRIX, LABELS).predict_proba(MATRIX).shape == (40, 2)


@pytest.mark.parametrize("method", [CrossEntropyClassifier, CoTeachingClassifier])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("hidden", [(), (8,), (8, 8)])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_fit_equals_that_of_dense_batches(method, dtype, hidden, monkeypatch):
    settings = {"module__hidden": hidden, "max_epochs": 4, "batch_size": 8, "dtype": dtype, "random_state": 0}
    sparse_fit = method(**settings).fit(MATRIX, LABELS)
    monkeypatch.setattr("skweak.fit.networks.takes_sparse", lambda method: False)
    dense_fit = method(**settings).fit(MATRIX, LABELS)
    np.testing.assert_allclose(
        sparse_fit.predict_proba(MATRIX), dense_fit.predict_proba(MATRIX), rtol=1e-3, atol=1e-4
    )
    np.testing.assert_allclose(sparse_fit.embed(MATRIX), dense_fit.embed(MATRIX), rtol=1e-3, atol=1e-4)


def test_the_users_own_network_gets_dense_rows():
    seen = []

    class Mine(MLP):
        def forward(self, X):
            seen.append(type(X))
            return super().forward(X)

    Mine.__module__ = "elsewhere"
    CrossEntropyClassifier(Mine, max_epochs=1, random_state=0).fit(MATRIX, LABELS).predict(MATRIX)
    assert set(seen) == {torch.Tensor}


def test_same_seed_same_bits_and_files_keep_the_model(tmp_path):
    make = lambda: CrossEntropyClassifier(max_epochs=2, batch_size=8, random_state=0).fit(MATRIX, LABELS)  # noqa: E731
    clf, again = make(), make()
    assert np.array_equal(clf.predict_proba(MATRIX), again.predict_proba(MATRIX))
    skweak.save(clf, tmp_path / "model.skweak")
    loaded = skweak.load(tmp_path / "model.skweak")
    np.testing.assert_allclose(loaded.predict_proba(MATRIX), clf.predict_proba(MATRIX), rtol=1e-5)
    np.testing.assert_allclose(clf.predict_proba(MATRIX.toarray()), clf.predict_proba(MATRIX), rtol=1e-5)
    unpickled = pickle.loads(pickle.dumps(clf))
    assert np.array_equal(unpickled.predict_proba(MATRIX), clf.predict_proba(MATRIX))


@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW])
@pytest.mark.parametrize("width", [3, 5])
def test_weights_laid_out_by_columns_take_the_same_steps(optimizer, width):
    results = []
    for by_columns in (False, True):
        torch.manual_seed(0)
        layer = nn.Linear(width, 5)
        layer = lay_out_columns(layer, width) if by_columns else layer
        settings = {"momentum": 0.9} if optimizer is torch.optim.SGD else {}
        made = make_optimizer(optimizer, [layer.parameters()], {"lr": 0.1, "weight_decay": 0.01, **settings})
        for seed in range(3):
            X = torch.randn(7, width, generator=torch.Generator().manual_seed(seed))
            layer(X).square().sum().backward()
            step(made)
            made.zero_grad()
        results.append(layer)
    plain, turned = results
    assert turned.weight.t().is_contiguous() and not turned.weight.is_contiguous()
    torch.testing.assert_close(turned.weight, plain.weight)
    kept = made.state[turned.weight]
    assert all(value.stride() == turned.weight.stride() for value in kept.values() if value.dim() == 2)


def test_a_step_that_fails_leaves_the_weights_as_they_were():
    layer = lay_out_columns(nn.Linear(3, 5), 3)
    made = make_optimizer(torch.optim.SGD, [layer.parameters()], {"lr": 0.1, "momentum": 0.9})
    layer(torch.ones(2, 3)).sum().backward()
    made.register_step_pre_hook(lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        step(made)
    assert layer.weight.shape == layer.weight.grad.shape == (5, 3)
    assert made.state[layer.weight]["momentum_buffer"].shape == (5, 3)


def test_stopped_and_resumed_it_ends_with_the_same_bits():
    states = []

    class Keep(Callback):
        def on_epoch_end(self, net, **kwargs):
            states.append(net.state_dict())

    settings = {"max_epochs": 4, "batch_size": 8, "random_state": 0}
    whole = CrossEntropyClassifier(**settings, callbacks=[Keep()]).fit(MATRIX, LABELS)
    resumed = CrossEntropyClassifier(**settings, callbacks=[Resume(states[1])]).fit(MATRIX, LABELS)
    assert np.array_equal(whole.predict_proba(MATRIX), resumed.predict_proba(MATRIX))


class Own(MLP):
    """A network that is not ours and hence gets dense rows."""


Own.__module__ = "elsewhere"


@pytest.mark.parametrize("method", [CrossEntropyClassifier, DPCClassifier])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_one_dense_batch_is_held_and_never_the_matrix(method, monkeypatch):
    rng, made, held, width = np.random.default_rng(0), [], [], 2000
    X = sparse.random_array((1200, width), density=0.002, format="csr", rng=rng, dtype=np.float32)
    y = rng.integers(0, 2, 1200)
    toarray, alive = sparse.csr_array.toarray, []

    def watched(self, *args, **kwargs):
        dense = toarray(self, *args, **kwargs)
        # An array lives as long as a tensor that shares its memory.
        alive.append(weakref.ref(dense))
        made.append(dense.nbytes)
        held.append(sum(array().nbytes for array in alive if array() is not None))
        return dense

    for form in (sparse.csr_array, sparse.csr_matrix, sparse.csc_matrix, sparse.coo_matrix):
        monkeypatch.setattr(form, "toarray", watched)
    clf = method(partial(Own, hidden=(4,)), max_epochs=2, batch_size=64, random_state=0)
    clf.fit(X, y).predict(X)
    # Rows of several batches are read together while they are few bytes.
    whole = len(y) * width * 4
    assert sum(made) >= 3 * whole and max(made) <= 2**20 < whole / 8
    # A method that mixes rows holds those that it mixes with as well.
    assert max(held) <= (2 if method is CrossEntropyClassifier else 4) * max(made) < whole / 2
