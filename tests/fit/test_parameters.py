"""One signature for every estimator, the double-underscore spellings, and the refusal of values that cannot work."""

import inspect
from functools import partial
from numbers import Real

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.utils._param_validation import Interval
from skorch.callbacks import Callback, EarlyStopping, EpochScoring

from skweak.base import WeakClassifier
from skweak.fit.parameters import (
    TRAINING_CONSTRAINTS,
    check_parameters,
    find_device,
    is_spelling,
    merge_parameters,
    spellings,
)
from skweak.nn import MLP
from tests.dummies import DummyCrowd, DummyNoisy
from tests.small_data import blobs

X, _, Y = blobs()
# skorch's name for a callback that stops when the training loss stops falling.
STOP = ("stop", EarlyStopping(monitor="train_loss"))


def tiny(**changes):
    return DummyNoisy(**({"module": partial(MLP, hidden=(4,)), "max_epochs": 1, "random_state": 0} | changes))


class Parent(WeakClassifier):
    _parameter_constraints = {"steepness": [Interval(Real, 0, 1, closed="both")]}

    def __init__(self, module="auto", *, steepness=0.5, lr=0.2, **training):
        super().__init__(module, lr=lr, **training)
        self.steepness = steepness


class Child(Parent):
    _parameter_constraints = {"lr": [Interval(Real, 0, 2, closed="neither")]}

    def __init__(self, module="auto", *, order=1, **training):
        super().__init__(module, **training)
        self.order = order


class Heir(Child):
    pass


TRAINING = [name for name in inspect.signature(WeakClassifier).parameters if name != "module"]


@pytest.mark.parametrize("cls", [Child, Heir])
def test_a_signature_shows_what_is_inherited(cls):
    shown = inspect.signature(cls).parameters
    assert list(shown) == ["module", "order", "steepness", "lr", *(name for name in TRAINING if name != "lr")]
    assert all(p.kind is not p.VAR_KEYWORD for p in shown.values())
    assert shown["module"].kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    assert shown["order"].kind is inspect.Parameter.KEYWORD_ONLY
    assert (shown["order"].default, shown["steepness"].default, shown["lr"].default) == (1, 0.5, 0.2)
    assert shown["max_epochs"].default == inspect.signature(WeakClassifier).parameters["max_epochs"].default


def test_inherited_parameters_reach_their_constructor():
    child = Child(MLP, order=2, steepness=0.1, batch_size=8)
    assert (child.module, child.order, child.steepness, child.lr, child.batch_size) == (MLP, 2, 0.1, 0.2, 8)
    assert child.get_params() == {name: getattr(child, name) for name in inspect.signature(Child).parameters}


def test_constraints_are_inherited_and_the_nearest_wins():
    assert Child._parameter_constraints["steepness"] is Parent._parameter_constraints["steepness"]
    assert Child._parameter_constraints["lr"][0].right == 2
    assert Heir._parameter_constraints == Child._parameter_constraints
    assert Parent._parameter_constraints["lr"] == TRAINING_CONSTRAINTS["lr"]
    assert set(TRAINING_CONSTRAINTS) <= set(Child._parameter_constraints)


def test_an_explicit_signature_stays():
    class Fixed(WeakClassifier):
        def __init__(self, module="auto", lr=0.1):
            super().__init__(module, lr=lr)

    merge_parameters(Fixed)
    assert list(inspect.signature(Fixed).parameters) == ["module", "lr"]


SPELLED = {"module__hidden": (3,), "optimizer__momentum": 0.5, "callbacks__stop__patience": 7}


def test_spellings_are_parameters():
    clf = DummyNoisy(**SPELLED)
    assert {name: clf.get_params()[name] for name in SPELLED} == SPELLED
    assert {name: clf.get_params(deep=False)[name] for name in SPELLED} == SPELLED
    assert spellings(clf, "module__") == {"hidden": (3,)}
    assert spellings(clf, "callbacks__") == {"stop__patience": 7}
    assert clone(clf).get_params() == clf.get_params()
    for name, value in SPELLED.items():
        assert f"{name}={value!r}" in repr(clf)


