"""Tables of answers, one column per annotator, from long lists of answers, and back."""

import numpy as np

from skweak.crowd.answers import read_answers
from skweak.labels.checks import find_classes

# A table of more entries is more likely a mistake than intended.
_MOST_ENTRIES = 2**28


def votes_from_long(task, worker, label, *, tasks=None, missing=-1, repeated="raise"):
    """Make the table (n, A) that estimators take out of a list of answers.

    The functions of `skweak.crowd` take the list itself and need no table.

    Parameters
    ----------
    task, worker, label : array-like of shape (E,)
        ``worker[i]`` gave ``label[i]`` to ``task[i]``; any names.
    tasks : sequence or None, default=None
        Names of the rows, in their order, such as the index of the table of features; a task that nobody answered is
        a row of markers. By default the tasks found, sorted.
    missing : scalar, default=-1
        Marker where somebody was not asked; give a string, such as "?", among strings.
    repeated : {"raise", "first", "last"}, default="raise"
        What to do when somebody answered a task twice.

    Returns
    -------
    votes : ndarray of shape (n, A)
    tasks : ndarray of shape (n,)
    workers : ndarray of shape (A,)
        Names of rows and columns, annotators sorted.

    Raises
    ------
    ValueError
        If somebody answered twice, a task is not in ``tasks``, or the table would have more than 268 million entries.
    TypeError
        If the marker cannot stand among the labels.

    Examples
    --------
    >>> from skweak.crowd import votes_from_long
    >>> votes, tasks, workers = votes_from_long([7, 7, 3], ["eva", "tom", "tom"], [1, 0, 1])
    >>> votes.tolist(), tasks.tolist(), workers.tolist()
    ([[-1, 1], [1, 0]], [3, 7], ['eva', 'tom'])
    """
    if repeated not in ("raise", "first", "last"):
        raise ValueError(f"repeated must be 'raise', 'first' or 'last', got {repeated!r}.")
    answers = read_answers({"task": task, "worker": worker, "label": label}, missing=missing)
    row, names = answers.task, answers.tasks
    if tasks is not None:
        names = np.asarray(tasks)
        if names.ndim != 1 or len(np.unique(names)) != len(names):
            raise ValueError("tasks must be a list of distinct names, one per row.")
        # Only tasks with an answer must be there.
        named = np.unique(answers.task)
        place = np.zeros(len(answers.tasks), dtype=np.int64)
        place[named] = find_classes(answers.tasks[named], names, len(names), "task")[1]
        row = place[answers.task]
    shape = (len(names), len(answers.workers))
    if shape[0] * shape[1] > _MOST_ENTRIES:
        raise ValueError(
            f"a table of {shape[0]} tasks by {shape[1]} annotators has more than {_MOST_ENTRIES:,} entries; give the "
            "long form to the functions of skweak.crowd, which need no table."
        )
    if isinstance(missing, str) != (answers.classes.dtype.kind == "U"):
        raise TypeError(f"missing={missing!r} cannot stand among labels such as {answers.classes.item(0)!r}.")
    cell = row * shape[1] + answers.worker
    order = np.arange(len(cell))
    distinct, first = np.unique(cell, return_index=True)
    if len(distinct) < len(cell):
        if repeated == "raise":
            twice = int(np.setdiff1d(order, first)[0])
            who, what = answers.workers.item(answers.worker[twice]), names.item(row[twice])
            raise ValueError(
                f"annotator {who!r} answered task {what!r} more than once; set repeated='first' or 'last'."
            )
        if repeated == "last":
            first = len(cell) - 1 - np.unique(cell[::-1], return_index=True)[1]
    votes = np.full(shape, missing, dtype=np.result_type(answers.classes, np.asarray(missing)))
    votes.ravel()[cell[first]] = answers.classes[answers.code[first]]
    return votes, names, answers.workers


def long_from_votes(votes, *, missing=-1):
    """Return the answers of a table (n, A) as a list; the inverse of `votes_from_long`.

    Parameters
    ----------
    votes : array-like, DataFrame or sparse matrix of shape (n, A)
    missing : scalar, default=-1
        Marker where somebody was not asked.

    Returns
    -------
    dict of str to ndarray of shape (E,)
        ``task``, ``worker`` and ``label``, row by row; numbers, or the names of a DataFrame. `pandas.DataFrame` makes a
        table of it.

    Examples
    --------
    >>> from skweak.crowd import long_from_votes
    >>> {name: column.tolist() for name, column in long_from_votes([[-1, 1], [1, 0]]).items()}
    {'task': [0, 1, 1], 'worker': [1, 0, 1], 'label': [1, 1, 0]}
    """
    answers = read_answers(votes, missing=missing)
    return {
        "task": answers.tasks[answers.task],
        "worker": answers.workers[answers.worker],
        "label": answers.classes[answers.code],
    }
