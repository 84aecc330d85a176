"""Class expansion contrastive learning for labels of which some belong to no known class, CECL (arXiv:2305.04203)."""

import math
from numbers import Integral, Real

import numpy as np
import torch
from sklearn.base import clone
from sklearn.utils._param_validation import HasMethods, Interval
from torch.nn import functional as F

from skweak.base import WeakClassifier
from skweak.engine import KeyQueue, MovingAverage, RowMemory
from skweak.engine.prototypes import move_prototypes
from skweak.losses import supervised_contrastive_loss
from skweak.nn.heads import Projected
from skweak.noisy import presets
from skweak.noisy.codivide import mean_class_weight, split_rows, weigh_by_class
from skweak.noisy.dividemix import DivideMixClassifier

# Of the cleaner, as far as the epochs allow it.
_LEAST_STEPS = 500
ROLES = np.array(["kept", "absorbed", "delimiter"])


class CECLClassifier(WeakClassifier):
    """Network for labels that may be wrong in two ways: another class is right, or none is.

    Another method first cleans the labels. From the rows it keeps, this one learns where the classes lie on a sphere.
    A row whose label was not kept joins the class it is said to be of if it lies near its centre; if not, it stays
    outside as a delimiter, which nothing may come near to and no class is learnt from.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The network; it gets a projection of its embedding.
    cleaner : estimator or None, default=None
        The method that cleans, cloned and fitted on the same rows: any classifier whose fit leaves ``noise_mask_`` and
        ``label_quality_``. None is `DivideMixClassifier` with the network and training of this one, for half as many
        epochs, or up to as many on small tables; it repairs nothing where losses are of one kind.
    similarity : float in [-1, 1], default=0.6
        Cosine to the centre of its class above which a row is absorbed. More absorbs fewer rows, 1 none.
    expansion_start : float in [0, 1], default=0.5
        Share of the epochs after which rows are absorbed and others delimit; 1 learns from kept rows alone.
    contrast_weight : float >= 0, default=0.5
        Weight of the contrastive loss; larger draws classes closer together. 0 learns no centres.
    temperature : float > 0, default=0.3
        Temperature of the similarities; smaller looks at the hardest rows only. 0.07 suits images.
    prototype_decay : float in [0, 1), default=0.99
        Share of a centre kept when a row is added to it; larger is steadier.
    key_decay : float in [0, 1), default=0.99
        Share of the old network in the average that looks at the second view. 0.999 suits long training.
    queue_size : int >= 1, default=512
        Past views to compare with. 8192 suits large image sets.
    projection_width : int >= 1, default=64
        Dimension of the sphere.
    augment : None, "weak", callable or pair of callables, default="weak"
        The weak view, drawn twice.
    **training
        Shared parameters; see `skweak.base.WeakClassifier`.

    Attributes
    ----------
    open_set_score_ : ndarray of shape (n,)
        One minus the cosine to the nearest centre, in [0, 2]: large for rows of no known class.
    role_ : ndarray of str of shape (n,)
        "kept" for rows whose label was kept, "absorbed" for those that joined a class later, and "delimiter"; "" for
        rows held out.
    label_quality_ : ndarray of shape (n,)
        Probability of the given label under the trained network, in [0, 1]; low means suspicious.
    noise_mask_ : ndarray of bool of shape (n,)
        Rows whose label was not kept.
    transduction_ : ndarray of shape (n,)
        The given label where it was kept, elsewhere the predicted one.

    Notes
    -----
    A label is believed after cleaning if its probability is at least the median of the kept rows of that class. Each
    class keeps its best rows, so that none is lost. Delimiters stand in the denominator of the contrastive loss only.

    References
    ----------
    arXiv:2305.04203, whose cleaner is another one. Its settings: ``CECLClassifier.preset("cifar80n")``.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> given = y.copy()
    >>> given[y == 2] = [0, 1] * 25                     # the third class is not known
    >>> clf = CECLClassifier(max_epochs=40, random_state=0).fit(X, given)
    >>> bool(clf.open_set_score_[y == 2].mean() > clf.open_set_score_[y == 0].mean())
    True
    """

    _class_weighting = "loss"
    _augments = False
    _row_attributes = WeakClassifier._row_attributes | {"open_set_score_": float("nan"), "role_": ""}
    _presets = presets.CECL
    _parameter_constraints = {
        "cleaner": [None, HasMethods(["fit", "predict_proba"])],
        "similarity": [Interval(Real, -1, 1, closed="both")],
        "expansion_start": [Interval(Real, 0, 1, closed="both")],
        "contrast_weight": [Interval(Real, 0, None, closed="left")],
        "temperature": [Interval(Real, 0, None, closed="neither")],
        "prototype_decay": [Interval(Real, 0, 1, closed="left")],
        "key_decay": [Interval(Real, 0, 1, closed="left")],
        "queue_size": [Interval(Integral, 1, None, closed="left")],
        "projection_width": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self, module="auto", *, cleaner=None, similarity=0.6, expansion_start=0.5, contrast_weight=0.5, temperature=0.3,
        prototype_decay=0.99, key_decay=0.99, queue_size=512, projection_width=64, augment="weak", **training,
    ):  # fmt: skip
        super().__init__(module, augment=augment, **training)
        self.cleaner = cleaner
        self.similarity = similarity
        self.expansion_start = expansion_start
        self.contrast_weight = contrast_weight
        self.temperature = temperature
        self.prototype_decay = prototype_decay
        self.key_decay = key_decay
        self.queue_size = queue_size
        self.projection_width = projection_width

    def _networks(self, make):
        return {"module": Projected(make(), self.projection_width)}

    def _start(self, run):
        state, like = run.state, {"dtype": run.dtype, "device": run.device}
        state.label, state.kept, state.believed = self._clean(run)
        # The class that a row is learnt as, -1 for none.
        state.group = state.label.where(state.kept, -1)
        if "queue" not in vars(state):
            state.queue = KeyQueue(self.queue_size, self.projection_width, **like)
            state.keys = MovingAverage(run.module_, self.key_decay)
        # A queue of another fit holds other rows.
        state.queue.labels.fill_(-1)
        state.prototypes = RowMemory(run.n_outputs, self.projection_width, **like)
        self._place_prototypes(run)
        run.scratch.mean_weight = mean_class_weight(run)
        run.scratch.start = math.floor(self.expansion_start * run.max_epochs)

    def _clean(self, run):
        """Return a label for every training row, which of the given ones are kept, and which labels are believed."""
        given, C = run.data.target, run.n_outputs
        cleaner = self._default_cleaner(run) if self.cleaner is None else clone(self.cleaner)
        parameters = cleaner.get_params(deep=False)
        told = {"random_state": int(run.numpy_random.randint(2**31)), "classes": list(range(C))}
        cleaner.set_params(**{k: v for k, v in told.items() if k in parameters and parameters[k] is None})
        X = run.data.X
        cleaner.fit(X, run.data.y)
        missing = [name for name in ("noise_mask_", "label_quality_") if not hasattr(cleaner, name)]
        if missing:
            raise ValueError(f"cleaner {type(cleaner).__name__} has no {missing[0]} after fit; give one that has it.")
        proba = np.zeros((len(given), C))
        proba[:, np.asarray(cleaner.classes_, dtype=int)] = cleaner.predict_proba(X)
        size = {"dtype": run.dtype, "device": run.device}
        proba, quality = torch.as_tensor(proba, **size), torch.as_tensor(cleaner.label_quality_, **size)
        clean = torch.as_tensor(~np.asarray(cleaner.noise_mask_, dtype=bool), **size)
        belief = proba.gather(1, given[:, None])[:, 0]
        kept = split_rows(clean, 0.5, quality, None, given, belief)
        label = given.where(kept, proba.argmax(1))
        return label, kept, belief_above_median(proba, label, kept)

    def _default_cleaner(self, run):
        shared = (
            "module", "optimizer", "lr", "batch_size", "device", "dtype", "augment", "amp", "compile", "n_threads",
            "on_divergence", "verbose",
        )  # fmt: skip
        spelled = {name: value for name, value in vars(self).items() if name.startswith(("module__", "optimizer__"))}
        weight = None if run.class_weight is None else dict(enumerate(run.class_weight.tolist()))
        settings = {name: getattr(self, name) for name in shared} | spelled | {"class_weight": weight}
        epochs = max(math.ceil(run.max_epochs / 2), math.ceil(_LEAST_STEPS * run.batch_size / len(run.data)))
        # Two humps of losses, or there is nothing to clean.
        return DivideMixClassifier(**settings, max_epochs=min(epochs, run.max_epochs), min_separation=2.0)

    def _place_prototypes(self, run):
        """Put the centres where the rows of each class are now."""
        vectors, group = self._vectors(run), run.state.group
        # A class without rows keeps its centre.
        run.state.prototypes.values = move_prototypes(run.state.prototypes.values, vectors, group, decay=0.999)

    @staticmethod
    def _vectors(run):
        return run.outputs(run.module_, function=lambda X: run.module_.both(X)[1]).to(run.dtype)

    def _start_epoch(self, run):
        if run.epoch == run.scratch.start:
            self._place_prototypes(run)

    def _batches(self, run, batches):
        if run.epoch >= run.scratch.start:
            return batches
        return batches.restrict(run.state.kept.nonzero()[:, 0])

    def _groups(self, run, index, vectors):
        """Return the class that each of the rows is learnt as, -1 for delimiters."""
        state = run.state
        label, kept, believed = (part.index_select(0, index) for part in (state.label, state.kept, state.believed))
        near = (vectors * state.prototypes.values.index_select(0, label)).sum(1) > self.similarity
        return label.where(kept | (believed & near), -1)

    def _loss(self, run, batch):
        state = run.state
        logits, queries = run.module_.both(run.views.weak(batch.X))
        with torch.no_grad():
            keys = state.keys.module.both(run.views.weak(batch.X))[1].to(run.dtype)
        # Under mixed precision the networks return half precision.
        logits, queries = logits.to(run.dtype), queries.to(run.dtype)
        seen = queries.detach()
        group = self._groups(run, batch.index, seen)
        state.group.index_copy_(0, batch.index, group)
        moved = move_prototypes(state.prototypes.values, seen, group, decay=self.prototype_decay)
        state.prototypes.update(torch.arange(run.n_outputs, device=seen.device), moved, 0.0)
        # The queue holds positions of rows, so that past keys have the classes of today.
        past = state.queue.labels
        past = torch.where(past < 0, -1, state.group[past.clamp_min(0)])
        contrast = supervised_contrastive_loss(
            queries, group, torch.cat([keys, state.queue.keys]), torch.cat([group, past]), temperature=self.temperature
        )
        state.queue.push(keys, batch.index)
        losses = F.cross_entropy(logits, group.clamp_min(0), reduction="none")
        run.record("contrast", contrast)
        learnt = (group >= 0).to(run.dtype)
        weight = weigh_by_class(learnt, group.clamp_min(0), run.class_weight) / run.scratch.mean_weight
        return ((losses + self.contrast_weight * contrast) * weight).sum() / learnt.sum().clamp_min(1)

    def _end_step(self, run):
        run.state.keys.update_parameters(run.module_)

    def _finish(self, run):
        state, given = run.state, run.data.target
        vectors, every = self._vectors(run), torch.arange(len(given), device=given.device)
        group = self._groups(run, every, vectors)
        score = 1 - (vectors @ state.prototypes.values.T).max(1).values
        proba = run.evaluate(run.data, lambda X: self._row_proba(run, X))
        role = torch.where(state.kept, 0, torch.where(group >= 0, 1, 2))
        if not self.warm_start:
            # Not needed to predict, and as large as the network.
            del state.keys
        return {
            "open_set_score_": score.float().clamp(0, 2).cpu().numpy(),
            "role_": ROLES[role.cpu().numpy()],
            "label_quality_": proba.gather(1, given[:, None])[:, 0].float().clamp(0, 1).cpu().numpy(),
            "noise_mask_": (~state.kept).cpu().numpy(),
            "transduction_": given.where(state.kept, proba.argmax(1)).cpu().numpy(),
        }

    @classmethod
    def _test_params(cls):
        return super()._test_params() | {"batch_size": 64, "max_epochs": 12, "queue_size": 64, "projection_width": 16}


def belief_above_median(proba, label, kept):
    """Return rows (n,) whose ``label`` has at least the median probability of the kept rows of that class."""
    belief = proba.gather(1, label[:, None])[:, 0]
    bars = torch.stack([_median(belief[kept & (label == c)]) for c in range(proba.shape[1])])
    return belief >= bars[label]


def _median(values):
    # Nobody is believed to be of a class that has no kept row.
    return values.median() if len(values) else values.new_tensor(float("inf"))
