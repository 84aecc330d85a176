"""The first choice where nobody knows how wrong the labels are: several classifiers, judged by the noisy labels."""

import time
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.utils import check_random_state, get_tags
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, indexable, validate_data

from skweak.fit import refuse_facts
from skweak.fit.frames import Framed
from skweak.metrics import Estimate, estimate_transition_matrix, noise_rate_interval
from skweak.noisy.candidates import default_candidates
from skweak.noisy.issues import check_given_labels, flag_labels, judging_folds
from skweak.noisy.race import Race, probabilities

# Of the time limit, what is spent on judging; the rest is for the last fits on all rows.
_JUDGING = 0.6
_CHECKS = {"accept_sparse": ("csr", "csc"), "ensure_all_finite": "allow-nan", "allow_nd": True}


class AutoNoisyClassifier(Framed, ClassifierMixin, BaseEstimator):
    """Classifier that tries several others on the noisy labels and keeps the best of them.

    The candidates are scored out of fold on the given labels. That is fair if the noise hits all classes alike; if an
    estimated transition matrix says that it does not, the score is corrected by that matrix. Candidates whose accuracy
    cannot be told from that of the best are ordered by the area under the ROC curve, which many wrong labels blur less.
    The best are fitted again to all rows, and their probabilities averaged. Use it if you do not know what suits your
    data.

    Parameters
    ----------
    candidates : "auto" or list of (str, classifier), default="auto"
        Names and classifiers with ``predict_proba``, cheap ones first. "auto": logistic regression, random forest and
        boosted trees, alone and behind `LabelIssueFilter`, and the networks of this module with their defaults; for two
        hundred columns or more linear heads, and logistic regression also on rows of length 1; no boosted trees for
        sparse rows; only networks for images.
    cv : int >= 2 or splitter, default=3
        Folds, stratified and shuffled as in `find_label_issues`; a class with fewer rows is judged in as many folds as
        it has rows. From 300 rows on only the better half of the candidates is kept after the first fold. More folds
        judge better and cost more fits.
    time_limit : float > 0 or None, default=None
        Seconds. After half of it, no further fit for judging starts; the best candidates for which the remaining time
        suffices are then fitted to all rows. A fit under way is not interrupted, and there is always a result.
    scoring : "auto", str or callable, default="auto"
        "auto" is the accuracy on given labels if the noise looks symmetric, else `noise_corrected_accuracy`, and the
        area under the ROC curve among those within the interval of the best. Others as in scikit-learn; they score
        out-of-fold predictions on the given labels.
    average : int >= 1, default=3
        Number of the best candidates whose probabilities are averaged; 1 takes the best alone, which is cheaper and
        easier to explain, while an average is steadier.
    class_weight : None, "balanced" or dict, default=None
        Weights of the given classes, for candidates that accept weights and have none set. ``scoring`` still decides
        what is best; "balanced_accuracy" goes well with it.
    n_jobs : int or None, default=None
        Fits at the same time.
    random_state : int, RandomState or None, default=None
        Shuffles the rows into folds and seeds the "auto" candidates.
    verbose : int, default=0
        1 shows a progress bar if the output is a terminal.

    Attributes
    ----------
    leaderboard_ : pandas.DataFrame
        One line per candidate, the best first: ``candidate``, ``score`` with the 95 % interval ``low`` and ``high``
        (nan for a scoring of your own), ``accuracy`` on the given labels, ``folds`` judged, ``seconds`` of all its
        fits, and ``note``: chosen, what it failed with, or that there was no time.
    best_estimator_ : classifier
        The best candidate, fitted to all rows.
    estimators_ : list of classifiers
        Those whose probabilities are averaged, the best first.
    classes_ : ndarray of shape (C,)
    label_quality_ : ndarray of shape (n,)
        Out-of-fold probability of the given label, in [0, 1]; nan where no fold can judge the row.
    noise_mask_ : ndarray of bool of shape (n,)
        Suspicious rows by these probabilities, as in `find_label_issues`.
    noise_rate_ : float
        Estimated share of wrong labels. Mistakes of the judge look like wrong labels, so it is rather too high.
    noise_rate_interval_ : Estimate
        The same with its 95 % interval, by bootstrap of the rows.
    transition_matrix_ : ndarray of shape (C, C)
        Estimated by confident learning.
    n_features_in_ : int

    References
    ----------
    Confident learning arXiv:1911.00068; corrected scores arXiv:1609.03683; symmetric noise keeps the order of accuracy,
    arXiv:1712.09482.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from skweak.noisy import AutoNoisyClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> y[::7] = (y[::7] + 1) % 3                        # one label in seven is wrong
    >>> candidates = [("linear", LogisticRegression(max_iter=500)), ("tree", DecisionTreeClassifier(random_state=0))]
    >>> clf = AutoNoisyClassifier(candidates, average=1, random_state=0).fit(X, y)
    >>> clf.leaderboard_["candidate"].tolist()           # a full tree remembers the wrong labels
    ['linear', 'tree']
    """

    _parameter_constraints = {
        "candidates": [StrOptions({"auto"}), list, tuple],
        "cv": [Interval(Integral, 2, None, closed="left"), HasMethods(["split", "get_n_splits"])],
        "time_limit": [None, Interval(Real, 0, None, closed="neither")],
        "scoring": [str, callable],
        "average": [Interval(Integral, 1, None, closed="left")],
        "class_weight": [None, StrOptions({"balanced"}), dict],
        "n_jobs": [None, Integral],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self, candidates="auto", *, cv=3, time_limit=None, scoring="auto", average=3, class_weight=None, n_jobs=None,
        random_state=None, verbose=0,
    ):  # fmt: skip
        self.candidates = candidates
        self.cv = cv
        self.time_limit = time_limit
        self.scoring = scoring
        self.average = average
        self.class_weight = class_weight
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X, y, groups=None, **facts):
        """Judge the candidates on ``X`` and the given labels ``y``, and fit the best to all rows.

        Parameters
        ----------
        X : array-like of shape (n, ...)
            What the candidates take; with "auto" numbers, dense or sparse, gaps (nan) allowed, or images (n, C, H, W).
        y : array-like of shape (n,)
            Given labels, of two classes or more.
        groups : array-like of shape (n,) or None, default=None
            Rows of one group are never in two folds.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If ``y`` holds a single class, or no candidate can be fitted; then the first one's error is raised.
        """
        refuse_facts(self, facts)
        start = time.time()
        self._validate_params()
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError("leaderboard_ is a DataFrame: install pandas (pip install pandas).") from error
        if y is None:
            raise ValueError(f"{type(self).__name__} requires y to be passed, but the target y is None.")
        X, y = indexable(X, check_given_labels(y, X))
        seed = check_random_state(self.random_state).randint(2**31 - 1)
        X, candidates = self._candidates(X, seed)
        check_classification_targets(y)
        classes, codes = np.unique(y, return_inverse=True)
        if len(classes) < 2:
            raise ValueError(f"y holds one class, {classes.tolist()}; there is nothing to choose between. Give two.")
        race = Race(candidates, X, y, classes, judging_folds(X, y, codes, self.cv, groups, seed)[0])
        limit = np.inf if self.time_limit is None else self.time_limit
        race.run(self.n_jobs, start + _JUDGING * limit, self.scoring, self.average, quiet=not self.verbose)
        order, scores = race.ranking(self.scoring)
        chosen = race.refit(order, scores, self.average, start + limit)
        found = _findings(y, np.mean([race.proba[name] for name in chosen], axis=0), classes, seed)
        for name, value in found.items():
            setattr(self, name, value)
        self.classes_, self.estimators_ = classes, list(chosen.values())
        self.best_estimator_ = self.estimators_[0]
        self.leaderboard_ = pd.DataFrame(race.lines(order, scores, chosen))
        return self

    def predict(self, X):
        """Return the most probable labels (n,)."""
        proba = self.predict_proba(X)
        return self.classes_[proba.argmax(axis=1)]

    def predict_proba(self, X):
        """Return the mean of the chosen ones' class probabilities (n, C)."""
        check_is_fitted(self)
        if isinstance(self.candidates, str):
            X = validate_data(self, X, reset=False, **_CHECKS)
        return np.mean([probabilities(est, X, self.classes_) for est in self.estimators_], axis=0)

    def _candidates(self, X, seed):
        """Return the rows, checked where it is us who choose, and the candidates by name."""
        if isinstance(self.candidates, str):
            X = validate_data(self, X, **_CHECKS)
            return X, {name: self._weigh(estimator) for name, estimator in default_candidates(X, seed)}
        validate_data(self, X, skip_check_array=True)
        pairs = list(self.candidates)
        if not pairs or not all(isinstance(pair, (tuple, list)) and len(pair) == 2 for pair in pairs):
            raise ValueError(f"candidates must be 'auto' or pairs of name and classifier, got {self.candidates!r}.")
        for name, estimator in pairs:
            if not hasattr(estimator, "predict_proba") or not hasattr(estimator, "fit"):
                raise TypeError(
                    f"candidates: {name!r} must have fit and predict_proba, {type(estimator).__name__} has not; wrap "
                    "it, for example in CalibratedClassifierCV."
                )
        names = [name for name, _ in pairs]
        if len(set(names)) < len(names):
            raise ValueError(f"candidates must have names of their own, got {names}.")
        return X, {name: self._weigh(estimator) for name, estimator in pairs}

    def _weigh(self, estimator):
        """Return a copy of a candidate with our weights of classes where it takes some and has none."""
        if self.class_weight is None:
            return estimator
        params = estimator.get_params().items()
        names = [name for name, value in params if value is None and name.split("__")[-1] == "class_weight"]
        return clone(estimator).set_params(**dict.fromkeys(names, self.class_weight))

    @classmethod
    def _test_params(cls):
        from sklearn.linear_model import LogisticRegression
        from sklearn.tree import DecisionTreeClassifier

        tree = DecisionTreeClassifier(max_depth=3, min_weight_fraction_leaf=0.01, random_state=0)
        return {"candidates": [("linear", LogisticRegression(C=1.0)), ("tree", tree)], "cv": 2}

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        if isinstance(self.candidates, str):
            tags.input_tags.sparse = tags.input_tags.allow_nan = True
            return tags
        pairs = [pair for pair in self.candidates if isinstance(pair, (tuple, list)) and len(pair) == 2]
        inner = [get_tags(estimator) for _, estimator in pairs if hasattr(estimator, "__sklearn_tags__")]
        tags.input_tags.sparse = any(tag.input_tags.sparse for tag in inner)
        tags.input_tags.allow_nan = any(tag.input_tags.allow_nan for tag in inner)
        return tags


def _findings(y, proba, classes, seed):
    """Return what out-of-fold probabilities tell about the labels; rows that are nan tell nothing."""
    mask, quality = flag_labels(y, proba, classes, "confident_learning", "prune_by_noise_rate", "self_confidence")
    judged, facts = ~np.isnan(proba).any(axis=1), {"classes": classes}
    matrix, rate = np.eye(len(classes)), Estimate(np.nan, np.nan, np.nan)
    if judged.any():
        matrix = estimate_transition_matrix(y[judged], proba[judged], **facts)
        rate = noise_rate_interval(y[judged], proba[judged], random_state=seed, **facts)
    return {
        "label_quality_": quality,
        "noise_mask_": mask,
        "transition_matrix_": matrix,
        "noise_rate_interval_": rate,
        "noise_rate_": rate.value,
    }
