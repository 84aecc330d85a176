"""
The rows to look at first
=========================

Confident learning asks a classifier about rows that it has not seen. The most suspicious ones come first.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from skweak.datasets import make_noisy_labels
from skweak.noisy import find_label_issues

X, y = load_digits(return_X_y=True)
y_noisy, wrong, _ = make_noisy_labels(y, "symmetric_exclusive:0.1", random_state=0)
issues = find_label_issues(LogisticRegression(max_iter=300), X / 16, y_noisy, random_state=0)

figure, axes = plt.subplots(2, 8, figsize=(10, 3.2), layout="constrained")
for ax, issue in zip(axes.flat, issues.itertuples(), strict=False):
    ax.imshow(X[issue.row].reshape(8, 8), cmap="gray_r")
    ax.set_title(f"given {issue.given}\nsuggested {issue.suggested}", fontsize=8)
    ax.set(xticks=[], yticks=[])
figure.suptitle(f"{len(issues)} suspicious labels; {wrong[issues['row']].mean():.0%} of them are wrong")
plt.show()
