"""
Whom to ask again, and about what
=================================

Three answers to each of 600 photographs leave some consensus labels in doubt. Further answers cost money, and two
questions decide what they are worth: about which tasks to ask, and whom.

The model of Dawid and Skene answers both. It estimates a table of confusions for every annotator and, from the
answers and these tables, the probability of every class of each task. A task whose best class has a low probability
is one where a further answer may change the consensus; a task with three equal answers of good annotators needs
none. The annotator report lists for each annotator the number of answers, the agreement with the others, and the
estimated quality, the probability of naming the right class. Some annotators of this example are lazy and some have
a habit, which a vote of the majority cannot know.

Further answers are collected, a few at a time: about the least certain tasks from the annotators who are best by
the report, or about random tasks from random annotators. After each round the model is fitted again to all answers.
The curves show how many consensus labels are right. Asking the right people about the right tasks gets there with a
fraction of the answers. Those who answered least are also those whose quality is least certain, so keep a few
random questions for them: an annotator whom nobody asks can never be found to be good.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from skweak.crowd import annotator_report, dawid_skene
from skweak.datasets import make_annotators, make_crowd_labels

y = load_digits().target[:600]
confusion, kind = make_annotators(10, reliable=6, biased=4, lazy=2, random_state=0)
# What everybody would say, of which three answers to each task are known at first.
everything, _ = make_crowd_labels(y, confusion=confusion, random_state=0)
random = np.random.RandomState(0)
first = np.full_like(everything, -1)
rows = np.arange(len(y))[:, None]
trios = np.argsort(random.rand(*everything.shape), axis=1)[:, :3]
first[rows, trios] = everything[rows, trios]
print(annotator_report(first, dawid_skene(first))[["n_answers", "favourite_share", "agreement", "quality"]].round(2))


# %%
# Of each doubtful task the best annotator who has not seen it yet is asked.
def ask(answers, n_tasks, wisely):
    """Return the answers with one more about each of ``n_tasks`` tasks."""
    consensus, answers = dawid_skene(answers), answers.copy()
    if wisely:
        tasks, rank = np.argsort(consensus.quality)[:n_tasks], consensus.annotator_quality
    else:
        tasks, rank = random.permutation(len(answers))[:n_tasks], random.rand(answers.shape[1])
    person = np.where(answers[tasks] < 0, rank, -np.inf).argmax(axis=1)
    answers[tasks, person] = everything[tasks, person]
    return answers


_, ax = plt.subplots(figsize=(6, 4))
for name, wisely in (("least sure tasks, best annotators", True), ("any task, anybody", False)):
    answers, curve = first, []
    for _ in range(11):
        curve.append((dawid_skene(answers).label == y).mean())
        answers = ask(answers, 60, wisely)
    ax.plot(60 * np.arange(11), curve, marker="o", label=name)
ax.set(xlabel="further answers", ylabel="share of right consensus labels")
ax.legend()
plt.show()
