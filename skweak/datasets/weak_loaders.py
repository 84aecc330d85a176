"""Real data sets with several labels, candidate sets, crowds and labeling functions.

``target`` is what an estimator is given and ``clean_target`` what only an evaluation may see. The files are
looked for as by the image loaders.
"""

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.utils import Bunch

from ._checks import check_option
from ._files import read_arrays

_MULTILABEL = {
    "emotions": "Songs and the moods they raise; 72 audio features, 6 labels.",
    "scene": "Photographs and what they show; 294 colour features, 6 labels.",
    "yeast": "Genes and their functions; 103 features, 14 labels.",
    "birds": "Field recordings and the birds heard in them; 19 labels, many rows have none.",
    "flags": "Facts about countries and the colours of their flags; 7 labels.",
    "enron": "E-mails of a company as binary bags of words, 53 labels.",
    "bibtex": "Literature entries as binary bags of words, 159 tags.",
    "corel5k": "Photographs as 499 binary region types, 374 keywords; very sparse.",
    "tmc2007_500": "Aviation safety reports as 500 binary words, 22 labels.",
}
_PARTIAL_LABEL = {
    "lost": "Faces in a television series with the names of the scene as candidates; 16 names.",
    "msrcv2": "Image segments with the labels of the whole image as candidates; 23 classes.",
    "fgnet": "Faces with several guesses of the age; classes are 78 ages, scored by the absolute error.",
}
_PARTIAL_MULTILABEL = {
    "mirflickr": "Photographs with user tags as candidates; 5000 rows, 7 labels.",
    "yeast_bp": "Proteins by interaction counts (sparse), 217 processes; some rows have no candidate.",
}
_CROWDS = {
    "bluebird": "Two species of birds on 108 photographs, 39 annotators who answered all of them.",
    "rte": "Does one sentence follow from another? 800 pairs, 164 annotators.",
    "web": "Relevance of 2665 search results on a scale of 5, 177 annotators.",
    "dog": "807 photographs of four breeds of dogs, 109 annotators.",
    "weather_sentiment": "Sentiment of 300 messages about the weather in 5 classes, 110 annotators.",
    "music_genre": "700 songs in 10 genres, 44 annotators.",
    "sentence_polarity_amt": "500 sentences of film reviews, good or bad, 143 annotators.",
    "face_sentiment": "Expression of 584 faces in 4 classes, 27 annotators.",
    "product": "Do two offers show the same product? 8315 pairs, 176 annotators.",
    "labelme": "1000 photographs of 8 scenes with features, 59 annotators; more unanswered.",
    "sentence_polarity": "4999 sentences of film reviews with features, 203 annotators; more unanswered.",
}
_CROWD_SUBSETS = {"labelme": ("train", "valid", "test"), "sentence_polarity": ("train", "test")}


def load_multilabel(name, *, subset="train", data_home=None, return_X_y=False):
    """Load a data set in which a row has several labels at once.

    Parameters
    ----------
    name : {"emotions", "scene", "yeast", "birds", "flags", "enron", "bibtex", "corel5k", "tmc2007_500"}
        The data set.
    subset : {"train", "test", "all"}, default="train"
        Part of the published split; "all" puts the test rows after the training rows.
    data_home : str or path, default=None
        Folder that holds ``ml_<name>.npz``; None is the environment variable SKWEAK_DATA, else
        ``../shared/data`` relative to the working directory.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    bunch : Bunch
        ``data`` float32 (n, d), ``target`` 0/1 (n, L), ``feature_names``, ``target_names``, ``DESCR``.

    Raises
    ------
    FileNotFoundError
        If the file is not there; the message names the folder.
    ValueError
        If `name` or `subset` is unknown.

    Examples
    --------
    >>> from skweak.datasets import load_multilabel
    >>> X, Y = load_multilabel("yeast", return_X_y=True)                    # doctest: +SKIP
    """
    check_option(name, "name", tuple(_MULTILABEL))
    check_option(subset, "subset", ("train", "test", "all"))
    parts = ("train", "test") if subset == "all" else (subset,)
    with read_arrays(f"ml_{name}.npz", data_home) as arrays:
        bunch = Bunch(
            data=np.concatenate([arrays[f"X_{part}"] for part in parts]),
            target=np.concatenate([arrays[f"Y_{part}"] for part in parts]).astype(np.int64),
            feature_names=arrays["feature_names"],
            target_names=arrays["label_names"],
            DESCR=_MULTILABEL[name],
        )
    return (bunch.data, bunch.target) if return_X_y else bunch


