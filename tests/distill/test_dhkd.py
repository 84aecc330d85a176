"""Dual-head distillation: two heads, one aligned step."""

from functools import partial

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skweak.distill import DHKDClassifier
from skweak.losses import binary_kl
from skweak.nn import MLP
from skweak.noisy import CrossEntropyClassifier
from tests.small_data import blobs

X, Y, _ = blobs()
X = X.astype(np.float32)
# A teacher that contradicts every label.
AGAINST = -10.0 * np.eye(3)[Y]
SMALL = {"module": partial(MLP, hidden=(16,)), "max_epochs": 4, "random_state": 0, "dtype": "float64", "lr": 0.02}


class Watched(DHKDClassifier):
    """Compares every merged gradient with the one over all parameters at once, written out."""

    def _align(self, run, supervised, taught):
        named = dict(run.get_all_learnable_params())
        self.names, parameters = list(named), list(named.values())
        flat = [
            torch.cat([g.flatten() for g in torch.autograd.grad(
                loss, parameters, retain_graph=True, materialize_grads=True)])
            for loss in (supervised, taught)
        ]  # fmt: skip
        super()._align(run, supervised, taught)
        self.steps.append((*flat, torch.cat([parameter.grad.flatten() for parameter in parameters])))
        self.sizes = [parameter.numel() for parameter in parameters]


def watched(**changes):
    student = Watched(**(SMALL | {"max_epochs": 25} | changes))
    student.steps = []
    return student.fit(X, Y, teacher_logits=AGAINST)


@pytest.mark.parametrize("aux_head", ["mlp", "linear"])
def test_the_step_never_works_against_the_labels(aux_head):
    steps = watched(aux_head=aux_head).steps
    conflicts = [float(g0 @ g1) < 0 for g0, g1, _ in steps]
    assert any(conflicts)
    for (g0, g1, merged), conflict in zip(steps, conflicts, strict=True):
        expected = g0 + g1 - (g0 @ g1) / (g0 @ g0) * g0 if conflict else g0 + g1
        torch.testing.assert_close(merged, expected)
        if conflict:
            assert abs(float((merged - g0) @ g0)) < 1e-10 * float(g0 @ g0)


def test_within_the_backbone_the_heads_are_left_alone():
    student = watched(alignment_scope="backbone", aux_head="linear")
    backbone = torch.cat([
        torch.full((size,), "head" not in name and "auxiliary" not in name)
        for name, size in zip(student.names, student.sizes, strict=True)
    ])  # fmt: skip
    assert 0 < backbone.sum() < len(backbone)
    assert any(float(g0[backbone] @ g1[backbone]) < 0 for g0, g1, _ in student.steps)
    for g0, g1, merged in student.steps:
        torch.testing.assert_close(merged[~backbone], (g0 + g1)[~backbone])
        a, b = g0[backbone], g1[backbone]
        expected = a + b - torch.clamp(a @ b, max=0) / (a @ a) * a
        torch.testing.assert_close(merged[backbone], expected)


@pytest.mark.parametrize("changes", [{"distill_until": 0}, {"distill_weight": 0.0}], ids=["never", "weight-zero"])
@pytest.mark.parametrize("gradient_alignment", [True, False])
def test_without_distillation_it_is_cross_entropy(changes, gradient_alignment):
    student = DHKDClassifier(**SMALL, **changes, gradient_alignment=gradient_alignment)
    student.fit(X, Y, teacher_logits=AGAINST)
    plain = CrossEntropyClassifier(**SMALL).fit(X, Y)
    np.testing.assert_allclose(student.predict_proba(X), plain.predict_proba(X), rtol=1e-6)


def test_distill_until_counts_epochs():
    student = DHKDClassifier(**SMALL, distill_until=3).fit(X, Y, teacher_logits=AGAINST)
    assert ["distill_loss" in row for row in student.history_] == [True, True, True, False]


def test_the_second_head_is_never_asked_for_predictions():
    student = DHKDClassifier(**SMALL).fit(X, Y, teacher_logits=AGAINST)
    before = student.predict_proba(X)
    student.net_.auxiliary_ = None
    assert np.array_equal(student.predict_proba(X), before)
    logits = student.net_.module_(torch.from_numpy(X).double())
    np.testing.assert_allclose(before, logits.softmax(1).detach())


def test_heads():
    mlp, linear = (
        DHKDClassifier(**SMALL, aux_head=head, aux_hidden=7, aux_dropout=0.3).fit(X, Y, teacher_logits=AGAINST).net_
        for head in ("mlp", "linear")
    )
    assert [type(layer).__name__ for layer in mlp.auxiliary_] == ["Linear", "Dropout", "BatchNorm1d", "ReLU", "Linear"]
    assert mlp.auxiliary_[0].out_features == 7 and mlp.auxiliary_[1].p == 0.3
    assert isinstance(linear.auxiliary_, torch.nn.Linear)
    shared = DHKDClassifier(**SMALL, aux_head="shared").fit(X, Y, teacher_logits=AGAINST).net_
    assert not hasattr(shared, "auxiliary_")


