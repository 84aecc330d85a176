import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from skweak.losses import (
    class_balance_penalty,
    complementary_loss,
    distillation_kl,
    feature_imitation_loss,
    negative_branch_loss,
    positive_branch_loss,
)
from tests.strategies import logits_and_target, matrices, permutations

quick = settings(max_examples=25, deadline=None, derandomize=True)
parts_off = {"balance_weight": 0.0, "consistency_weight": 0.0}

WEAK = torch.tensor([[0.5, -1.0, 2.0], [3.0, 1.0, -2.0]], dtype=torch.float64)
STRONG = torch.tensor([[0.1, 0.3, 1.0], [0.0, 1.5, -1.0]], dtype=torch.float64)
TARGET = torch.tensor([2, 1])
PREDICTED = torch.tensor([2, 0])
U = torch.tensor([[0.1, 0.2, 0.3], [0.4, -0.5, 0.6]], dtype=torch.float64)
V = torch.tensor([[0.3, 0.2, 0.7], [0.1, 0.4, -0.2]], dtype=torch.float64)


def clamp(value, low, high):
    return min(max(value, low), high)


def mean_consistency(weak, strong):
    rows = []
    for p, q in zip(weak.softmax(1).tolist(), strong.softmax(1).tolist(), strict=True):
        rows.append(sum(a * (math.log(a) - math.log(b)) for a, b in zip(p, q, strict=True)))
    return sum(rows) / len(rows)


def balance(rows):
    means = [sum(column) / len(rows) for column in zip(*rows, strict=True)]
    return -sum(math.log(clamp(mean, 1e-4, 1)) for mean in means) / len(means)


def positive_reference(weak, strong, target, u, v, weight, noise_rate, residual, balanced, consistent):
    """The loss of the positive branch, one number at a time."""
    likelihood, squares, corrected_rows = 0.0, 0.0, []
    for i, proba in enumerate(weak.softmax(1).tolist()):
        given, guess = target[i].item(), weak[i].argmax().item()
        corrected = []
        for c, p in enumerate(proba):
            raised = clamp(u[i, c].item() ** 2, 0, 1 - 1e-4) if c == given else 0.0
            lowered = clamp(v[i, c].item() ** 2, 0, 1 - 1e-4) if c != given else 0.0
            corrected.append(max(p + raised - lowered, 1e-4))
            squares += ((c == guess) + raised - lowered - (c == given)) ** 2
        corrected = [clamp(q / sum(corrected), 1e-4, 1) for q in corrected]
        likelihood -= weight[i].item() * math.log(corrected[given])
        corrected_rows.append(corrected)
    return (
        likelihood / len(weak)
        + residual * noise_rate**2 * squares / len(weak)
        + balanced * balance(corrected_rows)
        + consistent * mean_consistency(weak, strong)
    )


def negative_reference(weak, strong, target, predicted, weight, balanced, consistent):
    """The loss of the negative branch, one number at a time."""
    rows = weak.softmax(1).tolist()
    excluded = 0.0
    for i, proba in enumerate(rows):
        possible = {target[i].item(), predicted[i].item()}
        terms = [math.log(clamp(1 - p, 1e-5, 1)) for c, p in enumerate(proba) if c not in possible]
        excluded -= weight[i].item() * sum(terms)
    return excluded / len(rows) + balanced * balance(rows) + consistent * mean_consistency(weak, strong)


@st.composite
def branches(draw):
    """Draw both views, the target, a second matrix pair in [-2, 2], and weights in [0, 1]."""
    weak, target = draw(logits_and_target())
    same = st.just(weak.shape[0]), st.just(weak.shape[1])
    strong = draw(matrices(*same))
    u, v = draw(matrices(*same, bound=2.0)), draw(matrices(*same, bound=2.0))
    weight = draw(matrices(same[0], st.just(1), bound=1.0)).squeeze(1).abs()
    return weak, strong, target, u, v, weight


def test_positive_cross_entropy_by_hand():
    nothing = torch.zeros(1, 2)
    raised, lowered = torch.tensor([[math.sqrt(0.5), 9.0]]), torch.tensor([[9.0, 0.5]])
    # u² = 0.5 on the target: (1, 0.5) normalised gives 2/3; v² = 0.25 off it: (0.5, 0.25) gives 2/3 too.
    for u, v, expected in [(nothing, nothing, 2), (raised, nothing, 1.5), (nothing, lowered, 1.5)]:
        value = positive_branch_loss(nothing, None, torch.tensor([0]), u, v, noise_rate=0.0, **parts_off)
        assert value.item() == pytest.approx(math.log(expected), rel=1e-6)


