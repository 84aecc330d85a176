"""Rows of the speed table for distillation: DHKD beside hand-written loops over the same networks and batches.

"student step" trains the student on its labels alone, where views are drawn with the teacher's forward pass before it.
"same loop" does by hand all that DHKD without alignment does.
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.bare_loops import MOMENTUM
from benchmarks.clock import now, race
from benchmarks.train_speed import epoch_seconds, table
from skweak.augment import jitter
from skweak.distill import DHKDClassifier
from skweak.losses import binary_kl_norm
from skweak.nn import MLP, SmallCNN

YARDSTICKS = ("student step", "same loop")


def _view(X):
    return jitter(X, 0.1)


def bare_loop(networks, X, y, lessons, *, epochs, batch_size=128):
    """Train by hand, fused optimizer and channels last, and return the seconds.

    Parameters
    ----------
    networks : (student, second head or None, teacher or None)
        A teacher is asked about a view of every batch; the second head learns its logits.
    X, y, lessons : tensor
        Rows, labels, and the logits of the teacher from before.
    """
    student, second, teacher = networks
    if X.dim() == 4:
        X = X.contiguous(memory_format=torch.channels_last)
        student.to(memory_format=torch.channels_last)
    parameters = [*student.parameters(), *(second.parameters() if second else [])]
    optimizer = torch.optim.SGD(parameters, fused=True, **MOMENTUM)
    start = now()
    for _ in range(epochs):
        for index in torch.randperm(len(X)).split(batch_size):
            rows, target = X.index_select(0, index), y.index_select(0, index)
            if teacher is not None:
                rows = _view(rows)
                with torch.no_grad():
                    taught = teacher(rows)
            z = student.features(rows)
            loss = F.cross_entropy(student.head(z), target)
            if second is not None:
                taught = lessons.index_select(0, index) if teacher is None else taught
                loss = loss + binary_kl_norm(second(z), taught).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return now() - start


def _second_head(width, hidden):
    if hidden is None:
        return nn.Linear(width, 10)
    return nn.Sequential(
        nn.Linear(width, hidden), nn.Dropout(0.1), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Linear(hidden, 10)
    )


def _race(make, data, repeats, *, epochs, aux_hidden=None, teacher=None):
    """Race both loops with the epochs of DHKD; without a teacher its logits are given."""
    X, y = data
    logits = np.random.RandomState(1).randn(len(X), 10).astype(np.float32)
    tensors = [torch.from_numpy(part) for part in (X, y, logits)]
    settings = {"aux_head": "linear"} if aux_hidden is None else {"aux_hidden": aux_hidden}
    settings |= {"module": make, "max_epochs": epochs, "batch_size": 128, "random_state": 0, "n_threads": 1}
    settings |= {} if teacher is None else {"teacher": teacher.eval(), "augment": _view}
    given = {"teacher_logits": logits} if teacher is None else {}

    def loop(two_heads):
        student = make()
        second = _second_head(student.head.in_features, aux_hidden) if two_heads else None
        return bare_loop((student, second, teacher), *tensors, epochs=epochs)

    def fit(aligned):
        return epoch_seconds(DHKDClassifier(gradient_alignment=aligned, **settings), X, y, **given)

    contestants = {
        "student step": lambda: loop(False),
        "DHKD": lambda: fit(False),
        "same loop": lambda: loop(True),
        "DHKD, aligned": lambda: fit(True),
    }
    return race(contestants, repeats)


def _mlp():
    return MLP(64, 10, (128,))


def _cnn():
    return SmallCNN(1, 10, (16, 32))


def _images():
    rng = np.random.RandomState(0)
    return rng.randn(640, 1, 28, 28).astype(np.float32), rng.randint(0, 10, 640)


def dhkd_mlp(repeats):
    """DHKD with a linear second head on an MLP 64-128-10, batch 128, the teacher's logits from memory."""
    return _race(_mlp, table(), 3 * repeats, epochs=2)


def dhkd_mlp_head(repeats):
    """The same with the second head 128-200-10, which has three times the weights of the student."""
    return _race(_mlp, table(), repeats, epochs=2, aux_hidden=200)


def dhkd_mlp_augmented(repeats):
    """DHKD with a linear second head on noisy views, asking a teacher 64-256-256-10."""
    return _race(_mlp, table(), repeats, epochs=2, teacher=MLP(64, 10, (256, 256)))


def dhkd_cnn(repeats):
    """DHKD with its default second head on a small CNN, 28 x 28 images, batch 128, the teacher's logits from memory."""
    return _race(_cnn, _images(), repeats, epochs=1, aux_hidden=200)


def dhkd_cnn_augmented(repeats):
    """DHKD with its default second head on noisy images, asking a CNN of twice the width."""
    return _race(_cnn, _images(), repeats, epochs=1, aux_hidden=200, teacher=SmallCNN(1, 10, (32, 64)))


ROWS = {row.__name__: row for row in (dhkd_mlp, dhkd_mlp_head, dhkd_mlp_augmented, dhkd_cnn, dhkd_cnn_augmented)}

# Beside the student alone; on the tiny MLP the second head and its loss by hand already cost more than that.
TARGETS = {
    ("dhkd_cnn", "DHKD", "student step"): 1 / 1.15,
    ("dhkd_cnn_augmented", "DHKD", "student step"): 1 / 1.15,
    ("dhkd_cnn", "DHKD, aligned", "student step"): 1 / 2.1,
    ("dhkd_mlp", "DHKD", "same loop"): 1 / 1.15,
    ("dhkd_mlp_augmented", "DHKD", "same loop"): 1 / 1.15,
    ("dhkd_mlp", "DHKD, aligned", "same loop"): 1 / 2.1,
}
