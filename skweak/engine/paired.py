"""Steps that learn from labeled and unlabeled rows at once, each kind in batches of its own size."""

import itertools
from typing import NamedTuple

from skweak.engine.data import Batch


class SemiBatch(NamedTuple):
    """Labeled rows and, where there are any, unlabeled ones (else None)."""

    labeled: Batch
    unlabeled: Batch | None


class SemiBatches:
    """Pairs of a labeled and an unlabeled batch; the rows that last shorter start again, in a new order.

    An epoch shows every row once at least. Labeled rows of a source larger than memory are held, because they are
    visited often and lie anywhere; unlabeled ones are read block by block.

    Parameters
    ----------
    batches : TensorBatches
        Batches of the training set; its batch size is shared by both kinds.
    labeled, unlabeled : tensor of int64
        Positions of the rows, the second one may be empty.
    ratio : float > 0
        Unlabeled rows of a step per labeled row. Without unlabeled rows a step has labeled rows only.
    held : TensorData or None
        What `TensorData.hold` returned for ``labeled``; made here by default, which reads a source anew.
    """

    def __init__(self, batches, labeled, unlabeled, *, ratio, held=None):
        size = batches.batch_size
        n_labeled = max(1, round(size / (1 + ratio))) if len(unlabeled) else size
        self.positions = labeled
        held = batches.data.hold(labeled) if held is None else held
        self.labeled = type(batches)(held, n_labeled, generator=batches.generator)
        self.unlabeled = batches.restrict(unlabeled, batch_size=max(1, size - n_labeled))

    def __len__(self):
        return max(len(self.labeled), len(self.unlabeled))

    def __iter__(self):
        again = itertools.chain.from_iterable
        labeled = again(itertools.repeat(self.labeled))
        unlabeled = again(itertools.repeat(self.unlabeled)) if len(self.unlabeled) else itertools.repeat(None)
        for (X, y, index), other in itertools.islice(zip(labeled, unlabeled, strict=False), len(self)):
            yield SemiBatch(Batch(X, y, self.positions.index_select(0, index)), other)
