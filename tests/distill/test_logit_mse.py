"""Least squares on logits."""

import numpy as np
import pytest
import torch
from torch import nn

from skweak.distill import LogitMSEClassifier
from skweak.noisy import CrossEntropyClassifier
from tests.small_data import blobs

X, Y, _ = blobs()
X = X.astype(np.float32)
with torch.random.fork_rng():
    torch.manual_seed(0)
    TEACHER = nn.Linear(4, 3)
SMALL = {"module__hidden": (16,), "max_epochs": 4, "random_state": 0, "dtype": "float64", "lr": 0.02}


def test_without_weight_it_is_cross_entropy():
    student = LogitMSEClassifier(teacher=TEACHER, **SMALL, distill_weight=0).fit(X, Y)
    plain = CrossEntropyClassifier(**SMALL).fit(X, Y)
    np.testing.assert_allclose(student.predict_proba(X), plain.predict_proba(X), rtol=1e-9)


def test_a_linear_student_becomes_its_linear_teacher():
    student = LogitMSEClassifier(
        nn.Linear(4, 3), teacher=TEACHER, cross_entropy_weight=0, distill_weight=1.5, max_epochs=60, lr=0.05,
        optimizer__weight_decay=0.0, optimizer__momentum=0.9, random_state=0,
    ).fit(X, Y)  # fmt: skip
    learned = student.net_.module_
    np.testing.assert_allclose(learned.weight.detach(), TEACHER.weight.detach(), atol=0.01)
    np.testing.assert_allclose(learned.bias.detach(), TEACHER.bias.detach(), atol=0.01)


def test_the_size_of_the_logits_counts():
    logits = np.random.RandomState(0).randn(len(X), 3)
    settings = SMALL | {"max_epochs": 1, "batch_size": 90, "lr": 1e-12}
    losses = [
        LogitMSEClassifier(**settings, cross_entropy_weight=0).fit(X, Y, teacher_logits=z).history_[0]["train_loss"]
        for z in (logits, logits + 10)
    ]
    # Half of the mean square grows by half of 100, and by the cross term.
    assert losses[1] - losses[0] == pytest.approx(50 + 10 * logits.mean(), abs=10)


def test_errors():
    with pytest.raises(ValueError, match="The 'distill_weight' parameter of LogitMSEClassifier"):
        LogitMSEClassifier(teacher=TEACHER, distill_weight=-1).fit(X, Y)
