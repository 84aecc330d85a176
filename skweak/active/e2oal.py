"""E2OAL: open-set active learning without a separate detector (arXiv:2603.07898)."""

import math
from numbers import Integral, Real

import numpy as np
import torch
from sklearn.cluster import KMeans
from sklearn.metrics import pairwise_distances_argmin
from sklearn.preprocessing import normalize
from sklearn.utils._param_validation import HasMethods, Interval
from torch.nn import functional as F

from skweak.active.open_set import DetectorStrategy, OpenSetClassifier, Stage
from skweak.active.scores import (
    ambiguity,
    candidate_size,
    cluster_match_f1,
    coarse_to_fine,
    purity_margin,
    update_target_precision,
)
from skweak.losses import calibrated_softmax, evidential_loss
from skweak.nn.heads import LinearPair
from skweak.utils import linear_ramp, mixture_posterior

_LOGIT_BOUND = 10.0


class E2OALClassifier(OpenSetClassifier):
    """One network with a softmax head for the known classes and an evidential head for known and guessed classes.

    The labeled unknown rows are split into as many classes as a clustering of fixed features suggests, so that they
    teach the network what they look like. The evidential head predicts.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The network.
    known_classes : sequence or None, default=None
        The known classes, by default those found in ``y``.
    unknown_label : scalar or None, default=-1
        Label of rows that belong to no known class.
    features : transformer, callable or None, default=None
        Gives the features (n, d) that are clustered, for instance a fitted network's ``embed``. None takes the rows
        themselves, flattened. They are scaled to length 1.
    max_clusters : int >= 2, default=1000
        Largest number of clusters that is tried; also bounded by the labeled rows.
    kl_ramp_epochs : int >= 1, default=10
        Epochs over which the penalty on evidence for other classes grows from 0.
    target_precision : float in [0, 1], default=0.6
        Share of known rows that the feedback steers to.
    lr : float > 0, default=0.02
        Learning rate; evidence grows as the exponential of a logit, so larger rates diverge sooner than elsewhere.
    **training
        Shared parameters, ``unlabeled`` included; see `skweak.base.WeakClassifier`.

    Attributes
    ----------
    n_clusters_ : int
        Classes of the evidential head: the known ones and the guessed ones.
    target_precision_ : float
        Precision aimed at after the batches told to `update`; ``target_precision`` at first.

    Notes
    -----
    A class whose evidence once fell to nothing gets hardly any gradient again: with few labeled rows now and then a fit
    loses one class. `predict_base_proba` suffers less from it.

    References
    ----------
    arXiv:2603.07898.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = E2OALClassifier(random_state=0).fit(X, np.where(y == 2, -1, y))
    >>> bool(clf.n_clusters_ > 2), bool(clf.score_samples(X[:100]).mean() > clf.score_samples(X[100:]).mean())
    (True, True)
    """

    _feedback_name = "target_precision_"
    _parameter_constraints = {
        "features": [None, callable, HasMethods(["transform"])],
        "max_clusters": [Interval(Integral, 2, None, closed="left")],
        "kl_ramp_epochs": [Interval(Integral, 1, None, closed="left")],
        "target_precision": [Interval(Real, 0, 1, closed="both")],
    }

    def __init__(
        self, module="auto", *, features=None, max_clusters=1000, kl_ramp_epochs=10, target_precision=0.6, lr=0.02,
        **training,
    ):  # fmt: skip
        super().__init__(module, lr=lr, **training)
        self.features = features
        self.max_clusters = max_clusters
        self.kl_ramp_epochs = kl_ramp_epochs
        self.target_precision = target_precision

    def predict_evidence(self, X):
        """Return the logits ``(n, n_clusters_)`` of the evidential head, known classes first."""
        return self._evaluate(X, lambda rows: self.net_.module_.both(rows)[1])

    def predict_base_proba(self, X):
        """Return the probabilities (n, C) of the softmax head."""
        return self._evaluate(X, lambda rows: self.net_.module_(rows).double().softmax(1).to(self.net_.dtype))

    @property
    def _feedback_start(self):
        return self.target_precision

    def _adapt(self, state, precision):
        return update_target_precision(state, precision, target_precision=self.target_precision)

    def _networks(self, make):
        return {"module": LinearPair(make(), self._name_unknown(make.run))}

    def _rebuild_networks(self, make, shapes):
        return {"module": LinearPair(make(), shapes["module"]["second.weight"][0])}

    def _start(self, run):
        super()._start(run)
        if "target" not in vars(run.scratch):
            self._name_unknown(run, run.module_.second.out_features)

    def _stages(self, run):
        return [Stage(self.max_epochs, run.scratch.labeled, self._joint_loss)]

    def _name_unknown(self, run, fixed=None):
        """Give the labeled unknown rows guessed classes, at most ``fixed`` classes in all, and return their number."""
        n_known, target = run.n_outputs, run.data.target
        rows = (target >= 0).nonzero()[:, 0]
        codes = target[rows].cpu().numpy()
        if (codes < n_known).all():
            run.scratch.target = target
            return n_known
        if fixed == n_known:
            raise ValueError(
                "warm_start goes on with a network that knows no class for unknown rows, of which there are now "
                f"{(codes == n_known).sum()}; set warm_start=False."
            )
        codes, n_clusters = _split_unknown(
            codes, self._cluster_features(run.data.rows(rows).cpu().numpy()), n_known, fixed or self.max_clusters,
            search=fixed is None,
        )  # fmt: skip
        run.scratch.target = target.index_copy(0, rows, torch.from_numpy(codes).to(target))
        return n_clusters

    def _cluster_features(self, X):
        n = len(X)
        if self.features is not None:
            try:
                X = np.asarray(self.features(X) if callable(self.features) else self.features.transform(X))
                X = X.reshape(n, -1).astype(np.float64)
            except (TypeError, ValueError, IndexError, AttributeError) as error:
                raise ValueError(f"features must turn {n} rows into numbers of shape ({n}, d): {error}") from error
        return normalize(X.reshape(n, -1).astype(np.float64))

    def _joint_loss(self, run, batch):
        base, evidence = run.module_.both(batch.X)
        ramp = linear_ramp(run.fractional_epoch, length=self.kl_ramp_epochs)
        target = run.scratch.target.index_select(0, batch.index)
        losses = evidential_loss(
            evidence.clamp(-_LOGIT_BOUND, _LOGIT_BOUND), target, kl_weight=ramp, offset=1.0
        ).mean()
        # The mean over the rows of known classes, which nobody has to count on the host.
        known = batch.y < run.n_outputs
        entropy = F.cross_entropy(base, batch.y.masked_fill(~known, -100), ignore_index=-100, reduction="sum")
        return losses + entropy / known.sum().clamp(min=1)

    def _evidence_proba(self, run, X):
        return calibrated_softmax(
            run.module_.both(X)[1].double().clamp(-_LOGIT_BOUND, _LOGIT_BOUND), offset=1.0
        )

    def _logits(self, run, X):
        # The softmax of the logarithms renormalises the probabilities over the known classes.
        return self._evidence_proba(run, X)[:, : run.n_outputs].log()

    def _unknown_proba(self, run, X):
        proba = self._evidence_proba(run, X)
        if proba.shape[1] > run.n_outputs:
            return proba[:, run.n_outputs :].sum(1).to(run.dtype)
        return (1 - proba.amax(1)).to(run.dtype)

    def _known_score(self, run, X):
        evidence, n_known = run.module_.both(X)[1], run.n_outputs
        largest = evidence[:, :n_known].amax(1)
        return largest - evidence[:, n_known:].amax(1) if evidence.shape[1] > n_known else largest

    def _finish(self, run):
        return super()._finish(run) | {"n_clusters_": run.module_.second.out_features}


