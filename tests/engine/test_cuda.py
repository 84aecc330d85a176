"""The way through a GPU, on a simulated one: every method, and all that moves between host and device."""

import warnings

import numpy as np
import pytest
import torch
from scipy import sparse
from skorch.callbacks import EarlyStopping

import skweak
from skweak.active import ActiveLearner, MarginSampling
from skweak.engine import streaming
from skweak.nn import SmallCNN
from skweak.noisy import CrossEntropyClassifier, DPCClassifier, ELRClassifier
from tests.reliability.catalogue import valid
from tests.reliability.fits import NETWORKS, quiet_fit, small_estimator
from tests.simulated_cuda import SimulatedCuda
from tests.small_data import blobs

X, CLEAN, NOISY = blobs(60)
SMALL = {"module__hidden": (8,), "batch_size": 16, "max_epochs": 3, "random_state": 0, "n_threads": 1}


@pytest.fixture
def cuda():
    return SimulatedCuda()


def networks_of(clf):
    return [getattr(clf.net_, f"{name}_") for name in clf.net_._modules]


def test_the_simulation_refuses_what_a_gpu_refuses(cuda):
    with cuda:
        here, there = torch.ones(3), torch.ones(3, device="cuda")
        network = torch.nn.Linear(3, 2).to("cuda")
        assert there.device.type == network(there).device.type == "cuda" and here.device.type == "cpu"
        network(there).sum().backward()
        assert network.weight.grad.device.type == "cuda" and there.cpu().device.type == "cpu"
        assert (there[torch.tensor([0])] + torch.tensor(1.0)).device.type == "cuda"
        for wrong in (
            lambda: here + there, lambda: network(here), lambda: there.index_select(0, torch.tensor([0])),
            lambda: torch.cat([here, there]), lambda: torch.randn(3, device="cuda", generator=torch.Generator()),
            lambda: there.numpy(), lambda: np.asarray(there),
        ):  # fmt: skip
            with pytest.raises((RuntimeError, TypeError), match="cuda"):
                wrong()
        cuda.waits.clear()
        assert there.sum() > 0 and there[there > 0].sum().item() == float(there.sum()) == 3
        assert cuda.waits == ["__bool__", "__getitem__", "item", "__float__"]


@pytest.mark.parametrize("cls", NETWORKS, ids=lambda cls: cls.__name__)
def test_every_method_learns_the_same_there(cls, cuda):
    rows, labels = valid(cls)
    alone, there = small_estimator(cls, device="cpu"), small_estimator(cls, device="cuda", amp=False)
    if "teacher__amp" in there.get_params():
        there.set_params(teacher__amp=False)
    quiet_fit(alone, rows, labels)
    with cuda:
        quiet_fit(there, rows, labels)
        assert all(cuda.on_device(p) for network in networks_of(there) for p in network.parameters())
        proba = there.predict_proba(rows)
    np.testing.assert_array_equal(proba, alone.predict_proba(rows))
    for name in ("label_quality_", "transduction_", "noise_mask_", "candidate_weights_", "thresholds_"):
        if hasattr(alone, name):
            np.testing.assert_array_equal(getattr(there, name), getattr(alone, name))


@pytest.mark.parametrize("cls", NETWORKS, ids=lambda cls: cls.__name__)
def test_every_method_learns_in_half_precision_there(cls, cuda):
    rows, labels = valid(cls)
    with cuda:
        there = quiet_fit(small_estimator(cls), rows, labels)
        assert there.net_.autocast == torch.bfloat16 and torch.device(there.net_.device).type == "cuda"
        assert np.isfinite(there.predict_proba(rows)).all()


@pytest.mark.parametrize("cls", NETWORKS, ids=lambda cls: cls.__name__)
def test_no_step_waits_for_the_device(cls, cuda, monkeypatch):
    step, waits = cls._train_step, []

    def watched(self, run, batch):
        cuda.waits.clear()
        loss = step(self, run, batch)
        # One look at the first step is worth it.
        waits.extend(cuda.waits if run.epoch or run.batch else ())
        return loss

    monkeypatch.setattr(cls, "_train_step", watched)
    with cuda:
        quiet_fit(small_estimator(cls), *valid(cls))
    assert waits == []


