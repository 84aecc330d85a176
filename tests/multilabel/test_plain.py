"""The plain multi-label network: three losses, unknown entries."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from skweak.metrics import mean_average_precision
from skweak.multilabel import MultiLabelClassifier
from skweak.nn import LabelwiseNetwork

RANDOM = np.random.RandomState(0)
X = RANDOM.randn(60, 5).astype(np.float32)
Y = (X @ RANDOM.randn(5, 4) > 0.5).astype(int)
ONE_STEP = {"module__hidden": (8,), "max_epochs": 1, "batch_size": 60, "lr": 1e-12, "dtype": "float64", "random_state": 0}


def first_loss(target=Y, **params):
    """Return the loss of the first step and the logits that it was made of."""
    clf = MultiLabelClassifier(**ONE_STEP, **params).fit(X, target)
    return clf.history_[0]["train_loss"], clf.net_.module_(torch.from_numpy(X).double()).detach()


def test_binary_cross_entropy_is_a_sum_over_labels():
    loss, logits = first_loss()
    expected = F.binary_cross_entropy_with_logits(logits, torch.from_numpy(Y).double(), reduction="none").sum(1).mean()
    assert loss == pytest.approx(float(expected), rel=1e-6)


def test_focal_loss():
    loss, logits = first_loss(loss="focal", gamma=1.5)
    p, y = logits.sigmoid().numpy(), Y
    hit = np.where(y == 1, p, 1 - p)
    assert loss == pytest.approx(-((1 - hit) ** 1.5 * np.log(hit)).sum(1).mean(), rel=1e-6)


def test_asymmetric_loss():
    loss, logits = first_loss(loss="asymmetric", gamma_negative=3, gamma_positive=0.5, clip=0.2)
    p = logits.sigmoid().numpy()
    shifted = np.maximum(p - 0.2, 0)
    entries = np.where(Y == 1, -((1 - p) ** 0.5) * np.log(p), -(shifted**3) * np.log(1 - shifted))
    assert loss == pytest.approx(entries.sum(1).mean(), rel=1e-6)


@pytest.mark.parametrize(
    "params",
    [{"loss": "focal", "gamma": 0}, {"loss": "asymmetric", "gamma_negative": 0, "gamma_positive": 0, "clip": 0}],
    ids=["focal", "asymmetric"],
)
def test_without_focus_all_are_one(params):
    settings = {"module__hidden": (8,), "max_epochs": 5, "random_state": 0}
    plain, focused = (MultiLabelClassifier(**settings, **p).fit(X, Y).predict_proba(X) for p in ({}, params))
    np.testing.assert_allclose(plain, focused, rtol=1e-5)


def test_the_weight_of_the_focal_loss_is_differentiated():
    """One step of it is one step along the gradient of the formula, weight included."""
    settings = ONE_STEP | {"optimizer": torch.optim.SGD, "lr": 0.1, "dtype": "float64"}
    clf = MultiLabelClassifier(torch.nn.Linear(5, 4), loss="focal", **{k: v for k, v in settings.items() if "__" not in k})
    start = {name: value.double() for name, value in clf.module.state_dict().items()}
    weight = start["weight"].clone().requires_grad_()
    hit = torch.where(torch.from_numpy(Y) == 1, 1.0, -1.0) * (torch.from_numpy(X).double() @ weight.T + start["bias"])
    (-((1 - hit.sigmoid()) ** 2 * F.logsigmoid(hit)).sum(1).mean()).backward()
    learned = clf.fit(X, Y).net_.module_.weight
    torch.testing.assert_close(learned.detach(), start["weight"] - 0.1 * weight.grad)


@pytest.mark.parametrize("loss", ["bce", "focal", "asymmetric"])
def test_unknown_entries_say_nothing(loss):
    target = Y.copy()
    target[:, 1] = -1
    target[::3] = -1
    known, logits = first_loss(target, loss=loss)
    alone = MultiLabelClassifier(**ONE_STEP, loss=loss).fit(X, target)
    assert np.isfinite(known) and known < first_loss(loss=loss)[0]
    # Nothing is known of label 1: its weights have no gradient and only the decay of the optimizer moves them.
    settings = ONE_STEP | {"lr": 0.1, "max_epochs": 3, "optimizer": torch.optim.SGD}
    clf = MultiLabelClassifier(loss=loss, **settings).fit(X, target)
    before, after = alone.net_.module_.head.weight[1], clf.net_.module_.head.weight[1]
    torch.testing.assert_close(before, after)
    assert not torch.allclose(alone.net_.module_.head.weight[0], clf.net_.module_.head.weight[0])


@pytest.mark.parametrize("loss", ["bce", "focal", "asymmetric"])
@pytest.mark.parametrize("module", ["auto", LabelwiseNetwork])
def test_it_learns(loss, module):
    clf = MultiLabelClassifier(module, loss=loss, optimizer=torch.optim.Adam, lr=0.005, max_epochs=20, random_state=0)
    assert mean_average_precision(Y, clf.fit(X, Y).predict_proba(X)) > 0.9


@pytest.mark.parametrize(
    "wrong", [{"loss": "hinge"}, {"gamma": -1}, {"gamma_negative": -1}, {"gamma_positive": -1}, {"clip": 1.0}], ids=str
)
def test_errors(wrong):
    (name,) = wrong
    with pytest.raises(ValueError, match=f"The '{name}' parameter of MultiLabelClassifier"):
        MultiLabelClassifier(**wrong).fit(X, Y)
