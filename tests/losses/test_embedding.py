import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from skweak.losses import (
    class_aware_embedding_loss,
    instance_aware_embedding_loss,
    relational_huber_loss,
)
from tests.strategies import permutations

close = torch.testing.assert_close
quick = settings(max_examples=25, deadline=None, derandomize=True)

SET_LOSSES = {"class-aware": class_aware_embedding_loss, "instance-aware": instance_aware_embedding_loss}
both_losses = pytest.mark.parametrize("loss", SET_LOSSES.values(), ids=SET_LOSSES.keys())


def normal(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)).to(dtype)


def distances(rows):
    """Pairwise distances as nested lists, floored off the diagonal."""
    rows = rows.tolist()
    size = range(len(rows))
    return [[max(math.dist(rows[a], rows[b]), 1e-6) if a != b else 0.0 for b in size] for a in size]


def loop(student, teacher):
    """Relational loss by its definition, one ordered pair at a time."""
    size = len(student)
    scaled = []
    for matrix in (distances(student), distances(teacher)):
        positive = [value for row in matrix for value in row if value > 0]
        scaled.append([[value / (sum(positive) / len(positive)) for value in row] for row in matrix])
    total = 0.0
    for a in range(size):
        for b in range(size):
            gap = abs(scaled[0][a][b] - scaled[1][a][b])
            total += gap**2 / 2 if gap < 1 else gap - 0.5
    return total / size


def set_loop(loss, student, teacher, target):
    """One call for every label (or row) with at least two members."""
    if loss is class_aware_embedding_loss:
        student, teacher, target = student.transpose(0, 1), teacher.transpose(0, 1), target.T
    values = []
    for s, t, y in zip(student, teacher, target, strict=True):
        member = y == 1
        values.append(loop(s[member], t[member]) if member.sum() >= 2 else 0.0)
    return torch.tensor(values, dtype=torch.float64)


@st.composite
def cases(draw):
    """Draw embeddings of both sides, of different width, and a target with unknown entries."""
    n_rows, n_labels = draw(st.integers(1, 6)), draw(st.integers(1, 5))
    student = normal(n_rows, n_labels, draw(st.integers(1, 4)), seed=draw(st.integers(0, 99)))
    teacher = normal(n_rows, n_labels, draw(st.integers(1, 4)), seed=draw(st.integers(100, 199)))
    entries = draw(
        st.lists(st.sampled_from([-1, 0, 1, 1]), min_size=student[..., 0].numel(), max_size=n_rows * n_labels)
    )
    return student, teacher, torch.tensor(entries).reshape(n_rows, n_labels)


def test_by_hand():
    # Student distances 1, 2, 3 with mean 2; the teacher's are 2, 1, 3 with mean 2. Two pairs are off by 1/2
    # and cost 1/8 each, twice as ordered pairs: 4 * 1/8 / 3 rows.
    student = torch.tensor([[0.0], [1.0], [3.0]])
    teacher = torch.tensor([[0.0], [2.0], [3.0]])
    assert relational_huber_loss(student, teacher).item() == pytest.approx(1 / 6, rel=1e-5)


def test_linear_part_by_hand():
    # Four rows: three at 0, one at 1 (three distances 1, three floored: mean 1/2, so 2 and 0) against a
    # regular simplex (all 1): every gap is 1, where the quadratic and the linear piece meet at 1/2. 12 * 1/2
    # / 4.
    student = torch.tensor([[0.0], [0.0], [0.0], [1.0]], dtype=torch.float64)
    value = relational_huber_loss(student, torch.eye(4, dtype=torch.float64))
    assert value.item() == pytest.approx(1.5, rel=1e-5)
    # Six rows, five at 0: distances 1 (five pairs of fifteen), mean 1/3, so 3 and 0 against 1: gaps 2 and 1
    # cost 3/2 and 1/2. 2 * (5 * 3/2 + 10 * 1/2) / 6.
    student = torch.tensor([[0.0]] * 5 + [[1.0]], dtype=torch.float64)
    value = relational_huber_loss(student, torch.eye(6, dtype=torch.float64))
    assert value.item() == pytest.approx(25 / 6, rel=1e-4)


@quick
@given(st.integers(2, 7), st.integers(1, 4), st.integers(1, 4), st.integers(0, 99))
def test_relational_agrees_with_the_loop(size, width, teacher_width, seed):
    student, teacher = normal(size, width, seed=seed), normal(size, teacher_width, seed=seed + 100)
    value = relational_huber_loss(student, teacher)
    assert value.shape == ()
    assert value.item() == pytest.approx(loop(student, teacher), rel=1e-8, abs=1e-12)


