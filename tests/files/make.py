"""Writes the sample of the current format; run it once when the format gets a new number, and commit the result."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

import skweak
from skweak.noisy import BLDRClassifier
from skweak.storage.document import FORMAT
from tests.small_data import blobs

HERE = Path(__file__).parent


def main():
    """Write an estimator with averaged weights, text classes and named columns, and what it predicts."""
    X, _, noisy = blobs(40)
    frame = pd.DataFrame(X, columns=list("abcd"))
    y = np.array(["cat", "dog", "fox"])[noisy]
    settings = {"module__hidden": (6,), "module__batch_norm": True, "max_epochs": 3, "reweight_start": 1}
    clf = BLDRClassifier(random_state=0, n_threads=1, **settings).fit(frame, y)
    skweak.save(clf, HERE / f"format_{FORMAT}.skweak")
    (HERE / f"format_{FORMAT}.json").write_text(json.dumps({
        "classes": clf.classes_.tolist(), "features": X[:10].tolist(), "proba": clf.predict_proba(frame[:10]).tolist(),
        "suspects": np.flatnonzero(clf.noise_mask_).tolist(),
    }))  # fmt: skip


if __name__ == "__main__":
    main()
