import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits, load_iris
from sklearn.model_selection import GridSearchCV, KFold, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.nn import functional as F

from skweak.datasets import make_pair_candidates, make_uniform_candidates
from skweak.nn import MLP
from skweak.partial import MoGDClassifier, PRODENClassifier
from skweak.partial.mogd import meta_gradient, move_weights


def draw(seed, n=5, m=3, d=4, n_classes=3):
    random = torch.Generator().manual_seed(seed)
    X, clean = (torch.randn(k, d, generator=random, dtype=torch.float64) for k in (n, m))
    weight = torch.rand(n, n_classes, generator=random, dtype=torch.float64)
    target = torch.randint(n_classes, (m,), generator=random)
    return X, weight / weight.sum(1, keepdim=True), clean, target


def linear(d=4, n_classes=3, seed=0):
    torch.manual_seed(seed)
    return nn.Linear(d, n_classes).double()


def loss_after_a_step(network, X, weight, clean, target, step):
    """Loss of the clean rows after one real gradient step."""
    parameters = list(network.parameters())
    loss = -(weight * network(X).log_softmax(1)).sum(1).mean()
    slopes = torch.autograd.grad(loss, parameters)
    before = [p.detach().clone() for p in parameters]
    with torch.no_grad():
        for p, slope in zip(parameters, slopes, strict=True):
            p -= step * slope
        result = F.cross_entropy(network(clean), target).item()
        for p, old in zip(parameters, before, strict=True):
            p.copy_(old)
    return result


@pytest.mark.parametrize("network", [linear(), MLP(4, 3, hidden=(6,)).double()], ids=["linear", "MLP"])
def test_the_meta_gradient_is_what_differences_of_real_steps_say(network):
    X, weight, clean, target = draw(0)
    before = [p.detach().clone() for p in network.parameters()]
    gradient = meta_gradient(network, X, weight, clean, target, step=0.3)
    for i in range(5):
        for j in range(3):
            up, down = weight.clone(), weight.clone()
            up[i, j] += 1e-5
            down[i, j] -= 1e-5
            ends = [loss_after_a_step(network, X, w, clean, target, 0.3) for w in (up, down)]
            assert gradient[i, j].item() == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-4, abs=1e-9)
    assert all(torch.equal(p, old) and p.grad is None for p, old in zip(network.parameters(), before, strict=True))


def test_the_meta_gradient_of_a_linear_network_has_its_closed_form():
    X, weight, clean, target = draw(1)
    network, step = linear(), 0.3
    proba = network(X).softmax(1)
    # The step by the weighted loss, by hand: residuals sum(w) p - w times the inputs, a 1 for the bias.
    H, Hv = (F.pad(Z, (0, 1), value=1.0) for Z in (X, clean))
    moved = torch.cat([network.weight, network.bias[:, None]], 1) - step / 5 * (proba - weight).T @ H
    residual = (Hv @ moved.T).softmax(1) - F.one_hot(target, 3)
    inner = proba @ residual.T
    kernel = H @ Hv.T
    expected = -step / (5 * 3) * torch.stack(
        [(kernel * (inner - residual[:, j])).sum(1) for j in range(3)], dim=1
    )
    gradient = meta_gradient(network, X, weight, clean, target, step=step)
    torch.testing.assert_close(gradient, expected)


@given(seed=st.integers(0, 1000), order=st.permutations(range(3)))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_classes_may_be_named_in_any_order(seed, order):
    X, weight, clean, target = draw(seed)
    network, renamed, order = linear(), linear(), torch.tensor(order)
    with torch.no_grad():
        renamed.weight.copy_(network.weight[order])
        # A constant on every logit changes nothing.
        renamed.bias.copy_(network.bias[order] + 7)
    gradient = meta_gradient(network, X, weight, clean, target, step=0.1)
    other = meta_gradient(renamed, X, weight[:, order], clean, order.argsort()[target], step=0.1)
    torch.testing.assert_close(other, gradient[:, order], rtol=1e-9, atol=1e-12)


def test_a_copy_of_a_verified_row_is_led_to_its_label():
    X = torch.tensor([[1.0, 2.0], [-1.0, 0.5]], dtype=torch.float64)
    weight = torch.full((2, 3), 1 / 3, dtype=torch.float64)
    gradient = meta_gradient(linear(2), X, weight, X[:1], torch.tensor([2]), step=0.1)
    assert gradient[0, 2] < 0 and gradient[0].argmin() == 2
    moved = move_weights(weight, -0.5 * gradient, torch.ones(2, 3))
    assert moved[0, 2] > 0.4 and (moved[0, :2] < 1 / 3).all()


