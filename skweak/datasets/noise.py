"""Label noise: wrong class labels made from right ones, and the reader of ``"KIND:RATE"``.

Every generator returns ``(y_noisy, mask, transition_matrix)``. ``y_noisy`` has the dtype and the classes of
``y``, ``mask`` marks the rows whose label changed (``mask.mean()`` is the realised rate), and entry ``[i,
j]`` of ``transition_matrix`` is the probability that class ``i`` is seen as class ``j``, classes in sorted
order. The input arrays are left as they are and numpy's global generator is not used.
"""

import numpy as np

from ._checks import check_generator, check_option, check_rate, encode_labels
from ._confusions import successors
from .feature_noise import make_instance_dependent_noise

_NOISE_KINDS = ("symmetric", "symmetric_exclusive", "asymmetric", "pairflip", "instance")


def make_symmetric_noise(y, *, rate, variant="inclusive", n_classes=None, random_state=None):
    """Replace labels by labels drawn uniformly from the classes.

    The plainest noise: every class is hit alike and no pair of classes is confused more than another. Papers
    mean three different things by it; the variants keep them apart.

    Parameters
    ----------
    y : array-like of shape (n,)
        Class labels of any type.
    rate : float in [0, 1]
        Share of the labels that is drawn anew; 0 changes nothing.
    variant : {"inclusive", "exclusive", "exclusive_exact"}, default="inclusive"
        "inclusive" draws exactly ``int(rate * n)`` rows and gives them any class, the true one included, so
        that only ``rate * (C - 1) / C`` of the labels end up wrong. "exclusive" flips every row with
        probability `rate` to one of the other classes. "exclusive_exact" flips exactly ``ceil(rate * n_c)``
        rows of each class.
    n_classes : int, default=None
        With integer labels, the number of classes where some may be absent from `y`. None uses those in `y`.
    random_state : None, int or RandomState, default=None
        An integer makes the result repeatable.

    Returns
    -------
    y_noisy : ndarray of shape (n,)
        The labels with noise.
    mask : ndarray of bool, shape (n,)
        True where the label changed.
    transition_matrix : ndarray of shape (C, C)
        Probability of the new class (column) given the true class (row).

    Raises
    ------
    ValueError
        If `rate` leaves [0, 1], `variant` is unknown or `y` does not hold at least two classes.

    References
    ----------
    Inclusive as in arXiv:2002.07394, exclusive as in arXiv:1804.06872.

    Examples
    --------
    >>> from skweak.datasets import make_symmetric_noise
    >>> y = ["ant", "bee"] * 50
    >>> y_noisy, mask, T = make_symmetric_noise(y, rate=0.2, variant="exclusive_exact", random_state=0)
    >>> int(mask.sum()), T.tolist()
    (20, [[0.8, 0.2], [0.2, 0.8]])
    """
    rate = check_rate(rate)
    check_option(variant, "variant", ("inclusive", "exclusive", "exclusive_exact"))
    codes, classes = encode_labels(y, n_classes=n_classes)
    generator = check_generator(random_state)
    n_classes = classes.size
    if variant == "inclusive":
        transition = (1 - rate) * np.eye(n_classes) + rate / n_classes
        rows = generator.permutation(codes.size)[: int(rate * codes.size)]
        noisy = codes.copy()
        noisy[rows] = generator.randint(n_classes, size=rows.size)
    else:
        transition = np.full((n_classes, n_classes), rate / (n_classes - 1))
        np.fill_diagonal(transition, 1 - rate)
        if variant == "exclusive":
            noisy = _draw_through(codes, transition, generator)
        else:
            rows = _share_of_each_class(codes, np.full(n_classes, rate), generator)
            noisy = codes.copy()
            noisy[rows] = (codes[rows] + generator.randint(1, n_classes, size=rows.size)) % n_classes
    return classes[noisy], noisy != codes, transition


