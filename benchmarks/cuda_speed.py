"""Rows of the speed table on a GPU: images per second of half-precision training, and small networks."""

from functools import partial

import numpy as np
import torch
from torch.nn import functional as F

from benchmarks import bare_loops
from benchmarks.clock import EpochClock, now, race
from benchmarks.train_speed import small_network, table
from skweak.nn import ResNet
from skweak.noisy import CrossEntropyClassifier

_RESNET18 = {"blocks": (2, 2, 2, 2), "width": 64}
N_IMAGES = 10_240


def _bare_images(network, X, y, *, epochs, batch_size):
    """Train in bfloat16 with the channels last on tensors that are on the device."""
    network = network.cuda().to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(network.parameters(), fused=True, **bare_loops.MOMENTUM)
    start = now("cuda")
    for _ in range(epochs):
        for index in torch.randperm(len(X)).cuda().split(batch_size):
            rows = (X.index_select(0, index).float() - 127.5).div_(63.75)
            with torch.autocast("cuda", torch.bfloat16):
                logits = network(rows.contiguous(memory_format=torch.channels_last))
            loss = F.cross_entropy(logits.float(), y.index_select(0, index))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return now("cuda") - start


def _epoch_seconds(estimator, X, y):
    estimator.set_params(callbacks=[("clock", EpochClock("cuda"))]).fit(X, y)
    return dict(estimator.net_.callbacks_)["clock"].seconds_


def _images(repeats, batch_size):
    rng = np.random.RandomState(0)
    X, y = rng.randint(0, 256, (N_IMAGES, 3, 32, 32)).astype(np.uint8), rng.randint(0, 10, N_IMAGES)
    tensors, size = [torch.from_numpy(part).cuda() for part in (X, y)], {"epochs": 2, "batch_size": batch_size}
    module = {"module": ResNet} | {f"module__{name}": value for name, value in _RESNET18.items()}
    settings = {"max_epochs": 2, "batch_size": batch_size, "device": "cuda", "random_state": 0, **module}
    contestants = {
        "best loop": lambda: _bare_images(ResNet(3, 10, **_RESNET18), *tensors, **size),
        "epochs": lambda: _epoch_seconds(CrossEntropyClassifier(**settings), X, y),
        "epochs, compiled": lambda: _epoch_seconds(CrossEntropyClassifier(compile=True, **settings), X, y),
    }
    return race(contestants, repeats)


def _mlp(repeats):
    X, y = table()
    tensors = [torch.from_numpy(part).cuda() for part in (X, y)]
    settings = {"module__hidden": (128,), "max_epochs": 3, "batch_size": 128, "device": "cuda", "random_state": 0}

    def loop(best):
        torch.cuda.synchronize()
        return _cuda_plain(small_network().cuda(), *tensors, best=best)

    contestants = {
        "usual loop": partial(loop, False),
        "best loop": partial(loop, True),
        "epochs": lambda: _epoch_seconds(CrossEntropyClassifier(amp=False, **settings), X, y),
    }
    return race(contestants, repeats)


def _cuda_plain(network, X, y, *, best):
    optimizer = torch.optim.SGD(network.parameters(), **bare_loops.MOMENTUM, **({"fused": True} if best else {}))
    start = now("cuda")
    for _ in range(3):
        for index in torch.randperm(len(X)).to(X.device).split(128):
            rows, target = (X.index_select(0, index), y.index_select(0, index)) if best else (X[index], y[index])
            loss = F.cross_entropy(network(rows), target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return now("cuda") - start


def resnet_128(repeats):
    """PreAct-ResNet18 on 32 x 32 images, batch 128, bfloat16."""
    return _images(repeats, 128)


def resnet_512(repeats):
    """PreAct-ResNet18 on 32 x 32 images, batch 512, bfloat16."""
    return _images(repeats, 512)


def mlp_cuda(repeats):
    """MLP 64-128-10, batch 128, single precision, beside eager loops."""
    return _mlp(repeats)


ROWS = {function.__name__: function for function in (resnet_128, resnet_512, mlp_cuda)}
