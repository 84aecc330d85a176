"""Every public query strategy in modAL's own learners: tables, images, skorch nets and pipelines."""

import numpy as np
import pytest
import torch
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch import NeuralNetClassifier

from skweak.nn import MLP, SmallCNN
from skweak.noisy import CrossEntropyClassifier
from tests.active.test_all_strategies import (
    OPEN_SET,
    POOL,
    START,
    X,
    Y,
    each,
    labels,
    learner_of,
    small,
    small_estimator,
)

pytest.importorskip("modAL")
from skweak.active import modal  # noqa: E402


def skorch_net():
    torch.manual_seed(0)
    return NeuralNetClassifier(
        MLP, module__n_features=4, module__n_outputs=3, module__hidden=(8,), module__dropout=0.2, max_epochs=2,
        criterion=torch.nn.CrossEntropyLoss, train_split=None, verbose=0,
    )  # fmt: skip


def modal_case(cls, kind):
    """Estimator, rows and labels of one kind, and arguments of modAL's learner."""
    if kind == "images":
        # Blobs as images of one channel: the four features are the pixels.
        images = X.reshape(-1, 1, 2, 2)
        network = {"module": SmallCNN, "module__widths": (4,), "module__dropout": 0.2, "max_epochs": 2}
        make = cls._detector_class if cls in OPEN_SET else CrossEntropyClassifier
        base = cls._detector_class._test_params() | {"unknown_label": -1} if cls in OPEN_SET else {}
        base = {name: value for name, value in base.items() if not name.startswith("module")}
        return make(**base | network, random_state=0), images, labels(cls), {}
    if kind == "skorch":
        # A net without an output for unknown rows: it is never told any.
        return skorch_net(), X, Y.astype(np.int64), {}
    if kind == "pipeline":
        return make_pipeline(StandardScaler(), small_estimator(cls)), X, labels(cls), {"on_transformed": True}
    return small_estimator(cls), X, labels(cls), {}


@each
@pytest.mark.parametrize("kind", ["table", "images", "skorch", "pipeline"])
def test_modals_learner_queries_and_teaches_in_turn(cls, kind):
    estimator, rows, y, settings = modal_case(cls, kind)
    learner = modal.ActiveLearner(estimator, small(cls), rows[START], y[START], **settings)
    pool, answers = rows[POOL], y[POOL]
    for round_number in range(2):
        indices, chosen = learner.query(pool, n_instances=2)
        # modAL itself would take a pair of two indices apart.
        assert indices.shape == (2,) and chosen.shape == (2, *rows.shape[1:])
        np.testing.assert_array_equal(chosen, pool[indices])
        learner.teach(chosen, answers[indices])
        pool, answers = np.delete(pool, indices, axis=0), np.delete(answers, indices)
        assert learner.X_training.shape == (42 + 2 * round_number, *rows.shape[1:])
        assert learner.X_training.dtype == rows.dtype
    assert learner.batch_sizes == [2, 2]
    again = small(cls)(learner, pool, 2)[0].tolist()
    assert learner.query(pool, n_instances=2)[0].tolist() == again


@each
def test_modals_learner_asks_what_ours_asks(cls):
    learner = modal.ActiveLearner(small_estimator(cls), small(cls), X[START], labels(cls)[START])
    expected = learner_of(cls).query(X[POOL], 4)[0]
    assert learner.query(X[POOL], n_instances=4)[0].tolist() == expected.tolist()