def test_positive_residual_by_hand():
    weak, target = torch.tensor([[5.0, 0.0]], dtype=torch.float64), torch.tensor([1])
    u, v = torch.tensor([[0.0, 0.5]]), torch.tensor([[0.6, 0.0]])
    options = parts_off | {"noise_rate": 0.2}
    with_residual = positive_branch_loss(weak, None, target, u, v, residual_weight=50.0, **options)
    without = positive_branch_loss(weak, None, target, u, v, residual_weight=0.0, **options)
    # onehot (1, 0), U (0, 0.25), V (0.36, 0), Y (0, 1): 0.64² + 0.75², times 50 · 0.2²
    assert (with_residual - without).item() == pytest.approx(2 * (0.4096 + 0.5625), rel=1e-6)


@quick
@given(branches(), st.floats(0, 1), st.floats(0, 60), st.floats(0, 2), st.floats(0, 2))
def test_positive_agrees_with_the_loop(case, noise_rate, residual, balanced, consistent):
    *arguments, weight = case
    options = {"weight": weight, "noise_rate": noise_rate, "residual_weight": residual}
    value = positive_branch_loss(
        *arguments, **options, balance_weight=balanced, consistency_weight=consistent
    )
    expected = positive_reference(*arguments, weight, noise_rate, residual, balanced, consistent)
    assert value.item() == pytest.approx(expected, rel=1e-9, abs=1e-9)


@quick
@given(branches())
def test_defaults_are_those_of_the_method(case):
    weak, strong, target, u, v, weight = case
    ones = torch.ones_like(weight)
    expected = positive_reference(weak, strong, target, u, v, ones, 0.1, 50.0, 0.1, 0.9)
    assert positive_branch_loss(weak, strong, target, u, v).item() == pytest.approx(expected, rel=1e-9)
    predicted = strong.argmax(1)
    expected = negative_reference(weak, strong, target, predicted, ones, 0.1, 0.9)
    assert negative_branch_loss(weak, strong, target, predicted).item() == pytest.approx(expected, rel=1e-9)


@quick
@given(logits_and_target(bound=4.0))
def test_positive_reduces_to_cross_entropy(case):
    logits, target = case
    ours, theirs = (logits.clone().requires_grad_() for _ in range(2))
    nothing = torch.zeros_like(logits)
    value = positive_branch_loss(ours, None, target, nothing, nothing, residual_weight=0.0, **parts_off)
    expected = F.cross_entropy(theirs, target)
    value.backward()
    expected.backward()
    torch.testing.assert_close(value, expected)
    torch.testing.assert_close(ours.grad, theirs.grad)


def gradients(**options):
    """Gradients of the positive loss with respect to weak view, strong view, u and v."""
    leaves = [tensor.clone().requires_grad_() for tensor in (WEAK, STRONG, U, V)]
    weak, strong, u, v = leaves
    value = positive_branch_loss(weak, strong, TARGET, u, v, **{**parts_off, "noise_rate": 0.0, **options})
    return torch.autograd.grad(value, leaves, allow_unused=True, materialize_grads=True)


def test_positive_routes_the_gradients():
    weak, strong, u, v = gradients()
    assert weak.any() and not strong.any() and not v.any()
    only_target = torch.zeros_like(U).scatter(1, TARGET[:, None], 1)
    assert torch.equal(u != 0, only_target.bool())

    of_residual = [b - a for a, b in zip(gradients(), gradients(noise_rate=0.1), strict=True)]
    assert not any(gradient.any() for gradient in of_residual[:3])
    assert torch.equal(of_residual[3] != 0, ~only_target.bool())

    of_consistency = [b - a for a, b in zip(gradients(), gradients(consistency_weight=1.0), strict=True)]
    assert [gradient.any().item() for gradient in of_consistency] == [False, True, False, False]


def test_saturated_parameters_get_no_gradient():
    u, v = torch.full_like(U, 1.5).requires_grad_(), torch.full_like(V, 1.5).requires_grad_()
    positive_branch_loss(WEAK, STRONG, TARGET, u, v).backward()
    assert not u.grad.any() and not v.grad.any()


