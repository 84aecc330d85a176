"""A network that asks the nearest training rows, when it predicts and while it learns (arXiv:2205.14704)."""

from numbers import Integral, Real

import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch.nn import functional as F

from skweak.base import WeakClassifier
from skweak.nn.build import embedding_width, features_and_logits
from skweak.noisy.datastore import METRICS, Datastore
from skweak.utils import warmup_length

# Smallest vote that counts in the logarithm: a wrong label must not weigh a hundred times as much as a right one.
_LEAST_VOTE = 1e-3


class KNNAugmentedClassifier(WeakClassifier):
    """Network whose prediction is mixed with the labels of the nearest training rows, which also guide its training.

    The embedding of every training row is stored with its label. A row's label that its neighbours do not share is
    probably wrong, so it weighs less. Guidance needs an embedding in which neighbours are alike early on: tables,
    features of a larger network.

    Parameters
    ----------
    module : "auto", torch.nn.Module, class or callable, default="auto"
        The network; a neighbour is one in its embedding (`embed`).
    n_neighbors : int >= 1, default=16
        Rows that vote (K), at most all. More are steadier and blur small classes.
    interpolation : float in [0, 1], default=0.2
        Share of the vote in a prediction (lambda): 0 is the network alone, which stores nothing, 1 the vote alone.
    mode : {"trust", "hard"}, default="trust"
        "trust" weighs rows by the vote for their label. "hard" is the paper's, for clean labels: rows whose label the
        neighbours do not expect weigh more, and with wrong labels that destroys the network.
    beta : "auto" or float >= 0, default="auto"
        How strongly the votes guide the training: the power of the vote in "trust", the weight of its surprise in
        "hard". 0 is cross-entropy, large values leave few rows; "auto" is 2 in "trust" and 0.2, the paper's, in "hard".
    metric : {"cosine", "euclidean"}, default="cosine"
        How embeddings are compared.
    temperature : "auto" or float > 0, default="auto"
        Neighbours weigh the softmax of similarity / temperature; large values weigh all the same. "auto" is 0.1 for
        cosines, else a quarter of the median squared distance to the K-th neighbour.
    refresh : int >= 1, default=10
        Epochs between two searches for neighbours that guide. A search compares all rows, which on 100,000 of them
        takes as long as dozens of epochs; early votes are good ones, so that rare searches lose little.
    warmup_epochs : "auto" or int >= 0, default="auto"
        First epochs in which all rows weigh the same; "auto" is a tenth of them, on small tables up to a half.
    lr : float > 0, default=0.03
        Learning rate; large steps remember wrong labels before the neighbours speak.
    **training
        Shared parameters; see `skweak.base.WeakClassifier`.

    Attributes
    ----------
    label_quality_ : ndarray of shape (n,)
        Vote of the other rows for the given label, in [0, 1].
    noise_mask_ : ndarray of bool of shape (n,)
        Rows for which another class has more votes.
    transduction_ : ndarray of shape (n,)
        The class with most votes; the given label in a tie.

    Notes
    -----
    With the vote ``p`` of the other rows, a row weighs ``p[y]^beta`` over its mean in the class ("trust"), so that
    classes keep their shares, or ``1 - beta * log p[y]`` ("hard"). The fitted estimator holds an embedding and a label
    per training row, ``4 n d`` bytes. A search compares all rows, so that its time grows with the square of their
    number. There is no ``partial_fit``: embeddings of rows that are gone cannot follow the network.

    References
    ----------
    arXiv:2205.14704, arXiv:2512.20145; "trust", the mean by class and the other rows alone as voters are ours.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> y[:5] = 2                                       # five wrong labels
    >>> clf = KNNAugmentedClassifier(max_epochs=40, random_state=0).fit(X, y)
    >>> bool(clf.noise_mask_[:5].all()), clf.predict(X[:5]).tolist()
    (True, [0, 0, 0, 0, 0])
    """

    _changeable_facts = ("target",)
    _parameter_constraints = {
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "interpolation": [Interval(Real, 0, 1, closed="both")],
        "mode": [StrOptions({"trust", "hard"})],
        "beta": [Interval(Real, 0, None, closed="left"), StrOptions({"auto"})],
        "metric": [StrOptions(set(METRICS))],
        "temperature": [Interval(Real, 0, None, closed="neither"), StrOptions({"auto"})],
        "refresh": [Interval(Integral, 1, None, closed="left")],
        "warmup_epochs": [Interval(Integral, 0, None, closed="left"), StrOptions({"auto"})],
    }

    def __init__(
        self, module="auto", *, n_neighbors=16, interpolation=0.2, mode="trust", beta="auto", metric="cosine",
        temperature="auto", refresh=10, warmup_epochs="auto", lr=0.03, **training,
    ):  # fmt: skip
        super().__init__(module, lr=lr, **training)
        self.n_neighbors = n_neighbors
        self.interpolation = interpolation
        self.mode = mode
        self.beta = beta
        self.metric = metric
        self.temperature = temperature
        self.refresh = refresh
        self.warmup_epochs = warmup_epochs

    def _networks(self, make):
        return self._with_store(make, len(make.run.data))

    def _rebuild_networks(self, make, shapes):
        return self._with_store(make, shapes["store"]["keys"][0])

    def _with_store(self, make, n_rows):
        network = make()
        return {"module": network, "store": Datastore(n_rows, embedding_width(network), make.n_outputs, self.metric)}

    def _start(self, run):
        run.state.warmup = warmup_length(self.warmup_epochs, run, share=0.1)
        run.state.weight = torch.ones(len(run.data), dtype=run.dtype, device=run.device)
        run.scratch.labels, run.scratch.filled = None, None
        if len(run.store_.keys) != len(run.data):
            # Of an earlier fit on other rows.
            run.store_.fill(run.store_.keys.new_zeros(len(run.data), run.store_.keys.shape[1]), run.data.target)
        if not run.state.warmup:
            self._guide(run)

    @property
    def _strength(self):
        return (2.0 if self.mode == "trust" else 0.2) if self.beta == "auto" else self.beta

    def _fill(self, run, labels):
        """Fill the store with the embeddings of the training rows as they are now."""
        keys = run.outputs(run.module_, function=lambda X: features_and_logits(run.module_, X)[0])
        run.store_.fill(keys, labels)
        if self.temperature == "auto":
            run.store_.choose_temperature(self.n_neighbors)
        else:
            run.store_.temperature.fill_(self.temperature)
        run.scratch.filled = run.epoch, run.batch

    def _guide(self, run):
        if self._strength:
            self._fill(run, run.data.target)
            run.state.weight = self._weights(run)

    def _votes(self, run):
        """Return what the other training rows say about each of them (n, C)."""
        store = run.store_
        if len(store.keys) < 2:
            return F.one_hot(store.labels.long(), run.n_outputs).to(run.dtype)
        return store(store.keys, self.n_neighbors, torch.arange(len(store.keys), device=store.keys.device))

    def _weights(self, run):
        """Return the weight of every training row in the loss."""
        given = run.data.target
        vote = self._votes(run).gather(1, given[:, None])[:, 0].clamp_min(_LEAST_VOTE)
        if self.mode == "hard":
            return 1 - self._strength * vote.log()
        vote = vote**self._strength
        member = F.one_hot(given, run.n_outputs).to(run.dtype)
        mean = (member.T @ vote) / member.sum(0).clamp_min(1.0)
        return vote / mean[given]

    def _start_epoch(self, run):
        run.scratch.labels = run.data.target

    def _end_epoch(self, run):
        guided = run.epoch + 1 - run.state.warmup
        if run.epoch + 1 == run.max_epochs:
            self._fill(run, run.data.target)
        elif guided >= 0 and guided % self.refresh == 0:
            self._guide(run)

    def _loss(self, run, batch):
        losses = F.cross_entropy(run.module_(batch.X), batch.y, reduction="none")
        return losses * run.state.weight.index_select(0, batch.index)

    def _logits(self, run, X):
        z, logits = features_and_logits(run.module_, X)
        share = self.interpolation
        if not share:
            return logits
        if run.data is not None and run.scratch.filled != (run.epoch, run.batch):
            # Somebody asks during training.
            self._fill(run, run.data.target)
        # The logarithm of the mixture, whose softmax it is; a class without any vote is not impossible to torch.
        mixed = (1 - share) * logits.double().softmax(1) + share * run.store_(z, self.n_neighbors).double()
        return mixed.clamp_min(1e-12).log()

    def _finish(self, run):
        # Once more, since a callback may have restored other weights; labels are those that were trained on at last.
        labels, given = run.scratch.labels, run.data.target
        self._fill(run, run.store_.labels if labels is None else labels)
        votes = self._votes(run)
        quality, (largest, winner) = votes.gather(1, given[:, None])[:, 0], votes.max(1)
        mask = largest > quality
        if not self.interpolation:
            run.store_.fill(run.store_.keys[:0], run.store_.labels[:0])
        return {
            "label_quality_": quality.float().clamp(0, 1).cpu().numpy(),
            "noise_mask_": mask.cpu().numpy(),
            "transduction_": winner.where(mask, given).cpu().numpy(),
        }
