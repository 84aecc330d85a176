"""Aggregation of the logits of several views of one row."""

from skweak.losses._checks import check_logits, check_same_shape


def pool_patches(logits, scores=None):
    """Average the logits of patches with a softmax over the patches, label by label.

    An object seen in one patch only must not be voted down by the other patches: each label listens most to
    the patch where its score is large.

    Parameters
    ----------
    logits : tensor of shape (n, n_patches, n_labels)
        Logits of each label in each patch.
    scores : tensor of shape (n, n_patches, n_labels), optional
        Attention logits; the larger the score of a patch, the larger its share. By default the logits
        themselves, which makes the result a soft maximum. The gradient reaches both factors.

    Returns
    -------
    tensor of shape (n, n_labels)
        Pooled logits, between the smallest and the largest logit of the patches.

    References
    ----------
    arXiv:2407.18624

    Examples
    --------
    >>> import torch
    >>> from skweak.multilabel import pool_patches
    >>> logits = torch.tensor([[[1.0], [3.0]]])
    >>> pool_patches(logits, scores=torch.zeros(1, 2, 1))
    tensor([[2.]])
    >>> pool_patches(logits) > 2
    tensor([[True]])
    """
    check_logits(logits, min_columns=1, n_dims=3)
    if scores is None:
        scores = logits
    else:
        check_logits(scores, "scores", min_columns=1, n_dims=3)
        check_same_shape(scores, "scores", logits)
    return (scores.softmax(dim=1) * logits).sum(dim=1)
