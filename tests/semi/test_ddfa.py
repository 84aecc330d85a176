"""DDFA: classes found from domains alone."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from benchmarks.semi import find_classes, matched_accuracy, mixture
from skweak.semi import DDFAClassifier
from skweak.semi.ddfa import factorise, factorise_by_anchors


def test_an_exact_product_with_anchors_is_found_again():
    cells = np.array([[0.7, 0, 0], [0, 0.6, 0], [0, 0, 0.8], [0.3, 0.4, 0.2]])
    prior = np.array([[0.7, 0.2, 0.1, 0.0], [0.2, 0.6, 0.1, 0.5], [0.1, 0.2, 0.8, 0.5]])
    _, found, error = factorise(cells @ prior, 3, n_restarts=5, random_state=0)
    assert error < 1e-3
    order = np.abs(found[:, None] - prior[None]).sum(2).argmin(0)
    assert sorted(order) == [0, 1, 2]
    np.testing.assert_allclose(found.sum(0), 1)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.integers(0, 1000))
def test_anchors_find_an_exact_product_in_any_order_of_cells(seed):
    random = np.random.RandomState(seed)
    prior = random.dirichlet([2] * 3, 4).T
    mixed = random.dirichlet([1] * 2, 3).T
    cells = random.permutation(np.vstack([np.diag([0.5, 0.5, 0.5]), 0.5 * mixed]))
    mass = (cells @ prior).sum(1)
    # Cells of few rows are no anchors.
    assume(np.linalg.cond(prior) < 50 and mass.min() > mass.mean() / 2)
    found_cells, found, error = factorise_by_anchors(cells @ prior, 3)
    assert error < 1e-8
    order = np.abs(found[:, None] - prior[None]).sum(2).argmin(0)
    assert sorted(order) == [0, 1, 2]
    np.testing.assert_allclose(found[order], prior, atol=1e-6)
    np.testing.assert_allclose(found_cells[:, order], cells, atol=1e-6)


def test_a_domain_without_any_cell_and_a_class_without_a_domain_give_numbers():
    cells, prior, _ = factorise_by_anchors(np.array([[1.0, 1.0], [0.0, 0.0], [0.0, 0.0]]), 2)
    assert np.isfinite(cells).all() and np.isfinite(prior).all()
    np.testing.assert_allclose(prior.sum(0), 1)


@pytest.mark.parametrize("seed", [0, 2])
def test_classes_of_the_mixture_are_found_where_clusters_fail(seed):
    ours = find_classes(mixture, {}, seed)["matched_accuracy"]
    assert ours >= 0.9 > 0.6 > find_classes(mixture, "k-means", seed)["matched_accuracy"]


def test_names_of_domains_move_columns_only():
    X, y, domains = mixture(0, n_rows=600)
    first = DDFAClassifier(3, random_state=0).fit(X, domains=domains)
    second = DDFAClassifier(3, random_state=0).fit(X, domains=np.array(list("abcde"))[domains])
    np.testing.assert_array_equal(first.class_prior_, second.class_prior_)
    np.testing.assert_allclose(first.class_prior_.sum(0), 1)
    assert second.domains_.tolist() == list("abcde") and first.class_prior_.shape == (3, 5)
    assert matched_accuracy(y, first.predict(X)) > 0.8
    proba = first.predict_proba(X, domains)
    np.testing.assert_allclose(proba.sum(1), 1)
    assert (proba >= 0).all()


def test_bad_input_is_told_in_a_sentence():
    X, domains = np.random.RandomState(0).randn(40, 2), np.arange(40) % 2
    for call, text in (
        (lambda: DDFAClassifier().fit(X), "domains is missing"),
        (lambda: DDFAClassifier().fit(X, domains=domains[:5]), "5 entries for 40 rows"),
        (lambda: DDFAClassifier().fit(X, domains=domains * 0), "from at least two domains"),
        (lambda: DDFAClassifier(3).fit(X, domains=domains), "more than the 2 domains"),
        (lambda: DDFAClassifier(2, n_cells=50).fit(X, domains=domains), "n_cells=50"),
        (lambda: DDFAClassifier(1).fit(X, domains=domains), "n_classes"),
    ):
        with pytest.raises(ValueError, match=text):
            call()
