"""How well an open-set query finds rows of known classes."""

import numpy as np

from skweak.utils._checks import as_classes, check_count


def query_precision_recall(known, *, n_labeled_known, n_pool_known):
    """Precision of one query and recall of all queries so far.

    An answer "unknown class" costs as much as a label. Precision tells how much of the batch was useful,
    recall how much of all there is to find has been found.

    Parameters
    ----------
    known : array of shape (b,)
        Whether each queried row turned out to belong to a known class.
    n_labeled_known : int
        Labelled rows of known classes before the round, those of the start included.
    n_pool_known : int
        Rows of known classes in the pool before the round.

    Returns
    -------
    precision : float
        ``known.sum() / b``.
    recall : float
        ``(known.sum() + n_labeled_known) / (n_pool_known + n_labeled_known)``, which never falls from round
        to round.

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.metrics import query_precision_recall
    >>> query_precision_recall(np.array([True, True, False, True]), n_labeled_known=7, n_pool_known=13)
    (0.75, 0.5)
    """
    known = np.asarray(known)
    known = as_classes(known.astype(np.int64) if known.dtype == bool else known, "known", 0, 1)
    check_count(n_labeled_known, "n_labeled_known")
    check_count(n_pool_known, "n_pool_known")
    n_found = int(known.sum())
    if n_found > n_pool_known:
        raise ValueError(
            f"n_pool_known is {n_pool_known} but the query found {n_found}; count the pool before the round."
        )
    if n_pool_known + n_labeled_known == 0:
        raise ValueError("n_pool_known and n_labeled_known are both 0; recall needs a row of a known class.")
    return n_found / len(known), (n_found + n_labeled_known) / (n_pool_known + n_labeled_known)
