"""Training loops as a competent user writes them by hand: the yardsticks of the speed table.

Each is a generator that stops when it is ready and after every step, so that it can take turns with another one.
``best`` makes it as fast as we know: rows by ``index_select``, a fused optimizer, images with the channels last.
"""

import torch
from sklearn.mixture import GaussianMixture
from torch.nn import functional as F

from benchmarks.clock import now
from skweak.losses import calibrated_softmax, class_balance_penalty, evidential_loss, sharpen

MOMENTUM = {"lr": 0.05, "momentum": 0.9, "weight_decay": 5e-4}


def _sgd(*networks, fused):
    parameters = [parameter for network in networks for parameter in network.parameters()]
    return torch.optim.SGD(parameters, **MOMENTUM, **({"fused": True} if fused else {}))


def run(loop):
    """Return the seconds of all steps of a loop."""
    next(loop)
    start = now()
    for _ in loop:
        pass
    return now() - start


def _step(optimizer, loss):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def _parts(n, batch_size):
    return torch.randperm(n).split(batch_size)


def plain(network, X, y, *, epochs, batch_size, best):
    """Cross-entropy."""
    if best and X.dim() == 4:
        network = network.to(memory_format=torch.channels_last)
        X = X.contiguous(memory_format=torch.channels_last)
    optimizer = _sgd(network, fused=best)
    yield
    for _ in range(epochs):
        for index in _parts(len(X), batch_size):
            rows, target = (X.index_select(0, index), y.index_select(0, index)) if best else (X[index], y[index])
            _step(optimizer, F.cross_entropy(network(rows), target))
            yield


class SparseNetwork(torch.nn.Module):
    """One hidden layer on rows of a csr matrix, its weights (d, hidden) laid out for products with sparse rows.

    ``best`` adds up rows of the weights by an embedding bag, else the matrix is multiplied by `torch.sparse.mm`.
    """

    def __init__(self, n_features, hidden, n_outputs, *, best):
        super().__init__()
        like = torch.nn.Linear(n_features, hidden)
        self.weight, self.bias = torch.nn.Parameter(like.weight.detach().t().contiguous()), like.bias
        self.head, self.best = torch.nn.Linear(hidden, n_outputs), best

    def forward(self, X):
        """Return the logits."""
        offsets, columns, values = map(torch.from_numpy, (X.indptr, X.indices, X.data))
        if self.best:
            z = F.embedding_bag(
                columns, self.weight, offsets, mode="sum", per_sample_weights=values, include_last_offset=True
            )
        else:
            z = torch.sparse.mm(torch.sparse_csr_tensor(offsets, columns, values, X.shape), self.weight)
        return self.head((z + self.bias).relu())


def sparse(network, X, y, *, epochs, batch_size):
    """Cross-entropy of a `SparseNetwork` on a csr matrix."""
    optimizer = _sgd(network, fused=network.best)
    yield
    for _ in range(epochs):
        for index in _parts(X.shape[0], batch_size):
            _step(optimizer, F.cross_entropy(network(X[index.numpy()]), y.index_select(0, index)))
            yield


def fixmatch(network, X, y, unlabeled, views, *, epochs, batch_size, ratio=3, threshold=0.95, decay=0.999):
    """FixMatch with an averaged network; an epoch is a pass over the unlabeled rows."""
    optimizer, n_labeled = _sgd(network, fused=True), batch_size // (1 + ratio)
    average = [parameter.detach().clone() for parameter in network.parameters()]
    parts, steps = [], 0
    yield
    for _ in range(epochs):
        for index in _parts(len(unlabeled), batch_size - n_labeled):
            parts = parts or list(_parts(len(X), n_labeled))
            few = parts.pop()
            rows, given, rest = X.index_select(0, few), y.index_select(0, few), unlabeled.index_select(0, index)
            both = torch.cat([views.weak(torch.cat([rows, rest])), views.strong(rest)])
            labeled, weak, strong = network(both).split([len(rows), len(rest), len(rest)])
            confidence, guessed = weak.detach().softmax(1).max(1)
            losses = F.cross_entropy(strong, guessed, reduction="none") * (confidence >= threshold)
            _step(optimizer, F.cross_entropy(labeled, given) + losses.mean())
            share = min(decay, (1 + steps) / (10 + steps))
            torch._foreach_lerp_(average, list(network.parameters()), 1 - share)
            steps += 1
            yield


def elr(network, X, y, *, epochs, batch_size, penalty=3.0, decay=0.7, balance_weight=3.0):
    """Early-learning regularisation, with the penalty on shares of the classes that are not those of the labels."""
    optimizer = _sgd(network, fused=True)
    memory = torch.zeros(len(X), int(y.max()) + 1)
    prior = y.bincount() / len(y)
    yield
    for _ in range(epochs):
        for index in _parts(len(X), batch_size):
            logits = network(X.index_select(0, index))
            proba = logits.softmax(1)
            believed = proba.detach().clamp(1e-4, 1 - 1e-4)
            believed /= believed.sum(1, keepdim=True)
            targets = decay * memory.index_select(0, index) + (1 - decay) * believed
            memory.index_copy_(0, index, targets)
            remembered = (1 - (targets * proba.clamp(1e-4, 1 - 1e-4)).sum(1)).log().mean()
            losses = F.cross_entropy(logits, y.index_select(0, index)) + penalty * remembered
            uneven = (prior * (prior / proba.mean(0)).log()).sum()
            _step(optimizer, losses + balance_weight * uneven)
            yield


