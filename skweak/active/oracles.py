"""Who answers: small objects that are asked for one row, or one cell, and say what an answer costs.

An index is the position of a row, or a tuple: (row, label), (row, annotator), (row, label, other label). Whatever is
random is drawn for each index by itself, so that neither the order of questions nor a crash between them changes an
answer.
"""

import numpy as np

from skweak.active.oracle_base import REFUSED, Oracle, as_cost
from skweak.labels.markers import read_labels
from skweak.multilabel import propagate


def _check_rate(rate, name):
    if not ((rate >= 0) & (rate <= 1)).all():
        raise ValueError(f"{name} must be in [0, 1].")


class ArrayOracle(Oracle):
    """Looks answers up.

    Parameters
    ----------
    y : array-like of shape (n,), (n, L) or (n, A)
        Answers; -1 in a matrix is no answer.
    cost : float or array, default=1.0
        Of an answer: one number, one per row, or one per cell.

    Examples
    --------
    >>> oracle = ArrayOracle(["cat", "dog"], cost=[1.0, 2.5])
    >>> str(oracle(1)), oracle.cost_of(1)
    ('dog', 2.5)
    """

    def __init__(self, y, *, cost=1.0):
        super().__init__(cost)
        self.y = read_labels(y)

    def __call__(self, index):
        """Return the answer at an index."""
        return self.y[index]


class FunctionOracle(Oracle):
    """Asks a function of one index.

    Parameters
    ----------
    function : callable
        Returns a label, or `REFUSED`.
    cost : float or array, default=1.0
        Of an answer.

    Examples
    --------
    >>> FunctionOracle(lambda row: row % 2)(3)
    1
    """

    def __init__(self, function, *, cost=1.0):
        super().__init__(cost)
        self.function = function

    def __call__(self, index):
        """Return what the function says."""
        return self.function(index)


class CrowdOracle(Oracle):
    """Simulated annotators who err or are silent, each in their own way; asked twice, they answer alike.

    Parameters
    ----------
    y : array-like of shape (n,)
        Right classes, integers in 0..C-1.
    confusion : array-like of shape (A, C, C) or (A,)
        Chance of each answer (column) given the right one; or of a right answer, all errors being alike.
    cost : float or array of shape (A,), default=1.0
        Of an answer, given or not.
    answer_rate : float or array of shape (A,) or (A, n), default=1.0
        Chance of an answer.
    random_state : int, default=0
        Seed.

    Examples
    --------
    >>> oracle = CrowdOracle([0, 1], [1.0, 0.0], answer_rate=[1.0, 1.0])
    >>> oracle((1, 0)), oracle((1, 1))
    (1, 0)
    """

    per = "annotator"

    def __init__(self, y, confusion, *, cost=1.0, answer_rate=1.0, random_state=0):
        super().__init__(cost)
        self.y, chances = np.asarray(y), np.asarray(confusion, dtype=np.float64)
        if self.y.ndim != 1 or self.y.dtype.kind not in "iu":
            raise ValueError("y must be a list of classes 0..C-1.")
        if chances.ndim == 1:
            n, right = max(2, int(self.y.max(initial=0)) + 1), chances[:, None, None]
            chances = np.where(np.eye(n, dtype=bool), right, (1 - right) / (n - 1))
        square = chances.ndim == 3 and chances.shape[1] == chances.shape[2] > self.y.max(initial=0)
        if not square or chances.min() < 0 or not np.allclose(chances.sum(axis=2), 1):
            raise ValueError("confusion must be (A, C, C) with rows that sum to 1, or (A,) numbers in [0, 1].")
        rate = np.asarray(answer_rate, dtype=np.float64)
        rate = np.broadcast_to(rate[:, None] if rate.ndim == 1 else rate, (len(chances), len(self.y)))
        _check_rate(rate, "answer_rate")
        self.confusion, self.answer_rate, self.random_state = chances, rate, random_state

    def __call__(self, index):
        """Return the answer of an annotator about a row, or `REFUSED`."""
        row, annotator = index
        generator = np.random.default_rng([self.random_state, row, annotator])
        if generator.random() >= self.answer_rate[annotator, row]:
            return REFUSED
        chances = self.confusion[annotator, self.y[row]]
        return int(generator.choice(len(chances), p=chances / chances.sum()))


class HierarchyOracle(ArrayOracle):
    """Looks labels of a hierarchy up, none of them at odds with another.

    Parameters
    ----------
    y : array-like of shape (n, L)
        0, 1, and -1 where nothing is known; `skweak.multilabel.propagate` fills in what follows.
    parents : array-like of shape (L,)
        Parent of each label, -1 for a root.
    cost : float or array, default=1.0

    Examples
    --------
    >>> HierarchyOracle([[-1, 1], [0, -1]], [-1, 0])((0, 0))
    1
    """

    def __init__(self, y, parents, *, cost=1.0):
        super().__init__(propagate(np.asarray(y), parents), cost=cost)

    def __call__(self, index):
        """Return the answer at an index, `REFUSED` where nothing is known."""
        answer = int(self.y[index])
        return REFUSED if answer < 0 else answer


