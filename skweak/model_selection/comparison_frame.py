"""The frame that `compare` returns; pandas is imported with it, and not before."""

import numpy as np
import pandas as pd
from scipy import stats


class ComparisonFrame(pd.DataFrame):
    """Lines of estimators with the scores of the folds behind them; see `skweak.model_selection.compare`.

    Attributes
    ----------
    fold_scores : DataFrame of shape (n_folds, n_estimators)
    """

    _metadata = ["fold_scores"]

    @property
    def _constructor(self):
        # A part of the lines is an ordinary frame: the tests would be about all of them.
        return pd.DataFrame

    def friedman(self):
        """Return the p-value that all estimators are alike, by Friedman's test over the folds; needs three or more."""
        if self.fold_scores.shape[1] < 3:
            raise ValueError(f"friedman needs three or more estimators, got {self.fold_scores.shape[1]}; see wilcoxon.")
        ranks = self.fold_scores.rank(axis=1)
        if (ranks.nunique(axis=1) == 1).all():
            return 1.0
        return float(stats.friedmanchisquare(*self.fold_scores.to_numpy().T).pvalue)

    def wilcoxon(self):
        """Return the p-values that two estimators are alike, by Wilcoxon's signed ranks over the folds.

        Returns
        -------
        DataFrame of shape (n_estimators, n_estimators)
            Corrected for the number of pairs by Holm's method; 1 for pairs of equal scores and on the diagonal.
        """
        names = self.fold_scores.columns
        result = pd.DataFrame(1.0, index=names, columns=names)
        pairs = [(a, b) for a in range(len(names)) for b in range(a)]
        found = []
        for a, b in pairs:
            difference = (self.fold_scores.iloc[:, a] - self.fold_scores.iloc[:, b]).to_numpy()
            found.append(stats.wilcoxon(difference).pvalue if np.abs(difference).max() > 0 else 1.0)
        order = np.argsort(found, kind="stable")
        held = np.maximum.accumulate(np.array(found)[order] * (len(pairs) - np.arange(len(pairs)))).clip(max=1)
        for place, value in zip(order, held, strict=True):
            a, b = pairs[place]
            result.iloc[a, b] = result.iloc[b, a] = value
        return result


def summarise(rows):
    """Return the frame of tuples of name, seed, fold, score and seconds."""
    table = pd.DataFrame(rows, columns=["name", "seed", "fold", "score", "seconds"])
    names = table["name"].drop_duplicates()
    folds = table.pivot(index=["seed", "fold"], columns="name", values="score")[names].rename_axis(columns=None)
    of_seeds = folds.groupby(level="seed").mean()
    frame = ComparisonFrame({
        "mean": folds.mean(), "spread": of_seeds.std(ddof=0), "rank": folds.rank(axis=1, ascending=False).mean(),
        "seconds": table.groupby("name")["seconds"].mean()[names],
    })  # fmt: skip
    scores = folds.T.set_axis([f"seed {seed}, fold {fold}" for seed, fold in folds.index], axis=1)
    frame = ComparisonFrame(pd.concat([frame, scores], axis=1).sort_values("mean", ascending=False, kind="stable"))
    frame.fold_scores = folds
    return frame
