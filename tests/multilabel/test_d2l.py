import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score
from torch import nn

from skweak.multilabel import D2LClassifier, metric_adaptive_thresholds
from skweak.multilabel.d2l import DecoupledNetwork
from skweak.nn import MLP
from tests.latent_data import hide_rows, latent_labels

TINY = {"warmup_epochs": 1, "max_epochs": 3, "module__hidden": (8,), "batch_size": 32, "random_state": 0}


@pytest.fixture(scope="module")
def rows():
    X, Y = latent_labels(90, seed=0, n_labels=3)
    return X, Y, hide_rows(Y, 40)


def network(n_patches=2, n_features=6):
    torch.manual_seed(0)
    return DecoupledNetwork(MLP(n_features, 3, hidden=(5,)), (n_features,), n_patches)


def test_forward_is_the_mean_of_whole_and_parts():
    net, X = network(), torch.randn(4, 6)
    whole = net.backbone(X)
    parts = [net.part_head(net.backbone.features(torch.where(shown, X, 0.0))) for shown in net.patches.shown]
    first, second = parts
    # Soft maximum over the two parts, entry by entry.
    share = torch.sigmoid(first - second)
    torch.testing.assert_close(net(X), (whole + share * first + (1 - share) * second) / 2)


def test_one_patch_is_the_whole_row():
    net, X = network(n_patches=1), torch.randn(4, 6)
    whole, parts = net.embeddings(X)
    assert torch.equal(parts[:, 0], whole)
    torch.testing.assert_close(net(X), (net.head(whole) + net.part_head(whole)) / 2)


def test_heads_that_use_start_from_those_that_generate():
    net, X = network(), torch.randn(4, 6)
    embeddings = net.embeddings(X)
    assert not torch.allclose(net.use(*embeddings)[0], net.generate(*embeddings)[0])
    net.copy_heads()
    for used, generated in zip(net.use(*embeddings), net.generate(*embeddings), strict=True):
        assert torch.equal(used, generated)


def test_second_stage_starts_with_equal_heads(rows):
    seen = []

    class Spy(D2LClassifier):
        def _batches(self, run, batches):
            for net in (run.module_, run.state.average.module):
                pairs = ((net.backbone.head, net.whole_user), (net.part_head, net.part_user))
                seen.append([torch.equal(first.weight, second.weight) for first, second in pairs])
            return super()._batches(run, batches)

    X, _, target = rows
    Spy(**{**TINY, "warmup_epochs": 2, "max_epochs": 4}).fit(X, target)
    assert seen == [[False] * 2] * 4 + [[True] * 2] * 2 + [[False] * 2] * 2


def test_heads_that_generate_never_learn_from_pseudo_labels(rows):
    X, _, target = rows
    gradients = []

    class Spy(D2LClassifier):
        def _loss(self, run, batch):
            if batch.unlabeled is not None:
                net = run.module_
                for weight in (0.0, self.unlabeled_weight):
                    saved, self.unlabeled_weight = self.unlabeled_weight, weight
                    loss = super()._loss(run, batch)
                    self.unlabeled_weight = saved
                    heads = [net.backbone.head, net.part_head, net.whole_user, net.part_user]
                    found = torch.autograd.grad(loss, [head.weight for head in heads], allow_unused=True)
                    gradients.append([None if g is None else g.abs().sum().item() for g in found])
            return super()._loss(run, batch)

    Spy(**{**TINY, "max_epochs": 2}, augment=None).fit(X, target)
    for without, given in zip(gradients[::2], gradients[1::2], strict=True):
        # Pseudo-labels leave the gradient of the first two heads as it is; the others have none without.
        np.testing.assert_allclose(without[:2], given[:2])
        assert without[2:] == [0.0, 0.0] and min(given[2:]) > 0


def test_thresholds_maximise_the_metric_on_labeled_rows(rows):
    X, Y, target = rows
    clf = D2LClassifier(**TINY, metric="f1").fit(X, target)
    proba = torch.from_numpy(clf.predict_proba(X[:40])).double()
    expected, _ = metric_adaptive_thresholds(proba, torch.from_numpy(Y[:40]), metric="f1")
    np.testing.assert_allclose(clf.thresholds_, expected)
    assert ((clf.predict_proba(X) >= clf.thresholds_) == clf.predict(X)).all()
    assert (clf.transduction_[40:] == clf.predict(X)[40:]).all()
    assert (clf.transduction_[:40] == Y[:40]).all()


def test_label_without_a_known_positive_is_never_predicted(rows):
    X, _, target = rows
    target = target.copy()
    target[:40, 1] = 0
    clf = D2LClassifier(**TINY).fit(X, target)
    assert clf.thresholds_[1] == 1.01
    assert clf.predict(X)[:, 1].sum() == 0 and clf.transduction_[:, 1].sum() == 0


def test_hidden_features_show_their_mean(rows):
    X, _, target = rows
    clf = D2LClassifier(**TINY).fit(X + 5, target)
    np.testing.assert_allclose(clf.net_.module_.patches.fill, (X + 5).mean(0), rtol=1e-5)
    average = clf.net_.state.average.module
    np.testing.assert_allclose(average.patches.fill, (X + 5).mean(0), rtol=1e-4)
    assert torch.equal(average.patches.shown, clf.net_.module_.patches.shown)


def test_images_are_cut_along_a_grid():
    X, Y = latent_labels(48, seed=0, n_labels=3)
    images = np.tile(X[:, None, :8, None], (1, 1, 1, 8))

    class Small(nn.Module):
        def __init__(self, n_features, n_outputs):
            super().__init__()
            self.layer = nn.Sequential(
                nn.Flatten(), nn.Linear(n_features, 4), nn.ReLU(), nn.Linear(4, n_outputs)
            )

        def forward(self, X):
            return self.layer(X)

    parameters = {k: v for k, v in TINY.items() if k != "module__hidden"}
    clf = D2LClassifier(Small, **parameters).fit(images, hide_rows(Y, 20))
    assert clf.predict_proba(images).shape == (48, 3)
    with pytest.raises(ValueError, match="n_patches=3 must be the square"):
        D2LClassifier(Small, **parameters, n_patches=3).fit(images, hide_rows(Y, 20))


def test_pseudo_labels_cost_at_most_three_points_of_labeled_only_training():
    scores = []
    for seed in range(3):
        X, Y = latent_labels(900, seed)
        target = hide_rows(Y[:400], 80)
        settings = {"warmup_epochs": 10, "max_epochs": 15, "module__hidden": (32,), "random_state": seed}
        settings |= {"module__scale_inputs": False}
        both = [
            D2LClassifier(**settings, unlabeled_weight=weight).fit(X[:400], target) for weight in (1.0, 0.0)
        ]
        scores.append([average_precision_score(Y[400:], clf.predict_proba(X[400:])) for clf in both])
    d2l, labeled_only = np.mean(scores, 0)
    # Measured 76.4 and 78.1 percent.
    assert d2l > labeled_only - 0.03 and d2l > Y.mean() + 0.2


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"warmup_epochs": 3}, "warmup_epochs=3"),
        ({"metric": "auc"}, "metric"),
        ({"n_patches": 0}, "n_patches"),
    ],
    ids=["warmup", "metric", "n_patches"],
)
def test_bad_parameters(rows, parameters, message):
    X, _, target = rows
    with pytest.raises(ValueError, match=message):
        D2LClassifier(**{**TINY, **parameters}).fit(X, target)
