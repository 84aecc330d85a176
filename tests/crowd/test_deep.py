"""Networks on answers: layers and losses by hand, limits, and crowds in which somebody is odd."""

import math
from functools import partial
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression, Perceptron
from sklearn.model_selection import GridSearchCV, KFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

import skweak
from skweak.crowd import (
    CrowdLayerClassifier,
    DoctorNetClassifier,
    SelfCrowdClassifier,
    VoteClassifier,
    dawid_skene,
    majority_vote,
)
from skweak.crowd.crowd_layer import AnnotatorLayer, answer_losses, vote_shares
from skweak.crowd.doctor_net import Doctors
from skweak.crowd.self_crowd import choose_answers
from skweak.datasets import make_annotators, make_crowd_labels
from skweak.nn import MLP
from tests.small_data import blobs

CLASSES = [VoteClassifier, CrowdLayerClassifier, DoctorNetClassifier, SelfCrowdClassifier]
each = pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
SMALL = {"module": partial(MLP, hidden=(16,)), "max_epochs": 20, "batch_size": 16, "random_state": 0}


def crowd(n=120, seed=0, density=0.6, **kinds):
    X, y, _ = blobs(n)
    confusion, _ = make_annotators(3, random_state=seed, **(kinds or {"reliable": 5}))
    return X, y, make_crowd_labels(y, confusion=confusion, density=density, random_state=seed)[0]


def test_losses_of_answers_by_hand():
    # Two annotators, uniform logits: each answer costs log 3. The second row has one answer, the third none.
    answers = torch.tensor([[0, 2], [-1, 1], [-1, -1]])
    losses = answer_losses(torch.zeros(3, 2, 3), answers)
    torch.testing.assert_close(losses, torch.tensor([2.0, 1.0, 0.0]) * math.log(3))
    assert losses.mean().item() == pytest.approx(math.log(3))
    cells = answer_losses(torch.zeros(3, 2, 3), answers, "cells")
    assert cells.mean().item() == pytest.approx(math.log(3) / 2)
    shares = vote_shares(answers, 3)
    torch.testing.assert_close(shares, torch.tensor([[0.5, 0, 0.5], [0, 1, 0], [0, 0, 0]]))


def test_the_layer_starts_at_the_identity_and_multiplies():
    layer, proba = AnnotatorLayer(2, 3), torch.tensor([[0.2, 0.3, 0.5]])
    torch.testing.assert_close(layer(proba), proba.expand(1, 2, 3))
    layer.weight.data[1] = torch.tensor([[0.0, 1, 0], [1, 0, 0], [0, 0, 2]])
    torch.testing.assert_close(layer(proba)[0, 1], torch.tensor([0.3, 0.2, 1.0]))


def test_heads_without_answers_take_no_part():
    doctors = Doctors(2, 3, 2)
    doctors.active[1] = False
    with torch.no_grad():
        doctors.heads.weight.zero_()
        doctors.heads.bias.copy_(torch.tensor([0.9, 0.1, 0.0, 1.0, 0.5, 0.5]).clamp_min(1e-9).log())
    clf = DoctorNetClassifier()
    run = SimpleNamespace(module_=nn.Linear(2, 2), doctors_=doctors)
    proba = clf._logits(run, torch.zeros(1, 2)).exp()
    torch.testing.assert_close(proba, torch.tensor([[0.7, 0.3]]))


def test_a_head_is_its_own_as_far_as_its_answers_go():
    doctors = Doctors(1, 3, 2)
    with torch.no_grad():
        doctors.heads.weight.copy_(torch.tensor([[2.0], [0.0], [0.0], [4.0], [9.0], [9.0]]))
        doctors.heads.bias.zero_()
    assert doctors(torch.ones(1, 1)).tolist() == [[[2, 0], [0, 4], [9, 9]]]
    # The mean of the two that answered is (1, 2).
    doctors.active[2] = False
    doctors.share.copy_(torch.tensor([0.5, 0.0, 0.0]))
    assert doctors(torch.ones(1, 1)).tolist() == [[[1.5, 1], [1, 2], [1, 2]]]


def test_shrinkage_by_answers_and_its_limits():
    X, _, answers = crowd(60)
    answers[10:, 0] = -1
    fits = {
        k: DoctorNetClassifier(**(SMALL | {"max_epochs": 2}), shrinkage=k).fit(X, answers) for k in (0.0, 10.0, 1e6)
    }
    count = (answers >= 0).sum(0)
    np.testing.assert_allclose(fits[10.0].net_.doctors_.share, count**2 / (count**2 + 100), rtol=1e-6)
    assert fits[0.0].net_.doctors_.share.tolist() == [1.0] * 5
    same = fits[1e6].annotator_proba(X)
    np.testing.assert_allclose(same, same[:, :1].repeat(5, axis=1), atol=1e-4)