def coteaching(first, second, X, y, *, epochs, batch_size, forget_rate=0.2):
    """Two networks that choose small losses for each other."""
    optimizer = _sgd(first, second, fused=True)
    yield
    for epoch in range(epochs):
        share = 1 - forget_rate * min(1.0, epoch / max(1, epochs - 1))
        for index in _parts(len(X), batch_size):
            rows, target = X.index_select(0, index), y.index_select(0, index)
            losses = [F.cross_entropy(network(rows), target, reduction="none") for network in (first, second)]
            small = [loss.detach().topk(int(share * len(loss)), largest=False).indices for loss in losses]
            _step(optimizer, losses[0][small[1]].mean() + losses[1][small[0]].mean())
            yield


def dpc(first, second, X, y, *, epochs, warmup_epochs, batch_size, offset, alpha=4.0):
    """Dirichlet-based calibration: warm-up, split by margins, guessed labels, mixed views."""
    optimizer = _sgd(first, second, fused=True)
    scale = 0.1 * X.std(0, correction=0)

    def view(rows):
        return rows + scale * torch.randn_like(rows)

    def split(network):
        network.eval()
        with torch.no_grad():
            logits = torch.cat([network(rows) for rows in X.split(8192)])
        given = logits.gather(1, y[:, None])
        margin = (given - logits.scatter(1, y[:, None], -torch.inf).amax(1, keepdim=True)).double()
        margin = ((margin - margin.min()) / (margin.max() - margin.min())).numpy()
        mixture = GaussianMixture(2, max_iter=10, tol=1e-2, reg_covar=5e-4).fit(margin)
        network.train()
        return torch.from_numpy(mixture.predict_proba(margin)[:, mixture.means_.argmax()]).float()

    yield
    for epoch in range(epochs):
        if epoch < warmup_epochs:
            for index in _parts(len(X), batch_size):
                rows, target = X.index_select(0, index), y.index_select(0, index)
                losses = [evidential_loss(net(view(rows)), target, offset=offset) for net in (first, second)]
                _step(optimizer, sum(losses).mean())
                yield
            continue
        clean = split(first), split(second)
        for network, other, proba in ((first, second, clean[1]), (second, first, clean[0])):
            other.eval()
            network.train()
            certain = (proba > 0.5).nonzero()[:, 0]
            parts = _whole_parts(certain, batch_size // 2)
            others = _repeated(~(proba > 0.5), batch_size // 2)
            for labeled in parts:
                _step(optimizer, _mixed_loss(network, other, X, y, labeled, next(others), proba, view, offset, alpha))
                yield


def _whole_parts(rows, size):
    return [part for part in rows[torch.randperm(len(rows))].split(size) if len(part) == size]


def _repeated(mask, size):
    rows = mask.nonzero()[:, 0]
    while True:
        yield from _whole_parts(rows, min(size, len(rows)))


def _mixed_loss(network, other, X, y, labeled, unlabeled, clean_proba, view, offset, alpha):
    n = len(labeled)
    rows, target, unsure = X.index_select(0, labeled), y.index_select(0, labeled), X.index_select(0, unlabeled)
    views = torch.cat([view(rows), view(rows), view(unsure), view(unsure)])
    with torch.no_grad():
        proba = calibrated_softmax(network(views), offset=offset)
        weight = clean_proba.index_select(0, labeled)[:, None]
        refined = (proba[:n] + proba[n : 2 * n]) / 2
        given = F.one_hot(target, proba.shape[1]).float()
        known = sharpen(weight * given + (1 - weight) * refined, temperature=0.5)
        peers = calibrated_softmax(other(views[2 * n :]), offset=offset)
        guessed = sharpen(sum([*proba[2 * n :].chunk(2), *peers.chunk(2)]) / 4, temperature=0.5)
        targets = torch.cat([known, known, guessed, guessed])
    share = float(torch.distributions.Beta(alpha, alpha).sample())
    share = max(share, 1 - share)
    order = torch.randperm(len(views))
    logits = network(share * views + (1 - share) * views[order])
    own, partner = targets[: 2 * n].argmax(1), targets[order][: 2 * n].argmax(1)
    loss = share * evidential_loss(logits[: 2 * n], own, offset=offset)
    loss = loss + (1 - share) * evidential_loss(logits[: 2 * n], partner, offset=offset)
    return loss.mean() + class_balance_penalty(calibrated_softmax(logits, offset=offset))


@torch.inference_mode()
def predict(network, X, batch_size):
    """Return the probabilities of every row as an array."""
    return torch.cat([network(rows).softmax(1) for rows in X.split(batch_size)]).numpy()