def make_pairflip_noise(y, *, rate, n_classes=None, random_state=None):
    """Flip each label to the next class with a fixed probability.

    All wrong labels of a class point at one other class, the last class at the first one. At a rate near one
    half this is much harder than symmetric noise, because the majority of a class is barely right.

    Parameters
    ----------
    y : array-like of shape (n,)
        Class labels of any type; "next" refers to their sorted order.
    rate : float in [0, 1]
        Probability of a flip; the usual benchmark value is 0.45.
    n_classes : int, default=None
        With integer labels, the number of classes where some may be absent from `y`.
    random_state : None, int or RandomState, default=None
        An integer makes the result repeatable.

    Returns
    -------
    y_noisy, mask, transition_matrix
        As for :func:`make_symmetric_noise`.

    Raises
    ------
    ValueError
        If `rate` leaves [0, 1] or `y` does not hold at least two classes.

    References
    ----------
    arXiv:1804.06872

    Examples
    --------
    >>> from skweak.datasets import make_pairflip_noise
    >>> make_pairflip_noise([0, 1, 2, 0], rate=1.0)[0].tolist()
    [1, 2, 0, 1]
    """
    rate = check_rate(rate)
    codes, classes = encode_labels(y, n_classes=n_classes)
    successor = np.roll(np.arange(classes.size), -1)
    rates = np.full(classes.size, rate)
    noisy, transition = _flip_to_successor(codes, successor, rates, False, check_generator(random_state))
    return classes[noisy], noisy != codes, transition


def make_asymmetric_noise(
    y,
    *,
    rate,
    mapping="cifar10",
    blocks="index",
    reverse_rate=None,
    exact=False,
    n_classes=None,
    random_state=None,
):
    """Flip the labels of chosen classes to the class they are easily taken for.

    Real annotators confuse a cat with a dog, not with a ship. A mapping names for each affected class the one
    class that its labels turn into; all other classes stay clean.

    Parameters
    ----------
    y : array-like of shape (n,)
        Class labels; the named mappings with numbered classes need integers.
    rate : float in [0, 1]
        Probability that a label of an affected class flips. "binary" needs a rate below 0.5.
    mapping : {"cifar10", "cifar100", "mnist", "fashion_mnist", "binary"} or dict, default="cifar10"
        A dictionary ``{label: wrong label}`` works with any classes. "cifar100" flips each class to the next
        one of its block, "binary" flips the second class to the first one with `rate` and back with
        `reverse_rate`.
    blocks : "index" or array-like of shape (100,), default="index"
        For "cifar100" only: the coarse label of every class. "index" takes five consecutive class numbers as
        a block, which is what published figures use; they are not the real super-classes.
    reverse_rate : float in [0, 0.5), default=None
        For "binary" only: probability that the first class flips to the second. None is 0.05, at most `rate`.
    exact : bool, default=False
        Flip exactly ``ceil(rate * n_c)`` rows of each affected class instead of each row independently.
    n_classes : int, default=None
        With integer labels and a dictionary, the number of classes where some may be absent from `y`.
    random_state : None, int or RandomState, default=None
        An integer makes the result repeatable.

    Returns
    -------
    y_noisy, mask, transition_matrix
        As for :func:`make_symmetric_noise`.

    Raises
    ------
    ValueError
        If `rate` leaves its interval, the labels do not fit the mapping, or a name in it is unknown.
    TypeError
        If `mapping` is neither a name nor a dictionary.

    References
    ----------
    arXiv:1609.03683, arXiv:2007.00151

    Examples
    --------
    >>> from skweak.datasets import make_asymmetric_noise
    >>> y = ["cat", "dog", "ship", "cat"]
    >>> make_asymmetric_noise(y, rate=1.0, mapping={"cat": "dog"})[0].tolist()
    ['dog', 'dog', 'ship', 'dog']
    """
    binary = isinstance(mapping, str) and mapping == "binary"
    rate = check_rate(rate, high=0.5 if binary else 1.0, open_high=binary)
    if reverse_rate is not None and not binary:
        raise ValueError(
            f"reverse_rate is used by mapping='binary' only, got mapping={mapping!r}; leave it out."
        )
    codes, classes, successor = successors(y, mapping, blocks, n_classes)
    rates = np.full(classes.size, rate)
    if binary:
        default = min(0.05, rate)
        rates[0] = (
            default
            if reverse_rate is None
            else check_rate(reverse_rate, "reverse_rate", high=0.5, open_high=True)
        )
    noisy, transition = _flip_to_successor(codes, successor, rates, exact, check_generator(random_state))
    return classes[noisy], noisy != codes, transition


