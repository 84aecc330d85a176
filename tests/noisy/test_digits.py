"""The family on handwritten digits: with four labels of ten wrong, and with none."""

from types import SimpleNamespace

import pytest
from sklearn.datasets import load_digits
from sklearn.metrics import f1_score, roc_auc_score
from sklearn.model_selection import train_test_split

from skweak.datasets import make_noisy_labels
from skweak.noisy import (
    BLDRClassifier,
    CoTeachingClassifier,
    CrossEntropyClassifier,
    DivideMixClassifier,
    DPCClassifier,
    ELRClassifier,
    ForwardCorrectionClassifier,
    GCEClassifier,
    SCEClassifier,
)

# Accuracy above cross-entropy, and the least area under the ROC curve of ``label_quality_`` and F1 of ``noise_mask_``.
REQUIRED = {
    "gce": (GCEClassifier, {}, 0.12, None, None),
    "sce": (SCEClassifier, {}, 0.12, None, None),
    "forward": (ForwardCorrectionClassifier, {}, 0.07, None, None),
    "elr": (ELRClassifier, {}, 0.15, None, None),
    "coteaching": (CoTeachingClassifier, {"forget_rate": 0.4}, 0.12, None, None),
    "dividemix": (DivideMixClassifier, {}, 0.12, None, None),
    "dpc": (DPCClassifier, {}, 0.12, 0.95, None),
    "bldr": (BLDRClassifier, {}, 0.12, 0.97, 0.85),
}


def make_digits(n_train=None):
    X, y = load_digits(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(
        X / 16, y, train_size=n_train, test_size=0.3, stratify=y, random_state=0
    )
    return SimpleNamespace(X=X_train, y=y_train, X_test=X_test, y_test=y_test)


def accuracy(clf, data):
    return clf.score(data.X_test, data.y_test)


@pytest.fixture(scope="module")
def noisy_digits():
    data = make_digits(600)
    data.given, data.wrong, _ = make_noisy_labels(data.y, "symmetric_exclusive:0.4", random_state=0)
    data.cross_entropy = accuracy(CrossEntropyClassifier(random_state=0).fit(data.X, data.given), data)
    return data


@pytest.fixture(scope="module")
def clean_digits():
    data = make_digits()
    data.cross_entropy = accuracy(CrossEntropyClassifier(random_state=0).fit(data.X, data.y), data)
    return data


def test_cross_entropy_remembers_the_noise(noisy_digits):
    assert 0.6 < noisy_digits.cross_entropy < 0.8


# Methods of two networks and of many heads take half a minute; their own tests have a smaller comparison.
QUICK = [pytest.param(*row, id=name, marks=[pytest.mark.long] * (name in ("dividemix", "dpc", "bldr")))
         for name, row in REQUIRED.items()]  # fmt: skip


@pytest.mark.parametrize(("cls", "own", "margin", "auc", "f1"), QUICK)
def test_wrong_labels(cls, own, margin, auc, f1, noisy_digits):
    clf = cls(random_state=0, **own).fit(noisy_digits.X, noisy_digits.given)
    assert accuracy(clf, noisy_digits) >= noisy_digits.cross_entropy + margin
    if auc is not None:
        assert roc_auc_score(~noisy_digits.wrong, clf.label_quality_) >= auc
    if f1 is not None:
        assert f1_score(noisy_digits.wrong, clf.noise_mask_) >= f1


@pytest.mark.long
@pytest.mark.parametrize(("cls", "own"), [row[:2] for row in REQUIRED.values()], ids=REQUIRED)
def test_clean_labels(cls, own, clean_digits):
    # Co-teaching is told the share of wrong labels, here a little too much; each point beyond costs clean rows.
    own = dict.fromkeys(own, 0.05)
    clf = cls(random_state=0, **own).fit(clean_digits.X, clean_digits.y)
    assert accuracy(clf, clean_digits) >= clean_digits.cross_entropy - 0.03