def test_new_answers_of_a_round_by_hand():
    # Class 0 has 7 answers, class 1 one: quotas go as 1 and 4, so that of 5 answers one and four are asked for.
    confidence = torch.tensor([[0.9, 0.2], [0.8, 0.7], [0.6, 0.1], [0.5, 0.4]])
    code = torch.tensor([[0, 1], [0, 0], [1, 1], [1, 0]])
    free = torch.ones(4, 2, dtype=torch.bool)
    row, column = choose_answers(confidence, code, free, torch.tensor([7, 1]), 5)
    # Row 0 weighs 0.9 against 4 * 0.2. Rows 2 and 3 say 1; the quota of class 0 is filled by row 0, and the rest lapses.
    assert sorted(zip(row.tolist(), column.tolist(), strict=True)) == [(0, 0), (2, 0), (3, 0)]
    row, column = choose_answers(confidence, code, free, torch.tensor([7, 1]), 3, balance=None)
    assert list(zip(row.tolist(), column.tolist(), strict=True)) == [(0, 0), (1, 0), (2, 0)]
    free[0, 0] = free[2] = False
    row, column = choose_answers(confidence, code, free, torch.tensor([7, 1]), 2, balance=0.0)
    assert sorted(zip(row.tolist(), column.tolist(), strict=True)) == [(1, 0), (3, 0)]
    assert len(choose_answers(confidence, code, free & False, torch.tensor([7, 1]), 5)[0]) == 0


def test_quotas_even_the_classes():
    random = torch.Generator().manual_seed(0)
    confidence, free = torch.rand(500, 6, generator=random), torch.rand(500, 6, generator=random) < 0.8
    code = (torch.rand(500, 6, generator=random) ** 3 * 4).long()
    counts = torch.tensor([200, 60, 30, 10])

    def entropy(balance):
        row, column = choose_answers(confidence, code, free, counts, 100, balance=balance)
        assert len(row) <= 100 and free[row, column].all() and len(set(row.tolist())) == len(row)
        share = counts + torch.bincount(code[row, column], minlength=4)
        share = share / share.sum()
        return -(share * share.log()).sum()

    assert entropy(1.0) > entropy(None) + 0.05


def test_given_answers_are_never_changed():
    X, _, answers = crowd(density=0.4)
    clf = SelfCrowdClassifier(warm_start=True, **SMALL).fit(X, answers)
    filled = clf.net_.state.answers.numpy()
    np.testing.assert_array_equal(filled[answers >= 0], answers[answers >= 0])
    assert clf.n_added_ == ((filled >= 0) & (answers < 0)).sum() > 0


def test_without_rounds_it_is_the_crowd_layer_to_the_bit():
    X, _, answers = crowd()
    plain = CrowdLayerClassifier(**SMALL).fit(X, answers)
    for off in ({"n_rounds": 0}, {"budget": 0.0}, {"threshold": 1.0}):
        clf = SelfCrowdClassifier(**off, **SMALL).fit(X, answers)
        assert clf.n_added_ == 0 and np.array_equal(clf.predict_proba(X), plain.predict_proba(X))


def test_with_nothing_but_warm_up_the_layer_is_soft_voting_to_rounding():
    X, _, answers = crowd()
    vote = VoteClassifier(**SMALL).fit(X, answers)
    layer = CrowdLayerClassifier(warmup_fraction=1.0, **SMALL).fit(X, answers)
    np.testing.assert_allclose(layer.predict_proba(X), vote.predict_proba(X), atol=1e-4)


def test_the_order_of_annotators_does_not_matter():
    X, _, answers = crowd()
    order, settings = [3, 0, 4, 1, 2], SMALL | {"dtype": "float64"}
    first = CrowdLayerClassifier(**settings).fit(X, answers)
    moved = CrowdLayerClassifier(**settings).fit(X, answers[:, order])
    np.testing.assert_allclose(moved.predict_proba(X), first.predict_proba(X), atol=1e-8)
    np.testing.assert_allclose(moved.confusion_, first.confusion_[order], atol=1e-8)


