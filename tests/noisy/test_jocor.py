"""JoCoR: one choice of rows for both networks, by hand, its limit, and wrong labels that it does not learn."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from skweak.engine import Batch
from skweak.noisy import CrossEntropyClassifier, JoCoRClassifier
from tests.noisy.test_coteaching import FIRST, SECOND, Table
from tests.small_data import blobs


def taught(forget_rate, agreement_weight=0.0, class_weight=None):
    """Return the loss and, for each network, the rows that it learned from."""
    networks = [Table(FIRST), Table(SECOND)]
    run = SimpleNamespace(
        class_weight=class_weight, module_=networks[0], peer_=networks[1], state=SimpleNamespace(progress=1.0),
        n_outputs=2, data=SimpleNamespace(trusted=None),
        scratch=SimpleNamespace(mean_weight=1.0 if class_weight is None else 2.0),
    )  # fmt: skip
    batch = Batch(torch.zeros(10, 1), torch.zeros(10, dtype=torch.int64), torch.arange(10))
    loss = JoCoRClassifier(forget_rate=forget_rate, agreement_weight=agreement_weight)._loss(run, batch)
    loss.backward()
    return loss.item(), [net.logits.grad.abs().gt(1e-7).any(1).nonzero()[:, 0].tolist() for net in networks]


def test_both_networks_learn_from_the_same_small_joint_losses():
    # Sums of both cross-entropies: the product of the probabilities is largest on rows 2 to 5, then on row 6.
    loss, (first, second) = taught(0.5)
    assert first == second == [2, 3, 4, 5, 6]
    expected = -(FIRST[2:7].log() + SECOND[2:7].log()).mean()
    assert loss == pytest.approx(expected.item(), rel=1e-6)


def test_disagreement_counts_against_a_row():
    # Alone, the divergences of both networks: rows 7 and 8 differ as 0.3, 0.7 and 0.2, 0.3, rows 2 to 5 by 0.1.
    _, (first, second) = taught(0.5, agreement_weight=1.0)
    assert first == second and 0 not in first and 7 not in first and 8 in first


def test_the_automatic_rate_asks_both_together():
    # The means are 0.525, 0.55, 0.9, 0.85, 0.8, 0.75, 0.575, 0.5, 0.25, 0.25; one to three is the limit.
    assert taught("auto")[1][0] == list(range(10))
    networks = JoCoRClassifier(), torch.tensor([[0.2, 0.8], [0.3, 0.7]]).log()
    run = SimpleNamespace(state=SimpleNamespace(progress=1.0), n_outputs=2, data=SimpleNamespace(trusted=None))
    batch = Batch(None, torch.tensor([0, 0]), torch.arange(2))
    # Row 0 is implausible, and the best row of its class is row 1.
    assert networks[0]._kept(run, batch, networks[1], torch.tensor([2.0, 1.0])).tolist() == [0, 1]


def test_a_single_choice_is_weighed_by_class():
    # The rows of class 0 weigh 3, all rows 2 on average.
    assert taught(0.0, class_weight=torch.tensor([3.0, 1.0]))[0] == pytest.approx(1.5 * taught(0.0)[0], rel=1e-6)


def test_without_agreement_and_forgetting_it_is_plain_training_of_each():
    start = {}

    class Watched(JoCoRClassifier):
        def _start(self, run):
            super()._start(run)
            start.update({k: v.clone() for k, v in run.peer_.state_dict().items()})

    X, _, noisy = blobs(60)
    shared = {"max_epochs": 3, "batch_size": 16, "dtype": "float64", "random_state": 0, "lr": 0.05}
    clf = Watched(forget_rate=0, agreement_weight=0, **shared).fit(X, noisy)
    network = CrossEntropyClassifier(**shared).fit(X, noisy).net_.module_
    network.load_state_dict(start)
    alone = CrossEntropyClassifier(network, **shared).fit(X, noisy)
    for own, other in zip(clf.net_.peer_.parameters(), alone.net_.module_.parameters(), strict=True):
        torch.testing.assert_close(own, other, rtol=1e-8, atol=1e-12)


def test_agreement_draws_the_networks_together():
    X, _, noisy = blobs(60)
    apart = []
    for weight in (0.0, 0.9):
        clf = JoCoRClassifier(agreement_weight=weight, max_epochs=20, random_state=0).fit(X, noisy)
        rows = torch.as_tensor(X, dtype=torch.float32)
        with torch.no_grad():
            apart.append((clf.net_.module_(rows).softmax(1) - clf.net_.peer_(rows).softmax(1)).abs().mean().item())
    assert apart[1] < apart[0] / 2


def test_wrong_labels_are_found_and_not_learnt():
    X, clean, noisy = blobs(90)
    settings = {"max_epochs": 60, "lr": 0.1, "random_state": 0}
    clf = JoCoRClassifier(**settings).fit(X, noisy)
    wrong = noisy != clean
    plain = CrossEntropyClassifier(**settings).fit(X, noisy)
    assert clf.label_quality_[wrong].mean() < plain.label_quality_[wrong].mean()
    assert (clf.transduction_ == clean).mean() > (noisy == clean).mean()
    assert np.isfinite(clf.history_[-1]["train_loss"]) and math.isfinite(clf.score(X, clean))


@pytest.mark.parametrize("own", [{"agreement_weight": 1.1}, {"agreement_weight": -0.1}, {"forget_rate": 1.0}])
def test_parameters_out_of_range(own):
    with pytest.raises(ValueError, match=f"'{next(iter(own))}' parameter"):
        JoCoRClassifier(**own).fit(*blobs(30)[::2])
