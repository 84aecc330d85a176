"""Rows of the speed table for training: seconds of a few epochs, beside hand-written loops and other libraries."""

import warnings

import numpy as np
import torch
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from skorch import NeuralNetClassifier
from torch import nn
from torch.utils.data import default_collate

from benchmarks import bare_loops
from benchmarks.clock import EpochClock, now, race, timed
from skweak.augment import strong_table_views
from skweak.nn import SmallCNN
from skweak.nn.heads import TwoHead
from skweak.nn.scaling import InputScaling
from skweak.noisy import CoTeachingClassifier, CrossEntropyClassifier, DPCClassifier, ELRClassifier
from skweak.semi import FixMatchClassifier

# Loops by hand get their rows scaled, so the layer that scales them is left out but in the row of its own.
_HIDDEN = {"module__hidden": (128,), "module__scale_inputs": False}
SETTINGS = _HIDDEN | {"batch_size": 128, "random_state": 0, "augment": None}


def table(n=12_800):
    """Return rows of 64 features and ten classes that cannot be learned, since only time matters."""
    rng = np.random.RandomState(0)
    return rng.randn(n, 64).astype(np.float32), rng.randint(0, 10, n)


def small_network():
    """Return the MLP 64-128-10 as its user writes it."""
    return nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))


def epoch_seconds(estimator, *args, **kwargs):
    """Fit a copy that carries a clock and return the seconds of its epochs."""
    clock = EpochClock()
    estimator.set_params(callbacks=[("clock", clock)])
    net = estimator.fit(*args, **kwargs)
    return dict(getattr(net, "net_", net).callbacks_)["clock"].seconds_


class _Woven:
    """Batches between which other loops take a step each."""

    def __init__(self, batches, loops, seconds):
        self.batches, self.loops, self.seconds = batches, loops, seconds

    def __len__(self):
        return len(self.batches)

    def __iter__(self):
        for batch in self.batches:
            start = now()
            for name, loop in self.loops.items():
                next(loop)
                stop = now()
                self.seconds[name] += stop - start
                start = stop
            yield batch


def weave(estimator, make_loops, data, repeats):
    """Return the seconds of the epochs of an estimator and of loops that take every step in turn with it.

    Whatever else the machine does, it does to all of them.
    """
    results = {}
    for _ in range(repeats):
        loops = make_loops()
        seconds = dict.fromkeys(loops, 0.0)
        for loop in loops.values():
            next(loop)

        def woven(run, batches, loops=loops, seconds=seconds):
            return _Woven(type(estimator)._batches(estimator, run, batches), loops, seconds)

        # In place of the method of its class.
        estimator._batches = woven
        total = epoch_seconds(estimator, *data)
        for name, value in (seconds | {"epochs": total - sum(seconds.values())}).items():
            results.setdefault(name, []).append(value)
    del estimator._batches
    return results


class _WholeBatches(torch.utils.data.Dataset):
    """A data set that hands out whole batches, what a careful user gives a DataLoader."""

    def __init__(self, X, y=None):
        self.parts = [torch.from_numpy(part) for part in (X, y)]

    def __len__(self):
        return len(self.parts[0])

    def __getitem__(self, index):
        return [part[index] for part in self.parts]

    def __getitems__(self, index):
        return self[torch.tensor(index)]


def _skorch(make_network, epochs, **settings):
    sgd = {f"optimizer__{name}": value for name, value in bare_loops.MOMENTUM.items() if name != "lr"}
    return NeuralNetClassifier(
        make_network(), criterion=nn.CrossEntropyLoss, optimizer=torch.optim.SGD, lr=0.05, max_epochs=epochs,
        batch_size=128, train_split=None, iterator_train__shuffle=True, verbose=0, **sgd, **settings,
    )  # fmt: skip


def _loops(make_network, data):
    """Return a function that makes the usual and the best loop of plain training, for one epoch."""
    tensors = [torch.from_numpy(part) for part in data]
    return lambda: {
        name: bare_loops.plain(make_network(), *tensors, epochs=1, batch_size=128, best=best)
        for name, best in (("usual loop", False), ("best loop", True))
    }


def _plain(make_network, module, data, repeats):
    ours = CrossEntropyClassifier(max_epochs=1, batch_size=128, random_state=0, n_threads=1, **module)
    return weave(ours, _loops(make_network, data), data, repeats)


def _libraries(make_network, module, data, repeats, **others):
    """Measure an epoch of every library and both loops one after the other, of scikit-learn and "fit" a whole fit."""
    loops = _loops(make_network, data)
    ours = CrossEntropyClassifier(max_epochs=1, batch_size=128, random_state=0, n_threads=1, **module)
    loader = {"dataset": _WholeBatches, "iterator_train__collate_fn": _as_it_is}
    contestants = {
        "usual loop": lambda: bare_loops.run(loops()["usual loop"]),
        "epochs": lambda: epoch_seconds(ours, *data),
        "best loop": lambda: bare_loops.run(loops()["best loop"]),
        "fit": lambda: timed(ours.set_params(callbacks=None).fit, *data),
        "skorch": lambda: epoch_seconds(_skorch(make_network, 1), *data),
        "skorch, whole batches": lambda: epoch_seconds(_skorch(make_network, 1, **loader), *data),
    }
    return race(contestants | others, repeats)


def _as_it_is(batch):
    return batch if isinstance(batch[0], torch.Tensor) and batch[0].dim() > 1 else default_collate(batch)


_MLP = small_network, _HIDDEN
_SCALED = lambda: nn.Sequential(InputScaling(64), *small_network()), {"module__hidden": (128,)}  # noqa: E731
_CNN = lambda: SmallCNN(1, 10, (16, 32)), {"module": SmallCNN, "module__widths": (16, 32)}  # noqa: E731


