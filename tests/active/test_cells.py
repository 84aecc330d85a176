"""Entries, annotations and second looks: laws, loops, refusals, and resume after real kills."""

import inspect
import json
import multiprocessing
import os
import signal
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier

from skweak.active import (
    AUDI,
    AURO,
    ActiveLab,
    ActiveLearner,
    EntryMargin,
    Herding,
    IEThreshold,
    LabelerCost,
    MarginSampling,
    MultiLabelRows,
    RandomSampling,
    ReannotationQuery,
    run_loop,
)
from skweak.active.cell_base import CellStrategy
from skweak.active.multilabel import SCORES
from skweak.active.oracles import (
    REFUSED,
    ArrayOracle,
    CostlyOracle,
    CrowdOracle,
    FunctionOracle,
    HierarchyOracle,
    InteractiveOracle,
    NoisyOracle,
    RefusingOracle,
)
from skweak.active.scores import compared_labels
from skweak.multilabel import MultiLabelClassifier
from tests.active.test_all_strategies import EVERY

CELLS = [cls for cls in EVERY if cls.query_kind in ("entries", "annotations")]
each = pytest.mark.parametrize("cls", CELLS, ids=lambda cls: cls.__name__)

GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(60, 4)).astype(np.float32)
TRUTH = (X @ GENERATOR.normal(size=(4, 3)) > 0).astype(np.int64)
CLASS = (X[:, 0] > 0).astype(np.int64)
RIGHT = GENERATOR.random((60, 4)) < [0.95, 0.9, 0.7, 0.5]
VOTES = np.where(RIGHT, CLASS[:, None], 1 - CLASS[:, None])


def matrix(cls):
    return TRUTH if cls.query_kind == "entries" else VOTES


def fitted(cls):
    if cls.query_kind == "entries":
        return OneVsRestClassifier(LogisticRegression()).fit(X[:20], TRUTH[:20])
    return LogisticRegression().fit(X[:20], CLASS[:20])


def network():
    return MultiLabelClassifier(module__hidden=(8,), max_epochs=2, random_state=0)


def taught(cls):
    """An estimator that learns from what is known; scikit-learn's know no missing labels."""
    return network() if cls.query_kind == "entries" else LogisticRegression()


def half_known(cls):
    known = matrix(cls).copy()
    known[np.random.default_rng(1).random(known.shape) < 0.7] = -1
    return known


@each
def test_cells_are_distinct_open_and_the_same_again(cls):
    known, learner = half_known(cls), fitted(cls)
    n_open = int((known < 0).sum())
    for size in (0, 1, 7, n_open):
        cells, scores = cls()(learner, X, size, y_pool=known)
        assert cells.shape == (size, 2) and cells.dtype == np.int64 and scores.dtype == np.float64
        assert len({tuple(cell) for cell in cells.tolist()}) == size and (np.diff(scores) <= 0).all()
        assert (known[cells[:, 0], cells[:, 1]] == -1).all() and np.isfinite(scores).all()
        again = clone(cls())(learner, X, size, y_pool=known)
        assert again[0].tolist() == cells.tolist()
    with pytest.raises(ValueError, match="cells are asked for, but y_pool has only"):
        cls()(learner, X, n_open + 1, y_pool=known)


@each
def test_before_anything_is_fitted_whole_rows_are_asked(cls):
    known = np.full(matrix(cls).shape, -1)
    cells = cls()(clone(fitted(cls)), X, 2 * known.shape[1], y_pool=known)[0]
    assert len(set(cells[:, 0].tolist())) == 2


@each
def test_parameters_are_documented_and_checked(cls):
    text = inspect.getdoc(cls)
    for name in inspect.signature(cls).parameters:
        assert f"{name} :" in text and name in cls._parameter_constraints
        with pytest.raises(ValueError, match=f"'{name}' parameter"):
            cls(**{name: 1j})(fitted(cls), X, 1, y_pool=half_known(cls))


