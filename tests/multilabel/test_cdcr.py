import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from skweak.datasets import make_partial_multilabel
from skweak.multilabel import CDCRClassifier
from skweak.multilabel.cdcr import select_candidates
from tests.latent_data import latent_labels

quick = settings(max_examples=25, deadline=None, derandomize=True)
TINY = {"warmup_epochs": 1, "max_epochs": 3, "module__hidden": (8,), "batch_size": 32, "random_state": 0}


@pytest.fixture(scope="module")
def rows():
    X, Y = latent_labels(90, seed=0, n_labels=3)
    return X, Y, make_partial_multilabel(Y, rate=0.4, random_state=0)


def cases(seed, n_rows=12, n_labels=4):
    generator = torch.Generator().manual_seed(seed)
    proba = torch.rand(n_rows, n_labels, dtype=torch.float64, generator=generator)
    return proba, torch.rand(n_rows, n_labels, generator=generator) < 0.6


def test_bars_by_hand():
    proba = torch.tensor([[0.9, 0.3], [0.7, 0.05], [0.99, 0.99]])
    candidates = torch.tensor([[True, True], [True, True], [False, False]])
    # Means of the candidates: 0.8, 0.175 and 0.4875 over all. Bars 0.6 + 0.3125 and 0.6 - 0.3125.
    chosen = select_candidates(proba, candidates, threshold=0.6, min_share=0.0)
    assert chosen.tolist() == [[False, True], [False, False], [False, False]]
    fixed = select_candidates(proba, candidates, threshold=0.6, by_difficulty=False, min_share=0.0)
    assert fixed.tolist() == [[True, False], [True, False], [False, False]]
    # A half of two candidates is one: the second label keeps its most confident one.
    guarded = select_candidates(proba, candidates, threshold=0.6, by_difficulty=False, min_share=0.5)
    assert guarded.tolist() == [[True, True], [True, False], [False, False]]


@quick
@given(st.integers(0, 999), st.floats(0, 1), st.floats(0, 1), st.booleans())
def test_selection_is_monotone_and_inside_the_candidates(seed, threshold, higher, by_difficulty):
    proba, candidates = cases(seed)
    low, high = sorted((threshold, higher))
    options = {"by_difficulty": by_difficulty, "min_share": 0.1}
    more, fewer = (select_candidates(proba, candidates, threshold=t, **options) for t in (low, high))
    assert not (fewer & ~more).any() and not (more & ~candidates).any()
    kept = (0.1 * candidates.sum(0)).ceil()
    assert (fewer.sum(0) >= kept).all()


@quick
@given(st.integers(0, 999), st.permutations(range(4)))
def test_selection_follows_the_labels(seed, order):
    proba, candidates = cases(seed)
    order = torch.tensor(order)
    expected = select_candidates(proba, candidates)[:, order]
    assert torch.equal(select_candidates(proba[:, order], candidates[:, order]), expected)


def test_equal_means_make_both_rules_one():
    proba = torch.tensor([[0.8, 0.2], [0.2, 0.8]])
    every = torch.ones(2, 2, dtype=torch.bool)
    assert torch.equal(select_candidates(proba, every), select_candidates(proba, every, by_difficulty=False))


def test_threshold_zero_is_training_on_all_candidates(rows):
    X, _, candidates = rows
    # Without views, whose draws for the selection would move the later ones.
    settings = {**TINY, "selection": "fixed", "augment": None}
    believing = CDCRClassifier(**settings, selection_threshold=0.0).fit(X, candidates)
    warming = CDCRClassifier(**{**settings, "warmup_epochs": 2}, selection_threshold=0.0).fit(X, candidates)
    assert np.array_equal(believing.predict_proba(X), warming.predict_proba(X))
    assert np.array_equal(believing.transduction_, candidates)
    picky = CDCRClassifier(**settings, selection_threshold=0.6).fit(X, candidates)
    assert not np.array_equal(believing.predict_proba(X), picky.predict_proba(X))


def test_unbelieved_entries_have_no_gradient(rows):
    seen = []

    class Spy(CDCRClassifier):
        def _loss(self, run, batch):
            believed = run.state.believed.index_select(0, batch.index)
            logits = run.module_(batch.X)
            expected = torch.nn.functional.binary_cross_entropy_with_logits(
                logits, (batch.y == 1).float(), weight=believed.float(), reduction="sum"
            )
            loss = super()._loss(run, batch)
            seen.append((loss.sum().item(), expected.item(), believed[batch.y == 0].all().item()))
            assert not believed[batch.y == -1].any()
            return loss

    X, _, candidates = rows
    candidates = candidates.copy()
    candidates[:10, 1] = -1
    Spy(**TINY, augment=None).fit(X, candidates)
    loss, expected, negatives = np.transpose(seen)
    np.testing.assert_allclose(loss, expected, rtol=1e-5)
    assert negatives.all()


def test_consistency_acts_on_unbelieved_candidates_only(rows):
    X, _, candidates = rows
    settings = {**TINY, "consistency_weight": 100.0}
    plain = CDCRClassifier(**TINY).fit(X, candidates).predict_proba(X)
    assert not np.array_equal(CDCRClassifier(**settings).fit(X, candidates).predict_proba(X), plain)
    # Without views there is nothing to be inconsistent about; with threshold 0 nothing is unbelieved.
    for other in ({"augment": None}, {"selection": "fixed", "selection_threshold": 0.0, "augment": None}):
        both = [
            CDCRClassifier(**{**s, **other}).fit(X, candidates).predict_proba(X) for s in (TINY, settings)
        ]
        np.testing.assert_allclose(*both, rtol=1e-5)


def test_finds_the_true_labels_among_the_candidates():
    purity, precision, scores = [], [], []
    for seed in range(3):
        X, Y = latent_labels(800, seed)
        candidates = make_partial_multilabel(Y[:400], rate=0.4, random_state=seed)
        settings = {"max_epochs": 60, "module__hidden": (128,), "random_state": 0, "lr": 0.03}
        clf = CDCRClassifier(**settings).fit(X[:400], candidates)
        believing = CDCRClassifier(**settings, selection="fixed", selection_threshold=0.0).fit(
            X[:400], candidates
        )
        purity.append(Y[:400][clf.transduction_ == 1].mean())
        precision.append(Y[:400][candidates == 1].mean())
        scores.append([average_precision_score(Y[400:], c.predict_proba(X[400:])) for c in (clf, believing)])
    # Measured 0.87 against 0.55, and 85.1 against 79.1 percent.
    assert np.mean(purity) > np.mean(precision) + 0.2
    assert np.subtract(*np.mean(scores, 0)) > 0.03


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"warmup_epochs": 3}, "warmup_epochs=3 must be smaller"),
        ({"selection_threshold": 1.5}, "selection_threshold"),
        ({"selection": "hard"}, "selection"),
    ],
    ids=["warmup", "threshold", "selection"],
)
def test_bad_parameters(rows, parameters, message):
    X, _, candidates = rows
    with pytest.raises(ValueError, match=message):
        CDCRClassifier(**{**TINY, **parameters}).fit(X, candidates)


def test_candidates_everywhere_say_nothing(rows):
    X, _, candidates = rows
    with pytest.raises(ValueError, match="y holds no 0"):
        CDCRClassifier(**TINY).fit(X, np.ones_like(candidates))
