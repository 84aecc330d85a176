"""Experiments: splits with first labels, and runs compared seed by seed."""

import numpy as np
from scipy import stats

from skweak.utils._checks import check_count

# Fewer seeds tell nothing that a p-value could express.
_MIN_SEEDS = 5


def active_split(y, *, test_size=0.3, initial_size=0.05, n_splits=10, ensure="classes", random_state=0):
    """Yield splits into first labels, pool and test rows.

    Parameters
    ----------
    y : array-like of shape (n,) or (n, L)
        Labels, or 0 and 1 per label.
    test_size : float in (0, 1), default=0.3
        Share of the test rows.
    initial_size : float in (0, 1), default=0.05
        Share of the other rows whose label is known at first; more where ``ensure`` asks for more.
    n_splits : int, default=10
        Splits.
    ensure : {"classes", "positives"} or None, default="classes"
        One first row of each class at least; or, of several labels, one row with and one without each label.
    random_state : int, default=0
        Seed.

    Yields
    ------
    labeled, pool, test : ndarrays of int
        Ascending positions, disjoint and together all rows.

    Raises
    ------
    ValueError
        If a class has no row outside the test rows, or if sizes are out of range.

    Examples
    --------
    >>> labeled, pool, test = next(active_split([0, 1] * 20, initial_size=0.1))
    >>> len(labeled), len(pool), len(test)
    (3, 25, 12)
    """
    y = np.asarray(y)
    for name, value in (("test_size", test_size), ("initial_size", initial_size)):
        if not 0 < value < 1:
            raise ValueError(f"{name} must be in (0, 1), got {value!r}.")
    check_count(n_splits, "n_splits", 1)
    if ensure not in ("classes", "positives", None):
        raise ValueError(f"ensure must be 'classes', 'positives' or None, got {ensure!r}.")
    if (ensure == "positives") != (y.ndim == 2) and ensure is not None:
        raise ValueError(f"ensure={ensure!r} does not fit labels of shape {y.shape}.")
    n = len(y)
    n_test = int(round(test_size * n))
    for split in range(n_splits):
        generator = np.random.default_rng([random_state, split])
        order = generator.permutation(n)
        if ensure == "classes":
            # A class with a single row is of more use as a first label than in the test.
            firsts = order[np.unique(y[order], return_index=True)[1]]
        elif ensure == "positives":
            firsts = _with_and_without(y, order)
        else:
            firsts = np.empty(0, dtype=np.int64)
        rest = order[~np.isin(order, firsts)]
        test, rest = rest[:n_test], rest[n_test:]
        n_more = max(0, int(round(initial_size * (n - n_test))) - len(firsts))
        yield np.sort(np.concatenate([firsts, rest[:n_more]])), np.sort(rest[n_more:]), np.sort(test)


def _with_and_without(y, order):
    """Return rows that have, and rows that lack, every label, the rarest label first."""
    picks = []
    for label in np.argsort((y == 1).sum(axis=0), kind="stable"):
        for value in (1, 0):
            if not (y[picks, label] == value).any():
                rows = order[y[order, label] == value]
                if not len(rows):
                    raise ValueError(f"label {label} has no row with {value}; leave it out, or give ensure=None.")
                picks.append(int(rows[0]))
    return np.array(picks, dtype=np.int64)


