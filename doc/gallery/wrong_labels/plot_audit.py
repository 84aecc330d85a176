"""
Find wrong labels in your table
===============================

An audit answers three questions about a table whose labels somebody gave: how many of them are wrong, which classes
are mixed up, and which rows to look at first. No network and no tuning are needed: a classifier of scikit-learn
judges every row by a model that has not seen it, and its probabilities are compared with the given labels.

A row is a suspect when the model is sure of another class, when all its nearest rows have another label, or when an
equal row stands elsewhere in the table with a different one. The reason is written beside it, and so is the label
that fits better. The share of wrong labels is estimated from all rows at once, so that a class which is merely hard
to tell from another does not count as mislabeled; the interval says how much the rows leave open.

Here one label in ten of a medical table was flipped on purpose. The left picture shows what the audit says of each
class. The right one shows how many wrong labels a person finds by reading the rows in the order of the audit,
compared with a random order: most of the flipped labels are among the first rows. The quality of a row is the
probability that its label is right, so that the order itself is the result. Where the model is weak, or people err
on the same hard rows as the model does, the share is less certain than its interval says; look at a sample of rows
before believing it.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer

from skweak.audit import audit_labels
from skweak.datasets import make_noisy_labels
from skweak.plots import LabelAuditDisplay

X, truth = load_breast_cancer(return_X_y=True, as_frame=True)
names = np.array(["malignant", "benign"])
y, wrong, _ = make_noisy_labels(truth, "symmetric_exclusive:0.1", random_state=0)
audit = audit_labels(X, names[y], random_state=0)
print(audit.to_frame().head(10))

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.5), layout="constrained")
LabelAuditDisplay.from_results(audit).plot(left)
left.set_title(f"{wrong.mean():.0%} of the labels are wrong")
order = np.argsort(audit.quality)
right.plot(np.arange(1, len(y) + 1), np.cumsum(wrong[order]), label="audit")
right.plot([0, len(y)], [0, wrong.sum()], "--", color="gray", label="in any order")
right.set(xlabel="rows looked at, the most suspicious first", ylabel="wrong labels found", title="What a look finds")
right.legend()
plt.show()
