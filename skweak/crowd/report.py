"""One row about each annotator."""

import numpy as np

from skweak.crowd.answers import read_answers
from skweak.crowd.majority import majority_vote


def annotator_report(answers, consensus=None, *, classes=None, missing=-1, band=0.05):
    """Return a table of what each annotator did and how it agrees with the rest.

    Parameters
    ----------
    answers, classes, missing
        As in :func:`majority_vote`.
    consensus : Consensus or None, default=None
        Whom to compare with: what any function of `skweak.crowd` returned for the same answers; by default the vote.
    band : float in (0, 1), default=0.05
        Width for ``settled_after``.

    Returns
    -------
    pandas.DataFrame of A rows, the index being the annotators
        ``n_answers``; ``n_classes``, different classes said; ``favourite`` and ``favourite_share``, the class said most
        and its share; ``agreement``, mean share of the other answers to the same task that are the same (nan where
        nobody else answered); ``quality``, as in ``consensus``; ``consensus_agreement``, share of answers equal to the
        consensus; ``confusion``, the most frequent disagreement, "true as said"; ``confusion_count``; and
        ``settled_after``, the number of answers, in their order, from which the running agreement with the consensus
        stayed within ``band`` of the final one: how soon one could have known.

    Raises
    ------
    ImportError
        Without pandas.
    ValueError
        If ``consensus`` is of other answers.

    Examples
    --------
    >>> from skweak.crowd import annotator_report
    >>> report = annotator_report([["a", "a", "b"], ["b", "b", "a"], ["b", "b", None]])
    >>> report[["n_answers", "agreement", "confusion"]].values.tolist()
    [[3, 0.666..., ''], [3, 0.666..., ''], [2, 0.0, 'a as b']]
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError("annotator_report returns a DataFrame: install pandas (pip install pandas).") from error
    if not 0 < band < 1:
        raise ValueError(f"band must be in (0, 1), got {band!r}.")
    answers = read_answers(answers, classes=classes, missing=missing)
    consensus = majority_vote(answers) if consensus is None else consensus
    n_tasks, n_workers, n_classes = answers.shape
    if consensus.posterior.shape != (n_tasks, n_classes) or len(consensus.workers) != n_workers:
        raise ValueError(
            f"consensus is of {len(consensus.label)} tasks and {len(consensus.workers)} annotators, but the answers "
            f"have {n_tasks} and {n_workers}; give the consensus of the same answers."
        )
    count = answers.by_worker(None)
    votes, total = answers.table(), answers.n_answers
    others = total[answers.task] > 1
    same = np.where(others, (votes[answers.task, answers.code] - 1) / np.maximum(total[answers.task] - 1, 1), 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        agreement = answers.by_worker(same) / answers.by_worker(others)
    settled = np.searchsorted(answers.classes, consensus.label, sorter=np.argsort(answers.classes))
    settled = np.argsort(answers.classes)[settled]
    hit = settled[answers.task] == answers.code
    said = np.bincount(answers.worker * n_classes + answers.code, minlength=n_workers * n_classes)
    said = said.reshape(n_workers, n_classes)
    worst, worst_count = _worst_confusion(answers, settled, hit)
    names = answers.classes.astype(str)
    report = pd.DataFrame(
        {
            "n_answers": count.astype(np.int64),
            "n_classes": (said > 0).sum(axis=1),
            "favourite": answers.classes[said.argmax(axis=1)],
            "favourite_share": said.max(axis=1) / np.maximum(count, 1),
            "agreement": agreement,
            "quality": consensus.annotator_quality,
            "consensus_agreement": np.where(count > 0, answers.by_worker(hit) / np.maximum(count, 1), np.nan),
            "confusion": np.where(
                worst_count > 0,
                np.char.add(np.char.add(names[worst // n_classes], " as "), names[worst % n_classes]), "",
            ),
            "confusion_count": worst_count,
            "settled_after": _settled_after(answers, hit, band),
        },
        index=pd.Index(answers.workers, name="worker"),
    )  # fmt: skip
    report.loc[count == 0, "favourite"] = None
    return report


def _worst_confusion(answers, settled, hit):
    """Return the cell of the most frequent disagreement of each annotator, and its count."""
    n_workers, n_classes = len(answers.workers), len(answers.classes)
    wrong = ~hit
    cell = settled[answers.task[wrong]] * n_classes + answers.code[wrong]
    keys, counts = np.unique(answers.worker[wrong] * n_classes**2 + cell, return_counts=True)
    # Annotator by annotator, the most frequent first and the earliest cell in a tie.
    order = np.lexsort((keys, -counts, keys // n_classes**2))
    keys, counts = keys[order], counts[order]
    owner, first = np.unique(keys // n_classes**2, return_index=True)
    worst, worst_count = np.zeros(n_workers, dtype=np.int64), np.zeros(n_workers, dtype=np.int64)
    worst[owner], worst_count[owner] = keys[first] % n_classes**2, counts[first]
    return worst, worst_count


def _settled_after(answers, hit, band):
    """Return after how many answers the running agreement of each annotator stays within ``band`` of the last."""
    order = np.argsort(answers.worker, kind="stable")
    worker = answers.worker[order]
    count = np.bincount(worker, minlength=len(answers.workers))
    start = np.cumsum(count) - count
    total = np.cumsum(hit[order])
    before = np.r_[0, total][start]
    place = np.arange(len(worker)) - start[worker] + 1
    running = (total - before[worker]) / place
    final = (np.r_[0, total][start + count] - before) / np.maximum(count, 1)
    outside = np.abs(running - final[worker]) > band
    last = np.zeros(len(count), dtype=np.int64)
    np.maximum.at(last, worker[outside], place[outside])
    return np.where(count > 0, last + 1, 0)
