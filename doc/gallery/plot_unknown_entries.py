"""
Unknown is not absent
=====================

Half of the entries of a label matrix are unknown. Marked by -1 they take no part in training; written as 0 they teach
the network that labels are rare.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_multilabel_classification
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from skweak.datasets import make_missing_entries
from skweak.metrics import overall_f1
from skweak.multilabel import MultiLabelClassifier

X, Y = make_multilabel_classification(1200, n_features=30, n_classes=8, n_labels=3, random_state=0)
X, X_test, Y, Y_test = train_test_split(StandardScaler().fit_transform(X), Y, random_state=0)
shares = [0.0, 0.25, 0.5, 0.75]
scores = {"-1: unknown": [], "0: absent": []}
for share in shares:
    marked = make_missing_entries(Y, known_fraction=1 - share, random_state=0)
    for name, given in (("-1: unknown", marked), ("0: absent", np.maximum(marked, 0))):
        clf = MultiLabelClassifier(module__hidden=(64,), max_epochs=15, random_state=0).fit(X, given)
        scores[name].append(overall_f1(Y_test, clf.predict_proba(X_test)))

figure, ax = plt.subplots()
for name, series in scores.items():
    ax.plot(shares, series, marker="o", label=name)
ax.set(xlabel="share of unknown entries", ylabel="F1 on complete test rows")
ax.legend(title="written as")
plt.show()
