"""Networks in ONNX files say what the estimator says, in the runtime of others."""

import json
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

import skweak
from skweak.multilabel import MultiLabelClassifier
from skweak.nn import ResNet
from skweak.noisy import CoTeachingClassifier, CrossEntropyClassifier, DPCClassifier, ELRClassifier
from tests.reliability.fits import NETWORKS, quiet_fit, small_estimator, small_rows
from tests.small_data import blobs

for package in ("onnx", "onnxscript", "onnxruntime"):
    pytest.importorskip(package, reason=f"{package} is not installed: pip install 'skweak-learn[onnx]' onnxruntime")

X, _, Y = blobs(60)
SMALL = {"max_epochs": 2, "batch_size": 16, "random_state": 0}


def there(estimator, path, rows):
    """Return what onnxruntime makes of the rows, and the metadata of the file."""
    import onnxruntime

    skweak.export_onnx(estimator, path / "model.onnx")
    session = onnxruntime.InferenceSession(path / "model.onnx", providers=["CPUExecutionProvider"])
    (proba,) = session.run(None, {"X": np.ascontiguousarray(rows)})
    notes = {k: json.loads(v) for k, v in session.get_modelmeta().custom_metadata_map.items() if k != "pkg.torch.onnx"}
    assert [node.name for node in session.get_inputs()] == ["X"]
    assert [path.name for path in path.iterdir()] == ["model.onnx"]
    return proba, notes


def check(fitted, path, rows):
    # Other numbers of rows than the two it was traced with, one among them.
    for some in (rows[:1], rows):
        proba, notes = there(fitted, path, some.astype(fitted.dtype))
        np.testing.assert_allclose(proba, fitted.predict_proba(some), atol=1e-5, rtol=0)
        assert notes["classes"] == fitted.classes_.tolist()


@pytest.mark.parametrize("cls", [CrossEntropyClassifier, CoTeachingClassifier, DPCClassifier], ids=lambda c: c.__name__)
def test_one_network_two_networks_and_calibrated_ones(cls, tmp_path):
    rows, y = small_rows(cls)
    check(quiet_fit(small_estimator(cls), rows, y), tmp_path, rows)


@pytest.mark.long
@pytest.mark.parametrize("cls", NETWORKS, ids=lambda cls: cls.__name__)
def test_every_estimator(cls, tmp_path):
    rows, y = small_rows(cls)
    check(quiet_fit(small_estimator(cls), rows, y), tmp_path, rows)


def test_images_names_text_classes_and_double_precision(tmp_path):
    images = np.random.RandomState(0).rand(24, 1, 8, 8)
    settings = {"module": ResNet, "module__blocks": (1, 1), "module__width": 4}
    check(quiet_fit(ELRClassifier(**settings, **SMALL), images, Y[:24]), tmp_path, images)
    frame = pd.DataFrame(X, columns=list("abcd"))
    fitted = CrossEntropyClassifier(dtype="float64", **SMALL).fit(frame, np.array(["cat", "dog", "fox"])[Y])
    proba, notes = there(fitted, tmp_path, X)
    assert proba.dtype == np.float64 and notes == {"classes": ["cat", "dog", "fox"], "feature_names": list("abcd")}
    np.testing.assert_allclose(proba, fitted.predict_proba(frame), atol=1e-9)


def test_a_single_label_has_two_columns(tmp_path):
    check(quiet_fit(MultiLabelClassifier(**SMALL), X, (Y > 0).astype(int)), tmp_path, X)


def test_evidence_in_double_precision(tmp_path):
    check(quiet_fit(DPCClassifier(dtype="float64", warmup_epochs=1, **SMALL), X, Y), tmp_path, X)


def test_it_leaves_the_estimator_alone(tmp_path, global_generators):
    fitted = CrossEntropyClassifier(**SMALL).fit(X, Y)
    before, training = fitted.predict_proba(X), fitted.net_.module_.training
    skweak.export_onnx(fitted, tmp_path / "model.onnx")
    assert np.array_equal(fitted.predict_proba(X), before) and fitted.net_.module_.training == training
    assert torch.is_grad_enabled()


class Odd(nn.Module):
    """Leaves torch within its pass."""

    def __init__(self, n_features, n_outputs):
        super().__init__()
        self.head = nn.Linear(n_features, n_outputs)

    def forward(self, X):
        return self.head(torch.from_numpy(np.sort(X.detach().numpy(), axis=0)))


def test_what_cannot_be_exported_says_so_and_writes_nothing(tmp_path, monkeypatch):
    fitted = CrossEntropyClassifier(**SMALL).fit(X, Y)
    for estimator, error, message in (
        (LogisticRegression().fit(X, Y), TypeError, "got LogisticRegression"),
        (make_pipeline(StandardScaler(), fitted), TypeError, r"give the last step, pipeline\[-1\]"),
        (ELRClassifier(), NotFittedError, "not fitted"),
        (CrossEntropyClassifier(module=Odd, **SMALL).fit(X, Y), ValueError, "cannot be written as ONNX"),
    ):
        with pytest.raises(error, match=message):
            skweak.export_onnx(estimator, tmp_path / "model.onnx")
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(ImportError, match=r"pip install 'skweak-learn\[onnx\]'"):
        skweak.export_onnx(fitted, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())
