from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score

from skweak.datasets import make_positive_only
from skweak.engine import Batch
from skweak.losses import variational_pu_loss
from skweak.multilabel import MultiLabelClassifier, PUMLClassifier
from tests.latent_data import latent_labels

TINY = {"max_epochs": 3, "module__hidden": (8,), "batch_size": 32, "random_state": 0}


@pytest.fixture(scope="module")
def rows():
    X, Y = latent_labels(90, seed=0, n_labels=3)
    return X, Y, make_positive_only(Y, rate=0.6, random_state=0)


def test_zero_and_unknown_mean_the_same(rows):
    X, _, target = rows
    proba = [PUMLClassifier(**TINY).fit(X, y).predict_proba(X) for y in (target, np.maximum(target, 0))]
    assert np.array_equal(*proba)


def test_without_mixing_it_is_the_variational_loss(rows):
    seen = []

    class Spy(PUMLClassifier):
        def _loss(self, run, batch):
            loss = super()._loss(run, batch)
            logits = run.module_(batch.X)
            plain = variational_pu_loss(logits, batch.y, gamma=0.3, alpha=2.0).sum()
            seen.append((loss.item(), plain.item()))
            return loss

    X, _, target = rows
    Spy(**TINY, gamma=0.3, alpha=2.0, mixup_weight=0.0).fit(X, target)
    np.testing.assert_allclose(*np.transpose(seen))
    seen.clear()
    Spy(**TINY, gamma=0.3, alpha=2.0).fit(X, target)
    # Mixing adds a squared difference to every step.
    assert all(loss > plain for loss, plain in seen)


def test_halves_of_the_batch_are_mixed():
    seen = []

    def half(X):
        seen.append(X)
        return torch.zeros(len(X), 1)

    run = SimpleNamespace(
        module_=half, device="cpu", generator=torch.Generator(), numpy_random=SimpleNamespace(beta=lambda *_: 0.25),
        state=SimpleNamespace(absent=torch.tensor([False])),
    )  # fmt: skip
    X = torch.tensor([[4.0], [4.0], [8.0], [8.0]])
    batch = Batch(X, torch.tensor([[1], [1], [0], [-1]]), torch.arange(4))
    loss = PUMLClassifier(mixup_weight=2.0)._loss(run, batch) - variational_pu_loss(half(X), batch.y).sum()
    # A quarter of a positive and three quarters of an unlabeled row: 8 + (4 - 8) / 4 for the inputs,
    # and 0.5 + (1 - 0.5) / 4 against a prediction of 1/2.
    assert seen[1].tolist() == [[7.0], [7.0]]
    assert loss.item() == pytest.approx(2 * np.log(0.625 / 0.5) ** 2, rel=1e-5)


def test_label_without_a_positive_is_absent():
    X, Y = latent_labels(300, seed=0, n_labels=3)
    target = make_positive_only(Y, rate=0.6, random_state=0)
    target[:, 1] = -1
    clf = PUMLClassifier(max_epochs=30, module__hidden=(16,), random_state=0).fit(X, target)
    assert clf.predict(X)[:, 1].sum() == 0 and clf.class_prior_[1] == 0
    assert clf.predict(X)[:, [0, 2]].sum(0).min() > 0


def test_label_without_a_positive_leaves_the_place_where_all_rows_have_it():
    # At logits of 8 everywhere the objective of positives and unlabeled rows is flat; softplus has slope 1 / 4 a row.
    logits = torch.full((4, 1), 8.0, requires_grad=True)
    batch = Batch(logits.detach(), torch.tensor([[0], [-1], [0], [0]]), torch.arange(4))
    run = SimpleNamespace(module_=lambda _: logits, state=SimpleNamespace(absent=torch.tensor([True])))
    (slope,) = torch.autograd.grad(PUMLClassifier(mixup_weight=0.0)._loss(run, batch), logits)
    torch.testing.assert_close(slope, torch.full((4, 1), 0.25), rtol=1e-3, atol=0)
    (flat,) = torch.autograd.grad(variational_pu_loss(logits, batch.y).sum(), logits)
    assert flat.abs().max() < 1e-6


def test_prior_sets_the_thresholds(rows):
    X, Y, target = rows
    clf = PUMLClassifier(**TINY, class_prior=[0.0, 0.5, 1.0]).fit(X, target)
    assert clf.class_prior_.tolist() == [0.0, 0.5, 1.0] and clf.thresholds_[0] == 1.01
    assert clf.predict(X).sum(0).tolist() == [0, 45, 90]
    plain = PUMLClassifier(**TINY).fit(X, target)
    assert plain.thresholds_.tolist() == [0.5] * 3
    np.testing.assert_allclose(plain.class_prior_, plain.predict(X).mean(0))


def test_observed_positives_stay(rows):
    X, _, target = rows
    clf = PUMLClassifier(**TINY, class_prior=0.1).fit(X, target)
    assert (clf.transduction_[target == 1] == 1).all()
    assert (clf.transduction_[target != 1] == clf.predict(X)[target != 1]).all()


def test_one_row_and_one_row_batches(rows):
    X, _, target = rows
    positive = target[(target == 1).all(1) | (target == 1).any(1)][:1]
    clf = PUMLClassifier(**TINY).fit(X[:1], positive)
    assert np.isfinite(clf.predict_proba(X)).all()
    assert np.isfinite(
        PUMLClassifier(**{**TINY, "batch_size": 1}).fit(X[:9], target[:9]).predict_proba(X)
    ).all()


def test_ranks_better_than_taking_unknown_as_absent():
    scores = []
    for seed in range(4):
        X, Y = latent_labels(1000, seed)
        target = make_positive_only(Y[:500], rate=0.3, random_state=seed)
        settings = {"max_epochs": 30, "module__hidden": (32,), "random_state": 0}
        fits = [
            PUMLClassifier(**settings).fit(X[:500], target),
            MultiLabelClassifier(**settings).fit(X[:500], np.maximum(target, 0)),
        ]
        scores.append([average_precision_score(Y[500:], clf.predict_proba(X[500:])) for clf in fits])
    pu, naive = np.mean(scores, 0)
    # Measured 82.5 and 80.6 percent.
    assert pu > naive + 0.01


@pytest.mark.parametrize(
    ("parameters", "message"),
    [({"class_prior": 2.0}, "class_prior"), ({"alpha": 0.0}, "alpha"), ({"mixup_alpha": 0.0}, "mixup_alpha")],
    ids=["prior", "alpha", "mixup"],
)
def test_bad_parameters(rows, parameters, message):
    X, _, target = rows
    with pytest.raises(ValueError, match=message):
        PUMLClassifier(**{**TINY, **parameters}).fit(X, target)


def test_no_positive_at_all(rows):
    X, _, target = rows
    with pytest.raises(ValueError, match="y holds no positive entry"):
        PUMLClassifier(**TINY).fit(X, np.zeros_like(target))