def images():
    return np.random.RandomState(0).randint(0, 256, (60, 1, 8, 8)).astype(np.uint8)


def source(monkeypatch):
    monkeypatch.setattr(streaming, "BUFFER_BYTES", 8 * 4 * X.shape[1])

    class Source:
        shape = X.shape

        def __len__(self):
            return len(X)

        def __getitem__(self, part):
            return X[part]

    return Source()


# Each row: inputs, parameters, keywords of fit.
FITS = {
    "weights and early stopping": (X, {"validation_fraction": 0.3, "callbacks": [EarlyStopping()]}, {
        "sample_weight": np.linspace(0, 1, 60),
    }),
    "sparse": (sparse.csr_matrix(X), {}, {}),
    "bytes": (images(), {"module": SmallCNN, "augment": "weak"}, {}),
    "weak views": (X, {"augment": "weak"}, {}),
    "double": (X, {"dtype": "float64"}, {}),
    "adam": (X, {"optimizer": torch.optim.AdamW, "lr": 0.01}, {}),
    "source": (None, {}, {}),
}  # fmt: skip


@pytest.mark.parametrize("name", FITS)
def test_every_way_of_the_data_leads_there(name, cuda, monkeypatch):
    rows, changes, facts = FITS[name]
    rows = source(monkeypatch) if rows is None else rows
    settings = {k: v for k, v in SMALL.items() if "module" not in changes or not k.startswith("module")} | changes
    alone = CrossEntropyClassifier(device="cpu", **settings).fit(rows, NOISY, **facts)
    with cuda:
        there = CrossEntropyClassifier(device="cuda", amp=False, **settings).fit(rows, NOISY, **facts)
        proba = there.predict_proba(rows)
    np.testing.assert_array_equal(proba, alone.predict_proba(rows))


def test_verified_rows_and_warm_starts(cuda):
    verified, settings = np.arange(60) % 4 == 0, SMALL | {"warm_start": True, "warmup_epochs": 1}
    alone, there = DPCClassifier(device="cpu", **settings), DPCClassifier(device="cuda", amp=False, **settings)
    for _ in range(2):
        alone.fit(X, NOISY, trusted=verified)
        with cuda:
            there.fit(X, NOISY, trusted=verified)
    np.testing.assert_array_equal(there.label_quality_, alone.label_quality_)


def test_a_killed_fit_goes_on_there(cuda, tmp_path):
    class Killed(Exception):
        pass

    settings = SMALL | {"max_epochs": 6, "device": "cuda"}
    with cuda:
        whole = ELRClassifier(**settings).fit(X, NOISY).predict_proba(X)
        clf = ELRClassifier(checkpoint=tmp_path / "fit", checkpoint_seconds=0, **settings)
        end = ELRClassifier._end_epoch

        def stop(self, run):
            if run.epoch == 3:
                raise Killed
            end(self, run)

        with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
            patch.setattr(ELRClassifier, "_end_epoch", stop)
            clf.fit(X, NOISY)
        np.testing.assert_array_equal(clf.fit(X, NOISY).predict_proba(X), whole)


def test_models_come_back_to_the_host(cuda, tmp_path):
    with cuda:
        clf = DPCClassifier(device="cuda", warmup_epochs=1, **SMALL).fit(X, NOISY)
        skweak.save(clf, tmp_path / "model")
        there = clf.predict_proba(X)
    loaded = skweak.load(tmp_path / "model")
    assert all(p.device.type == "cpu" for network in networks_of(loaded) for p in network.parameters())
    np.testing.assert_array_equal(loaded.predict_proba(X), there)


def test_labels_are_bought_for_a_network_there(cuda):
    settings = SMALL | {"device": "cuda", "amp": False}
    with cuda, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        learner = ActiveLearner(CrossEntropyClassifier(**settings), MarginSampling(), X[:20], CLEAN[:20])
        rows, _ = learner.query(X[20:], n_instances=5)
        learner.teach(X[20:][rows], CLEAN[20:][rows])
        assert learner.predict(X).shape == (60,)
