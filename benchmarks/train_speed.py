"""Rows of the speed table for training: seconds of a few epochs, beside hand-written loops and other libraries."""

import warnings

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from skorch import NeuralNetClassifier
from torch import nn
from torch.utils.data import default_collate

from benchmarks import bare_loops
from benchmarks.clock import EpochClock, race, timed
from skweak.nn import SmallCNN
from skweak.nn.heads import TwoHead
from skweak.noisy import CoTeachingClassifier, CrossEntropyClassifier, DPCClassifier, ELRClassifier

SETTINGS = {"module__hidden": (128,), "batch_size": 128, "random_state": 0, "augment": None}


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


def _plain(make_network, module, X, y, epochs):
    """Return the contestants of plain training."""
    tensors, size = (torch.from_numpy(X), torch.from_numpy(y)), {"epochs": epochs, "batch_size": 128}
    ours = CrossEntropyClassifier(max_epochs=epochs, batch_size=128, random_state=0, n_threads=1, **module)
    loader = {"dataset": _WholeBatches, "iterator_train__collate_fn": _as_it_is}
    return {
        "usual loop": lambda: bare_loops.plain(make_network(), *tensors, best=False, **size),
        "epochs": lambda: epoch_seconds(ours, X, y),
        "best loop": lambda: bare_loops.plain(make_network(), *tensors, best=True, **size),
        "fit": lambda: timed(ours.set_params(callbacks=None).fit, X, y),
        "skorch": lambda: epoch_seconds(_skorch(make_network, epochs), X, y),
        "skorch, whole batches": lambda: epoch_seconds(_skorch(make_network, epochs, **loader), X, y),
    }


def _as_it_is(batch):
    return batch if isinstance(batch[0], torch.Tensor) and batch[0].dim() > 1 else default_collate(batch)


def mlp(repeats):
    """MLP 64-128-10, batch 128, cross-entropy."""
    X, y = table()
    peer = MLPClassifier(
        (128,), solver="sgd", alpha=5e-4, batch_size=128, learning_rate_init=0.05, nesterovs_momentum=False,
        max_iter=2, n_iter_no_change=100, random_state=0,
    )  # fmt: skip
    contestants = _plain(small_network, {"module__hidden": (128,)}, X, y, epochs=2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return race(contestants | {"scikit-learn": lambda: timed(peer.fit, X, y)}, 3 * repeats)


def cnn(repeats):
    """Small CNN on 28 x 28 images, batch 128, cross-entropy."""
    rng = np.random.RandomState(0)
    X, y = rng.randn(640, 1, 28, 28).astype(np.float32), rng.randint(0, 10, 640)
    module = {"module": SmallCNN, "module__widths": (16, 32)}
    return race(_plain(lambda: SmallCNN(1, 10, (16, 32)), module, X, y, epochs=1), repeats)


def _beside(bare, estimator, data, repeats, **facts):
    """Race a hand-written loop with the epochs of an estimator."""
    X, y = data
    return race({"best loop": bare, "epochs": lambda: epoch_seconds(estimator, X, y, **facts)}, repeats)


def elr(repeats):
    """ELR with its memory of every row, MLP 64-128-10, batch 128."""
    data, ours = table(), ELRClassifier(max_epochs=2, **SETTINGS)
    tensors = [torch.from_numpy(part) for part in data]
    loop = lambda: bare_loops.elr(small_network(), *tensors, epochs=2, batch_size=128)  # noqa: E731
    return _beside(loop, ours, data, 2 * repeats)


def coteaching(repeats):
    """Co-teaching, two MLPs 64-128-10, batch 128."""
    data, ours = table(), CoTeachingClassifier(max_epochs=2, **SETTINGS)
    tensors = [torch.from_numpy(part) for part in data]

    def loop():
        return bare_loops.coteaching(small_network(), small_network(), *tensors, epochs=2, batch_size=128)

    return _beside(loop, ours, data, 2 * repeats)


def dpc(repeats):
    """DPC, two MLPs 64-128-10, batch 128: an epoch of warm-up and an epoch of split, guess and mix."""
    X, y = table(2_560)
    # Classes that can be learned, so that the split has two sides.
    y = np.where(np.arange(len(y)) % 5 == 0, y, X[:, :10].argmax(1))
    settings = SETTINGS | {"augment": "weak"}
    ours = DPCClassifier(max_epochs=2, warmup_epochs=1, **settings)
    tensors = [torch.from_numpy(part) for part in (X, y)]

    def loop():
        networks = [TwoHead(small_network()) for _ in range(2)]
        return bare_loops.dpc(*networks, *tensors, epochs=2, warmup_epochs=1, batch_size=128, offset=1.0)

    return _beside(loop, ours, (X, y), 2 * repeats)


ROWS = {function.__name__: function for function in (mlp, cnn, elr, coteaching, dpc)}
