"""Steps that evaluate their loss several times: same batch, same views, same random numbers, one visit of each row."""

from contextlib import contextmanager

import torch
from torch.nn.modules.batchnorm import _BatchNorm

from skweak.engine.optimizers import clear_gradients


class StepClosure:
    """The loss of one batch as an optimizer's closure: every call computes it and its gradients anew.

    From the second call on, random numbers are drawn again as in the first one, and memories of rows and statistics of
    BatchNorm stand still. Generators end as after a single call.

    Parameters
    ----------
    run : Trainer
    batch : object
        What the method's ``_loss`` understands.

    Attributes
    ----------
    loss : tensor or None
        The mean loss of the first call, detached.
    """

    def __init__(self, run, batch):
        self.run, self.batch, self.loss = run, batch, None
        self._random = _random_numbers(run)

    def __call__(self):
        """Return the mean loss, with its gradients in the parameters."""
        run = self.run
        for name in run._optimizers:
            clear_gradients(getattr(run, f"{name}_"))
        if self.loss is None:
            loss = self.loss = run.backward(self.batch)
        else:
            _draw_again(run, self._random)
            with _standing_still(run):
                loss = run.backward(self.batch)
        run.notify_gradients(self.batch)
        return loss


@contextmanager
def _standing_still(run):
    memories = [value for value in vars(run.state).values() if hasattr(value, "frozen")]
    norms = [layer for name in run._modules for layer in getattr(run, f"{name}_").modules()
             if isinstance(layer, _BatchNorm)]  # fmt: skip
    momenta = [norm.momentum for norm in norms]
    for memory in memories:
        memory.frozen = True
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for memory in memories:
            memory.frozen = False
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum


def _random_numbers(run):
    cuda = torch.device(run.device).type == "cuda"
    return (
        torch.random.get_rng_state(), torch.cuda.get_rng_state(run.device) if cuda else None,
        run.generator.get_state(), run.numpy_random.get_state(),
    )  # fmt: skip


def _draw_again(run, state):
    cpu, cuda, order, numpy_state = state
    torch.random.set_rng_state(cpu)
    if cuda is not None:
        torch.cuda.set_rng_state(cuda, run.device)
    run.generator.set_state(order)
    run.numpy_random.set_state(numpy_state)
