"""Weights of classes: as in scikit-learn, wherever rows have one class, and refused elsewhere."""

import numpy as np
import pytest
from sklearn.metrics import recall_score

from skweak.base import WeakClassifier
from skweak.distill import KDClassifier
from skweak.multilabel import MultiLabelClassifier
from skweak.noisy import CrossEntropyClassifier, GCEClassifier
from skweak.partial import PRODENClassifier
from skweak.utils import all_estimators

WEIGHING = [
    cls for _, cls in all_estimators() if issubclass(cls, WeakClassifier) and "class_weight" in cls._get_param_names()
]


@pytest.fixture(scope="module")
def rare():
    """Two overlapping classes, one row in eight of the second."""
    random = np.random.RandomState(0)
    y = (np.arange(80) % 8 == 0).astype(int)
    return random.randn(80, 2) + y[:, None], y


def fitted(cls, X, y, **changes):
    return cls(**(cls._test_params() | {"random_state": 0} | changes)).fit(X, y)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("cls", WEIGHING, ids=lambda cls: cls.__name__)
def test_a_heavy_class_is_found_more_often(cls, rare):
    X, y = rare
    short = {"max_epochs": min(15, cls._test_params()["max_epochs"]), "batch_size": 16}
    plain, heavy = (fitted(cls, X, y, class_weight=weight, **short) for weight in (None, {1: 30.0}))
    assert recall_score(y, heavy.predict(X)) >= recall_score(y, plain.predict(X))
    # Ten rows are found or not; how probable they are tells more.
    assert heavy.predict_proba(X)[y == 1, 1].mean() > plain.predict_proba(X)[y == 1, 1].mean() + 0.02


def test_every_family_of_one_label_takes_part():
    assert {cls.__module__.split(".")[1] for cls in WEIGHING} == {"noisy", "semi"}


@pytest.mark.parametrize("cls", [CrossEntropyClassifier, GCEClassifier])
def test_class_weights_are_weights_of_rows(cls, rare):
    X, y = rare
    by_class = fitted(cls, X, y, class_weight={0: 0.5, 1: 3.0})
    by_row = cls(**cls._test_params(), random_state=0).fit(X, y, sample_weight=np.where(y == 1, 3.0, 0.5))
    assert np.array_equal(by_class.predict_proba(X), by_row.predict_proba(X))
    # Both at once are multiplied.
    weight = np.linspace(1, 2, len(y))
    both = cls(**cls._test_params(), class_weight={1: 3.0}, random_state=0).fit(X, y, sample_weight=weight)
    product = cls(**cls._test_params(), random_state=0).fit(X, y, sample_weight=weight * np.where(y == 1, 3.0, 1.0))
    assert np.array_equal(both.predict_proba(X), product.predict_proba(X))


def test_balanced_gives_every_class_the_same_say(rare):
    X, y = rare
    balanced = fitted(CrossEntropyClassifier, X, y, class_weight="balanced")
    told = fitted(CrossEntropyClassifier, X, y, class_weight={0: 80 / (2 * 70), 1: 80 / (2 * 10)})
    assert np.array_equal(balanced.predict_proba(X), told.predict_proba(X))


def test_names_of_classes_are_the_users(rare):
    X, y = rare
    named = fitted(CrossEntropyClassifier, X, np.array(["good", "bad"])[y], class_weight={"bad": 4.0})
    coded = fitted(CrossEntropyClassifier, X, 1 - y, class_weight={0: 4.0})
    assert np.array_equal(named.predict_proba(X), coded.predict_proba(X))


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        ({2: 1.0}, "class_weight names 2, which is no class of y"),
        ({1: -1.0}, "class_weight holds -1.0; a weight is a finite number of at least 0"),
        ({1: float("nan")}, "class_weight holds nan"),
        ({1: "heavy"}, "class_weight holds 'heavy'"),
        ({0: 0, 1: 0}, "class_weight is 0 for every class"),
        ("even", "'class_weight' parameter .* must be"),
    ],
)
def test_a_wrong_weight_is_named(rare, weight, message):
    with pytest.raises(ValueError, match=message):
        fitted(CrossEntropyClassifier, *rare, class_weight=weight)


def test_a_stream_cannot_be_counted(rare):
    clf = CrossEntropyClassifier(**CrossEntropyClassifier._test_params(), class_weight="balanced")
    with pytest.raises(ValueError, match="partial_fit sees a part of them"):
        clf.partial_fit(*rare)
    clf.set_params(class_weight={1: 2.0}).partial_fit(*rare)


@pytest.mark.parametrize("cls", [PRODENClassifier, MultiLabelClassifier, KDClassifier])
def test_other_kinds_do_not_have_it(cls):
    assert "class_weight" not in cls._get_param_names()
    with pytest.raises(ValueError, match="does not weigh classes"):
        fitted(cls, np.eye(4), np.array([0, 1, 0, 1]), class_weight="balanced")
