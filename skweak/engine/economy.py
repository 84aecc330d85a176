"""What a fit saves on: threads where steps are small, and precision where it is not felt."""

import torch

# Multiply-adds of one step below which a fit runs on one thread: a second one brings little, costs a multiple on a busy
# machine, and the number of threads changes the last bits.
_SMALL_STEP = 1e8


def sensible_threads(run):
    """Return 1 for small steps on tables, where a second thread costs more than it brings."""
    weights = sum(parameter.numel() for _, parameter in run.get_all_learnable_params())
    small = len(run.data.row_shape) == 1 and weights * run.batch_size < _SMALL_STEP
    return 1 if small else torch.get_num_threads()


def full_precision_logits(run):
    """Let every layer that gives logits return the full type, so that losses and memories know nothing of half.

    Returns the hooks, which are removed after training.
    """
    networks = [] if run.autocast is None else [getattr(run, f"{name}_") for name in run._modules]
    layers = [layer for network in networks for layer in network.modules() if isinstance(layer, torch.nn.Linear)]
    heads = [layer for layer in layers if layer.out_features == run.n_outputs]
    return [head.register_forward_hook(lambda _, __, logits: logits.to(run.dtype)) for head in heads]
