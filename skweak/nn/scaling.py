"""A fixed first layer for tables, so that units, outliers and scalers do not decide what a network learns."""

import torch
from torch import nn

# Beyond this a value is as far as it can be, and its square still fits single precision.
_FARTHEST = 1e12


class InputScaling(nn.Module):
    """Centre and scale every column, then pull far values in smoothly; the numbers come from the training rows.

    Fitting an estimator sets the numbers of every such layer in its networks: the median and the width of the middle
    half of each column, of sparse tables the root of the mean square of the entries without a centre. Until then
    columns are only pulled in. The layer has no parameters.

    Parameters
    ----------
    n_features : int
        Number of columns.
    limit : float > 0, default=3.0
        Bound that no scaled value reaches. Larger leaves far values farther out, and lets an outlier weigh more.

    Notes
    -----
    ``z = (x - centre) / width``, then ``z / sqrt(1 + (z / limit)^2)``.

    References
    ----------
    arXiv:2407.04491 describes such a preprocessing.

    Examples
    --------
    >>> import torch
    >>> layer = InputScaling(1)
    >>> layer.set_columns(torch.tensor([5.0]), torch.tensor([2.0]))
    >>> layer(torch.tensor([[5.0], [7.0], [1e6]])).flatten()
    tensor([0.0000, 0.9487, 3.0000])
    """

    def __init__(self, n_features, limit=3.0):
        super().__init__()
        if not limit > 0:
            raise ValueError(f"limit must be above 0, got {limit!r}.")
        self.limit = float(limit)
        self.register_buffer("centre", torch.zeros(n_features))
        self.register_buffer("factor", torch.ones(n_features))

    def set_columns(self, centre, width):
        """Set what is subtracted from the columns, and what they are divided by."""
        self.centre.copy_(centre)
        self.factor.copy_((1 / width).clamp(max=1e37))

    def forward(self, X):
        """Return the scaled rows (n, d), every entry within ``limit`` of 0."""
        # Sparse rows stay sparse where nothing is subtracted: zero is scaled to zero.
        if hasattr(X, "with_values") and not self._centres():
            scaled = X.with_values(lambda columns, values: self._pull(values * self.factor[columns]))
            if scaled is not None:
                return scaled
        return self._pull((X - self.centre) * self.factor)

    def _centres(self):
        """Return whether anything is subtracted, looked up once for each state of the buffer."""
        state = self.centre.data_ptr(), self.centre._version
        if getattr(self, "_looked_up", (None,))[0] != state:
            self._looked_up = state, bool(self.centre.any())
        return self._looked_up[1]

    def _pull(self, z):
        z = z.clamp(-_FARTHEST, _FARTHEST)
        return z * (1 + (z / self.limit).square()).rsqrt()
