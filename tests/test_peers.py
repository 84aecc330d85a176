"""What the suites and users of peers met: weights in streams, messages, re-encoded matrices, other array types."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, cross_val_predict, cross_val_score

from skweak.metrics import label_quality, neighbor_votes
from skweak.multilabel import MultiLabelClassifier
from skweak.noisy import CrossEntropyClassifier, GCEClassifier, SCEClassifier, find_label_issues
from skweak.partial import CCClassifier
from skweak.utils import mixture_posterior
from tests.small_data import blobs


@pytest.mark.parametrize("cls", [CrossEntropyClassifier, GCEClassifier, SCEClassifier])
def test_partial_fit_weighs_rows(cls):
    settings = {"batch_size": 60, "dtype": "float64", "random_state": 0}
    X, _, noisy = blobs(60)
    weight = np.ones(60)
    plain = cls(**settings).partial_fit(X, noisy, classes=[0, 1, 2])
    same = cls(**settings).partial_fit(X, noisy, classes=[0, 1, 2], sample_weight=weight)
    np.testing.assert_allclose(same.predict_proba(X), plain.predict_proba(X), rtol=1e-9)
    # A row of weight zero is not there.
    weight[:20] = 0
    without = cls(**settings).partial_fit(X, noisy, classes=[0, 1, 2], sample_weight=weight)
    part = cls(**settings).partial_fit(X[20:], noisy[20:], classes=[0, 1, 2])
    np.testing.assert_allclose(without.predict_proba(X), part.predict_proba(X), rtol=1e-9)
    with pytest.raises(ValueError, match="sample_weight must be"):
        cls(**settings).partial_fit(X, noisy, sample_weight=weight[:3])


def test_partial_fit_of_matrices_weighs_rows():
    X, y, _ = blobs(60)
    for cls in (MultiLabelClassifier, CCClassifier):
        clf = cls(random_state=0).partial_fit(X, np.eye(3, dtype=int)[y], sample_weight=np.linspace(0, 1, 60))
        assert clf.predict_proba(X).shape == (60, 3)


def test_messages_name_plain_numbers():
    X, y, _ = blobs(60)
    clf = CrossEntropyClassifier(max_epochs=1, random_state=0).partial_fit(X, y)
    for act in (
        lambda: clf.partial_fit(X, y, classes=np.array([0, 1])),
        lambda: CrossEntropyClassifier(classes=[0, 1]).fit(X, y),
        lambda: find_label_issues(LogisticRegression(), X, y, classes=[0, 1]),
        lambda: neighbor_votes(X, y, classes=[0, 1]),
        lambda: label_quality(y, np.full((60, 2), 0.5), classes=[0, 1]),
    ):
        with pytest.raises(ValueError) as told:
            act()
        assert "np." not in str(told.value)


@pytest.mark.filterwarnings("error:cross_val_predict:UserWarning")
def test_cross_val_predict_numbers_matrices_anew():
    X, y, _ = blobs(60)
    matrix = np.eye(3, dtype=int)[y]
    clf = MultiLabelClassifier(max_epochs=1, random_state=0)
    with pytest.raises(UserWarning, match="numbers the values of each column of y anew"):
        cross_val_predict(clf, X, matrix, cv=2, method="predict_proba")
    unknown = matrix.copy()
    unknown[::7] = -1
    with pytest.raises(ValueError, match="multilabel labels lose their meaning"):
        cross_val_predict(clf, X, unknown, cv=2, method="predict_proba")
    # Predictions leave y alone.
    assert cross_val_predict(clf, X, unknown, cv=KFold(2)).shape == (60, 3)
    cross_val_score(clf, X, unknown, cv=KFold(2))
    clf.fit(X, unknown)


def test_a_mixture_is_fitted_whatever_is_dispatched(monkeypatch):
    values = np.r_[np.linspace(0, 0.1, 20), np.linspace(0.9, 1, 20)]
    expected = mixture_posterior(values, random_state=0)
    monkeypatch.setitem(os.environ, "SCIPY_ARRAY_API", "1")
    code = (
        "import numpy as np; from sklearn import config_context; from skweak.utils import mixture_posterior\n"
        "with config_context(array_api_dispatch=True):\n"
        f"    print(mixture_posterior(np.array({values.tolist()}), random_state=0).tolist())"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    np.testing.assert_allclose(json.loads(told), expected, rtol=1e-6)
