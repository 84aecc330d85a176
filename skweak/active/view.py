"""What a query strategy may ask of a learner, whatever the learner is."""

from functools import cached_property

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _num_samples, check_is_fitted
from tqdm.auto import tqdm

from skweak.active.answers import NO_MARKER
from skweak.active.pools import DaskRows, LazyRows
from skweak.active.rows import as_rows, chunks
from skweak.active.scores import confidence_score, top_k
from skweak.engine.progress import bar_interval
from skweak.labels.markers import read_labels

# A pool is embedded into memory once; rows of one chunk take about this many bytes.
_CHUNK_BYTES = 2**25


def unwrap(learner):
    """Return the transformers that a learner applies first, and the estimator that they feed.

    Parameters
    ----------
    learner : estimator, Pipeline, fitted search, or active learner
        An active learner has ``estimator`` and ``teach``, a fitted search ``best_estimator_``. Any nesting of them.

    Returns
    -------
    transformers : list of Pipeline
        To be applied to the pool in this order.
    estimator : object

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> transformers, estimator = unwrap(make_pipeline(StandardScaler(), LogisticRegression()))
    >>> len(transformers), estimator
    (1, LogisticRegression())
    """
    transformers, estimator = [], learner
    while True:
        if isinstance(estimator, Pipeline):
            if len(estimator.steps) > 1:
                transformers.append(estimator[:-1])
            estimator = estimator.steps[-1][1]
        elif hasattr(estimator, "estimator") and hasattr(estimator, "teach"):
            estimator = estimator.estimator
        elif hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        else:
            return transformers, estimator