@each
def test_everything_found_out_has_its_shape(cls):
    X, y, answers = crowd()
    names = np.where(answers < 0, "?", np.array(["cat", "dog", "fox"])[answers])
    clf = cls(missing="?", **SMALL).fit(X, names)
    assert clf.confusion_.shape == (5, 3, 3) and clf.annotator_quality_.shape == (5,)
    np.testing.assert_allclose(clf.confusion_.sum(2), 1, atol=1e-6)
    said = clf.annotator_proba(X)
    assert said.shape == (len(X), 5, 3)
    np.testing.assert_allclose(said.sum(2), 1, atol=1e-5)
    assert clf.label_quality_.shape == (len(X),) and set(clf.transduction_) == {"cat", "dog", "fox"}
    assert (clf.predict(X) == np.array(["cat", "dog", "fox"])[y]).mean() > 0.9
    assert (clf.transduction_ == np.array(["cat", "dog", "fox"])[y]).mean() > 0.9


@each
def test_rows_and_annotators_without_answers(cls):
    X, y, answers = crowd()
    answers[:20] = -1
    answers = np.c_[answers, np.full(len(X), -1)]
    clf = cls(**SMALL).fit(X, answers)
    assert np.isnan(clf.annotator_quality_[5]) and np.isfinite(clf.annotator_quality_[:5]).all()
    # Nobody has answered these rows, so the network does.
    np.testing.assert_array_equal(clf.transduction_[:20], clf.predict(X[:20]))
    assert (clf.transduction_[:20] == y[:20]).mean() > 0.8


@each
def test_one_annotator_is_class_labels(cls):
    X, _, noisy = blobs(90)
    clf = cls(**SMALL).fit(X, noisy[:, None])
    flat = cls(**SMALL).fit(X, noisy)
    assert np.array_equal(flat.predict_proba(X), clf.predict_proba(X)) and clf.confusion_.shape == (1, 3, 3)
    assert clf.score(X, noisy) > 0.8


@each
def test_a_crowd_that_is_always_wrong_is_believed(cls):
    X, y, _ = blobs(90)
    clf = cls(**SMALL).fit(X, np.repeat((y[:, None] + 1) % 3, 3, axis=1))
    assert (clf.predict(X) == (y + 1) % 3).mean() > 0.9


@each
def test_what_cannot_be_learned_has_its_sentence(cls):
    X, _, answers = crowd()
    for y, message in [
        (np.zeros_like(answers), "only one class"),
        (np.full_like(answers, -1), "only the marker missing=-1"),
        (answers[:-1], "inconsistent numbers of samples"),
    ]:
        with pytest.raises(ValueError, match=message):
            cls(**SMALL).fit(X, y)
    with pytest.raises(ValueError, match="not in classes"):
        cls(classes=[0, 1], **SMALL).fit(X, answers)
    # An unknown class of which nobody knows yet is fine when it is named.
    assert cls(classes=[0, 1, 2, 7], **SMALL).fit(X, answers).predict_proba(X).shape[1] == 4


def test_rows_to_train_on_need_an_answer():
    X, _, answers = crowd(40)
    answers[:] = -1
    answers[0, :2] = 0, 1
    with pytest.raises(ValueError, match="no answer on any row to train on"):
        for seed in range(20):
            VoteClassifier(validation_fraction=0.5, **(SMALL | {"random_state": seed, "max_epochs": 1})).fit(X, answers)


@each
def test_one_epoch_is_enough_to_be_legal(cls):
    X, _, answers = crowd(40)
    assert cls(**(SMALL | {"max_epochs": 1})).fit(X, answers).predict(X).shape == (40,)


@each
def test_saved_and_loaded(cls, tmp_path):
    X, _, answers = crowd(60)
    clf = cls(**SMALL).fit(X, answers)
    skweak.save(clf, tmp_path / "crowd.skweak")
    again = skweak.load(tmp_path / "crowd.skweak")
    assert np.array_equal(again.predict_proba(X), clf.predict_proba(X))
    assert np.array_equal(again.annotator_proba(X), clf.annotator_proba(X))


def test_around_a_classifier_of_scikit_learn_it_is_saved_and_loaded(tmp_path):
    pytest.importorskip("skops")
    X, _, answers = crowd(60)
    clf = VoteClassifier(estimator=make_pipeline(StandardScaler(), LogisticRegression(C=0.3))).fit(X, answers)
    skweak.save(clf, tmp_path / "crowd.skweak")
    again = skweak.load(tmp_path / "crowd.skweak")
    assert again.estimator.get_params()["logisticregression__C"] == 0.3
    assert np.array_equal(again.predict_proba(X), clf.predict_proba(X))
    assert np.array_equal(again.annotator_proba(X), clf.annotator_proba(X))
    assert np.array_equal(again.fit(X, answers).predict_proba(X), clf.predict_proba(X))
    # Unfitted as well.
    skweak.save(VoteClassifier(estimator=LogisticRegression(C=0.3)), tmp_path / "crowd.skweak")
    assert skweak.load(tmp_path / "crowd.skweak").estimator.C == 0.3