def test_negative_by_hand():
    logits, target = torch.zeros(1, 4), torch.tensor([0])
    # Two of four classes are left out, then three; each costs log 4/3.
    value = negative_branch_loss(logits, None, target, torch.tensor([1]), **parts_off)
    assert value.item() == pytest.approx(2 * math.log(4 / 3), rel=1e-6)
    value = negative_branch_loss(logits, None, target, target, **parts_off)
    assert value.item() == pytest.approx(3 * math.log(4 / 3), rel=1e-6)
    # Uniform mean prediction: log 4.
    value = negative_branch_loss(logits, None, target, target, balance_weight=1.0, consistency_weight=0.0)
    assert value.item() == pytest.approx(3 * math.log(4 / 3) + math.log(4), rel=1e-6)


@quick
@given(branches(), st.floats(0, 2), st.floats(0, 2))
def test_negative_agrees_with_the_loop(case, balanced, consistent):
    weak, strong, target, u, _, weight = case
    predicted = u.argmax(1)
    options = {"weight": weight, "balance_weight": balanced, "consistency_weight": consistent}
    value = negative_branch_loss(weak, strong, target, predicted, **options)
    expected = negative_reference(weak, strong, target, predicted, weight, balanced, consistent)
    assert value.item() == pytest.approx(expected, rel=1e-7, abs=1e-9)


def test_negative_with_two_classes_and_a_wrong_prediction_excludes_nothing():
    logits = torch.tensor([[1.0, -1.0]])
    value = negative_branch_loss(logits, None, torch.tensor([0]), torch.tensor([1]), **parts_off)
    assert value == 0


def test_negative_falls_as_mass_moves_to_the_label():
    towards = [WEAK + step * F.one_hot(TARGET, 3) for step in range(4)]
    values = [negative_branch_loss(logits, None, TARGET, PREDICTED, **parts_off) for logits in towards]
    assert (torch.stack(values).diff() < 0).all()


def test_parts_are_the_public_functions():
    arguments = WEAK, STRONG, TARGET, PREDICTED
    none = negative_branch_loss(*arguments, **parts_off)
    mask = torch.tensor([[1, 1, 0], [0, 0, 1]])
    torch.testing.assert_close(none, complementary_loss(WEAK, mask).mean())
    balanced = negative_branch_loss(*arguments, balance_weight=1.0, consistency_weight=0.0)
    expected = class_balance_penalty(WEAK.softmax(1), floor=1e-4) + math.log(3)
    torch.testing.assert_close(balanced - none, expected)
    agreeing = negative_branch_loss(*arguments, balance_weight=0.0, consistency_weight=1.0)
    torch.testing.assert_close(agreeing - none, distillation_kl(STRONG, WEAK, temperature=1.0).mean())


def negative_of_strong(weak, strong, target, u, v, **options):
    return negative_branch_loss(weak, strong, target, strong.argmax(1), **options)


both = pytest.mark.parametrize("loss", [positive_branch_loss, negative_of_strong])


@both
@quick
@given(data=st.data())
def test_ignores_the_order_of_classes_and_rows(loss, data):
    weak, strong, target, u, v, weight = data.draw(branches())
    order = data.draw(permutations(weak.shape[1]))
    # Ties of the arg-max are broken by position; a tiny slope that moves along removes them.
    slope = 1e-3 * torch.arange(weak.shape[1])
    weak, strong = weak + slope, strong + slope
    value = loss(weak, strong, target, u, v, weight=weight)
    moved = [tensor[:, order] for tensor in (weak, strong, u, v)]
    relabeled = loss(*moved[:2], order.argsort()[target], *moved[2:], weight=weight)
    torch.testing.assert_close(relabeled, value)
    rows = data.draw(permutations(len(weak)))
    moved = loss(weak[rows], strong[rows], target[rows], u[rows], v[rows], weight=weight[rows])
    torch.testing.assert_close(moved, value)


@both
def test_weight_scales_the_label_term_of_a_row(loss):
    options = parts_off | ({"noise_rate": 0.0} if loss is positive_branch_loss else {})
    weak = WEAK.clone().requires_grad_()
    alone = loss(WEAK[:1], STRONG[:1], TARGET[:1], U[:1], V[:1], **options)
    value = loss(weak, STRONG, TARGET, U, V, weight=torch.tensor([3, 0]), **options)
    torch.testing.assert_close(value, 3 * alone / 2)
    value.backward()
    assert weak.grad[0].any() and not weak.grad[1].any()


@both
def test_gradient(loss):
    leaves = [tensor.clone().requires_grad_() for tensor in (WEAK, STRONG)]
    options = {"consistency_weight": 0.0}
    assert torch.autograd.gradcheck(lambda weak: loss(weak, STRONG, TARGET, U, V, **options), leaves[0])
    assert torch.autograd.gradcheck(lambda strong: loss(WEAK, strong, TARGET, U, V), leaves[1])


