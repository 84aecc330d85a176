"""Weights of entries: 0 is an unknown entry, 2 an entry that counts twice, in training and on held-out rows."""

import numpy as np
import pytest
from sklearn.model_selection import KFold, cross_validate
from torch import nn

from skweak.multilabel import MultiLabelClassifier
from tests.small_data import blobs, labels_of

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

X, _, NOISY = blobs(30)
Y = labels_of("multilabel", NOISY)
WEIGHT = np.random.RandomState(0).randint(0, 2, Y.shape).astype(float)
SMALL = {"max_epochs": 2, "batch_size": 10, "dtype": "float64", "random_state": 0, "n_threads": 1}


class Columns(nn.Module):
    """Two labels, of which outputs show the columns that are asked for."""

    def __init__(self, n_features, columns):
        super().__init__()
        self.linear, self.columns = nn.Linear(n_features, 2), columns

    def forward(self, X):
        return self.linear(X)[:, self.columns]


@pytest.mark.parametrize("loss", ["bce", "focal", "asymmetric"])
def test_weight_zero_is_an_unknown_entry(loss):
    settings = SMALL | {"module__hidden": (4,), "loss": loss, "validation_fraction": 0.3}
    weighted = MultiLabelClassifier(**settings).fit(X, Y, cell_weight=WEIGHT)
    unknown = MultiLabelClassifier(**settings).fit(X, np.where(WEIGHT == 0, -1, Y))
    np.testing.assert_allclose(weighted.predict_proba(X), unknown.predict_proba(X), rtol=1e-10)
    for name in ("train_loss", "valid_loss"):
        assert weighted.history_[-1][name] == pytest.approx(unknown.history_[-1][name])
    plain = MultiLabelClassifier(**settings).fit(X, Y)
    assert plain.history_[-1]["valid_loss"] != pytest.approx(unknown.history_[-1]["valid_loss"])


def test_weight_two_is_an_entry_counted_twice():
    settings = SMALL | {"module": Columns, "validation_fraction": 0.3}
    weighted = MultiLabelClassifier(module__columns=[0, 1], **settings).fit(
        X, Y[:, :2], cell_weight=np.tile([2, 1], (30, 1))
    )
    twice = MultiLabelClassifier(module__columns=[0, 0, 1], **settings).fit(X, Y[:, [0, 0, 1]])
    np.testing.assert_allclose(weighted.predict_proba(X), twice.predict_proba(X)[:, 1:], rtol=1e-10)
    for name in ("train_loss", "valid_loss"):
        assert weighted.history_[-1][name] == pytest.approx(twice.history_[-1][name])


def test_folds_cut_them_and_streams_take_them_beside_weights_of_rows():
    clf = MultiLabelClassifier(module__hidden=(4,), **SMALL)
    found = cross_validate(clf, X, Y, params={"cell_weight": WEIGHT}, cv=KFold(2), return_estimator=True)
    half = clf.fit(X[15:], Y[15:], cell_weight=WEIGHT[15:]).predict_proba(X)
    np.testing.assert_array_equal(found["estimator"][0].predict_proba(X), half)
    both = {"cell_weight": 3 * WEIGHT, "sample_weight": np.ones(30)}
    clf.partial_fit(X, Y, **both)


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (np.ones((30, 2)), r"cell_weight has shape \(30, 2\), but y has \(30, 3\)"),
        (np.ones(30), r"cell_weight has shape \(30,\), but y has"),
        (-np.ones((30, 3)), "cell_weight must not be negative, got -1"),
        (np.full((30, 3), np.nan), "cell_weight contains NaN"),
        (1.0 * (Y == -1), "zero for every known entry"),
    ],
    ids=["columns", "rows", "negative", "nan", "nothing"],
)
def test_weights_that_fit_no_entries_are_refused(weight, message):
    with pytest.raises(ValueError, match=message):
        MultiLabelClassifier(**SMALL).fit(X, Y, cell_weight=weight)
