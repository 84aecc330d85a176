"""
Find label errors with confident learning
=========================================

Confident learning needs no robust network. It takes any classifier with probabilities, asks it by cross-validation
about rows that it has not been trained on, and compares its answers with the given labels. How sure the classifier
usually is of a class sets the threshold for that class, so that a class on which it is always hesitant is not
flagged as a whole. From the counts it estimates how many labels of each class are wrong, and lists as many.

Here logistic regression judges digits of which a tenth carry a wrong label. The figure shows the sixteen most
suspicious images with the label they were given and the one that the classifier suggests. The title says how many
rows were listed and what share of them really is wrong, which can be told here because the wrong labels were put in
on purpose.

Two things decide how good the list is. The first is the classifier: what it cannot tell apart looks like mistakes,
so a better classifier gives a shorter and purer list. The second is that it must not have seen the rows it judges;
``find_label_issues`` therefore shuffles and stratifies the folds itself. With embeddings of a pretrained network,
``method="neighbors"`` compares each row with its neighbours instead and trains nothing at all.

The result is a DataFrame, most suspicious row first, ready for ``to_csv`` and a person's eye.
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
