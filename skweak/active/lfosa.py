"""LfOSA: learning for open-set annotation (arXiv:2201.06758)."""

from numbers import Real

import numpy as np
from sklearn.utils._param_validation import Interval

from skweak.active.open_set import DetectorStrategy, OpenSetClassifier, Stage
from skweak.active.scores import max_activation_posterior, top_k
from skweak.losses import temperature_cross_entropy


class LfOSAClassifier(OpenSetClassifier):
    """Classifier of the known classes, and beside it a detector with one more class for all others.

    The detector is trained at a low temperature, which leaves its raw activations spread out.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The network of the target and of the detector.
    known_classes : sequence or None, default=None
        The known classes, by default those found in ``y``.
    unknown_label : scalar or None, default=-1
        Label of rows that belong to no known class.
    known_temperature, unknown_temperature : float > 0, default=0.5
        Temperatures of the detector's loss on known and on unknown rows; 1 is plain cross-entropy.
    **training
        Shared parameters, ``unlabeled`` included; see `skweak.base.WeakClassifier`.

    References
    ----------
    Ning et al., arXiv:2201.06758.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = LfOSAClassifier(random_state=0).fit(X, np.where(y == 2, -1, y))
    >>> bool(clf.score_samples(X[:100]).mean() > clf.score_samples(X[100:]).mean())
    True
    """

    _parameter_constraints = {
        "known_temperature": [Interval(Real, 0, None, closed="neither")],
        "unknown_temperature": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(self, module="auto", *, known_temperature=0.5, unknown_temperature=0.5, **training):
        super().__init__(module, **training)
        self.known_temperature = known_temperature
        self.unknown_temperature = unknown_temperature

    def predict_activations(self, X):
        """Return the detector's logits (n, C + 1), the last of them for all other classes."""
        return self._evaluate(X, self.net_.detector_)

    def _networks(self, make):
        return {"module": make(), "detector": make(make.n_outputs + 1)}

    def _stages(self, run):
        return [
            Stage(self.max_epochs, run.scratch.known, self._target_loss),
            Stage(self.max_epochs, run.scratch.labeled, self._detector_loss),
        ]

    def _detector_loss(self, run, batch):
        return temperature_cross_entropy(
            run.detector_(batch.X), batch.y,
            known_temperature=self.known_temperature, unknown_temperature=self.unknown_temperature,
        )  # fmt: skip

    def _unknown_proba(self, run, X):
        return run.detector_(X).double().softmax(1)[:, -1].to(run.dtype)

    def _known_score(self, run, X):
        # Summed, not subtracted from 1: a small share of known keeps its digits.
        return run.detector_(X).double().softmax(1)[:, :-1].sum(1).to(run.dtype)


class LfOSA(DetectorStrategy):
    """Rows that are almost certainly known, by the size of their largest activation.

    The purest batches of the open-set strategies and therefore easy ones: a choice where most of the pool is junk, and
    behind plain uncertainty where most of it is known.

    Parameters
    ----------
    detector : LfOSAClassifier or None, default=None
        Fitted anew on the labeled rows when the learner's own estimator is no `LfOSAClassifier`.
    random_state : int or None, default=0
        Seed of the mixtures and of a detector fitted in the call.
    verbose : int, default=0
        1 shows a progress bar.

    Notes
    -----
    The score is `skweak.active.scores.max_activation_posterior` over the pool, so it depends on the other rows. Of
    equal scores, often many are 1, the larger activation within its class goes first; rows predicted unknown come last,
    the least unknown of them first. The call keyword ``detector=`` takes a fitted classifier.

    References
    ----------
    Ning et al., arXiv:2201.06758.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> y = np.where(y == 2, -1, y)
    >>> learner = LfOSAClassifier(random_state=0).fit(X[::10], y[::10])
    >>> indices, scores = LfOSA()(learner, X, n_instances=10, labeled=(X[::10], y[::10]))
    >>> bool((y[indices] >= 0).all())
    True
    """

    _detector_class = LfOSAClassifier

    def _select(self, view, n_instances, *, detector=None):
        detector = self._find_detector(view, detector)
        activations = view.map(detector.predict_activations).astype(np.float64)
        scores = max_activation_posterior(activations, random_state=view.seed(self.random_state))
        picks = top_k(scores, n_instances, tie_break=_standardised(activations))
        return picks, scores[picks]


def _standardised(activations):
    """Return the largest activation, standardised over the rows predicted alike; below all of them unknown rows."""
    predicted, largest = activations.argmax(axis=1), activations.max(axis=1)
    counts = np.maximum(np.bincount(predicted, minlength=activations.shape[1]), 1)
    mean = np.bincount(predicted, largest, activations.shape[1]) / counts
    deviation = largest - mean[predicted]
    spread = np.sqrt(np.bincount(predicted, deviation**2, activations.shape[1]) / counts)[predicted]
    result = np.divide(deviation, spread, out=np.zeros_like(deviation), where=spread > 0)
    unknown = predicted == activations.shape[1] - 1
    result[unknown] = result.min() - 1 - (activations[:, -1] - activations[:, :-1].max(axis=1))[unknown]
    return result
