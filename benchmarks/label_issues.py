"""The study of finding wrong labels: our filters, those of cleanlab on the same probabilities, and neighbours."""

from functools import lru_cache, partial
from importlib.util import find_spec

import numpy as np
import torch
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.model_selection import cross_val_predict
from torch.nn import functional as F

from benchmarks.scenario import Skipped
from benchmarks.study import Study
from skweak import datasets
from skweak.metrics import label_quality, neighbor_votes
from skweak.noisy import find_label_issues

FILTERS = ("prune_by_noise_rate", "prune_by_class", "both", "confident_learning", "predicted_neq_given")


def patch_features(images, seed, n_filters=256, n_components=128):
    """Responses of whitened random patches, pooled over quarters of the image, in principal components.

    Features of images without a label being looked at, so that no method sees more of the noise than another.
    """
    generator = np.random.RandomState(seed)
    pixels = torch.as_tensor(images).float() / 255
    patches = F.unfold(pixels[generator.permutation(len(pixels))[:2000]], 6, stride=5).transpose(1, 2).flatten(0, 1)
    patches = patches - patches.mean(1, keepdim=True)
    values, vectors = torch.linalg.eigh(patches.T @ patches / len(patches))
    whiten = vectors / (values.clamp_min(0) + 1e-3).sqrt() @ vectors.T
    filters = (patches[generator.permutation(len(patches))[:n_filters]] @ whiten) @ whiten
    filters = F.normalize(filters, dim=1).reshape(n_filters, 3, 6, 6)
    pooled = []
    for block in pixels.split(500):
        response = F.conv2d(block, filters, stride=2)
        both = torch.cat([response.relu(), (-response).relu()], 1)
        pooled.append(F.adaptive_avg_pool2d(both, 2).flatten(1))
    features = torch.cat(pooled).sqrt().numpy()
    return PCA(n_components, whiten=True, random_state=seed).fit_transform(features)


@lru_cache(maxsize=2)
def human_labels(labels, seed, n_rows=10_000):
    """Rows of CIFAR-10N: features, given labels, out-of-fold probabilities, and which labels are wrong."""
    train = datasets.load_cifar10n(labels)
    rows = np.random.RandomState(seed).permutation(len(train.target))[:n_rows]
    X, given = patch_features(train.data[rows], seed), train.target[rows]
    judge = LogisticRegression(C=0.01, max_iter=200)
    proba = cross_val_predict(judge, X, given, cv=5, method="predict_proba")
    return X, given, proba, given != train.clean_target[rows], np.ones(n_rows, dtype=bool)


@lru_cache(maxsize=1)
def reviewed_labels(seed):
    """The CIFAR-10 test set with the probabilities of its label-error review.

    A label is wrong when fewer than three of five reviewers let it stand; rows nobody reviewed are not counted.
    """
    test = datasets.load_cifar10_test()
    counted = np.zeros(len(test.target), dtype=bool)
    counted[test.review_index] = True
    wrong = np.zeros(len(test.target), dtype=bool)
    wrong[test.review_index] = test.review_votes[:, 0] < 3
    return None, test.target, test.cv_proba.astype(np.float64), wrong, counted


@lru_cache(maxsize=1)
def fifty_people(seed):
    """The same probabilities; a label is wrong when most of some fifty people (CIFAR-10H) name another class."""
    test = datasets.load_cifar10_test()
    wrong = test.human_counts.argmax(1) != test.target
    return None, test.target, test.cv_proba.astype(np.float64), wrong, np.ones(len(wrong), dtype=bool)


def _measure(data, find, seed):
    X, given, proba, wrong, counted = data(seed)
    found, quality = find(X, given, proba)
    hits = (found & wrong & counted).sum()
    result = {
        "precision": hits / max(1, (found & counted).sum()),
        "recall": hits / wrong.sum(),
        "flagged": found.mean(),
        "ranking_ap": average_precision_score(wrong[counted], -quality[counted]),
    }
    return result | {"f1": 2 * hits / max(1, (found & counted).sum() + wrong.sum())}


def _mask(issues, n_rows):
    found = np.zeros(n_rows, dtype=bool)
    found[issues["row"]] = True
    return found


def ours(filter_by, X, given, proba):
    """Confident learning."""
    return _mask(find_label_issues(proba, None, given, filter_by=filter_by), len(given)), label_quality(given, proba)


def neighbors(method, X, given, proba):
    """Vote of the neighbours, or as many of the least supported labels as they estimate to be wrong."""
    votes = neighbor_votes(X, given)
    return _mask(find_label_issues(None, X, given, method=method), len(given)), label_quality(given, votes)


def cleanlab(filter_by, X, given, proba):
    """Confident learning of the package cleanlab."""
    if find_spec("cleanlab") is None:
        raise Skipped("cleanlab is not installed; pip install cleanlab")
    from cleanlab.filter import find_label_issues as find
    from cleanlab.rank import get_label_quality_scores

    found = find(given, proba, filter_by=filter_by, n_jobs=1)
    return found, get_label_quality_scores(given, proba, method="self_confidence")


_NEIGHBORS = {
    "ours, neighbors": partial(neighbors, "neighbors"),
    "ours, neighbor rank": partial(neighbors, "neighbor_rank"),
}
# The review comes with probabilities and without features, so that it has no neighbours.
_REVIEWS = {"cifar10_review": reviewed_labels, "cifar10_50_people": fifty_people}
STUDY = Study(
    "label_issues",
    data={f"cifar10n_{labels}": partial(human_labels, labels) for labels in ("worst", "aggre")} | _REVIEWS,
    methods={f"ours, {name}": partial(ours, name) for name in FILTERS}
    | {f"cleanlab, {name}": partial(cleanlab, name) for name in FILTERS}
    | _NEIGHBORS,
    changes={name: dict.fromkeys(_NEIGHBORS) for name in _REVIEWS},
    measure=_measure,
    quick=("cifar10_review", "cifar10n_worst"),
)
