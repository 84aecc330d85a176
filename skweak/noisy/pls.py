"""Pseudo-loss selection with linear separation of early features (PLS and PLS-LSA, arXiv:2210.04578, 2407.05528)."""

import warnings
from numbers import Integral, Real

import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils._param_validation import Interval, Options, StrOptions
from torch.nn import functional as F

from skweak.base import WeakClassifier
from skweak.engine import RowMemory
from skweak.engine.mixing import draw_mixing, mixing_alpha
from skweak.fit import refuse_facts
from skweak.losses import mixed_contrastive_loss, sharpen
from skweak.losses.regularizers import balance_divergence
from skweak.nn.build import features_and_logits
from skweak.nn.heads import Projected
from skweak.noisy import presets
from skweak.noisy.codivide import mean_class_weight, split_rows
from skweak.utils import label_prior, min_max, mixture_posterior, warmup_length


class PLSClassifier(WeakClassifier):
    """Network that guesses the labels of suspects, and listens to a guess as far as it still holds an epoch later.

    Suspects are rows with a large loss and, in every second epoch, rows on the wrong side of a plane between large and
    small losses in an early layer of the network: what lies outside all classes, as images from the web do, is told
    apart there even when the loss has been learnt away. All rows are mixed, and those of one class drawn together.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The network; it gets a projection of its embedding. Of networks with ``stages(X)`` the linear detection sees
        the second stage, or the one before the embedding if that is earlier; of others the embedding.
    n_networks : {1, 2}, default=1
        2 is PLS-LSA+: two networks guess together, and a row is suspect if both suspect it. Twice the time.
    detection : {"alternate", "loss", "linear"}, default="alternate"
        What tells suspects: the loss (PLS), the plane, or each in turn (PLS-LSA).
    warmup_epochs : "auto" or int >= 1, default="auto"
        Epochs before the first detection, 1 in the paper; "auto" is a sixth of them, on small tables up to a half. Too
        few and the losses say nothing, too many and wrong labels are remembered.
    noise_threshold : float in [0, 1), default=0.95
        Posterior of a large loss above which a row is suspect; larger suspects fewer rows.
    sharpen_temperature : float > 0, default=0.5
        Temperature of the guesses (1 / gamma); smaller is harder, 1 leaves them as they are.
    contrast_weight : float >= 0, default=1.0
        Weight of the contrastive loss; larger draws classes closer together, wrong guesses with them.
    contrast_temperature : float > 0, default=0.2
        Temperature of its similarities (mu); smaller looks at the hardest rows only.
    projection_width : int in [1, 65536], default=128
        Dimension of the sphere of the contrastive loss.
    mixup_alpha : "auto" or float >= 0, default="auto"
        Parameter of the mixing share; larger mixes closer to half and half, 0 mixes nothing. "auto" is 1, the paper's,
        where training takes 500 steps at least: mixed rows are learnt more slowly.
    balance_weight : float >= 0, default=1.0
        Weight of a penalty on mean predictions that leave the shares of the given labels; 0 as in PLS-LSA.
    augment : None, "weak", "strong", callable or pair of callables, default="weak"
        Weak views train and guess; suspects train on the strong one, which is also what rows are contrasted with.
    lr : float > 0, default=0.02
        Learning rate.
    **training
        Shared parameters; see `skweak.base.WeakClassifier`.

    Attributes
    ----------
    sample_weight_ : ndarray of shape (n,)
        Weight of each row in the last detection: 1, or of a suspect how far its guess holds, in [0, 1].
    label_quality_ : ndarray of shape (n,)
        Probability of the given label under the trained network, in [0, 1].
    noise_mask_ : ndarray of bool of shape (n,)
        Suspects of the last detection.
    transduction_ : ndarray of shape (n,)
        The given label, or of suspects the predicted one.

    Notes
    -----
    A step takes one pass without a gradient and two with one, each twice with two networks; a detection one more pass
    over all rows, a mixture, and a logistic regression. Rows in whose label the network believes by more than one half
    are never suspects, nor are the best rows of a class, and those marked ``trusted``; both networks learn from the
    same batches (ours). The paper's plane is not penalised, ours very little, so that it exists when rows can be
    separated.

    References
    ----------
    Albert et al., arXiv:2407.05528 and arXiv:2210.04578. Their settings: ``PLSClassifier.preset("cnwl")``,
    "cnwl_plus" with two networks.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> y[:5] = 2                                       # five wrong labels
    >>> clf = PLSClassifier(max_epochs=40, random_state=0).fit(X, y)
    >>> bool(clf.noise_mask_[:5].all()), clf.transduction_[:5].tolist()
    (True, [0, 0, 0, 0, 0])
    """

    _class_weighting = "loss"
    _augments = False
    _row_attributes = WeakClassifier._row_attributes | {"sample_weight_": float("nan")}
    _presets = presets.PLS
    _parameter_constraints = {
        "n_networks": [Options(Integral, {1, 2})],
        "detection": [StrOptions({"alternate", "loss", "linear"})],
        "warmup_epochs": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "noise_threshold": [Interval(Real, 0, 1, closed="left")],
        "sharpen_temperature": [Interval(Real, 0, None, closed="neither")],
        "contrast_weight": [Interval(Real, 0, None, closed="left")],
        "contrast_temperature": [Interval(Real, 0, None, closed="neither")],
        "projection_width": [Interval(Integral, 1, 2**16, closed="both")],
        "mixup_alpha": [Interval(Real, 0, None, closed="left"), StrOptions({"auto"})],
        "balance_weight": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self, module="auto", *, n_networks=1, detection="alternate", warmup_epochs="auto", noise_threshold=0.95,
        sharpen_temperature=0.5, contrast_weight=1.0, contrast_temperature=0.2, projection_width=128,
        mixup_alpha="auto", balance_weight=1.0, augment="weak", lr=0.02, **training,
    ):  # fmt: skip
        super().__init__(module, augment=augment, lr=lr, **training)
        self.n_networks = n_networks
        self.detection = detection
        self.warmup_epochs = warmup_epochs
        self.noise_threshold = noise_threshold
        self.sharpen_temperature = sharpen_temperature
        self.contrast_weight = contrast_weight
        self.contrast_temperature = contrast_temperature
        self.projection_width = projection_width
        self.mixup_alpha = mixup_alpha
        self.balance_weight = balance_weight

    def fit(self, X, y, trusted=None, **facts):
        """Train on ``X`` and ``y``; rows that the mask ``trusted`` (n,) marks as verified are never suspects."""
        return self._fit(X, y, trusted=trusted, **refuse_facts(self, facts))

    def _check_labels(self, labels, trusted):
        if self.warmup_epochs != "auto" and self.warmup_epochs >= self.max_epochs:
            raise ValueError(
                f"warmup_epochs={self.warmup_epochs} must be smaller than max_epochs={self.max_epochs}, or nothing is "
                "ever guessed."
            )

    def _networks(self, make):
        names = ("module", "peer")[: self.n_networks]
        return {name: Projected(make(), self.projection_width) for name in names}

    def _start(self, run):
        state = run.state
        if "weight" not in vars(state):
            size = {"dtype": run.dtype, "device": run.device}
            for name in ("guess", "peer_guess")[: 2 if hasattr(run, "peer_") else 1]:
                setattr(state, name, RowMemory(len(run.data), run.n_outputs, **size))
            state.weight = torch.ones(len(run.data), **size)
            state.noisy = torch.zeros(len(run.data), dtype=torch.bool, device=run.device)
        run.check_rows(state.weight)
        state.warmup = warmup_length(self.warmup_epochs, run)
        run.scratch.alpha = mixing_alpha(self.mixup_alpha, run)
        run.scratch.mean_weight = mean_class_weight(run)
        run.scratch.prior = label_prior(run.data.target, run.n_outputs, weight=run.class_weight).to(run.dtype)

    def _both(self, run):
        """Return pairs of a network and the memory of its guesses."""
        pairs = [(run.module_, run.state.guess)]
        return [*pairs, (run.peer_, run.state.peer_guess)] if hasattr(run, "peer_") else pairs

    def _loss(self, run, batch):
        # Each part touches one network only, so their sum trains both.
        return sum(self._network_loss(run, batch, network, memory) for network, memory in self._both(run))

    def _network_loss(self, run, batch, network, memory):
        state, views = run.state, run.views
        X, targets = views.weak(batch.X), F.one_hot(batch.y, run.n_outputs).to(run.dtype)
        weight = state.weight.index_select(0, batch.index)
        # The first detection asks for the guesses of the epoch before it.
        if run.epoch + 1 >= state.warmup:
            guess = memory.update(batch.index, self._guess(run, views.weak(batch.X)), 0.0)
            noisy = state.noisy.index_select(0, batch.index)
            targets = torch.where(noisy[:, None], guess, targets)
            X = torch.where(noisy.view(-1, *[1] * (X.dim() - 1)), views.strong(batch.X), X)
        share, order = draw_mixing(run, run.scratch.alpha, len(batch.y))
        share = max(share, 1 - share)
        mixed, weighted = (torch.lerp(part[order], part, share) for part in (X, targets * weight[:, None]))
        if self.contrast_weight:
            logits, queries = network.both(mixed)
            keys = network.both(views.strong(batch.X))[1]
        else:
            logits = network(mixed)
        logits = logits.to(run.dtype)
        # Partners come with their weights, whose sum is the same in any order. Each class has its own weight.
        losses = F.cross_entropy(logits, weighted, weight=run.class_weight, reduction="sum")
        loss = losses / weight.sum().clamp_min(torch.finfo(run.dtype).tiny) / run.scratch.mean_weight
        if self.contrast_weight:
            contrast = mixed_contrastive_loss(
                queries.to(run.dtype), keys.to(run.dtype), targets.argmax(1), order, share,
                temperature=self.contrast_temperature,
            )  # fmt: skip
            loss = loss + self.contrast_weight * contrast.mean()
        if self.balance_weight:
            loss = loss + self.balance_weight * balance_divergence(logits.softmax(1), run.scratch.prior)
        return loss

    @torch.no_grad()
    def _guess(self, run, X):
        proba = torch.stack([network(X).to(run.dtype).softmax(1) for network, _ in self._both(run)]).mean(0)
        return sharpen(proba, temperature=self.sharpen_temperature)

    def _end_epoch(self, run):
        if run.epoch + 1 >= run.state.warmup:
            run.state.noisy, run.state.weight = self._detect(run)

    def _detect(self, run):
        """Return which rows are suspects, and how far the guess of each holds."""
        pairs, noisy, weight = self._both(run), [], []
        # Each network measures the guesses that the other one was trained on; a single one measures its own.
        for (network, _), (_, memory) in zip(pairs, pairs[::-1], strict=True):
            log_proba = run.outputs(network).to(run.dtype).log_softmax(1)
            noisy.append(self._suspects(run, network, log_proba))
            weight.append(self._trust(run, memory.values, log_proba, noisy[-1]))
        noisy = torch.stack(noisy).all(0)
        return noisy, torch.stack(weight).mean(0).masked_fill(~noisy, 1.0)

    def _suspects(self, run, network, log_proba):
        given, trusted = run.data.target, run.data.trusted
        losses = F.nll_loss(log_proba, given, reduction="none")
        clean, least = 1 - self._posterior(run, losses, "largest"), 1 - self.noise_threshold
        ranking, noisy = -losses, clean < least
        noisy = noisy if trusted is None else noisy & ~trusted
        turn = self.detection == "linear" or (self.detection == "alternate" and run.epoch % 2 == 0)
        if turn and noisy.any() and not noisy.all():
            z = run.outputs(network, function=lambda X: early_features(network.backbone, X))
            clean = ranking = torch.as_tensor(1 - separate(z, noisy)).to(losses)
            least = 0.5
        return ~split_rows(clean, least, ranking, trusted, given, (-losses).exp())

    def _trust(self, run, guess, log_proba, noisy):
        weight = torch.ones_like(log_proba[:, 0])
        if noisy.sum() > 2:
            losses = -(guess[noisy] * log_proba[noisy]).sum(1)
            weight[noisy] = self._posterior(run, losses, "smallest")
        return weight

    @staticmethod
    def _posterior(run, losses, component):
        seed = run.numpy_random.randint(2**31)
        return torch.as_tensor(mixture_posterior(min_max(losses), component=component, random_state=seed)).to(losses)

    def _logits(self, run, X):
        return (run.module_(X) + run.peer_(X)) / 2 if hasattr(run, "peer_") else run.module_(X)

    def _finish(self, run):
        predicted = run.evaluate(run.data, lambda X: self._logits(run, X)).argmax(1)
        return super()._finish(run) | {
            "sample_weight_": run.state.weight.float().cpu().numpy(),
            "noise_mask_": run.state.noisy.cpu().numpy(),
            "transduction_": predicted.where(run.state.noisy, run.data.target).cpu().numpy(),
        }

    @classmethod
    def _test_params(cls):
        return super()._test_params() | {"warmup_epochs": 10, "projection_width": 16, "batch_size": 48}


def early_features(network, X):
    """Return unit vectors (n, d) of the network's second stage or the one before the embedding, else the embedding."""
    if hasattr(network, "stages"):
        stages = network.stages(X)
        z = stages[max(0, min(1, len(stages) - 2))]
        z = z.flatten(2).mean(2) if z.dim() > 2 else z
    else:
        z, _ = features_and_logits(network, X)
    return F.normalize(z.float(), dim=1)


def separate(z, noisy):
    """Return the probability (n,) of lying on the side of the ``noisy`` rows (n,) of a plane through features (n, d).

    Both sides count the same however many rows they have. The scale of a feature does not matter.
    """
    # So small a penalty bends no plane that exists without; the steps end one that does not.
    plane = make_pipeline(StandardScaler(), LogisticRegression(C=1e4, class_weight="balanced", max_iter=100))
    z, side = z.cpu().numpy(), noisy.cpu().numpy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return plane.fit(z, side).predict_proba(z)[:, 1]