@both_losses
@quick
@given(case=cases())
def test_sets_agree_with_the_loop(loss, case):
    close(loss(*case), set_loop(loss, *case), rtol=1e-8, atol=1e-12)


@quick
@given(cases())
def test_one_loss_is_the_other_with_axes_exchanged(case):
    student, teacher, target = case
    value = class_aware_embedding_loss(student.transpose(0, 1), teacher.transpose(0, 1), target.T)
    close(value, instance_aware_embedding_loss(student, teacher, target))


@both_losses
@quick
@given(data=st.data())
def test_moves_with_rows_and_labels(loss, data):
    student, teacher, target = data.draw(cases())
    rows, labels = data.draw(permutations(target.shape[0])), data.draw(permutations(target.shape[1]))
    moved = loss(student[rows][:, labels], teacher[rows][:, labels], target[rows][:, labels])
    order = labels if loss is class_aware_embedding_loss else rows
    close(moved, loss(student, teacher, target)[order], rtol=1e-8, atol=1e-12)


@quick
@given(st.integers(2, 6), st.integers(0, 99), st.floats(0.1, 10), st.floats(-100, 100))
def test_only_the_shape_of_the_set_matters(size, seed, scale, shift):
    student, teacher = normal(size, 3, seed=seed), normal(size, 3, seed=seed + 100)
    rotation, _ = torch.linalg.qr(normal(3, 3, seed=seed))
    value = relational_huber_loss(student, teacher)
    close(relational_huber_loss(scale * student @ rotation + shift, teacher), value, rtol=1e-6, atol=1e-10)
    close(relational_huber_loss(student, scale * teacher @ rotation + shift), value, rtol=1e-6, atol=1e-10)
    assert relational_huber_loss(student, scale * student @ rotation).item() == pytest.approx(0, abs=1e-12)


def test_offset_in_single_precision():
    student, teacher = normal(8, 5, dtype=torch.float32), normal(8, 5, seed=1, dtype=torch.float32)
    # With an offset of 1000 the raw Gram identity would keep no digit of the distances.
    value = relational_huber_loss(student + 1000, teacher - 1000)
    close(value, relational_huber_loss(student, teacher), rtol=1e-3, atol=1e-4)


def test_two_are_always_alike():
    assert relational_huber_loss(normal(2, 3), normal(2, 5, seed=1)).item() == pytest.approx(0, abs=1e-12)


def test_coinciding_embeddings():
    # All student distances are floored alike, hence 1 after the division, and no direction is better.
    student = torch.ones(3, 2, dtype=torch.float64, requires_grad=True)
    value = relational_huber_loss(student, normal(3, 2))
    value.backward()
    assert value.item() == pytest.approx(loop(student, normal(3, 2)), rel=1e-9)
    assert torch.equal(student.grad, torch.zeros(3, 2, dtype=torch.float64))


def test_gradient_passes_through_the_mean():
    student, teacher = normal(5, 3).requires_grad_(), normal(5, 2, seed=1)
    assert torch.autograd.gradcheck(lambda u: relational_huber_loss(u, teacher), student)
    relational_huber_loss(student, teacher).backward()
    close(student.grad.sum(0), torch.zeros(3, dtype=torch.float64), rtol=0, atol=1e-12)
    # The loss ignores the scale of the student, so its gradient is orthogonal to the student.
    assert (student.grad * student).sum().item() == pytest.approx(0, abs=1e-12)
    assert student.grad.abs().max() > 1e-3


@both_losses
def test_gradient_of_sets(loss):
    target = torch.tensor([[1, 1, 1], [1, 0, 1], [1, -1, 1], [0, 1, 1]])
    student, teacher = normal(4, 3, 2).requires_grad_(), normal(4, 3, 2, seed=1)
    assert torch.autograd.gradcheck(lambda u: loss(u, teacher, target), student)


@both_losses
def test_teacher_gets_no_gradient(loss):
    student, teacher = normal(4, 3, 2).requires_grad_(), normal(4, 3, 2, seed=1).requires_grad_()
    loss(student, teacher, torch.ones(4, 3)).sum().backward()
    assert teacher.grad is None
    assert (student.grad != 0).any()


