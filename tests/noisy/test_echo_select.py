"""EchoSelect: prototypes and their cosines by hand, what is selected in which way, its limits, and wrong labels."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.datasets import load_digits, load_iris, load_wine
from sklearn.metrics import precision_score, recall_score

from skweak.datasets import make_noisy_labels
from skweak.noisy import CrossEntropyClassifier, EchoSelectClassifier
from skweak.noisy.echo_select import echo_scores
from tests.small_data import blobs

SMALL = {"module__hidden": (16,), "batch_size": 16, "max_epochs": 4, "random_state": 0}


def test_a_prototype_is_made_of_the_most_typical_quarter():
    # Class 0 has the mean direction 27, so that 10, 20 and 25 degrees stay; theirs is 18, so that 20 and 25 stay.
    angles = np.deg2rad([0, 10, 20, 25, 90, 180])
    phi = torch.from_numpy(np.c_[np.cos(angles), np.sin(angles)] * [[3], [1], [2], [1], [5], [1]])
    given_class = torch.tensor([0, 0, 0, 0, 0, 1])
    # 20 and 25 meet each other, the others meet 22.5 degrees, and the only row of class 1 meets itself.
    own = np.cos(np.deg2rad([22.5, 12.5, 5, 5, 67.5, 0]))
    np.testing.assert_allclose(echo_scores(phi, given_class, 2, contrast=False), own, atol=1e-7)
    other = np.r_[np.cos(np.pi - angles[:5]), np.cos(np.deg2rad(157.5))]
    np.testing.assert_allclose(echo_scores(phi, given_class, 2), own - other, atol=1e-7)
    # A row without a direction resembles nothing, whatever it is part of.
    zero = torch.cat([torch.zeros(2, 2, dtype=phi.dtype), phi[:2]])
    assert (echo_scores(zero, torch.tensor([0, 0, 1, 1]), 2, contrast=False)[:2] == 0).all()


def test_a_row_is_not_compared_with_itself():
    # Sixteen rows of one class: four make the prototype, and each of them meets the three others.
    random = np.random.RandomState(0)
    phi = torch.from_numpy(random.randn(16, 3) + [4, 0, 0])
    unit = torch.nn.functional.normalize(phi)
    score = echo_scores(phi, torch.zeros(16, dtype=torch.int64), 1, contrast=False)
    chosen = np.arange(16)
    for _ in range(2):
        near = unit[chosen] @ unit[chosen].sum(0)
        chosen = chosen[near.argsort(descending=True)[: len(chosen) // 2]]
    for i in range(16):
        rest = unit[[j for j in chosen if j != i]].sum(0)
        assert score[i] == pytest.approx(float(unit[i] @ rest / rest.norm()), abs=1e-9)


@given(st.integers(2, 4), st.integers(0, 10**6), st.floats(1e-3, 1e3))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_scores_are_cosines_whatever_the_lengths_and_the_order_of_classes(n_classes, seed, length):
    random = np.random.RandomState(seed)
    phi, y = torch.from_numpy(random.randn(30, 5)), torch.from_numpy(random.randint(0, n_classes, 30))
    plain, contrasted = (echo_scores(phi, y, n_classes, contrast=contrast) for contrast in (False, True))
    assert plain.abs().max() <= 1 and contrasted.abs().max() <= 2
    lengths = torch.from_numpy(length * random.uniform(0.1, 10, (30, 1)))
    torch.testing.assert_close(echo_scores(phi * lengths, y, n_classes), contrasted)
    torch.testing.assert_close(echo_scores(phi, n_classes - 1 - y, n_classes), contrasted)
    # The two rows of a class are equally near to their prototype: neither length nor rounding may choose between them.
    few = torch.cat([torch.zeros(2, dtype=y.dtype), y[2:].clamp_min(1)])
    torch.testing.assert_close(echo_scores(phi * lengths, few, n_classes), echo_scores(phi, few, n_classes))


def test_digits_with_wrong_labels_are_told_apart_as_they_are():
    X, y = load_digits(return_X_y=True)
    noisy, wrong, _ = make_noisy_labels(y, "symmetric_exclusive:0.4", random_state=0)
    phi = torch.from_numpy((X - X.mean(0)) / np.maximum(X.std(0), 1e-9))
    kept = (echo_scores(phi, torch.from_numpy(noisy), 10) > 0).numpy()
    assert precision_score(~wrong, kept) > 0.95 and recall_score(~wrong, kept) > 0.7


class Watched(EchoSelectClassifier):
    """Keeps which rows are selected, and which ones every epoch trained on."""

    def _start(self, run):
        super()._start(run)
        self.seen, self.selected = [], None

    def _loss(self, run, batch):
        self.seen.append((run.epoch, batch.index))
        return super()._loss(run, batch)

    def _end_epoch(self, run):
        super()._end_epoch(run)
        self.selected = run.state.selected.numpy()

    def rows(self, epoch):
        return set(torch.cat([index for e, index in self.seen if e == epoch]).tolist())


def test_rows_left_out_do_not_train_until_the_network_believes_them():
    X, _, noisy = blobs(60)
    clf = Watched(readmit=False, **SMALL).fit(X, noisy)
    assert all(clf.rows(epoch) == set(np.flatnonzero(clf.selected)) for epoch in range(4)) and not clf.selected.all()
    assert np.array_equal(clf.noise_mask_, ~clf.selected) and ((clf.similarity_ > 0) <= clf.selected).all()
    # Right labels of iris that the nearest prototype doubts: the network comes to believe most of them.
    X, y = load_iris(return_X_y=True)
    clf = Watched(threshold=0.0, **SMALL | {"max_epochs": 12}).fit(X, y)
    first, last = (clf.rows(epoch) for epoch in (5, 11))
    assert first == set(np.flatnonzero(clf.selected)) < last == set(np.flatnonzero(~clf.noise_mask_))


def test_a_larger_threshold_keeps_a_part_and_a_tiny_one_everything():
    X, _, noisy = blobs(60)
    kept = []
    for threshold in (-3, 0, 0.5):
        clf = EchoSelectClassifier(threshold=threshold, readmit=False, **SMALL).fit(X, noisy)
        kept.append(set(np.flatnonzero(~clf.noise_mask_)))
    assert kept[0] == set(range(60)) and kept[1] > kept[2] and len(kept[2]) >= 3
    by_mixture = EchoSelectClassifier(threshold="gmm", readmit=False, **SMALL).fit(X, noisy)
    assert 0 < by_mixture.noise_mask_.sum() < 30


@pytest.mark.filterwarnings("ignore:EchoSelectClassifier predicts 0:UserWarning")
def test_similarities_of_one_kind_leave_nobody_out():
    # One hump of similarities, whose tail the nearest prototype would cut off.
    X, y = load_wine(return_X_y=True)
    assert not EchoSelectClassifier(**SMALL).fit(X, y).noise_mask_.any()
    assert EchoSelectClassifier(min_separation=0.0, readmit=False, **SMALL).fit(X, y).noise_mask_.any()
    # Rows that are all alike resemble every class as much.
    alike = EchoSelectClassifier(min_separation=0.0, **SMALL).fit(np.ones((30, 2)), np.arange(30) % 2)
    assert not alike.noise_mask_.any() and (alike.similarity_ == 0).all()


def test_verified_rows_stay_and_no_class_goes():
    X, _, noisy = blobs(60)
    trusted = np.arange(60) % 2 == 0
    clf = EchoSelectClassifier(threshold=5.0, readmit=False, **SMALL).fit(X, noisy, trusted=trusted)
    assert not clf.noise_mask_[trusted].any() and clf.noise_mask_[~trusted].any()
    clf = EchoSelectClassifier(threshold=1.9, readmit=False, **SMALL).fit(X, noisy)
    assert set(noisy[~clf.noise_mask_]) == {0, 1, 2}


def test_everything_selected_is_cross_entropy():
    X, _, noisy = blobs(60)
    shared = SMALL | {"dtype": "float64", "lr": 0.05}
    clf, plain = EchoSelectClassifier(threshold=-3.0, **shared), CrossEntropyClassifier(**shared)
    proba, expected = (each.fit(X, noisy).predict_proba(X) for each in (clf, plain))
    np.testing.assert_allclose(proba, expected, rtol=1e-9)


def test_features_of_the_user_decide_alone():
    X, clean, noisy = blobs(60)
    told = []

    def truth(rows):
        told.append(rows.shape)
        return np.eye(3)[clean]

    clf = EchoSelectClassifier(feature_extractor=truth, readmit=False, **SMALL).fit(X, noisy)
    assert np.array_equal(clf.noise_mask_, noisy != clean) and told == [(60, 4)]
    for wrong in (lambda rows: np.zeros(60), lambda rows: np.full((60, 2), np.nan), lambda rows: np.zeros((59, 2))):
        with pytest.raises(ValueError, match=r"feature_extractor must return finite numbers of shape \(60, d\)"):
            EchoSelectClassifier(feature_extractor=wrong, **SMALL).fit(X, noisy)


def test_rows_that_a_function_leaves_alone_stay_and_written_rows_take_the_place_of_others():
    X, clean, noisy = blobs(60)
    names, wrong = np.array(["a", "b", "c"]), noisy != clean
    same = EchoSelectClassifier(reference=lambda X, y: X, threshold=0.99, **SMALL).fit(X, names[noisy])
    assert not same.noise_mask_.any() and np.allclose(same.similarity_, 1)
    seen, centres = [], np.stack([X[clean == c].mean(0) for c in range(3)])

    def rewritten(X, y):
        return np.where(wrong[:, None], centres[np.searchsorted(names, y)], X)

    class Looking(EchoSelectClassifier):
        def _loss(self, run, batch):
            losses = super()._loss(run, batch)
            with torch.no_grad():
                plain = torch.nn.functional.cross_entropy(run.module_(batch.X), batch.y, reduction="none")
            seen.append((run.epoch, (losses.detach() / plain).numpy(), wrong[batch.index.numpy()]))
            return losses

    clf = Looking(reference=rewritten, threshold=0.999, readmit=False, **SMALL | {"max_epochs": 6}).fit(X, names[noisy])
    assert np.array_equal(clf.noise_mask_, wrong)
    weight = 0.5 / (1 - wrong.mean())
    for epoch, ratio, other in seen:
        # Rows that stay weigh as little as they are many; the last epoch has no others.
        np.testing.assert_allclose(ratio[~other], weight if epoch < 5 else 1.0, rtol=1e-4)
        assert epoch < 5 or not other.any()
    with pytest.raises(ValueError, match=r"reference must return finite rows of .* X, \(60, 4\), got \(60,\)"):
        EchoSelectClassifier(reference=lambda X, y: y, **SMALL).fit(X, noisy)
    with pytest.raises(ValueError, match=r"rewrites rows of an array, got X as csr_matrix; .* X.toarray\(\)"):
        EchoSelectClassifier(reference=lambda X, y: X, **SMALL).fit(sparse.csr_matrix(X), noisy)


def test_rows_that_stay_as_they_are_train_as_plain_rows():
    X, _, noisy = blobs(60)
    shared = SMALL | {"dtype": "float64", "lr": 0.05}
    same, plain = EchoSelectClassifier(reference=lambda X, y: X, **shared), CrossEntropyClassifier(**shared)
    proba, expected = (each.fit(X, noisy).predict_proba(X) for each in (same, plain))
    np.testing.assert_allclose(proba, expected, rtol=1e-9)


def test_a_known_share_of_small_losses_stays_in_every_class():
    X, _, noisy = blobs(60)
    shared = SMALL | {"max_epochs": 5, "warmup_epochs": 3, "readmit": False}
    clf = EchoSelectClassifier(small_loss=0.2, **shared).fit(X, noisy)
    # min(1 - 1.2 * 0.2, 0.9 * 0.8) of each class.
    assert np.array_equal(np.bincount(noisy[~clf.noise_mask_]), (0.72 * np.bincount(noisy)).astype(int))
    for c in range(3):
        kept, rest = (clf.similarity_[(noisy == c) & mask] for mask in (~clf.noise_mask_, clf.noise_mask_))
        assert kept.min() >= rest.max()


def test_the_network_can_be_the_extractor():
    X, clean, noisy = blobs(90)
    settings = {"max_epochs": 8, "warmup_epochs": 4, "lr": 0.1, "random_state": 0}
    clf = Watched(feature_extractor="network", readmit=False, **settings).fit(X, noisy)
    assert clf.rows(3) == set(range(90)) and clf.rows(4) == set(np.flatnonzero(clf.selected))
    assert clf.noise_mask_[noisy != clean].mean() > 0.8


def test_wrong_labels_are_found_and_not_learnt():
    X, clean, noisy = blobs(90)
    settings = {"max_epochs": 40, "lr": 0.1, "random_state": 0}
    clf, plain = (cls(**settings).fit(X, noisy) for cls in (EchoSelectClassifier, CrossEntropyClassifier))
    wrong = noisy != clean
    assert clf.label_quality_[wrong].mean() < plain.label_quality_[wrong].mean()
    assert (clf.transduction_ == clean).mean() > (noisy == clean).mean()


@pytest.mark.parametrize(
    ("name", "value"),
    [("feature_extractor", "pixels"), ("reference", "mean"), ("threshold", "otsu"), ("contrast", "yes"),
     ("min_separation", -1.0), ("small_loss", 1.0), ("warmup_epochs", 0), ("readmit", "yes")],
)  # fmt: skip
def test_parameters_out_of_range(name, value):
    with pytest.raises(ValueError, match=f"'{name}' parameter"):
        EchoSelectClassifier(**{name: value}).fit(*blobs(30)[::2])
