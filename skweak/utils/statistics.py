"""Statistics of per-example values. A tensor gives a tensor like it, an array gives a float64 array."""

import threading
import warnings

import numpy as np
import torch
from scipy.stats import rankdata
from sklearn import config_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from skweak.losses._checks import check_class_target, check_interval, check_logits, check_option
from skweak.utils._checks import as_array, as_classes, check_count

# Warning filters belong to the process: two threads that silence a warning at once can silence it for good.
_FILTER_LOCK = threading.Lock()


def min_max(values, *, constant=0.0):
    """Scale values linearly so that the smallest becomes 0 and the largest 1.

    Puts scores of different units on one scale before they are added, multiplied or given to a mixture.

    Parameters
    ----------
    values : tensor or array of shape (n,)
        Floating point numbers; arrays must be finite and may hold integers.
    constant : float, default=0.0
        Result for every row when all values are equal: 0 when the values carry a penalty that tells nothing
        apart, 1 when they carry trust and nothing speaks against any row.

    Returns
    -------
    tensor or array of shape (n,)
        ``(values - min) / (max - min)``, in [0, 1]. NaN in a tensor makes every result
        NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.utils import min_max
    >>> min_max(np.array([2.0, 6.0, 4.0]))
    array([0. , 1. , 0.5])
    >>> min_max(np.array([3.0, 3.0]), constant=1.0)
    array([1., 1.])
    """
    check_interval(constant, "constant", -np.inf, np.inf)
    if not isinstance(values, torch.Tensor):
        return min_max(_to_tensor(values, "values", 1), constant=constant).numpy()
    _check_vector(values, "values")
    low, high = values.aminmax()
    span = high - low
    flat = span == 0
    # A divisor of 1 on the unused branch keeps the gradient of constant values finite.
    return torch.where(flat, constant, (values - low) / torch.where(flat, 1.0, span))


def mixture_posterior(values, *, n_components=2, component="largest", random_state=0):
    """Probability that each value belongs to the extreme component of a Gaussian mixture.

    Splits values that come from two or more populations, such as the losses or margins of clean and
    mislabelled rows, without a threshold chosen by hand.

    Parameters
    ----------
    values : array or tensor of shape (n,)
        Finite numbers. They are not scaled; apply :func:`min_max` first where the method asks for it.
    n_components : int, default=2
        Number of Gaussian components, at least 2. More components leave a narrower extreme group.
    component : {"largest", "smallest"}, default="largest"
        Whether the posterior of the component with the largest or with the smallest mean is returned.
    random_state : int, RandomState or None, default=0
        Seed of the mixture. Ten steps of expectation-maximisation rarely converge, so the posterior depends
        on it, and for a fixed seed it may depend on the order of the rows.

    Returns
    -------
    array of shape (n,)
        Posteriors in [0, 1], float64. With fewer distinct values than components no mixture is fitted: the
        result is the rank of each value scaled to [0, 1], where equal values share their mean rank, reversed
        for "smallest".

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.utils import mixture_posterior
    >>> values = np.array([0.0, 0.1, 0.05, 1.0, 0.9, 0.95])
    >>> mixture_posterior(values).round(3)
    array([0., 0., 0., 1., 1., 1.])
    >>> mixture_posterior(values, component="smallest").round(3)
    array([1., 1., 1., 0., 0., 0.])
    """
    check_count(n_components, "n_components", 2)
    check_option(component, "component", ("largest", "smallest"))
    if isinstance(values, torch.Tensor):
        values = values.detach().cpu().double().numpy()
    values = as_array(values, "values")
    largest = np.abs(values).max()
    if largest > 1e150:
        raise ValueError(f"values reach {largest:.3g}, accepted are sizes up to 1e150; apply min_max first.")
    if len(np.unique(values)) < n_components:
        # The mean rank of n equal values is (n + 1) / 2, so a single value gets 1/2 like any other constant.
        rank = (rankdata(values) - 1) / (len(values) - 1) if len(values) > 1 else np.array([0.5])
        return rank if component == "largest" else 1 - rank
    mixture = GaussianMixture(n_components, max_iter=10, tol=1e-2, reg_covar=5e-4, random_state=random_state)
    column = values[:, None]
    # These are arrays of numpy, whatever the user dispatches; the mixture's start by k-means knows no other.
    with _FILTER_LOCK, warnings.catch_warnings(), config_context(array_api_dispatch=False):
        warnings.simplefilter("ignore", ConvergenceWarning)
        proba = mixture.fit(column).predict_proba(column)
    means = mixture.means_.ravel()
    chosen = means.argmax() if component == "largest" else means.argmin()
    # The exponential of a rounded logarithm may exceed 1 by a last digit.
    return np.minimum(proba[:, chosen], 1.0)