class _Around(Oracle):
    """Base of those that change what another oracle does."""

    def __init__(self, oracle, random_state):
        self.oracle = oracle if callable(oracle) else ArrayOracle(oracle)
        self.random_state = random_state

    def draw(self, index):
        """Return a generator that depends on the seed and the index alone."""
        return np.random.default_rng([self.random_state, *np.atleast_1d(index).tolist()])

    def cost_of(self, index):
        """Return the cost of the oracle inside."""
        return self.oracle.cost_of(index) if hasattr(self.oracle, "cost_of") else 1.0


class NoisyOracle(_Around):
    """Gives a wrong class now and then; asked twice, it errs twice alike.

    Parameters
    ----------
    oracle : array-like or callable
        Knows the right answer.
    classes : sequence
        Answers to choose from.
    noise : float in [0, 1] or array of shape (C, C), default=0.1
        Chance of a wrong class, each of them alike; or row-wise the chances of every answer given the right one.
    random_state : int, default=0
        Seed.

    Examples
    --------
    >>> NoisyOracle([0, 1, 1], classes=[0, 1], noise=1.0)(0)
    1
    """

    def __init__(self, oracle, *, classes, noise=0.1, random_state=0):
        super().__init__(oracle, random_state)
        self.classes, n = list(classes), len(classes)
        noise = np.asarray(noise, dtype=np.float64)
        if noise.ndim == 0:
            noise = np.full((n, n), noise / max(1, n - 1)) + np.eye(n) * (1 - noise - noise / max(1, n - 1))
        if noise.shape != (n, n) or noise.min() < -1e-12 or not np.allclose(noise.sum(axis=1), 1):
            raise ValueError(f"noise must be a number in [0, 1] or an array of shape {(n, n)} whose rows sum to 1.")
        self.noise = np.maximum(noise, 0)

    def __call__(self, index):
        """Return the right answer, or a wrong one by chance."""
        answer = self.oracle(index)
        if answer is REFUSED or answer not in self.classes:
            return answer
        chances = self.noise[self.classes.index(answer)]
        return self.classes[int(self.draw(index).choice(len(chances), p=chances / chances.sum()))]


class RefusingOracle(_Around):
    """Does not answer now and then; it costs all the same.

    Parameters
    ----------
    oracle : array-like or callable
        Answers otherwise.
    rate : float in [0, 1] or array of shape (n,), default=0.1
        Chance of a refusal, one number or one per row.
    random_state : int, default=0
        Seed.

    Examples
    --------
    >>> RefusingOracle([0, 1], rate=1.0)(0)
    REFUSED
    """

    def __init__(self, oracle, *, rate=0.1, random_state=0):
        super().__init__(oracle, random_state)
        self.rate = np.asarray(rate, dtype=np.float64)
        _check_rate(self.rate, "rate")

    def __call__(self, index):
        """Return the answer or `REFUSED`."""
        rate = self.rate[np.atleast_1d(index)[0]] if self.rate.ndim else self.rate
        # Another stream than that of a noisy oracle with the same seed.
        generator = np.random.default_rng([self.random_state, 1, *np.atleast_1d(index).tolist()])
        return REFUSED if generator.random() < rate else self.oracle(index)


class CostlyOracle(_Around):
    """Asks another oracle at another price.

    Parameters
    ----------
    oracle : array-like or callable
        Answers.
    cost : float or array
        One number, one per row or one per cell.
    per : {"row", "annotator"}, default="row"
        What a list of costs belongs to.

    Examples
    --------
    >>> CostlyOracle([[0, 1]], cost=[1.0, 5.0], per="annotator").cost_of((0, 1))
    5.0
    """

    def __init__(self, oracle, *, cost, per="row"):
        super().__init__(oracle, 0)
        if per not in ("row", "annotator"):
            raise ValueError(f"per must be 'row' or 'annotator', got {per!r}.")
        self.cost, self.per = as_cost(cost), per

    def __call__(self, index):
        """Return the answer of the oracle inside."""
        return self.oracle(index)

    def cost_of(self, index):
        """Return the price."""
        return Oracle.cost_of(self, index)


class InteractiveOracle(Oracle):
    """Asks a person, at the terminal or in a notebook.

    Parameters
    ----------
    show : callable
        Called with the index; prints or draws what the question is about.
    classes : sequence
        Answers that are accepted, as they are printed.
    refuse : str, default="?"
        What the person types who cannot tell.
    cost : float or array, default=1.0
        Of an answer.
    read : callable, default=input
        Called with the prompt, returns what was typed. Anything that is no class is asked again.

    Examples
    --------
    >>> typed = iter(["fish", "dog"])
    >>> oracle = InteractiveOracle(print, ["cat", "dog"], read=lambda prompt: next(typed))
    >>> oracle(7)
    7
    'fish' is none of cat, dog, nor ? to pass.
    'dog'
    """

    def __init__(self, show, classes, *, refuse="?", cost=1.0, read=input):
        super().__init__(cost)
        self.show, self.refuse, self.read = show, refuse, read
        self.classes = {str(value): value for value in classes}
        if refuse in self.classes:
            raise ValueError(f"refuse={refuse!r} is a class as well; give another text.")

    def __call__(self, index):
        """Show the question, and read until the answer is a class or a refusal."""
        self.show(index)
        names = ", ".join(self.classes)
        while True:
            typed = self.read(f"{names} ({self.refuse} to pass): ").strip()
            if typed == self.refuse:
                return REFUSED
            if typed in self.classes:
                return self.classes[typed]
            print(f"{typed!r} is none of {names}, nor {self.refuse} to pass.")
