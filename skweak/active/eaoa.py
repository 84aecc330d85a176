"""EAOA: energy-based active open-set annotation (arXiv:2502.19691)."""

import math
from numbers import Integral, Real

import numpy as np
from sklearn.utils._param_validation import Interval
from torch.nn import functional as F

from skweak.active.open_set import DetectorStrategy, OpenSetClassifier, Stage
from skweak.active.scores import (
    aleatoric_uncertainty,
    coarse_to_fine,
    epistemic_energy,
    reverse_neighbor_counts,
    update_candidate_factor,
)
from skweak.losses import energy_margin_loss
from skweak.nn.build import features_and_logits
from skweak.utils import min_max, mixture_posterior


class EAOAClassifier(OpenSetClassifier):
    """Classifier of the known classes, and beside it a detector whose energy is low on known rows.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The network of the target and of the detector.
    known_classes : sequence or None, default=None
        The known classes, by default those found in ``y``.
    unknown_label : scalar or None, default=-1
        Label of rows that belong to no known class.
    energy_weight : float >= 0, default=0.01
        Weight of the energy margins beside the detector's cross-entropy; 0 leaves it.
    known_margin, unknown_margin : float, default=-25.0, -7.0
        Known rows pay for energy above the first, unknown ones for energy below the second.
    target_precision : float in [0, 1], default=0.6
        Share of known rows that the feedback steers to.
    tolerance : float in [0, 1], default=0.05
        Differences that change nothing.
    first_factor : float >= 1, default=5.0
        Size of the candidate set of the first batch, in multiples of the batch.
    **training
        Shared parameters, ``unlabeled`` included; see `skweak.base.WeakClassifier`.

    Attributes
    ----------
    n_unknown_ : int
        Labeled rows of unknown classes.
    candidate_factor_ : float
        Feedback of the batches told to `update`; ``first_factor`` at first.

    References
    ----------
    Zong and Huang, arXiv:2502.19691.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = EAOAClassifier(random_state=0).fit(X, np.where(y == 2, -1, y))
    >>> bool(clf.score_samples(X[:100]).mean() > clf.score_samples(X[100:]).mean())
    True
    """

    _feedback_name = "candidate_factor_"
    _parameter_constraints = {
        "energy_weight": [Interval(Real, 0, None, closed="left")],
        "known_margin": [Interval(Real, None, None, closed="neither")],
        "unknown_margin": [Interval(Real, None, None, closed="neither")],
        "target_precision": [Interval(Real, 0, 1, closed="both")],
        "tolerance": [Interval(Real, 0, 1, closed="both")],
        "first_factor": [Interval(Real, 1, None, closed="left")],
    }

    def __init__(
        self, module="auto", *, energy_weight=0.01, known_margin=-25.0, unknown_margin=-7.0, target_precision=0.6,
        tolerance=0.05, first_factor=5.0, **training,
    ):  # fmt: skip
        super().__init__(module, **training)
        self.energy_weight = energy_weight
        self.known_margin = known_margin
        self.unknown_margin = unknown_margin
        self.target_precision = target_precision
        self.tolerance = tolerance
        self.first_factor = first_factor

    def predict_activations(self, X):
        """Return the detector's logits (n, C + 1), the last of them for all other classes."""
        return self._evaluate(X, self.net_.detector_)

    def predict_logits(self, X):
        """Return the logits (n, C) that predictions are made of."""
        return self._evaluate(X, self.net_.module_)

    def embed_detector(self, X):
        """Return the detector's embedding (n, d)."""
        return self._evaluate(X, lambda rows: features_and_logits(self.net_.detector_, rows)[0])

    @property
    def _feedback_start(self):
        return self.first_factor

    def _adapt(self, state, precision):
        return update_candidate_factor(
            state, precision, target_precision=self.target_precision, tolerance=self.tolerance
        )

    def _networks(self, make):
        return {"module": make(), "detector": make(make.n_outputs + 1)}

    def _stages(self, run):
        return [
            Stage(self.max_epochs, run.scratch.known, self._target_loss),
            Stage(self.max_epochs, run.scratch.labeled, self._detector_loss),
        ]

    def _detector_loss(self, run, batch):
        logits = run.detector_(batch.X)
        loss = F.cross_entropy(logits, batch.y)
        # Without unknown rows there is nothing to push the energies apart.
        if not len(run.scratch.unknown) or self.energy_weight == 0:
            return loss
        return loss + self.energy_weight * energy_margin_loss(
            logits, batch.y, known_margin=self.known_margin, unknown_margin=self.unknown_margin
        )

    def _energy(self, run, X):
        logits = run.detector_(X).double()
        energy = -logits[:, :-1].logsumexp(1)
        return energy + F.softplus(logits[:, -1]) if self.n_unknown_ else energy

    def _unknown_proba(self, run, X):
        return run.detector_(X).double().softmax(1)[:, -1].to(run.dtype)

    def _known_score(self, run, X):
        return -self._energy(run, X).to(run.dtype)

    def _finish(self, run):
        return super()._finish(run) | {"n_unknown_": len(run.scratch.unknown)}


