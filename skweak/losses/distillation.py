"""Losses that let a student network imitate the logits, or the embeddings, of a teacher.

Every parameter whose name starts with ``teacher`` is detached: a gradient reaches the student alone.
"""

import math

import torch
import torch.nn.functional as F

from skweak.losses._checks import check_interval, check_logits, check_rows, check_same_shape, check_tensor


def distillation_kl(student_logits, teacher_logits, *, temperature=4.0):
    """Divergence of the student's softened class probabilities from the teacher's.

    The classical distillation loss: both logits are divided by a temperature, which shows the student how
    the teacher ranks the wrong classes. The factor ``temperature ** 2`` keeps the size of the gradient
    about the same for every temperature.

    Parameters
    ----------
    student_logits : Tensor of shape (n, C), floating point
        Unnormalised log-probabilities of the student.
    teacher_logits : Tensor of shape (n, C), floating point
        Unnormalised log-probabilities of the teacher; detached.
    temperature : float, default 4.0
        Positive. 1 compares the plain softmax outputs; the loss tends to half the mean squared difference
        of the centred logits as it grows.

    Returns
    -------
    Tensor of shape (n,)
        Non-negative loss of each row, zero where the logits differ by a constant.

    Raises
    ------
    TypeError
        If an argument is no tensor or the logits are integers.
    ValueError
        If the shapes differ, the batch is empty, there are fewer than two classes, or the temperature is
        not positive.

    Notes
    -----
    ``T² · KL(softmax(teacher / T) ‖ softmax(student / T))`` with ``T = temperature``.

    References
    ----------
    arXiv:1503.02531

    Examples
    --------
    >>> import torch
    >>> student, teacher = torch.zeros(1, 2), torch.tensor([[2.0, 0.0]])
    >>> distillation_kl(student, teacher, temperature=1.0)
    tensor([0.3278])
    >>> distillation_kl(teacher + 5, teacher)
    tensor([0.])
    """
    check_logits(student_logits, "student_logits")
    check_logits(teacher_logits, "teacher_logits")
    check_same_shape(teacher_logits, "teacher_logits", student_logits, "student_logits")
    check_interval(temperature, "temperature", 0, math.inf, include_low=False, include_high=False)
    student = F.log_softmax(student_logits / temperature, dim=1)
    teacher = F.log_softmax(teacher_logits.detach().to(student_logits.dtype) / temperature, dim=1)
    return F.kl_div(student, teacher, reduction="none", log_target=True).sum(dim=1) * temperature**2


def binary_kl(student_logits, teacher_logits, *, temperature=1.0, eps=1e-8):
    """Divergence of the student's label probabilities from the teacher's, label by label.

    The softmax form only compares logits within a row. Here every column is a yes-or-no question of its own,
    so the absolute size of the teacher's logits is imitated too: the logit loss of multi-label distillation,
    and with several classes the one that wants an auxiliary head.

    Parameters
    ----------
    student_logits : Tensor of shape (n, C), floating point
        Log-odds of the student; one column is enough.
    teacher_logits : Tensor of shape (n, C), floating point
        Log-odds of the teacher; detached.
    temperature : float, default 1.0
        Positive. The loss tends to an eighth of the squared difference of the logits as it grows.
    eps : float or None, default 1e-8
        Probabilities of both sides are clamped to ``[eps, 1 - eps]``, with ``0 < eps < 0.5``; where the
        student's is clamped the value saturates and the gradient is zero. Raising it bounds the loss earlier,
        None never.

    Returns
    -------
    Tensor of shape (n,)
        Non-negative loss of each row, zero where the logits are equal.

    Raises
    ------
    TypeError
        If an argument is no tensor or the logits are integers.
    ValueError
        If the shapes differ, the batch is empty, or ``temperature`` or ``eps`` is outside its interval.

    Notes
    -----
    ``T² · sum_c [q log(q / p) + (1 - q) log((1 - q) / (1 - p))]`` with ``T = temperature``,
    ``q = sigmoid(teacher / T)``, ``p = sigmoid(student / T)``

    References
    ----------
    arXiv:2411.08937, arXiv:2308.06453

    Examples
    --------
    >>> import torch
    >>> student, teacher = torch.zeros(1, 2), torch.tensor([[3.0, 1.0]]).log()
    >>> binary_kl(student, teacher)
    tensor([0.1308])
    >>> binary_kl(teacher, teacher)
    tensor([0.])
    """
    teacher_logits = _check_pair(student_logits, teacher_logits, temperature, eps)
    student, teacher = student_logits / temperature, teacher_logits / temperature
    if eps is not None:
        # Clamping the log-odds is clamping the probability, and 1 - eps cannot round to 1.
        bound = _log_odds_bound(eps)
        student, teacher = student.clamp(-bound, bound), teacher.clamp(-bound, bound)
    positive = teacher.sigmoid() * (F.logsigmoid(teacher) - F.logsigmoid(student))
    negative = (-teacher).sigmoid() * (F.logsigmoid(-teacher) - F.logsigmoid(-student))
    return (positive + negative).sum(dim=1) * temperature**2


