"""Laws that hold for every public estimator, found by discovery; each check states one."""

import inspect
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, KFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.validation import has_fit_parameter

from skweak.base import WeakClassifier
from skweak.utils import all_estimators
from tests.dummies import DUMMIES
from tests.small_data import as_strings, blobs, labels_of

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

PUBLIC = [cls for _, cls in all_estimators()]
# Estimators that wrap others have no network: scikit-learn's checker and the laws of documentation hold for them.
NETWORKS = [cls for cls in PUBLIC if issubclass(cls, WeakClassifier)]
CLASSES = NETWORKS + DUMMIES
MARKERS = {"unlabeled": -1, "unknown_label": -1}


def small(cls, **changes):
    """Return the small instance of a class, its markers as the class has them by default."""
    params = cls._test_params()
    defaults = inspect.signature(cls).parameters
    params |= {name: defaults[name].default for name in MARKERS if name in defaults}
    # Warm-ups end before training does, and an epoch has a few steps.
    params |= {name: 1 for name, value in params.items() if _warms_up(name, value)}
    short = {"random_state": 0, "max_epochs": 3, "batch_size": max(32, params["batch_size"])}
    return cls(**(params | short | changes))


def data_for(cls, **kwargs):
    X, _, noisy = blobs(**kwargs)
    return X, labels_of(cls._label_kind, noisy)


each = pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)


# Checks that ask for what was learned; for all others a trained network is as good after two epochs.
LEARNING = (
    "check_classifiers_train", "check_classifiers_classes", "check_class_weight_classifiers",
    "check_class_weight_balanced_classifiers", "check_sample_weight_equivalence_on_dense_data",
    "check_sample_weight_equivalence_on_sparse_data",
)  # fmt: skip


def shortened(estimator, check):
    """Return an instance that trains no longer than a check of scikit-learn needs."""
    if not isinstance(estimator, WeakClassifier):
        return estimator
    if check not in LEARNING:
        short = {name: 1 for name, value in estimator.get_params(deep=False).items() if _warms_up(name, value)}
        return clone(estimator).set_params(max_epochs=2, batch_size=max(64, estimator.batch_size), **short)
    if check == "check_classifiers_train" and estimator.batch_size < 50:
        # Its 300 rows are many for small batches, and easy: of the usual 20 epochs 8 are enough, or 12
        # where a warm-up or a teacher's step takes its part.
        enough = 12 if {"teacher", "warmup_epochs"} & set(estimator.get_params(deep=False)) else 8
        epochs = enough if estimator.max_epochs == 20 else estimator.max_epochs
        return clone(estimator).set_params(batch_size=50, max_epochs=epochs)
    return estimator


def _warms_up(name, value):
    return name.startswith("warmup") and isinstance(value, int)