def test_spellings_can_be_set_and_replaced():
    clf = DummyNoisy(module__hidden=(3,))
    assert clf.set_params(module__hidden=(5,), module__dropout=0.1, lr=0.3) is clf
    assert (clf.module__hidden, clf.module__dropout, clf.lr) == ((5,), 0.1, 0.3)
    assert clone(clf).get_params() == clf.get_params()


def test_spellings_reach_network_optimizer_and_callbacks():
    clf = tiny(module=MLP, module__hidden=(3, 2), optimizer__weight_decay=0.25, callbacks__stop__patience=2)
    seen = []

    class Watch(Callback):
        def on_train_begin(self, net, **_):
            seen.append(net.optimizer_.param_groups[0])

    clf.set_params(callbacks=[STOP, Watch()], max_epochs=2).fit(X, Y)
    assert clf.net_.module_.stage_widths == [3, 2]
    assert (seen[0]["weight_decay"], seen[0]["momentum"], seen[0]["lr"]) == (0.25, 0.9, clf.lr)
    assert dict(clf.net_.callbacks_)["stop"].patience == 2
    assert STOP[1].patience == 5, "the callback of the caller changed"


def test_an_optimizer_class_gets_no_settings_but_the_given_ones():
    groups = []

    class Watch(Callback):
        def on_train_begin(self, net, **_):
            groups.append((type(net.optimizer_), net.optimizer_.param_groups[0]))

    tiny(optimizer=torch.optim.AdamW, optimizer__betas=(0.5, 0.9), callbacks=[Watch()], lr=0.01).fit(X, Y)
    kind, group = groups[0]
    assert kind is torch.optim.AdamW and group["betas"] == (0.5, 0.9) and group["lr"] == 0.01
    assert group["weight_decay"] == inspect.signature(torch.optim.AdamW).parameters["weight_decay"].default


@pytest.mark.parametrize("name", ["module__x", "optimizer__x", "callbacks__x", "callbacks__a__b"])
def test_what_is_a_spelling(name):
    assert is_spelling(name)


@pytest.mark.parametrize("name", ["module", "module__", "modules__x", "module_x", "lr__x", "xmodule__y"])
def test_what_is_no_spelling(name):
    assert not is_spelling(name)


@pytest.mark.parametrize("name", ["nonsense", "module_hidden", "criterion__x", "missing"])
def test_unknown_names(name):
    with pytest.raises(TypeError, match=f"DummyNoisy got an unexpected parameter '{name}'"):
        DummyNoisy(**{name: 1})
    with pytest.raises(ValueError, match="Invalid parameter"):
        DummyNoisy().set_params(**{name: 1})


def test_parameters_of_one_kind_are_unknown_to_another():
    assert DummyCrowd(missing=0).get_params()["missing"] == 0
    with pytest.raises(TypeError, match="unlabeled"):
        DummyCrowd(unlabeled=0)


NUMBERS = ["lr", "max_epochs", "batch_size", "validation_fraction", "n_threads", "checkpoint_seconds"]


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", [True, False, np.True_])
def test_booleans_are_no_numbers(name, value):
    with pytest.raises(ValueError, match=name):
        check_parameters(DummyNoisy(**{name: value}))


REFUSED = {
    "lr": [0, -1, np.inf, np.nan, "a", None],
    "max_epochs": [0, -1, 1.5, np.inf, "a", None],
    "batch_size": [0, -1, 2.5, "all", None],
    "validation_fraction": [-0.1, 1, 1.0, 2, "a", None],
    "n_threads": [0, -1, 1.5, "all"],
    "random_state": [-1, 2**32, 2**40, 1.5, "a", np.random.default_rng(0)],
    "module": ["mlp", 3, None],
    "optimizer": ["sgd", 3, None, partial(torch.optim.SGD, lr=1), dict, MLP],
    "device": [3, None],
    "dtype": ["half", np.float32, torch.float32, None],
    "augment": ["hard", 3, [abs, abs]],
    "class_weight": ["even", 1.0],
    "classes": ["ab", 3],
    "callbacks": ["stop", 3, [3], [("stop", 3)], [dict]],
    "warm_start": [1, "yes", None],
    "amp": [1, "yes", None],
    "compile": [0, None, "default"],
    "verbose": [-1, "a", None],
    "on_divergence": ["ignore", None, True],
    "checkpoint": [3, b"path", True],
    "checkpoint_seconds": [-1, np.nan, "60", None],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in REFUSED.items() for value in values])
