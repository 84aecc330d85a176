"""One ten-line estimator of each label kind: what the base class does for any method."""

import torch
from torch.nn import functional as F

from skweak.base import WeakClassifier


class DummyNoisy(WeakClassifier):
    def _loss(self, run, batch):
        return F.cross_entropy(run.module_(batch.X), batch.y, reduction="none")


class DummySemi(WeakClassifier):
    _label_kind = "semi"

    def __init__(self, module="auto", *, unlabeled=-1, **training):
        super().__init__(module, **training)
        self.unlabeled = unlabeled

    def _loss(self, run, batch):
        return F.cross_entropy(run.module_(batch.X), batch.y, reduction="none", ignore_index=-1)

    @classmethod
    def _test_params(cls):
        return super()._test_params() | {"unlabeled": None}


class DummyOpen(WeakClassifier):
    _label_kind = "open"

    def __init__(self, module="auto", *, unknown_label=-1, unlabeled=None, **training):
        super().__init__(module, **training)
        self.unknown_label = unknown_label
        self.unlabeled = unlabeled

    def _networks(self, make):
        return {"module": make(make.n_outputs + 1)}

    def _loss(self, run, batch):
        return F.cross_entropy(run.module_(batch.X), batch.y, reduction="none", ignore_index=-1)

    def _logits(self, run, X):
        return run.module_(X)[:, :-1]

    @classmethod
    def _test_params(cls):
        return super()._test_params() | {"unknown_label": None}


class DummyPartial(WeakClassifier):
    _label_kind = "partial"

    def __init__(self, module="auto", **training):
        super().__init__(module, **training)

    def _loss(self, run, batch):
        return -(run.module_(batch.X).log_softmax(1) + torch.where(batch.y == 0, -1e9, 0.0)).logsumexp(1)


class DummyMultiLabel(WeakClassifier):
    _label_kind = "multilabel"

    def __init__(self, module="auto", **training):
        super().__init__(module, **training)

    def _loss(self, run, batch):
        logits, known = run.module_(batch.X), batch.y != -1
        target = batch.y.clamp_min(0).to(logits.dtype)
        return (F.binary_cross_entropy_with_logits(logits, target, reduction="none") * known).sum(1)


class DummyCrowd(WeakClassifier):
    _label_kind = "crowd"

    def __init__(self, module="auto", *, missing=-1, **training):
        super().__init__(module, **training)
        self.missing = missing

    def _loss(self, run, batch):
        votes = F.one_hot(batch.y.clamp_min(0), run.n_outputs) * (batch.y >= 0)[..., None]
        return -(votes.sum(1) * run.module_(batch.X).log_softmax(1)).sum(1)


DUMMIES = [DummyNoisy, DummySemi, DummyOpen, DummyPartial, DummyMultiLabel, DummyCrowd]
__all__ = [cls.__name__ for cls in DUMMIES]
