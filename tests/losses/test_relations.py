"""Losses on correlations, angles and similarities."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from skweak.losses import correlation_loss, kernel_matching_loss, relational_angle_loss
from tests.strategies import matrices, permutations

quick = settings(max_examples=25, deadline=None, derandomize=True)
SEVERAL = st.integers(2, 6)
EMBEDDING_LOSSES = pytest.mark.parametrize("loss", [relational_angle_loss, kernel_matching_loss])


@st.composite
def pairs(draw, same_width=False):
    student = draw(matrices(SEVERAL, SEVERAL, bound=5.0))
    width = st.just(student.shape[1]) if same_width else SEVERAL
    return student, draw(matrices(st.just(student.shape[0]), width, bound=5.0))


def test_hand_computed_correlation():
    student = torch.tensor([[0.7, 0.2, 0.1], [0.2, 0.7, 0.1]], dtype=torch.float64).log()
    teacher = torch.tensor([[0.1, 0.2, 0.7], [0.2, 0.7, 0.1]], dtype=torch.float64).log()
    between_classes, between_rows = correlation_loss(student, teacher)
    # Row 1: differences from 1/3 (11, -4, -7)/30 and (-7, -4, 11)/30, product -138, norms 186. Row 2 is equal.
    assert between_classes.item() == pytest.approx((1 + 138 / 186) / 2, abs=1e-6)
    # Classes 1 and 2 have two rows each, correlation -1 and 1; class 3 of the student is constant, correlation 0.
    assert between_rows.item() == pytest.approx((2 + 0 + 1) / 3, abs=1e-6)


def test_hand_computed_angles():
    # Cosines 0, sqrt(1/2), sqrt(1/2) against 1, -1, 1; two ordered pairs at each corner, the diagonal agrees.
    student = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]], dtype=torch.float64)
    teacher = torch.tensor([[0.0], [1.0], [3.0]], dtype=torch.float64)
    half = math.sqrt(0.5)
    expected = 2 * (0.5 + (half + 1 - 0.5) + (1 - half) ** 2 / 2) / 27
    assert relational_angle_loss(student, teacher).item() == pytest.approx(expected)


@given(pairs(same_width=True), st.sampled_from([0.5, 1.0, 4.0]))
@quick
def test_correlation_against_torch(data, temperature):
    student, teacher = data
    p, q = F.softmax(student / temperature, dim=1), F.softmax(teacher / temperature, dim=1)
    losses = correlation_loss(student, teacher, temperature=temperature)
    for found, (a, b) in zip(losses, ((p, q), (p.T, q.T)), strict=True):
        centred = [z - z.mean(1, keepdim=True) for z in (a, b)]
        norms = centred[0].norm(dim=1) * centred[1].norm(dim=1)
        expected = 1 - ((centred[0] * centred[1]).sum(1) / (norms + 1e-8)).mean()
        torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)
        assert -1e-9 <= found.item() <= 2 + 1e-9


def test_correlation_ignores_scale_and_shift_of_probabilities():
    teacher = torch.tensor([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3]], dtype=torch.float64)
    student = 0.5 * teacher + 0.5 / 3
    between_classes, between_rows = correlation_loss(student.log(), teacher.log())
    assert between_classes.item() < 1e-6 and between_rows.item() < 1e-6
    torch.testing.assert_close(
        correlation_loss(student.log() + 3, teacher.log() - 1), correlation_loss(student.log(), teacher.log())
    )


@given(pairs())
@quick
def test_embedding_losses_against_slow_loops(data):
    student, teacher = data
    n = len(student)

    def cosine(f, i, j, k):
        a, b = f[j] - f[i], f[k] - f[i]
        return (a / a.norm().clamp(min=1e-12)) @ (b / b.norm().clamp(min=1e-12))

    triples = [(i, j, k) for i in range(n) for j in range(n) for k in range(n)]
    slow = torch.stack([F.smooth_l1_loss(cosine(student, *t), cosine(teacher, *t)) for t in triples]).mean()
    torch.testing.assert_close(relational_angle_loss(student, teacher), slow, rtol=1e-6, atol=1e-9)

    def shares(f):
        unit = f / (f.norm(dim=1, keepdim=True) + 1e-7)
        kernel = (unit @ unit.T + 1) / 2
        return kernel / kernel.sum(1, keepdim=True)

    p, q = shares(student), shares(teacher)
    slow = sum(q[i, j] * torch.log((q[i, j] + 1e-7) / (p[i, j] + 1e-7)) for i in range(n) for j in range(n)) / n**2
    torch.testing.assert_close(kernel_matching_loss(student, teacher), slow, rtol=1e-6, atol=1e-9)


@EMBEDDING_LOSSES
@given(data=pairs(), draw=st.data())
@quick
def test_invariance(loss, data, draw):
    # Positive entries: opposite rows have a similarity of 0, whose logarithm feels every rounding.
    student, teacher = (embedding.abs() + 0.1 for embedding in data)
    order = draw.draw(permutations(len(student)))
    value = loss(student, teacher)
    torch.testing.assert_close(loss(student[order], teacher[order]), value, rtol=1e-6, atol=1e-8)
    square = torch.arange(student.shape[1] ** 2, dtype=torch.float64).sin().view_as(student.T @ student)
    rotation = torch.linalg.qr(square).Q
    torch.testing.assert_close(loss(2 * student @ rotation, teacher), value, rtol=1e-5, atol=1e-6)
    assert loss(student, student).abs().item() < 1e-12


def test_angles_ignore_shifts():
    student, teacher = torch.randn(5, 3, dtype=torch.float64), torch.randn(5, 2, dtype=torch.float64)
    torch.testing.assert_close(relational_angle_loss(student + 4, teacher - 1), relational_angle_loss(student, teacher))


@EMBEDDING_LOSSES
def test_gradients_are_finite_where_rows_coincide_and_skip_the_teacher(loss):
    student = torch.tensor([[1.0, 2.0], [1.0, 2.0], [0.0, 0.0]], requires_grad=True)
    teacher = torch.tensor([[1e4, 0.0, 1.0], [3.0, 1.0, 0.0], [3.0, 1.0, 0.0]], requires_grad=True)
    loss(student, teacher).backward()
    assert torch.isfinite(student.grad).all() and teacher.grad is None


def test_correlation_is_finite_at_extremes():
    student = torch.tensor([[1e4, 0.0, 0.0], [1e4, 0.0, 0.0]], requires_grad=True)
    teacher = torch.tensor([[0.0, 1e4, 0.0], [0.0, 0.0, 0.0]], requires_grad=True)
    sum(correlation_loss(student, teacher)).backward()
    assert torch.isfinite(student.grad).all() and teacher.grad is None


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: correlation_loss(torch.zeros(1, 3), torch.zeros(1, 3)), ValueError, "student_logits has one row"),
        (lambda: correlation_loss(torch.zeros(2, 3), torch.zeros(2, 4)), ValueError, "teacher_logits has shape"),
        (lambda: correlation_loss(torch.zeros(2, 3), torch.zeros(2, 3), temperature=-1), ValueError, "temperature"),
        (lambda: relational_angle_loss(torch.zeros(1, 3), torch.zeros(1, 3)), ValueError, "student has one row"),
        (lambda: relational_angle_loss(torch.zeros(2, 3), torch.zeros(3, 3)), ValueError, "teacher has 3 rows but"),
        (lambda: kernel_matching_loss(torch.zeros(2, 3), torch.zeros(3, 3)), ValueError, "teacher has 3 rows but"),
        (lambda: kernel_matching_loss(torch.zeros(2, 3), [[1.0]]), TypeError, "teacher must be a torch.Tensor"),
    ],
    ids=["one-row", "shape", "temperature", "one-embedding", "rows", "rows-kernel", "list"],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()
