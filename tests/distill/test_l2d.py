"""Multi-label distillation: logits, and label-wise embeddings."""

import warnings
from functools import partial

import numpy as np
import pytest
import torch
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import GridSearchCV, KFold
from torch import nn

from skweak.distill import L2DClassifier
from skweak.losses import (
    asymmetric_loss,
    binary_kl,
    class_aware_embedding_loss,
    instance_aware_embedding_loss,
    kernel_matching_loss,
    relational_angle_loss,
    relational_huber_loss,
)
from skweak.metrics import mean_average_precision, mean_average_precision_scorer
from skweak.multilabel import MultiLabelClassifier
from skweak.nn import MLP, LabelwiseNetwork, ResNet, SmallCNN

RANDOM = np.random.RandomState(0)
X = RANDOM.randn(80, 6).astype(np.float32)
Y = (X @ RANDOM.randn(6, 5) + 0.5 * RANDOM.randn(80, 5) > 0.3).astype(int)
SIZES = {"embedding_dim": 8, "n_heads": 2, "feedforward_dim": 8, "n_tokens": 3}
SMALL = {"module": partial(MLP, hidden=(16,)), "max_epochs": 3, "random_state": 0, "dtype": "float64", **SIZES}
WIDE = partial(LabelwiseNetwork, backbone=partial(MLP, hidden=(32,)), embedding_dim=12)
LOGITS = {"class_embedding_weight": 0, "instance_embedding_weight": 0}


@pytest.fixture(scope="module")
def teacher():
    return MultiLabelClassifier(WIDE, max_epochs=30, random_state=0).fit(X, Y)


def parts(teacher, target, student):
    """Every term of the loss of one batch, from the fitted student's own outputs."""
    rows, target = torch.from_numpy(X), torch.from_numpy(target)
    theirs = teacher.net_.module_
    net = student.net_.module_
    with torch.no_grad():
        pair = net.label_embeddings(rows.double()), theirs.label_embeddings(rows).double()
        logits, taught = net(rows.double()), theirs(rows).double()
        flat = [side.flatten(1) for side in pair]
        relations = relational_huber_loss(*flat) / len(X) + relational_angle_loss(*flat)
        return {
            "bce": asymmetric_loss(logits, target, gamma_negative=0, gamma_positive=0, clip=0).sum(),
            "mld": binary_kl(logits, taught).mean(),
            "class": class_aware_embedding_loss(*pair, target).sum(),
            "instance": instance_aware_embedding_loss(*pair, target).sum(),
            "rkd": relations,
            "pkt": kernel_matching_loss(*flat),
        }


def one_step(teacher, target=Y, **changes):
    settings = SMALL | {"max_epochs": 1, "batch_size": 80, "lr": 1e-12, "head_dropout": 0.0}
    return L2DClassifier(teacher=teacher, **(settings | changes)).fit(X, target)


@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_the_loss_is_the_weighted_sum(teacher, reduction):
    student = one_step(
        teacher, logit_weight=7.0, class_embedding_weight=0.3, instance_embedding_weight=0.2, reduction=reduction
    )
    part = parts(teacher, Y, student)
    expected = part["bce"] + 7 * part["mld"] + 0.3 * part["class"] + 0.2 * part["instance"]
    expected = float(expected) / (Y.size if reduction == "mean" else 1)
    assert student.history_[0]["train_loss"] == pytest.approx(expected, rel=1e-6)
    share = float((0.3 * part["class"] + 0.2 * part["instance"]) / part["bce"])
    assert student.history_[0]["embedding_share"] == pytest.approx(share, rel=1e-6)


@pytest.mark.parametrize("feature_loss", ["rkd", "pkt"])
def test_further_terms(teacher, feature_loss):
    student = one_step(teacher, logit_weight=0, feature_loss=feature_loss, feature_weight=4.0, **LOGITS)
    part = parts(teacher, Y, student)
    expected = float(part["bce"] + 4 * part[feature_loss])
    assert student.history_[0]["train_loss"] == pytest.approx(expected, rel=1e-6)


def test_unknown_entries_have_no_loss_and_no_relation(teacher):
    unknown = np.where(np.arange(80)[:, None] % 4 == 0, -1, Y)
    absent = np.where(unknown == -1, 0, Y)
    student = one_step(teacher, unknown)
    part, as_absent = parts(teacher, unknown, student), parts(teacher, absent, student)
    expected = float(part["bce"] + 100 * part["mld"] + 0.1 * as_absent["class"] + 0.1 * as_absent["instance"])
    assert student.history_[0]["train_loss"] == pytest.approx(expected, rel=1e-6)
    assert part["bce"] < as_absent["bce"]


