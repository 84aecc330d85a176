"""The study of any classifier around which wrong labels are filtered: ours, cleanlab's, and the bare classifier."""

from functools import partial
from importlib.util import find_spec

from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score

from benchmarks.data import digits_noisy
from benchmarks.scenario import Skipped
from benchmarks.study import Fit, Study
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


def prepare(method, split, seed):
    """Wrap a model."""
    model, wrap = method
    return Fit(wrap(model(seed)), split.X, split.y)


def metrics(estimator, split):
    """Return the accuracy, and how well wrong labels were found if they were looked for."""
    result = {"accuracy": estimator.score(split.X_test, split.y_test)}
    found = getattr(estimator, "noise_mask_", None)
    if hasattr(estimator, "get_label_issues"):
        found = estimator.get_label_issues()["is_label_issue"].to_numpy()
    return result | ({} if found is None else {"detection_f1": f1_score(split.y != split.clean, found)})


STUDY = Study(
    "filtering",
    data={
        "digits_sym40": partial(digits_noisy, noise="symmetric_exclusive:0.4"),
        "digits_pairflip30": partial(digits_noisy, noise="pairflip:0.3"),
    },
    methods={
        f"{label}{suffix}": (model, wrap)
        for label, model in (("logistic regression", linear), ("random forest", forest))
        for suffix, wrap in WRAPPERS.items()
    },
    prepare=prepare,
    metrics=metrics,
    quick=("digits_sym40",),
)
