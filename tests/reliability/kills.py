"""Fits that are killed, in children of one clean process that has torch loaded and never trained."""

import contextlib
import math
import multiprocessing
import multiprocessing.connection
import os
import pickle
import signal

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.reliability.kills", "tests.reliability.warm"])


def fit_once(name, path, result):
    """Fit the estimator of an engine shape with a file, and leave what it found out in the file ``result``."""
    import torch

    from tests.reliability.fits import outcome, quiet_fit, shape_data, shape_estimator

    torch.set_num_threads(1)
    X, y = shape_data(name)
    fitted = quiet_fit(shape_estimator(name, checkpoint=path, checkpoint_seconds=0), X, y)
    with open(f"{result}.part", "wb") as file:
        pickle.dump(outcome(fitted, X), file)
    os.replace(f"{result}.part", result)


def loop_once(name, path, result):
    """Run an active-learning loop whose answers are kept, and leave its history in the file ``result``."""
    import torch
    from sklearn.base import clone

    from skweak.active import ActiveLearner, MarginSampling, run_loop
    from tests.reliability.fits import shape_estimator
    from tests.small_data import blobs

    torch.set_num_threads(1)
    X, _, y = blobs(90)
    learner = ActiveLearner(clone(shape_estimator(name, max_epochs=3)), MarginSampling(), X[:12], y[:12])
    history = run_loop(learner, X[12:], y[12:], 6, 4, checkpoint=path, verbose=0)
    found = [{k: v.tolist() if hasattr(v, "tolist") else v for k, v in record.items() if k not in ("seconds", "query_recall")}
             for record in history]  # fmt: skip
    with open(f"{result}.part", "wb") as file:
        pickle.dump((repr(found), learner.predict_proba(X).tobytes()), file)
    os.replace(f"{result}.part", result)


def run(name, path, result, cpu_seconds=math.inf, target=fit_once):
    """Run one fit in a child, kill it when it has used its seconds; return whether it was killed and what it used.

    The moment is counted in the child's own time, so that a busy machine does not move it.
    """
    child = CONTEXT.Process(target=target, args=(name, str(path), str(result)))
    child.start()
    used = 0.0
    while not multiprocessing.connection.wait([child.sentinel], timeout=0.002):
        with contextlib.suppress(OSError), open(f"/proc/{child.pid}/schedstat") as file:
            used = int(file.read().split()[0]) / 1e9
        if used >= cpu_seconds:
            os.kill(child.pid, signal.SIGKILL)
            break
    child.join()
    # It may have ended before the signal came.
    assert child.exitcode in (-signal.SIGKILL, 0)
    return child.exitcode != 0, used


def kill_until(n_kills, name, directory, random, target=fit_once):
    """Kill fits of a shape at random moments, each until it ends; return the number of runs, kills and wrong ends."""
    reference = directory / "reference"
    run(name, directory / "warm.fit", directory / "warm", target=target)
    _, duration = run(name, directory / "reference.fit", reference, target=target)
    expected, kills, runs, wrong = pickle.loads(reference.read_bytes()), 0, 0, 0
    while kills < n_kills:
        path, result, patience = directory / f"{runs}.fit", directory / f"{runs}.result", duration
        while run(name, path, result, random.uniform(0, patience), target)[0]:
            kills, patience = kills + 1, 1.1 * patience
        runs += 1
        wrong += pickle.loads(result.read_bytes()) != expected
        assert not list(directory.glob(f"{path.name}.*.tmp"))
    return runs, kills, wrong
