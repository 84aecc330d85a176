"""Random draws that leave the process-wide generators alone."""

import numpy as np
import torch

from skweak.utils._checks import check_count


def draw_complementary_labels(target, *, n_classes, generator=None):
    """Draw for each row a class that it does not belong to.

    Learning from "this is not class c" (negative learning) tolerates wrong labels: a class drawn at random
    among the others is rarely the true one.

    Parameters
    ----------
    target : tensor or array of shape (n,)
        Class indices in ``0..n_classes - 1``, or -1 for unlabelled rows.
    n_classes : int
        Number of classes, at least 2. With 2 the complement of a labelled row is certain.
    generator : torch.Generator, optional
        Source of randomness; the result does not depend on the device of ``target``. Without it a new
        generator is seeded by the system and every call gives another draw.

    Returns
    -------
    tensor of shape (n,)
        int64 classes on the device of ``target``, uniform among those different from ``target``, and among
        all classes for unlabelled rows.

    References
    ----------
    arXiv:1908.07387, arXiv:2402.15198

    Examples
    --------
    >>> import torch
    >>> from skweak.utils import draw_complementary_labels
    >>> draw_complementary_labels(torch.tensor([0, 1, 1]), n_classes=2)
    tensor([1, 0, 0])
    """
    check_count(n_classes, "n_classes", 2)
    if not isinstance(target, torch.Tensor):
        target = torch.from_numpy(np.array(target))
    if target.is_floating_point() or target.is_complex() or target.dtype == torch.bool:
        raise TypeError(f"target must hold integer class indices, got {target.dtype}.")
    if target.dim() != 1 or target.shape[0] == 0:
        raise ValueError(f"target must have shape (n,) with at least one row, got {tuple(target.shape)}.")
    target = target.long()
    if target.device.type == "cpu":
        wrong = (target < -1) | (target >= n_classes)
        if wrong.any():
            raise ValueError(
                f"target contains {target[wrong][0].item()}, accepted are integers in -1..{n_classes - 1}."
            )
    if generator is None:
        generator = torch.Generator()
        generator.seed()
    size, device = target.shape, generator.device
    pseudo_class = torch.randint(n_classes, size, generator=generator, device=device).to(target.device)
    shift = torch.randint(1, n_classes, size, generator=generator, device=device).to(target.device)
    return (torch.where(target < 0, pseudo_class, target) + shift) % n_classes
