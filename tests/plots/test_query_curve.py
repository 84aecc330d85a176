"""Curves of histories: what is collected and what is drawn."""

import numpy as np
import pytest

from skweak.plots import QueryCurveDisplay

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")


def history(*accuracy):
    return [
        {"n_labeled": 10 * i, "accuracy": a, "query_precision": float("nan") if i == 0 else a}
        for i, a in enumerate(accuracy)
    ]


def test_one_history_is_a_line_and_several_are_a_mean_with_a_band():
    display = QueryCurveDisplay.from_results({"a": history(0.1, 0.3), "b": [history(0.0, 1.0), history(0.5, 0.5)]})
    assert display.plot() is display
    np.testing.assert_allclose(display.lines_[0].get_xydata(), [[0, 0.1], [10, 0.3]])
    # Means 0.25 and 0.75, population standard deviations 0.25.
    np.testing.assert_allclose(display.lines_[1].get_xydata(), [[0, 0.25], [10, 0.75]])
    assert display.bands_[0] is None
    heights = display.bands_[1].get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == (0.0, 1.0)
    assert [text.get_text() for text in display.ax_.get_legend().get_texts()] == ["a", "b"]
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("n labeled", "accuracy")


def test_rounds_without_a_value_are_left_out_and_axes_are_used():
    ax = matplotlib.figure.Figure().subplots()
    display = QueryCurveDisplay.from_results({"a": history(0.1, 0.3, 0.4)}, y="query_precision").plot(ax=ax)
    assert display.ax_ is ax
    assert display.lines_[0].get_xdata().tolist() == [10, 20]


def test_without_accuracy_the_precision_is_shown():
    records = [{k: v for k, v in record.items() if k != "accuracy"} for record in history(0.0, 0.5)]
    display = QueryCurveDisplay.from_results({"a": records})
    assert display.y_name == "query precision" and display.curves["a"][1].tolist() == [0.5]


@pytest.mark.parametrize(
    ("results", "message"),
    [({}, "results is empty"), ({"a": []}, r"results\['a'\] holds histories of \[\] rounds"),
     ({"a": [history(1), history(1, 2)]}, r"histories of \[1, 2\] rounds")],
    ids=["empty", "no-history", "lengths"],
)  # fmt: skip
def test_results_that_do_not_fit(results, message):
    with pytest.raises(ValueError, match=message):
        QueryCurveDisplay.from_results(results)


def test_a_missing_entry_is_named():
    with pytest.raises(ValueError, match=r"no entry 'f1' in every round; it has \['accuracy', 'n_labeled'"):
        QueryCurveDisplay.from_results({"a": history(1.0)}, y="f1")


def test_matplotlib_is_imported_only_for_drawing():
    import subprocess
    import sys

    code = "import sys, skweak.plots; assert 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