def test_the_first_loss_is_the_weighted_sum_of_both():
    settings = SMALL | {"max_epochs": 1, "batch_size": 90, "lr": 1e-12}
    student = DHKDClassifier(
        **settings, aux_head="shared", cross_entropy_weight=2.0, distill_weight=3.0, distill_loss="binary_kl",
        temperature=1.5,
    ).fit(X, Y, teacher_logits=AGAINST)  # fmt: skip
    logits = student.net_.module_(torch.from_numpy(X).double()).detach()
    entropy = torch.nn.functional.cross_entropy(logits, torch.from_numpy(Y))
    taught = binary_kl(logits, torch.from_numpy(AGAINST), temperature=1.5).mean()
    assert student.history_[0]["train_loss"] == pytest.approx(float(2 * entropy + 3 * taught), rel=1e-6)


def test_clipping_bounds_the_merged_gradient():
    norms = []

    class Clipped(DHKDClassifier):
        def _end_step(self, run):
            norms.append(run.norm)

        def _align(self, run, supervised, taught):
            super()._align(run, supervised, taught)
            take = run.take_step

            def measured(batch):
                gradients = [p.grad.flatten() for _, p in run.get_all_learnable_params()]
                run.norm = float(torch.cat(gradients).norm())
                take(batch)

            vars(run)["take_step"] = measured

    Clipped(**SMALL, grad_clip=0.5).fit(X, Y, teacher_logits=AGAINST)
    assert max(norms) <= 0.5 + 1e-6 and min(norms) > 0.1


def digits(seed, n_labeled=None):
    X, y = load_digits(return_X_y=True)
    Xa, Xb, ya, yb = train_test_split(X / 16, y, train_size=898, stratify=y, random_state=seed)
    teacher = CrossEntropyClassifier(module__hidden=(256,), max_epochs=40, random_state=seed).fit(Xa, ya)
    rows = np.random.RandomState(seed).permutation(len(ya))[:n_labeled]
    return teacher, Xa[rows], ya[rows], Xb, yb


def test_few_labels_gain_from_a_teacher_of_all():
    """Digits, 16 hidden units, 200 labels: at least one point above the labels alone, on average of three seeds."""
    gains = []
    for seed in (100, 101, 102):
        teacher, Xa, ya, Xb, yb = digits(seed, 200)
        settings = {"module__hidden": (16,), "max_epochs": 60, "random_state": seed}
        student = DHKDClassifier(teacher=teacher, **settings).fit(Xa, ya)
        gains.append(student.score(Xb, yb) - CrossEntropyClassifier(**settings).fit(Xa, ya).score(Xb, yb))
    assert np.mean(gains) > 0.01


def test_two_heads_repair_what_both_losses_do_to_one():
    """Digits, 8 hidden units, all labels: the second head wins what one head loses, on average of three seeds."""
    scores = {"shared": [], "linear": [], "labels": []}
    for seed in (100, 101, 102):
        teacher, Xa, ya, Xb, yb = digits(seed)
        settings = {"module__hidden": (8,), "module__scale_inputs": False, "max_epochs": 60, "random_state": seed}
        for head in ("shared", "linear"):
            student = DHKDClassifier(teacher=teacher, aux_head=head, gradient_alignment=False, **settings)
            scores[head].append(student.fit(Xa, ya).score(Xb, yb))
        scores["labels"].append(CrossEntropyClassifier(**settings).fit(Xa, ya).score(Xb, yb))
    shared, linear, labels = (np.mean(scores[name]) for name in ("shared", "linear", "labels"))
    assert linear > shared + 0.01 and linear > labels - 0.01


def test_clipped_a_narrow_student_keeps_up_with_the_labels_alone():
    """Digits, 8 hidden units, the larger second head: unclipped, some steps are huge and cost several points."""
    students, labels = [], []
    for seed in (100, 101):
        teacher, Xa, ya, Xb, yb = digits(seed)
        settings = {"module__hidden": (8,), "max_epochs": 60, "random_state": seed}
        students.append(DHKDClassifier(teacher=teacher, grad_clip=10.0, **settings).fit(Xa, ya).score(Xb, yb))
        labels.append(CrossEntropyClassifier(**settings).fit(Xa, ya).score(Xb, yb))
    assert np.mean(students) > np.mean(labels) - 0.015


@pytest.mark.parametrize(
    "wrong",
    [
        {"temperature": 0.0}, {"eps": 0.5}, {"eps": 0.0}, {"distill_weight": -1.0}, {"cross_entropy_weight": -0.1},
        {"aux_head": "conv"}, {"aux_hidden": 0}, {"aux_dropout": 1.0}, {"alignment_scope": "head"}, {"grad_clip": 0.0},
        {"distill_until": -1}, {"distill_loss": "mse"},
    ],
    ids=str,
)  # fmt: skip
def test_errors(wrong):
    (name,) = wrong
    with pytest.raises(ValueError, match=f"The '{name}' parameter of DHKDClassifier"):
        DHKDClassifier(**(SMALL | wrong)).fit(X, Y, teacher_logits=AGAINST)