def test_refused_values(name, value):
    with pytest.raises(ValueError, match=name):
        check_parameters(DummyNoisy(**{name: value}))


def test_every_training_parameter_has_a_refused_value():
    assert set(REFUSED) == set(TRAINING_CONSTRAINTS)


def test_booleans_as_seed():
    with pytest.raises(ValueError, match=r"'random_state' parameter must be in \[0, 2\*\*32\), got True"):
        check_parameters(DummyNoisy(random_state=True))


@pytest.mark.parametrize("seed", [0, 2**32 - 1, np.int64(3), np.random.RandomState(0), None], ids=lambda seed: type(seed).__name__)
def test_accepted_seeds(seed):
    check_parameters(DummyNoisy(random_state=seed))


ACCEPTED = {
    "module": [MLP, MLP(2, 2), lambda n_features, n_outputs: MLP(n_features, n_outputs)],
    "optimizer": ["auto", torch.optim.Adam],
    "device": ["cpu", torch.device("cpu")],
    "augment": [None, "weak", "strong", abs, (abs, abs)],
    "classes": [None, [0, 1], ("a", "b"), np.arange(3)],
    "callbacks": [None, [], [EarlyStopping], [EarlyStopping()], [STOP]],
    "verbose": [0, 1, True],
    "n_threads": [None, 1],
    "amp": ["auto", True],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in ACCEPTED.items() for value in values])
def test_accepted_values(name, value):
    check_parameters(DummyNoisy(**{name: value}))


class Stubborn(torch.optim.SGD):
    def step(self, closure=None):
        raise RuntimeError("no step today")


