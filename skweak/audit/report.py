"""Judge every label by a model that has not seen the row, and say how many are wrong."""

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.utils import check_random_state

from skweak.metrics import confident_joint
from skweak.noisy.issues import check_given_labels, find_label_issues, judge_labels


def audit_labels(X, y, estimator=None, *, cv=5, groups=None, n_jobs=None, random_state=None, n_bootstraps=200):
    """Estimate how many labels are wrong, and list the suspects.

    Parameters
    ----------
    X : array-like or DataFrame of shape (n, ...)
        Inputs. The default estimator takes numbers with gaps and columns of type category.
    y : array-like of shape (n,)
        Given labels.
    estimator : classifier with ``predict_proba`` or None, default=None
        None is a `HistGradientBoostingClassifier` on mixed columns.
    cv : int or splitter, default=5
        Folds, stratified and shuffled; more give a better model in each and cost more time.
    groups : array-like of shape (n,) or None, default=None
        Rows of one group are never in two folds.
    n_jobs : int or None, default=None
        Folds fitted at the same time.
    random_state : int, RandomState or None, default=None
        Seeds the folds, the default estimator and the bootstrap.
    n_bootstraps : int >= 2, default=200
        Samples behind the interval of the share; more make its ends steadier.

    Returns
    -------
    LabelAudit

    Raises
    ------
    ValueError
        If `y` holds one class, misses a label, or no row can be judged.

    References
    ----------
    Confident learning, arXiv:1911.00068.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skweak.audit import audit_labels
    >>> X, y = load_iris(return_X_y=True)
    >>> y[[0, 60]] = 2                                   # two wrong labels
    >>> audit = audit_labels(X, y, LogisticRegression(max_iter=500), random_state=0)
    >>> sorted(audit.to_frame()["row"].head(2).tolist())
    [0, 60]
    """
    import pandas as pd

    if not isinstance(n_bootstraps, int) or n_bootstraps < 2:
        raise ValueError(f"n_bootstraps must be an integer of at least 2, got {n_bootstraps!r}.")
    y = check_given_labels(y, X)
    if pd.isna(y).any():
        raise ValueError(f"y misses the label of {int(pd.isna(y).sum())} rows; leave those rows out.")
    classes, counts = np.unique(y, return_counts=True)
    if len(classes) < 2:
        raise ValueError(f"y must hold at least two classes, got only {classes.tolist()}.")
    random = check_random_state(random_state)
    seed = int(random.randint(2**31 - 1))
    if estimator is None:
        estimator = HistGradientBoostingClassifier(categorical_features="from_dtype", random_state=seed)
    proba, classes, _ = judge_labels(estimator, X, y, "confident_learning", cv, 10, None, n_jobs, groups, seed)
    judged = np.flatnonzero(~np.isnan(proba).any(axis=1))
    if not len(judged):
        raise ValueError("No fold could judge a row; give more rows of each class.")
    labels, known = y[judged], proba[judged]
    # A class of which no row was judged has no count of its own.
    present = np.isin(classes, labels)
    if not present.all():
        known = known[:, present]
        known = known / np.maximum(known.sum(axis=1, keepdims=True), 1e-12)
    frame = find_label_issues(known, None, labels, classes=classes[present])
    frame["row"] = judged[frame["row"].to_numpy()]
    joint = confident_joint(labels, known, classes=classes[present])
    codes = np.searchsorted(classes[present], labels)
    shares = []
    for _ in range(n_bootstraps):
        rows = random.randint(len(labels), size=len(labels))
        shares.append(_wrong_share(codes[rows], known[rows]))
    interval = tuple(np.quantile(shares, [0.025, 0.975]).tolist())
    rare = classes[counts < (cv if isinstance(cv, int) else 5)]
    return LabelAudit(frame, _wrong_share(codes, known), interval, joint, classes[present], rare, proba, len(y))


def _wrong_share(codes, proba, confident=0.3):
    # A model errs least where it is surest, so a label that differs there is wrong, not hard: among the surest rows of
    # each predicted class the labels that differ give the share of the class. More rows narrow the interval, but
    # mistakes of the model then count as wrong labels.
    predicted, sureness = proba.argmax(axis=1), proba.max(axis=1)
    share = 0.0
    for code in range(proba.shape[1]):
        rows = np.flatnonzero(predicted == code)
        if len(rows):
            sure = rows[np.argsort(-sureness[rows], kind="stable")[: int(np.ceil(confident * len(rows)))]]
            share += len(rows) / len(codes) * np.mean(codes[sure] != code)
    return float(share)


class LabelAudit:
    """What `audit_labels` found.

    Attributes
    ----------
    issues : DataFrame
        Row, given and suggested label and quality in [0, 1]; the most suspicious first.
    noise_share : float
        Estimated share of wrong labels among the rows that could be judged, in [0, 1]: how often labels differ from
        the prediction where the model is surest. It assumes that noise does not depend on how hard a row is, and is
        too low where hard rows are mislabeled more often, and too high where the model errs on its surest rows, as
        with classes that overlap much.
    interval : tuple of two floats
        Bootstrap interval of 95 %. It knows the chance of the rows, not a bias of the model.
    joint : ndarray of shape (C, C)
        Confident learning's count of rows of each given class (rows) and true class (columns); its share off the
        diagonal counts hard rows too, and is larger than `noise_share` where classes overlap.
    classes : ndarray of shape (C,)
    rare_classes : ndarray
        Classes with fewer rows than folds: too rare to judge well.
    proba : ndarray of shape (n, n_classes)
        Out-of-fold probabilities; nan where no fold could judge the row.
    n_rows : int
    """

    def __init__(self, issues, noise_share, interval, joint, classes, rare_classes, proba, n_rows):
        self.issues, self.noise_share, self.interval = issues, noise_share, interval
        self.joint, self.classes, self.rare_classes = joint, classes, rare_classes
        self.proba, self.n_rows = proba, n_rows

    def __repr__(self):
        low, high = self.interval
        return (
            f"LabelAudit: {self.n_rows} rows, {len(self.issues)} suspects, "
            f"wrong labels {self.noise_share:.1%} ({low:.1%} to {high:.1%})"
        )

    def to_frame(self):
        """Return the suspects, the most suspicious first."""
        return self.issues.copy()

    def _repr_html_(self):
        import html

        import pandas as pd

        names = [str(name) for name in self.classes]
        pairs = pd.DataFrame(self.joint, index=names, columns=names)
        rare = ", ".join(html.escape(str(name)) for name in self.rare_classes) or "none"
        return (
            f"<h2>Labels</h2><p>{html.escape(repr(self))}</p><p>Classes too rare to judge well: {rare}</p>"
            f"<h3>Given label (rows) and estimated true label (columns)</h3>{pairs.to_html()}"
            f"<h3>Suspects</h3>{self.issues.to_html(index=False)}"
            "<p>Next: look at the suspects from the top, correct them, and run the audit again.</p>"
        )

    def to_html(self, path):
        """Write the report to one self-contained file, without scripts or pictures.

        Parameters
        ----------
        path : str or Path
        """
        from pathlib import Path

        style = "body{font:16px sans-serif;margin:1em;overflow-x:auto}td,th{padding:.2em .6em}"
        Path(path).write_text(
            '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" '
            f'content="width=device-width"><title>Labels</title><style>{style}</style>{self._repr_html_()}</html>',
            encoding="utf-8",
        )
