"""
Who in the crowd can be relied on
=================================

Twenty simulated annotators of five kinds answer photographs of digits, few of them most. From the answers alone,
Dawid and Skene's model tells who means well; those who answered little are hard to judge.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits

from skweak.crowd import annotator_report, dawid_skene
from skweak.datasets import make_annotators, make_crowd_labels

_, y = load_digits(return_X_y=True)
confusion, kind = make_annotators(
    10, reliable=8, biased=3, lazy=4, adversarial=2, class_dependent=3, random_state=0
)
answers, _ = make_crowd_labels(y, confusion=confusion, labels_per_row=5, skew=0.7, random_state=0)
report = annotator_report(answers, dawid_skene(answers))

_, ax = plt.subplots(figsize=(6, 4))
for name in dict.fromkeys(kind):
    rows = report[kind == name]
    ax.scatter(rows.n_answers, rows.quality, label=name.replace("_", "-"))
ax.set(xscale="log", xlabel="answers", ylabel="estimated share of right answers", ylim=(0, 1))
ax.legend()
plt.show()
