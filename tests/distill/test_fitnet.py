"""Hints: the teacher's embedding from the student's by one linear map."""

import numpy as np
import pytest
import torch

from skweak.distill import FitNetClassifier
from skweak.nn import MLP
from skweak.noisy import CrossEntropyClassifier
from tests.small_data import blobs

X, Y, _ = blobs()
X = X.astype(np.float32)
SMALL = {"module__hidden": (16,), "max_epochs": 4, "random_state": 0, "dtype": "float64"}
with torch.random.fork_rng():
    torch.manual_seed(0)
    TEACHER = MLP(4, 3, hidden=(8,))


def test_without_weight_it_is_cross_entropy():
    settings = SMALL | {"optimizer": torch.optim.SGD, "lr": 0.02}
    student = FitNetClassifier(teacher=TEACHER, feature_weight=0, **settings).fit(X, Y)
    plain = CrossEntropyClassifier(**settings).fit(X, Y)
    np.testing.assert_allclose(student.predict_proba(X), plain.predict_proba(X), rtol=1e-9)


def test_the_map_leads_to_the_teachers_width_and_the_loss_is_its_mean_square():
    settings = SMALL | {"max_epochs": 1, "batch_size": 90, "lr": 1e-12}
    student = FitNetClassifier(teacher=TEACHER, cross_entropy_weight=0, **settings).fit(X, Y)
    rows, net = torch.from_numpy(X), student.net_
    assert net.regressor_.weight.shape == (8, 16)
    guess, hints = net.regressor_(net.module_.features(rows.double())), TEACHER.features(rows).double()
    expected = 100 * (guess - hints).square().mean().detach()
    assert student.history_[0]["train_loss"] == pytest.approx(float(expected), rel=1e-5)


def test_the_embedding_learns_what_the_teachers_holds():
    student = FitNetClassifier(teacher=TEACHER, module__hidden=(16,), random_state=0, max_epochs=100).fit(X, Y)
    hints = TEACHER.features(torch.from_numpy(X)).detach()
    guess = student.net_.regressor_(torch.from_numpy(student.embed(X))).detach()
    # More than nine tenths of the variance of the teacher's features is found in the student's.
    assert (guess - hints).square().sum() < 0.1 * (hints - hints.mean(0)).square().sum()


def test_errors():
    with pytest.raises(ValueError, match="teacher is None"):
        FitNetClassifier().fit(X, Y)
    with pytest.raises(ValueError, match="The 'feature_weight' parameter of FitNetClassifier"):
        FitNetClassifier(teacher=TEACHER, feature_weight=-1).fit(X, Y)
