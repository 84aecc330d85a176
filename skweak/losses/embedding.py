"""Losses that let the distances between a student's embeddings follow those of its teacher.

Only ratios of distances enter, hence both sides may have any width, and rotating, shifting or scaling either
of them changes nothing. The teacher is detached.
"""

import torch
import torch.nn.functional as F

from skweak.losses._checks import check_binary_target, check_logits, check_same_shape

# Keeps the slope of the square root finite where two embeddings coincide.
_SMALLEST_DISTANCE = 1e-6


def relational_huber_loss(student, teacher):
    """Huber distance between the normalised distance matrices of two sets of embeddings.

    A narrow student cannot copy the embeddings of a wide teacher, but it can place the same objects near to
    and far from each other.

    Parameters
    ----------
    student : Tensor of shape (M, d1), floating point
        Embeddings of M >= 2 objects.
    teacher : Tensor of shape (M, d2), floating point
        Embeddings of the same objects in the same order; detached.

    Returns
    -------
    Tensor of shape ()
        Non-negative loss, always zero for M = 2.

    Raises
    ------
    TypeError
        If an argument is no floating point tensor.
    ValueError
        If an argument is no matrix, there are fewer than two objects, or their numbers differ.

    Notes
    -----
    ``1 / M · sum_ab huber(D_ab / mean(D) - E_ab / mean(E))`` over all ordered pairs, D and E being the
    distances of student and teacher, with the means over the pairs of different objects. Distances are
    floored at 1e-6, so coinciding objects push each other nowhere.

    References
    ----------
    arXiv:2308.06453, arXiv:1904.05068

    Examples
    --------
    >>> import torch
    >>> student, teacher = torch.tensor([[0.0], [1.0], [3.0]]), torch.tensor([[0.0], [2.0], [3.0]])
    >>> relational_huber_loss(student, teacher)  # two of three distances are off by a half
    tensor(0.1667)
    >>> relational_huber_loss(student, 7 - 5 * student)
    tensor(0.)
    """
    check_logits(student, "student", min_columns=1)
    check_logits(teacher, "teacher", min_columns=1)
    if student.shape[0] < 2 or teacher.shape[0] != student.shape[0]:
        raise ValueError(
            "student and teacher must hold the same number of embeddings, at least 2, got shapes "
            f"{tuple(student.shape)} and {tuple(teacher.shape)}."
        )
    member = torch.ones(1, student.shape[0], dtype=torch.bool, device=student.device)
    return _set_losses(student[None], teacher[None], member)[0]


def class_aware_embedding_loss(student, teacher, target):
    """Relational loss of each label, between the rows that have the label.

    It carries over how the teacher sees one label in different rows: which of them look alike.

    Parameters
    ----------
    student : Tensor of shape (n, K, d1), floating point
        One embedding for each row and label.
    teacher : Tensor of shape (n, K, d2), floating point
        The same of the teacher; detached.
    target : Tensor of shape (n, K)
        1 where the row has the label; 0 and -1 (unknown) leave the entry out.

    Returns
    -------
    Tensor of shape (K,)
        `relational_huber_loss` of each label, 0 for a label with fewer than two rows.

    Raises
    ------
    TypeError
        If an embedding is no floating point tensor or the target is no tensor.
    ValueError
        If the shapes do not agree, the batch is empty, or the target holds other values.

    Notes
    -----
    Memory is of the order K · n². Two rows always give 0: a label needs three in a batch to teach anything.

    References
    ----------
    arXiv:2308.06453

    Examples
    --------
    >>> import torch
    >>> student = torch.tensor([0.0, 1.0, 3.0, 9.0]).reshape(4, 1, 1)
    >>> teacher = torch.tensor([0.0, 2.0, 3.0, 5.0]).reshape(4, 1, 1)
    >>> class_aware_embedding_loss(student, teacher, torch.tensor([[1], [1], [1], [0]]))
    tensor([0.1667])
    """
    _check_embeddings(student, teacher, target)
    return _set_losses(student.transpose(0, 1), teacher.transpose(0, 1), (target == 1).T)


