import math

import numpy as np
import pytest
import torch

from skweak.multilabel import MultiLabelMeanTeacherClassifier
from tests.latent_data import hide_rows, latent_labels

TINY = {"max_epochs": 4, "module__hidden": (8,), "batch_size": 32, "random_state": 0}


@pytest.fixture(scope="module")
def rows():
    X, Y = latent_labels(90, seed=0, n_labels=3)
    return X, Y, hide_rows(Y, 40)


def test_loss_by_parts(rows):
    seen = []

    class Spy(MultiLabelMeanTeacherClassifier):
        def _loss(self, run, batch):
            logits = [run.module_(part.X).detach() for part in (batch.labeled, batch.unlabeled)]
            taught = [run.state.average(part.X).sigmoid() for part in (batch.labeled, batch.unlabeled)]
            target = batch.labeled.y.float()
            given = torch.nn.functional.binary_cross_entropy_with_logits(logits[0], target, reduction="none")
            gap = torch.cat([(z.sigmoid() - t).square() for z, t in zip(logits, taught, strict=True)])
            ramp = math.exp(-5 * max(0.0, 1 - run.progress / 0.5) ** 2)
            expected = given.sum(1).mean() + 300.0 * ramp * gap.sum(1).mean()
            loss = super()._loss(run, batch)
            seen.append((loss.item(), expected.item()))
            return loss

    X, _, target = rows
    Spy(**TINY, consistency_weight=300.0, ramp=0.5, augment=None).fit(X, target)
    assert len(seen) > 8
    np.testing.assert_allclose(*np.transpose(seen), rtol=1e-5)


def test_without_consistency_it_is_labeled_only_training(rows):
    X, _, target = rows
    settings = {**TINY, "augment": None, "module__scale_inputs": False}
    teacher = MultiLabelMeanTeacherClassifier(**settings, consistency_weight=0.0).fit(X, target)
    other = X.copy()
    other[40:] *= -2
    np.testing.assert_allclose(
        MultiLabelMeanTeacherClassifier(**settings, consistency_weight=0.0)
        .fit(other, target)
        .predict_proba(X),
        teacher.predict_proba(X),
        rtol=1e-4,
    )
    with_rows = [
        MultiLabelMeanTeacherClassifier(**settings, consistency_weight=50.0)
        .fit(data, target)
        .predict_proba(X)
        for data in (X, other)
    ]
    assert np.abs(with_rows[0] - with_rows[1]).max() > 1e-4


def test_consistency_brings_views_together():
    X, Y = latent_labels(300, seed=0)
    target = hide_rows(Y, 60)
    gaps = []
    for weight in (0.0, 20.0):
        clf = MultiLabelMeanTeacherClassifier(
            consistency_weight=weight, max_epochs=20, module__hidden=(32,), random_state=0
        ).fit(X, target)
        noisy = X + 0.3 * np.random.RandomState(0).randn(*X.shape).astype(np.float32)
        gaps.append(np.square(clf.predict_proba(X) - clf.predict_proba(noisy)).mean())
    assert gaps[1] < 0.7 * gaps[0]


@pytest.mark.parametrize("parameters", [{"ramp": 0.0}, {"consistency_weight": -1.0}, {"clip": 1.0}], ids=str)
def test_bad_parameters(rows, parameters):
    X, _, target = rows
    with pytest.raises(ValueError, match=next(iter(parameters))):
        MultiLabelMeanTeacherClassifier(**{**TINY, **parameters}).fit(X, target)
