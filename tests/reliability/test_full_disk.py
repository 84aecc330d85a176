"""A disk that is really full: the old file stays, the error names the path, and training and loops go on later."""

import os
import subprocess
import sys

import pytest

SIZE = 300 * 1024
# Runs in a mount namespace of its own, whose folder sys.argv[1] is a file system of SIZE bytes.
SCRIPT = """
import contextlib, os, shutil, subprocess, sys
import numpy as np
import skweak
from skorch.callbacks import Callback
from skweak.active import ActiveLearner, MarginSampling, run_loop
from skweak.noisy import CrossEntropyClassifier
from tests.small_data import blobs

folder = sys.argv[1]
subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={sys.argv[2]}", "tmpfs", folder], check=True)
X, _, y = blobs(160)

def fill(leave):
    with open(f"{folder}/junk", "wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.tell() < int(sys.argv[2]) - leave:
            file.write(b"x" * 256)

def refused(function, name):
    try:
        function()
    except OSError as error:
        assert error.errno == 28 and name in str(error), error
    else:
        raise AssertionError(f"{name} found room")

def net(width, **settings):
    return CrossEntropyClassifier(module__hidden=(width,), max_epochs=6, random_state=0, **settings)

# A model that has no room leaves the one that was there.
small, large = net(4).fit(X, y), net(50_000).set_params(max_epochs=1).fit(X, y)
skweak.save(small, f"{folder}/model")
refused(lambda: skweak.save(large, f"{folder}/model"), "model")
assert os.listdir(folder) == ["model"]
assert np.array_equal(skweak.load(f"{folder}/model").predict_proba(X), small.predict_proba(X))

# A disk that fills during a fit: with room again it goes on from the last epoch that was written.
class Filler(Callback):
    full = False
    def on_epoch_end(self, net, **kwargs):
        if self.full and net.epoch == 4:
            fill(0)

def fit(full):
    settings = {"checkpoint": f"{folder}/fit", "checkpoint_seconds": 0, "callbacks": [("filler", Filler())]}
    Filler.full = full
    return net(4, **settings).fit(X, y)

refused(lambda: fit(True), "fit")
os.remove(f"{folder}/junk")
assert np.array_equal(fit(False).predict_proba(X), small.predict_proba(X))

# A journal without room for the next answer keeps all that came before.
asked = []

def loop(name):
    learner = ActiveLearner(net(4), MarginSampling(), X[:20], y[:20])
    def answer(row):
        asked.append(row)
        return y[20 + row]
    return run_loop(learner, X[20:], answer, 14, 10, checkpoint=f"{folder}/{name}", verbose=0)

alone = [list(record["indices"]) for record in loop("alone")[1:]]
shutil.rmtree(f"{folder}/alone")
asked.clear()
used = sum(os.stat(f"{folder}/{name}").st_blocks * 512 for name in os.listdir(folder))
fill(used + 4200)
refused(lambda: loop("loop"), "answers.jsonl")
os.remove(f"{folder}/junk")
assert 0 < len(asked) < 140
assert [list(record["indices"]) for record in loop("loop")[1:]] == alone
assert len(asked) <= 141, "more than one question was asked twice"
print("all kept")
"""


def test_nothing_is_lost_on_a_full_disk(tmp_path):
    own_mounts = ["unshare", "--user", "--map-root-user", "--mount"]
    try:
        subprocess.run([*own_mounts, "mount", "-t", "tmpfs", "tmpfs", str(tmp_path)], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"needs unshare and a mount of its own to fill a disk: {error}")
    environment = os.environ | {"PYTHONPATH": os.getcwd(), "OMP_NUM_THREADS": "1"}
    command = [*own_mounts, sys.executable, "-c", SCRIPT, str(tmp_path), str(SIZE)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.stdout == "all kept\n", done.stderr
