"""The speed table: its arithmetic, and yardsticks that really train."""

import json
import time

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks import bare_loops, speed
from benchmarks.clock import EpochClock, now, race
from benchmarks.train_speed import epoch_seconds, weave
from skweak.augment import strong_table_views
from skweak.nn.heads import TwoHead
from skweak.noisy import CrossEntropyClassifier
from tests.small_data import blobs

X, CLEAN, NOISY = blobs(240)
TENSORS = torch.from_numpy(X.astype(np.float32)), torch.from_numpy(NOISY)


def network():
    return nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3))


def pairs(loop, make=network, **settings):
    networks = [make(), make()]
    seconds = bare_loops.run(loop(*networks, *TENSORS, epochs=8, batch_size=16, **settings))
    return networks, seconds


LOOPS = {
    "plain, usual": lambda: _one(bare_loops.plain, best=False),
    "plain, best": lambda: _one(bare_loops.plain, best=True),
    "elr": lambda: _one(bare_loops.elr),
    "fixmatch": lambda: _few(),
    "coteaching": lambda: pairs(bare_loops.coteaching),
    "dpc": lambda: pairs(bare_loops.dpc, lambda: TwoHead(network()), warmup_epochs=2, offset=10 / 3),
}


def _few():
    net, rows = network(), torch.arange(240) % 3 == 0
    loop = bare_loops.fixmatch(
        net, TENSORS[0][rows], TENSORS[1][rows], TENSORS[0][~rows], strong_table_views(torch.ones(4)), epochs=16,
        batch_size=16,
    )  # fmt: skip
    return [net], bare_loops.run(loop)


def _one(loop, **settings):
    net = network()
    return [net], bare_loops.run(loop(net, *TENSORS, epochs=8, batch_size=16, **settings))


@pytest.mark.parametrize("name", LOOPS)
def test_every_hand_written_loop_learns_the_classes_behind_the_wrong_labels(name):
    torch.manual_seed(0)
    networks, seconds = LOOPS[name]()
    assert seconds > 0
    for net in networks:
        proba = bare_loops.predict(net.eval(), TENSORS[0], 100)
        # A tenth of the labels is wrong; guessing reaches a third.
        assert np.mean(proba.argmax(1) == CLEAN) > 0.9


def test_contestants_take_turns():
    order = []
    seconds = race({name: lambda name=name: order.append(name) or len(order) for name in "ab"}, 2)
    assert order == ["a", "b", "a", "b"] and seconds == {"a": [1, 3], "b": [2, 4]}


def test_woven_loops_take_as_many_steps_as_the_estimator_and_are_not_counted_as_its_own():
    def loops():
        return {"best loop": slow()}

    def slow():
        yield
        for _ in range(2 * 15):
            sum(range(50_000))
            yield

    ours = CrossEntropyClassifier(max_epochs=2, batch_size=16, module__hidden=(4,), random_state=0)
    seconds = weave(ours, loops, (X, NOISY), 2)
    assert {name: len(values) for name, values in seconds.items()} == {"best loop": 2, "epochs": 2}
    # A step of this network takes less than the sum, so that counting it twice would show.
    assert 0 < max(seconds["epochs"]) < 2 * min(seconds["best loop"])


def test_ratios_pair_the_seconds_of_one_repeat():
    # Half, then a quarter, then equal: the median is a half, that of the seconds alone would be 2 / 4.5.
    lines = speed.summarise("mlp", {"usual loop": [1.0, 2.0, 4.5], "epochs": [2.0, 8.0, 4.5]})
    assert lines["epochs"]["of usual loop"] == 0.5 and lines["epochs"]["target of usual loop"] == 0.95
    assert "of usual loop" not in lines["usual loop"]
    beside = speed.summarise("overhead", {"best loop": [1.0, 1.0], "fit": [4.0, 6.0]})["fit"]["beside the step"]
    assert beside == 4.0


def test_the_clock_of_one_thread_counts_work_and_not_waiting():
    torch.set_num_threads(1)
    start = now()
    time.sleep(0.05)
    assert now() - start < 0.04


def test_the_clock_counts_epochs_alone():
    seconds = epoch_seconds(CrossEntropyClassifier(max_epochs=2, batch_size=240, random_state=0), X, NOISY)
    assert 0 < seconds < 1
    clock = EpochClock()
    clock.on_train_begin(None)
    assert clock.seconds_ == 0


def test_a_row_of_the_other_device_ends_with_code_2(capsys):
    from benchmarks.__main__ import main

    assert main(["speed", "--device", "cuda", "--only", "mlp"]) == 2
    assert "'mlp' is no row of --device cuda" in capsys.readouterr().err


def test_rows_that_are_measured_apart_leave_the_others_as_they_are(tmp_path, monkeypatch):
    from benchmarks.__main__ import main

    for name in ("mlp", "cnn"):
        monkeypatch.setitem(speed.ROWS, name, lambda repeats: {"usual loop": [1.0], "epochs": [2.0]})
    path = tmp_path / "speed.json"
    path.write_text(json.dumps({"origin": "then", "machine": "old", "rows": {"mlp": "kept", "cnn": "replaced"}}))
    assert main(["speed", "--only", "cnn", "--output", str(path)]) == 0
    report = json.loads(path.read_text())
    assert report["rows"]["mlp"] == "kept" and report["rows"]["cnn"]["epochs"]["of usual loop"] == 0.5
    assert report["origin"] == "then" and report["apart"]["cnn"]["origin"]["threads"] == 1


def test_the_table_of_a_report_has_a_column_for_each_yardstick_and_says_what_was_asked():
    seconds = {"usual loop": [0.2, 0.2], "best loop": [0.1, 0.1], "epochs": [0.1, 0.1]}
    report = {"rows": {"mlp": speed.summarise("mlp", seconds)}}
    report["rows"]["overhead"] = speed.summarise("overhead", {"best loop": [0.001], "fit": [0.003]})
    head, _, *lines = speed.speed_table(report, ["mlp"]).splitlines()
    assert head == "| measured | contestant | median | of usual loop | of best loop |"
    assert lines[2] == "|  | skweak | 100 ms | 2.00 ± 0.00 (asked: 0.95) | 1.00 ± 0.00 (asked: 0.90) |"
    *_, fit = speed.speed_table(report, ["overhead"]).splitlines()
    assert fit == "|  | skweak, a whole fit | 3 ms, 2 beside the step (asked: 3) | 0.33 ± 0.00 |"
    report["rows"]["memory"] = speed.summarise("memory", {"usual loop": [11.2], "fit": [34.6]})
    assert speed.speed_table(report, ["memory"]).splitlines()[-1].startswith("|  | skweak, a whole fit | 35 bytes |")
