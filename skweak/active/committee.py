"""Query by committee."""

from numbers import Integral

import numpy as np
from scipy.special import rel_entr, xlogy
from sklearn.base import clone
from sklearn.utils import _safe_indexing
from sklearn.utils._param_validation import Interval, StrOptions

from skweak.active.base import SEED, ScoreStrategy
from skweak.engine.seeding import seeded
from skweak.utils._checks import as_proba


class QueryByCommittee(ScoreStrategy):
    """Rows on which several classifiers disagree.

    The members are those of a committee or of an ensemble such as a random forest; any other estimator is fitted anew
    a few times, on bootstrap samples of the labeled rows.

    Parameters
    ----------
    measure : {"vote_entropy", "consensus_entropy", "max_disagreement", "mutual_information"}, \
default="vote_entropy"
        Entropy of the votes; entropy of the mean probabilities; largest divergence of a member from that mean; mean
        such divergence. The second is also high where all members are unsure alike.
    n_members : int >= 2, default=5
        Size of a committee that has to be fitted.
    random_state : int or None, default=0
        Seed of the bootstrap samples. Each round has its own draw.
    verbose : int, default=0
        1 shows a progress bar.

    References
    ----------
    H. S. Seung, M. Opper and H. Sompolinsky, "Query by committee", COLT 1992.

    Examples
    --------
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> X, y = np.array([[-2.0], [-1.0], [1.0], [2.0]]), [0, 0, 1, 1]
    >>> forest = RandomForestClassifier(random_state=0).fit(X, y)
    >>> QueryByCommittee()(forest, np.array([[-3.0], [0.1], [3.0]]))[0]
    array([1])
    """

    _parameter_constraints = ScoreStrategy._parameter_constraints | {
        "measure": [StrOptions({"vote_entropy", "consensus_entropy", "max_disagreement", "mutual_information"})],
        "n_members": [Interval(Integral, 2, None, closed="left")],
        "random_state": SEED,
    }

    def __init__(self, *, measure="vote_entropy", n_members=5, random_state=0, verbose=0):
        super().__init__(verbose=verbose)
        self.measure = measure
        self.n_members = n_members
        self.random_state = random_state

    def _row_score(self, view):
        return self._committee(view, self._measure)

    def _sampled_proba(self, view):
        """Return the class probabilities of every member (T, n, C)."""
        return view.map(self._committee(view, lambda proba: proba.swapaxes(0, 1))).swapaxes(0, 1)

    def _committee(self, view, measure):
        """Return a function of rows: a measure of the class probabilities (T, n, C) of the members."""
        members = self._members(view)
        # A member of an ensemble knows its classes by their positions, and by chance not all of them.
        names = [np.asarray(member.classes_) for member in members]
        classes = np.unique(np.concatenate(names))
        view.check_classes(len(classes))

        def disagreement(rows):
            proba = np.zeros((len(members), rows.shape[0], len(classes)))
            for member, known, own in zip(members, names, proba, strict=True):
                # A member that has met a single class is sure of it.
                given = as_proba(member.predict_proba(rows)) if len(known) > 1 else 1.0
                own[:, np.searchsorted(classes, known)] = given
            return measure(proba)

        return disagreement

    def _members(self, view):
        if hasattr(view.estimator, "learner_list"):
            return [member.estimator for member in view.estimator.learner_list]
        fitted = getattr(view.estimator, "estimators_", None)
        if fitted is not None and all(hasattr(member, "predict_proba") for member in np.ravel(fitted)):
            return list(np.ravel(fitted))
        X, y = view.require_labeled()
        seed = view.seed(self.random_state)
        generator = np.random.default_rng(seed)
        # Networks that know no random_state draw from torch's own generator.
        with seeded(seed, "cpu"):
            return [self._new_member(view, X, y, generator) for _ in range(self.n_members)]

    def _new_member(self, view, X, y, generator):
        rows = _bootstrap(y, generator)
        member = clone(view.estimator)
        if "random_state" in member.get_params():
            member.set_params(random_state=int(generator.integers(2**31)))
        return member.fit(_safe_indexing(X, rows), y[rows])

    def _measure(self, proba):
        mean = proba.mean(axis=0)
        if self.measure == "vote_entropy":
            votes = proba.argmax(axis=2)
            share = (votes[..., None] == np.arange(proba.shape[2])).mean(axis=0)
            return -xlogy(share, share).sum(axis=1)
        if self.measure == "consensus_entropy":
            return -xlogy(mean, mean).sum(axis=1)
        divergence = rel_entr(proba, mean).sum(axis=2)
        return divergence.max(axis=0) if self.measure == "max_disagreement" else divergence.mean(axis=0)


def _bootstrap(y, generator):
    """Return positions drawn with repetition, with one row of every label among them: none may get lost."""
    first = np.unique(y, return_index=True)[1]
    return np.concatenate([first, generator.integers(len(y), size=max(0, len(y) - len(first)))])
