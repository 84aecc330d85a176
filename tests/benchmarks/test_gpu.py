"""The GPU command: its order and clock, and every row at tiny size on the processor or a simulated device."""

import json
import time

import numpy as np
import pytest
import torch

from benchmarks import gpu, gpu_accuracy, gpu_checks, gpu_data, gpu_speed
from benchmarks.__main__ import main
from skweak.noisy import CrossEntropyClassifier, DivideMixClassifier
from tests.simulated_cuda import SimulatedCuda

FACTS = {"device": "none", "seed": 0}


def test_without_a_gpu_it_says_so_and_ends_with_code_2(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert main(["gpu", "--out", str(tmp_path)]) == 2
    assert "no CUDA device" in capsys.readouterr().err and not list(tmp_path.iterdir())


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_rows_are_written_guarded_skipped_and_resumed(tmp_path):
    path, calls = tmp_path / "gpu.jsonl", []

    def fine():
        calls.append("fine")
        return {"value": 1}

    def broken():
        calls.append("broken")
        raise RuntimeError("out of luck")

    rows = {"fine": (1, fine), "broken": (1, broken), "long": (100, fine), "last": (1, fine)}
    assert gpu.run_rows(rows, path, 60, FACTS) == ["long"]
    assert [row["row"] for row in lines(path)] == ["fine", "broken", "last"]
    assert lines(path)[0]["value"] == 1 and lines(path)[0]["device"] == "none"
    assert lines(path)[1]["error"] == "RuntimeError: out of luck" and "test_gpu.py" in lines(path)[1]["place"]
    gpu.run_rows(rows, path, 60, FACTS)
    assert calls == ["fine", "broken", "fine", "broken"], "what succeeded ran again, or what failed did not"


def test_a_torn_line_neither_counts_nor_spoils_the_next(tmp_path):
    path = tmp_path / "gpu.jsonl"
    path.write_text('{"row": "a", "val')
    gpu.run_rows({"a": (1, lambda: {"value": 2})}, path, 60, FACTS)
    assert json.loads(path.read_text().splitlines()[1])["value"] == 2


def test_a_row_that_takes_longer_than_expected_ends_with_the_minutes(tmp_path):
    path, start = tmp_path / "gpu.jsonl", time.monotonic()
    gpu.run_rows({"slow": (0, lambda: time.sleep(20))}, path, 5.3, FACTS)
    assert time.monotonic() - start < 5 and "minutes were over" in lines(path)[0]["error"]


def test_the_most_telling_rows_come_first_and_fit_into_eight_minutes():
    rows = gpu.all_rows()
    names = list(rows)
    order = ["agrees CrossEntropy", "speed PreAct-ResNet18 512", "accuracy CE clean", "accuracy ELR worst",
             "accuracy DivideMix worst", "memory", "speed small 512 compiled", "accuracy DPC aggre"]  # fmt: skip
    assert sorted(order, key=names.index) == order
    first = names[: names.index("accuracy DPC worst") + 1]
    assert sum(rows[name][0] for name in first) < 8 * 60 - 30


@pytest.mark.parametrize("cls", gpu_checks.METHODS, ids=lambda cls: cls.__name__)
def test_the_same_device_agrees_with_itself(cls):
    result = gpu_checks.agrees(cls, device="cpu")
    assert result == {"difference": 0.0, "passed": True}


def test_another_start_does_not_agree(monkeypatch):
    fit = gpu_checks._fit
    seeds = iter([0, 1])
    monkeypatch.setattr(gpu_checks, "_fit", lambda *a, **k: fit(*a, **k, random_state=next(seeds)))
    assert not gpu_checks.agrees(CrossEntropyClassifier, device="cpu")["passed"]


def test_places_that_wait_are_named(monkeypatch):
    import warnings

    monkeypatch.setattr(torch.cuda, "set_sync_debug_mode", lambda mode: None)
    assert gpu_checks.waits(CrossEntropyClassifier, device="cpu") == {"places": {}, "passed": True}
    loss = CrossEntropyClassifier._loss

    def waiting(self, run, batch):
        warnings.warn("called a synchronizing CUDA operation", UserWarning, stacklevel=1)
        return loss(self, run, batch)

    monkeypatch.setattr(CrossEntropyClassifier, "_loss", waiting)
    result = gpu_checks.waits(CrossEntropyClassifier, device="cpu")
    # Four batches in each of five epochs, without the first one.
    assert list(result["places"].values()) == [4 * 5 - 1] and "test_gpu.py" in next(iter(result["places"]))
    assert "_train_step" not in vars(CrossEntropyClassifier)


def test_memory_that_is_kept_is_seen(monkeypatch):
    taken = iter([100, 100, 100, 164, 100, 100])
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda: next(taken))
    result = gpu_checks.memory(device="cpu", n_fits=1)
    assert list(result["bytes_kept"].values()) == [0, 64, 0] and not result["passed"]


