"""Selection of rows that resemble what their label should look like (EchoSelect, arXiv:2405.12969)."""

from numbers import Integral, Real

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch.nn import functional as F

from skweak.base import WeakClassifier
from skweak.engine import TensorData
from skweak.engine.scale import measure_columns
from skweak.fit import refuse_facts
from skweak.nn import InputScaling
from skweak.nn.build import features_and_logits
from skweak.noisy.codivide import mixture_separation, rank_in_class, split_rows
from skweak.utils import min_max, mixture_posterior, warmup_length


class EchoSelectClassifier(WeakClassifier):
    """Network that learns from the rows that resemble what their label should look like.

    The paper lets a generative model rewrite each image so that it fits its label, and keeps the label if image and
    echo look alike. Here the echo is the prototype of the class, the direction of its most typical rows, or what a
    function of yours makes of the row. Rows left out come back once the network, which has not seen them, agrees.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The network.
    feature_extractor : "auto", "rows", "network" or callable, default="auto"
        Where rows are compared: as they are, their columns scaled; in the network's embedding after a warm-up; or in
        what a callable makes of all rows, (n, d), such as the embedding of a pretrained network. "auto" is "rows" for
        tables of numbers, else "network".
    reference : "prototype" or callable, default="prototype"
        What rows are compared with. A callable gets the rows ``X`` and their labels and returns rows that fit them, of
        the shape of ``X``: they are compared in the features, and trained on where the row itself is left out.
    threshold : "auto", "gmm" or float, default="auto"
        Similarity above which a row stays; larger keeps fewer, cleaner rows. "gmm" asks a mixture of two Gaussians,
        "auto" is 0 for contrasted prototypes, which is the nearest one of all, else "gmm".
    min_separation : float >= 0, default=3.0
        How far apart the two components of the similarities must be, in units of their widths, for a threshold that is
        no number; below, all rows stay. Larger leaves clean rows alone and misses wrong labels, 0 always selects.
    contrast : bool, default=True
        Subtract the similarity to the most similar prototype of another class.
    small_loss : None or float in [0, 1), default=None
        Share of wrong labels, to select by small loss instead, class by class, as the paper does for labels that are
        wrong by chance. Too large wastes clean rows.
    warmup_epochs : "auto" or int >= 1, default="auto"
        Epochs of training on all rows before a selection by the network or by small loss; "auto" is a sixth of them, on
        small tables up to a half.
    readmit : bool, default=True
        Whether rows left out come back in the second half of the epochs while the network gives their label more than
        one half. Without, classes that are no single cluster lose much.
    lr : float > 0, default=0.02
        Learning rate.
    **training
        Shared parameters; see `skweak.base.WeakClassifier`.

    Attributes
    ----------
    similarity_ : ndarray of shape (n,)
        Cosine of each row and its reference, in [-1, 1], contrasted in [-2, 2]; of a selection by small loss minus the
        mean loss of the warm-up.
    label_quality_ : ndarray of shape (n,)
        Probability of the given label under the trained network, in [0, 1].
    noise_mask_ : ndarray of bool of shape (n,)
        Rows left out at the end.
    transduction_ : ndarray of shape (n,)
        The given label, or of rows left out the predicted one.

    Notes
    -----
    A prototype is the mean direction of the quarter of a class that remains when the half least like their mean is
    dropped twice; a row is never compared with a prototype that it is part of. No class loses all its rows, and rows
    marked ``trusted`` stay. Written rows and others get weights that make both groups count alike, until the last sixth
    of the epochs trains on selected rows alone.

    References
    ----------
    arXiv:2405.12969, whose thresholds are 0.52 and 0.43; prototypes instead of a generative model, the separation and
    the return of rows are ours.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> y[:5] = 2                                       # five wrong labels, too few for a group
    >>> clf = EchoSelectClassifier(threshold=0.0, max_epochs=40, random_state=0).fit(X, y)
    >>> bool(clf.noise_mask_[:5].all()), clf.transduction_[:5].tolist()
    (True, [0, 0, 0, 0, 0])
    """

    _augments = False
    _row_attributes = WeakClassifier._row_attributes | {"similarity_": float("nan")}
    _parameter_constraints = {
        "feature_extractor": [StrOptions({"auto", "rows", "network"}), callable],
        "reference": [StrOptions({"prototype"}), callable],
        "threshold": [StrOptions({"auto", "gmm"}), Interval(Real, None, None, closed="neither")],
        "min_separation": [Interval(Real, 0, None, closed="left")],
        "contrast": ["boolean"],
        "small_loss": [None, Interval(Real, 0, 1, closed="left")],
        "warmup_epochs": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "readmit": ["boolean"],
    }

    def __init__(
        self, module="auto", *, feature_extractor="auto", reference="prototype", threshold="auto", min_separation=3.0,
        contrast=True, small_loss=None, warmup_epochs="auto", readmit=True, lr=0.02, **training,
    ):  # fmt: skip
        super().__init__(module, lr=lr, **training)
        self.feature_extractor = feature_extractor
        self.reference = reference
        self.threshold = threshold
        self.min_separation = min_separation
        self.contrast = contrast
        self.small_loss = small_loss
        self.warmup_epochs = warmup_epochs
        self.readmit = readmit

    def fit(self, X, y, trusted=None, **facts):
        """Train on ``X`` and ``y``; rows that the mask ``trusted`` (n,) marks as verified always stay."""
        return self._fit(X, y, trusted=trusted, **refuse_facts(self, facts))

    def _check_labels(self, labels, trusted):
        if self.warmup_epochs != "auto" and self.warmup_epochs >= self.max_epochs:
            raise ValueError(
                f"warmup_epochs={self.warmup_epochs} must be smaller than max_epochs={self.max_epochs}, or no row is "
                "ever selected."
            )

    def _start(self, run):
        state, n = run.state, len(run.data)
        space, rows = self.feature_extractor, run.data.X
        if space == "auto":
            # Of sparse rows and of those in a file the features would be larger than the rows.
            space = "rows" if len(run.data.row_shape) == 1 and isinstance(rows, np.ndarray) else "network"
        waits = space == "network" or self.small_loss is not None
        state.warmup = warmup_length(self.warmup_epochs, run) if waits else 0
        state.score = torch.zeros(n, dtype=run.dtype, device=run.device)
        state.selected = state.kept = torch.ones(n, dtype=torch.bool, device=run.device)
        run.scratch.space, run.scratch.weight = space, None
        run.scratch.written = self._write(run, rows) if callable(self.reference) else None

    def _write(self, run, rows):
        """Return the rows that the user's function makes for the labels."""
        if not isinstance(rows, np.ndarray):
            raise ValueError(
                f"reference rewrites rows of an array, got X as {type(rows).__name__}; give an array, such as "
                "X.toarray(), or reference='prototype'."
            )
        written = np.asarray(self.reference(rows, run.classes[run.data.y]), dtype=rows.dtype)
        if written.shape != rows.shape or not np.isfinite(written).all():
            raise ValueError(
                f"reference must return finite rows of the shape of X, {rows.shape}, got {written.shape}; return each "
                "row as its label wants it."
            )
        return TensorData(written, run.data.y, dtype=run.dtype, device=run.device)

    def _start_epoch(self, run):
        state, scratch = run.state, run.scratch
        if run.epoch == state.warmup:
            state.score, state.selected = self._select(run)
            state.kept = state.selected
        elif self.readmit and run.epoch > state.warmup and 2 * run.epoch >= state.warmup + run.max_epochs:
            belief = run.outputs(run.module_).to(run.dtype).softmax(1).gather(1, run.data.target[:, None])[:, 0]
            state.kept = state.selected | (belief > 0.5)
        # Only where rows that are left out train as the user's function wrote them.
        writes = scratch.written is not None and state.warmup <= run.epoch < run.max_epochs * 5 // 6
        scratch.weight = None
        if writes and not state.kept.all():
            share = state.kept.to(run.dtype).mean()
            scratch.weight = torch.where(state.kept, 0.5 / share, 0.5 / (1 - share))

    def _end_epoch(self, run):
        if self.small_loss is not None and run.epoch < run.state.warmup:
            losses = F.cross_entropy(run.outputs(run.module_).to(run.dtype), run.data.target, reduction="none")
            run.state.score = run.state.score - losses / run.state.warmup

    def _batches(self, run, batches):
        kept = run.state.kept
        return batches if run.scratch.weight is not None or kept.all() else batches.restrict(kept.nonzero()[:, 0])

    def _loss(self, run, batch):
        X, weight = batch.X, run.scratch.weight
        if weight is not None:
            kept, written = run.state.kept.index_select(0, batch.index), run.scratch.written.rows(batch.index)
            X = torch.where(kept.view(-1, *[1] * (written.dim() - 1)), X, written)
        losses = F.cross_entropy(run.module_(run.views.weak(X)), batch.y, reduction="none")
        return losses if weight is None else losses * weight.index_select(0, batch.index)

    def _select(self, run):
        """Return the score of every row and which rows are selected."""
        given, trusted = run.data.target, run.data.trusted
        if self.small_loss is not None:
            score = run.state.score
            place, count = rank_in_class(score, given)
            share = min(1 - 1.2 * self.small_loss, 0.9 * (1 - self.small_loss))
            selected = place < (max(0.0, share) * count).floor().clamp_min(1)[given]
            return score, selected if trusted is None else selected | trusted
        run.set_training(False)
        phi, written = self._features(run, run.data), run.scratch.written
        # Directions from the middle of all rows: embeddings after a ReLU all point the same way.
        centre = 0.0 if callable(run.scratch.space) else phi.mean(0)
        if written is None:
            score = echo_scores(phi - centre, given, run.n_outputs, contrast=self.contrast)
        else:
            score = F.cosine_similarity(phi - centre, self._features(run, written) - centre)
        return score, self._split(run, score)

    def _split(self, run, score):
        """Return the rows whose score is large enough; where rows of all scores are of one kind, all."""
        ranking, least = score, self.threshold
        if isinstance(least, str):
            if score.max() - score.min() < 1e-4:
                # Digits of rounding are no groups of rows.
                return torch.ones_like(run.state.selected)
            scaled = min_max(score)
            posterior = mixture_posterior(scaled, random_state=run.numpy_random.randint(2**31))
            posterior = torch.as_tensor(posterior).to(score)
            if mixture_separation(scaled, posterior) < self.min_separation:
                return torch.ones_like(run.state.selected)
            if least == "auto" and self.contrast and run.scratch.written is None:
                least = 0.0
            else:
                ranking, least = posterior, 0.5
        return split_rows(ranking, least, score, run.data.trusted, run.data.target, torch.zeros_like(score))

    def _features(self, run, data):
        """Return the features (n, d) of all rows of ``data``."""
        space = run.scratch.space
        if callable(space):
            phi = np.asarray(space(data.X), dtype=np.float64)
            if phi.ndim != 2 or len(phi) != len(data) or not np.isfinite(phi).all():
                raise ValueError(
                    f"feature_extractor must return finite numbers of shape ({len(data)}, d), got shape {phi.shape}; "
                    "return one row of them for each row of X."
                )
            return torch.from_numpy(phi).to(run.device, run.dtype)
        if space == "network":
            return run.evaluate(data, lambda X: features_and_logits(run.module_, X)[0]).to(run.dtype)
        rows = data.slice(0, len(data)).flatten(1)
        scaling = InputScaling(rows.shape[1]).to(rows)
        scaling.set_columns(*(part.flatten() for part in measure_columns(run.data)))
        return scaling(rows)

    def _finish(self, run):
        kept, given = run.state.kept, run.data.target
        predicted = run.evaluate(run.data, run.module_).argmax(1)
        return super()._finish(run) | {
            "similarity_": run.state.score.float().cpu().numpy(),
            "noise_mask_": (~kept).cpu().numpy(),
            "transduction_": given.where(kept, predicted).cpu().numpy(),
        }

    @classmethod
    def _test_params(cls):
        return super()._test_params() | {"warmup_epochs": 10}