class EAOA(DetectorStrategy):
    """Rows that are known by the detector's energy and by their neighbours, and uncertain for the target.

    The number of candidates grows after pure batches and shrinks after impure ones, which steers the share of known
    rows to a target; each predicted class contributes as many rows.

    Parameters
    ----------
    n_neighbors : int >= 1, default=250
        Pool rows that each labeled row counts as its neighbours.
    detector : EAOAClassifier or None, default=None
        Fitted anew on the labeled rows when the learner's own estimator is no `EAOAClassifier`.
    random_state : int or None, default=0
        Seed of the mixtures and of a detector fitted in the call.
    verbose : int, default=0
        1 shows a progress bar.

    Notes
    -----
    Known is the product of two posteriors, of the detector's energy and of the energy of reverse neighbour counts;
    uncertain is the posterior of ``log(1 - p_max)``. Of every predicted class the ``ceil(b / C) * int(factor)`` best
    known rows are candidates, of these the ``ceil(b / C)`` most uncertain are taken, the best ``b`` of all. A batch
    that is not full takes the best known rows that are left. The call keyword ``detector=`` takes a fitted classifier.

    References
    ----------
    Zong and Huang, arXiv:2502.19691.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> y = np.where(y == 2, -1, y)
    >>> learner = EAOAClassifier(random_state=0).fit(X[::10], y[::10])
    >>> indices, scores = EAOA()(learner, X, n_instances=4, labeled=(X[::10], y[::10]))
    >>> len(set(indices.tolist()))
    4
    """

    _detector_class = EAOAClassifier
    _parameter_constraints = DetectorStrategy._parameter_constraints | {
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, *, n_neighbors=250, detector=None, random_state=0, verbose=0):
        super().__init__(detector=detector, random_state=random_state, verbose=verbose)
        self.n_neighbors = n_neighbors

    def _select(self, view, n_instances, *, detector=None):
        detector = self._find_detector(view, detector)
        seed, n_classes = view.seed(self.random_state), len(detector.classes_)
        logits = view.map(detector.predict_logits)
        info = _extreme(aleatoric_uncertainty(logits), "largest", seed)
        known = self._knownness(view, detector, n_classes, seed)
        quota = math.ceil(n_instances / n_classes)
        picks = coarse_to_fine(
            known, info, n_candidates=quota * int(self._feedback(view, detector)), n_picks=quota,
            groups=logits.argmax(axis=1), n_groups=n_classes,
        )  # fmt: skip
        picks = picks[np.lexsort((picks, -info[picks]))][:n_instances]
        rest = np.setdiff1d(np.arange(view.n_pool), picks)
        rest = rest[np.lexsort((rest, -info[rest], -known[rest]))][: n_instances - len(picks)]
        picks = np.append(picks, rest)
        return picks, info[picks]

    def _knownness(self, view, detector, n_classes, seed):
        X, y = view.require_labeled()
        codes = detector.encode_answers(y)
        seen = codes >= 0
        counts = reverse_neighbor_counts(
            detector.embed_detector(X)[seen], codes[seen], view.map(detector.embed_detector),
            n_classes=n_classes, n_neighbors=self.n_neighbors,
        )  # fmt: skip
        n_columns = n_classes + bool(detector.n_unknown_)
        by_detector, by_neighbors = (
            _extreme(epistemic_energy(values[:, :n_columns], n_known=n_classes), "smallest", seed)
            for values in (view.map(detector.predict_activations), counts)
        )
        return by_detector * by_neighbors


def _extreme(values, component, seed):
    return mixture_posterior(min_max(values), component=component, random_state=seed)
