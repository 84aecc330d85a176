"""Learning from class-conditional multi-label noise (arXiv:2105.07338)."""

from numbers import Integral, Real

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions

from skweak.base import WeakClassifier
from skweak.losses import bounded_unbiased_risk, unbiased_binary_loss, unbiased_ranking_loss
from skweak.multilabel.priors import clean_prior
from skweak.multilabel.stages import find_prior, prior_thresholds
from skweak.utils import warmup_length

# Estimated rates may not come closer to "no information" than this.
_LARGEST_RATE, _LARGEST_SUM = 0.49, 0.9


class CCMNClassifier(WeakClassifier):
    """Network trained by a loss in which labels missed or added at known rates cancel out on average.

    Right when each label is missed (1 seen as 0) and added (0 seen as 1) with probabilities that depend on
    the label only. Candidate sets that contain every true label are the case ``false_negative_rate=0``. Rates
    that are not known are estimated after a warm-up, which needs rows that are sure to have and sure to lack
    each label.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The network.
    false_negative_rate : "estimate", float or array-like of shape (L,), default="estimate"
        Probability that a true label is seen as 0 (rho_plus), in [0, 1); the larger, the less a 0 is
        believed.
    false_positive_rate : "estimate", float or array-like of shape (L,), default="estimate"
        Probability that an absent label is seen as 1 (rho_minus); both rates of a label sum to less than 1.
    loss : {"binary", "ranking"}, default="binary"
        A loss of each label, or of each pair of labels, which only orders the labels of a row.
    surrogate : {"logistic", "hinge", "squared", "sigmoid"}, default="logistic"
        Loss of a margin.
    correction : {"auto", "none", "relu", "abs"}, default="auto"
        "none" is unbiased; "relu" and "abs" bound the parts of each batch's risk by 0 as in
        `skweak.losses.bounded_unbiased_risk`, which a network needs and large batches serve. "auto" is "none"
        for a linear model and else "relu".
    warmup_epochs : int >= 1 or "auto", default="auto"
        "auto" is a third of the epochs, or as many as make 100 steps if half of the epochs allow it.
        Epochs on the labels as given before rates are estimated; too many and the noise is remembered, which
        makes the estimates too small. Not used with given rates.
    rate_quantile : float in [0, 0.5), default=0.02
        Rank among a label's predictions that stands for rows sure to lack it and, from above, to have it.
        Larger estimates are larger and steadier.
    lr : float > 0, default=0.01
        Learning rate. The loss of a row is a sum over its labels: with hundreds of labels take a smaller one.
    batch_size : int >= 1, default=256
        Rows per step; in small batches the bounds act by chance.
    **training
        Shared parameters; see `skweak.base.WeakClassifier`.

    Attributes
    ----------
    noise_rates_ : ndarray of shape (2, L)
        False negative and false positive rate of each label, as given or estimated.
    class_prior_ : ndarray of shape (L,)
        Share of rows that truly have each label, from the observed shares and the rates.
    thresholds_ : ndarray of shape (L,)
        0.5, or with ``loss="ranking"`` those that reach ``class_prior_`` on the training rows.
    transduction_ : ndarray of shape (n, L)
        The more probable true entry, given the network's probability, the observed entry and the rates.

    Notes
    -----
    Estimated rates are at most 0.49 each and 0.9 together. The corrected training goes on with the network of
    the warm-up.

    References
    ----------
    Xie and Huang, arXiv:2105.07338.

    Examples
    --------
    >>> from sklearn.datasets import make_multilabel_classification
    >>> from skweak.datasets import make_multilabel_noise
    >>> X, Y = make_multilabel_classification(300, random_state=0)
    >>> noisy = make_multilabel_noise(Y, false_positive_rate=0.3, random_state=0)
    >>> clf = CCMNClassifier(false_negative_rate=0.0, false_positive_rate=0.3, random_state=0).fit(X, noisy)
    >>> bool((clf.transduction_ <= noisy).all())
    True
    """

    _label_kind = "multilabel"
    _parameter_constraints = {
        "false_negative_rate": [Interval(Real, 0, 1, closed="left"), StrOptions({"estimate"}), "array-like"],
        "false_positive_rate": [Interval(Real, 0, 1, closed="left"), StrOptions({"estimate"}), "array-like"],
        "loss": [StrOptions({"binary", "ranking"})],
        "surrogate": [StrOptions({"logistic", "hinge", "squared", "sigmoid"})],
        "correction": [StrOptions({"auto", "none", "relu", "abs"})],
        "warmup_epochs": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "rate_quantile": [Interval(Real, 0, 0.5, closed="left")],
    }

    def __init__(
        self, module="auto", *, false_negative_rate="estimate", false_positive_rate="estimate", loss="binary",
        surrogate="logistic", correction="auto", warmup_epochs="auto", rate_quantile=0.02, lr=0.01,
        batch_size=256, **training,
    ):  # fmt: skip
        super().__init__(module, lr=lr, batch_size=batch_size, **training)
        self.false_negative_rate = false_negative_rate
        self.false_positive_rate = false_positive_rate
        self.loss = loss
        self.surrogate = surrogate
        self.correction = correction
        self.warmup_epochs = warmup_epochs
        self.rate_quantile = rate_quantile

    def _given_rates(self, n_labels):
        """Return both rates as arrays (L,), or None where they are to be estimated."""
        rates = []
        for name in ("false_negative_rate", "false_positive_rate"):
            value = getattr(self, name)
            if isinstance(value, str):
                rates.append(None)
                continue
            rate = np.asarray(value, dtype=float)
            if rate.shape not in ((), (n_labels,)) or not ((rate >= 0) & (rate < 1)).all():
                raise ValueError(
                    f"{name} must be 'estimate', a number in [0, 1) or {n_labels} of them, one per label, "
                    f"got {value!r}."
                )
            rates.append(np.broadcast_to(rate, n_labels))
        return rates

    def _check_labels(self, labels, trusted):
        missed, added = self._given_rates(labels.n_outputs)
        if missed is None or added is None:
            if self.warmup_epochs != "auto" and self.warmup_epochs >= self.max_epochs:
                raise ValueError(
                    f"warmup_epochs={self.warmup_epochs} must be smaller than max_epochs={self.max_epochs}, "
                    "or the correction never starts; lower it or give both rates."
                )
        elif (missed + added >= 1).any():
            raise ValueError(
                f"false_negative_rate + false_positive_rate must be below 1 for every label, got "
                f"{(missed + added).max():.6g}; drop labels flipped so often, they carry no information."
            )
        if self.loss == "ranking" and labels.n_outputs < 2:
            raise ValueError("loss='ranking' compares the labels of a row but y has one; use loss='binary'.")

    def _start(self, run):
        run.state.warmup = warmup_length(self.warmup_epochs, run, share=1 / 3)
        run.state.rates = None
        if not self._estimates():
            run.state.rates = torch.as_tensor(np.stack(self._given_rates(run.n_outputs)), device=run.device)
        weights = [p for p in run.module_.parameters() if p.dim() > 1]
        automatic = "none" if len(weights) <= 1 else "relu"
        run.state.correction = automatic if self.correction == "auto" else self.correction

    def _estimates(self):
        return isinstance(self.false_negative_rate, str) or isinstance(self.false_positive_rate, str)

    def _start_epoch(self, run):
        if run.state.rates is None and run.epoch >= run.state.warmup:
            proba = run.outputs(run.module_).double().sigmoid()
            given = [None if rate is None else torch.as_tensor(rate.copy()).to(proba)
                     for rate in self._given_rates(run.n_outputs)]  # fmt: skip
            run.state.rates = torch.stack(estimate_noise_rates(proba, *given, quantile=self.rate_quantile))

    def _loss(self, run, batch):
        logits = run.module_(batch.X)
        if run.state.rates is None:
            return unbiased_binary_loss(logits, batch.y)
        rates = dict(zip(("false_negative_rate", "false_positive_rate"), run.state.rates, strict=True))
        if run.state.correction == "none":
            loss = unbiased_binary_loss if self.loss == "binary" else unbiased_ranking_loss
            return loss(logits, batch.y, **rates, surrogate=self.surrogate)
        return bounded_unbiased_risk(
            logits, batch.y, **rates, surrogate=self.surrogate, pairwise=self.loss == "ranking",
            bound=run.state.correction,
        )  # fmt: skip

    def _finish(self, run):
        target, (missed, added) = run.data.target, run.state.rates
        proba = run.evaluate(run.data, lambda X: self._row_proba(run, X)).double()
        prior = clean_prior(find_prior(None, target), false_negative_rate=missed, false_positive_rate=added)
        thresholds = np.full(run.n_outputs, 0.5)
        if self.loss == "ranking":
            thresholds = prior_thresholds(proba, prior)
        # How probable the observation is if the label is present and if it is absent; an unknown entry says
        # nothing.
        if_present = torch.where(target == 1, 1 - missed, missed).masked_fill(target == -1, 1.0)
        if_absent = torch.where(target == 1, added, 1 - added).masked_fill(target == -1, 1.0)
        return {
            "noise_rates_": run.state.rates.cpu().numpy(),
            "class_prior_": prior.cpu().numpy(),
            "thresholds_": thresholds,
            "transduction_": (proba * if_present >= (1 - proba) * if_absent).long().cpu().numpy(),
        }

    @classmethod
    def _test_params(cls):
        return super()._test_params() | {"warmup_epochs": 5}


