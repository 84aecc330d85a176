"""Image data sets and CSV files.

The image loaders read ``.npz`` files from a folder of the user's: ``data_home``, else the environment
variable ``SKWEAK_DATA``, else ``../shared/data`` relative to the working directory. Nothing is downloaded.
"""

from pathlib import Path

import numpy as np
from sklearn.utils import Bunch

from ._checks import check_option
from ._files import check_max_rows, decode_images, read_arrays

_CIFAR10N_LABELS = ("clean", "aggre", "random1", "random2", "random3", "worst")
_MAX_CATEGORIES = 1000


def load_cifar10n(labels="worst", *, data_home=None, max_rows=None, return_X_y=False):
    """Load the CIFAR-10 training images with human label noise.

    Three people labeled every image. Their mistakes depend on what the image shows, which no synthetic noise
    reproduces.

    Parameters
    ----------
    labels : {"clean", "aggre", "random1", "random2", "random3", "worst"}, default="worst"
        Which labels become ``target``: the true ones (0 % wrong), the majority (9 %), one of the three
        annotators (17 to 18 %), or a wrong label whenever any annotator gave one (40 %).
    data_home : str or path, default=None
        Folder that holds ``cifar10_train.npz``; None is the environment variable SKWEAK_DATA, else
        ``../shared/data`` relative to the working directory.
    max_rows : int, default=None
        Decode only the first so many of the 50000 images; None decodes all, which takes some seconds.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    bunch : Bunch
        ``data`` uint8 (n, 3, 32, 32), ``target`` (n,) as chosen, ``clean_target`` (n,), ``target_names``,
        ``DESCR``.

    Raises
    ------
    FileNotFoundError
        If the file is not there; the message names the folder.
    ValueError
        If `labels` is unknown or `max_rows` is less than 1.

    References
    ----------
    arXiv:2110.12088

    Examples
    --------
    >>> from skweak.datasets import load_cifar10n
    >>> train = load_cifar10n("worst", max_rows=1000)                       # doctest: +SKIP
    >>> train.data.shape, (train.target != train.clean_target).mean()       # doctest: +SKIP
    """
    check_option(labels, "labels", _CIFAR10N_LABELS)
    with read_arrays("cifar10_train.npz", data_home) as arrays:
        clean = arrays["y"]
        n_rows = check_max_rows(max_rows, clean.size)
        target = clean if labels == "clean" else arrays[f"y_{labels}"]
        data = decode_images(arrays["jpeg"], arrays["offsets"], n_rows, (3, 32, 32))
        names = arrays["class_names"]
    bunch = Bunch(
        data=data,
        target=target[:n_rows].astype(np.int64),
        clean_target=clean[:n_rows].astype(np.int64),
        target_names=names,
        DESCR=(
            f"CIFAR-10 training images, 32x32 RGB, with the {labels!r} labels of CIFAR-10N. The images are "
            "JPEG copies in the original order, so pixels differ slightly from the lossless ones."
        ),
    )
    return (bunch.data, bunch.target) if return_X_y else bunch


def load_cifar10_test(*, data_home=None, max_rows=None, return_X_y=False):
    """Load the CIFAR-10 test images with the counts of about fifty human answers each.

    The counts tell which images people find ambiguous; a review by further people tells which test labels are
    wrong.

    Parameters
    ----------
    data_home : str or path, default=None
        Folder that holds ``cifar10_test.npz``; None as in :func:`load_cifar10n`.
    max_rows : int, default=None
        Decode only the first so many of the 10000 images.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    bunch : Bunch
        ``data`` uint8 (n, 3, 32, 32), ``target`` (n,), ``human_counts`` (n, 10), ``cv_proba`` (n, 10),
        out-of-sample probabilities of a network; ``review_index`` (m,), rows whose label was doubted,
        ``review_guess`` (m,), the label proposed, ``review_votes`` (m, 4), votes for given, proposed,
        neither, both; ``target_names``, ``DESCR``.

    Raises
    ------
    FileNotFoundError
        If the file is not there; the message names the folder.
    ValueError
        If `max_rows` is less than 1.

    References
    ----------
    arXiv:1908.07086, arXiv:2103.14749

    Examples
    --------
    >>> from skweak.datasets import load_cifar10_test
    >>> X, y = load_cifar10_test(max_rows=100, return_X_y=True)             # doctest: +SKIP
    """
    with read_arrays("cifar10_test.npz", data_home) as arrays:
        target = arrays["y"]
        n_rows = check_max_rows(max_rows, target.size)
        reviewed = arrays["review_index"] < n_rows
        bunch = Bunch(
            data=decode_images(arrays["jpeg"], arrays["offsets"], n_rows, (3, 32, 32)),
            target=target[:n_rows].astype(np.int64),
            human_counts=arrays["human_counts"][:n_rows],
            cv_proba=arrays["cv_proba"][:n_rows],
            review_index=arrays["review_index"][reviewed],
            review_guess=arrays["review_guess"][reviewed].astype(np.int64),
            review_votes=arrays["review_votes"][reviewed],
            target_names=arrays["class_names"],
            DESCR=(
                "CIFAR-10 test images, 32x32 RGB, with the human counts of CIFAR-10H and reviewed errors. "
                "The images are JPEG copies in the original order."
            ),
        )
    return (bunch.data, bunch.target) if return_X_y else bunch


