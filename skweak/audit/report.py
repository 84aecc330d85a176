"""What an audit found, as attributes, tables and a page."""

from pathlib import Path

import numpy as np

REASONS = ("model", "neighbours", "duplicate rows with different labels")


class LabelAudit:
    """What `audit_labels` found.

    Attributes
    ----------
    issues : DataFrame
        ``row``, ``given`` and ``suggested`` label, ``quality`` and ``reason``; the most suspicious first.
    noise_share : float
        Estimated share of wrong labels among the rows that could be judged, in [0, 1].
    interval : tuple of two floats
        Interval of 95 % by bootstrap, a little widened. It does not know whether hard rows are mislabeled more often.
    by_class : DataFrame
        For each given class: ``rows``, estimated share of ``wrong`` labels, its interval from ``low`` to ``high``, and
        number of ``suspects``.
    joint : ndarray of shape (C, C)
        Expected number of rows of each given class (rows) and true class (columns).
    transition_matrix : ndarray of shape (C, C)
        Probability of each given label (column) on rows of each true class (row).
    near_duplicates : DataFrame
        Pairs of rows that are nearly equal and have different labels: ``row``, ``other``, both labels, ``distance``.
    quality : ndarray of shape (n,)
        Probability that the given label is right, in [0, 1]; nan where no fold could judge the row.
    proba : ndarray of shape (n, C)
        Out-of-fold probabilities of the given labels; nan where no fold could judge the row.
    accuracy : dict
        Accuracy on true labels to be expected of the model trained with the suspects, and without them.
    classes : ndarray of shape (C,)
    rare_classes : ndarray
        Classes with fewer rows than folds: too rare to judge.
    notes : list of str
        What was assumed.
    next_steps : list of str
        What to do now.
    n_rows : int
    """

    def __init__(
        self, *, classes, given, codes, noise, proba, posterior, suspects, near, accuracy, notes, trusted, least
    ):  # fmt: skip
        import pandas as pd

        self.quality, suggested, reasons = suspects
        self.classes, self.n_rows, self.proba, self.accuracy = classes, len(codes), proba, accuracy
        self.noise_share, self.interval, self.transition_matrix = float(noise.share), noise.interval, noise.transition
        counts = np.bincount(codes, minlength=len(classes))
        self.rare_classes = classes[counts < least]
        rows = np.flatnonzero(reasons.any(axis=1))
        rows = rows[np.argsort(self.quality[rows], kind="stable")]
        said = ["; ".join(name for name, holds in zip(REASONS, row, strict=True) if holds) for row in reasons[rows]]
        self.issues = pd.DataFrame({
            "row": rows, "given": given[rows], "suggested": classes[suggested[rows]], "quality": self.quality[rows],
            "reason": np.array(said, dtype=object),
        })  # fmt: skip
        judged = ~np.isnan(posterior).any(axis=1)
        self.joint = np.zeros((len(classes), len(classes)))
        np.add.at(self.joint, codes[judged], posterior[judged])
        wrong = 1 - np.diag(self.joint) / np.maximum(self.joint.sum(axis=1), 1e-12)
        wrong[self.joint.sum(axis=1) == 0] = np.nan
        self.by_class = pd.DataFrame(
            {"rows": counts, "wrong": wrong, "low": noise.class_intervals[:, 0], "high": noise.class_intervals[:, 1],
             "suspects": np.bincount(codes[rows], minlength=len(classes))}, index=pd.Index(classes, name="class"),
        )  # fmt: skip
        (first, second), distance = near[0].T, near[1]
        self.near_duplicates = pd.DataFrame(
            {"row": first, "other": second, "label": given[first], "other_label": given[second], "distance": distance}
        )
        self.notes, self.n_trusted = list(notes), int(trusted.sum())
        self.next_steps = _advice(self)

    def __repr__(self):
        low, high = self.interval
        return (
            f"LabelAudit: {self.n_rows} rows, {len(self.issues)} suspects, "
            f"wrong labels {self.noise_share:.1%} ({low:.1%} to {high:.1%})"
        )

    def to_frame(self):
        """Return the suspects, the most suspicious first."""
        return self.issues.copy()

    def pairs(self):
        """Return the pairs of classes that are taken for each other, the most frequent first.

        Returns
        -------
        DataFrame
            ``given``, ``true``, expected number of ``rows``, and their ``share`` of the rows given that class.
        """
        import pandas as pd

        given, true = np.nonzero(~np.eye(len(self.classes), dtype=bool))
        rows = self.joint[given, true]
        order = np.argsort(-rows, kind="stable")
        order = order[rows[order] >= 0.5]
        given, true, rows = given[order], true[order], rows[order]
        shares = rows / np.maximum(self.joint.sum(axis=1)[given], 1e-12)
        return pd.DataFrame({"given": self.classes[given], "true": self.classes[true], "rows": rows, "share": shares})

    def _repr_html_(self):
        from skweak.audit.page import body

        return body(self, n_suspects=20)

    def to_html(self, path):
        """Write the report to one self-contained file, without scripts; pictures need the extra ``plots``.

        Parameters
        ----------
        path : str or Path
        """
        from skweak.audit.page import page

        Path(path).write_text(page(self), encoding="utf-8")


def _advice(audit):
    """Return what to do next, one sentence for each finding."""
    steps, low = [], audit.interval[0]
    if len(audit.issues):
        steps.append(
            f"Look at the {len(audit.issues)} suspects from the top, write down the right labels, and run the audit "
            "again with them as verified rows; stop when a screen of rows holds no wrong label."
        )
    else:
        steps.append("No label stands out: nothing to correct here.")
    if audit.issues["reason"].str.contains(REASONS[2]).any():
        steps.append("Equal rows have different labels: some are wrong, or a column that tells is missing.")
    if len(audit.near_duplicates):
        steps.append(
            f"{len(audit.near_duplicates)} pairs of nearly equal rows have different labels: look at them together, "
            "and keep such rows in one fold (groups)."
        )
    if len(audit.rare_classes):
        steps.append("Label more rows of the rare classes, merge them, or look at their rows yourself.")
    with_, without = audit.accuracy.values()
    if without > with_ + 0.005 and len(audit.issues):
        steps.append("A model trained without the suspects should do better: see skweak.noisy.LabelIssueFilter.")
    if low > 0.05:
        steps.append("Many labels are wrong: train a method that expects it; see skweak.noisy.AutoNoisyClassifier.")
    return steps