def make_noisy_labels(y, noise="symmetric:0.4", X=None, *, mapping=None, n_classes=None, random_state=None):
    """Add the label noise that a short text names.

    One entry point for command lines and benchmark tables, where noise is written as ``"symmetric:0.4"``.

    Parameters
    ----------
    y : array-like of shape (n,)
        Class labels of any type.
    noise : str, default="symmetric:0.4"
        ``KIND:RATE``. The kinds are "symmetric" (true class included), "symmetric_exclusive", "asymmetric",
        "pairflip" and "instance"; the rate is a number in [0, 1].
    X : array-like of shape (n, ...), default=None
        Inputs; needed by "instance" and ignored by the other kinds.
    mapping : str or dict, default=None
        For "asymmetric": see :func:`make_asymmetric_noise`. None is "binary" with two classes and an error
        with more.
    n_classes : int, default=None
        With integer labels, the number of classes where some may be absent from `y`.
    random_state : None, int or RandomState, default=None
        An integer makes the result repeatable.

    Returns
    -------
    y_noisy, mask, transition_matrix
        As for :func:`make_symmetric_noise`.

    Raises
    ------
    ValueError
        If `noise` cannot be read, or what its kind needs is missing.
    TypeError
        If `noise` is not a string.

    Examples
    --------
    >>> from skweak.datasets import make_noisy_labels
    >>> y_noisy, mask, T = make_noisy_labels([0, 1, 2, 3] * 25, "pairflip:0.45", random_state=0)
    >>> T[0].tolist()
    [0.55, 0.45, 0.0, 0.0]
    """
    kind, rate = _read_noise(noise)
    options = {"rate": rate, "n_classes": n_classes, "random_state": random_state}
    if mapping is not None and kind != "asymmetric":
        raise ValueError(f"mapping is used by asymmetric noise only, got noise={noise!r}; leave it out.")
    if kind == "instance":
        if X is None:
            raise ValueError(f"X is needed for noise={noise!r}; pass the inputs that belong to y.")
        return make_instance_dependent_noise(X, y, **options)
    if kind == "pairflip":
        return make_pairflip_noise(y, **options)
    if kind == "asymmetric":
        if mapping is None:
            found = encode_labels(y, n_classes=n_classes)[1].size
            if found != 2:
                raise ValueError(
                    f"mapping is needed for noise={noise!r} with {found} classes; pass a dictionary "
                    "{label: wrong label} or a name that make_asymmetric_noise accepts."
                )
            mapping = "binary"
        return make_asymmetric_noise(y, mapping=mapping, **options)
    variant = "exclusive" if kind == "symmetric_exclusive" else "inclusive"
    return make_symmetric_noise(y, variant=variant, **options)


def _read_noise(noise):
    if not isinstance(noise, str):
        raise TypeError(f"noise must be a string such as 'symmetric:0.4', got {noise!r}.")
    kind, _, text = noise.partition(":")
    if kind not in _NOISE_KINDS:
        raise ValueError(
            f"noise must be KIND:RATE with KIND one of {', '.join(_NOISE_KINDS)}, "
            f"for example 'symmetric:0.4', got {noise!r}."
        )
    try:
        rate = float(text)
    except ValueError:
        raise ValueError(
            f"noise must end in a rate in [0, 1], for example '{kind}:0.4', got {noise!r}."
        ) from None
    if not 0 <= rate <= 1:
        raise ValueError(f"noise must end in a rate in [0, 1], got {text} in {noise!r}.")
    return kind, rate


def _draw_through(codes, transition, generator):
    cumulative = transition.cumsum(axis=1)
    cumulative /= cumulative[:, -1:]
    uniform = generator.random_sample(codes.size)
    noisy = np.empty_like(codes)
    # Class by class: the (n, C) array of cumulative rows would not fit memory with many rows and classes.
    for k in range(transition.shape[0]):
        rows = np.flatnonzero(codes == k)
        noisy[rows] = np.searchsorted(cumulative[k], uniform[rows], side="right")
    return noisy


def _share_of_each_class(codes, rates, generator):
    chosen = []
    for k, rate in enumerate(rates):
        rows = generator.permutation(np.flatnonzero(codes == k))
        chosen.append(rows[: int(np.ceil(rate * rows.size))])
    return np.concatenate(chosen)


def _flip_to_successor(codes, successor, rates, exact, generator):
    every_class = np.arange(successor.size)
    rates = np.where(successor == every_class, 0.0, rates)
    transition = np.diag(1 - rates)
    transition[every_class, successor] += rates
    if not exact:
        return _draw_through(codes, transition, generator), transition
    noisy = codes.copy()
    rows = _share_of_each_class(codes, rates, generator)
    noisy[rows] = successor[codes[rows]]
    return noisy, transition
