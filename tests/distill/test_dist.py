"""Distillation by correlation."""

import numpy as np
import pytest
import torch

from skweak.distill import DISTClassifier
from skweak.losses import correlation_loss
from skweak.noisy import CrossEntropyClassifier
from tests.small_data import blobs

X, Y, _ = blobs()
X = X.astype(np.float32)
LOGITS = np.random.RandomState(0).randn(len(X), 3)
SMALL = {"module__hidden": (16,), "max_epochs": 4, "random_state": 0, "dtype": "float64", "lr": 0.02}


def test_without_weights_it_is_cross_entropy():
    student = DISTClassifier(**SMALL, inter_weight=0, intra_weight=0).fit(X, Y, teacher_logits=LOGITS)
    plain = CrossEntropyClassifier(**SMALL).fit(X, Y)
    np.testing.assert_allclose(student.predict_proba(X), plain.predict_proba(X), rtol=1e-9)


def test_the_loss_is_the_weighted_sum_with_the_squared_temperature():
    settings = SMALL | {"max_epochs": 1, "batch_size": 90, "lr": 1e-12}
    student = DISTClassifier(**settings, temperature=3.0, inter_weight=0.5, intra_weight=4.0)
    student.fit(X, Y, teacher_logits=LOGITS)
    logits = student.net_.module_(torch.from_numpy(X).double()).detach()
    inter, intra = correlation_loss(logits, torch.from_numpy(LOGITS), temperature=3.0)
    expected = torch.nn.functional.cross_entropy(logits, torch.from_numpy(Y)) + 9 * (0.5 * inter + 4 * intra)
    assert student.history_[0]["train_loss"] == pytest.approx(float(expected), rel=1e-6)


def test_a_teacher_half_as_sure_teaches_the_same():
    """Mixing every probability with the uniform one is a scaling and a shift, which correlation does not see."""
    proba = torch.from_numpy(LOGITS).softmax(1).numpy()
    first, second = (
        DISTClassifier(**SMALL, temperature=1.0).fit(X, Y, teacher_logits=np.log(p)).predict_proba(X)
        for p in (proba, proba / 2 + 1 / 6)
    )
    np.testing.assert_allclose(first, second, rtol=1e-4)


@pytest.mark.parametrize(
    "wrong", [{"temperature": 0}, {"inter_weight": -1}, {"intra_weight": -1}, {"batch_size": 1}], ids=str
)
def test_errors(wrong):
    (name,) = wrong
    with pytest.raises(ValueError, match=f"The '{name}' parameter of DISTClassifier"):
        DISTClassifier(**(SMALL | wrong)).fit(X, Y, teacher_logits=LOGITS)
