"""Sharpness-aware minimisation (arXiv:2010.01412, arXiv:2102.11600)."""

import torch

# Lets weights of 0 take part in the relative ball, as in the paper on ASAM.
_LEAST_SIZE = 0.01


class SAM(torch.optim.Optimizer):
    """Optimizer that takes the gradient where the loss is largest in a small ball around the weights.

    Sharp minima fit single wrong labels, flat ones fit what many rows share. Each step evaluates the loss twice: at the
    weights, and a little uphill; the second gradient moves the weights. Works with every estimator whose loss is
    a function of a batch, at twice the cost of its steps.

    Parameters
    ----------
    params : iterable of parameters, of (name, parameter) pairs or of groups
    lr : float > 0
        Learning rate of the base optimizer.
    base : torch.optim class or its name, default="SGD"
        Moves the weights.
    rho : float >= 0, default=0.05
        Radius of the ball. 0 is the base optimizer; larger looks for flatter minima, too large stops learning.
    adaptive : bool, default=False
        Measure the ball relative to each weight (ASAM), so that rescaled layers have the same sharpness; needs a
        ``rho`` about ten times as large.
    **base_options
        Of the base optimizer, such as ``momentum`` and ``weight_decay``.

    Raises
    ------
    ValueError
        If ``rho`` is negative or not finite.

    References
    ----------
    arXiv:2010.01412, arXiv:2102.11600

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skweak.noisy import CrossEntropyClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = CrossEntropyClassifier(optimizer=SAM, optimizer__rho=0.05, optimizer__momentum=0.9, random_state=0)
    >>> bool(clf.fit(X, y).score(X, y) > 0.9)
    True
    """

    def __init__(self, params, lr=1e-3, *, base="SGD", rho=0.05, adaptive=False, **base_options):
        if not 0 <= rho < float("inf"):
            raise ValueError(f"rho must be a finite number >= 0, the radius of the ball, got {rho!r}.")
        super().__init__(params, {"lr": lr, "rho": rho, "adaptive": adaptive, **base_options})
        base = getattr(torch.optim, base) if isinstance(base, str) else base
        self.base = base(self.param_groups, lr=lr, **base_options)
        self._share()

    def _share(self):
        # One set of groups and states, so that schedules and saved states reach the base optimizer.
        self.param_groups, self.state = self.base.param_groups, self.base.state

    def load_state_dict(self, state_dict):
        """Take the state of groups and of the base optimizer."""
        self.base.load_state_dict(state_dict)
        self._share()

    def step(self, closure):
        """Take one step; ``closure`` returns the loss with its gradients, each time for the same batch."""
        with torch.enable_grad():
            loss = closure()
        climbed = self._climb()
        if climbed:
            with torch.enable_grad():
                closure()
            with torch.no_grad():
                for parameter, weights in climbed:
                    parameter.copy_(weights)
        self.base.step()
        return loss

    @torch.no_grad()
    def _climb(self):
        """Move every group to the top of its ball and return the weights as they were; nothing where ``rho`` is 0."""
        climbed = []
        for group in self.param_groups:
            moved = [p for p in group["params"] if p.grad is not None] if group["rho"] else []
            if not moved:
                continue
            scales = [p.abs() + _LEAST_SIZE if group["adaptive"] else torch.ones_like(p) for p in moved]
            slopes = [scale * p.grad for scale, p in zip(scales, moved, strict=True)]
            norm = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(slope) for slope in slopes]))
            climbed += [(p, p.clone()) for p in moved]
            for parameter, scale, slope in zip(moved, scales, slopes, strict=True):
                parameter.add_(scale * slope * (group["rho"] / (norm + 1e-12)))
        return climbed