@both
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_finite_at_extreme_logits(loss, dtype):
    signs = torch.cartesian_prod(*[torch.tensor([-1.0, 0.0, 1.0])] * 3)
    weak = (50 * signs).to(dtype).requires_grad_()
    strong = (-50 * signs).to(dtype).requires_grad_()
    u, v = (torch.full(weak.shape, 1e-8).requires_grad_() for _ in range(2))
    value = loss(weak, strong, torch.arange(len(weak)) % 3, u, v)
    value.backward()
    assert value.dtype == dtype
    assert value.isfinite()
    for leaf in (weak, strong, u, v):
        assert leaf.grad is None or leaf.grad.isfinite().all()


@both
def test_result_keeps_the_dtype_of_the_logits(loss):
    weight = torch.ones(2, dtype=torch.float64)
    assert loss(WEAK.float(), STRONG.float(), TARGET, U, V, weight=weight).dtype == torch.float32


def test_feature_imitation_by_hand():
    features = torch.tensor([[2.0, -1.0, -1.0], [0.0, 3.0, 0.0]])
    final = torch.tensor([[0.0, 1.0, -5.0], [0.0, 1.0, -2.0]])
    # First row 2² + 2², the pair (-1, -5) is left out; second row 2², zero is not positive.
    torch.testing.assert_close(feature_imitation_loss(features, final), torch.tensor([8.0, 4.0]))


@quick
@given(st.data())
def test_feature_imitation_agrees_with_the_loop(data):
    features = data.draw(matrices(columns=st.integers(1, 6)))
    final = data.draw(matrices(*[st.just(size) for size in features.shape]))
    expected = []
    for left, right in zip(features.tolist(), final.tolist(), strict=True):
        pairs = zip(left, right, strict=True)
        expected.append(sum((a - b) ** 2 for a, b in pairs if a > 0 or b > 0))
    value = feature_imitation_loss(features, final)
    torch.testing.assert_close(value, torch.tensor(expected, dtype=torch.float64))


def test_feature_imitation_trains_one_side():
    features = torch.tensor([[2.0, -1.0]], requires_grad=True)
    final = torch.tensor([[1.0, -3.0]], dtype=torch.float64, requires_grad=True)
    value = feature_imitation_loss(features, final)
    value.sum().backward()
    assert value.dtype == torch.float32
    assert final.grad is None
    torch.testing.assert_close(features.grad, torch.tensor([[2.0, 0.0]]))


def positive(weak=WEAK, strong=STRONG, target=TARGET, u=U, v=V, **options):
    return positive_branch_loss(weak, strong, target, u, v, **options)


def negative(weak=WEAK, strong=STRONG, target=TARGET, predicted=PREDICTED, **options):
    return negative_branch_loss(weak, strong, target, predicted, **options)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: positive(weak=WEAK.tolist()), TypeError, "weak_logits must be a torch.Tensor"),
        (lambda: positive(weak=WEAK.long()), TypeError, "weak_logits .* floating point"),
        (lambda: positive(strong=STRONG[:1]), ValueError, r"strong_logits has shape \(1, 3\)"),
        (lambda: positive(strong=None), ValueError, "strong_logits is None with consistency_weight=0.9"),
        (lambda: positive(target=TARGET + 1), ValueError, "target contains 3"),
        (lambda: positive(u=U[:, :2]), ValueError, r"u has shape \(2, 2\)"),
        (lambda: positive(weight=torch.tensor([1.0, -1.0])), ValueError, "weight contains -1.0"),
        (lambda: positive(noise_rate=1.5), ValueError, "noise_rate .* got 1.5"),
        (lambda: positive(residual_weight=-1), ValueError, "residual_weight .* got -1"),
        (lambda: positive(balance_weight=-1), ValueError, "balance_weight .* got -1"),
        (lambda: positive(consistency_weight=-1), ValueError, "consistency_weight .* got -1"),
        (lambda: negative(weak=WEAK[:, :1]), ValueError, "weak_logits .* at least 2 columns"),
        (lambda: negative(predicted=PREDICTED - 1), ValueError, "predicted contains -1"),
        (lambda: negative(predicted=PREDICTED.float()), TypeError, "predicted must hold int64"),
        (lambda: feature_imitation_loss([1.0], U), TypeError, "features must be a torch.Tensor"),
        (lambda: feature_imitation_loss(U, V[:1]), ValueError, r"target_features has shape \(1, 3\)"),
        (lambda: feature_imitation_loss(U[:0], V[:0]), ValueError, "features is an empty batch"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()
