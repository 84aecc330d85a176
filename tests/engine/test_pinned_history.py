"""Training draws and computes what it always did: changes of the loop must not move a single history."""

import numpy as np
import pytest

from skweak.noisy import CrossEntropyClassifier, DPCClassifier, ELRClassifier
from tests.small_data import blobs

PINNED = {
    CrossEntropyClassifier: ({}, [0.985862, 0.881939, 0.741513, 0.613173, 0.541945]),
    ELRClassifier: ({"augment": "weak", "validation_fraction": 0.2}, [0.656368, 0.280113, -0.163146, -0.764376, -1.46865]),
    DPCClassifier: ({"warmup_epochs": 2, "unlabeled_weight": 5.0, "ramp_epochs": 3}, [2.164206, 2.147471, 1.137204, 1.129449, 1.126133]),
}


@pytest.mark.parametrize("cls", PINNED, ids=lambda cls: cls.__name__)
def test_losses_of_a_tiny_fit(cls):
    params, losses = PINNED[cls]
    X, _, y = blobs(60)
    clf = cls(max_epochs=5, batch_size=16, module__hidden=(8,), random_state=0, n_threads=1, **params).fit(X, y)
    found = [row["train_loss"] for row in clf.history_]
    # The sixth digit leaves room for another order of summation, not for another draw.
    np.testing.assert_allclose(found, losses, atol=2e-6)