def test_search_over_consensus_and_calibration():
    X, y, answers = crowd()
    folds = KFold(3, shuffle=True, random_state=0)
    search = GridSearchCV(VoteClassifier(**SMALL), {"consensus": ["majority", "soft", "dawid_skene", "glad"]}, cv=folds)
    assert (search.fit(X, answers).predict(X) == y).mean() > 0.9
    scores = cross_validate(CrowdLayerClassifier(**SMALL), X, answers, cv=folds, error_score="raise")["test_score"]
    assert (scores > 0.5).all()
    # It calibrates against one label per row, which a crowd has not got: on verified rows it works.
    with pytest.raises(ValueError, match="1d array|multiclass|inconsistent|y should be"):
        CalibratedClassifierCV(VoteClassifier(**SMALL), cv=folds).fit(X, answers)
    from sklearn.frozen import FrozenEstimator

    fitted = VoteClassifier(**SMALL).fit(X, answers)
    calibrated = CalibratedClassifierCV(FrozenEstimator(fitted)).fit(X[:60], y[:60])
    assert (calibrated.predict(X) == y).mean() > 0.9


@pytest.mark.parametrize("consensus", ["majority", "soft", "dawid_skene", "glad"])
def test_any_classifier_learns_what_the_network_learns(consensus):
    X, y, answers = crowd()
    clf = VoteClassifier(consensus=consensus, estimator=LogisticRegression()).fit(pd.DataFrame(X), answers)
    assert (clf.predict(pd.DataFrame(X)) == y).mean() > 0.9 and clf.annotator_proba(pd.DataFrame(X)).shape == (
        120,
        5,
        3,
    )
    assert clf.label_quality_.shape == (120,) and clf.confusion_.shape == (5, 3, 3)
    # The rows of the classifier's own fit: each class with its share as weight.
    posterior = {"dawid_skene": dawid_skene}.get(consensus, majority_vote)(answers).posterior
    if consensus in ("soft", "dawid_skene"):
        row, code = np.nonzero(posterior * (answers >= 0).any(1)[:, None])
        own = LogisticRegression().fit(X[row], code, sample_weight=posterior[row, code])
        np.testing.assert_allclose(clf.predict_proba(pd.DataFrame(X)), own.predict_proba(X), atol=1e-6)


def test_a_classifier_without_weights_or_probabilities():
    X, y, answers = crowd()
    from sklearn.neighbors import KNeighborsClassifier

    neighbours = VoteClassifier(estimator=KNeighborsClassifier()).fit(X, answers)
    assert (neighbours.predict(X) == y).mean() > 0.9
    clf = VoteClassifier(estimator=Perceptron()).fit(X, answers)
    assert set(np.unique(clf.predict_proba(X))) == {0.0, 1.0} and (clf.predict(X) == y).mean() > 0.5
    with pytest.raises(ValueError, match="embed needs a network"):
        clf.embed(X)
    # A network takes the place of the classifier when there is none any more.
    clf.set_params(estimator=None, **SMALL).fit(X, answers)
    assert not hasattr(clf, "estimator_") and clf.embed(X).shape == (120, 16)


def test_a_layer_learns_who_answers_how():
    X, y, answers = crowd(300, density=1.0, reliable=4, adversarial=1, accuracy=0.9)
    clf = CrowdLayerClassifier(**(SMALL | {"max_epochs": 60})).fit(X, answers)
    right = np.trace(clf.confusion_, axis1=1, axis2=2)
    assert right[4] < 0.5 * right[:4].min()
    said = clf.annotator_proba(X)
    assert (said[:, 4].argmax(1) != y).mean() > 0.8 and (said[:, 0].argmax(1) == y).mean() > 0.8


def test_weighted_doctors_listen_to_the_good_ones():
    # Two answer at random, so that nobody can predict them, and they predict nobody.
    X, y, _ = blobs(300)
    confusion = np.stack([0.85 * np.eye(3) + 0.05] * 3 + [np.full((3, 3), 1 / 3)] * 2)
    answers, _ = make_crowd_labels(y, confusion=confusion, random_state=0)
    settings = SMALL | {"max_epochs": 60}
    clf = DoctorNetClassifier(averaging="weighted", weighting_fraction=0.5, **settings).fit(X, answers)
    with torch.no_grad():
        z = torch.from_numpy(clf.embed(X))
        weight = clf.net_.doctors_.log_weights(z).exp().mean(0)
    assert weight[:3].mean() > 1.2 * weight[3:].mean()
    assert (clf.predict(X) == y).mean() > 0.95
