"""
Find wrong labels in your table
===============================

An audit says how many labels of each class are wrong, and which rows to look at first.
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