@each
def test_a_learner_of_rows_is_told(cls):
    with pytest.raises(TypeError, match="needs y_pool="):
        cls()(fitted(cls), X, 1)
    with pytest.raises(ValueError, match="y_pool must be a matrix of integers with 60 rows"):
        cls()(fitted(cls), X, 1, y_pool=half_known(cls)[:5])
    modal = pytest.importorskip("skweak.active.modal")
    learner = modal.ActiveLearner(LogisticRegression(), cls(), X[:20], CLASS[:20])
    with pytest.raises(TypeError, match="modAL's learners know rows only; use run_loop"):
        learner.query(X, n_instances=1)


@each
def test_no_answer_is_looked_at_before_it_is_bought(cls):
    asked = []

    def oracle(cell):
        asked.append(cell)
        return int(matrix(cls)[cell])

    learner = ActiveLearner(taught(cls), cls())
    history = run_loop(learner, X, oracle, 3, 6, y_pool=np.full(matrix(cls).shape, -1), verbose=0)
    assert [record["n_answers"] for record in history] == [0, 6, 12, 18] and len(set(asked)) == 18
    assert history[1]["indices"].shape == (6, 2)


@each
def test_refused_cells_are_paid_for_and_not_asked_again(cls):
    oracle = CostlyOracle(RefusingOracle(matrix(cls), rate=0.5, random_state=3), cost=2.0)
    learner = ActiveLearner(taught(cls), cls())
    history = run_loop(learner, X, oracle, 3, 8, y_pool=np.full(matrix(cls).shape, -1), budget=41.0, verbose=0)
    cells = np.concatenate([record["indices"] for record in history[1:]])
    assert len({tuple(cell) for cell in cells.tolist()}) == len(cells) == 20
    assert history[-1]["cost"] == 40.0 and 0 < history[-1]["n_refused"] == 20 - history[-1]["n_answers"]


def plain(history):
    kept = [{key: value for key, value in record.items() if key != "seconds"} for record in history]
    return json.dumps(kept, default=lambda value: "refused" if value is REFUSED else value.tolist())


KINDS = ("rows", "entries", "annotations", "comparisons")


def fits_better(cell):
    """1 where the first label of a cell fits better, 0 where the second does, -1 where both fit alike."""
    row, first, second = cell
    return -1 if TRUTH[row, first] == TRUTH[row, second] else int(TRUTH[row, first])


def loop(kind, slow, **facts):
    strategy = {"rows": Herding(), "entries": EntryMargin(), "annotations": IEThreshold(), "comparisons": AURO()}[kind]
    truth = {"rows": CLASS, "entries": TRUTH, "annotations": VOTES, "comparisons": fits_better}[kind]
    model = network() if kind in ("entries", "comparisons") else LogisticRegression()
    inner = RefusingOracle(NoisyOracle(truth, classes=[0, 1], noise=0.2, random_state=1), rate=0.2, random_state=2)

    def answer(index):
        time.sleep(slow)
        return inner(index)

    oracle = FunctionOracle(answer, cost=np.linspace(1, 2, 60))
    if kind != "rows":
        facts["y_pool"] = np.full((60, VOTES.shape[1] if kind == "annotations" else 3), -1)
    if kind == "comparisons":
        facts["y_pool"][::12] = TRUTH[::12]
    return plain(run_loop(ActiveLearner(model, strategy), X, oracle, 5, 6, verbose=0, **facts))


@pytest.mark.parametrize("kind", KINDS)
def test_killed_at_random_moments_every_kind_of_question_goes_on_exactly(kind, tmp_path):
    context = multiprocessing.get_context("fork")
    generator, kills, began = np.random.default_rng(0), 0, time.perf_counter()
    # As long as a run takes on this machine at this hour.
    expected, length = loop(kind, 0.003), time.perf_counter() - began
    for _ in range(50):
        child = context.Process(target=loop, args=(kind, 0.003), kwargs={"checkpoint": tmp_path})
        child.start()
        child.join(generator.uniform(0.1, 0.5) * length * 1.08**kills)
        if not child.is_alive():
            assert child.exitcode == 0
            break
        os.kill(child.pid, signal.SIGKILL)
        child.join()
        kills += 1
    assert 0 < kills < 50
    assert loop(kind, 0, checkpoint=tmp_path) == expected


