"""What the sizes of a network must fulfil."""

from numbers import Integral


def check_sizes(name, sizes, *, empty=False):
    """Return ``sizes`` as a tuple of integers of at least 1.

    Parameters
    ----------
    name : str
        Parameter that gave them.
    sizes : sequence of int
    empty : bool
        Whether there may be none.
    """
    try:
        checked = tuple(sizes)
    except TypeError:
        checked = (None,)
    if not all(isinstance(size, Integral) and not isinstance(size, bool) and size >= 1 for size in checked):
        raise ValueError(f"{name} must consist of integers >= 1, got {sizes!r}.")
    if not checked and not empty:
        raise ValueError(f"{name} must hold at least one integer >= 1, got {sizes!r}.")
    return tuple(int(size) for size in checked)
