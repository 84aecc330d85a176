"""
Multi-label data with missing entries: unknown is not absent
============================================================

In a matrix of labels a 0 should mean that somebody looked and the label does not apply. Often it only means that
nobody ticked it. If the two are written alike, the network learns from every entry that was never looked at that
the label is absent, its probabilities sink, and at a threshold of one half it finds hardly anything.

The remedy is to mark what is unknown: -1 (or nan) in ``y``. Unknown entries then take no part in the loss, in the
scores and in the scorers. The other entries of the same row still count, so that no row is lost.

The figure hides a growing share of the entries of a synthetic matrix with eight labels. Marked as unknown, they
cost little even when three in four are missing. Written as absent, F1 on complete test rows falls steeply. The
network, the number of epochs and the rows are the same in both curves; only the marker differs.

If your data only say which labels are present, and never which are absent, there is nothing to mark. Then every
other entry is unlabeled, and ``PUMLClassifier`` learns from positive and unlabeled entries. If whole rows are
unlabeled, give rows of -1 to ``CAPClassifier``, which makes pseudo-labels as frequent as each label is.

F1 depends on the threshold. To compare models with unknown entries, use scores by rank first, such as
``mean_average_precision_scorer``.
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
