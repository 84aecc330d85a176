"""
Crowdsourcing: estimate annotator quality with Dawid-Skene
==========================================================

When several people answer the same questions, their answers can be merged by a vote, and a vote counts everybody
alike. But some annotators answer at random, some click the same button, and some confuse two classes
systematically. Dawid and Skene's model estimates for each of them a confusion matrix, together with the true
classes, from the answers alone: whoever mostly agrees with the others is believed more, and the beliefs about
classes and people are refined in turn.

Twenty simulated annotators of five kinds answer here. How much each of them answered is uneven, as in real crowds,
where a few do most of the work. The figure shows for each of them the number of answers and the estimated share of
right ones. The reliable, the biased and the lazy ones lie apart where there are enough answers; at the left edge,
with a handful of answers each, the estimates scatter, and nobody should be judged by them.

``annotator_report`` is a DataFrame with one row per annotator: number of answers, quality, the most frequent
confusion. The consensus itself is what ``dawid_skene`` returns: a label and a probability for every row.

With few answers from each annotator, ``one_coin`` estimates one number per person instead of a matrix and is
steadier. With features at hand, ``VoteClassifier`` and ``DoctorNetClassifier`` learn a classifier from the answers.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits

from skweak.crowd import annotator_report, dawid_skene
from skweak.datasets import make_annotators, make_crowd_labels

_, y = load_digits(return_X_y=True)
confusion, kind = make_annotators(10, reliable=8, biased=3, lazy=4, adversarial=2, class_dependent=3, random_state=0)
answers, _ = make_crowd_labels(y, confusion=confusion, labels_per_row=5, skew=0.7, random_state=0)
report = annotator_report(answers, dawid_skene(answers))

_, ax = plt.subplots(figsize=(6, 4))
for name in dict.fromkeys(kind):
    rows = report[kind == name]
    ax.scatter(rows.n_answers, rows.quality, label=name.replace("_", "-"))
ax.set(xscale="log", xlabel="answers", ylabel="estimated share of right answers", ylim=(0, 1))
ax.legend()
plt.show()