def binary_kl_norm(student_logits, teacher_logits, *, temperature=2.0, eps=1e-8):
    """Distance of the student's logits from the teacher's, quadratic near zero and linear far away.

    Take the difference of the logits first and ask that its sigmoid be a fair coin. Unlike `binary_kl` it
    does not flatten where the teacher is certain; it serves the auxiliary head of dual-head distillation.

    Parameters
    ----------
    student_logits : Tensor of shape (n, C), floating point
        Log-odds of the student; one column is enough.
    teacher_logits : Tensor of shape (n, C), floating point
        Log-odds of the teacher; detached.
    temperature : float, default 2.0
        Positive. Differences well below it cost an eighth of their square, differences well above it cost
        ``temperature / 2`` per unit.
    eps : float or None, default 1e-8
        The sigmoid is clamped to ``[eps, 1 - eps]``, with ``0 < eps < 0.5``; where it is clamped the value
        saturates and the gradient is zero. Raising it ignores ever smaller differences, None ignores none.

    Returns
    -------
    Tensor of shape (n,)
        Non-negative loss of each row, zero where the logits are equal. It grows with the number of columns.

    Raises
    ------
    TypeError
        If an argument is no tensor or the logits are integers.
    ValueError
        If the shapes differ, the batch is empty, or ``temperature`` or ``eps`` is outside its interval.

    Notes
    -----
    ``T² · sum_c log cosh((student - teacher) / (2 T))`` with ``T = temperature``, which is
    ``T² · sum_c KL(1/2 ‖ sigmoid((student - teacher) / T))``

    References
    ----------
    arXiv:2411.08937

    Examples
    --------
    >>> import torch
    >>> student, teacher = torch.tensor([[4.0, 1.0]]).log(), torch.zeros(1, 2)
    >>> binary_kl_norm(student, teacher, temperature=1.0)  # log cosh(log 2) = log 1.25
    tensor([0.2231])
    >>> binary_kl_norm(teacher, teacher)
    tensor([0.])
    """
    teacher_logits = _check_pair(student_logits, teacher_logits, temperature, eps)
    half = (student_logits - teacher_logits) / (2 * temperature)
    bound = math.inf if eps is None else _log_odds_bound(eps) / 2
    # Beyond 20, where the hyperbolic sine would in the end overflow, the function is a straight line of slope 1
    # to the last digit of float64.
    inner = half.clamp(-min(bound, 20), min(bound, 20))
    # cosh(x) = 1 + 2 sinh(x / 2)² keeps all digits near zero.
    log_cosh = torch.log1p(2 * torch.sinh(inner / 2).square())
    if bound > 20:
        log_cosh = log_cosh + (half.clamp(-bound, bound).abs() - inner.abs())
    return log_cosh.sum(dim=1) * temperature**2


def project_conflict(gradient, reference):
    """Remove from a gradient its component against another one.

    Two losses on shared parameters may pull in opposite directions. When they do, the second gradient is
    projected on the plane across the first; the merged step ``reference + project_conflict(gradient,
    reference)`` then never slows the loss of the first one down.

    Parameters
    ----------
    gradient : Tensor of shape (p,), floating point
        Flat gradient that gives way, zero where its loss does not reach a parameter.
    reference : Tensor of shape (p,), floating point
        Flat gradient that has priority.

    Returns
    -------
    Tensor of shape (p,)
        ``gradient`` itself in value when its dot product with ``reference`` is not negative or ``reference``
        is zero, otherwise the projection.

    Raises
    ------
    TypeError
        If an argument is no floating point tensor.
    ValueError
        If an argument is not flat or empty, or the lengths differ.

    Notes
    -----
    ``gradient - min(0, gradient · reference) / ‖reference‖² · reference``

    References
    ----------
    arXiv:2411.08937, arXiv:2001.06782

    Examples
    --------
    >>> import torch
    >>> project_conflict(torch.tensor([-2.0, 3.0]), torch.tensor([1.0, 0.0]))
    tensor([0., 3.])
    >>> project_conflict(torch.tensor([2.0, 3.0]), torch.tensor([1.0, 0.0]))
    tensor([2., 3.])
    """
    for name, value in (("gradient", gradient), ("reference", reference)):
        check_tensor(value, name)
        if not value.is_floating_point():
            raise TypeError(
                f"{name} must have a floating point dtype, got {value.dtype}; call {name}.float()."
            )
    if gradient.dim() != 1 or gradient.shape[0] == 0:
        raise ValueError(f"gradient must be flat and not empty, got shape {tuple(gradient.shape)}.")
    check_rows(reference, "reference", gradient.shape[0])
    reference = reference.to(gradient.dtype)
    dot, square = gradient @ reference, reference @ reference
    # On the device: no branch that reads the dot product. The second condition covers a norm that underflows.
    factor = torch.where((dot < 0) & (square > 0), dot / square, 0)
    return torch.addcmul(gradient, factor, reference, value=-1)


def _check_pair(student_logits, teacher_logits, temperature, eps):
    check_logits(student_logits, "student_logits", min_columns=1)
    check_logits(teacher_logits, "teacher_logits", min_columns=1)
    check_same_shape(teacher_logits, "teacher_logits", student_logits, "student_logits")
    check_interval(temperature, "temperature", 0, math.inf, include_low=False, include_high=False)
    if eps is not None:
        check_interval(eps, "eps", 0, 0.5, include_low=False, include_high=False)
    return teacher_logits.detach().to(student_logits.dtype)


def _log_odds_bound(eps):
    return math.log1p(-eps) - math.log(eps)
