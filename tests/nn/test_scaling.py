"""The fixed first layer: by hand, its bounds, and that neither units nor an odd row decide what is predicted."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.datasets import load_wine
from sklearn.preprocessing import StandardScaler

from skweak.nn import MLP, InputScaling
from skweak.noisy import CrossEntropyClassifier, ELRClassifier

X, Y = load_wine(return_X_y=True)


def test_by_hand():
    layer = InputScaling(2)
    layer.set_columns(torch.tensor([1.0, 0.0]), torch.tensor([2.0, 1.0]))
    np.testing.assert_allclose(layer(torch.tensor([[7.0, 0.0]])), [[3 / np.sqrt(2), 0.0]], rtol=1e-6)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.floats(-1e30, 1e30), st.floats(1e-38, 1e30), st.floats(-3e38, 3e38))
def test_every_number_ends_within_the_limit(centre, width, x):
    layer = InputScaling(1)
    layer.set_columns(torch.tensor([centre]).float(), torch.tensor([width]).double())
    assert layer(torch.tensor([[x]]).float()).abs() <= 3 * (1 + 1e-6)


def test_a_limit_must_be_positive():
    with pytest.raises(ValueError, match="limit"):
        InputScaling(2, limit=0)


def test_columns_times_powers_of_ten_predict_the_same():
    units = 10.0 ** np.arange(-6, 7)
    plain = CrossEntropyClassifier(max_epochs=10, random_state=0).fit(X, Y)
    scaled = CrossEntropyClassifier(max_epochs=10, random_state=0).fit(X * units, Y)
    np.testing.assert_allclose(scaled.predict_proba(X * units), plain.predict_proba(X), atol=1e-4)


def test_one_row_of_a_million_costs_the_others_nothing():
    odd = X.copy()
    odd[5] = 1e6
    rest = np.delete(np.arange(len(X)), 5)
    scores = [ELRClassifier(max_epochs=30, random_state=0).fit(data, Y).score(X[rest], Y[rest]) for data in (X, odd)]
    assert scores[1] >= scores[0] - 0.01 > 0.9


def test_raw_columns_learn_as_well_as_standardised_ones():
    raw = CrossEntropyClassifier(max_epochs=30, random_state=0).fit(X, Y).score(X, Y)
    left_out = CrossEntropyClassifier(max_epochs=30, module__scale_inputs=False, random_state=0).fit(X, Y).score(X, Y)
    ready = StandardScaler().fit_transform(X)
    assert raw >= CrossEntropyClassifier(max_epochs=30, random_state=0).fit(ready, Y).score(ready, Y) - 0.02
    assert raw > left_out + 0.2


def test_sparse_tables_are_scaled_without_a_centre():
    table = sparse.csr_matrix(np.where(np.median(X, axis=0) < X, X, 0))
    clf = CrossEntropyClassifier(max_epochs=10, random_state=0).fit(table, Y)
    layer = clf.net_.module_.scaling
    assert not layer.centre.any() and layer.factor.min() > 0
    assert clf.score(table, Y) > 0.9


def test_own_networks_are_left_alone():
    assert CrossEntropyClassifier(module=MLP, max_epochs=1).fit(X, Y).net_.module_.scaling is None
    own = CrossEntropyClassifier(module=MLP, module__scale_inputs=True, max_epochs=1).fit(X, Y).net_.module_.scaling
    assert own.centre.abs().min() > 0


def test_the_second_part_of_a_stream_is_scaled_as_the_first():
    clf = CrossEntropyClassifier(random_state=0).partial_fit(X[::2], Y[::2])
    before = clf.net_.module_.scaling.centre.clone()
    assert torch.equal(clf.partial_fit(X[1::2] * 10, Y[1::2]).net_.module_.scaling.centre, before)
