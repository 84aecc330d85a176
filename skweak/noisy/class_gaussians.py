"""Gaussians of classes with wrong labels in them, the small classes leaning on the large (arXiv:2211.10955)."""

import warnings

import numpy as np
from sklearn.covariance import LedoitWolf
from sklearn.neighbors import LocalOutlierFactor
from sklearn.preprocessing import normalize

from skweak.noisy.datastore import knn_vote

# Rows that say how many labels of a class are wrong.
_VOTERS = 10


def class_inliers(features, target, n_classes, *, n_neighbors=20, outlier_share="auto"):
    """Return which rows lie among the others of their class, by the local outlier factor of their directions.

    Parameters
    ----------
    features : ndarray of shape (n, d)
    target : ndarray of int of shape (n,)
    n_classes : int
    n_neighbors : int >= 1
        Rows of the same class that a row is compared with; more look at a wider neighbourhood.
    outlier_share : "auto" or float in [0, 0.5]
        Share of each class that is left out. "auto" is the share of its rows for whose label fewer of the ten nearest
        rows of all classes vote than for another one, at most a half.

    Returns
    -------
    ndarray of bool of shape (n,)
    """
    unit = normalize(features)
    inlier = np.ones(len(target), dtype=bool)
    disagree = np.zeros(len(target))
    if outlier_share == "auto" and len(target) > 1:
        votes = knn_vote(unit, unit, target, n_classes, k=_VOTERS, exclude=np.arange(len(target)))
        disagree = votes.max(axis=1) > votes[np.arange(len(target)), target]
    for label in np.unique(target):
        rows = np.flatnonzero(target == label)
        share = min(0.5, disagree[rows].mean()) if outlier_share == "auto" else outlier_share
        n_out = int(share * len(rows))
        if n_out and len(rows) > 2:
            found = LocalOutlierFactor(n_neighbors=min(n_neighbors, len(rows) - 1))
            with warnings.catch_warnings():
                # Of rows that occur many times.
                warnings.simplefilter("ignore", UserWarning)
                found.fit(unit[rows])
            inlier[rows[found.negative_outlier_factor_.argsort(kind="stable")[:n_out]]] = False
    return inlier


def class_gaussians(features, target, n_classes):
    """Return mean (C, d) and covariance (C, d, d) of each class, shrunk where it has fewer than 5 d rows.

    A class of fewer than two rows has the covariance of all classes, and one without rows their mean.
    """
    d = features.shape[1]
    mean = np.tile(features.mean(axis=0), (n_classes, 1))
    for label in np.unique(target):
        mean[label] = features[target == label].mean(axis=0)
    within = features - mean[target]
    covariance = np.tile(within.T @ within / max(1, len(within)), (n_classes, 1, 1))
    for label, count in zip(*np.unique(target, return_counts=True), strict=True):
        if count >= 2:
            rows = features[target == label]
            shrunk = count < 5 * d
            covariance[label] = LedoitWolf().fit(rows).covariance_ if shrunk else np.cov(rows.T).reshape(d, d)
    return mean, covariance


def lean_on_large(mean, covariance, counts, *, n_lenders=3, mean_share=0.9, covariance_share=0.5, widening=0.1):
    """Return mean and covariance of each class, of the small ones mixed with those of near large ones.

    Parameters
    ----------
    mean, covariance : ndarray of shape (C, d) and (C, d, d)
    counts : ndarray of shape (C,)
        Rows of each class; a class with fewer than the median is small.
    n_lenders : int >= 1
        How many large classes a small one leans on, the nearest.
    mean_share, covariance_share : float in [0, 1]
        Share of its own that a small class keeps; 1 borrows nothing.
    widening : float >= 0
        Added to the variances of a small class, in units of their mean.

    Returns
    -------
    tuple of ndarray of shape (C, d) and (C, d, d)
    """
    small = counts < np.median(counts)
    large, dimension = np.flatnonzero(~small), np.eye(mean.shape[1])
    moved, spread = mean.copy(), covariance.copy()
    for label in np.flatnonzero(small):
        distance = ((mean[large] - mean[label]) ** 2).sum(axis=1)
        near = distance.argsort(kind="stable")[:n_lenders]
        weight = counts[large[near]] / np.maximum(distance[near], 1e-12)
        weight = weight / weight.sum()
        lender = large[near]
        moved[label] = mean_share * mean[label] + (1 - mean_share) * weight @ mean[lender]
        lent = np.tensordot(weight, covariance[lender], axes=1)
        spread[label] = covariance_share * covariance[label] + (1 - covariance_share) * lent
        spread[label] += widening * np.trace(spread[label]) / len(dimension) * dimension
    return moved, spread