def load_fashion_mnist(subset="train", *, data_home=None, max_rows=None, return_X_y=False):
    """Load the Fashion-MNIST images of clothes.

    Ten classes of grey images, as small as digits but harder, and quick to train on.

    Parameters
    ----------
    subset : {"train", "test"}, default="train"
        The 60000 training or the 10000 test images.
    data_home : str or path, default=None
        Folder that holds ``fashion_mnist.npz``; None as in :func:`load_cifar10n`.
    max_rows : int, default=None
        Return only the first so many rows.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    bunch : Bunch
        ``data`` uint8 (n, 1, 28, 28), ``target`` (n,), ``target_names``, ``DESCR``.

    Raises
    ------
    FileNotFoundError
        If the file is not there; the message names the folder.
    ValueError
        If `subset` is unknown or `max_rows` is less than 1.

    References
    ----------
    arXiv:1708.07747

    Examples
    --------
    >>> from skweak.datasets import load_fashion_mnist
    >>> X, y = load_fashion_mnist("test", return_X_y=True)                  # doctest: +SKIP
    """
    check_option(subset, "subset", ("train", "test"))
    with read_arrays("fashion_mnist.npz", data_home) as arrays:
        target = arrays[f"y_{subset}"]
        n_rows = check_max_rows(max_rows, target.size)
        bunch = Bunch(
            data=arrays[f"X_{subset}"][:n_rows, None],
            target=target[:n_rows].astype(np.int64),
            target_names=arrays["class_names"],
            DESCR=f"Fashion-MNIST, {subset} part: 28x28 grey images of ten kinds of clothes.",
        )
    return (bunch.data, bunch.target) if return_X_y else bunch


def load_csv(path, target):
    r"""Read a table from a CSV file and make its columns numeric.

    Enough to try an estimator on a file of one's own: numbers stay as they are, every other column becomes
    one 0/1 column per value. A column with gaps gets one more 0/1 column, ``<name>_missing``, which marks
    them; among numbers they are filled with the median. To learn the fill from training rows alone, start
    from ``frame`` with scikit-learn's imputers.

    Parameters
    ----------
    path : str or path
        A CSV file with a header line.
    target : str
        Name of the column that holds the labels.

    Returns
    -------
    bunch : Bunch
        ``data`` float64 (n, d), ``target`` (n,), ``feature_names`` (d,), ``target_names`` (the sorted
        labels), ``frame`` (the table as read), ``DESCR``.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is not a table, has no column `target` or no other one, if rows have no label, columns
        are empty, or columns of text have more than 1000 different values; all of them are named.

    Examples
    --------
    >>> import os, tempfile
    >>> from skweak.datasets import load_csv
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "pets.csv")
    ...     with open(path, "w") as file:
    ...         _ = file.write("weight,colour,kind\n4.5,grey,cat\n20,brown,dog\n")
    ...     pets = load_csv(path, "kind")
    >>> pets.feature_names, pets.data.tolist(), pets.target.tolist()
    (['weight', 'colour_brown', 'colour_grey'], [[4.5, 0.0, 1.0], [20.0, 1.0, 0.0]], ['cat', 'dog'])
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError("load_csv reads with pandas: install it (pip install pandas).") from error

    # Only files: pandas would download an address, and loading must not touch the network.
    if not Path(path).is_file():
        raise FileNotFoundError(f"path must name a CSV file, but there is no file {Path(path).absolute()}.")
    try:
        frame = pd.read_csv(path)
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        raise ValueError(
            f"path must name a CSV file with a header line, but {path} cannot be read: {error}"
        ) from error
    columns = list(frame.columns)
    if target not in columns:
        raise ValueError(f"target must be one of the columns {columns} of {path}, got {target!r}.")
    if len(columns) < 2 or frame.empty:
        raise ValueError(
            f"path must name a table with rows and at least one column beside {target!r}, got {path}."
        )
    n_unlabeled = int(frame[target].isna().sum())
    if n_unlabeled:
        raise ValueError(
            f"column {target!r} of {path} has {n_unlabeled} empty cells, but holds the labels; fill them in or drop "
            "the rows."
        )
    features = frame.drop(columns=target)
    empty = [name for name in features if features[name].isna().all()]
    if empty:
        raise ValueError(f"columns {empty!r} of {path} are empty; drop them.")
    text = [name for name in features if not pd.api.types.is_numeric_dtype(features[name])]
    wide = {name: features[name].nunique() for name in text if features[name].nunique() > _MAX_CATEGORIES}
    if wide:
        told = ", ".join(f"column {name!r} has {count} different values" for name, count in wide.items())
        raise ValueError(
            f"{told} in {path}; at most {_MAX_CATEGORIES} are turned into columns: drop them or group their values."
        )
    gaps = features.isna().loc[:, features.isna().any()]
    encoded = pd.get_dummies(features.fillna(features.median(numeric_only=True)), columns=text)
    encoded = pd.concat([encoded, gaps.add_suffix("_missing")], axis=1)
    labels = frame[target].to_numpy()
    if not pd.api.types.is_numeric_dtype(frame[target]):
        labels = labels.astype(str)
    return Bunch(
        data=encoded.to_numpy(dtype=np.float64),
        target=labels,
        feature_names=[str(name) for name in encoded.columns],
        target_names=np.unique(labels),
        frame=frame,
        DESCR=f"{len(frame)} rows of {path}, labels in the column {target!r}, gaps in {list(gaps.columns)!r}.",
    )