def test_comparisons_keep_what_was_asked(tmp_path):
    class Pairs(CellStrategy):
        query_kind = "comparisons"

        def __call__(self, learner, X_pool, n_instances=1, *, y_pool=None, closed=None, asked=(), labeled=None):
            rows = np.flatnonzero(~closed[:, :2].any(axis=1))[:n_instances]
            return np.column_stack([rows, 0 * rows, 0 * rows + 1]), np.zeros(len(rows))

    class Ranker(LogisticRegression):
        def fit(self, X, y, pairs=()):
            self.pairs_, self.rows_ = np.asarray(pairs).tolist(), X
            return self

        def predict(self, X):
            return np.zeros(len(X))

    def run(**facts):
        learner = ActiveLearner(Ranker(), Pairs(), X[:5], TRUTH[:5])
        learner.estimator.pairs_ = []
        history = run_loop(learner, X, lambda cell: int(cell[0] % 2), 2, 3, y_pool=np.full((60, 3), -1), verbose=0,
                           **facts)  # fmt: skip
        return plain(history), learner.estimator.pairs_

    history, pairs = run(checkpoint=tmp_path)
    # The first rows of the learner come before those of the pool; label 1 fits row 0 better, label 0 row 1.
    assert pairs[:2] == [[5, 1, 0], [6, 0, 1]] and len(pairs) == 6
    assert run(checkpoint=tmp_path)[0] == history


def test_entry_margin_shares_a_batch_among_labels():
    proba = np.column_stack([np.full(60, 0.5), np.linspace(0.6, 0.9, 60), np.linspace(0.9, 0.99, 60)])

    class Known(OneVsRestClassifier):
        def predict_proba(self, rows):
            return proba[: len(rows)]

    learner = Known(LogisticRegression()).fit(X[:20], TRUTH[:20])
    known = np.full((60, 3), -1)
    cells = EntryMargin()(learner, X, 7, y_pool=known)[0]
    assert np.bincount(cells[:, 1], minlength=3).tolist() == [3, 2, 2]
    assert np.bincount(EntryMargin(per_label=None)(learner, X, 7, y_pool=known)[0][:, 1]).tolist() == [7]
    spread = EntryMargin(per_label=None, max_per_row=1)(learner, X, 60, y_pool=known)[0]
    assert len(set(spread[:, 0].tolist())) == 60


@pytest.mark.parametrize("score", SCORES)
def test_rows_with_several_labels_in_a_loop(score):
    learner = ActiveLearner(OneVsRestClassifier(LogisticRegression()), MultiLabelRows(score=score), X[:20], TRUTH[:20])
    history = run_loop(learner, X[20:], TRUTH[20:], 2, 4, verbose=0)
    assert [record["n_labeled"] for record in history] == [20, 24, 28]
    # Labels in another order, the same rows.
    picks = MultiLabelRows(score=score)(learner, X[20:], 5)[0]
    turned = OneVsRestClassifier(LogisticRegression()).fit(X[:20], TRUTH[:20, ::-1])
    plain = OneVsRestClassifier(LogisticRegression()).fit(X[:20], TRUTH[:20])
    first = MultiLabelRows(score=score)(plain, X[20:], 5, labeled=(X[:20], TRUTH[:20]))[0]
    second = MultiLabelRows(score=score)(turned, X[20:], 5, labeled=(X[:20], TRUTH[:20, ::-1]))[0]
    assert first.tolist() == second.tolist() and len(picks) == 5


def test_entries_teach_our_networks():
    learner = ActiveLearner(MultiLabelClassifier(max_epochs=20, random_state=0), AUDI())
    history = run_loop(learner, X, TRUTH, 3, 20, verbose=0, scorers={"score": lambda learner: learner.score(X, TRUTH)})
    assert np.isnan(history[0]["score"]) and history[-1]["score"] > 0.5


def test_the_best_annotators_are_asked_in_the_end():
    for strategy in (IEThreshold(), ActiveLab(), ActiveLab(rule="relabel"), LabelerCost()):
        learner = ActiveLearner(LogisticRegression(), strategy)
        history = run_loop(learner, X, VOTES, 8, 12, verbose=0)
        late = np.concatenate([record["indices"] for record in history[4:]])[:, 1]
        assert np.bincount(late, minlength=4)[:2].sum() > np.bincount(late, minlength=4)[2:].sum(), strategy


