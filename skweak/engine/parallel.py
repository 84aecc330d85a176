"""One fit on several processes that share the rows of every batch, on top of accelerate."""

import torch
from skorch.callbacks import Callback


class DataParallel(Callback):
    """Callback that splits every batch over several processes and adds up their gradients.

    Each process fits the same estimator on the same ``X`` and ``y`` with the same ``random_state``; all end with the
    same networks, those of one process up to the order of summation, as long as the loss looks at each row for itself.
    What a method computes over a batch (BatchNorm, a share of small losses, mixed rows) it computes over the part of
    its process. Methods that keep something for each row are refused, and so is a checkpoint file.

    Parameters
    ----------
    accelerator : accelerate.Accelerator or None, default=None
        Made at the start of a fit by default. Only its processes and its ``reduce`` are used: no wrapped networks.

    Examples
    --------
    In a script that is started by ``python -m torch.distributed.run --nproc-per-node 2 script.py``::

        clf = CrossEntropyClassifier(callbacks=[DataParallel()], random_state=0).fit(X, y)
    """

    def __init__(self, accelerator=None):
        self.accelerator = accelerator

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        """Take this process' share of the rows."""
        from accelerate import Accelerator

        self.accelerator_ = self.accelerator or Accelerator(cpu=torch.device(net.device).type == "cpu")
        rank, n_processes = self.accelerator_.process_index, self.accelerator_.num_processes
        if net.checkpoint.path is not None:
            raise ValueError("checkpoint is one file, but DataParallel has several processes; leave it out.")
        seeds = self._sum(torch.eye(n_processes, dtype=torch.float64)[rank] * (net.generator.initial_seed() % 2**52))
        if len(set(seeds.tolist())) > 1:
            raise ValueError("random_state must be one number for all processes of DataParallel, got different seeds.")
        if n_processes > min(len(net.data), net.batch_size):
            raise ValueError(
                f"DataParallel has {n_processes} processes, more than a batch has rows: raise batch_size, which is "
                f"{net.batch_size}, or start fewer."
            )
        net.data.share = (rank, n_processes)

    def on_epoch_begin(self, net, **kwargs):
        """Refuse methods that remember rows, of which a process sees only its own."""
        self._check(net)
        self.n_rows_ = 0

    def on_grad_computed(self, net, named_parameters, batch=None, **kwargs):
        """Replace the gradients by those of the whole batch."""
        gradients = [p.grad for _, p in named_parameters if p.grad is not None]
        if not hasattr(batch, "index") or not gradients:
            raise ValueError(f"{type(net.method).__name__} pairs batches, which DataParallel cannot share.")
        # One message per step: the gradients of this part times its rows or their weight, and that number.
        weight, count = net.data.weight, gradients[0].new_tensor([float(len(batch.index))])
        self.n_rows_ += len(batch.index)
        if weight is not None:
            count = weight.index_select(0, batch.index).sum(0, keepdim=True).to(count.dtype)
        total = self._sum(torch.cat([*(gradient.flatten() * count for gradient in gradients), count]))
        for gradient, whole in zip(gradients, total[:-1].split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(whole.view_as(gradient) / total[-1])

    def on_epoch_end(self, net, **kwargs):
        """Record the means over all processes."""
        self._check(net)
        names = ["train_loss", *net.parts]
        values = [net.history[-1, name] * self.n_rows_ for name in names] + [self.n_rows_]
        *sums, n_rows = self._sum(torch.tensor(values, dtype=torch.float64, device=net.device)).tolist()
        for name, value in zip(names, sums, strict=True):
            net.history.record(name, value / n_rows)

    def on_train_end(self, net, X=None, y=None, **kwargs):
        """Let go of the processes, which do not belong into a file."""
        net.data.share = (0, 1)
        del self.accelerator_

    def _sum(self, values):
        return self.accelerator_.reduce(values, reduction="sum")

    def _check(self, net):
        kept = [n for n, v in vars(net.state).items() if not isinstance(v, (torch.nn.Module, int, float, type(None)))]
        if kept:
            raise ValueError(
                f"{type(net.method).__name__} keeps {kept[0]!r} for every row, of which a process of DataParallel sees "
                "only its own; fit it in one process."
            )
