"""What is reported of single training rows."""

import torch


def judge_rows(proba, target, kind):
    """Return the per-row attributes of rows that did not train: held out for validation, or of weight zero.

    Parameters
    ----------
    proba : tensor of shape (n, C)
        Final probabilities.
    target : tensor of shape (n,) or (n, K)
        Encoded labels.
    kind : {"noisy", "semi", "open", "partial", "multilabel", "crowd"}

    Returns
    -------
    dict of str to ndarray
        Of candidates and votes the most probable label and its probability. Other labels stay as given; their
        quality is the probability of the given class, nan where there is none.
    """
    if kind == "partial":
        inside = target != 0
        mass = (proba * inside).sum(1, keepdim=True)
        # A row whose candidates are all of probability 0 has equal shares.
        belief = torch.where(mass > 0, proba / mass, 1 / inside.sum(1, keepdim=True)) * inside
        return disambiguation(belief)
    if kind == "crowd":
        quality, codes = proba.max(1)
        return {"label_quality_": _array(quality), "transduction_": _array(codes)}
    judged = {"transduction_": _array(target)}
    if target.dim() == 1:
        is_class = (target >= 0) & (target < proba.shape[1])
        given = proba.gather(1, target.clamp(0, proba.shape[1] - 1)[:, None])[:, 0]
        judged["label_quality_"] = _array(given.masked_fill(~is_class, float("nan")))
    return judged


def disambiguation(belief):
    """Return the fitted attributes that follow from a belief (n, C), rows of sum 1 over the candidates."""
    quality, codes = belief.max(1)
    return {
        "candidate_weights_": _array(belief),
        "label_quality_": _array(quality),
        "transduction_": _array(codes),
    }


def _array(values):
    # A copy: on the CPU the array would share the memory of what a warm start goes on changing.
    values = values.float() if values.is_floating_point() else values
    return values.cpu().numpy().copy()