def test_weights_move_stay_on_the_candidates_and_are_normalised():
    weight = torch.tensor([[0.5, 0.5, 0.0], [0.2, 0.8, 0.0], [1.0, 0.0, 0.0], [0.5, 0.5, 0.0]])
    shift = torch.tensor([[0.1, -0.1, 0.4], [-0.3, 0.1, 0.0], [-5.0, 0.0, 0.0], [0.5, 0.5, 0.0]])
    candidates = torch.tensor([[1, 1, 0], [1, 1, 0], [1, 0, 0], [1, 1, 0]])
    # 0.6 and 0.4; -0.1 is cut to 0, leaving 0.9; nothing is left, so it stays; 1 and 1 are halves.
    expected = torch.tensor([[0.6, 0.4, 0.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.5, 0.5, 0.0]])
    torch.testing.assert_close(move_weights(weight, shift, candidates), expected)


@pytest.fixture(scope="module")
def iris():
    X, y = load_iris(return_X_y=True)
    trusted = np.arange(150) % 10 == 0
    S = make_uniform_candidates(y, rate=0.5, random_state=0)
    S[trusted] = np.eye(3, dtype=int)[y[trusted]]
    return StandardScaler().fit_transform(X), y, S, trusted


SMALL = {"module__hidden": (16,), "max_epochs": 20, "random_state": 0}


def test_without_corrections_the_weights_of_history_stay_equal(iris):
    X, _, S, trusted = iris
    clf = MoGDClassifier(base="history", meta_lr=0, warmup_epochs=0, **SMALL).fit(X, S, trusted=trusted)
    np.testing.assert_allclose(clf.candidate_weights_, S / S.sum(1, keepdims=True), rtol=1e-6)


