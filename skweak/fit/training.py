"""One fit: from parameters, rows and labels, all checked, to the fitted attributes."""

from contextlib import contextmanager
from dataclasses import replace
from numbers import Real
from typing import NamedTuple

import torch

from skweak.augment import make_views
from skweak.engine import TensorData
from skweak.engine.divergence import POLICIES
from skweak.engine.seeding import Seeding
from skweak.fit.class_weights import class_weights, weigh_rows
from skweak.fit.collapse import warn_of_collapse
from skweak.fit.file import describe_fit, open_checkpoint
from skweak.fit.inputs import check_inputs, check_trusted, check_weight, warn_of_outliers
from skweak.fit.networks import continue_trainer, make_trainer, network_maker, scales_inputs
from skweak.fit.parameters import check_parameters, find_device
from skweak.fit.rows import RowFacts
from skweak.fit.side import check_side


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


class Fit:
    """One training, from checked inputs to fitted attributes.

    Making it checks everything; bad input never trains. `run` trains and leaves the fitted attributes on the method,
    all of them at the end. What else a training needs are parts, each behind a few methods, so that another one can
    stand in its place before `run`.

    Parameters
    ----------
    method : WeakClassifier
    X, y : object
        As the user gave them.
    request : Request

    Attributes
    ----------
    X : ndarray, csr matrix or RowSource
    labels : skweak.labels.Labels
    facts : dict
        What is known of each row besides its label: ``weight``, ``trusted``, ``side``.
    device : torch.device
    net : skweak.engine.Trainer
        The networks to be and the loop.
    checkpoint : skweak.engine.checkpoint.NoCheckpoint
        Where the fit is kept: nowhere, or in a file.
    divergence : skweak.engine.divergence.RaiseDivergence
        What happens when a number is not finite.
    seeding : skweak.engine.seeding.Seeding
        Random numbers and threads.
    data : skweak.engine.TensorData
        All rows on the device, and which share of every batch this process takes.
    rows : RowFacts
        Which rows train, which are held out, and what is reported of the others.
    """

    def __init__(self, method, X, y, request):
        check_parameters(method)
        self.method, self.device, streamed = method, find_device(method.device), request.keep
        self.checkpoint = open_checkpoint(method, request.previous)
        self.divergence = POLICIES[method.on_divergence]()
        self.seeding = Seeding(method.random_state, method.n_threads)
        if method.warm_start and hasattr(method, "net_"):
            request = request._replace(previous=method.net_, keep=True)
        self.request = request
        self.X = check_inputs(method, X, dtype=method.dtype, reset=request.previous is None)
        if not scales_inputs(method):
            warn_of_outliers(self.X)
        self.labels = method._encode(y, self.X.shape[0], request.classes)
        side, target, self.attributes = check_side(method, request.side, self.labels.target)
        self.labels = replace(self.labels, target=target)
        self.facts = {
            "weight": check_weight(request.sample_weight, self.X),
            "trusted": check_trusted(request.trusted, self.X.shape[0]),
            "side": side,
        }
        method._check_labels(self.labels, self.facts["trusted"])
        self.class_weight = class_weights(method, self.labels, streamed=streamed)
        if self.class_weight is not None and method._class_weighting == "rows":
            self.facts["weight"] = weigh_rows(self.facts["weight"], self.class_weight, self.labels.target)
        self.net = net = self._trainer()
        place = {"dtype": net.dtype, "device": self.device, "sparse_batches": net.takes_sparse}
        self.data = TensorData(self.X, self.labels.target, **place, **self.facts)
        self.rows = RowFacts(self.facts["weight"], method.validation_fraction)

    def run(self):
        """Train, and set the fitted attributes of the method, which is returned."""
        method, labels, net, rows = self.method, self.labels, self.net, self.rows
        net.checkpoint, net.divergence, net.seeding = self.checkpoint, self.divergence, self.seeding
        seed = self.seeding.seed(kept=(self.checkpoint.header or {}).get("seed"))
        self.checkpoint.begin(lambda: self._describe(seed))
        with self.seeding.numbers(seed, self.device) as (net.generator, net.numpy_random):
            rows.split(self.data, net.numpy_random)
            net.views, net.classes = make_views(method.augment, rows.training), labels.classes
            if self.class_weight is not None:
                net.class_weight = torch.as_tensor(self.class_weight, dtype=net.dtype, device=self.device)
            try:
                with large_numbers_named(method):
                    net.train(method, network_maker(method, net), rows.training, rows.held_out)
                    net.set_training(False)
                    changed = net.facts.settle()
                    fitted = self._complete(rows.report(changed, method._finish(net)))
                    if self.request.epochs is None:
                        warn_of_collapse(method, net, rows.training, labels.classes, scales_inputs(method))
            finally:
                net.views = None
                net.release(keep_state=method.warm_start or self.request.keep)
        history = [{k: v for k, v in row.items() if k != "batches"} for row in net.history]
        fitted |= labels.kind.column_attributes(labels) | self.attributes
        fitted |= {"classes_": labels.classes, "net_": net, "history_": history, "_flat_y": labels.flat}
        vars(method).update(fitted)
        return method

    def _trainer(self):
        method, request, shape = self.method, self.request, self.X.shape[1:]
        epochs = method.max_epochs if request.epochs is None else request.epochs
        if request.previous is None:
            return make_trainer(method, self.device, shape, self.labels.n_outputs, epochs)
        return continue_trainer(method, request.previous, shape, self.labels.n_outputs, epochs)

    def _describe(self, seed):
        return describe_fit(self.method, self.request.previous, self.X, self.labels, self.facts, seed, self.device)

    def _complete(self, fitted):
        """Give rows that did not train their entry in every per-row attribute, and decode corrected labels."""

        def judge(untrained):
            return self.labels.kind.judge_rows(self.method._final_proba(self.net, untrained), untrained.target)

        # A weight that a callback changed is one of a row that trained.
        fitted = self.rows.complete(fitted, {"sample_weight_": 0.0} | self.method._row_attributes, judge)
        if "transduction_" in fitted:
            fitted["transduction_"] = self.labels.decode(fitted["transduction_"])
        return fitted
