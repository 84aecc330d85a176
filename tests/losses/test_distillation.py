import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from skweak.losses import binary_kl, binary_kl_norm, distillation_kl, project_conflict
from tests.strategies import matrices, permutations

close = torch.testing.assert_close
quick = settings(max_examples=25, deadline=None, derandomize=True)

LOSSES = {"softmax": distillation_kl, "binary": binary_kl, "norm": binary_kl_norm}
every_loss = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES.keys())
label_losses = pytest.mark.parametrize("loss", [binary_kl, binary_kl_norm], ids=["binary", "norm"])

LOGITS = torch.tensor([[0.5, -1.0, 2.0], [3.0, 1.0, -2.0]], dtype=torch.float64)
TEACHER = torch.tensor([[1.5, 0.0, -2.0], [0.2, -1.0, 1.0]], dtype=torch.float64)


@st.composite
def pairs(draw):
    """Draw the logits of a student and of a teacher, both of the same shape."""
    student = draw(matrices())
    return student, draw(matrices(st.just(student.shape[0]), st.just(student.shape[1])))


def two_point(q, p):
    """KL divergence of two coins."""
    return q * math.log(q / p) + (1 - q) * math.log((1 - q) / (1 - p))


def clamped_sigmoid(value, eps):
    return min(max(1 / (1 + math.exp(-value)), eps), 1 - eps)


def loop(loss, student, teacher, temperature, eps):
    """Definition of a label-wise loss, entry by entry and with probabilities."""
    rows = []
    for s_row, t_row in zip(student.tolist(), teacher.tolist(), strict=True):
        total = 0.0
        for s, t in zip(s_row, t_row, strict=True):
            if loss is binary_kl:
                q = clamped_sigmoid(t / temperature, eps)
                total += two_point(q, clamped_sigmoid(s / temperature, eps))
            else:
                total += two_point(0.5, clamped_sigmoid((s - t) / temperature, eps))
        rows.append(total * temperature**2)
    return torch.tensor(rows, dtype=torch.float64)


def test_softmax_by_hand():
    # KL((3/4, 1/4) || (1/2, 1/2)) = 3/4 log(3/2) + 1/4 log(1/2)
    teacher = torch.tensor([[3.0, 1.0]]).log()
    expected = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    value = distillation_kl(torch.zeros(1, 2), teacher, temperature=1.0)
    assert value.item() == pytest.approx(expected, rel=1e-6)
    # Doubling logits and temperature keeps the probabilities, and T² is 4.
    value = distillation_kl(torch.zeros(1, 2), 2 * teacher, temperature=2.0)
    assert value.item() == pytest.approx(4 * expected, rel=1e-6)


def test_binary_by_hand():
    # Labels of odds 3 and 1 against odds 1 and 1: KL(3/4 || 1/2) + KL(1/2 || 1/2).
    teacher = torch.tensor([[3.0, 1.0]]).log()
    expected = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    assert binary_kl(torch.zeros(1, 2), teacher).item() == pytest.approx(expected, rel=1e-6)
    value = binary_kl(torch.zeros(1, 2), 3 * teacher, temperature=3.0)
    assert value.item() == pytest.approx(9 * expected, rel=1e-6)


def test_norm_by_hand():
    # log cosh(log 2) = log((2 + 1/2) / 2) = log(5/4); the logits differ by 2 T log 2.
    student = torch.tensor([[2 * math.log(2.0), 0.0]])
    value = binary_kl_norm(student, 0 * student, temperature=1.0)
    assert value.item() == pytest.approx(math.log(1.25), rel=1e-6)
    value = binary_kl_norm(3 * student + 7, 0 * student + 7, temperature=3.0)
    assert value.item() == pytest.approx(9 * math.log(1.25), rel=1e-5)


@label_losses
@pytest.mark.parametrize("eps", [1e-8, 1e-2], ids=["small-eps", "large-eps"])
@quick
@given(case=pairs(), temperature=st.sampled_from([0.5, 1.0, 2.0, 7.0]))
def test_agrees_with_the_definition(loss, eps, case, temperature):
    value = loss(*case, temperature=temperature, eps=eps)
    close(value, loop(loss, *case, temperature, eps), rtol=1e-7, atol=1e-8)


