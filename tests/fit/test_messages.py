"""What is nearly right is told what to do."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.utils.validation import has_fit_parameter

from skweak.active import ActiveLearner, LfOSA, LfOSAClassifier, RandomSampling, run_loop
from skweak.fit.messages import TAKERS
from skweak.nn import SmallCNN
from skweak.noisy import CrossEntropyClassifier, DPCClassifier, LabelIssueFilter
from skweak.semi import DDFAClassifier
from skweak.utils import all_estimators
from tests.small_data import blobs

X, Y, _ = blobs(40)
clf = CrossEntropyClassifier(max_epochs=1, random_state=0)


@pytest.mark.parametrize(
    ("name", "message"),
    [("trusted", "fit has it, skweak.noisy.BLDRClassifier or .*, or select"), ("groups", "give them to cross_validate"),
     ("classes", "in the constructor"), ("epochs", "parameters belong to the constructor")],
)  # fmt: skip
def test_fit_says_where_a_fact_belongs(name, message):
    told = rf"^CrossEntropyClassifier\.fit takes X, y and sample_weight, got {name!r}: .*{message}"
    with pytest.raises(TypeError, match=told):
        clf.fit(X, Y, **{name: np.ones(40, bool)})


@pytest.mark.parametrize("name", TAKERS)
def test_the_classes_that_are_named_are_those_that_take_the_fact(name):
    public = [*all_estimators(), ("DDFAClassifier", DDFAClassifier)]
    found = {f"{cls.__module__.split('.')[1]}.{n}" for n, cls in public if has_fit_parameter(cls, name)}
    assert found == set(TAKERS[name])


def test_partial_fit_and_wrappers_answer_in_the_same_way():
    with pytest.raises(
        TypeError, match=r"CrossEntropyClassifier\.partial_fit takes .* got 'trusted': take one whose fit"
    ):
        clf.partial_fit(X, Y, trusted=np.ones(40, bool))
    with pytest.raises(TypeError, match=r"LabelIssueFilter\.fit takes X, y and groups, got 'sample_weight'"):
        LabelIssueFilter(LogisticRegression()).fit(X, Y, sample_weight=np.ones(40))
    with pytest.raises(TypeError, match=r"DDFAClassifier\.fit takes X, y and domains, got 'groups'"):
        DDFAClassifier().fit(X, domains=Y, groups=Y)


def test_the_estimator_that_is_named_takes_verified_rows():
    small = DPCClassifier(**DPCClassifier._test_params() | {"max_epochs": 2, "warmup_epochs": 1}, random_state=0)
    assert small.fit(X, Y, trusted=np.arange(40) < 20).predict(X).shape == (40,)


def test_text_in_a_table_is_named_with_an_encoder():
    table = pd.DataFrame({"age": np.arange(40.0), "town": ["Bonn", "Rome"] * 20, "size": ["1", "2"] * 20})
    with pytest.raises(ValueError, match=r"X holds text in columns \['town'\]: .*'Bonn'.*OneHotEncoder\(.*\['town'\]"):
        clf.fit(table, Y)
    with pytest.raises(ValueError, match=r"X holds text in columns \[1\]: .*OneHotEncoder"):
        clf.fit(table.to_numpy(), Y)
    with pytest.raises(ValueError, match="X holds text in columns"):
        clf.fit(X, Y).predict([["a"] * 4])


def test_images_with_channels_last_are_refused():
    images = np.random.default_rng(0).random((8, 12, 12, 3)).astype(np.float32)
    y = np.arange(8) % 2
    with pytest.raises(ValueError, match=r"X of shape \(8, 12, 12, 3\) looks like .*X.transpose\(0, 3, 1, 2\)"):
        clf.fit(images, y)
    with pytest.raises(ValueError, match="channels last"):
        clf.fit((images * 255).astype(np.uint8), y)
    # A network of one's own reads what it wants.
    own = CrossEntropyClassifier(SmallCNN, max_epochs=1, batch_size=8, random_state=0)
    assert own.fit(images.transpose(0, 3, 1, 2), y).predict(images.transpose(0, 3, 1, 2)).shape == (8,)


def test_floats_that_are_bytes_are_refused():
    images = np.random.default_rng(0).integers(0, 256, (8, 1, 8, 8)).astype(np.float32)
    y = np.arange(8) % 2
    with pytest.raises(ValueError, match=r"images of floats from .* to .*X.astype\(np.uint8\).* or X / 255"):
        clf.fit(images, y)
    assert clf.fit(images / 255, y).predict(images / 255).shape == (8,)
    assert clf.fit(images % 17, y).predict(images % 17).shape == (8,)


def test_a_strategy_class_is_told_to_be_an_instance():
    with pytest.raises(TypeError, match=r"class RandomSampling, but an instance is needed; give RandomSampling\(\)"):
        ActiveLearner(LogisticRegression(), RandomSampling)


def test_a_closed_list_of_classes_refuses_a_mistyped_answer(tmp_path):
    names = np.array(["circle", "square", "star"])[Y]
    small = LfOSAClassifier(max_epochs=1, known_classes=["circle", "square", "star"], random_state=0)
    learner = ActiveLearner(small, LfOSA(), X[:20], names[:20])
    with pytest.raises(ValueError, match="oracle answered 'cirle', which is none of the estimator's classes"):
        run_loop(learner, X[20:], lambda row: "cirle", 1, 1, verbose=0, checkpoint=tmp_path)
    assert len((tmp_path / "answers.jsonl").read_text().splitlines()) == 1
    history = run_loop(learner, X[20:], lambda row: -1, 1, 1, verbose=0)
    assert history[-1]["n_unknown"] == 1
    closed = CrossEntropyClassifier(max_epochs=1, classes=["circle", "square", "star"], random_state=0)
    with pytest.raises(ValueError, match="oracle answered 'cirle'"):
        run_loop(ActiveLearner(closed, None, X[:20], names[:20]), X[20:], lambda row: "cirle", 1, 1, verbose=0)
