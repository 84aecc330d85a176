"""Training draws and computes what it always did: changes of the loop must not move a single history."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from skweak.active import E2OALClassifier
from skweak.distill import KDClassifier
from skweak.noisy import (
    BLDRClassifier,
    CoTeachingClassifier,
    CrossEntropyClassifier,
    DivideMixClassifier,
    DPCClassifier,
    ELRClassifier,
)
from skweak.partial import PiCOClassifier
from tests.small_data import blobs, labels_of

PINNED = {
    CrossEntropyClassifier: ({}, [0.985862, 0.881939, 0.741513, 0.613173, 0.541945]),
    ELRClassifier: ({"lr": 0.05, "augment": "weak", "validation_fraction": 0.2, "balance_weight": 0.0}, [0.656368, 0.280113, -0.163146, -0.764376, -1.46865]),
    DPCClassifier: ({"warmup_epochs": 2, "unlabeled_weight": 5.0, "ramp_epochs": 3, "mixup_alpha": 4.0}, [2.164206, 2.147471, 1.112583, 1.123933, 1.127936]),
    # Two networks in one step, a split by a mixture, per-row parameters with their own optimizer.
    CoTeachingClassifier: ({"lr": 0.05, "forget_rate": 0.2, "ramp_epochs": 10}, [2.084936, 1.758249, 1.317098, 0.87466, 0.634457]),
    DivideMixClassifier: ({"lr": 0.05, "warmup_epochs": 2}, [2.08588, 1.819954, 0.820569, 0.755763, 0.716807]),
    BLDRClassifier: ({"lr": 0.05, "reweight_start": 20, "balance_weight": 0.1, "head_agreement_weight": 0.0}, [2.084657, 1.89831, 1.469439, 1.176669, 1.070745]),
    # An averaged network with a queue, a teacher, and rows of no known class.
    PiCOClassifier: ({"queue_size": 32, "projection_width": 8}, [1.354013, 1.385042, 1.30049, 1.221881, 1.166936]),
    KDClassifier: ({"teacher": LogisticRegression()}, [0.964731, 0.868813, 0.71596, 0.554955, 0.421561]),
    E2OALClassifier: ({}, [3.172745, 3.099155, 2.960188, 2.769336, 2.593609]),
}


@pytest.mark.parametrize("cls", PINNED, ids=lambda cls: cls.__name__)
def test_losses_of_a_tiny_fit(cls):
    params, losses = PINNED[cls]
    X, _, y = blobs(60)
    clf = cls(
        max_epochs=5, batch_size=16, module__hidden=(8,), module__scale_inputs=False, random_state=0, n_threads=1,
        **params,
    )  # fmt: skip
    clf.fit(X, labels_of(cls._label_kind, y))
    found = [row["train_loss"] for row in clf.history_]
    # The sixth digit leaves room for another order of summation, not for another draw.
    np.testing.assert_allclose(found, losses, atol=2e-6)