def test_second_looks_find_wrong_labels():
    generator = np.random.default_rng(0)
    wrong = generator.permutation(60)[:9]
    given = CLASS.copy()
    given[wrong] = 1 - given[wrong]
    learner = LogisticRegression(C=0.1).fit(X, given)
    picks = ReannotationQuery()(learner, X, 9, y_pool=given)[0]
    assert len(set(picks) & set(wrong)) >= 7
    quality = np.where(np.isin(np.arange(60), wrong), 0.01, 0.9)
    assert set(ReannotationQuery()(learner, X, 9, y_pool=given, label_quality=quality)[0]) == set(wrong)
    with pytest.raises(TypeError, match="needs the given labels"):
        ReannotationQuery()(learner, X, 2)
    with pytest.raises(ValueError, match="label_quality must be 60 numbers"):
        ReannotationQuery()(learner, X, 2, y_pool=given, label_quality=[0.5])


def test_oracles_answer_the_same_in_any_order():
    noisy = NoisyOracle(CLASS, classes=[0, 1], noise=0.3, random_state=0)
    forward, backward = [noisy(row) for row in range(60)], [noisy(row) for row in reversed(range(60))][::-1]
    assert forward == backward and 0.1 < np.mean(np.array(forward) != CLASS) < 0.5
    with pytest.raises(ValueError, match="noise must be"):
        NoisyOracle(CLASS, classes=[0, 1], noise=[[0.5, 0.1], [0, 1]])
    with pytest.raises(ValueError, match="rate must be"):
        RefusingOracle(CLASS, rate=2)
    with pytest.raises(ValueError, match="cost must be larger than 0"):
        ArrayOracle(CLASS, cost=0)
    typed = iter(["maybe", "?", "1"])
    person = InteractiveOracle(lambda index: None, [0, 1], read=lambda prompt: next(typed))
    assert person(0) is REFUSED and person(0) == 1


def test_costs_and_budgets_of_rows():
    def run(**facts):
        learner = ActiveLearner(LogisticRegression(), MarginSampling(), X[:10], CLASS[:10])
        return run_loop(learner, X[10:], CLASS[10:], 6, 4, verbose=0, **facts)

    costs = np.linspace(1, 3, 50)
    history = run(costs=costs, budget=30.0)
    bought = np.concatenate([record["indices"] for record in history])
    assert history[-1]["cost"] == pytest.approx(costs[bought].sum()) and 28 < history[-1]["cost"] <= 30
    assert "cost" not in run()[-1]
    for facts, message in (({"costs": -1.0}, "costs must be"), ({"costs": [1.0]}, "costs has 1 entries"),
                           ({"budget": -1}, "budget must be")):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            run(**facts)
    with pytest.raises(ValueError, match="y_pool is for strategies that ask for entries"):
        run(y_pool=np.zeros((50, 2)))


def test_refused_rows_are_left_alone():
    learner = ActiveLearner(LogisticRegression(), RandomSampling(), X[:10], CLASS[:10])
    history = run_loop(learner, X[10:], RefusingOracle(CLASS[10:], rate=0.4), 5, 10, verbose=0)
    assert history[-1]["n_labeled"] == 60 - history[-1]["n_refused"] and history[-1]["n_refused"] > 5


