"""Scenarios of any classifier around which wrong labels are filtered: ours, cleanlab's, and the bare classifier."""

from functools import partial
from importlib.util import find_spec

from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score

from benchmarks.data import digits_noisy
from benchmarks.scenario import Scenario, Skipped, timed_fit
from skweak.noisy import LabelIssueFilter


def cleanlab(model):
    """Return cleanlab's wrapper of a classifier."""
    if find_spec("cleanlab") is None:
        raise Skipped("cleanlab is not installed; pip install cleanlab")
    from cleanlab.classification import CleanLearning

    return CleanLearning(model, cv_n_folds=5, seed=0, find_label_issues_kwargs={"n_jobs": 1})


WRAPPERS = {
    "": lambda model: model,
    ", LabelIssueFilter": LabelIssueFilter,
    ", LabelIssueFilter by neighbors": partial(LabelIssueFilter, method="neighbors"),
    ", LabelIssueFilter, weights": partial(LabelIssueFilter, action="weight"),
    ", CleanLearning (cleanlab)": cleanlab,
}


def linear(seed):
    """A linear model, which cannot remember much."""
    return LogisticRegression(max_iter=500)


def forest(seed):
    """A forest, which averages wrong labels out."""
    return RandomForestClassifier(100, random_state=seed)


def _run(noise, model, wrap, seed):
    split = digits_noisy(seed, noise)
    estimator = wrap(model(seed))
    seconds = timed_fit(estimator, split.X, split.y)
    result = {"accuracy": estimator.score(split.X_test, split.y_test), "cpu_seconds": seconds}
    wrong = split.y != split.clean
    found = getattr(estimator, "noise_mask_", None)
    if hasattr(estimator, "get_label_issues"):
        found = estimator.get_label_issues()["is_label_issue"].to_numpy()
    return result | ({} if found is None else {"detection_f1": f1_score(wrong, found)})


# Small sets that together have every method, for the quick mode.
QUICK = ("digits_sym40",)


def scenarios():
    """Return the scenarios of this family."""
    return [
        Scenario("filtering", f"digits_{name}", f"{label}{suffix}", partial(_run, noise, model, wrap))
        for name, noise in (("sym40", "symmetric_exclusive:0.4"), ("pairflip30", "pairflip:0.3"))
        for label, model in (("logistic regression", linear), ("random forest", forest))
        for suffix, wrap in WRAPPERS.items()
    ]