@quick
@given(pairs(), st.sampled_from([0.5, 1.0, 4.0]))
def test_softmax_agrees_with_torch(case, temperature):
    student, teacher = (logits / temperature for logits in case)
    expected = F.kl_div(student.log_softmax(1), teacher.softmax(1), reduction="none").sum(1) * temperature**2
    close(distillation_kl(*case, temperature=temperature), expected, rtol=1e-9, atol=1e-10)


@every_loss
@quick
@given(case=pairs())
def test_zero_at_the_teacher_and_not_negative(loss, case):
    student, teacher = case
    assert (loss(teacher, teacher) == 0).all()
    assert (loss(student, teacher) >= -1e-12).all()


@every_loss
@quick
@given(data=st.data())
def test_moves_with_classes_and_rows(loss, data):
    student, teacher = data.draw(pairs())
    value = loss(student, teacher)
    order = data.draw(permutations(student.shape[1]))
    close(loss(student[:, order], teacher[:, order]), value, rtol=1e-9, atol=1e-10)
    one_by_one = [loss(s[None], t[None]) for s, t in zip(student, teacher, strict=True)]
    close(torch.cat(one_by_one), value, rtol=1e-9, atol=1e-12)


@label_losses
@quick
@given(case=pairs())
def test_sums_over_the_labels(loss, case):
    student, teacher = case
    by_column = [loss(student[:, [k]], teacher[:, [k]]) for k in range(student.shape[1])]
    close(torch.stack(by_column).sum(0), loss(student, teacher), rtol=1e-9, atol=1e-12)


@quick
@given(pairs(), st.floats(-5, 5))
def test_who_ignores_a_shift(case, shift):
    student, teacher = case
    both = binary_kl_norm(student + shift, teacher + shift)
    close(both, binary_kl_norm(student, teacher), rtol=1e-7, atol=1e-9)
    close(binary_kl_norm(teacher, student), binary_kl_norm(student, teacher))
    one = distillation_kl(student + shift, teacher)
    close(one, distillation_kl(student, teacher), rtol=1e-7, atol=1e-9)


def test_labels_see_a_shift_that_classes_do_not():
    student, teacher = torch.tensor([[2.0, 3.0, 4.0]]), torch.tensor([[-2.0, -1.0, 0.0]])
    assert distillation_kl(student, teacher).item() == pytest.approx(0, abs=1e-5)
    assert binary_kl(student, teacher).item() > 1
    assert binary_kl_norm(student, teacher).item() > 1


@label_losses
def test_large_temperature_is_squared_error(loss):
    eighth = (LOGITS - TEACHER).square().sum(1) / 8
    close(loss(LOGITS, TEACHER, temperature=1e3), eighth, rtol=1e-2, atol=0)


def test_norm_keeps_digits_near_zero_in_single_precision():
    # log cosh(x) = x²/2 for a small x; with x = 1e-4 the logarithm alone rounds to 0 in float32.
    value = binary_kl_norm(torch.full((1, 1), 2e-4), torch.zeros(1, 1), temperature=1.0)
    assert value.item() == pytest.approx(1e-8 / 2, rel=1e-5)


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_gradient_formulas(temperature):
    student = LOGITS.clone().requires_grad_()
    binary_kl(student, TEACHER, temperature=temperature).sum().backward()
    expected = temperature * (torch.sigmoid(LOGITS / temperature) - torch.sigmoid(TEACHER / temperature))
    close(student.grad, expected)
    student.grad = None
    binary_kl_norm(student, TEACHER, temperature=temperature).sum().backward()
    expected = temperature / 2 * torch.tanh((LOGITS - TEACHER) / (2 * temperature))
    close(student.grad, expected)
    student.grad = None
    distillation_kl(student, TEACHER, temperature=temperature).sum().backward()
    expected = temperature * (
        torch.softmax(LOGITS / temperature, 1) - torch.softmax(TEACHER / temperature, 1)
    )
    close(student.grad, expected)


@every_loss
def test_teacher_gets_no_gradient(loss):
    student, teacher = LOGITS.clone().requires_grad_(), TEACHER.clone().requires_grad_()
    loss(student, teacher).sum().backward()
    assert teacher.grad is None
    assert (student.grad != 0).all()


