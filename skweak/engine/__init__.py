"""Training of several networks on whole batches of device-resident tensors; knows tensors, not methods."""

from skweak.engine.adjacency import Adjacency
from skweak.engine.averaging import MovingAverage
from skweak.engine.data import Batch, PairedBatches, TensorBatches, TensorData
from skweak.engine.errors import DivergenceError
from skweak.engine.key_queue import KeyQueue
from skweak.engine.memory import RowMemory
from skweak.engine.paired import SemiBatch, SemiBatches
from skweak.engine.parallel import DataParallel
from skweak.engine.state import Resume
from skweak.engine.trainer import Trainer

__all__ = [
    "Adjacency",
    "Batch",
    "DataParallel",
    "DivergenceError",
    "KeyQueue",
    "MovingAverage",
    "PairedBatches",
    "Resume",
    "RowMemory",
    "SemiBatch",
    "SemiBatches",
    "TensorBatches",
    "TensorData",
    "Trainer",
]