@both_losses
@pytest.mark.parametrize("garbage", [7.0, 1e30, math.inf, math.nan])
def test_entries_without_the_label_never_matter(loss, garbage):
    target = torch.tensor([[1, 1, 1], [1, 0, 1], [1, -1, 1], [0, 1, 1]])
    member = (target == 1)[:, :, None]
    results = []
    for fill in (0.0, garbage):
        student = normal(4, 3, 2).masked_fill(~member, fill).requires_grad_()
        value = loss(student, normal(4, 3, 2, seed=1).masked_fill(~member, fill), target)
        value.sum().backward()
        results.append((value.detach(), student.grad))
    assert torch.equal(results[0][0], results[1][0])
    assert torch.equal(results[0][1], results[1][1])
    assert (results[0][1][~member.expand(4, 3, 2)] == 0).all()


@both_losses
@pytest.mark.parametrize(
    "target", [torch.zeros(3, 3), torch.eye(3), -torch.ones(3, 3)], ids=["none", "one", "unknown"]
)
def test_too_few_members_give_a_connected_zero(loss, target):
    student = normal(3, 3, 2).requires_grad_()
    value = loss(student, normal(3, 3, 2, seed=1), target)
    assert torch.equal(value, torch.zeros(3, dtype=torch.float64))
    value.sum().backward()
    assert torch.equal(student.grad, torch.zeros(3, 3, 2, dtype=torch.float64))


@both_losses
@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int64, torch.float32], ids=str)
def test_target_of_any_dtype(loss, dtype):
    target = torch.tensor([[1, 1, 0], [1, 0, 1], [1, 1, 1]])
    student, teacher = normal(3, 3, 2, dtype=torch.float32), normal(3, 3, 2, seed=1)
    value = loss(student, teacher, target.to(dtype))
    assert value.dtype == torch.float32
    close(value.double(), set_loop(loss, student, teacher, target), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision(dtype):
    student, teacher = normal(5, 3, dtype=dtype), normal(5, 2, seed=1, dtype=dtype)
    value = relational_huber_loss(student, teacher)
    assert value.dtype == dtype
    assert value.item() == pytest.approx(loop(student, teacher), rel=1e-2)


@both_losses
@pytest.mark.parametrize("bound", [50.0, 1e4])
def test_finite_at_extremes(loss, bound):
    student = (bound * torch.sign(normal(6, 4, 3, dtype=torch.float32))).requires_grad_()
    value = loss(student, bound * normal(6, 4, 2, seed=1, dtype=torch.float32), torch.ones(6, 4))
    value.sum().backward()
    assert value.isfinite().all()
    assert student.grad.isfinite().all()


ROWS = normal(3, 2)
CUBE = normal(3, 2, 4)
TARGET = torch.ones(3, 2)


@pytest.mark.parametrize(
    ("student", "teacher", "error", "message"),
    [
        (ROWS.tolist(), ROWS, TypeError, "student must be a torch.Tensor"),
        (ROWS, ROWS.numpy(), TypeError, "teacher must be a torch.Tensor"),
        (ROWS, ROWS.long(), TypeError, "teacher must have a floating point dtype"),
        (CUBE, ROWS, ValueError, "student must have 2 dimensions"),
        (ROWS[:1], ROWS[:1], ValueError, "student and teacher .* at least 2"),
        (ROWS, ROWS[:2], ValueError, "student and teacher must hold the same number"),
    ],
)
def test_relational_errors(student, teacher, error, message):
    with pytest.raises(error, match=message):
        relational_huber_loss(student, teacher)


@both_losses
@pytest.mark.parametrize(
    ("student", "teacher", "target", "error", "message"),
    [
        (CUBE.tolist(), CUBE, TARGET, TypeError, "student must be a torch.Tensor"),
        (CUBE.long(), CUBE, TARGET, TypeError, "student must have a floating point dtype"),
        (CUBE, CUBE.long(), TARGET, TypeError, "teacher must have a floating point dtype"),
        (CUBE, CUBE, TARGET.tolist(), TypeError, "target must be a torch.Tensor"),
        (ROWS, CUBE, TARGET, ValueError, "student must have 3 dimensions"),
        (CUBE[:0], CUBE[:0], TARGET[:0], ValueError, "student is an empty batch"),
        (CUBE, CUBE[:2], TARGET, ValueError, "teacher has shape"),
        (CUBE, CUBE[:, :1], TARGET, ValueError, "teacher has shape"),
        (CUBE, CUBE, TARGET[:2], ValueError, "target has shape"),
        (CUBE, CUBE, TARGET + 1, ValueError, "target contains 2"),
    ],
)
def test_set_errors(loss, student, teacher, target, error, message):
    with pytest.raises(error, match=message):
        loss(student, teacher, target)