@every_loss
@pytest.mark.parametrize("bound", [50.0, 1e4])
def test_finite_at_extreme_logits(loss, bound):
    values = torch.cartesian_prod(*[torch.tensor([-bound, 0.0, bound])] * 4)
    student, teacher = values[:, :2].clone().requires_grad_(), values[:, 2:]
    value = loss(student, teacher)
    value.sum().backward()
    assert value.isfinite().all()
    assert (value >= 0).all()
    assert student.grad.isfinite().all()


@label_losses
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("eps", [1e-8, 1e-3])
def test_saturates_with_zero_gradient(loss, dtype, eps):
    bound = math.log((1 - eps) / eps)
    student = torch.tensor([[bound + 0.1], [1e4], [bound - 0.1]], dtype=dtype, requires_grad=True)
    value = loss(student, torch.zeros_like(student), temperature=1.0, eps=eps)
    # Both are KL(1/2 || 1 - eps) for a teacher at 0.
    expected = torch.full((2,), -0.5 * math.log(eps) - 0.5 * math.log1p(-eps) - math.log(2), dtype=dtype)
    close(value[:2], expected, rtol=1e-6 if dtype == torch.float32 else 1e-12, atol=0)
    value.sum().backward()
    assert (student.grad[:2] == 0).all()
    assert student.grad[2].item() > 0.4


def test_the_teacher_is_clamped_too():
    # A certain teacher asks for 1 - eps, which the student's 0.99 fulfils exactly.
    student, teacher = torch.tensor([[math.log(99.0)]]), torch.tensor([[40.0]])
    assert binary_kl(student, teacher, eps=0.01).item() == pytest.approx(0, abs=1e-6)
    assert binary_kl(student, teacher, eps=None).item() == pytest.approx(-math.log(0.99), rel=1e-5)


def test_without_clamp_far_away():
    student, teacher = torch.tensor([[1e4]], requires_grad=True), torch.tensor([[-1e4]])
    value = binary_kl(student, teacher, eps=None)
    assert value.item() == pytest.approx(1e4)
    value = value + binary_kl_norm(student, teacher, temperature=2.0, eps=None)
    # T² (|d| / (2 T) - log 2) with d = 2e4
    assert value.item() == pytest.approx(1e4 + 4 * (5e3 - math.log(2)), rel=1e-6)
    value.backward()
    assert student.grad.item() == pytest.approx(1 + 1)  # slopes 1 and T / 2


@quick
@given(pairs())
def test_no_clamp_is_a_clamp_out_of_reach(case):
    for loss in (binary_kl, binary_kl_norm):
        value = loss(*case, temperature=1.0, eps=None)
        close(value, loss(*case, temperature=1.0, eps=1e-12), rtol=1e-9, atol=1e-11)


def test_norm_joins_its_two_forms():
    # Either side of the point where the straight line takes over.
    difference = torch.tensor([[39.9], [40.0], [40.1]], dtype=torch.float64, requires_grad=True)
    value = binary_kl_norm(difference, torch.zeros_like(difference), temperature=1.0, eps=None)
    half = difference.detach().flatten() / 2
    close(value, half - math.log(2) + torch.exp(-2 * half), rtol=1e-14, atol=0)
    value.sum().backward()
    close(difference.grad, torch.full_like(difference, 0.5))


@every_loss
def test_dtype_and_arguments_are_kept(loss):
    student, teacher = LOGITS.float(), TEACHER.clone()
    value = loss(student, teacher)
    assert value.dtype == torch.float32
    assert value.shape == (2,)
    assert torch.equal(student, LOGITS.float())
    assert torch.equal(teacher, TEACHER)
    assert torch.autograd.gradcheck(lambda z: loss(z, TEACHER), LOGITS.clone().requires_grad_())


def test_project_by_hand():
    # Dot product -2 with a reference of squared length 4: gradient + 1/2 reference.
    value = project_conflict(torch.tensor([-1.0, 3.0]), torch.tensor([2.0, 0.0]))
    assert torch.equal(value, torch.tensor([0.0, 3.0]))


