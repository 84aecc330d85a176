"""
A filter around any classifier
==============================

``LabelIssueFilter`` drops suspicious rows before the classifier is fitted; it helps more, the more labels are wrong.
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
