"""The gates of the study of audits, and the table they are about."""

import numpy as np

from benchmarks.audit_data import customers_csv
from benchmarks.audit_share import gates


def test_gates_compare_mean_errors_and_read_the_audit():
    rows = [
        {"data": "digits", "method": method, "error": error}
        for method, error in (("ours", "0.01"), ("ours", "0.03"), ("worse", "0.03"), ("better", "0.01"))
    ]
    rows += [{"data": "audit", "seconds": "50", "found_in_first_tenth": "0.7", "covered": c} for c in ("1", "0")]
    assert [held for _, held in gates(rows)] == [True, False, True, True, False]


def test_the_table_of_customers_has_the_share_of_wrong_labels_that_is_asked_for():
    frame, given, truth = customers_csv(0, share=0.1, n=200)
    assert (given != truth).sum() == 20 and frame.shape == (200, 8)
    assert frame["age"].isna().any() and not frame["since"].isna().any()
    assert np.array_equal(given, customers_csv(0, share=0.1, n=200)[1])