def test_the_raw_gradient_moves_the_weights_by_itself(iris):
    X, _, S, trusted = iris
    settings = {"base": "history", "normalize_gradient": False, "warmup_epochs": 0, "batch_size": 150} | SMALL
    settings |= {"max_epochs": 1, "lr": 0.1, "module": nn.Linear(4, 3), "dtype": "float64"}
    settings.pop("module__hidden")
    clf = MoGDClassifier(meta_lr=20.0, **settings).fit(X, S, trusted=trusted)
    network = settings["module"].double()
    inputs, weight = torch.from_numpy(X), torch.from_numpy(S / S.sum(1, keepdims=True))
    clean, target = inputs[trusted], torch.from_numpy(S[trusted].argmax(1))
    gradient = meta_gradient(network, inputs, weight, clean, target, step=0.1)
    expected = move_weights(weight, -20 * gradient, torch.from_numpy(S))
    assert (expected - weight).abs().max() > 0.01
    np.testing.assert_allclose(clf.candidate_weights_, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("layers", ["last", "all"])
def test_last_layer_and_all_layers_agree_where_there_is_one_layer(iris, layers):
    X, _, S, trusted = iris
    settings = SMALL | {"module__hidden": (), "dtype": "float64"}
    one = MoGDClassifier(layers=layers, **settings).fit(X, S, trusted=trusted)
    all_of_it = MoGDClassifier(layers="all", **settings).fit(X, S, trusted=trusted)
    np.testing.assert_allclose(one.candidate_weights_, all_of_it.candidate_weights_, rtol=1e-6, atol=1e-9)


class Foreign(nn.Module):
    """A network that is not split into features and head."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))

    def forward(self, X):
        return self.body(X)


@pytest.mark.parametrize("layers", ["last", "all"])
def test_a_foreign_network_is_corrected_without_touching_its_statistics(iris, layers):
    X, y, S, trusted = iris
    clf = MoGDClassifier(Foreign, layers=layers, batch_size=50, max_epochs=20, random_state=0)
    clf.fit(X, S, trusted=trusted)
    assert clf.net_.module_.body[1].num_batches_tracked == 20 * 3
    assert (clf.transduction_ == y).mean() > 0.8


def test_which_rows_are_verified(iris):
    X, _, S, trusted = iris
    single = int((S.sum(1) == 1).sum())
    assert MoGDClassifier(**SMALL).fit(X, S, trusted=trusted).n_verified_ == 15 < single
    assert MoGDClassifier(**SMALL).fit(X, S).n_verified_ == single
    assert MoGDClassifier(**SMALL).fit(X, S, trusted=np.zeros(150, bool)).n_verified_ == single
    few = MoGDClassifier(meta_batch_size=3, **SMALL).fit(X, S, trusted=trusted)
    assert few.n_verified_ == 15 and few.candidate_weights_.max(1).mean() > 0.8


def test_without_any_verified_row_it_is_progressive_identification(iris):
    X, y, _, _ = iris
    S = np.eye(3, dtype=int)[y]
    S[np.arange(150), (y + 1 + np.arange(150) % 2) % 3] = 1
    with pytest.warns(UserWarning, match="there is no meta objective"):
        clf = MoGDClassifier(**SMALL).fit(X, S)
    plain = PRODENClassifier(**SMALL).fit(X, S)
    assert clf.n_verified_ == 0
    np.testing.assert_array_equal(clf.predict_proba(X), plain.predict_proba(X))
    np.testing.assert_array_equal(clf.candidate_weights_, plain.candidate_weights_)


def test_single_candidates_that_lack_a_class_do_not_count_as_verified(iris):
    X, y, S, _ = iris
    S = S.copy()
    S[y == 2, 1] = 1
    assert (S.sum(1) == 1).any() and (S[:, 2] == 1).any()
    with pytest.warns(UserWarning, match="rows of a single candidate do not cover every class"):
        clf = MoGDClassifier(**SMALL).fit(X, S)
    assert clf.n_verified_ == 0
    np.testing.assert_array_equal(clf.predict_proba(X), PRODENClassifier(**SMALL).fit(X, S).predict_proba(X))


@pytest.mark.parametrize("layers", ["last", "all"])
def test_verified_rows_tell_apart_what_always_comes_together(layers):
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X / 16, y, test_size=0.3, stratify=y, random_state=0)
    S = make_pair_candidates(y, rate=1.0)
    trusted = np.zeros(len(y), dtype=bool)
    trusted[np.concatenate([np.flatnonzero(y == c)[:5] for c in range(10)])] = True
    S[trusted] = np.eye(10, dtype=int)[y[trusted]]
    settings = {"module__hidden": (64,), "max_epochs": 25, "random_state": 0}
    plain = PRODENClassifier(**settings).fit(X, S)
    clf = MoGDClassifier(layers=layers, **settings).fit(X, S, trusted=trusted)
    assert clf.score(X_test, y_test) > plain.score(X_test, y_test) + 0.1
    assert (clf.transduction_ == y).mean() > (plain.transduction_ == y).mean() + 0.1


def test_the_mask_goes_with_its_rows_through_a_search(iris):
    X, _, S, trusted = iris
    pipe = make_pipeline(StandardScaler(), MoGDClassifier(**SMALL, module__scale_inputs=False))
    search = GridSearchCV(pipe, {"mogdclassifier__meta_lr": [0.0, 0.1]}, cv=KFold(3, shuffle=True, random_state=0))
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        search.fit(X, S, mogdclassifier__trusted=trusted)
    assert search.best_score_ > 0.9 and search.best_estimator_[-1].n_verified_ == 15


def test_marks_and_schedules_that_contradict_themselves_are_named(iris):
    X, _, S, trusted = iris
    wrong = trusted.copy()
    row = int(np.flatnonzero(S.sum(1) == 2)[0])
    wrong[row] = True
    with pytest.raises(ValueError, match=f"trusted marks row {row} as verified, but it has 2 candidates"):
        MoGDClassifier(**SMALL).fit(X, S, trusted=wrong)
    with pytest.raises(ValueError, match="trusted must be a boolean mask"):
        MoGDClassifier(**SMALL).fit(X, S, trusted=trusted[:9])
    with pytest.raises(ValueError, match="warmup_epochs=20 must be smaller than max_epochs=20"):
        MoGDClassifier(warmup_epochs=20, **SMALL).fit(X, S, trusted=trusted)
    for changes, name in [({"base": "own"}, "base"), ({"layers": "first"}, "layers"), ({"meta_lr": -1}, "meta_lr")]:
        with pytest.raises(ValueError, match=f"'{name}' parameter"):
            MoGDClassifier(**changes, **SMALL).fit(X, S, trusted=trusted)
