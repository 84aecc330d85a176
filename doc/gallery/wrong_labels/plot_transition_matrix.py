"""
Estimate the noise transition matrix
====================================

Not all mistakes are alike. A person who labels handwritten digits confuses 3 with 5 and 7 with 1, and hardly ever 0
with 4. A transition matrix says so: its row is the true class, its column the label that was given, and its entry
the probability of the one where the other is true. Rows sum to 1, and without any noise it is the identity.

If you know the matrix, you can correct for the noise. ``ForwardCorrectionClassifier`` trains a network whose
outputs, passed through the matrix, explain the given labels; ``noise_corrected_scorer`` corrects a score on noisy
validation labels. Both need an estimate, since the true matrix is not known.

Here 40 % of the digits 3 are called 5, a fifth of the digits 7 are called 1, and the rest are right.
``estimate_transition_matrix`` gets the given labels and out-of-fold probabilities of a logistic regression, and
finds both confusions. Compare the two pictures: entries off the diagonal that appear on the right but not on the
left are the classifier's own confusions, which are taken for noise. This limits every such estimate: a better
classifier makes the error smaller, and no amount of data removes it.

Look at the matrix before correcting by it. One entry that is clearly above its neighbours is a finding to report to
the people who label the data; a matrix with a little of everything is better read as "no particular confusion".
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict

from skweak.metrics import estimate_transition_matrix
from skweak.plots import TransitionMatrixDisplay

X, y = load_digits(return_X_y=True)
noise = np.eye(10)
noise[3, [3, 5]], noise[7, [7, 1]] = [0.6, 0.4], [0.8, 0.2]
random = np.random.RandomState(0)
y_noisy = np.array([random.choice(10, p=noise[label]) for label in y])

proba = cross_val_predict(LogisticRegression(C=0.1, max_iter=300), X / 16, y_noisy, method="predict_proba")
figure, (left, right) = plt.subplots(1, 2, figsize=(12, 5), layout="constrained")
TransitionMatrixDisplay.from_results(noise).plot(left).ax_.set_title("truth")
TransitionMatrixDisplay.from_results(estimate_transition_matrix(y_noisy, proba)).plot(right).ax_.set_title("estimate")
plt.show()