class LearnerView:
    """The estimator inside a learner, the pool as that estimator sees it, and the labeled rows.

    Parameters
    ----------
    learner : estimator, Pipeline or active learner
        See `unwrap`.
    X_pool : array-like, sparse matrix, DataFrame, memory map, Arrow data set or dask array of shape (n, ...)
        It is read in chunks and never copied whole unless a strategy asks for all rows. The blocks of a dask array are
        looked at where they are.
    labeled : pair (X, y) or None
        Labeled rows of a bare estimator; a learner brings its own.
    candidates : ndarray of int or None
        Positions of the pool rows that may be chosen; all by default.
    owner : str
        Name of the strategy, for messages.
    verbose : int
        1 shows a progress bar for each pass over the pool.

    Attributes
    ----------
    estimator : object
        What makes the predictions.
    n_pool : int
        Rows to choose from.
    """

    def __init__(self, learner, X_pool, *, labeled=None, candidates=None, owner="The strategy", verbose=0):
        self.learner, self.owner, self.verbose = learner, owner, verbose
        self.transformers, self.estimator = unwrap(learner)
        self.X_pool, self.candidates = as_rows(X_pool), candidates
        self._given = labeled
        # Whether chunks must be looked at one after the other, as random draws do.
        self.in_order = False
        self.n_pool = _num_samples(self.X_pool) if candidates is None else len(candidates)
        if self.n_pool == 0:
            raise ValueError("X_pool has 0 rows; there is nothing to choose from.")
        if self.transformers and not self.can_predict:
            self._fit_transformers()

    def _fit_transformers(self):
        """Fit the first steps of a pipeline on the pool, as long as there is nothing else."""
        X, fitted = _safe_indexing(self.X_pool, slice(None) if self.candidates is None else self.candidates), []
        for transformer in self.transformers:
            fitted.append(clone(transformer).fit(X))
            X = fitted[-1].transform(X)
        self.transformers = fitted

    def _transform(self, X):
        for transformer in self.transformers:
            X = transformer.transform(X)
        return X

    def rows(self, index):
        """Return pool rows, a slice or positions, as the estimator sees them."""
        index = index if self.candidates is None else self.candidates[index]
        return self._transform(_safe_indexing(self.X_pool, index))

    def pool(self):
        """Return all pool rows as the estimator sees them."""
        if self.candidates is None and not isinstance(self.X_pool, LazyRows):
            return self._transform(self.X_pool)
        return self.rows(slice(None))

    def parts(self, function):
        """Return ``function(rows)`` of each chunk of the pool, in row order."""
        if isinstance(self.X_pool, DaskRows) and not self.in_order:
            return self.X_pool.map_parts(lambda rows: function(self._transform(rows)), self.candidates)
        slices = list(chunks(self.X_pool, self.n_pool, _CHUNK_BYTES))
        bar = tqdm(slices, desc=self.owner, unit="chunk", disable=not self.verbose, mininterval=bar_interval())
        return [function(self.rows(part)) for part in bar]

    def map(self, function):
        """Return ``function(rows)`` over the chunks of the pool, joined in row order."""
        return np.concatenate(self.parts(function))

    def best(self, score, n_instances):
        """Return the positions and scores of the rows that score highest; only the best of each chunk are kept."""

        def leading(rows):
            scores = np.asarray(score(rows))
            picks = top_k(scores, n_instances)
            return picks, scores[picks], len(scores)

        picks, scores, sizes = zip(*self.parts(leading), strict=True)
        starts = np.cumsum([0, *sizes[:-1]])
        picks = np.concatenate([start + part for start, part in zip(starts, picks, strict=True)])
        scores = np.concatenate(scores)
        order = top_k(scores, n_instances)
        return picks[order], scores[order]

    def __getstate__(self):
        # What travels to the workers of a cluster leaves the pool behind.
        return self.__dict__ | {"X_pool": None, "candidates": None}

    def __copy__(self):
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        return other

    def predict_proba(self, X):
        """Return class probabilities of rows as the estimator sees them."""
        if not hasattr(self.estimator, "predict_proba"):
            raise TypeError(
                f"{self.owner} needs class probabilities, but {type(self.estimator).__name__} has no predict_proba; "
                "calibrate it with CalibratedClassifierCV or choose another estimator."
            )
        proba = np.asarray(self.estimator.predict_proba(X))
        self.check_classes(proba.shape[1] if proba.ndim == 2 else 0)
        return proba

    @cached_property
    def can_predict(self):
        """Whether the estimator has been fitted; before the first labels it has not."""
        try:
            check_is_fitted(self.estimator)
        except NotFittedError:
            return False
        except (TypeError, AttributeError):
            # It is no scikit-learn estimator; whoever gives it knows what it is.
            pass
        return True

    def draw(self, n_rows, seed):
        """Return positions of rows drawn without replacement, ascending; None stands for the whole pool."""
        if n_rows >= self.n_pool:
            return None
        return np.sort(np.random.default_rng(seed).choice(self.n_pool, n_rows, replace=False))

    def narrowed(self, rows):
        """Return a view of the pool rows at some positions alone."""
        candidates = rows if self.candidates is None else self.candidates[rows]
        return LearnerView(
            self.learner, self.X_pool, labeled=self._given, candidates=candidates, owner=self.owner,
            verbose=self.verbose,
        )  # fmt: skip

    def uncertainty(self, kind, rows=None):
        """Return uncertainty in [0, 1] of the pool rows, or of some."""
        view = self if rows is None else self.narrowed(rows)
        return view.map(lambda part: as_uncertainty(self.predict_proba(part), kind))

    def check_classes(self, n_classes):
        """Raise for a classifier that knows a single class: it is sure of everything."""
        if n_classes == 1:
            raise ValueError(
                f"{self.owner} needs a classifier of at least 2 classes, but {type(self.estimator).__name__} knows 1; "
                "label a row of another class first, found with KCenterGreedy or RandomSampling."
            )

    def embed(self, X):
        """Return embeddings (n, d): the estimator's own where it has them, else the flattened rows themselves."""
        if hasattr(self.estimator, "embed"):
            return self.estimator.embed(X)
        X = X.toarray() if hasattr(X, "toarray") else np.asarray(X)
        X = X.reshape(len(X), -1)
        return X if X.dtype in (np.float32, np.float64) else X.astype(np.float32 if X.itemsize == 1 else np.float64)

    def features(self, X, encoder):
        """Return features (n, d) of rows by a fitted transformer or a function; None takes their embeddings."""
        if encoder is None:
            return self.embed(X)
        try:
            found = np.asarray(encoder(X) if callable(encoder) else encoder.transform(X))
            if found.dtype.kind not in "fiub":
                raise TypeError(f"it gives {found.dtype} values")
            return found.reshape(_num_samples(X), -1)
        except (TypeError, ValueError, IndexError, AttributeError) as error:
            raise ValueError(f"features must turn rows of X into numbers of shape (n, d): {error}") from error

    def embedding(self):
        """Return the embeddings of the pool; a floating point table that needs no change is returned as it is."""
        own = hasattr(self.estimator, "embed") or self.transformers or self.candidates is not None
        if not own and isinstance(self.X_pool, np.ndarray) and self.X_pool.dtype in (np.float32, np.float64):
            return self.X_pool.reshape(self.n_pool, -1)
        return self.map(self.embed)

    @cached_property
    def labeled(self):
        """Labeled rows as the estimator sees them and their labels, or None."""
        X, y = self._given if self._given is not None else training_rows(self.learner)
        if X is None:
            return None
        X, y = as_rows(X), read_labels(y)
        if _num_samples(X) != len(y):
            raise ValueError(f"labeled holds {_num_samples(X)} rows of X but {len(y)} labels; give one label per row.")
        return self._transform(X), y

    def known_labeled(self):
        """Return the labeled rows of the classes that the estimator predicts, and their labels."""
        X, y = self.require_labeled()
        rows = np.flatnonzero(np.isin(y, self.estimator.classes_))
        return _safe_indexing(X, rows), y[rows]

    def require_labeled(self):
        """Return the labeled rows; raise where there are none."""
        if self.labeled is None:
            raise TypeError(
                f"{self.owner} needs the labeled rows; pass labeled=(X, y), or a learner that holds X_training."
            )
        return self.labeled

    @property
    def n_labeled(self):
        """Number of labeled rows."""
        return 0 if self.labeled is None else len(self.labeled[1])

    @property
    def bought(self):
        """Labels of each batch that was bought so far, first batch first; None where the learner does not tell."""
        sizes = getattr(self.learner, "batch_sizes", None)
        if sizes is None or self.labeled is None:
            return None
        ends = np.cumsum([self.n_labeled - sum(sizes), *sizes])
        return np.split(self.labeled[1], ends)[1:-1]

    def seed(self, random_state):
        """Return the seed of this round: it depends on ``random_state`` and on how many rows are labeled."""
        entropy = None if random_state is None else [random_state, self.n_labeled]
        return int(np.random.SeedSequence(entropy).generate_state(1)[0] >> 1)


