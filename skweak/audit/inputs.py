"""What the rows are, which classifier judges them, and in which features they are compared."""

import warnings

import numpy as np
from scipy import sparse
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, Normalizer, OneHotEncoder, StandardScaler

from skweak.noisy.candidates import MANY_COLUMNS

# Trees take no column of more categories; the rarest ones share one.
_MOST_LEVELS = 200
_GAPS = ("", "na", "n/a", "nan", "null", "none", "nat", "?", "-")


def read_inputs(X, features, seed):
    """Return the rows as the default classifier takes them, that classifier, features to compare, and notes.

    Parameters
    ----------
    X : DataFrame, array of numbers, texts (n,) or images, or sparse matrix
    features : array of shape (n, d) or None
        Embeddings, which then stand for the rows.
    seed : int

    Returns
    -------
    X : DataFrame, ndarray or sparse matrix
    estimator : classifier
    features : ndarray of shape (n, d) or None
    notes : list of str
        What is assumed and what is left out.
    """
    linear = LogisticRegression(max_iter=500)
    if features is not None:
        features = np.asarray(features, dtype=np.float64).reshape(len(features), -1)
        if not np.isfinite(features).all():
            raise ValueError("features holds nan or infinite values; give finite embeddings.")
        # Standardised rows of hundreds of columns are long, and a linear model learns their wrong labels by heart.
        judge = make_pipeline(StandardScaler() if features.shape[1] < MANY_COLUMNS else Normalizer(), linear)
        return features, judge, _compared(features, seed), ["Judged by logistic regression on the features given."]
    if hasattr(X, "iloc") and getattr(X, "ndim", 2) == 2:
        frame, notes = readable_columns(X)
        return frame, _trees(seed), _compared(_encoded(frame), seed), notes
    if sparse.issparse(X):
        judge = make_pipeline(MaxAbsScaler(), linear)
        return X.tocsr(), judge, _compared(X, seed), ["Judged by logistic regression on the sparse columns."]
    X = np.asarray(X)
    if X.ndim == 1 and X.dtype.kind in "OUST":
        texts = np.array(["" if text is None or text != text else str(text) for text in X], dtype=object)
        words = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), max_features=50_000)
        notes = ["Judged by logistic regression on the words and pairs of words of each text (TF-IDF)."]
        return texts, make_pipeline(words, LogisticRegression(C=10, max_iter=500)), _words(texts, seed), notes
    if X.ndim > 2:
        # Pairs of images are a squared distance of 2 apart on average, which the width of the kernel is made for.
        pixels = small_pixels(X)
        pixels = pixels / max(np.sqrt(pixels.var(axis=0).sum()), 1e-12)
        judge = make_pipeline(
            PCA(min(50, pixels.shape[1], len(pixels) // 2), random_state=seed),
            Nystroem(gamma=1.0, n_components=min(300, len(pixels) // 3), random_state=seed),
            LogisticRegression(C=10, max_iter=500),
        )
        notes = [
            "Images are judged by a kernel on their pixels, at 16 x 16 at most, in 50 principal components: enough for "
            "simple pictures. For photographs give the embeddings of a trained network as features."
        ]
        return pixels, judge, _compared(pixels, seed), notes
    return X, _trees(seed), _compared(_encoded(X), seed), []


def readable_columns(frame):
    """Return the columns as numbers or categories, and notes on what was made of them.

    Numbers in text and dates become numbers; a column whose entries nearly all differ names rows or is free text, and
    is left out.
    """
    import pandas as pd

    columns, left_out = {}, []
    for name, column in frame.items():
        if pd.api.types.is_bool_dtype(column):
            column = column.astype(float)
        elif pd.api.types.is_datetime64_any_dtype(column):
            column = _days(column)
        elif not pd.api.types.is_numeric_dtype(column):
            column = _of_text(column)
        if pd.api.types.is_numeric_dtype(column):
            column = column.astype(float).replace([np.inf, -np.inf], np.nan)
        if isinstance(column.dtype, pd.CategoricalDtype):
            n_levels = column.nunique()
            if n_levels > 50 and n_levels > 0.5 * column.notna().sum():
                left_out.append(str(name))
                continue
            if n_levels > _MOST_LEVELS:
                kept = column.value_counts().index[:_MOST_LEVELS]
                column = column.astype(object).where(column.isin(kept) | column.isna(), "other").astype("category")
        if column.notna().any():
            columns[name] = column
    if not columns:
        raise ValueError("No column can be judged by: all are empty, names of rows or free text; name a text column.")
    notes = ["Judged by gradient boosted trees on the columns, numbers and categories as they are."]
    if left_out:
        notes.append(f"Left out, because nearly all entries differ: {', '.join(left_out)}.")
    return pd.DataFrame(columns, index=frame.index), notes


def _of_text(column):
    """Return a column of text as numbers, days or categories."""
    import pandas as pd

    text = column.astype(object).where(column.notna(), "").astype(str).str.strip()
    text = text.mask(text.str.lower().isin(_GAPS))
    known = text.dropna()
    numbers = pd.to_numeric(text.str.replace(",", ".", regex=False), errors="coerce")
    if len(known) and numbers.notna().sum() >= 0.95 * len(known):
        return numbers.astype(float)
    if len(known) and known.str.contains(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}").mean() > 0.9:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # days and months may be read in either order: trees take both
            # With offsets from UTC, which change between summer and winter, only instants can be compared.
            days = pd.to_datetime(text, errors="coerce", format="mixed", dayfirst="." in known.iloc[0], utc=True)
        if days.notna().sum() >= 0.9 * len(known):
            return _days(days)
    return text.astype("category")


def _days(column):
    import pandas as pd

    column = column.dt.tz_localize(None) if column.dt.tz is not None else column
    return (column - pd.Timestamp("2000-01-01")) / pd.Timedelta(days=1)


def small_pixels(images, side=16):
    """Return images (n, ...), channels first or last, as rows of at most ``side`` x ``side`` block means."""
    images = np.asarray(images, dtype=np.float32)
    if images.ndim == 4 and images.shape[-1] in (1, 3, 4) and images.shape[1] not in (1, 3):
        images = np.moveaxis(images, -1, 1)
    images = images.reshape(len(images), -1, *images.shape[-2:])
    for axis in (2, 3):
        starts = np.unique(np.linspace(0, images.shape[axis], side, endpoint=False).astype(int))
        sizes = np.diff(np.r_[starts, images.shape[axis]])
        shape = [1] * 4
        shape[axis] = len(sizes)
        images = np.add.reduceat(images, starts, axis=axis) / sizes.reshape(shape)
    return images.reshape(len(images), -1)


def _trees(seed):
    # Fewer and smaller trees than the default: on wrong labels more of them learn the mistakes.
    return HistGradientBoostingClassifier(
        categorical_features="from_dtype", max_iter=60, max_leaf_nodes=15, l2_regularization=1.0, random_state=seed
    )


def _encoded(X):
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    if not hasattr(X, "iloc"):
        X = np.asarray(X, dtype=np.float64)
        if X.ndim == 1:
            X = X[:, None]
        return numbers.fit_transform(X[:, ~np.isnan(X).all(axis=0)])
    # Different categories are as far apart as numbers that differ by a standard deviation and a half.
    groups = OneHotEncoder(handle_unknown="ignore", min_frequency=5, sparse_output=False)
    columns = make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")),
        (groups, make_column_selector(dtype_include="category")),
    )
    return columns.fit_transform(X)


def _words(texts, seed):
    try:
        found = TfidfVectorizer(sublinear_tf=True, max_features=20_000).fit_transform(texts)
    except ValueError:
        raise ValueError("The texts hold no words; name another text column.") from None
    return _compared(found, seed)


def _compared(features, seed, most=50):
    """Return at most ``most`` columns in which distances mean something."""
    if sparse.issparse(features):
        if features.shape[1] <= most:
            return features.toarray()
        return TruncatedSVD(most, random_state=seed).fit_transform(features)
    features = StandardScaler().fit_transform(features) if features.shape[1] > most else features
    if features.shape[1] > most and len(features) > most:
        return PCA(most, random_state=seed).fit_transform(features)
    return features
