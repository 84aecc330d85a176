"""BatchBALD (arXiv:1906.08158)."""

from numbers import Integral

import numpy as np
from sklearn.utils._param_validation import Interval

from skweak.active.base import SEED, QueryStrategy
from skweak.active.committee import QueryByCommittee
from skweak.active.scores import batch_bald, top_k


class BatchBALD(QueryStrategy):
    """Rows whose labels together tell most about the model, so that a batch does not ask the same thing twice.

    For small batches of few classes; beyond ten of either take ``PowerSampling(base=BALD())``, which is as good.

    Parameters
    ----------
    n_members : int >= 2, default=10
        Members of the committee that is fitted on bootstrap samples; a forest or a committee brings its own.
    n_joint : int, default=10_000
        Joint configurations of labels that are held. More are exacter and slower.
    n_candidates : int, default=1000
        Rows of largest mutual information that take part.
    random_state : int or None, default=0
        Seed of the bootstrap samples and of drawn configurations.
    verbose : int, default=0
        1 shows a progress bar.

    Notes
    -----
    The members stand for the posterior, each being the same model for all rows. The score is what a row adds to the
    information about which member is right, in nats.

    References
    ----------
    Kirsch et al., arXiv:1906.08158.

    Examples
    --------
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> X, y = np.array([[-2.0], [-1.0], [1.0], [2.0]]), [0, 0, 1, 1]
    >>> forest = RandomForestClassifier(random_state=0).fit(X, y)
    >>> BatchBALD()(forest, np.array([[-3.0], [0.1], [3.0]]))[0]
    array([1])
    """

    _parameter_constraints = QueryStrategy._parameter_constraints | {
        "n_members": [Interval(Integral, 2, None, closed="left")],
        "n_joint": [Interval(Integral, 2, None, closed="left")],
        "n_candidates": [Interval(Integral, 1, None, closed="left")],
        "random_state": SEED,
    }

    def __init__(self, *, n_members=10, n_joint=10_000, n_candidates=1000, random_state=0, verbose=0):
        super().__init__(verbose=verbose)
        self.n_members = n_members
        self.n_joint = n_joint
        self.n_candidates = n_candidates
        self.random_state = random_state

    def _select(self, view, n_instances):
        committee = QueryByCommittee(
            measure="mutual_information", n_members=self.n_members, random_state=self.random_state
        )
        proba = committee._sampled_proba(view)
        single = np.round(committee._measure(proba), 12)
        rows = np.sort(top_k(single, max(self.n_candidates, n_instances)))
        picks, scores = batch_bald(
            proba[:, rows], n_instances, n_joint=self.n_joint, random_state=view.seed(self.random_state)
        )
        return rows[picks], scores

    @classmethod
    def _test_params(cls):
        return {"n_members": 3, "n_joint": 100}