def as_uncertainty(proba, kind):
    """Return uncertainty of class probabilities in [0, 1], 1 where all classes are as likely.

    Examples
    --------
    >>> as_uncertainty(np.array([[0.5, 0.5], [1.0, 0.0]]), "margin")
    array([1., 0.])
    """
    confidence = confidence_score(proba, kind=kind)
    if kind == "entropy":
        return np.clip(-confidence / np.log(proba.shape[1]), 0, 1)
    return np.clip((1 - confidence) / (1 if kind == "margin" else 1 - 1 / proba.shape[1]), 0, 1)


def marker_of(learner):
    """Return the ``unknown_label`` of the estimator inside a learner, that of a committee's first member."""
    learner = (getattr(learner, "learner_list", None) or [learner])[0]
    return getattr(unwrap(learner)[1], "unknown_label", NO_MARKER)


def unlabeled_of(learner):
    """Return the marker of unlabeled rows that the estimator inside a learner has besides its ``unknown_label``."""
    learner = (getattr(learner, "learner_list", None) or [learner])[0]
    estimator = unwrap(learner)[1]
    marker = getattr(estimator, "unlabeled", NO_MARKER)
    # Where None may mean an unknown row, it says that there is no unlabeled one.
    return NO_MARKER if marker is None and hasattr(estimator, "unknown_label") else marker


def training_rows(learner):
    """Return the training rows that a learner keeps; a committee's are those of its first member."""
    if getattr(learner, "X_training", None) is None and getattr(learner, "learner_list", None):
        learner = learner.learner_list[0]
    X = getattr(learner, "X_training", None)
    return X, None if X is None else learner.y_training
