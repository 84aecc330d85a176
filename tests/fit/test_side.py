"""Facts about rows reach a method by name, cut by folds as X is; what does not fit is refused."""

import inspect

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch.nn import functional as F

from skweak.base import WeakClassifier
from skweak.engine import Adjacency
from skweak.fit.side import RowGroups, RowPairs, RowValues
from tests.small_data import blobs

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

X, _, Y = blobs(24)
ROWS = np.arange(24)
NAMES = np.array(["b", "a", "c", "a"])[ROWS % 4]
PAIRS = sparse.csr_matrix(ROWS[:, None] * 100.0 + ROWS)
FACTS = {"domains": NAMES, "adjacency": Adjacency(PAIRS), "number": ROWS}
SEEN = []


class Toy(WeakClassifier):
    """Notes what it is given of every batch."""

    _side_facts = {
        "domains": RowGroups("the domain of every row"), "adjacency": RowPairs("edges between rows"),
        "number": RowValues("a number of every row"),
    }  # fmt: skip
    _supports_partial_fit = True

    def _loss(self, run, batch):
        SEEN.append([run.facts.read(name, batch.index) for name in ("number", "domains", "adjacency")])
        return F.cross_entropy(run.module_(batch.X), batch.y, reduction="none")


def toy(**changes):
    SEEN.clear()
    return Toy(module__hidden=(4,), max_epochs=1, batch_size=100, random_state=0, n_threads=1, **changes)


def check_seen(domains=NAMES):
    """Return the numbers of the rows of every batch, whose other facts must be those of the same rows."""
    for number, codes, pairs in SEEN:
        rows = number.long().numpy()
        assert (np.unique(domains[rows], return_inverse=True)[1] == codes.numpy()).all()
        np.testing.assert_array_equal(pairs.to_dense().numpy(), PAIRS.toarray()[np.ix_(rows, rows)])
    return [sorted(number.tolist()) for number, _, _ in SEEN]


def test_facts_stand_in_the_signature_and_reach_every_batch():
    assert list(inspect.signature(Toy.fit).parameters)[3:] == list(FACTS) and "edges between rows" in Toy.fit.__doc__
    clf = toy().fit(X, Y, **FACTS)
    assert check_seen() == [ROWS.tolist()] and clf.domains_.tolist() == ["a", "b", "c"]
    toy(validation_fraction=0.25).fit(X, Y, **FACTS)
    assert len(check_seen()[0]) == 18
    toy().partial_fit(X[:10], Y[:10], classes=[0, 1, 2], number=ROWS[:10], domains=NAMES[:10], adjacency=PAIRS[:10, :10])
    assert check_seen() == [ROWS[:10].tolist()]


@pytest.mark.parametrize("way", ["cross_validate", "pipeline", "search", "routing"])
def test_folds_cut_facts_as_they_cut_rows(way):
    folds = KFold(2)
    parts = [ROWS[12:].tolist(), ROWS[:12].tolist()]
    if way == "cross_validate":
        cross_validate(toy(), X, Y, params=FACTS, cv=folds, error_score="raise")
    elif way == "pipeline":
        named = {f"toy__{name}": value for name, value in FACTS.items()}
        model = make_pipeline(StandardScaler(), toy())
        model.steps[-1] = ("toy", model.steps[-1][1])
        cross_validate(model, X, Y, params=named, cv=folds, error_score="raise")
    elif way == "search":
        GridSearchCV(toy(), {"lr": [0.05]}, cv=folds, error_score="raise").fit(X, Y, **FACTS)
        parts = [*parts, ROWS.tolist()]
    else:
        with config_context(enable_metadata_routing=True):
            model = toy().set_fit_request(domains=True, adjacency=True, number=True)
            cross_validate(make_pipeline(StandardScaler(), clone(model)), X, Y, params=FACTS, cv=folds,
                           error_score="raise")  # fmt: skip
    assert check_seen() == parts


WRONG = {
    "too few": ({"domains": NAMES[:9]}, "domains has 9 entries for 24 rows"),
    "too few numbers": ({"number": ROWS[:9]}, "number has 9 rows, but X has 24"),
    "no numbers": ({"number": np.full(24, np.nan)}, "number contains NaN"),
    "cut on one axis": ({"adjacency": PAIRS[:, :12]}, r"adjacency: .* square.*\(24, 12\).*Adjacency\(matrix\)"),
    "of other rows": ({"adjacency": PAIRS[:12, :12]}, "adjacency has 12 rows and columns, but X has 24"),
    "infinite": ({"adjacency": PAIRS * np.inf}, "adjacency must be finite"),
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_fit_the_rows_never_trains(name):
    facts, message = WRONG[name]
    with pytest.raises(ValueError, match=message):
        toy().fit(X, Y, **facts)
    assert SEEN == []


def test_facts_that_are_not_named_are_refused_and_needed_ones_asked_for():
    with pytest.raises(TypeError, match="got 'domain'"):
        toy().fit(X, Y, domain=NAMES)

    class Needy(Toy):
        _side_facts = {"domains": RowGroups("the domain of every row", required=True)}

    with pytest.raises(ValueError, match=r"domains is missing: fit\(X, y, domains=...\) takes \(n,\): the domain"):
        Needy().fit(X, Y)


def test_an_adjacency_is_cut_on_both_axes_by_positions_masks_and_slices():
    whole = Adjacency([[0, 1, 0], [2, 0, 3], [0, 4, 5]])
    for rows in ([1, 2], np.array([False, True, True]), slice(1, 3), ([1, 2], ...)):
        assert whole[rows].matrix.toarray().tolist() == [[0, 3], [4, 5]]
    assert whole.to(torch.float32, "cpu").to_dense().tolist() == [[0, 1, 0], [2, 0, 3], [0, 4, 5]]
