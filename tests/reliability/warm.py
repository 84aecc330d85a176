"""What a clean parent does before its children fork: one fit on one thread, which loads what fits load late."""

import torch

from tests.reliability.fits import quiet_fit, shape_data, shape_estimator

torch.set_num_threads(1)
for name in ("memory", "two networks and a split"):
    quiet_fit(shape_estimator(name, max_epochs=3), *shape_data(name))
