"""Rows of the speed table for distillation: DHKD beside bare loops over the same networks, batches and optimizer.

"bare student" trains the student on its labels alone, "same loop" does all that DHKD does, with two heads and the
teacher's logits from memory, or from the teacher itself where views are drawn.
"""

import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from skweak.augment import jitter
from skweak.distill import DHKDClassifier
from skweak.losses import binary_kl_norm
from skweak.nn import MLP, SmallCNN

MOMENTUM = {"lr": 0.02, "momentum": 0.9, "weight_decay": 5e-4}
YARDSTICKS = ("bare student", "same loop")


def _view(X):
    return jitter(X, 0.1)


def bare_loop(network, X, y, *, epochs, batch_size, second=None, lessons=None, teacher=None):
    """Train like a competent user would and return the seconds.

    Parameters
    ----------
    network, second, teacher : torch.nn.Module
        The student, its second head, and a teacher that is asked about a view of every batch.
    X, y, lessons : tensor
        Rows, labels and the teacher's logits.
    epochs, batch_size : int
    """
    parameters = [*network.parameters(), *(second.parameters() if second else [])]
    optimizer = torch.optim.SGD(parameters, fused=True, **MOMENTUM)
    start = time.perf_counter()
    for _ in range(epochs):
        order = torch.randperm(len(X))
        for i in range(0, len(X), batch_size):
            index = order[i : i + batch_size]
            rows, target = X.index_select(0, index), y.index_select(0, index)
            taught = None if lessons is None else lessons.index_select(0, index)
            if teacher is not None:
                rows = _view(rows)
                with torch.no_grad():
                    taught = teacher(rows)
            z = network.features(rows)
            loss = F.cross_entropy(network.head(z), target)
            if second is not None:
                loss = loss + binary_kl_norm(second(z), taught).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return time.perf_counter() - start


def _second_head(width, hidden):
    if hidden is None:
        return nn.Linear(width, 10)
    return nn.Sequential(
        nn.Linear(width, hidden), nn.Dropout(0.1), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Linear(hidden, 10)
    )


def _steps(make, teacher, shape, repeats, *, aux_hidden, n_rows, epochs, augmented):
    """Return the seconds of bare loops and of DHKD, of which each repeat runs every one in turn."""
    rng = np.random.RandomState(0)
    X, y = rng.randn(n_rows, *shape).astype(np.float32), rng.randint(0, 10, n_rows)
    logits = rng.randn(n_rows, 10).astype(np.float32)
    size = {"epochs": epochs, "batch_size": 128}
    asked = {"teacher": teacher.eval()} if augmented else {"lessons": torch.from_numpy(logits)}
    head = {"aux_head": "linear"} if aux_hidden is None else {"aux_hidden": aux_hidden}
    settings = head | {"module": make, "max_epochs": epochs, "batch_size": 128, "random_state": 0}
    settings |= {"teacher": teacher, "augment": _view} if augmented else {}
    given = {} if augmented else {"teacher_logits": logits}
    seconds = {name: [] for name in (*YARDSTICKS, "DHKD", "DHKD, aligned")}
    for _ in range(repeats):
        for name, second in zip(YARDSTICKS, (None, _second_head(make().head.in_features, aux_hidden)), strict=True):
            loop = bare_loop(make(), torch.from_numpy(X), torch.from_numpy(y), second=second, **asked, **size)
            seconds[name].append(loop)
        for name, aligned in (("DHKD", False), ("DHKD, aligned", True)):
            student = DHKDClassifier(gradient_alignment=aligned, **settings).fit(X, y, **given)
            seconds[name].append(sum(row["dur"] for row in student.history_))
    return seconds


def _mlp(repeats, **changes):
    return _steps(
        lambda: MLP(64, 10, (128,)), MLP(64, 10, (256, 256)), (64,), repeats, n_rows=12_800, epochs=3, **changes
    )


def _cnn(repeats, **changes):
    small, large = (lambda: SmallCNN(1, 10, (16, 32))), SmallCNN(1, 10, (32, 64))
    return _steps(small, large, (1, 28, 28), repeats, n_rows=1280, epochs=2, aux_hidden=200, **changes)


def dhkd_mlp(repeats):
    """DHKD with a linear second head on an MLP 64-128-10, batch 128, logits of the teacher from memory."""
    return _mlp(repeats, aux_hidden=None, augmented=False)


def dhkd_mlp_head(repeats):
    """The same with the second head 128-200-10, which has three times the weights of the student."""
    return _mlp(repeats, aux_hidden=200, augmented=False)


def dhkd_mlp_augmented(repeats):
    """DHKD with a linear second head on noisy views; the bare student's step includes the teacher's, 64-256-256-10."""
    return _mlp(repeats, aux_hidden=None, augmented=True)


def dhkd_cnn(repeats):
    """DHKD with its default second head on a small CNN, 28 x 28 images, batch 128, logits from memory."""
    return _cnn(repeats, augmented=False)


def dhkd_cnn_augmented(repeats):
    """DHKD with its default second head on noisy images; the bare student's step includes that of a wider CNN."""
    return _cnn(repeats, augmented=True)


ROWS = {row.__name__: row for row in (dhkd_mlp, dhkd_mlp_head, dhkd_mlp_augmented, dhkd_cnn, dhkd_cnn_augmented)}