def _split_unknown(codes, features, n_known, largest, *, search):
    """Split the code ``n_known`` into one code per cluster that is matched to no known class.

    The number of clusters is searched up to ``largest``, or is ``largest``.
    """
    clusterings = {}

    def quality(k):
        if k not in clusterings:
            model = KMeans(k, n_init=1, random_state=0).fit(features)
            clusterings[k] = *cluster_match_f1(codes, model.labels_, n_known=n_known), model.cluster_centers_
        return clusterings[k][0]

    largest = min(largest, len(np.unique(features, axis=0)))
    if largest <= n_known + 1:
        return codes, n_known + 1
    k = _search_maximum(quality, n_known + 1, largest) if search else largest
    quality(k)
    _, matched, centers = clusterings[k]
    others = np.setdiff1d(np.arange(k), matched[:n_known])
    unknown = codes == n_known
    codes[unknown] = n_known + pairwise_distances_argmin(features[unknown], centers[others])
    return codes, k


def _search_maximum(function, left, right):
    """Return the first largest of the integers that a ternary search ends with."""
    while right - left > 2:
        third = (right - left) // 3
        if function(left + third) < function(right - third):
            left += third
        else:
            right -= third
    return max(range(left, right + 1), key=function)


class E2OAL(DetectorStrategy):
    """Rows torn between a few classes, out of as many pure ones as keep the share of known rows at a target.

    Parameters
    ----------
    detector : E2OALClassifier or None, default=None
        Fitted anew on the labeled rows when the learner's own estimator is no `E2OALClassifier`.
    random_state : int or None, default=0
        Seed of the mixture and of a detector fitted in the call.
    verbose : int, default=0
        1 shows a progress bar.

    Notes
    -----
    Purity is the posterior of the largest of three components of the margin between known and guessed classes, over
    labeled and pool rows; informativeness is `skweak.active.scores.ambiguity` of the softmax head. With ``k`` from
    `skweak.active.scores.candidate_size`, every predicted known class offers its ``ceil(k / C)`` largest margins and of
    these its ``ceil(b / C)`` most informative rows; the best ``b`` of all are taken. A batch that is not full takes the
    purest rows that are left. The call keyword ``detector=`` takes a fitted classifier.

    References
    ----------
    arXiv:2603.07898.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> y = np.where(y == 2, -1, y)
    >>> learner = E2OALClassifier(random_state=0).fit(X[::10], y[::10])
    >>> indices, scores = E2OAL()(learner, X, n_instances=4, labeled=(X[::10], y[::10]))
    >>> len(set(indices.tolist()))
    4
    """

    _detector_class = E2OALClassifier

    def _select(self, view, n_instances, *, detector=None):
        detector = self._find_detector(view, detector)
        n_classes = len(detector.classes_)
        evidence = view.map(detector.predict_evidence).astype(np.float64)
        margin = purity_margin(evidence, n_known=n_classes)
        of_labeled = detector.predict_evidence(view.require_labeled()[0]).astype(np.float64)
        labeled = purity_margin(of_labeled, n_known=n_classes)
        purity = mixture_posterior(
            np.append(labeled, margin), n_components=3, random_state=view.seed(self.random_state)
        )[len(labeled) :]
        info = ambiguity(view.map(detector.predict_base_proba))
        k = candidate_size(purity, info, n_instances, target_precision=self._feedback(view, detector))
        picks = coarse_to_fine(
            margin, info, n_candidates=math.ceil(k / n_classes), n_picks=math.ceil(n_instances / n_classes),
            groups=evidence.argmax(axis=1), n_groups=n_classes,
        )  # fmt: skip
        picks = picks[np.lexsort((picks, -info[picks]))][:n_instances]
        rest = np.setdiff1d(np.arange(view.n_pool), picks)
        rest = rest[np.lexsort((rest, -info[rest], -purity[rest]))][: n_instances - len(picks)]
        picks = np.append(picks, rest)
        return picks, info[picks]
