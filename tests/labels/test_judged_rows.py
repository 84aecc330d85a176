import numpy as np
import pytest
import torch

from skweak.labels import disambiguation, find_kind


def judge_rows(proba, target, kind):
    return find_kind(kind).judge_rows(proba, target)


PROBA = torch.tensor([[0.2, 0.5, 0.3], [0.6, 0.3, 0.1]])


def test_candidates_share_the_probability_among_themselves():
    judged = judge_rows(PROBA, torch.tensor([[1, 0, 1], [0, 1, 0]], dtype=torch.uint8), "partial")
    # 0.2 and 0.3 of 0.5.
    np.testing.assert_allclose(judged["candidate_weights_"], [[0.4, 0, 0.6], [0, 1, 0]])
    np.testing.assert_allclose(judged["label_quality_"], [0.6, 1])
    assert judged["transduction_"].tolist() == [2, 1]


def test_candidates_of_probability_zero_are_equal():
    judged = judge_rows(torch.tensor([[1.0, 0.0, 0.0]]), torch.tensor([[0, 1, 1]]), "partial")
    assert judged["candidate_weights_"].tolist() == [[0, 0.5, 0.5]]


def test_votes_give_way_to_the_most_probable_label():
    judged = judge_rows(PROBA, torch.tensor([[2, -1], [-1, -1]]), "crowd")
    assert judged["transduction_"].tolist() == [1, 0]
    np.testing.assert_allclose(judged["label_quality_"], [0.5, 0.6])


@pytest.mark.parametrize("kind", ["noisy", "semi", "open"])
def test_given_labels_stay_and_their_probability_is_their_quality(kind):
    judged = judge_rows(PROBA, torch.tensor([2, 0]), kind)
    assert judged["transduction_"].tolist() == [2, 0]
    np.testing.assert_allclose(judged["label_quality_"], [0.3, 0.6])


def test_a_row_without_a_class_has_no_quality():
    judged = judge_rows(PROBA, torch.tensor([-1, 3]), "open")
    assert judged["transduction_"].tolist() == [-1, 3] and np.isnan(judged["label_quality_"]).all()


def test_label_matrices_stay_as_given():
    target = torch.tensor([[1, 0, -1], [0, 0, 1]], dtype=torch.int8)
    judged = judge_rows(PROBA, target, "multilabel")
    assert list(judged) == ["transduction_"]
    np.testing.assert_array_equal(judged["transduction_"], target)


def test_what_is_reported_does_not_share_memory_with_what_goes_on():
    belief = torch.tensor([[0.25, 0.75]])
    fitted = disambiguation(belief)
    belief.zero_()
    assert fitted["candidate_weights_"].tolist() == [[0.25, 0.75]] and fitted["transduction_"].tolist() == [1]