def _images(n):
    rng = np.random.RandomState(0)
    return rng.randn(n, 1, 28, 28).astype(np.float32), rng.randint(0, 10, n)


def mlp(repeats):
    """MLP 64-128-10, batch 128, cross-entropy: an epoch, step by step in turn with bare loops."""
    return _plain(*_MLP, table(), 4 * repeats)


def mlp_scaled(repeats):
    """The same with the layer that scales the columns, as by default, in the estimator and in the loops."""
    return _plain(*_SCALED, table(), 4 * repeats)


def cnn(repeats):
    """Small CNN on 28 x 28 images, batch 128, cross-entropy: an epoch, step by step in turn with bare loops."""
    return _plain(*_CNN, _images(1_920), 3 * repeats)


def text(n=20_000, n_words=50_000, in_row=60):
    """Return rows like those of TfidfVectorizer and four classes that cannot be learned."""
    rng = np.random.RandomState(0)
    shape, ends = (n, n_words), np.arange(0, n * in_row + 1, in_row)
    X = sparse.csr_matrix((rng.rand(n * in_row).astype(np.float32), rng.randint(0, n_words, n * in_row), ends), shape)
    X.sum_duplicates()
    return X, rng.randint(0, 4, n)


def sparse_text(repeats):
    """Sparse rows, 50,000 columns of which 60 are filled, MLP 50000-64-4, batch 64: an epoch, step by step in turn."""
    X, y = text()
    target = torch.from_numpy(y)
    ours = CrossEntropyClassifier(
        module__hidden=(64,), max_epochs=1, batch_size=64, random_state=0, n_threads=1, augment=None
    )

    def loops():
        networks = {
            "usual loop": bare_loops.SparseNetwork(X.shape[1], 64, 4, best=False),
            "best loop": bare_loops.SparseNetwork(X.shape[1], 64, 4, best=True),
        }
        return {name: bare_loops.sparse(net, X, target, epochs=1, batch_size=64) for name, net in networks.items()}

    seconds = weave(ours, loops, (X, y), max(1, repeats // 3))
    peer = MLPClassifier((64,), max_iter=1, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return seconds | race({"scikit-learn": lambda: timed(peer.fit, X, y)}, max(1, repeats // 3))


def mlp_libraries(repeats):
    """MLP 64-128-10, batch 128, cross-entropy: an epoch of each library in turn."""
    data = table()
    peer = MLPClassifier(
        (128,), solver="sgd", alpha=5e-4, batch_size=128, learning_rate_init=0.05, nesterovs_momentum=False,
        max_iter=1, random_state=0,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return _libraries(*_MLP, data, 3 * repeats, **{"scikit-learn": lambda: timed(peer.fit, *data)})


def cnn_libraries(repeats):
    """Small CNN on 28 x 28 images, batch 128, cross-entropy: an epoch of each library in turn."""
    return _libraries(*_CNN, _images(384), repeats)


def elr(repeats):
    """ELR with its memory of every row, MLP 64-128-10, batch 128."""
    data = table()
    tensors = [torch.from_numpy(part) for part in data]

    def loops():
        return {"best loop": bare_loops.elr(small_network(), *tensors, epochs=1, batch_size=128)}

    return weave(ELRClassifier(max_epochs=1, **SETTINGS), loops, data, 3 * repeats)


def coteaching(repeats):
    """Co-teaching, two MLPs 64-128-10, batch 128: an epoch with all rows and one with those that are chosen."""
    data = table(6_400)
    tensors = [torch.from_numpy(part) for part in data]

    def loops():
        networks = small_network(), small_network()
        return {"best loop": bare_loops.coteaching(*networks, *tensors, epochs=2, batch_size=128)}

    return weave(CoTeachingClassifier(max_epochs=2, ramp_epochs=2, **SETTINGS), loops, data, 3 * repeats)


def dpc(repeats):
    """DPC, two MLPs 64-128-10, batch 128: an epoch of warm-up and an epoch of split, guess and mix."""
    X, y = table(1_280)
    # Classes that can be learned, so that the split has two sides.
    y = np.where(np.arange(len(y)) % 5 == 0, y, X[:, :10].argmax(1))
    ours = DPCClassifier(max_epochs=2, warmup_epochs=1, **SETTINGS | {"augment": "weak"})
    tensors = [torch.from_numpy(part) for part in (X, y)]

    def loop():
        networks = [TwoHead(small_network()) for _ in range(2)]
        return bare_loops.run(
            bare_loops.dpc(*networks, *tensors, epochs=2, warmup_epochs=1, batch_size=128, offset=1.0, alpha=1.0)
        )

    return race({"best loop": loop, "epochs": lambda: epoch_seconds(ours, X, y)}, 4 * repeats)


def fixmatch(repeats):
    """FixMatch, the default MLP 64-128-10 in both, batches of 32 labeled and 96 unlabeled rows, averaged network."""
    X, y = table()
    labeled = np.arange(len(y)) % 10 == 0
    y = np.where(labeled, y, -1)
    views = strong_table_views(torch.ones(64))
    parts = torch.from_numpy(X[labeled]), torch.from_numpy(y[labeled]), torch.from_numpy(X[~labeled])

    def loops():
        return {"best loop": bare_loops.fixmatch(_SCALED[0](), *parts, views, epochs=1, batch_size=128)}

    settings = SETTINGS | {"augment": views, "module__scale_inputs": True}
    return weave(FixMatchClassifier(max_epochs=1, **settings), loops, (X, y), 3 * repeats)


ROWS = {
    function.__name__: function
    for function in (mlp, mlp_scaled, cnn, sparse_text, mlp_libraries, cnn_libraries, elr, coteaching, dpc, fixmatch)
}
