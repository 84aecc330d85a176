"""The classical distillation loss, taken apart."""

import math

import torch
import torch.nn.functional as F

from skweak.losses._checks import check_class_target, check_interval, check_logits, check_same_shape


def decoupled_kl(student_logits, teacher_logits, target, *, temperature=4.0):
    """Divergence from the teacher in two parts: about the given class, and among the other classes.

    In `distillation_kl` the second part is multiplied by what the teacher leaves to the other classes, which is
    least where the teacher is best. Apart, the two can be weighted freely.

    Parameters
    ----------
    student_logits : Tensor of shape (n, C), floating point
        Unnormalised log-probabilities of the student.
    teacher_logits : Tensor of shape (n, C), floating point
        Unnormalised log-probabilities of the teacher; detached.
    target : Tensor of shape (n,), int64
        Class of each row.
    temperature : float, default 4.0
        Positive. Both logits are divided by it; larger values compare the small probabilities as well.

    Returns
    -------
    target_part : Tensor of shape (n,)
        Divergence of the two numbers "this class" and "another class".
    other_part : Tensor of shape (n,)
        Divergence among the other classes, as if the given one did not exist; 0 with two classes.

    Raises
    ------
    TypeError
        If an argument is no tensor or has the wrong dtype.
    ValueError
        If the shapes differ, the batch is empty, a class is outside ``0..C-1``, or the temperature is not positive.

    Notes
    -----
    ``distillation_kl = target_part + (1 - q) · other_part`` with q the teacher's softened probability of the
    class; both parts carry the factor ``temperature ** 2``.

    References
    ----------
    arXiv:2203.08679

    Examples
    --------
    >>> import torch
    >>> student, teacher = torch.zeros(1, 3), torch.tensor([[2.0, 1.0, 1.0]]).log()
    >>> target_part, other_part = decoupled_kl(student, teacher, torch.tensor([0]), temperature=1.0)
    >>> target_part  # 1/2 log(3/2) + 1/2 log(3/4)
    tensor([0.0589])
    >>> other_part
    tensor([0.])
    """
    check_logits(student_logits, "student_logits")
    check_logits(teacher_logits, "teacher_logits")
    check_same_shape(teacher_logits, "teacher_logits", student_logits, "student_logits")
    check_class_target(target, *student_logits.shape)
    check_interval(temperature, "temperature", 0, math.inf, include_low=False, include_high=False)
    teacher_logits = teacher_logits.detach().to(student_logits.dtype)
    student, student_others = _split(student_logits / temperature, target[:, None])
    teacher, teacher_others = _split(teacher_logits / temperature, target[:, None])
    target_part, other_part = (
        F.kl_div(ours, theirs, reduction="none", log_target=True).sum(dim=1) * temperature**2
        for ours, theirs in ((student, teacher), (student_others, teacher_others))
    )
    return target_part, other_part


def _split(logits, target):
    """Log-probabilities of "this class or another" (n, 2), and those among the other classes (n, C)."""
    # Half of the lowest number: an infinity would turn into NaN where two of them are subtracted.
    others = logits.scatter(1, target, torch.finfo(logits.dtype).min / 2)
    binary = torch.cat([logits.gather(1, target), others.logsumexp(dim=1, keepdim=True)], dim=1)
    return F.log_softmax(binary, dim=1), F.log_softmax(others, dim=1)