def load_partial_label(name, *, data_home=None, return_X_y=False):
    """Load a data set in which each row has a set of candidate labels, one of them true.

    Parameters
    ----------
    name : {"lost", "msrcv2", "fgnet"}
        The data set.
    data_home : str or path, default=None
        Folder that holds ``pll_<name>.npz``; None as in :func:`load_multilabel`.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    bunch : Bunch
        ``data`` float32 (n, d), ``target`` 0/1 candidates (n, C), ``clean_target`` true classes 0..C-1 (n,),
        ``target_names``, the class numbers, and ``DESCR``.

    Raises
    ------
    FileNotFoundError
        If the file is not there; the message names the folder.
    ValueError
        If `name` is unknown.

    Examples
    --------
    >>> from skweak.datasets import load_partial_label
    >>> lost = load_partial_label("lost")                                   # doctest: +SKIP
    >>> lost.target[range(len(lost.data)), lost.clean_target].all()         # doctest: +SKIP
    """
    check_option(name, "name", tuple(_PARTIAL_LABEL))
    with read_arrays(f"pll_{name}.npz", data_home) as arrays:
        candidates = arrays["candidates"].astype(np.int64)
        bunch = Bunch(
            data=arrays["X"],
            target=candidates,
            clean_target=arrays["y"].astype(np.int64),
            target_names=np.arange(candidates.shape[1]),
            DESCR=_PARTIAL_LABEL[name],
        )
    return (bunch.data, bunch.target) if return_X_y else bunch


def load_partial_multilabel(name, *, data_home=None, return_X_y=False):
    """Load a data set in which each row has candidate labels, several of them true.

    Parameters
    ----------
    name : {"mirflickr", "yeast_bp"}
        The data set.
    data_home : str or path, default=None
        Folder that holds ``pml_<name>.npz``; None as in :func:`load_multilabel`.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    bunch : Bunch
        ``data`` (n, d), float32 or for "yeast_bp" a sparse float32 matrix; ``target`` 0/1 candidates (n, L),
        ``clean_target`` true 0/1 labels (n, L), ``target_names``, the label numbers, and ``DESCR``.

    Raises
    ------
    FileNotFoundError
        If the file is not there; the message names the folder.
    ValueError
        If `name` is unknown.

    Examples
    --------
    >>> from skweak.datasets import load_partial_multilabel
    >>> X, candidates = load_partial_multilabel("mirflickr", return_X_y=True)    # doctest: +SKIP
    """
    check_option(name, "name", tuple(_PARTIAL_MULTILABEL))
    with read_arrays(f"pml_{name}.npz", data_home) as arrays:
        if "X" in arrays:
            data = arrays["X"]
        else:
            parts = (arrays["X_data"].astype(np.float32), arrays["X_indices"], arrays["X_indptr"])
            data = csr_matrix(parts, shape=tuple(arrays["X_shape"]))
        candidates = arrays["candidates"].astype(np.int64)
        bunch = Bunch(
            data=data,
            target=candidates,
            clean_target=arrays["Y"].astype(np.int64),
            target_names=np.arange(candidates.shape[1]),
            DESCR=_PARTIAL_MULTILABEL[name],
        )
    return (bunch.data, bunch.target) if return_X_y else bunch