@pytest.mark.parametrize("reference", [[2.0, 0.0], [0.0, 5.0], [0.0, 0.0]], ids=["same", "across", "zero"])
def test_no_conflict_changes_nothing(reference):
    gradient = torch.tensor([1.5, 0.0])
    assert torch.equal(project_conflict(gradient, torch.tensor(reference)), gradient)


def test_opposite_gradient_vanishes():
    reference = torch.tensor([1.0, -2.0, 4.0])
    assert torch.equal(project_conflict(-3 * reference, reference), torch.zeros(3))


def test_reference_too_small_to_square():
    gradient = torch.tensor([-1.0, 1.0])
    assert torch.equal(project_conflict(gradient, torch.tensor([1e-30, 0.0])), gradient)


@quick
@given(pairs())
def test_merged_step_never_works_against_the_reference(case):
    gradient, reference = (matrix.flatten() for matrix in case)
    before = gradient.clone()
    value = project_conflict(gradient, reference)
    dot, square = gradient @ reference, reference @ reference
    expected = gradient - dot / square * reference if dot < 0 and square > 0 else gradient
    close(value, expected)
    assert (reference + value) @ reference >= square - 1e-9
    assert value.norm() <= gradient.norm() + 1e-12
    assert torch.equal(gradient, before)


@every_loss
@pytest.mark.parametrize(
    ("student", "teacher", "error", "message"),
    [
        (LOGITS.tolist(), TEACHER, TypeError, "student_logits must be a torch.Tensor"),
        (LOGITS, TEACHER.numpy(), TypeError, "teacher_logits must be a torch.Tensor"),
        (LOGITS.long(), TEACHER, TypeError, "student_logits .* floating point"),
        (LOGITS, TEACHER.long(), TypeError, "teacher_logits .* floating point"),
        (LOGITS[0], TEACHER[0], ValueError, "student_logits must have 2 dimensions"),
        (LOGITS[:0], TEACHER[:0], ValueError, "student_logits is an empty batch"),
        (LOGITS, TEACHER[:, :2], ValueError, "teacher_logits has shape"),
        (LOGITS, TEACHER[:1], ValueError, "teacher_logits has shape"),
    ],
)
def test_errors_in_logits(loss, student, teacher, error, message):
    with pytest.raises(error, match=message):
        loss(student, teacher)


@every_loss
@pytest.mark.parametrize("temperature", [0, -1.0, math.inf, math.nan])
def test_errors_in_temperature(loss, temperature):
    with pytest.raises(ValueError, match="temperature must be in"):
        loss(LOGITS, TEACHER, temperature=temperature)


@label_losses
@pytest.mark.parametrize("eps", [0.0, 0.5, -1e-8])
def test_errors_in_eps(loss, eps):
    with pytest.raises(ValueError, match="eps must be in"):
        loss(LOGITS, TEACHER, eps=eps)


def test_one_column_is_enough_for_labels_alone():
    assert binary_kl(LOGITS[:, :1], TEACHER[:, :1]).shape == (2,)
    assert binary_kl_norm(LOGITS[:, :1], TEACHER[:, :1]).shape == (2,)
    with pytest.raises(ValueError, match="student_logits must have at least 2 columns"):
        distillation_kl(LOGITS[:, :1], TEACHER[:, :1])


@pytest.mark.parametrize(
    ("gradient", "reference", "error", "message"),
    [
        ([1.0], torch.ones(1), TypeError, "gradient must be a torch.Tensor"),
        (torch.ones(1), [1.0], TypeError, "reference must be a torch.Tensor"),
        (torch.ones(1).long(), torch.ones(1), TypeError, "gradient must have a floating point dtype"),
        (torch.ones(1), torch.ones(1).long(), TypeError, "reference must have a floating point dtype"),
        (torch.ones(1, 2), torch.ones(1, 2), ValueError, "gradient must be flat"),
        (torch.ones(0), torch.ones(0), ValueError, "gradient must be flat and not empty"),
        (torch.ones(3), torch.ones(2), ValueError, r"reference must have shape \(3,\)"),
    ],
)
def test_errors_in_gradients(gradient, reference, error, message):
    with pytest.raises(error, match=message):
        project_conflict(gradient, reference)
