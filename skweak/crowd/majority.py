"""The vote."""

from skweak.crowd.answers import read_answers
from skweak.crowd.consensus import make_consensus


def majority_vote(answers, *, classes=None, missing=-1):
    """Merge answers by counting them.

    The first thing to try, and hard to beat where annotators are alike. Models such as :func:`dawid_skene` help when
    some annotators are much worse than others and each gave many answers.

    Parameters
    ----------
    answers : array-like, DataFrame or sparse matrix of shape (n, A), or DataFrame or mapping of the long form
        Numbers or strings; see :func:`votes_from_long` for the long form, columns ``task``, ``worker`` and ``label``,
        which never becomes a table.
    classes : sequence or None, default=None
        All classes; by default those found, sorted.
    missing : scalar, default=-1
        Marker where somebody was not asked; NaN, None and NA always are.

    Returns
    -------
    Consensus
        ``label``, ``posterior`` (the shares of the votes), ``annotator_quality`` (mean share of the votes for what the
        annotator said) and more. In a tie the first class wins; a task without answers is uniform.

    Raises
    ------
    ValueError, TypeError
        If there is no answer at all, or the answers cannot be read.

    Examples
    --------
    >>> from skweak.crowd import majority_vote
    >>> majority_vote([["cat", "cat", "dog"], ["dog", None, None]]).label.tolist()
    ['cat', 'dog']
    """
    answers = read_answers(answers, classes=classes, missing=missing)
    return make_consensus(answers, answers.proportions())