def estimate_noise_rates(proba, missed=None, added=None, *, quantile=0.02):
    """Estimate how often each label is missed and added from a network trained on noisy labels.

    Parameters
    ----------
    proba : tensor of shape (n, L)
        Probability of *observing* each label.
    missed, added : tensor of shape (L,) or None
        Rates that are known.
    quantile : float in [0, 0.5)
        The prediction of this rank is that of a row without the label, the one of the same rank from above
        that of a row with it.

    Returns
    -------
    missed, added : tensor of shape (L,)
        Estimates are at most 0.49, and both rates sum to at most 0.9.

    Examples
    --------
    >>> proba = torch.tensor([[0.2], [0.3], [0.75]], dtype=torch.float64)
    >>> [rate.item() for rate in estimate_noise_rates(proba, quantile=0.0)]
    [0.25, 0.2]
    """
    ascending = proba.sort(dim=0).values
    place = int(quantile * len(proba))
    known_missed, known_added = missed is not None, added is not None
    missed = missed if known_missed else (1 - ascending[len(proba) - 1 - place]).clamp(0, _LARGEST_RATE)
    added = added if known_added else ascending[place].clamp(0, _LARGEST_RATE)
    if known_missed == known_added:
        shrink = (_LARGEST_SUM / (missed + added).clamp_min(1e-12)).clamp(max=1)
        return missed * shrink, added * shrink
    room = (_LARGEST_SUM - (missed if known_missed else added)).clamp_min(0)
    return (missed, torch.minimum(added, room)) if known_missed else (torch.minimum(missed, room), added)
