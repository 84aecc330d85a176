"""
Estimating the noise
====================

Half of the digits 3 are called 5, and some 7 are called 1. Confident learning recovers both from the labels alone.
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
