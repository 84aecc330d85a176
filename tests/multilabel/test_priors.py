import math
import warnings

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from skweak.multilabel import clean_prior

COMMON = settings(max_examples=25, deadline=None, derandomize=True)


def test_clean_prior_by_hand():
    # (0.35 - 0.1) / (1 - 0.4 - 0.1) = 0.5
    prior = clean_prior(torch.tensor([0.35]), false_negative_rate=0.4, false_positive_rate=0.1)
    assert prior.item() == pytest.approx(0.5)


def test_without_noise_nothing_changes():
    observed = torch.tensor([0.0, 0.3, 1.0])
    assert torch.equal(clean_prior(observed), observed)


@COMMON
@given(st.floats(0, 1), st.floats(0, 0.45), st.floats(0, 0.45))
def test_inverts_the_flips(true_prior, missed, added):
    true_prior = torch.tensor([true_prior], dtype=torch.float64)
    observed = true_prior * (1 - missed) + (1 - true_prior) * added
    prior = clean_prior(observed, false_negative_rate=missed, false_positive_rate=added)
    torch.testing.assert_close(prior, true_prior, atol=1e-9, rtol=0)


@COMMON
@given(st.floats(0, 1), st.floats(0, 0.45), st.floats(0, 0.45))
def test_result_is_a_prior(observed, missed, added):
    prior = clean_prior(torch.tensor([observed]), false_negative_rate=missed, false_positive_rate=added)
    assert 0 <= prior.item() <= 1


def test_impossible_observations_are_clipped():
    prior = clean_prior(torch.tensor([0.1, 0.9]), false_negative_rate=0.2, false_positive_rate=0.2)
    assert prior.tolist() == [0, 1]


def test_each_label_may_have_its_own_rates():
    rates = torch.tensor([0.0, 0.5], dtype=torch.float64)
    prior = clean_prior(torch.tensor([0.4, 0.4]), false_negative_rate=rates)
    assert prior.dtype == torch.float32
    torch.testing.assert_close(prior, torch.tensor([0.4, 0.8]))


def test_little_slack_warns_and_enough_does_not():
    with pytest.warns(UserWarning, match="false_negative_rate.*0.95"):
        clean_prior(torch.tensor([0.5]), false_negative_rate=0.5, false_positive_rate=0.45)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clean_prior(torch.tensor([0.5]), false_negative_rate=0.5, false_positive_rate=0.35)


PRIOR = torch.tensor([0.5, 0.5])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: clean_prior([0.5]), TypeError, "observed_prior"),
        (lambda: clean_prior(PRIOR.long()), TypeError, "observed_prior"),
        (lambda: clean_prior(PRIOR[None]), ValueError, "observed_prior"),
        (lambda: clean_prior(PRIOR[:0]), ValueError, "observed_prior"),
        (lambda: clean_prior(3 * PRIOR), ValueError, "observed_prior contains 1.5"),
        (
            lambda: clean_prior(PRIOR, false_negative_rate=-0.1),
            ValueError,
            "false_negative_rate contains -0.1",
        ),
        (
            lambda: clean_prior(PRIOR, false_positive_rate=math.nan),
            ValueError,
            "false_positive_rate contains nan",
        ),
        (lambda: clean_prior(PRIOR, false_positive_rate=torch.zeros(3)), ValueError, "false_positive_rate"),
        (
            lambda: clean_prior(PRIOR, false_negative_rate=0.6, false_positive_rate=torch.tensor([0.1, 0.4])),
            ValueError,
            "false_negative_rate . false_positive_rate must be below 1.*got 1",
        ),
    ],
)
def test_errors_name_the_parameter(call, error, message):
    with pytest.raises(error, match=message):
        call()