def echo_scores(phi, given, n_classes, *, contrast=True):
    """Return the cosine of each row and the prototype of its class, less that of the nearest other class.

    Parameters
    ----------
    phi : tensor of shape (n, d)
        Features; their lengths do not matter.
    given : int64 tensor of shape (n,)
        Classes in ``0..n_classes - 1``.
    n_classes : int
    contrast : bool, default=True
        Without it the cosine alone.

    Returns
    -------
    tensor of shape (n,)
        In [-1, 1], contrasted in [-2, 2]. A row that is part of a prototype is compared with the rest of it; the only
        row of a class is its own prototype.
    """
    unit, member = F.normalize(phi), F.one_hot(given, n_classes).to(phi.dtype)
    chosen = torch.ones_like(unit[:, 0])
    for _ in range(2):
        near = (unit * F.normalize((member * chosen[:, None]).T @ unit)[given]).sum(1)
        # The two rows of a class are equally near to what lies between them; rounding leaves such ties to their order.
        place, _ = rank_in_class(near.round(decimals=6).masked_fill(chosen == 0, -2.0), given)
        size = (member * chosen[:, None]).sum(0)
        chosen = (place < (size / 2).ceil()[given]).to(phi.dtype)
    total, size = (member * chosen[:, None]).T @ unit, (member * chosen[:, None]).sum(0)
    along, length = unit @ total.T, total.norm(dim=1)
    cosine = (along / length.clamp_min(1e-12)).clamp(-1, 1)
    # Without the row itself, the cosine is u (S - u) / |S - u|, by what is known of u S and |S|.
    own, itself = along.gather(1, given[:, None])[:, 0], unit.square().sum(1)
    rest = (length[given].square() - 2 * own + itself).clamp_min(0).sqrt()
    alone = (size[given] < 2) | (rest < 1e-6) | (chosen == 0)
    others = ((own - itself) / rest.clamp_min(1e-6)).clamp(-1, 1)
    score = torch.where(alone, cosine.gather(1, given[:, None])[:, 0], others)
    if not contrast or n_classes < 2:
        return score
    # Of a class without rows there is no prototype.
    return score - cosine.masked_fill((member > 0) | (size == 0), -1.0).amax(1)
