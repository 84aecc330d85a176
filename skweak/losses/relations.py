"""Losses that compare how two networks relate the rows, or the classes, of a batch to each other.

The teacher is detached. Beside these there is `relational_huber_loss`, which compares distances.
"""

import math

import torch
import torch.nn.functional as F

from skweak.losses._checks import check_interval, check_logits, check_same_shape


def correlation_loss(student_logits, teacher_logits, *, temperature=1.0):
    """One minus the correlation of the predicted probabilities, within rows and within classes.

    A small student cannot reach the teacher's exact probabilities. It is enough that it ranks the classes of a
    row, and the rows for a class, as the teacher does.

    Parameters
    ----------
    student_logits : Tensor of shape (n, C), floating point
        Unnormalised log-probabilities of the student, n >= 2.
    teacher_logits : Tensor of shape (n, C), floating point
        Unnormalised log-probabilities of the teacher; detached.
    temperature : float, default 1.0
        Positive. Both logits are divided by it; larger values let the small probabilities count.

    Returns
    -------
    between_classes : Tensor of shape ()
        Mean over the rows, in [0, 2]; 0 where the probabilities of each row are a rising line of the teacher's.
    between_rows : Tensor of shape ()
        The same, mean over the classes.

    Raises
    ------
    TypeError
        If an argument is no tensor or the logits are integers.
    ValueError
        If the shapes differ, there are fewer than two rows or classes, or the temperature is not positive.

    Notes
    -----
    Pearson's correlation, its denominator increased by 1e-8. What is constant correlates with nothing: it costs 1.

    References
    ----------
    arXiv:2205.10536

    Examples
    --------
    >>> import torch
    >>> student = torch.tensor([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1]]).log()
    >>> teacher = torch.tensor([[0.6, 0.2, 0.2], [0.2, 0.6, 0.2]]).log()
    >>> between_classes, between_rows = correlation_loss(student, teacher)
    >>> round(between_classes.item(), 4), round(between_rows.item(), 4)  # the third class is constant
    (0.0, 0.3333)
    """
    check_logits(student_logits, "student_logits")
    check_logits(teacher_logits, "teacher_logits")
    check_same_shape(teacher_logits, "teacher_logits", student_logits, "student_logits")
    check_interval(temperature, "temperature", 0, math.inf, include_low=False, include_high=False)
    _check_several(student_logits, "student_logits")
    student = (student_logits / temperature).softmax(dim=1)
    teacher = (teacher_logits.detach().to(student.dtype) / temperature).softmax(dim=1)
    return 1 - _correlation(student, teacher).mean(), 1 - _correlation(student.T, teacher.T).mean()


def relational_angle_loss(student, teacher):
    """Huber distance between the angles that all triples of rows form in two embeddings.

    Angles carry higher-order structure than distances do. Rotating, shifting or scaling either embedding
    changes nothing.

    Parameters
    ----------
    student : Tensor of shape (n, d1), floating point
        Embeddings of n >= 2 rows.
    teacher : Tensor of shape (n, d2), floating point
        Embeddings of the same rows; detached.

    Returns
    -------
    Tensor of shape ()
        Non-negative mean over all ordered triples, the degenerate ones included.

    Raises
    ------
    TypeError
        If an argument is no floating point tensor.
    ValueError
        If an argument is no matrix, there are fewer than two rows, or their numbers differ.

    Notes
    -----
    The cosine of the angle at row i is ``<e_ij, e_ik>`` with ``e_ij = (f_j - f_i) / max(‖f_j - f_i‖, 1e-12)``.
    Memory is of the order n³ + n² d.

    References
    ----------
    arXiv:1904.05068

    Examples
    --------
    >>> import torch
    >>> student = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> relational_angle_loss(student, 3 - 2 * student)
    tensor(0.)
    >>> teacher = torch.tensor([[0.0], [1.0], [3.0]])  # angles of 0, 180 and 0 degrees instead of 90, 45 and 45
    >>> round(relational_angle_loss(student, teacher).item(), 4)
    0.1296
    """
    _check_embeddings(student, teacher)
    return F.smooth_l1_loss(_cosines(student), _cosines(teacher.detach().to(student.dtype)))


def kernel_matching_loss(student, teacher):
    """Divergence between the probabilities with which a row of a batch picks another one as similar.

    Each row turns its cosine similarities to all rows into a distribution; the student's is to follow the
    teacher's (probabilistic knowledge transfer). Widths may differ, and scaling or rotating changes nothing.

    Parameters
    ----------
    student : Tensor of shape (n, d1), floating point
        Embeddings of n >= 2 rows.
    teacher : Tensor of shape (n, d2), floating point
        Embeddings of the same rows; detached.

    Returns
    -------
    Tensor of shape ()
        Non-negative up to rounding; mean over all n² pairs, a row with itself included.

    Raises
    ------
    TypeError
        If an argument is no floating point tensor.
    ValueError
        If an argument is no matrix, there are fewer than two rows, or their numbers differ.

    Notes
    -----
    ``mean_ij q_ij log((q_ij + 1e-7) / (p_ij + 1e-7))`` with p and q the similarities ``(cos + 1) / 2`` of student
    and teacher, divided by their sum over j.

    References
    ----------
    arXiv:1803.10837

    Examples
    --------
    >>> import torch
    >>> student, teacher = torch.tensor([[1.0], [1.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> kernel_matching_loss(student, teacher)  # (2/3 log(4/3) + 1/3 log(2/3)) / 2
    tensor(0.0283)
    """
    _check_embeddings(student, teacher)
    ours, theirs = _similarities(student), _similarities(teacher.detach().to(student.dtype))
    return (theirs * torch.log((theirs + 1e-7) / (ours + 1e-7))).mean()


def _check_several(value, name):
    if value.shape[0] < 2:
        raise ValueError(f"{name} has one row; relations need at least 2 rows.")


def _check_embeddings(student, teacher):
    check_logits(student, "student", min_columns=1)
    check_logits(teacher, "teacher", min_columns=1)
    _check_several(student, "student")
    if teacher.shape[0] != student.shape[0]:
        raise ValueError(f"teacher has {teacher.shape[0]} rows but student {student.shape[0]}; give the same rows.")


def _correlation(first, second):
    first, second = (values - values.mean(dim=1, keepdim=True) for values in (first, second))
    # The norm has no slope at 0, where a class is predicted alike for all rows.
    norms = (first.square().sum(dim=1) * second.square().sum(dim=1)).clamp(min=1e-30).sqrt()
    return (first * second).sum(dim=1) / (norms + 1e-8)


def _cosines(features):
    difference = features[None, :, :] - features[:, None, :]
    # Dividing by the clamped length leaves the zeros of the diagonal at zero, value and slope.
    length = difference.square().sum(dim=2, keepdim=True).clamp(min=1e-24).sqrt()
    unit = difference / length
    return unit @ unit.transpose(1, 2)


def _similarities(features):
    unit = features / (features.square().sum(dim=1, keepdim=True).clamp(min=1e-24).sqrt() + 1e-7)
    similarity = (unit @ unit.T + 1) / 2
    return similarity / similarity.sum(dim=1, keepdim=True)