def test_comparisons_of_ten_rows():
    proba = np.tile([0.9, 0.2, 0.45, 0.6], (10, 1))
    proba[7, 1] = 0.8
    closed = np.zeros((10, 4), dtype=bool)
    closed[3, 0] = True
    cells = compared_labels(proba, closed, 11, mean_cardinality=2.0)
    # Row 7 has an odd number of labels; row 3 has one entry fewer and comes once all others have had their turn.
    assert cells[0].tolist() == [7, 0, 2] and cells[1].tolist() == [0, 0, 2] and cells[9].tolist() == [3, 3, 2]
    assert cells[10].tolist() == [7, 1, 3] and len(compared_labels(proba, closed, 99, mean_cardinality=2.0)) == 19
    known = np.where(closed, 1, -1)
    with pytest.raises(ValueError, match="y_pool has only 19 open ones"):
        AURO()(LogisticRegression(), X[:10], 20, y_pool=known)
    first = AURO()(LogisticRegression(), X[:10], 19, y_pool=known)[0]
    asked = [cell for row, *pair in first.tolist() for cell in ((row, pair[0]), (row, pair[1]))]
    assert len(set(asked)) == 38 and (3, 0) not in asked


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000))
def test_no_label_is_compared_twice(seed):
    generator = np.random.default_rng(seed)
    proba, closed = generator.random((6, 5)), generator.random((6, 5)) < 0.3
    cells = compared_labels(proba, closed, 99, mean_cardinality=2.0)
    asked = [(row, label) for row, *pair in cells.tolist() for label in pair]
    assert len(set(asked)) == len(asked) and not any(closed[cell] for cell in asked)
    assert len(cells) == ((~closed).sum(axis=1) // 2).sum()


def test_a_network_learns_from_comparisons_alone():
    cells = np.array([(row, a, b) for row in range(60) for a, b in ((0, 1), (0, 2), (1, 2))])
    answers = np.array([fits_better(cell) for cell in cells])
    told = np.where(answers[:, None] == 0, cells[:, [0, 2, 1]], cells)[answers >= 0]
    network = MultiLabelClassifier(module__hidden=(8,), max_epochs=150, random_state=0)
    unknown = np.full((60, 3), -1)
    unknown[0] = TRUTH[0]

    def right(clf):
        proba = clf.predict_proba(X)
        return (proba[told[:, 0], told[:, 1]] > proba[told[:, 0], told[:, 2]]).mean()

    assert right(clone(network).fit(X, unknown, pairs=told)) > 0.9 > right(clone(network).fit(X, unknown))
    same = clone(network).set_params(pair_weight=0.0).fit(X, unknown, pairs=told).predict_proba(X)
    assert np.array_equal(same, clone(network).fit(X, unknown).predict_proba(X))
    for wrong, message in (([[60, 0, 1]], "rows 0 to 59"), ([[0.5, 0, 1]], "must be integers"), ([[0, 1]], "P, 3")):
        with pytest.raises(ValueError, match=message):
            clone(network).fit(X, unknown, pairs=wrong)


def test_comparisons_need_an_anchor():
    with pytest.raises(ValueError, match="not whether one holds: give the learner first rows"):
        run_loop(ActiveLearner(network(), AURO()), X, fits_better, 1, 2, y_pool=np.full((60, 3), -1), verbose=0)


def test_crowds_and_hierarchies_answer():
    confusion = [[[0.9, 0.1], [0.3, 0.7]], [[0.5, 0.5], [0.0, 1.0]]]
    oracle = CrowdOracle(CLASS.repeat(40), confusion, cost=[1.0, 3.0], answer_rate=[0.5, 1.0])
    given = [[oracle((row, a)) for row in range(2400)] for a in (0, 1)]
    answered = np.array([answer is not REFUSED for answer in given[0]])
    assert abs(answered.mean() - 0.5) < 0.04 and REFUSED not in given[1]
    said, right = np.array(given[1]), CLASS.repeat(40)
    assert (said[right == 1] == 1).all() and abs(said[right == 0].mean() - 0.5) < 0.05
    assert oracle.cost_of((7, 1)) == 3.0 and [oracle((row, 1)) for row in range(9)] == given[1][:9]
    history = run_loop(ActiveLearner(LogisticRegression(), IEThreshold()), X, CrowdOracle(CLASS, [0.9, 0.6]), 2, 6,
                       y_pool=np.full((60, 2), -1), verbose=0)  # fmt: skip
    assert history[-1]["n_answers"] == 12
    for facts, message in (({"confusion": [2.0]}, "confusion must be"), ({"answer_rate": 2}, "answer_rate must be"),
                           ({"y": [0.5]}, "y must be")):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            CrowdOracle(**{"y": CLASS, "confusion": [0.9]} | facts)
    tree = HierarchyOracle([[-1, -1, 1], [0, -1, -1], [-1, 0, -1]], [-1, 0, 1])
    assert [[tree((row, label)) for label in range(3)] for row in range(3)] == [[1, 1, 1], [0, 0, 0], [REFUSED, 0, 0]]
    with pytest.raises(ValueError, match="has label 1 but not its ancestor"):
        HierarchyOracle([[0, 1]], [-1, 0])
