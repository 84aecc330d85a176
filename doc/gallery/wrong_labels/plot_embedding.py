"""
Visualise suspicious labels in the embedding of a network
=========================================================

A list of suspicious rows says which labels to look at, but not why. The embedding does: it is the input of the last
layer of a network, in which rows of one class lie together. A row with a wrong label lies in the crowd of its true
class and has the colour of another.

The figure shows five of the digits, a tenth of them with a wrong label, in the embedding of a network trained by
ELR. The display reduces it to two dimensions, colours the points by the given label, and marks with a cross the
rows that the method itself suspects. Most crosses lie deep inside the cloud of another colour: those are mistakes
beyond doubt. Crosses at the border between two clouds are the rows to look at yourself, since there the digit may
really be hard to read. A small cloud of its own with one colour and many crosses would be something else: a group
of rows that the network has not understood.

The embedding of a network that has memorised its labels is of no use for this, because it has moved the wrong rows
to where their labels say. That is why the network here is a robust one, and why embeddings of a network that was
pretrained on other data are often better still.

``clf.embed(X)`` returns the embedding as an array, for plots of your own or for ``find_label_issues`` with
``method="neighbors"``.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits

from skweak.datasets import make_noisy_labels
from skweak.noisy import ELRClassifier
from skweak.plots import EmbeddingDisplay

X, y = load_digits(n_class=5, return_X_y=True)
y_noisy, wrong, _ = make_noisy_labels(y, "symmetric_exclusive:0.1", random_state=0)
clf = ELRClassifier(module__hidden=(64, 16), max_epochs=30, random_state=0).fit(X / 16, y_noisy)

EmbeddingDisplay.from_estimator(clf, X / 16, y_noisy, marked=clf.noise_mask_)
plt.show()