def instance_aware_embedding_loss(student, teacher, target):
    """Relational loss of each row, between the labels that the row has.

    It carries over how the teacher sees the different labels of one row: which of them it hardly tells apart.

    Parameters
    ----------
    student : Tensor of shape (n, K, d1), floating point
        One embedding for each row and label.
    teacher : Tensor of shape (n, K, d2), floating point
        The same of the teacher; detached.
    target : Tensor of shape (n, K)
        1 where the row has the label; 0 and -1 (unknown) leave the entry out.

    Returns
    -------
    Tensor of shape (n,)
        `relational_huber_loss` of each row, 0 for a row with fewer than two labels.

    Raises
    ------
    TypeError
        If an embedding is no floating point tensor or the target is no tensor.
    ValueError
        If the shapes do not agree, the batch is empty, or the target holds other values.

    Notes
    -----
    Memory is of the order n · K². Two labels always give 0: a row needs three to teach anything.

    References
    ----------
    arXiv:2308.06453

    Examples
    --------
    >>> import torch
    >>> student = torch.tensor([0.0, 1.0, 3.0, 9.0]).reshape(1, 4, 1)
    >>> teacher = torch.tensor([0.0, 2.0, 3.0, 5.0]).reshape(1, 4, 1)
    >>> instance_aware_embedding_loss(student, teacher, torch.tensor([[1, 1, 1, 0]]))
    tensor([0.1667])
    """
    _check_embeddings(student, teacher, target)
    return _set_losses(student, teacher, target == 1)


def _check_embeddings(student, teacher, target):
    check_logits(student, "student", min_columns=1, n_dims=3)
    check_logits(teacher, "teacher", min_columns=1, n_dims=3)
    if teacher.shape[:2] != student.shape[:2]:
        raise ValueError(
            f"teacher has shape {tuple(teacher.shape)} but student has shape {tuple(student.shape)}; "
            "give both the same rows and labels."
        )
    first_feature = student[:, :, 0]
    check_same_shape(target, "target", first_feature, "one feature of student")
    check_binary_target(target, first_feature)


def _set_losses(student, teacher, member):
    """Loss (B,) of each of B sets of embeddings (B, M, d), of which only the members (B, M) take part."""
    # Half precision cannot hold the squares of small distances.
    dtype = torch.promote_types(student.dtype, torch.float32)
    size = member.sum(dim=1).clamp(min=1)[:, None, None].to(dtype)
    other = ~torch.eye(member.shape[1], dtype=torch.bool, device=member.device)
    pair = (member[:, :, None] & member[:, None, :] & other).to(dtype)
    student_relation = _relations(student.to(dtype), member, pair, size)
    teacher_relation = _relations(teacher.detach().to(dtype), member, pair, size)
    total = F.huber_loss(student_relation, teacher_relation, reduction="none").sum(dim=(1, 2))
    return (total / size.flatten()).to(student.dtype)


def _relations(embedding, member, pair, size):
    """Pairwise distances (B, M, M) divided by their mean over the pairs, 0 elsewhere."""
    embedding = embedding.masked_fill(~member[:, :, None], 0)
    # The matrix form of the distance is several times faster than differences, and loses no digits to a
    # common offset once the set is centred. Shifts do not change distances, so the centre needs no gradient.
    centred = embedding - embedding.detach().sum(dim=1, keepdim=True) / size
    distance = torch.cdist(centred, centred, compute_mode="use_mm_for_euclid_dist")
    distance = distance.clamp(min=_SMALLEST_DISTANCE) * pair
    mean = distance.sum(dim=(1, 2), keepdim=True) / (size * (size - 1)).clamp(min=1)
    # Only the mean of a set without pairs is below the floor of the distances.
    return distance / mean.clamp(min=_SMALLEST_DISTANCE / 2)
