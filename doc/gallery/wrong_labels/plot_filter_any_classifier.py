"""
LabelIssueFilter: drop wrong labels before fitting any classifier
=================================================================

Networks are not the only models that suffer from wrong labels, and for tables they are often not the first choice.
The simplest remedy works for every classifier: judge the labels by cross-validation, drop the suspicious rows, and
fit the classifier again to what remains. ``LabelIssueFilter`` does this around any scikit-learn classifier. It is
itself a classifier, because a transformer in a pipeline cannot drop rows; so it can be put at the end of a
pipeline, tuned by a grid search, and cross-validated, and within each training fold it filters that fold only.

The figure compares logistic regression with and without the filter while the share of wrong labels grows. With
clean labels the filter drops a few right rows and costs little. With more wrong labels it gains more, as long as
the classifier is still good enough to tell wrong from right.

The price is fitting time: five folds and the last fit make six fits by default. ``action="weight"`` keeps all rows
and gives them the quality of their label as a weight instead, which is gentler where the judge is unsure.
``method="neighbors"`` judges by neighbours and needs no extra fits.

A model that resists wrong labels by itself, such as a forest with large leaves, gains less. The page of the panel
compares both on many tables, and ``AutoNoisyClassifier`` tries them on yours.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from skweak.datasets import make_noisy_labels
from skweak.noisy import LabelIssueFilter

X, y = load_digits(return_X_y=True)
X, X_test, y, y_test = train_test_split(X / 16, y, stratify=y, random_state=0)
rates = [0.0, 0.2, 0.4, 0.6]
scores = {"bare": [], "filtered": []}
for rate in rates:
    y_noisy, *_ = make_noisy_labels(y, f"symmetric_exclusive:{rate}", random_state=0)
    model = LogisticRegression(max_iter=300)
    scores["bare"].append(model.fit(X, y_noisy).score(X_test, y_test))
    scores["filtered"].append(LabelIssueFilter(model, random_state=0).fit(X, y_noisy).score(X_test, y_test))

figure, ax = plt.subplots()
for name, series in scores.items():
    ax.plot(rates, series, marker="o", label=f"logistic regression, {name}")
ax.set(xlabel="share of wrong labels", ylabel="accuracy on clean test rows")
ax.legend()
plt.show()
