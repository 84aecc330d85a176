import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from skweak.losses import bounded_unbiased_risk, unbiased_binary_loss, unbiased_ranking_loss
from tests.strategies import logits_and_binary, permutations

quick = settings(max_examples=25, deadline=None, derandomize=True)
both = pytest.mark.parametrize("pairwise", [False, True], ids=["labels", "pairs"])
PLAIN = {False: unbiased_binary_loss, True: unbiased_ranking_loss}
RATES = {"false_negative_rate": 0.3, "false_positive_rate": 0.2}
SURROGATES = {
    "logistic": lambda m: np.logaddexp(0, -m),
    "hinge": lambda m: np.maximum(0, 1 - m),
    "squared": lambda m: (1 - m) ** 2,
    "sigmoid": lambda m: 1 / (1 + np.exp(m)),
}


def loop(logits, target, pairwise, bound, phi):
    """Definition, part by part."""
    scores, labels = logits.numpy(), target.numpy()
    n, k = scores.shape
    share = np.where(labels == -1, 0.0, ((labels == 1) - 0.2) / 0.5)
    other = np.where(labels == -1, 0.0, 1 - share)
    parts = []
    if pairwise:
        for a, b in itertools.permutations(range(k), 2):
            terms = [share[i, a] * other[i, b] * phi(scores[i, a] - scores[i, b]) for i in range(n)]
            parts.append(sum(terms) / n)
    else:
        for a in range(k):
            parts.append(sum(share[i, a] * phi(scores[i, a]) for i in range(n)) / n)
            parts.append(sum(other[i, a] * phi(-scores[i, a]) for i in range(n)) / n)
    return sum(max(0, part) if bound == "relu" else abs(part) for part in parts)


def test_by_hand():
    # Half of the absent labels are added: a 1 counts 1 phi(f), a 0 counts -1 phi(f) + 2 phi(-f).
    # Hinge at 0.5 for the 1 and -2 for the 0: (0.5 - 3) / 2 < 0 for phi(f), 2 * 0 for phi(-f).
    logits, target = torch.tensor([[0.5], [-2.0]]), torch.tensor([[1], [0]])
    options = {"false_positive_rate": 0.5, "surrogate": "hinge"}
    assert bounded_unbiased_risk(logits, target, **options).item() == 0.0
    assert bounded_unbiased_risk(logits, target, **options, bound="abs").item() == 1.25
    assert unbiased_binary_loss(logits, target, **options).mean().item() == -1.25


@both
@pytest.mark.parametrize("bound", ["relu", "abs"])
@pytest.mark.parametrize("surrogate", SURROGATES)
@quick
@given(case=logits_and_binary(labels=st.integers(1, 4), values=(-1, 0, 1)))
def test_agrees_with_the_loop(pairwise, bound, surrogate, case):
    value = bounded_unbiased_risk(*case, **RATES, surrogate=surrogate, pairwise=pairwise, bound=bound)
    expected = loop(*case, pairwise, bound, SURROGATES[surrogate])
    np.testing.assert_allclose(value.item(), expected, rtol=1e-9, atol=1e-12)
    assert value.item() >= 0


@both
@quick
@given(case=logits_and_binary(labels=st.integers(1, 4)))
def test_without_noise_it_is_the_mean_loss(pairwise, case):
    value = bounded_unbiased_risk(*case, pairwise=pairwise)
    torch.testing.assert_close(value, PLAIN[pairwise](*case).mean())


@both
@quick
@given(case=logits_and_binary(labels=st.integers(1, 4)))
def test_bounds_never_lower_the_risk(pairwise, case):
    corrected = PLAIN[pairwise](*case, **RATES).mean()
    relu, absolute = (
        bounded_unbiased_risk(*case, **RATES, pairwise=pairwise, bound=b) for b in ("relu", "abs")
    )
    assert corrected <= relu + 1e-9 and relu <= absolute + 1e-9


@both
@quick
@given(data=st.data(), case=logits_and_binary(labels=st.integers(2, 4), values=(-1, 0, 1)))
def test_order_of_rows_and_labels_does_not_matter(pairwise, data, case):
    value = bounded_unbiased_risk(*case, **RATES, pairwise=pairwise)
    for dim in (0, 1):
        order = data.draw(permutations(case[0].shape[dim]))
        moved = [part.index_select(dim, order) for part in case]
        torch.testing.assert_close(bounded_unbiased_risk(*moved, **RATES, pairwise=pairwise), value)


@both
def test_large_samples_of_clean_labels_need_no_bound(pairwise):
    random = np.random.RandomState(0)
    logits = torch.from_numpy(random.randn(1, 3)).expand(20000, 3)
    clean = np.array([1, 0, 1])
    flipped = random.rand(20000, 3) < np.where(clean == 1, 0.3, 0.2)
    target = torch.from_numpy(np.where(flipped, 1 - clean, clean))
    expected = PLAIN[pairwise](logits[:1], torch.from_numpy(clean[None])).item()
    value = bounded_unbiased_risk(logits, target, **RATES, pairwise=pairwise)
    assert value.item() == pytest.approx(expected, abs=0.05)


@both
@pytest.mark.parametrize("bound", ["relu", "abs"])
def test_finite_at_extremes(pairwise, bound):
    logits = torch.tensor([[-200.0, 200.0, 0.0]] * 2, requires_grad=True)
    target = torch.tensor([[1, 0, -1], [0, 1, 1]])
    value = bounded_unbiased_risk(logits, target, **RATES, pairwise=pairwise, bound=bound)
    value.backward()
    assert value.isfinite() and logits.grad.isfinite().all()


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"bound": "none"}, ValueError, "bound must be one of"),
        ({"surrogate": "cubic"}, ValueError, "surrogate"),
        ({"false_negative_rate": 0.9}, ValueError, "sum to"),
        ({"target": torch.tensor([[2]])}, ValueError, "target"),
        ({"logits": torch.tensor([[1]])}, TypeError, "logits"),
    ],
    ids=["bound", "surrogate", "rates", "target", "logits"],
)
def test_bad_arguments(changes, error, message):
    arguments = {"logits": torch.zeros(1, 1), "target": torch.ones(1, 1), **RATES, **changes}
    with pytest.raises(error, match=message):
        bounded_unbiased_risk(arguments.pop("logits"), arguments.pop("target"), **arguments)