def label_margin(logits, target):
    """Logit of the given label minus the largest other logit.

    Positive where the classifier agrees with the label; strongly negative rows are suspected of a wrong
    label. Raw logits keep the differences that a saturated softmax hides.

    Parameters
    ----------
    logits : tensor or array of shape (n, n_classes)
        Unnormalised log-probabilities of at least two classes.
    target : tensor or array of shape (n,)
        int64 class indices in ``0..n_classes - 1``.

    Returns
    -------
    tensor or array of shape (n,)

    References
    ----------
    arXiv:2401.07062

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.utils import label_margin
    >>> label_margin(np.array([[3.0, 1.0, 0.0], [3.0, 1.0, 0.0]]), np.array([0, 1]))
    array([ 2., -2.])
    """
    if not isinstance(logits, torch.Tensor):
        return label_margin(_to_tensor(logits, "logits", 2, floating=True), _to_index(target)).numpy()
    check_logits(logits)
    check_class_target(target, *logits.shape)
    index = target.unsqueeze(1)
    # Masking with -inf, not with a large number: logits may lie below any number.
    others = logits.scatter(1, index, -torch.inf)
    return logits.gather(1, index).squeeze(1) - others.amax(dim=1)


def given_label_proba(logits, target):
    """Softmax probability of the given label.

    Tells how far the classifier believes the label of each row; small values point to label errors.

    Parameters
    ----------
    logits : tensor or array of shape (n, n_classes)
        Unnormalised log-probabilities of at least two classes.
    target : tensor or array of shape (n,)
        int64 class indices in ``0..n_classes - 1``.

    Returns
    -------
    tensor or array of shape (n,)
        Probabilities in [0, 1].

    References
    ----------
    arXiv:2209.01334

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.utils import given_label_proba
    >>> given_label_proba(np.log([[0.7, 0.2, 0.1]]), np.array([1])).round(6)
    array([0.2])
    """
    if not isinstance(logits, torch.Tensor):
        return given_label_proba(_to_tensor(logits, "logits", 2, floating=True), _to_index(target)).numpy()
    check_logits(logits)
    check_class_target(target, *logits.shape)
    return logits.softmax(dim=1).gather(1, target.unsqueeze(1)).squeeze(1)


def confidence_weight(confidence, *, threshold=0.3):
    """Turn the confidence in each label into a training weight and an estimate of the noise rate.

    Rows whose label the classifier believes least are given weight 0, those it believes most weight 1.

    Parameters
    ----------
    confidence : tensor or array of shape (n,)
        Larger values mean more trust in the label, such as the result of :func:`given_label_proba`. No
        gradient flows back into it.
    threshold : float in [0, 1], default=0.3
        Rows strictly below it count as noise; a larger threshold raises the estimated noise rate.

    Returns
    -------
    weight : tensor or array of shape (n,)
        ``min_max(confidence, constant=1)``, in [0, 1].
    noise_rate : float
        Share of the rows below ``threshold``.

    References
    ----------
    arXiv:2209.01334

    Examples
    --------
    >>> import numpy as np
    >>> from skweak.utils import confidence_weight
    >>> confidence_weight(np.array([0.1, 0.9, 0.5, 0.2]))
    (array([0.   , 1.   , 0.5  , 0.125]), 0.5)
    """
    check_interval(threshold, "threshold", 0, 1)
    if not isinstance(confidence, torch.Tensor):
        weight, noise_rate = confidence_weight(_to_tensor(confidence, "confidence", 1), threshold=threshold)
        return weight.numpy(), noise_rate
    _check_vector(confidence, "confidence")
    confidence = confidence.detach()
    return min_max(confidence, constant=1.0), (confidence < threshold).double().mean().item()


def _to_tensor(values, name, n_dims, *, floating=False):
    # A copy: torch cannot share the memory of a read-only or reversed array.
    return torch.from_numpy(np.array(as_array(values, name, n_dims, floating=floating)))


def _to_index(target):
    return torch.from_numpy(np.array(as_classes(target, "target", 0)))


def _check_vector(values, name):
    if not values.is_floating_point():
        raise TypeError(f"{name} must have a floating point dtype, got {values.dtype}; call {name}.float().")
    if values.dim() != 1 or values.shape[0] == 0:
        raise ValueError(f"{name} must have shape (n,) with at least one row, got {tuple(values.shape)}.")