def test_without_the_teacher_it_is_a_plain_labelwise_network(teacher):
    settings = {"optimizer": torch.optim.Adam, "lr": 0.002, "max_epochs": 3, "random_state": 0, "dtype": "float64"}
    backbone = partial(MLP, hidden=(16,))
    student = L2DClassifier(backbone, teacher=teacher, logit_weight=0, **LOGITS, **SIZES, **settings).fit(X, Y)

    class Sum(MultiLabelClassifier):
        def _loss(self, run, batch):
            return super()._loss(run, batch).sum()

    plain = Sum(partial(LabelwiseNetwork, backbone=backbone, **SIZES), **settings).fit(X, Y)
    np.testing.assert_allclose(student.predict_proba(X), plain.predict_proba(X), rtol=1e-6)


def test_given_logits_and_a_forest_teach_without_embeddings():
    forest = RandomForestClassifier(20, min_samples_leaf=3, random_state=0).fit(X, Y)
    proba = np.stack([column[:, 1] for column in forest.predict_proba(X)], axis=1).clip(1e-12, 1 - 1e-12)
    first = L2DClassifier(teacher=forest, **SMALL, **LOGITS).fit(X, Y)
    second = L2DClassifier(**SMALL, **LOGITS).fit(X, Y, teacher_logits=np.log(proba / (1 - proba)))
    np.testing.assert_allclose(first.predict_proba(X), second.predict_proba(X), rtol=1e-5)


def test_given_logits_replace_only_the_logits(teacher):
    logits = teacher.net_.module_(torch.from_numpy(X)).detach().numpy()
    student = L2DClassifier(teacher=teacher, **SMALL).fit(X, Y)
    given = L2DClassifier(teacher=teacher, **SMALL).fit(X, Y, teacher_logits=logits)
    np.testing.assert_allclose(student.predict_proba(X), given.predict_proba(X), rtol=1e-5)


def test_any_module_with_label_embeddings_teaches(teacher):
    first, second = (
        L2DClassifier(teacher=t, **SMALL).fit(X, Y).predict_proba(X) for t in (teacher, teacher.net_.module_)
    )
    assert np.array_equal(first, second)
    L2DClassifier(teacher=L2DClassifier(teacher=teacher, **SMALL).fit(X, Y), **SMALL).fit(X, Y)


@pytest.mark.parametrize("head", ["attention", "projection"])
@pytest.mark.parametrize("augment", [None, "weak"])
def test_images(head, augment):
    images = np.random.RandomState(0).randint(0, 255, (40, 1, 8, 8)).astype(np.uint8)
    network = partial(LabelwiseNetwork, backbone=SmallCNN, embedding_dim=8)
    teacher = MultiLabelClassifier(network, max_epochs=1, random_state=0).fit(images, Y[:40])
    student = L2DClassifier(
        partial(ResNet, width=4), teacher=teacher, head=head, augment=augment, max_epochs=2, random_state=0, **SIZES
    ).fit(images, Y[:40])
    assert student.predict_proba(images).shape == (40, 5) and student.embed(images).shape == (40, 40)


def test_a_labelwise_module_is_taken_as_it_is(teacher):
    student = L2DClassifier(WIDE, teacher=teacher, max_epochs=1, random_state=0).fit(X, Y)
    assert isinstance(student.net_.module_.backbone, MLP) and student.embed(X).shape == (80, 60)


def test_one_dimensional_y(teacher):
    y = np.where(Y[:, 0], "yes", "no")
    one = MultiLabelClassifier(LabelwiseNetwork, max_epochs=20, random_state=0).fit(X, y)
    student = L2DClassifier(teacher=one, **SMALL | {"max_epochs": 20, "lr": 0.01}).fit(X, y)
    assert student.score(X, y) > 0.8 and student.predict_proba(X).shape == (80, 2)


def test_grid_search_on_mean_average_precision(teacher):
    grid = {"class_embedding_weight": [0.0, 0.1], "logit_weight": [10.0]}
    search = GridSearchCV(
        L2DClassifier(teacher=teacher, **SMALL), grid, scoring=mean_average_precision_scorer, error_score="raise",
        cv=KFold(2, shuffle=True, random_state=0),
    ).fit(X, Y)  # fmt: skip
    assert search.best_estimator_.teacher is teacher and search.best_score_ > 0.3


