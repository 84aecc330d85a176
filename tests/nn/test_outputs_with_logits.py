"""Networks that return their logits in a dictionary or an object work as any other."""

import copy
import pickle
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

import skweak
from skweak.multilabel import MultiLabelMeanTeacherClassifier
from skweak.noisy import CrossEntropyClassifier, DivideMixClassifier
from tests.small_data import blobs

X, Y, NOISY = blobs(60)
SMALL = {"max_epochs": 3, "batch_size": 16, "random_state": 0}


class Plain(nn.Module):
    def __init__(self, n_features, n_outputs):
        super().__init__()
        self.layer, self.head = nn.Linear(n_features, 8), nn.Linear(8, n_outputs)

    def forward(self, X):
        return self.head(torch.relu(self.layer(X)))


class InDictionary(Plain):
    def forward(self, X):
        return {"hidden": X, "logits": super().forward(X)}


class InObject(Plain):
    def forward(self, X):
        return SimpleNamespace(loss=None, logits=super().forward(X))


@pytest.mark.parametrize("module", [InDictionary, InObject, InObject(4, 3)], ids=["dictionary", "object", "instance"])
def test_logits_are_taken_out(module, tmp_path):
    plain = Plain if isinstance(module, type) else copy.deepcopy(module)
    if plain is not Plain:
        plain.__class__ = Plain
    expected = CrossEntropyClassifier(module=plain, **SMALL).fit(X, NOISY)
    clf = CrossEntropyClassifier(module=module, **SMALL).fit(X, NOISY)
    assert np.array_equal(clf.predict_proba(X), expected.predict_proba(X))
    assert np.array_equal(clf.embed(X), expected.embed(X))
    assert np.array_equal(pickle.loads(pickle.dumps(clf)).predict_proba(X), clf.predict_proba(X))
    if isinstance(module, type):
        skweak.save(clf, tmp_path / "model")
        assert np.array_equal(skweak.load(tmp_path / "model", [module]).predict_proba(X), clf.predict_proba(X))


def test_two_networks_and_averages():
    proba = DivideMixClassifier(module=InDictionary, warmup_epochs=1, **SMALL).fit(X, NOISY).predict_proba(X)
    assert proba.shape == (60, 3)
    mean = MultiLabelMeanTeacherClassifier(module=InObject, **SMALL).fit(X, np.eye(3, dtype=int)[Y])
    assert mean.predict_proba(X).shape == (60, 3)


class Nothing(Plain):
    def forward(self, X):
        return {"scores": super().forward(X)}


def test_a_dictionary_without_logits_is_refused():
    with pytest.raises(ValueError, match="module must return logits"):
        CrossEntropyClassifier(module=Nothing, **SMALL).fit(X, NOISY)


@pytest.mark.parametrize(("shape", "said"), [((60, 20, 3), True), ((60, 8, 8), False), ((60, 1, 20, 3), False)])
@pytest.mark.filterwarnings("default")
def test_a_series_read_as_an_image_is_said(shape, said, recwarn):
    rows = np.random.RandomState(0).rand(*shape)
    clf = CrossEntropyClassifier(module__blocks=(1,), module__width=4, module=skweak.nn.ResNet, **SMALL).fit(rows, Y)
    clf.predict(rows)
    messages = [str(w.message) for w in recwarn if "is read as images of 20 x 3 pixels" in str(w.message)]
    assert len(messages) == said
