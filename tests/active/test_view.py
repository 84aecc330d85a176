"""What a strategy may ask of a learner: unwrapping, chunks, labeled rows, embeddings, seeds."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skweak.active import view as view_module
from skweak.active.rows import stack_rows
from skweak.active.view import LearnerView, unwrap

X = np.array([[0.0, 1.0], [2.0, 5.0], [4.0, 3.0], [6.0, 9.0]])
Y = np.array([0, 0, 1, 1])


def learner_around(estimator, **facts):
    return SimpleNamespace(estimator=estimator, teach=None, X_training=X, y_training=Y, **facts)


def committee_of(estimator):
    return SimpleNamespace(learner_list=[learner_around(estimator)], X_training=None, predict_proba=None)


LOGISTIC = LogisticRegression().fit(X, Y)
PIPELINE = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y)
SEARCH = GridSearchCV(make_pipeline(StandardScaler(), LogisticRegression()), {}, cv=2).fit(X, Y)


@pytest.mark.parametrize(
    ("learner", "n_transformers"),
    [(LOGISTIC, 0), (PIPELINE, 1), (SEARCH, 1), (learner_around(LOGISTIC), 0), (learner_around(SEARCH), 1),
     (make_pipeline(StandardScaler(), SEARCH), 2), (make_pipeline(LOGISTIC), 0)],
    ids=["bare", "pipeline", "search", "learner", "learner-search-pipeline", "pipeline-search-pipeline", "one-step"],
)  # fmt: skip
def test_unwrap_reaches_the_final_estimator(learner, n_transformers):
    transformers, estimator = unwrap(learner)
    assert isinstance(estimator, LogisticRegression)
    assert len(transformers) == n_transformers


def test_a_pipeline_transforms_the_pool_and_the_labeled_rows_alike():
    view = LearnerView(learner_around(PIPELINE), X)
    scaled = StandardScaler().fit_transform(X)
    np.testing.assert_allclose(view.pool(), scaled)
    np.testing.assert_allclose(view.embedding(), scaled)
    np.testing.assert_allclose(view.labeled[0], scaled)
    np.testing.assert_allclose(view.map(view.predict_proba), PIPELINE.predict_proba(X))


def test_rows_come_in_chunks_in_order(monkeypatch):
    monkeypatch.setattr(view_module, "_CHUNK_BYTES", 16)
    seen = []
    view = LearnerView(LOGISTIC, X)
    result = view.map(lambda rows: seen.append(len(rows)) or rows[:, 0])
    assert seen == [1, 1, 1, 1]
    np.testing.assert_array_equal(result, X[:, 0])


def test_candidates_restrict_the_pool():
    view = LearnerView(LOGISTIC, X, candidates=np.array([1, 3]))
    assert view.n_pool == 2
    np.testing.assert_array_equal(view.pool(), X[[1, 3]])
    np.testing.assert_array_equal(view.embedding(), X[[1, 3]])
    np.testing.assert_array_equal(view.rows([1]), X[[3]])


@pytest.mark.parametrize(
    "pool", [X, X.tolist(), pd.DataFrame(X), sparse.csr_matrix(X), sparse.coo_matrix(X)],
    ids=["array", "list", "frame", "csr", "coo"],
)  # fmt: skip
def test_every_container_is_embedded_alike(pool):
    np.testing.assert_array_equal(LearnerView(LOGISTIC, pool).embedding(), X)


def test_images_of_bytes_are_flattened_to_floats():
    images = np.full((3, 1, 2, 2), 7, dtype=np.uint8)
    embedding = LearnerView(LOGISTIC, images).embedding()
    assert embedding.shape == (3, 4) and embedding.dtype == np.float32


def test_a_float_table_is_not_copied():
    assert np.shares_memory(LearnerView(LOGISTIC, X).embedding(), X)


def test_labeled_rows_are_found():
    assert LearnerView(LOGISTIC, X).labeled is None
    np.testing.assert_array_equal(LearnerView(LOGISTIC, X, labeled=(X, Y)).labeled[1], Y)
    np.testing.assert_array_equal(LearnerView(committee_of(LOGISTIC), X).labeled[1], Y)
    with pytest.raises(TypeError, match=r"needs the labeled rows; pass labeled="):
        LearnerView(LOGISTIC, X).require_labeled()
    with pytest.raises(ValueError, match="4 rows of X but 3 labels"):
        LearnerView(LOGISTIC, X, labeled=(X, Y[:3])).require_labeled()


def test_batches_are_the_last_rows_of_the_training_set():
    bought = LearnerView(learner_around(LOGISTIC, batch_sizes=[2, 1]), X).bought
    assert [batch.tolist() for batch in bought] == [[0, 1], [1]]
    assert LearnerView(learner_around(LOGISTIC, batch_sizes=[]), X).bought == []
    assert LearnerView(learner_around(LOGISTIC), X).bought is None


def test_the_seed_depends_on_the_state_and_on_the_round():
    few, many = LearnerView(LOGISTIC, X, labeled=(X[:2], Y[:2])), LearnerView(LOGISTIC, X, labeled=(X, Y))
    assert few.seed(0) == few.seed(0)
    assert len({few.seed(0), few.seed(1), many.seed(0), many.seed(None), many.seed(None)}) == 5


def test_missing_probabilities_are_named():
    from sklearn.svm import LinearSVC

    view = LearnerView(LinearSVC().fit(X, Y), X, owner="Margin")
    with pytest.raises(TypeError, match="Margin needs class probabilities, but LinearSVC"):
        view.predict_proba(X)


@pytest.mark.parametrize(
    ("first", "second"),
    [(X, X[:1]), (X.tolist(), X[:1]), (pd.DataFrame(X), X[:1]), (pd.DataFrame(X), pd.DataFrame(X[:1])),
     (sparse.csr_matrix(X), X[:1]), (X, sparse.csr_matrix(X[:1]))],
    ids=["array", "list", "frame-array", "frame-frame", "sparse-array", "array-sparse"],
)  # fmt: skip
def test_rows_are_stacked_in_the_container_of_the_first(first, second):
    stacked = stack_rows(first, second)
    dense = stacked.toarray() if sparse.issparse(stacked) else np.asarray(stacked)
    np.testing.assert_array_equal(dense, np.vstack([X, X[:1]]))
    assert hasattr(stacked, "iloc") == hasattr(first, "iloc")


def test_rows_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"new rows of shape \(1,\), but the rows so far have \(2,\)"):
        stack_rows(X, X[:, :1])
