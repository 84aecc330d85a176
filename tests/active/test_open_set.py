"""What the open-set classifiers share: labels, stages, networks of the user, exact resume."""

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

from skweak.active import BUALClassifier, DCFSClassifier, E2OALClassifier, EAOAClassifier, LfOSAClassifier
from skweak.engine import Resume
from skweak.nn import MLP
from tests.small_data import blobs

X, Y, _ = blobs(90)
JUNK = np.where(Y == 2, -1, Y)
CLASSES = [BUALClassifier, DCFSClassifier, E2OALClassifier, EAOAClassifier, LfOSAClassifier]
each = pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)


def small(cls, **params):
    steps = {"detector_steps": 12} if cls is DCFSClassifier else {}
    return cls(**{"module__hidden": (8,), "max_epochs": 6, "random_state": 0} | steps | params)


@each
def test_it_predicts_known_classes_and_scores_knownness(cls):
    clf = small(cls, max_epochs=40).fit(X, JUNK)
    assert clf.classes_.tolist() == [0, 1] and set(clf.predict(X)) == {0, 1}
    known, unknown = clf.score_samples(X), clf.predict_unknown_proba(X)
    assert known.shape == unknown.shape == (90,) and known.dtype == unknown.dtype == np.float32
    assert (unknown >= 0).all() and (unknown <= 1).all()
    assert known[JUNK >= 0].mean() > known[JUNK < 0].mean()
    assert unknown[JUNK >= 0].mean() < unknown[JUNK < 0].mean()
    # Rows of unknown classes have no place in the score.
    assert clf.score(X, JUNK) == (clf.predict(X) == JUNK)[JUNK >= 0].mean() > 0.9


@each
def test_unknown_rows_never_teach_the_predicted_classes(cls):
    if cls is E2OALClassifier:
        pytest.skip("one network learns from all rows")
    moved = X.copy()
    moved[JUNK < 0] += 3
    settings = {"batch_size": 90, "module__scale_inputs": False}
    clf, other = small(cls, **settings).fit(X, JUNK), small(cls, **settings).fit(moved, JUNK)
    np.testing.assert_allclose(clf.predict_proba(X), other.predict_proba(X), atol=1e-6)


@each
def test_without_unknown_rows_everything_is_defined(cls):
    seen = JUNK >= 0
    clf = small(cls).fit(X[seen], JUNK[seen])
    for values in (clf.score_samples(X), clf.predict_unknown_proba(X)):
        assert np.isfinite(values).all()


@each
def test_pool_rows_are_accepted_and_not_taken_for_classes(cls):
    y = np.where(np.arange(90) < 50, JUNK, -7)
    clf = small(cls, unlabeled=-7).fit(X, y)
    assert clf.classes_.tolist() == [0, 1]
    codes = clf.encode_answers(y)
    assert codes[:50].tolist() == np.where(JUNK < 0, 2, JUNK)[:50].tolist() and (codes[50:] == -1).all()
    with pytest.raises(ValueError, match="unlabeled and unknown_label are both -1"):
        small(cls, unlabeled=-1).fit(X, JUNK)


@each
def test_only_junk_or_one_class_is_refused(cls):
    with pytest.raises(ValueError, match="y holds no row with a class"):
        small(cls).fit(X, np.full(90, -1))
    with pytest.raises(ValueError, match="at least 2 classes"):
        small(cls).fit(X, np.where(Y == 0, 0, -1))


@each
def test_a_network_of_the_user_gets_the_outputs_that_are_needed(cls):
    torch.manual_seed(0)
    network = MLP(4, 2, hidden=(8,))
    before = [parameter.detach().clone() for parameter in network.parameters()]
    clf = cls(network, max_epochs=40, random_state=0, **({"detector_steps": 12} if cls is DCFSClassifier else {}))
    clf.fit(X, JUNK)
    assert clf.predict_proba(X).shape == (90, 2) and np.isfinite(clf.score_samples(X)).all()
    assert clf.score(X, JUNK) > 0.9
    for old, new in zip(before, network.parameters(), strict=True):
        assert torch.equal(old, new)


@each
@pytest.mark.parametrize("stop", [1, 5, 8, 11, 17])
def test_stopped_in_any_stage_and_resumed_it_ends_with_the_same_bits(cls, stop):
    y = np.where(np.arange(90) < 60, JUNK, -7)
    states = []

    class Keep(Callback):
        def on_epoch_end(self, net, **kwargs):
            if net.epoch == stop:
                states.append(net.state_dict())

    whole = small(cls, unlabeled=-7, callbacks=[Keep()]).fit(X, y)
    if not states:
        pytest.skip("it has fewer epochs")
    resumed = small(cls, unlabeled=-7, callbacks=[Resume(states[0])]).fit(X, y)
    np.testing.assert_array_equal(resumed.predict_proba(X), whole.predict_proba(X))
    np.testing.assert_array_equal(resumed.score_samples(X), whole.score_samples(X))
    if cls is BUALClassifier:
        np.testing.assert_array_equal(resumed.negative_proba_, whole.negative_proba_)


@each
def test_a_warm_start_goes_on(cls):
    clf = small(cls, warm_start=True).fit(X, JUNK)
    first = clf.predict_proba(X)
    n_epochs = len(clf.history_)
    clf.fit(X, JUNK)
    assert len(clf.history_) == 2 * n_epochs and not np.array_equal(clf.predict_proba(X), first)


@each
def test_the_constructor_refuses_what_it_does_not_know(cls):
    for name, wrong in {"known_classes": 3, "unknown_label": [1], "unlabeled": (1, 2)}.items():
        with pytest.raises(ValueError, match=f"The '{name}' parameter"):
            small(cls, **{name: wrong}).fit(X, JUNK)
