"""The door through which methods and callbacks read and change what is known of the training rows."""

import torch


class Facts:
    """What is known of each training row, by name: ``net.facts`` during a fit.

    Positions are those of the training set, as in ``batch.index``; held-out rows keep their facts. Change facts in
    ``on_epoch_begin`` or ``on_epoch_end``: the batches that follow show the new ones, and so does a fit that goes on
    from a checkpoint. At the end the fit reports them as ``transduction_`` and ``sample_weight_``, while
    ``label_quality_`` judges the labels that were given.

    Parameters
    ----------
    data : TensorData
        The training rows.
    method : object
        Names what may change in ``_changeable_facts``; ``_takes_soft_targets`` says whether probabilities may stand in
        place of class codes.
    n_outputs : int
    """

    def __init__(self, data, method, n_outputs):
        self._data, self._method, self._n_outputs = data, method, n_outputs
        # By name: the fact as it was given, and the rows where it has been changed.
        self._given, self._changed = {}, {}

    def read(self, name, index=None):
        """Return the fact ``name`` of all training rows or of those at ``index``, which must not be written to.

        Parameters
        ----------
        name : str
            "target" (encoded labels), "weight", "trusted", or a fact that the method names; see `skweak.fit.side`.
        index : tensor of int64 or None

        Returns
        -------
        tensor or None
            Row by row; of pairs a sparse matrix among the rows. None where ``fit`` was not given the fact.
        """
        if name in ("target", "weight", "trusted"):
            value = getattr(self._data, name)
        elif name in self._method._side_facts:
            value = self._data.side.get(name)
        else:
            known = ["target", "weight", "trusted", *self._method._side_facts]
            raise ValueError(f"{type(self._method).__name__} knows no fact {name!r} of its rows; it knows {known}.")
        value = value if value is None or index is None else value.index_select(0, index)
        if value is None or isinstance(value, torch.Tensor):
            return value
        return value.to(self._data.dtype, self._data.device)

    def change(self, name, index, values):
        """Replace the fact ``name`` of the training rows at ``index``.

        Parameters
        ----------
        name : {"target", "weight"}
        index : array-like of int or bool
            Positions of training rows, or a mask (n,) of them.
        values : array-like
            One per position. Targets are encoded as in ``read("target")``; where the method takes them, rows of
            probabilities (k, C) are soft targets. Weights are not negative.

        Raises
        ------
        ValueError
            If the method does not follow changes of the fact, or a position or value is not acceptable.
        """
        if name not in self._method._changeable_facts:
            raise ValueError(
                f"{type(self._method).__name__} does not follow changes of {name!r} during a fit; those of "
                f"{list(self._method._changeable_facts)} it does. Change it before fit."
            )
        index, values = self._positions(index), torch.as_tensor(values, device=self._data.device)
        value = getattr(self._data, name)
        if name == "weight" and value is None:
            value = torch.ones(len(self._data), dtype=self._data.dtype, device=self._data.device)
        if values.shape[:1] != index.shape:
            raise ValueError(f"{name}: {len(index)} positions need as many values, got shape {tuple(values.shape)}.")
        changed = value.clone()
        if name == "target":
            changed, values = self._check_target(changed, values)
        elif values.dim() > 1 or not torch.isfinite(values).all() or (values < 0).any():
            raise ValueError("weight must be one finite number >= 0 per position.")
        changed[index] = values.to(changed.dtype)
        if name == "weight" and not changed.any():
            raise ValueError("weight would be zero for every row; leave at least one positive.")
        rows = self._changed.get(name, torch.zeros(len(self._data), dtype=torch.bool, device=self._data.device)).clone()
        rows[index] = True
        self._put(name, changed, rows)

    def settle(self):
        """Put the facts back as they were given; return what they were at last and which rows changed, by name."""
        found = {name: (getattr(self._data, name), rows) for name, rows in self._changed.items()}
        for name, value in self._given.items():
            setattr(self._data, name, value)
        self._given, self._changed = {}, {}
        return found

    def state_dict(self):
        """Return the facts that were changed, by name."""
        return {
            name: {"values": getattr(self._data, name).clone(), "changed": rows.clone()}
            for name, rows in self._changed.items()
        }

    def load_state_dict(self, state):
        """Take the changes of ``state``; what it does not hold is as it was given."""
        self.settle()
        for name, saved in state.items():
            self._put(name, *(saved[part].to(self._data.device) for part in ("values", "changed")))

    def _put(self, name, value, rows):
        # The tensor of the user's data is never written to.
        self._given.setdefault(name, getattr(self._data, name))
        setattr(self._data, name, value)
        self._changed[name] = rows

    def _positions(self, index):
        index, n_rows = torch.as_tensor(index, device=self._data.device), len(self._data)
        if index.dtype == torch.bool and index.shape == (n_rows,):
            return index.nonzero()[:, 0]
        whole = index.dim() == 1 and not index.is_floating_point() and index.dtype != torch.bool
        if not whole or (len(index) and not 0 <= int(index.min()) <= int(index.max()) < n_rows):
            raise ValueError(f"index must hold positions in 0..{n_rows - 1} or be a mask of {n_rows} training rows.")
        return index.long()

    def _check_target(self, target, values):
        """Return the targets and their new values in one form, class codes or probabilities, or raise."""
        soft = target.is_floating_point()
        if values.is_floating_point() and values.dim() == 2 and self._method._takes_soft_targets:
            total = (values.sum(1) - 1).abs()
            if values.shape[1] != self._n_outputs or not (values >= 0).all() or not (total < 1e-3).all():
                raise ValueError(f"soft targets must be probabilities of {self._n_outputs} classes, rows of sum 1.")
            return target if soft else self._one_hot(target), values
        self._method._kind.check_codes(values, self._n_outputs)
        return target, self._one_hot(values.long()) if soft else values

    def _one_hot(self, codes):
        return torch.nn.functional.one_hot(codes, self._n_outputs).to(self._data.dtype)


def weighted_mean(losses, weight):
    """Return the mean of losses (n,) under weights (n,), 0 where a callback has taken the weight of every row."""
    return (losses * weight).sum() / weight.sum().clamp_min(torch.finfo(weight.dtype).tiny)
