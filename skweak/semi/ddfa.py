"""Classes found from domains with different class shares (arXiv:2207.13179)."""

import warnings
from numbers import Integral

import numpy as np
from scipy.optimize import nnls
from sklearn.base import BaseEstimator, clone
from sklearn.cluster import KMeans
from sklearn.decomposition import non_negative_factorization
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import HasMethods, Interval
from sklearn.utils.validation import _num_samples, check_is_fitted, column_or_1d

from skweak.fit import refuse_facts
from skweak.fit.links import Documented
from skweak.fit.side import RowGroups
from skweak.noisy import CrossEntropyClassifier


class DDFAClassifier(Documented, BaseEstimator):
    """Finds classes without any class label, from rows of several domains that mix the same classes differently.

    Images of three hospitals, texts of five years: where only the shares of the classes differ between domains, a
    network that tells domains apart sees nothing but classes. Which class is which, no method can know: match them to
    names afterwards.

    Parameters
    ----------
    n_classes : int >= 2 or None, default=None
        Classes to find, at most the number of domains, which is the default.
    discriminator : classifier or None, default=None
        Tells domains apart; any classifier with ``predict_proba``. None is `skweak.noisy.CrossEntropyClassifier` with
        30 epochs. One that remembers rows finds nothing: few epochs, or early stopping.
    n_cells : int or None, default=None
        Clusters of the discriminator's answers; None is ``n_classes``. More describe the domains finer, from fewer rows
        each.
    n_restarts : int >= 0, default=0
        Factorisations from random starts, of which the one that fits best is kept. 0 takes the purest clusters for
        classes instead, one answer that needs no luck: where a factorisation fits exactly, so do many others.
    random_state : int, RandomState or None, default=None
        The only source of randomness.

    Attributes
    ----------
    class_prior_ : ndarray of shape (n_classes, D)
        Share of every class in each domain; columns sum to 1.
    domains_ : ndarray of shape (D,)
        The domains, in the order of the columns.
    discriminator_ : classifier
        The fitted discriminator.
    reconstruction_error_ : float
        Of the factorisation; large where the domains do not fit the assumption.

    Notes
    -----
    Not a classifier in scikit-learn's sense, since ``y`` has no classes. Domains must mix at least as many classes as
    there are domains differently: a condition number of the shares above 100 gives a warning.

    References
    ----------
    Roberts et al., arXiv:2207.13179. The purest clusters by successive projection: Gillis and Vavasis,
    arXiv:1208.1237.

    Examples
    --------
    >>> import numpy as np
    >>> random = np.random.RandomState(0)
    >>> domains = np.arange(1000) % 2
    >>> y = (random.rand(1000) < np.where(domains, 0.9, 0.1)).astype(int)       # nobody tells these
    >>> X = random.randn(1000, 2) + 4 * y[:, None]
    >>> ddfa = DDFAClassifier(random_state=0).fit(X, domains=domains)
    >>> accuracy = (ddfa.predict(X, domains) == y).mean()
    >>> bool(max(accuracy, 1 - accuracy) > 0.9)                                 # up to the names of the classes
    True
    """

    _parameter_constraints = {
        "n_classes": [None, Interval(Integral, 2, None, closed="left")],
        "discriminator": [None, HasMethods(["fit", "predict_proba"])],
        "n_cells": [None, Interval(Integral, 2, None, closed="left")],
        "n_restarts": [Interval(Integral, 0, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(self, n_classes=None, *, discriminator=None, n_cells=None, n_restarts=0, random_state=None):
        self.n_classes = n_classes
        self.discriminator = discriminator
        self.n_cells = n_cells
        self.n_restarts = n_restarts
        self.random_state = random_state

    def fit(self, X, y=None, domains=None, **facts):
        """Find the classes.

        Parameters
        ----------
        X : array-like of shape (n, ...)
            What the discriminator takes.
        y : object
            Ignored: no class label is used.
        domains : array-like of shape (n,)
            The domain of every row, of any type; at least two.

        Returns
        -------
        self
        """
        refuse_facts(self, facts)
        self._validate_params()
        names, codes = self._check_domains(X, domains)
        n_domains = len(names)
        k = n_domains if self.n_classes is None else self.n_classes
        if k > n_domains:
            raise ValueError(f"n_classes={k} is more than the {n_domains} domains; find fewer classes or add domains.")
        n_cells = k if self.n_cells is None else self.n_cells
        if not k <= n_cells <= len(codes):
            raise ValueError(f"n_cells={n_cells} must lie between the {k} classes and the {len(codes)} rows.")
        random = check_random_state(self.random_state)
        seed = random.randint(2**31 - 1)
        discriminator = self.discriminator
        if discriminator is None:
            discriminator = CrossEntropyClassifier(max_epochs=30, random_state=seed)
        # Each domain counts the same, whatever its size.
        weight = len(codes) / (n_domains * np.bincount(codes)[codes])
        discriminator = clone(discriminator).fit(X, codes, sample_weight=weight)
        answers = np.asarray(discriminator.predict_proba(X), dtype=np.float64)
        kmeans = KMeans(n_cells, n_init=10, random_state=seed).fit(answers)
        histogram = np.zeros((n_cells, n_domains))
        np.add.at(histogram, (kmeans.labels_, codes), 1.0)
        histogram /= histogram.sum(axis=0)
        if self.n_restarts:
            cells, prior, error = factorise(histogram, k, n_restarts=self.n_restarts, random_state=random)
        else:
            cells, prior, error = factorise_by_anchors(histogram, k)
        condition = np.linalg.cond(prior)
        if condition > 100:
            warnings.warn(
                f"the class shares of the domains have the condition number {condition:.3g}: domains mix the classes "
                "too much alike to tell them apart; add domains or look for fewer classes.", UserWarning, stacklevel=2,
            )  # fmt: skip
        self.class_prior_, self.cells_, self.reconstruction_error_ = prior, cells, error
        self.domains_, self.discriminator_ = names, discriminator
        return self

    def predict_proba(self, X, domains=None):
        """Return class probabilities (n, n_classes), for rows of ``domains`` (n,) or of all domains alike."""
        check_is_fitted(self)
        answers = np.asarray(self.discriminator_.predict_proba(X), dtype=np.float64)
        domain_given_class = self.class_prior_.T / np.maximum(self.class_prior_.sum(axis=1), 1e-8)
        proba = (answers @ np.linalg.pinv(domain_given_class).T).clip(0)
        if domains is not None:
            place = {name: code for code, name in enumerate(self.domains_.tolist())}
            given = column_or_1d(domains).tolist()
            unknown = [name for name in given if name not in place]
            if unknown or len(given) != len(proba):
                raise ValueError(
                    f"domains must name one of {self.domains_.tolist()!r} for each of the {len(proba)} rows, got "
                    f"{unknown[0]!r}."
                    if unknown
                    else f"domains has {len(given)} entries for {len(proba)} rows of X."
                )
            proba = proba * domain_given_class[[place[name] for name in given]]
        total = proba.sum(axis=1, keepdims=True)
        return np.where(total > 0, proba / np.where(total > 0, total, 1), 1 / proba.shape[1])

    def predict(self, X, domains=None):
        """Return the number of the most probable class of each row, in ``0..n_classes - 1``."""
        return self.predict_proba(X, domains).argmax(axis=1)

    def _check_domains(self, X, domains):
        if domains is None:
            raise ValueError("domains is missing: fit(X, domains=...) takes the domain of every row.")
        fact = RowGroups("the domain of every row")
        codes, names = fact.check("domains", domains, range(_num_samples(X))), fact.attributes("", domains)["_"]
        if len(names) < 2:
            raise ValueError(f"domains holds only {names.tolist()!r}; classes are found from at least two domains.")
        return names, codes


def factorise(histogram, n_classes, *, n_restarts=10, random_state=None):
    """Return cells by class (m, k), classes by domain (k, D) and the error of the best factorisation.

    Parameters
    ----------
    histogram : ndarray of shape (m, D)
        Share of every cell in each domain; columns sum to 1.
    n_classes : int
    n_restarts : int
    random_state : int, RandomState or None
    """
    random, best = check_random_state(random_state), None
    for _ in range(n_restarts):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            loadings, components, _ = non_negative_factorization(
                histogram.T, n_components=n_classes, init="random", max_iter=5000, tol=1e-7,
                random_state=random.randint(2**31 - 1),
            )  # fmt: skip
        error = np.linalg.norm(histogram.T - loadings @ components)
        if best is None or error < best[2]:
            best = loadings, components, error
    loadings, components, error = best
    return *_normalised(components.T, loadings.T), float(error)


def factorise_by_anchors(histogram, n_classes):
    """Return the same of the factorisation whose classes are cells: those that other cells are mixtures of.

    Parameters
    ----------
    histogram : ndarray of shape (m, D)
        Share of every cell in each domain; columns sum to 1.
    n_classes : int
    """
    mass = histogram.sum(axis=1)
    # A cell of few rows looks extreme by chance.
    large = np.argsort(-mass, kind="stable")[: max(n_classes, int((mass >= mass.mean() / 2).sum()))]
    domains = histogram[large] / np.maximum(mass[large, None], 1e-12)
    rest, anchors = domains.copy(), []
    for _ in range(n_classes):
        anchors.append(int((rest**2).sum(axis=1).argmax()))
        direction = rest[anchors[-1]] / max(np.linalg.norm(rest[anchors[-1]]), 1e-12)
        rest -= np.outer(rest @ direction, direction)
    classes = domains[anchors]
    cells = np.array([nnls(classes.T, row)[0] for row in histogram])
    return *_normalised(cells, classes), float(np.linalg.norm(histogram - cells @ classes))


def _normalised(cells, prior):
    """Return cells by class (m, k) whose columns sum to 1, and classes by domain (k, D) likewise."""
    sums = cells.sum(axis=0)
    prior = prior * sums[:, None]
    prior = np.where(prior.sum(axis=0) > 0, prior / np.maximum(prior.sum(axis=0), 1e-12), 1 / len(prior))
    return cells / np.maximum(sums, 1e-12), prior