OPTIMIZERS = {
    "unknown setting": ({"optimizer__foo": 1}, r"SGD fails with .*optimizer__foo=1.*unexpected keyword argument 'foo'"),
    "value out of range": ({"optimizer__momentum": -1}, r"optimizer__momentum=-1.*Invalid momentum"),
    "value of another type": ({"optimizer__momentum": "a"}, "optimizer__momentum='a'"),
    "only sparse gradients": ({"optimizer": torch.optim.SparseAdam}, "SparseAdam fails with its defaults"),
    "the base class": ({"optimizer": torch.optim.Optimizer}, "Optimizer fails"),
    "failing step": ({"optimizer": Stubborn}, "Stubborn fails with its defaults: no step today"),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_that_do_not_work_are_named_before_training(name):
    changes, message = OPTIMIZERS[name]
    with pytest.raises(ValueError, match=f"'optimizer' parameter {message}" if "fails" in message else message):
        tiny(**changes).fit(X, Y)


def test_groups_of_weights_pass_through_to_skorch():
    groups = []

    class Watch(Callback):
        def on_train_begin(self, net, **_):
            groups.extend(group["lr"] for group in net.optimizer_.param_groups)

    tiny(optimizer__param_groups=[("head.*", {"lr": 0.5})], lr=0.25, callbacks=[Watch()]).fit(X, Y)
    assert sorted(groups) == [0.25, 0.5]


CALLBACK_NAMES = {
    "no callbacks": ({"callbacks__stop__patience": 1}, r"callbacks__stop__patience belongs to none.*\['epoch_timer'\]"),
    "another name": ({"callbacks": [STOP], "callbacks__halt__patience": 1}, r"callbacks__halt__patience.*'stop'"),
    "a whole callback": ({"callbacks__stop": None}, "callbacks__stop belongs to none"),
    "no such attribute": ({"callbacks": [STOP], "callbacks__stop__foo": 1}, "Invalid parameter 'foo'"),
    "twice the same name": ({"callbacks": [STOP, STOP]}, "duplicate.*'stop'"),
}


@pytest.mark.parametrize("name", CALLBACK_NAMES)
def test_callbacks_that_are_not_there(name):
    changes, message = CALLBACK_NAMES[name]
    with pytest.raises(ValueError, match=message):
        tiny(**changes).fit(X, Y)


def test_names_of_callbacks_without_one():
    score = EpochScoring("accuracy", use_caching=False)
    stops = [([STOP[1]], "EarlyStopping"), ([EarlyStopping], "EarlyStopping")]
    for callbacks, name in [*stops, ([score, score], "EpochScoring_2"), ([("score_2", score)], "score_2")]:
        check_parameters(DummyNoisy(callbacks=callbacks, **{f"callbacks__{name}__sink": print}))


def test_a_callback_can_be_taken_out_by_name():
    clf = tiny(callbacks=[STOP], callbacks__stop=None).fit(X, Y)
    assert "stop" not in dict(clf.net_.callbacks_)


def test_devices():
    assert find_device("cpu") == torch.device("cpu") == find_device(torch.device("cpu"))
    assert find_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.parametrize("device", ["gpu", "", "cuda:99", "meta", torch.device("meta")], ids=repr)
def test_devices_that_are_not_there(device):
    with pytest.raises(ValueError, match="The 'device' parameter is .*which is not there"):
        find_device(device)
    with pytest.raises(ValueError, match="device"):
        tiny(device=device).fit(X, Y)


def test_grid_search_over_spellings():
    grid = {"module__hidden": [(2,), (16,)], "optimizer__momentum": [0.0, 0.9]}
    folds = KFold(2, shuffle=True, random_state=0)
    base = DummyNoisy(max_epochs=3, random_state=0, module__batch_norm=True)
    search = GridSearchCV(base, grid, cv=folds, error_score="raise").fit(X, Y)
    assert len(search.cv_results_["params"]) == 4
    assert search.best_estimator_.module__hidden == search.best_params_["module__hidden"]
    assert search.best_estimator_.net_.module_.stage_widths == list(search.best_params_["module__hidden"])
    assert search.best_estimator_.module__batch_norm and not hasattr(base, "module__hidden")


def test_grid_search_names_a_wrong_spelling():
    search = GridSearchCV(DummyNoisy(max_epochs=1), {"module__hiden": [(2,)]}, error_score="raise", cv=2)
    with pytest.raises(ValueError, match="module__hiden is not a parameter of MLP.*hidden"):
        search.fit(X, Y)


def test_a_parameter_that_is_nearly_right_is_named():
    with pytest.raises(TypeError, match="unexpected parameter 'max_epoch', did you mean 'max_epochs'\\?; see"):
        DummyNoisy(max_epoch=3)
    with pytest.raises(TypeError, match="unexpected parameter 'qqq'; see"):
        DummyNoisy(qqq=3)


MEANT = {
    "max_epoch": "max_epochs", "modul__hidden": "module__hidden", "module_hidden": "module__hidden",
    "optimiser__momentum": "optimizer__momentum", "callback__stop": "callbacks__stop",
}  # fmt: skip


@pytest.mark.parametrize("name", MEANT)
def test_names_that_are_nearly_right_are_named_wherever_they_are_given(name):
    before = tiny()
    told = f"{name!r}.*DummyNoisy.*, did you mean {MEANT[name]!r}\\?; see get_params"
    with pytest.raises(ValueError, match=f"Invalid parameter {told}"):
        before.set_params(lr=0.5, module__x=1, **{name: 1})
    assert before.get_params() == tiny(module=before.module).get_params(), "a refused name changed the others"
    with pytest.raises(ValueError, match=told):
        make_pipeline(before).set_params(**{f"dummynoisy__{name}": 1})
    with pytest.raises(TypeError, match=f"DummyNoisy.*{name!r}, did you mean {MEANT[name]!r}"):
        DummyNoisy(**{name: 1})


def test_arguments_that_are_nearly_right_are_named():
    with pytest.raises(ValueError, match="module__hiden is not a parameter of MLP, did you mean 'module__hidden'"):
        tiny(module=MLP, module__hiden=(2,)).fit(X, Y)
    with pytest.raises(ValueError, match="did you mean 'optimizer__momentum'"):
        tiny(optimizer__momentun=0.5).fit(X, Y)
