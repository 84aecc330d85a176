"""The closed-set strategies against hand-computed values and slow loops."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.stats import entropy
from sklearn.datasets import load_digits, load_iris
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from skorch import NeuralNetClassifier

from skweak.active import (
    BADGE,
    BALD,
    ClassBalanced,
    DensityWeighted,
    EntropySampling,
    KCenterGreedy,
    LeastConfidenceSampling,
    MarginSampling,
    QueryByCommittee,
    RandomSampling,
    RankedBatch,
)
from skweak.nn import MLP
from skweak.noisy import CrossEntropyClassifier


class Fixed:
    """A classifier whose probabilities are the rows themselves."""

    def __init__(self, n_classes=3):
        self.classes_ = np.arange(n_classes)

    def predict_proba(self, X):
        return X


PROBA = np.array([[0.8, 0.1, 0.1], [0.5, 0.5, 0.0], [0.4, 0.35, 0.25], [1.0, 0.0, 0.0]])


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [(LeastConfidenceSampling(), [0.2, 0.5, 0.6, 0.0]), (MarginSampling(), [-0.7, 0.0, -0.05, -1.0]),
     (EntropySampling(), entropy(PROBA, axis=1))],
    ids=["least-confidence", "margin", "entropy"],
)  # fmt: skip
def test_uncertainties(strategy, expected):
    indices, scores = strategy(Fixed(), PROBA, n_instances=4)
    order = np.argsort(-np.asarray(expected), kind="stable")
    assert indices.tolist() == order.tolist()
    np.testing.assert_allclose(scores, np.asarray(expected)[order], atol=1e-6)


def test_with_two_classes_the_uncertainties_agree():
    p = np.random.default_rng(0).random(50)
    proba = np.column_stack([p, 1 - p])
    orders = [s(Fixed(2), proba, 50)[0].tolist()
              for s in (LeastConfidenceSampling(), MarginSampling(), EntropySampling())]  # fmt: skip
    assert orders[0] == orders[1] == orders[2]


def test_random_sampling_is_uniform_and_new_in_every_round():
    counts = np.zeros(10)
    for seed in range(2000):
        counts[RandomSampling(random_state=seed)(None, np.zeros((10, 1)), 3)[0]] += 1
    # 600 expected each; the standard deviation is sqrt(2000 * 0.3 * 0.7) = 20.5.
    assert np.abs(counts - 600).max() < 5 * 20.5
    first = RandomSampling()(None, np.zeros((1000, 1)), 5, labeled=(np.zeros((1, 1)), [0]))[0]
    second = RandomSampling()(None, np.zeros((1000, 1)), 5, labeled=(np.zeros((2, 1)), [0, 0]))[0]
    assert set(first) != set(second)


def test_k_center_starts_at_the_row_nearest_the_mean():
    pool = np.array([[0.0], [4.0], [10.0], [5.0]])          # the mean is 4.75
    indices, scores = KCenterGreedy()(Fixed(), pool, n_instances=3)
    assert indices.tolist() == [3, 0, 2]                    # both 5 away: the first, then the other
    assert scores.tolist() == [5, 5, 5]


def test_k_center_radius_is_at_most_twice_the_smallest_possible():
    generator = np.random.default_rng(0)
    pool = generator.normal(size=(12, 2))
    picks = KCenterGreedy()(Fixed(), pool, n_instances=3)[0]

    def radius(centers):
        return np.min(np.linalg.norm(pool[:, None] - pool[list(centers)], axis=2), axis=1).max()

    import itertools

    best = min(radius(c) for c in itertools.combinations(range(12), 3))
    assert radius(picks) <= 2 * best


def test_k_center_uses_the_networks_embedding():
    X, y = load_iris(return_X_y=True)
    learner = CrossEntropyClassifier(max_epochs=2, random_state=0).fit(X[::5], y[::5])
    on_rows = KCenterGreedy()(learner, X, 5, labeled=(X[::5], y[::5]))[0]
    Z = learner.embed(X).astype(float)
    on_embedding = KCenterGreedy()(Fixed(), Z, 5, labeled=(learner.embed(X[::5]).astype(float), y[::5]))[0]
    assert on_rows.tolist() == on_embedding.tolist()


def slow_ranked_batch(X, proba, labeled, n_instances):
    done, picks = [row for row in labeled], []
    for _ in range(n_instances):
        share = (len(X) - len(picks)) / (len(X) + len(labeled))
        value = []
        for i, row in enumerate(X):
            similarity = max(1 / (1 + np.linalg.norm(row - other)) for other in done)
            value.append(-1 if i in picks else share * (1 - similarity) + (1 - share) * (1 - proba[i].max()))
        picks.append(int(np.argmax(value)))
        done.append(X[picks[-1]])
    return picks


def test_ranked_batch_equals_a_slow_loop():
    generator = np.random.default_rng(1)
    X, labeled = generator.normal(size=(60, 3)), generator.normal(size=(5, 3))
    proba = generator.dirichlet(np.ones(4), size=60)
    learner = SimpleNamespace(classes_=np.arange(4), predict_proba=lambda rows: proba)
    indices, scores = RankedBatch()(learner, X, 20, labeled=(labeled, np.zeros(5)))
    assert indices.tolist() == slow_ranked_batch(X, proba, labeled, 20)
    assert (np.diff(scores) <= 0).all()


def test_badge_first_takes_the_longest_gradient():
    # Gradients (p - e) h: 0.5 * 4 against 0.1 * 10, both times the square root of 2.
    X = np.array([[4.0], [10.0], [0.0]])
    proba = np.array([[0.5, 0.5], [0.9, 0.1], [0.5, 0.5]])
    learner = SimpleNamespace(classes_=np.arange(2), predict_proba=lambda rows: proba)
    indices, scores = BADGE()(learner, X, 2)
    assert indices.tolist()[0] == 0
    assert scores[0] == pytest.approx(2 * 2**2)
    assert len(set(indices.tolist())) == 2


def test_badge_never_forms_the_gradient_matrix(monkeypatch):
    # 4,000 rows of 200 classes and 200 features: the gradients would take 1.3 GB, the pool takes 6.4 MB.
    import tracemalloc

    generator = np.random.default_rng(0)
    X, proba = generator.normal(size=(4000, 200)), generator.dirichlet(np.ones(200), size=4000)
    learner = SimpleNamespace(classes_=np.arange(200), predict_proba=lambda rows: proba)
    tracemalloc.start()
    BADGE()(learner, X, 5)
    assert tracemalloc.get_traced_memory()[1] < 1e8
    tracemalloc.stop()


def test_density_equals_the_mean_over_all_pairs():
    generator = np.random.default_rng(0)
    X, proba = generator.normal(size=(30, 4)), generator.dirichlet(np.ones(3), size=30)
    learner = SimpleNamespace(classes_=np.arange(3), predict_proba=lambda rows: proba)
    U = X / np.linalg.norm(X, axis=1, keepdims=True)
    h = entropy(proba, axis=1)
    expected = (h - h.min()) / (h.max() - h.min()) * ((1 + (U @ U.T).mean(axis=1)) / 2) ** 2
    indices, scores = DensityWeighted(power=2.0)(learner, X, 30)
    np.testing.assert_allclose(scores, expected[indices], atol=1e-6)
    assert indices.tolist() == np.argsort(-expected, kind="stable").tolist()


def test_density_with_power_0_is_plain_uncertainty():
    X = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 0.0]])
    learner = SimpleNamespace(classes_=np.arange(3), predict_proba=lambda rows: PROBA[:3])
    assert DensityWeighted(power=0, kind="margin")(learner, X, 3)[0].tolist() == [1, 2, 0]


def slow_class_balanced(proba, y, n_instances):
    margin = np.sort(proba)[:, -1] - np.sort(proba)[:, -2]
    counts, picks = np.bincount(y, minlength=3), []
    for _ in range(n_instances):
        free = [i for i in range(len(proba)) if i not in picks]
        picks.append(min(free, key=lambda i: (counts[proba[i].argmax()], margin[i])))
        counts[proba[picks[-1]].argmax()] += 1
    return picks, counts


def test_class_balanced_equals_a_slow_loop_and_evens_out_the_counts():
    proba = np.random.default_rng(0).dirichlet([3, 1.5, 1.5], size=200)
    y = np.repeat([0, 1, 2], [9, 2, 1])
    picks = ClassBalanced()(Fixed(), proba, 12, labeled=(proba[:12], y))[0]
    expected, counts = slow_class_balanced(proba, y, 12)
    assert picks.tolist() == expected
    # 12 labeled and 12 bought rows; class 0 has 9 already, the other 15 are shared.
    assert counts.tolist() in ([9, 8, 7], [9, 7, 8])


def test_class_balanced_takes_what_there_is():
    proba = np.array([[0.9, 0.1], [0.8, 0.2], [0.6, 0.4]])
    picks = ClassBalanced()(Fixed(2), proba, 3, labeled=(proba, [0, 0, 1]))[0]
    assert picks.tolist() == [2, 1, 0]


def slow_disagreement(members, X, measure):
    result = []
    for row in X:
        P = np.array([m.predict_proba(row[None])[0] for m in members])
        mean = P.mean(axis=0)
        if measure == "vote_entropy":
            result.append(entropy(np.bincount(P.argmax(axis=1), minlength=3) / len(P)))
        elif measure == "consensus_entropy":
            result.append(entropy(mean))
        else:
            divergence = [entropy(p, mean) for p in P]
            result.append(max(divergence) if measure == "max_disagreement" else np.mean(divergence))
    return np.array(result)


@pytest.mark.parametrize("measure", ["vote_entropy", "consensus_entropy", "max_disagreement", "mutual_information"])
def test_disagreement_equals_a_slow_loop(measure):
    X, y = load_iris(return_X_y=True)
    X = X[:, :2]
    forest = RandomForestClassifier(7, max_depth=2, random_state=0).fit(X, y)
    indices, scores = QueryByCommittee(measure=measure)(forest, X[::4], 38)
    expected = slow_disagreement(forest.estimators_, X[::4], measure)
    np.testing.assert_allclose(scores, expected[indices], atol=1e-9)
    np.testing.assert_allclose(scores, np.sort(expected)[::-1], atol=1e-9)


def test_members_that_miss_a_class_are_aligned():
    X, y = load_iris(return_X_y=True)
    members = [LogisticRegression(max_iter=500).fit(X[y != c], y[y != c]) for c in range(3)]
    committee = SimpleNamespace(learner_list=[SimpleNamespace(estimator=m) for m in members], X_training=None)
    scores = QueryByCommittee(measure="vote_entropy")(committee, X, 150)[1]
    # Nobody can vote for a class it does not know: no row gets three equal votes.
    assert scores[-1] >= entropy([2, 1]) - 1e-9


def test_a_single_classifier_becomes_a_committee():
    X, y = load_iris(return_X_y=True)
    learner = LogisticRegression(max_iter=500).fit(X[::10], y[::10])
    indices, scores = QueryByCommittee(measure="max_disagreement")(learner, X, 3, labeled=(X[::10], y[::10]))
    assert scores[0] > 0
    bagging = BaggingClassifier(LogisticRegression(max_iter=500), random_state=0).fit(X, y)
    assert len(QueryByCommittee()(bagging, X, 3)[0]) == 3


def digits_learner(dropout):
    X, y = load_digits(return_X_y=True)
    X = (X / 16).astype(np.float32)
    learner = CrossEntropyClassifier(module__dropout=dropout, module__hidden=(32,), max_epochs=10, random_state=0)
    return learner.fit(X[:200], y[:200]), X


def test_bald_equals_a_loop_over_the_passes():
    learner, X = digits_learner(0.5)
    copies = [BALD(n_passes=100, random_state=seed)._score(view(learner, X[200:400])) for seed in (0, 1)]
    network = learner.net_.module_
    network.train()
    with torch.no_grad(), torch.random.fork_rng():
        torch.manual_seed(0)
        P = np.array([network(torch.from_numpy(X[200:400])).softmax(1).numpy() for _ in range(500)])
    network.eval()
    expected = entropy(P.mean(axis=0), axis=1) - entropy(P, axis=2).mean(axis=0)
    assert (copies[0] >= 0).all()
    assert np.corrcoef(copies[0], expected)[0, 1] > 0.95
    assert np.corrcoef(copies[0], copies[1])[0, 1] > 0.9


def view(learner, X):
    from skweak.active.view import LearnerView

    return LearnerView(learner, X)


def test_bald_leaves_the_network_in_evaluation_mode():
    learner, X = digits_learner(0.5)
    before = learner.predict_proba(X[:5])
    BALD(n_passes=2)(learner, X[:50], 3)
    assert not any(module.training for module in learner.net_.module_.modules())
    np.testing.assert_array_equal(learner.predict_proba(X[:5]), before)


def test_bald_without_dropout_warns_and_scores_zero():
    learner, X = digits_learner(0.0)
    with pytest.warns(UserWarning, match="has no dropout layer, every score is 0"):
        indices, scores = BALD(n_passes=2)(learner, X[:50], 3)
    assert scores.max() < 1e-6


def test_bald_reaches_into_a_skorch_net():
    X, y = load_digits(return_X_y=True)
    X = (X / 16).astype(np.float32)
    torch.manual_seed(0)
    net = NeuralNetClassifier(MLP, module__n_features=64, module__n_outputs=10, module__dropout=0.5, max_epochs=5,
                              criterion=torch.nn.CrossEntropyLoss, train_split=None, verbose=0)  # fmt: skip
    scores = BALD(n_passes=5)(net.fit(X[:200], y[:200]), X[200:300], 100)[1]
    assert scores.max() > 1e-3


def test_bald_needs_a_network():
    with pytest.raises(TypeError, match="BALD needs a network with dropout, which LogisticRegression is not"):
        BALD()(LogisticRegression().fit([[0], [1]], [0, 1]), [[0.0], [1.0]])