@pytest.fixture
def small(monkeypatch):
    networks = {"PreAct-ResNet18": {"blocks": (1,), "width": 4}, "small": {"widths": (4,)}, "fast": {"widths": (4, 8)}}
    for name, sizes in networks.items():
        monkeypatch.setitem(gpu_speed.NETWORKS, name, (gpu_speed.NETWORKS[name][0], sizes))
    tiny = {"images": 48, "prediction": 40, "pool": 150, "width": 4, "picks": 5, "side": 8}
    monkeypatch.setattr(gpu_speed, "SIZES", tiny)


@pytest.mark.parametrize("network", gpu_speed.NETWORKS)
def test_training_beside_a_bare_loop(network, small):
    result = gpu_speed.training(network, 16, device="cpu", epochs=2)
    assert result["CE of bare loop"] > 0 and result["ELR of bare loop"] > 0 and result["bare loop images/s"] > 0


def test_training_on_the_simulated_device(small):
    with SimulatedCuda():
        assert gpu_speed.training("fast", 16, device="cuda", epochs=2)["CE of bare loop"] > 0


@pytest.mark.parametrize("method", [name for name in gpu_speed.METHODS if name != "CE"])
def test_steps_of_methods(method, small):
    assert gpu_speed.steps(method, device="cpu", batch_size=16, epochs=3)["times CE"] > 0


def test_predictions_and_queries(small):
    assert gpu_speed.prediction("fast", device="cpu")["images/s"] > 0
    for strategy in (gpu_speed.KCenterGreedy(), gpu_speed.BADGE()):
        assert gpu_speed.query(strategy)["query_seconds"] > 0


@pytest.fixture
def few_images(monkeypatch):
    rng = np.random.RandomState(0)
    X, y = rng.randint(0, 100, (60, 3, 8, 8)).astype(np.uint8), np.arange(60) % 10
    X[np.arange(60), 0, y // 2] += 150
    monkeypatch.setattr(gpu_data, "images", lambda: (X, X[:20], y[:20], 0.5))
    monkeypatch.setattr(gpu_data, "labels", lambda name: y if name == "clean" else np.where(np.arange(60) % 6, y, 9 - y))


@pytest.mark.parametrize("method", gpu_accuracy.METHODS)
def test_accuracy_rows(method, few_images):
    changes = {"module__widths": (4, 8), "batch_size": 16, "max_epochs": 3, "n_threads": 1}
    changes |= {"warmup_epochs": 1} if "warmup_epochs" in gpu_accuracy.METHODS[method][1] else {}
    result = gpu_accuracy.accuracy(method, "worst", device="cpu", **changes)
    assert 0 <= result["test_accuracy"] <= 1 and result["given_labels_right"] == pytest.approx(5 / 6, abs=0.01)
    assert result["settings"]["max_epochs"] == 3 and json.dumps(result)


def test_the_rate_rises_for_a_fifth_of_the_steps_and_falls_to_nothing(few_images):
    from skweak.nn import SmallCNN

    X, *_ = gpu_data.images()
    clf = CrossEntropyClassifier(
        SmallCNN, module__widths=(4,), max_epochs=5, batch_size=30, lr=0.4, random_state=0, n_threads=1,
        callbacks=[gpu_accuracy.schedule(10, "batch", 0.4)],
    ).fit(X, gpu_data.labels("clean"))  # fmt: skip
    rates = [batch["event_lr"] for row in clf.net_.history for batch in row["batches"] if "event_lr" in batch]
    # From a fifth of the rate to all of it at the second step, and down by an eighth of it at each of the other eight.
    np.testing.assert_allclose(rates, [0.08, *np.linspace(0.4, 0, 9)], atol=2e-5)


def test_the_table_of_results_has_the_last_line_of_every_row(tmp_path):
    path = tmp_path / "gpu.jsonl"
    for row in ({"row": "a", "error": "lost"}, {"row": "a", "rate": 0.5, "seconds": 2.0, "settings": {"lr": 1}}):
        gpu.append(path, row | {"device": "H", "torch": "2", "python": "3", "seed": 0, "expected": 1})
    gpu.append(path, {"row": "b", "error": "OOM", "seconds": 1.0, "place": "here"})
    assert gpu.table(path).splitlines()[2:] == ["| a | rate 0.5 | 2.0 |", "| b | failed: OOM | 1.0 |"]


def test_the_co_dividing_rows_name_their_own_settings():
    assert gpu_accuracy.METHODS["DivideMix"][0] is DivideMixClassifier
    for method, labels in (name.split()[1:] for name in gpu_accuracy.rows()):
        assert method in gpu_accuracy.METHODS and labels in ("clean", "aggre", "worst")
