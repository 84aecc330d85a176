"""One fit: from parameters, rows and labels, all checked, to the fitted attributes."""

from contextlib import contextmanager
from numbers import Real
from typing import NamedTuple

import numpy as np

from skweak.assembly import continue_trainer, make_trainer, network_maker
from skweak.augment import make_views
from skweak.engine import TensorData
from skweak.engine.seeding import seeded
from skweak.fit_files import describe_fit, find_seed, open_checkpoint
from skweak.inputs import check_inputs, check_trusted, check_weight, split_rows, warn_of_outliers
from skweak.params import check_parameters, find_device


class Request(NamedTuple):
    """What is asked of a fit besides ``X`` and ``y``: facts about rows, and how it continues an earlier one."""

    sample_weight: object = None
    trusted: object = None
    side: dict | None = None
    classes: object = None
    epochs: int | None = None
    previous: object = None
    keep: bool = False


@contextmanager
def large_numbers_named(method):
    """Name the parameters that are huge when a computation within the block overflows or finds no memory."""
    try:
        yield
    except (OverflowError, RuntimeError) as error:
        given = {name: value for name, value in method.get_params(deep=False).items() if name != "random_state"}
        huge = [f"{name}={v!r}" for name, v in given.items() if isinstance(v, Real) and abs(v) >= 1e9]
        if not huge:
            raise
        raise ValueError(f"{type(method).__name__} cannot compute with {', '.join(huge)}: {error}") from error


@contextmanager
def unchanged_on_failure(estimator):
    """Leave the attributes of ``estimator`` as they were when the block fails, also by Ctrl-C."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


def fit_checked(method, X, y, request):
    """Train ``method`` on ``X`` and ``y`` and set its fitted attributes, all of them at the end."""
    check_parameters(method)
    device = find_device(method.device)
    # A probe that goes on from another fit is not kept.
    checkpoint = open_checkpoint(method) if request.previous is None else None
    if method.warm_start and hasattr(method, "net_"):
        request = request._replace(previous=method.net_, keep=True)
    previous = request.previous
    X = check_inputs(method, X, dtype=method.dtype, reset=previous is None)
    warn_of_outliers(X)
    labels = method._encode(y, X.shape[0], request.classes)
    weight = check_weight(request.sample_weight, X)
    trusted = check_trusted(request.trusted, X.shape[0])
    method._check_labels(labels, trusted)
    epochs = method.max_epochs if request.epochs is None else request.epochs
    if previous is None:
        net = make_trainer(method, device, X.shape[1:], labels.n_outputs, epochs)
    else:
        net = continue_trainer(method, previous, X.shape[1:], labels.n_outputs, epochs)
    facts = {"weight": weight, "trusted": trusted, "side": request.side}
    seed = find_seed(method.random_state, checkpoint)
    if checkpoint is not None:
        checkpoint.begin(describe_fit(method, previous, X, labels, facts, seed, device))
    net.checkpoint = checkpoint
    with seeded(seed, device) as (net.generator, net.numpy_random):
        whole = TensorData(X, labels.target, dtype=net.dtype, device=device, **facts)
        rows, held_out = split_rows(len(whole), weight, method.validation_fraction, net.numpy_random)
        data = whole if rows is None else whole.subset(rows)
        valid = None if held_out is None else whole.subset(held_out)
        net.views, net.classes = make_views(method.augment, data), labels.classes
        try:
            with large_numbers_named(method):
                net.train(method, network_maker(method, net), data, valid)
                net.set_training(False)
                fitted = complete_rows(method, net, method._finish(net), whole, labels, rows)
        finally:
            net.views = None
            net.release(keep_state=method.warm_start or request.keep)
    history = [{k: v for k, v in row.items() if k != "batches"} for row in net.history]
    fitted |= {"classes_": labels.classes, "net_": net, "history_": history, "_flat_y": labels.flat}
    vars(method).update(fitted)
    return method


def complete_rows(method, run, fitted, whole, labels, rows):
    """Decode corrected labels, and give rows that did not train their entry in every per-row attribute."""
    if rows is not None:
        rest = np.delete(np.arange(len(whole)), rows)
        untrained = whole.subset(rest)
        judged = labels.kind.judge_rows(method._final_proba(run, untrained), untrained.target)
        for name in set(fitted) & set(method._row_attributes):
            full = np.empty((len(whole), *fitted[name].shape[1:]), dtype=fitted[name].dtype)
            full[rows], full[rest] = fitted[name], judged.get(name, method._row_attributes[name])
            fitted[name] = full
    if "transduction_" in fitted:
        fitted["transduction_"] = labels.decode(fitted["transduction_"])
    return fitted
