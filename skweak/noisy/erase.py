"""Labels and embeddings that a graph corrects: coding rate reduction with propagated labels (arXiv:2312.08852)."""

from numbers import Integral, Real

import numpy as np
import torch
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted
from torch.nn import functional as F

from skweak.base import WeakClassifier
from skweak.engine import Adjacency, TensorData
from skweak.engine.data import unlabeled_data
from skweak.engine.sparse_rows import SparseRows
from skweak.fit import check_inputs
from skweak.fit.side import RowEdges
from skweak.losses.coding_rate import rate_reduction
from skweak.nn.heads import OnSphere
from skweak.noisy.propagation import neighbour_graph, normalise, smooth, spread

# Inverse strength of the penalty on the head: on the unit sphere classes are close, and small ones are lost at 1.
_HEAD_C = 30.0


class ERASEClassifier(WeakClassifier):
    """Network for nodes of a graph whose labels are partly wrong and partly missing: neighbours correct the labels.

    Labels spread along the edges, and so do the guesses of the network. Its embeddings are trained to give each guessed
    class a thin subspace of its own, which a few wrong guesses hardly turn. Rows without a graph are linked with their
    nearest ones.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The network; it gets rows smoothed along the edges.
    unlabeled : scalar or None, default=-1
        Marker of nodes without a label in ``y``, which take part in everything else. None says that there are none.
    beta : float in [0, 1], default=0.6
        Share of the spread labels in a guess; the rest is how close the embedding is to the class. 1 ignores the
        network, 0 the labels of the node itself.
    alpha : float in [0, 1], default=0.7
        Share of its own value that a node keeps in a step of spreading; 1 spreads nothing. The paper's is 0.5 to 0.7;
        0.8 harms clean labels less.
    n_steps : int in [0, 1000], default=5
        Steps of spreading. More reach farther and blur classes that touch.
    smoothing : float in [0, 1), default=0.6
        Share of the neighbourhood in what the network sees of a row; 0 shows the row alone.
    gamma1 : float > 0, default=1.0
        Weight of thin classes.
    gamma2 : float >= 0, default=2.0
        Weight of distance between classes; below ``gamma1`` all embeddings fall together.
    eps : float > 0, default=0.2
        Precision of the coding rate: smaller values count thinner directions.
    embedding_dim : int in [1, 4096], default=32
        Width of the embedding, more than there are classes; a step takes time of its third power.
    n_neighbors : int >= 1, default=10
        Nearest rows that each is linked with where ``fit`` gets no graph.
    metric : {"cosine", "euclidean"}, default="euclidean"
        How rows are compared there, columns standardised.
    optimizer : torch.optim class or "auto", default=torch.optim.Adam
        The optimizer.
    lr : float > 0, default=0.003
        Learning rate.
    max_epochs : int >= 1, default=60
        Epochs. Labels are guessed anew before each.
    batch_size : int >= 1, default=256
        Rows per step; a step needs four of each class or more.
    **training
        Shared parameters; see `skweak.base.WeakClassifier`.

    Attributes
    ----------
    label_quality_ : ndarray of shape (n,)
        Share of the given label in the final guess, in [0, 1], without a label of the guessed one. Guesses are flat, so
        compare them with one another.
    noise_mask_ : ndarray of bool of shape (n,)
        Rows whose guess is another class than the given one.
    transduction_ : ndarray of shape (n,)
        The guessed class of every row, labeled or not.

    Notes
    -----
    With edges A and the labels Y as rows of 0 and 1, ``Y`` spreads along the edges between labeled nodes. Before each
    epoch ``S = softmax(beta Y + (1 - beta) |cos(z, mean z of the class)|)`` spreads along all edges. The loss is
    `skweak.losses.coding_rate_reduction` of the embeddings with the classes of largest S; at last a logistic regression
    on the embeddings learns these. A class that no row is guessed to have keeps its labeled rows. The paper has an
    attention network, learns from all rows at once and picks the epoch by clean labels. Here the network sees rows
    smoothed by random walks, each to a random degree, so that it knows rows without edges too, and the last epoch
    stands. ``predict`` takes the rows as nodes without edges unless it gets ``adjacency``.

    References
    ----------
    arXiv:2312.08852; random walks that smooth the rows: arXiv:1810.05997.

    Examples
    --------
    >>> from skweak.datasets import make_block_model, make_noisy_labels
    >>> X, y, adjacency = make_block_model(300, p_in=0.06, p_out=0.01, random_state=0)
    >>> y_noisy, wrong, _ = make_noisy_labels(y, "symmetric_exclusive:0.3", random_state=0)
    >>> clf = ERASEClassifier(unlabeled=None, max_epochs=30, random_state=0).fit(X, y_noisy, adjacency=adjacency)
    >>> bool((clf.transduction_ == y).mean() > 0.85)
    True
    """

    _label_kind = "semi"
    _class_weighting = "loss"
    _augments = False
    _side_facts = {"adjacency": RowEdges("weights of the edges of a graph of the rows, sparse")}
    _parameter_constraints = {
        "unlabeled": [None, Real, str],
        "beta": [Interval(Real, 0, 1, closed="both")],
        "alpha": [Interval(Real, 0, 1, closed="both")],
        "n_steps": [Interval(Integral, 0, 1000, closed="both")],
        "smoothing": [Interval(Real, 0, 1, closed="left")],
        "gamma1": [Interval(Real, 0, None, closed="neither")],
        "gamma2": [Interval(Real, 0, None, closed="left")],
        "eps": [Interval(Real, 0, None, closed="neither")],
        "embedding_dim": [Interval(Integral, 1, 4096, closed="both")],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "metric": [StrOptions({"cosine", "euclidean"})],
    }

    def __init__(
        self, module="auto", *, unlabeled=-1, beta=0.6, alpha=0.7, n_steps=5, smoothing=0.6, gamma1=1.0, gamma2=2.0,
        eps=0.2, embedding_dim=32, n_neighbors=10, metric="euclidean", optimizer=torch.optim.Adam, lr=0.003,
        max_epochs=60, batch_size=256, **training,
    ):  # fmt: skip
        super().__init__(
            module, optimizer=optimizer, lr=lr, max_epochs=max_epochs, batch_size=batch_size, **training
        )
        self.unlabeled = unlabeled
        self.beta = beta
        self.alpha = alpha
        self.n_steps = n_steps
        self.smoothing = smoothing
        self.gamma1 = gamma1
        self.gamma2 = gamma2
        self.eps = eps
        self.embedding_dim = embedding_dim
        self.n_neighbors = n_neighbors
        self.metric = metric

    def _networks(self, make):
        return {"module": OnSphere(make(), self.embedding_dim, make.n_outputs)}

    def _smoothed(self, data, matrix):
        """Return the inputs of a `TensorData` smoothed along the edges ``matrix``: an array, or csr if they are."""
        X = data.X if sparse.issparse(data.X) else data.slice(0, len(data)).cpu().numpy()
        return smooth(matrix, X.reshape(len(data), -1), self.smoothing).astype(X.dtype).reshape(X.shape)

    def _edges(self, data):
        """Return the edges among the rows of a `TensorData` (csr), by default those of nearest rows."""
        if "adjacency" in data.side:
            return data.side["adjacency"].matrix
        # Sparse rows are not centred, which would fill them.
        dense = not sparse.issparse(data.X)
        rows = data.slice(0, len(data)).flatten(1).cpu().numpy() if dense else data.X
        rows = StandardScaler(with_mean=dense).fit_transform(rows.astype(np.float64))
        return neighbour_graph(rows, self.n_neighbors, self.metric)

    def _start(self, run):
        data, scratch, target = run.data, run.scratch, run.data.target
        edges, labeled = self._edges(data), (target >= 0).cpu().numpy()
        place = {"dtype": run.dtype, "device": run.device}
        scratch.data = TensorData(
            self._smoothed(data, edges), target.cpu().numpy(), sparse_batches=data.sparse_batches, **place
        )
        scratch.edges = Adjacency(normalise(edges)).to(**place)
        scratch.given = one_hot_rows(target, run.n_outputs, run.dtype)
        between = Adjacency(normalise(edges.multiply(labeled[:, None]).multiply(labeled).tocsr())).to(**place)
        scratch.settled = spread(between, scratch.given, self.alpha, self.n_steps)
        # Whose mean a class is: the labeled rows that its label spread to, or those that have it where there are none.
        settled = one_hot_rows(scratch.settled.argmax(1).where(target >= 0, target), run.n_outputs, run.dtype)
        scratch.member = torch.where(settled.sum(0) > 0, settled, scratch.given)

    def _embed(self, run, data):
        run.set_training(False)
        return run.evaluate(data, run.module_.features).to(run.dtype)

    def _guess(self, run, z):
        """Return the shares of the classes (n, C) and the guessed class (n,) of rows with the embeddings ``z``."""
        scratch = run.scratch
        # In either direction, as in the paper.
        near = (z @ F.normalize(scratch.member.T @ z, dim=1).T).abs()
        share = (self.beta * scratch.settled + (1 - self.beta) * near).softmax(1)
        share = spread(scratch.edges, share, self.alpha, self.n_steps)
        guessed = share.argmax(1)
        lost = one_hot_rows(guessed, run.n_outputs, run.dtype).sum(0) == 0
        return share, torch.where((scratch.given * lost).any(1), run.data.target, guessed)

    def _start_epoch(self, run):
        run.scratch.guessed = self._guess(run, self._embed(run, run.scratch.data))[1]

    def _loss(self, run, batch):
        scratch, guessed = run.scratch, run.scratch.guessed.index_select(0, batch.index)
        own = batch.X.dense() if isinstance(batch.X, SparseRows) else batch.X
        # Anything between the row alone and the smoothed one: whoever predicts may have edges or not.
        share = torch.rand((len(own), *[1] * (own.dim() - 1)), dtype=own.dtype, device=own.device)
        z = run.module_.features(torch.lerp(own, scratch.data.rows(batch.index), share))
        # The head learns beside the embedding, for whoever predicts during training.
        logits = run.module_.head(z.detach())
        loss = rate_reduction(z, guessed, run.n_outputs, self.eps, self.gamma1, self.gamma2).to(run.dtype)
        return loss + F.cross_entropy(logits.to(run.dtype), guessed, weight=run.class_weight)

    def _finish(self, run):
        z, given = self._embed(run, run.scratch.data), run.data.target
        share, guessed = self._guess(run, z)
        self._fit_head(run, torch.cat([z, self._embed(run, run.data)]), guessed.repeat(2))
        quality = share.gather(1, given.where(given >= 0, guessed)[:, None])[:, 0]
        return {
            "label_quality_": quality.float().clamp(0, 1).cpu().numpy(),
            "noise_mask_": ((given >= 0) & (guessed != given)).cpu().numpy(),
            "transduction_": guessed.cpu().numpy(),
        }

    def _fit_head(self, run, z, guessed):
        codes, head = guessed.cpu().numpy(), run.module_.head
        found = np.unique(codes)
        if len(found) < 2:
            return
        weight = None if run.class_weight is None else run.class_weight[guessed].cpu().numpy()
        model = LogisticRegression(C=_HEAD_C, max_iter=1000).fit(z.double().cpu().numpy(), codes, sample_weight=weight)
        two = len(found) == 2
        coefficient, intercept = (
            np.concatenate([-part / 2, part / 2]) if two else part for part in (model.coef_, model.intercept_)
        )
        with torch.no_grad():
            head.weight[found] = torch.as_tensor(coefficient).to(head.weight)
            # Classes that nobody is guessed to have.
            head.bias.fill_(-20.0)
            head.bias[found] = torch.as_tensor(intercept).to(head.bias)

    def predict_proba(self, X, adjacency=None):
        """Return probabilities (n, C); edges among the rows, ``adjacency`` (n, n), smooth them as in ``fit``."""
        return super().predict_proba(self._as_nodes(X, adjacency))

    def predict(self, X, adjacency=None):
        """Return the predicted labels (n,); ``adjacency`` as for `predict_proba`."""
        return super().predict(self._as_nodes(X, adjacency))

    def score(self, X, y, sample_weight=None, adjacency=None):
        """Return the accuracy on labeled rows; ``adjacency`` as for `predict_proba`."""
        return super().score(self._as_nodes(X, adjacency), y, sample_weight)

    def _as_nodes(self, X, adjacency):
        if adjacency is None:
            return X
        check_is_fitted(self)
        data = unlabeled_data(self.net_, check_inputs(self, X, dtype=self.dtype, reset=False))
        edges = self._side_facts["adjacency"].check("adjacency", adjacency, data.target)
        rows = self._smoothed(data, edges.matrix)
        return type(X)(rows, columns=X.columns) if hasattr(X, "columns") else rows

    @classmethod
    def _test_params(cls):
        return super()._test_params() | {"unlabeled": None, "batch_size": 64}


def one_hot_rows(codes, n_classes, dtype):
    """Return rows of 0 and 1 (n, C) for class codes; those below 0 have no class."""
    return F.one_hot(codes.clamp_min(0), n_classes).to(dtype) * (codes >= 0)[:, None]