@parametrize_with_checks([cls(**cls._test_params()) for cls in PUBLIC + DUMMIES])
def test_scikit_learn(estimator, check):
    """scikit-learn's whole checker, with no expected failure."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        check(shortened(estimator, getattr(check, "func", check).__name__))


@each
def test_same_seed_same_bits_and_generators_untouched(cls, global_generators):
    X, y = data_for(cls)
    first, second = small(cls).fit(X, y), small(cls).fit(X, y)
    assert np.array_equal(first.predict_proba(X), second.predict_proba(X))
    assert np.array_equal(clone(first).fit(X, y).predict_proba(X), first.predict_proba(X))
    assert not np.array_equal(small(cls, random_state=1).fit(X, y).predict_proba(X), first.predict_proba(X))


@each
def test_probabilities_and_predictions(cls):
    X, y = data_for(cls)
    clf = small(cls).fit(X, y)
    proba, predicted = clf.predict_proba(X), clf.predict(X)
    assert proba.dtype == np.float32 if clf.dtype == "float32" else np.float64
    assert proba.shape == (len(X), 3) and (proba >= 0).all() and (proba <= 1).all()
    if cls._label_kind == "multilabel":
        assert predicted.shape == (len(X), 3) and set(np.unique(predicted)) <= {0, 1}
    else:
        np.testing.assert_allclose(proba.sum(1), 1, rtol=1e-5)
        assert set(predicted) <= set(clf.classes_) and predicted.shape == (len(X),)
    np.testing.assert_allclose(clf.predict_log_proba(X), np.log(proba), rtol=1e-6)
    assert 0 <= clf.score(X, y) <= 1
    assert clf.embed(X).shape[0] == len(X)


@each
def test_string_labels_equal_integer_labels(cls):
    if cls._label_kind in ("partial", "multilabel"):
        pytest.skip("matrices of 0 and 1 have no class labels in y; see test_named_columns")
    X, y = data_for(cls)
    markers = {name: "-1" for name in MARKERS if getattr(small(cls), name, None) == -1}
    markers |= {"missing": "-1"} if cls._label_kind == "crowd" else {}
    numbers, strings = small(cls).fit(X, y), small(cls, **markers).fit(X, as_strings(y))
    assert np.array_equal(numbers.predict_proba(X), strings.predict_proba(X))
    assert np.array_equal(as_strings(numbers.predict(X)), strings.predict(X))


@each
def test_named_columns(cls):
    if cls._label_kind not in ("partial", "multilabel"):
        pytest.skip("the labels name the classes")
    X, y = data_for(cls)
    clf = small(cls, classes=["cat", "dog", "fox"]).fit(X, y)
    assert clf.classes_.tolist() == ["cat", "dog", "fox"]
    if cls._label_kind == "partial":
        assert set(clf.predict(X)) <= {"cat", "dog", "fox"}
        assert set(getattr(clf, "transduction_", [])) <= {"cat", "dog", "fox"}


@each
def test_pickle_predicts_the_same_and_holds_no_data(cls):
    X, y = data_for(cls)
    clf = small(cls).fit(X, y)
    dumped = pickle.dumps(clf)
    assert np.array_equal(pickle.loads(dumped).predict_proba(X), clf.predict_proba(X))
    sizes = []
    for n in (90, 900):
        wide = np.random.RandomState(0).randn(n, 4).astype(np.float32)
        target = labels_of(cls._label_kind, np.arange(n) % 3)
        fitted = small(cls, max_epochs=2, batch_size=300).fit(np.tile(wide, 25), target)
        per_row = sum(v.nbytes for v in vars(fitted).values() if isinstance(v, np.ndarray) and len(v) == n)
        sizes.append(len(pickle.dumps(fitted)) - per_row)
    # 810 rows of 100 floats are 324 kB; what may grow is rounding in lists.
    assert sizes[1] - sizes[0] < 60_000


@each
def test_refit_forgets(cls):
    X, y = data_for(cls)
    other_X, other_y = data_for(cls, n=60, seed=3)
    clf = small(cls).fit(X, y)
    fresh = small(cls).fit(other_X, other_y)
    assert np.array_equal(clf.fit(other_X, other_y).predict_proba(X), fresh.predict_proba(X))


@each
def test_input_untouched(cls):
    X, y = data_for(cls)
    X_before, y_before = X.copy(), y.copy()
    small(cls).fit(X, y).predict(X)
    assert np.array_equal(X, X_before) and np.array_equal(y, y_before)
    X.setflags(write=False)
    y.setflags(write=False)
    small(cls).fit(X, y).predict(X)


@each
def test_data_frames_lists_and_sparse_matrices_equal_arrays(cls):
    from scipy import sparse

    X, y = data_for(cls)
    X = X.astype(np.float32)
    clf = small(cls).fit(X, y)
    expected = clf.predict_proba(X)
    frame = pd.DataFrame(X, columns=list("abcd"))
    fitted = small(cls).fit(frame, y)
    assert fitted.feature_names_in_.tolist() == list("abcd")
    assert np.array_equal(fitted.predict_proba(frame), expected)
    with pytest.raises(ValueError, match="feature names"):
        fitted.predict(frame[["b", "a", "c", "d"]])
    assert np.array_equal(small(cls).fit(X.tolist(), y.tolist()).predict_proba(X.tolist()), expected)
    np.testing.assert_allclose(clf.predict_proba(sparse.csr_matrix(X)), expected, rtol=1e-5)
    small(cls).fit(sparse.csr_matrix(X), y)


@each
def test_float64_input_equals_float32_input(cls):
    X, y = data_for(cls)
    X = X.astype(np.float32)
    assert np.array_equal(
        small(cls).fit(X, y).predict_proba(X),
        small(cls).fit(X.astype(np.float64), y).predict_proba(X.astype(np.float64)),
    )


@each
def test_prediction_does_not_depend_on_row_order(cls):
    X, y = data_for(cls)
    clf, order = small(cls).fit(X, y), np.random.RandomState(0).permutation(len(X))
    np.testing.assert_allclose(clf.predict_proba(X)[order], clf.predict_proba(X[order]), rtol=1e-5, atol=1e-7)


@each
def test_model_selection_in_a_pipeline(cls):
    X, y = data_for(cls)
    pipe = make_pipeline(StandardScaler(), small(cls))
    name = cls.__name__.lower()
    folds = KFold(2, shuffle=True, random_state=0)
    search = GridSearchCV(pipe, {f"{name}__lr": [0.01, 0.05]}, cv=folds, error_score="raise").fit(X, y)
    assert search.best_estimator_.predict(X).shape[0] == len(X)
    assert np.isfinite(cross_validate(pipe, X, y, cv=folds, error_score="raise")["test_score"]).all()


@each
def test_images(cls):
    _, _, noisy = blobs(n=48)
    y = labels_of(cls._label_kind, noisy)
    images = np.random.RandomState(0).randint(0, 255, (48, 1, 8, 8)).astype(np.uint8)
    params = {"module": "auto", "module__blocks": (1, 1), "module__width": 4}
    if "teacher" in inspect.signature(cls).parameters:
        pytest.skip("the small instance's teacher reads tables; images are tested with the family")
    clf = small(cls, **params).fit(images, y)
    proba = clf.predict_proba(images)
    assert proba.shape[0] == 48 and np.isfinite(proba).all()
    assert np.array_equal(small(cls, **params).fit(images[:, 0], y).predict_proba(images[:, 0]), proba)


@each
def test_predict_before_fit_raises(cls):
    X, _, _ = blobs()
    for method in ("predict", "predict_proba", "embed"):
        with pytest.raises(NotFittedError):
            getattr(small(cls), method)(X)


@each
def test_failed_refit_leaves_the_old_model(cls):
    X, y = data_for(cls)
    clf = small(cls).fit(X, y)
    before = clf.predict_proba(X)
    with pytest.raises(ValueError):
        clf.set_params(lr=-1.0).fit(X, y)
    with pytest.raises(ValueError):
        clf.set_params(lr=0.05).fit(np.full_like(X, np.nan), y)
    with pytest.raises(ValueError):
        clf.fit(X[:5, :2], y)
    assert np.array_equal(clf.predict_proba(X), before)


@each
def test_validation_rows_get_their_attributes(cls):
    X, y = data_for(cls)
    clf = small(cls, validation_fraction=0.2).fit(X, y)
    assert all(np.isfinite(row["valid_loss"]) for row in clf.history_)
    for name in clf._row_attributes:
        assert not hasattr(clf, name) or len(getattr(clf, name)) == len(X)


@each
def test_label_quality_is_a_probability_per_row(cls):
    X, y = data_for(cls)
    clf = small(cls).fit(X, y)
    if hasattr(clf, "label_quality_"):
        assert clf.label_quality_.shape == (len(X),)
        assert (clf.label_quality_ >= 0).all() and (clf.label_quality_ <= 1).all()


@each
def test_threads_are_given_back(cls):
    X, y = data_for(cls)
    torch.set_num_threads(2)
    try:
        small(cls, max_epochs=2).fit(X, y)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)


PUBLIC_IDS = pytest.mark.parametrize("cls", PUBLIC, ids=lambda cls: cls.__name__)


@pytest.mark.parametrize("fact", ["trusted", "sample_weight", "teacher_logits", "groups"])
@PUBLIC_IDS
def test_a_fact_that_fit_does_not_take_is_refused_in_one_sentence(cls, fact):
    if has_fit_parameter(cls, fact):
        pytest.skip("its fit takes it")
    X, y = np.zeros((4, 2)), np.arange(4) % 2
    told = rf"^{cls.__name__}\.fit takes X.*got {fact!r}: take one whose fit has it, skweak\."
    with pytest.raises(TypeError, match=told):
        cls(**cls._test_params()).fit(X, y, **{fact: np.ones(4, bool)})


@PUBLIC_IDS
def test_a_parameter_that_does_not_exist_is_named(cls):
    name = cls._get_param_names()[0]
    # Wrappers have scikit-learn's sentence, which lists the names.
    with pytest.raises(ValueError, match=f"(?s)Invalid parameter '{name}s' for estimator {cls.__name__}.*'{name}'"):
        cls(**cls._test_params()).set_params(**{f"{name}s": 1})


@PUBLIC_IDS
def test_every_parameter_and_attribute_is_documented(cls):
    text = inspect.getdoc(cls)
    code = vars(cls)["__init__"].__code__
    for name in set(code.co_varnames[1:]) - {"training"}:
        assert name in text, f"{name} is not in the docstring"
    assert "Parameters\n----------" in text and "Examples\n--------" in text


@pytest.mark.parametrize("cls", NETWORKS, ids=lambda cls: cls.__name__)
def test_every_parameter_has_a_constraint_and_refuses_nonsense(cls):
    X, y = data_for(cls)
    for name in set(cls().get_params(deep=False)) - {"self"}:
        assert name in cls._parameter_constraints, name
    for name, nonsense in {
        "lr": np.inf,
        "max_epochs": 1.5,
        "batch_size": 0,
        "random_state": -1,
        "dtype": "half",
    }.items():
        with pytest.raises(ValueError, match=name):
            small(cls, **{name: nonsense}).fit(X, y)


@pytest.mark.parametrize("max_epochs", [1, 2, 3])
@pytest.mark.parametrize("cls", NETWORKS, ids=lambda cls: cls.__name__)
def test_a_quick_look_needs_no_other_parameter(cls, max_epochs):
    """A few epochs are legal with every default, so that a search over epochs never fails."""
    X, y = data_for(cls)
    # Students need a teacher, which has no default.
    needed = {name: value for name, value in cls._test_params().items() if name == "teacher"}
    cls(max_epochs=max_epochs, random_state=0, **needed).fit(X, y).predict(X)
