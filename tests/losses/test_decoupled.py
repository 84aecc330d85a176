"""The two parts of the distillation loss."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from skweak.losses import decoupled_kl, distillation_kl
from tests.strategies import logits_and_target, matrices, permutations

quick = settings(max_examples=25, deadline=None, derandomize=True)
TEMPERATURES = st.sampled_from([0.5, 1.0, 4.0])


@st.composite
def triples(draw, bound=10.0):
    student, target = draw(logits_and_target(bound=bound))
    teacher = draw(matrices(st.just(student.shape[0]), st.just(student.shape[1]), bound=bound))
    return student, teacher, target


def test_hand_computed():
    student = torch.tensor([[0.5, 0.25, 0.25]], dtype=torch.float64).log()
    teacher = torch.tensor([[0.25, 0.5, 0.25]], dtype=torch.float64).log()
    target_part, other_part = decoupled_kl(student, teacher, torch.tensor([0]), temperature=1.0)
    # (1/4, 3/4) against (1/2, 1/2), and (2/3, 1/3) against (1/2, 1/2).
    assert target_part.item() == pytest.approx(0.25 * math.log(0.5) + 0.75 * math.log(1.5))
    assert other_part.item() == pytest.approx(2 / 3 * math.log(4 / 3) + 1 / 3 * math.log(2 / 3))


@given(triples(), TEMPERATURES)
@quick
def test_the_parts_make_up_the_whole(data, temperature):
    student, teacher, target = data
    target_part, other_part = decoupled_kl(student, teacher, target, temperature=temperature)
    left = 1 - F.softmax(teacher / temperature, dim=1).gather(1, target[:, None])[:, 0]
    whole = distillation_kl(student, teacher, temperature=temperature)
    torch.testing.assert_close(target_part + left * other_part, whole, rtol=1e-8, atol=1e-8)
    assert (target_part > -1e-9).all() and (other_part > -1e-9).all()


@given(triples(), TEMPERATURES)
@quick
def test_against_a_slow_loop(data, temperature):
    student, teacher, target = data
    parts = decoupled_kl(student, teacher, target, temperature=temperature)
    for row, (s, t, y) in enumerate(zip(student, teacher, target, strict=True)):
        p, q = (F.softmax(z / temperature, dim=0) for z in (s, t))
        kept = [c for c in range(len(s)) if c != y]
        pairs = [(p[y], q[y]), (p[kept].sum(), q[kept].sum())]
        first = sum(b * (b.log() - a.log()) for a, b in pairs) * temperature**2
        p, q = F.softmax(s[kept] / temperature, dim=0), F.softmax(t[kept] / temperature, dim=0)
        second = (q * (q.log() - p.log())).sum() * temperature**2
        torch.testing.assert_close(parts[0][row], first, rtol=1e-6, atol=1e-8)
        torch.testing.assert_close(parts[1][row], second, rtol=1e-6, atol=1e-8)


@given(triples(), st.data())
@quick
def test_classes_may_be_permuted_and_rows_shifted(data, draw):
    student, teacher, target = data
    order = draw.draw(permutations(student.shape[1]))
    moved = decoupled_kl(student[:, order] + 3, teacher[:, order] - 2, order.argsort()[target])
    for part, other in zip(decoupled_kl(student, teacher, target), moved, strict=True):
        torch.testing.assert_close(part, other, rtol=1e-8, atol=1e-9)


def test_limits():
    logits, target = torch.randn(4, 2, dtype=torch.float64), torch.tensor([0, 1, 1, 0])
    assert decoupled_kl(logits, logits.flip(1), target)[1].abs().max() == 0      # one other class: nothing to rank
    same = decoupled_kl(logits, logits + 5, target)
    assert max(part.abs().max() for part in same) < 1e-12


def test_only_the_student_learns_and_extremes_are_finite():
    student = torch.tensor([[1e4, -1e4, 0.0], [-50.0, 50.0, 50.0]], requires_grad=True)
    teacher = torch.tensor([[-1e4, 1e4, 5.0], [50.0, 0.0, -50.0]], requires_grad=True)
    target_part, other_part = decoupled_kl(student, teacher, torch.tensor([0, 2]))
    (target_part + other_part).sum().backward()
    assert torch.isfinite(target_part).all() and torch.isfinite(other_part).all()
    assert torch.isfinite(student.grad).all() and teacher.grad is None


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"teacher_logits": torch.zeros(2, 4)}, ValueError, "teacher_logits has shape"),
        ({"target": torch.tensor([0, 3])}, ValueError, "target contains 3"),
        ({"target": torch.tensor([0.0, 1.0])}, TypeError, "target must hold int64"),
        ({"student_logits": torch.zeros(2, 3).long()}, TypeError, "student_logits must have a floating point"),
        ({"temperature": 0}, ValueError, "temperature must be in"),
    ],
    ids=["shape", "class", "dtype", "integers", "temperature"],
)
def test_errors(change, error, message):
    arguments = {name: torch.zeros(2, 3) for name in ("student_logits", "teacher_logits")}
    arguments["target"] = torch.tensor([0, 1])
    with pytest.raises(error, match=message):
        decoupled_kl(**(arguments | change))