def compare_runs(results, *, baseline="random", cost=None, alpha=0.05):
    """Compare the learning curves of several methods, seed by seed.

    Parameters
    ----------
    results : dict of str to array-like of shape (n_seeds, n_rounds + 1)
        A score after each round; row s of every method belongs to the same seed.
    baseline : str, default="random"
        Method that the others are compared with.
    cost : array-like of shape (n_rounds + 1,), optional
        What was spent, or labeled, up to each round; equal steps by default.
    alpha : float in (0, 1), default=0.05
        Level at which a difference counts as found.

    Returns
    -------
    DataFrame
        One row per method: "final" and "area" (mean score over the cost) with the differences to the baseline, their
        standard error, p-values of the paired t test and the signed-rank test on the areas (corrected by Holm, nan with
        fewer than 5 seeds), "better" (True, False or None), rounds "won", "tied" and "lost" by the mean, and
        "cost_to_match", the cost at which the baseline's final score was reached, nan where it never was.

    Notes
    -----
    The rounds of a run are no independent samples; only seeds count.

    Examples
    --------
    >>> table = compare_runs({"random": [[0.1, 0.5], [0.2, 0.6]], "margin": [[0.1, 0.7], [0.2, 0.8]]})
    >>> table.loc["margin", ["final", "area_gain"]].tolist()
    [0.75, 0.1]
    """
    # Who only learns needs no pandas.
    import pandas as pd

    curves = {name: np.asarray(values, dtype=np.float64) for name, values in results.items()}
    if baseline not in curves:
        raise ValueError(f"baseline {baseline!r} is none of the results {sorted(curves)}.")
    shape = curves[baseline].shape
    if len(shape) != 2 or shape[1] < 2 or any(values.shape != shape for values in curves.values()):
        raise ValueError("results must all be of one shape (n_seeds, n_rounds + 1), with at least one round.")
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must be in (0, 1), got {alpha!r}.")
    cost = np.arange(shape[1], dtype=np.float64) if cost is None else np.asarray(cost, dtype=np.float64)
    if cost.shape != shape[1:] or not (np.diff(cost) > 0).all():
        raise ValueError(f"cost must be {shape[1]} growing numbers, one per round.")
    areas = {name: np.trapezoid(values, cost, axis=1) / (cost[-1] - cost[0]) for name, values in curves.items()}
    base, goal = curves[baseline].mean(axis=0), curves[baseline][:, -1].mean()
    rows = {}
    for name, values in curves.items():
        gain, mean = areas[name] - areas[baseline], values.mean(axis=0)
        apart = np.round(mean - base, 12)
        rows[name] = {
            "final": values[:, -1].mean(),
            "final_gain": (values[:, -1] - curves[baseline][:, -1]).mean(),
            "area": areas[name].mean(),
            "area_gain": round(gain.mean(), 12),
            "error": gain.std(ddof=1) / np.sqrt(len(gain)) if len(gain) > 1 else np.nan,
            **_p_values(gain, name == baseline),
            "won": int((apart > 0).sum()),
            "tied": int((apart == 0).sum()),
            "lost": int((apart < 0).sum()),
            "cost_to_match": _reached(cost, mean, goal),
        }
    table = pd.DataFrame.from_dict(rows, orient="index")
    for column in ("p_t", "p_rank"):
        table[column] = _holm(table[column].to_numpy(dtype=np.float64))
    pairs = zip(table["p_t"], table["area_gain"], strict=True)
    found = [None if np.isnan(p) else bool(p <= alpha and gain > 0) for p, gain in pairs]
    table.insert(7, "better", pd.Series(found, index=table.index, dtype=object))
    return table


def _p_values(gain, is_baseline):
    if is_baseline or len(gain) < _MIN_SEEDS:
        return {"p_t": np.nan, "p_rank": np.nan}
    if np.ptp(gain) <= 1e-12:
        # No spread: the t test has no answer.
        value = 1.0 if abs(gain[0]) <= 1e-12 else 0.0
        return {"p_t": value, "p_rank": 1.0 if value else stats.wilcoxon(gain).pvalue}
    return {"p_t": stats.ttest_1samp(gain, 0).pvalue, "p_rank": stats.wilcoxon(gain).pvalue}


def _holm(p_values):
    """Return p-values corrected for their number; nan stays nan."""
    result, known = p_values.copy(), np.flatnonzero(~np.isnan(p_values))
    order = known[np.argsort(p_values[known], kind="stable")]
    factor = np.arange(len(order), 0, -1)
    result[order] = np.minimum(1, np.maximum.accumulate(p_values[order] * factor)) if len(order) else result[order]
    return result


def _reached(cost, scores, goal):
    """Return the cost at which a curve first reaches a score, between two rounds by a straight line."""
    hits = np.flatnonzero(scores >= goal - 1e-12)
    if not len(hits):
        return np.nan
    first = int(hits[0])
    if first == 0:
        return float(cost[0])
    share = (goal - scores[first - 1]) / (scores[first] - scores[first - 1])
    return float(cost[first - 1] + share * (cost[first] - cost[first - 1]))