def load_crowd(name, *, subset="train", data_home=None, return_X_y=False):
    """Load a data set that was labeled by a crowd.

    Parameters
    ----------
    name : {"bluebird", "rte", "web", "dog", "weather_sentiment", "music_genre", "sentence_polarity_amt", \
"face_sentiment", "product", "labelme", "sentence_polarity"}
        The data set. Only "labelme" and "sentence_polarity" have features.
    subset : {"train", "valid", "test"}, default="train"
        The rows with crowd answers, or rows with true labels only: "valid" of "labelme", "test" of both sets
        with features.
    data_home : str or path, default=None
        Folder that holds ``crowd_<name>.npz``; None as in :func:`load_multilabel`.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    bunch : Bunch
        ``data`` float32 (n, d) or None; ``target`` (n, A), the answers with -1 where there is none, for other
        subsets the true labels (n,); ``clean_target`` (n,), true classes, -1 where unknown; ``target_names``,
        the class numbers; ``DESCR``; ``text`` where there is one. Training rows also come as triples
        ``task``, ``worker``, ``label``: the matrix holds the first answer of a worker who gave several to one
        row.

    Raises
    ------
    FileNotFoundError
        If the file is not there; the message names the folder.
    ValueError
        If `name` is unknown or has no such subset.

    References
    ----------
    arXiv:1709.01779 for "labelme".

    Examples
    --------
    >>> from skweak.datasets import load_crowd
    >>> crowd = load_crowd("labelme")                                       # doctest: +SKIP
    >>> crowd.data.shape, crowd.target.shape                                # doctest: +SKIP
    """
    check_option(name, "name", tuple(_CROWDS))
    check_option(subset, "subset", _CROWD_SUBSETS.get(name, ("train",)))
    with read_arrays(f"crowd_{name}.npz", data_home) as arrays:
        bunch = Bunch(
            data=arrays.get(f"X_{subset}"),
            target_names=np.arange(int(arrays["n_classes"])),
            DESCR=_CROWDS[name],
        )
        if f"text_{subset}" in arrays:
            bunch.text = arrays[f"text_{subset}"]
        if subset == "train":
            for part in ("task", "worker", "label"):
                bunch[part] = arrays[part].astype(np.int64)
            bunch.clean_target = arrays["truth"].astype(np.int64)
            bunch.target = np.full((bunch.clean_target.size, int(arrays["n_workers"])), -1)
            # Which of repeated cells wins an assignment is not defined, so only first answers are assigned.
            cells = bunch.task * bunch.target.shape[1] + bunch.worker
            first = np.unique(cells, return_index=True)[1]
            bunch.target[bunch.task[first], bunch.worker[first]] = bunch.label[first]
        else:
            bunch.target = bunch.clean_target = arrays[f"y_{subset}"].astype(np.int64)
    return (bunch.data, bunch.target) if return_X_y else bunch


def load_youtube_spam(subset="train", *, data_home=None, return_X_y=False):
    """Load comments on videos, voted on by ten labeling functions.

    Labeling functions are short rules that vote spam or ham or abstain. Their votes have the form of crowd
    answers.

    Parameters
    ----------
    subset : {"train", "valid", "test"}, default="train"
        Part of the published split.
    data_home : str or path, default=None
        Folder that holds ``ws_youtube.npz``; None as in :func:`load_multilabel`.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    bunch : Bunch
        ``data`` float32 (n, 128), ``target`` votes (n, 10) of 0, 1 and -1 for abstaining, ``clean_target``
        (n,), ``target_names``, ``text`` (n,), ``DESCR``.

    Raises
    ------
    FileNotFoundError
        If the file is not there; the message names the folder.
    ValueError
        If `subset` is unknown.

    References
    ----------
    arXiv:2109.11377

    Examples
    --------
    >>> from skweak.datasets import load_youtube_spam
    >>> X, votes = load_youtube_spam(return_X_y=True)                       # doctest: +SKIP
    """
    check_option(subset, "subset", ("train", "valid", "test"))
    with read_arrays("ws_youtube.npz", data_home) as arrays:
        bunch = Bunch(
            data=arrays[f"X_{subset}"],
            target=arrays[f"weak_{subset}"].astype(np.int64),
            clean_target=arrays[f"y_{subset}"].astype(np.int64),
            target_names=arrays["class_names"],
            text=arrays[f"text_{subset}"],
            DESCR=f"Video comments, spam or ham, with the votes of ten labeling functions; {subset} part.",
        )
    return (bunch.data, bunch.target) if return_X_y else bunch