def test_large_embedding_weights_warn(teacher):
    with pytest.warns(UserWarning, match="embedding terms start at .* times the binary cross-entropy"):
        L2DClassifier(teacher=teacher, **SMALL | L2DClassifier.paper_weights).fit(X, Y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        L2DClassifier(teacher=teacher, **SMALL).fit(X, Y)


def test_nothing_to_relate_warns(teacher):
    rare = np.zeros((80, 5), dtype=int)
    rare[np.arange(10), np.arange(10) % 5] = 1
    with pytest.warns(UserWarning, match="nothing to compare"):
        L2DClassifier(teacher=teacher, **SMALL | {"batch_size": 16}).fit(X, rare)


def test_a_label_without_a_positive_row_is_learned_as_absent(teacher):
    y = Y * (np.arange(5) != 3)
    unfitted = MultiLabelClassifier(LabelwiseNetwork, max_epochs=10)
    proba = L2DClassifier(teacher=unfitted, **SMALL | {"max_epochs": 20}).fit(X, y).predict_proba(X)
    assert proba.shape == (80, 5) and proba[:, 3].mean() < 0.15 < y[:, [0, 1, 2, 4]].mean()


@pytest.mark.parametrize("make", [
    lambda: RandomForestClassifier(random_state=0), lambda: nn.Linear(6, 5), lambda: MultiLabelClassifier(max_epochs=2),
], ids=["forest", "module", "plain network"])  # fmt: skip
def test_logits_alone_of_teachers_without_embeddings_of_labels(make):
    torch.manual_seed(0)
    other = make() if isinstance(make(), nn.Module) else make().fit(X, Y)
    with pytest.warns(UserWarning, match=rf"{type(other).__name__} has no label_embeddings.*LabelwiseNetwork") as told:
        student = L2DClassifier(teacher=other, **SMALL).fit(X, Y)
    assert len(told) == 1
    off = {"class_embedding_weight": 0, "instance_embedding_weight": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        alone = L2DClassifier(teacher=other, **SMALL | off).fit(X, Y)
    np.testing.assert_array_equal(student.predict_proba(X), alone.predict_proba(X))


def test_errors(teacher):
    with pytest.raises(ValueError, match="RandomForestClassifier has no embeddings, which L2DClassifier needs"):
        L2DClassifier(teacher=RandomForestClassifier().fit(X, Y), feature_loss="rkd", **SMALL).fit(X, Y)
    with pytest.raises(ValueError, match="embedding terms need one"):
        L2DClassifier(**SMALL).fit(X, Y, teacher_logits=np.zeros((80, 5)))
    with pytest.raises(ValueError, match="teacher and y differ in their classes"):
        L2DClassifier(teacher=teacher, **SMALL, classes=list("abcde")).fit(X, Y)
    with pytest.raises(ValueError, match="embedding_dim=8 must be a multiple of n_heads=3"):
        L2DClassifier(teacher=teacher, **SMALL | {"n_heads": 3}).fit(X, Y)
    nonsense = {"logit_weight": -1, "head": "mlp", "reduction": "none", "feature_loss": "crd", "eps": 0}
    for name, wrong in nonsense.items():
        with pytest.raises(ValueError, match=f"The '{name}' parameter of L2DClassifier"):
            L2DClassifier(teacher=teacher, **SMALL | {name: wrong}).fit(X, Y)


def synthetic(seed, n=800, n_test=1000, n_labels=12):
    """Labels and features from eight hidden variables, both through non-linear maps."""
    random = np.random.RandomState(seed)
    z = random.randn(n + n_test, 8)
    score = 1.5 * np.tanh(z) @ (1.2 * random.randn(8, n_labels)) - 1.6 + 0.5 * random.randn(n_labels)
    labels = (random.rand(n + n_test, n_labels) < 1 / (1 + np.exp(-2 * score))).astype(int)
    mixed = z @ random.randn(8, 40) / np.sqrt(8)
    rows = np.sin(1.5 * mixed) + 0.5 * mixed + 0.35 * random.randn(n + n_test, 40)
    return rows[:n], labels[:n], rows[n:], labels[n:]


def test_a_small_student_gains_from_its_teacher():
    """Twelve synthetic labels, eight hidden units: at least half a point of mAP above the labels alone, two seeds."""
    settings = {"max_epochs": 15, "embedding_dim": 8, "n_tokens": 4, "module__hidden": (8,)}
    wide = partial(LabelwiseNetwork, backbone=partial(MLP, hidden=(256,)))
    gains = []
    for seed in (100, 101):
        Xa, Ya, Xb, Yb = synthetic(seed)
        teacher = MultiLabelClassifier(
            wide, optimizer=torch.optim.Adam, lr=0.001, max_epochs=15, random_state=seed
        ).fit(Xa, Ya)
        scores = []
        for weights in ({}, {"logit_weight": 0, **LOGITS}):
            student = L2DClassifier(teacher=teacher, random_state=seed, **settings, **weights).fit(Xa, Ya)
            scores.append(mean_average_precision(Yb, student.predict_proba(Xb)))
        gains.append(scores[0] - scores[1])
    assert np.mean(gains) > 0.005
