"""Everything that can teach, and what students keep of it."""

import warnings
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.tree import DecisionTreeClassifier
from skorch import NeuralNetClassifier
from torch import nn

from skweak.distill import FitNetClassifier, KDClassifier, L2DClassifier, LogitMSEClassifier
from skweak.multilabel import MultiLabelClassifier
from skweak.nn import MLP, LabelwiseNetwork, ResNet, SmallCNN
from skweak.noisy import CrossEntropyClassifier, DPCClassifier
from tests.small_data import blobs

X, Y, _ = blobs()
X = X.astype(np.float32)
NAMES = np.array(["ant", "bee", "cat"])
LABELS = np.stack([Y == 0, Y != 1, X[:, 0] > 0], axis=1).astype(int)
SMALL = {"module": partial(MLP, hidden=(16,)), "max_epochs": 3, "random_state": 0}
BIG = {"module": partial(MLP, hidden=(64,)), "max_epochs": 20, "random_state": 0}


class Seen(KDClassifier):
    """Keeps what its teacher said about every row."""

    def _loss(self, run, batch):
        self.seen.append((batch.index, self._lesson(run, batch)))
        return super()._loss(run, batch)

    def lesson(self, X, y, **facts):
        self.seen = []
        self.set_params(max_epochs=1).fit(X, y, **facts)
        index = torch.cat([index for index, _ in self.seen])
        return {
            name: torch.cat([getattr(lesson, name) for _, lesson in self.seen])[index.argsort()]
            for name in ("logits", "features", "label_embeddings")
            if getattr(self.seen[0][1], name) is not None
        }


class SeenLabels(Seen):
    _label_kind = "multilabel"

    def _loss(self, run, batch):
        self.seen.append((batch.index, self._lesson(run, batch)))
        return run.module_(batch.X).square().sum(1)


class Linear(nn.Module):
    """Logits of a fixed matrix, whatever mode it is in; counts its calls."""

    def __init__(self, n_outputs=3, n_inputs=4):
        super().__init__()
        self.layer = nn.Linear(n_inputs, n_outputs)
        self.calls = 0

    def forward(self, X):
        self.calls += 1
        return self.layer(X)


def log_proba(teacher):
    return np.log(teacher.predict_proba(X).clip(1e-12))


@pytest.fixture(scope="module")
def network():
    return CrossEntropyClassifier(**BIG).fit(X, Y)


@pytest.fixture(scope="module")
def forest():
    return RandomForestClassifier(20, min_samples_leaf=3, random_state=0).fit(X, Y)


def test_a_forest_teaches_the_logarithm_of_its_probabilities(forest):
    lesson = Seen(teacher=forest, **SMALL).lesson(X, Y)
    np.testing.assert_allclose(lesson["logits"], log_proba(forest), rtol=1e-5)
    frozen = Seen(teacher=FrozenEstimator(forest), **SMALL).lesson(X, Y)
    assert torch.equal(frozen["logits"], lesson["logits"])


def test_a_network_teaches_its_logits(network):
    lesson = Seen(teacher=network, **SMALL).lesson(X, Y)
    expected = network.net_.module_(torch.from_numpy(X)).detach()
    torch.testing.assert_close(lesson["logits"], expected)


def test_a_method_that_predicts_with_two_networks_teaches_both():
    teacher = DPCClassifier(**DPCClassifier._test_params() | {"random_state": 0}).fit(X, Y)
    lesson = Seen(teacher=teacher, **SMALL).lesson(X, Y)
    # Whatever its probabilities are made of, the student is shown what the teacher's logits are made of.
    expected = teacher._logits(teacher.net_, torch.from_numpy(X)).detach()
    torch.testing.assert_close(lesson["logits"].double(), expected.double())


def test_a_torch_module_teaches_its_output_in_evaluation_mode_without_gradient():
    module = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 3))
    module[1].eval()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    lesson = Seen(teacher=module, **SMALL).lesson(X, Y)
    assert [part.training for part in module.modules()] == [True, True, False, True, True]
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert not lesson["logits"].requires_grad
    torch.testing.assert_close(lesson["logits"], module.eval()(torch.from_numpy(X)).detach())


@pytest.mark.parametrize("criterion", [nn.CrossEntropyLoss, nn.NLLLoss])
def test_a_skorch_net_teaches_by_its_criterion(criterion):
    layers = [nn.Linear(4, 3)] + [nn.Softmax(1)] * (criterion is nn.NLLLoss)
    net = NeuralNetClassifier(nn.Sequential(*layers), criterion=criterion, max_epochs=2, verbose=0, train_split=None)
    lesson = Seen(teacher=net.fit(X, Y), **SMALL).lesson(X, Y)
    np.testing.assert_allclose(lesson["logits"].softmax(1), net.predict_proba(X), rtol=1e-4)


def test_columns_follow_the_students_classes():
    teacher = LogisticRegression().fit(X, NAMES[Y])
    order = ["cat", "ant", "bee"]
    lesson = Seen(teacher=teacher, classes=order, **SMALL).lesson(X, NAMES[Y])
    np.testing.assert_allclose(lesson["logits"], log_proba(teacher)[:, [2, 0, 1]], rtol=1e-5)
    network = CrossEntropyClassifier(**BIG).fit(X, NAMES[Y])
    lesson = Seen(teacher=network, classes=order, **SMALL).lesson(X, NAMES[Y])
    expected = network.net_.module_(torch.from_numpy(X)).detach()[:, [2, 0, 1]]
    torch.testing.assert_close(lesson["logits"], expected)


def test_labels_and_their_embeddings_follow_the_students_columns():
    module = partial(LabelwiseNetwork, head="projection", embedding_dim=4)
    teacher = MultiLabelClassifier(module, classes=list("abc"), max_epochs=2, random_state=0).fit(X, LABELS)
    student = SeenLabels(teacher=teacher, classes=list("bca"), **SMALL)
    student._wanted = lambda: "label_embeddings"
    lesson = student.lesson(X, LABELS[:, [1, 2, 0]])
    embeddings = teacher.net_.module_.label_embeddings(torch.from_numpy(X)).detach()
    torch.testing.assert_close(lesson["label_embeddings"], embeddings[:, [1, 2, 0]])
    logits = teacher.net_.module_(torch.from_numpy(X)).detach()
    torch.testing.assert_close(lesson["logits"], logits[:, [1, 2, 0]])


@pytest.mark.parametrize(
    "teacher",
    [RandomForestClassifier(10, random_state=0), MultiOutputClassifier(LogisticRegression())],
    ids=["list-of-columns", "one-per-label"],
)
def test_several_labels_are_taught_by_log_odds(teacher):
    teacher.fit(X, LABELS)
    lesson = SeenLabels(teacher=teacher, **SMALL).lesson(X, LABELS)
    proba = np.stack([column[:, 1] for column in teacher.predict_proba(X)], axis=1).clip(1e-12, 1 - 1e-12)
    np.testing.assert_allclose(lesson["logits"], np.log(proba / (1 - proba)), rtol=1e-4, atol=1e-5)


def test_a_label_that_the_teacher_never_saw_is_improbable():
    labels = LABELS.copy()
    labels[:, 1] = 0
    teacher = DecisionTreeClassifier(random_state=0).fit(X, labels)
    lesson = SeenLabels(teacher=teacher, **SMALL).lesson(X, LABELS)
    assert (lesson["logits"][:, 1] < -20).all() and (lesson["logits"][:, 0] > 20).any()


def test_one_label_from_one_dimensional_y():
    y = NAMES[LABELS[:, 2]]
    for teacher in (LogisticRegression().fit(X, y), MultiLabelClassifier(**BIG).fit(X, y)):
        lesson = SeenLabels(teacher=teacher, **SMALL).lesson(X, y)
        odds = np.log(teacher.predict_proba(X)[:, 1:] / teacher.predict_proba(X)[:, :1])
        np.testing.assert_allclose(lesson["logits"], odds, rtol=1e-2, atol=1e-3)


def test_an_unfitted_teacher_is_cloned_seeded_and_fitted_on_the_same_rows():
    teacher = RandomForestClassifier(5)
    students = [KDClassifier(teacher=teacher, **SMALL).fit(X, NAMES[Y]) for _ in range(2)]
    assert not hasattr(teacher, "classes_") and teacher.random_state is None
    assert np.array_equal(*(student.predict_proba(X) for student in students))
    own = CrossEntropyClassifier(module=partial(MLP, hidden=(8,)), max_epochs=2)
    assert KDClassifier(teacher=own, **SMALL).fit(X, NAMES[Y]).score(X, NAMES[Y]) > 0 and not hasattr(own, "net_")
    net = NeuralNetClassifier(nn.Linear(4, 3), criterion=nn.CrossEntropyLoss, max_epochs=2, verbose=0)
    KDClassifier(teacher=net, **SMALL).fit(X, NAMES[Y])
    assert not net.initialized_


@pytest.mark.parametrize("fitted", [True, False])
def test_teachers_that_know_columns_by_name(fitted):
    frame = pd.DataFrame(X, columns=list("abcd"))
    teacher = make_pipeline(make_column_transformer((FunctionTransformer(), ["a", "b"])), LogisticRegression())
    teacher = teacher.fit(frame, Y) if fitted else teacher
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        KDClassifier(teacher=teacher, **SMALL).fit(frame, Y)
        KDClassifier(teacher=LogisticRegression().fit(X, Y), **SMALL).fit(frame, Y)


def test_asked_once_without_augmentation_and_for_every_view_with_it():
    module = Linear()
    student = KDClassifier(teacher=module, batch_size=30, **SMALL).fit(X, Y)
    once = module.calls
    student.set_params(max_epochs=6).fit(X, Y)
    assert module.calls == 2 * once == 4      # a trial on two rows, then all rows
    views = []
    student.set_params(augment=lambda X: views.append(X) or X + 1, max_epochs=2).fit(X, Y)
    assert module.calls == 4 + 1 + 2 * 3 and len(views) == 6


def test_the_teacher_sees_the_students_view():
    class Recorder(Linear):
        def forward(self, X):
            seen.append(X.clone())
            return super().forward(X)

    seen, views = [], []
    KDClassifier(teacher=Recorder(), augment=lambda X: views.append(2 * X) or views[-1], **SMALL).fit(X, Y)
    assert all(torch.equal(a, b) for a, b in zip(seen[1:], views, strict=True))


@pytest.mark.parametrize("trains", [False, True], ids=["evaluation-mode", "training-mode"])
def test_a_teacher_of_views_is_asked_in_evaluation_mode_and_left_as_it_was(trains):
    class Recorder(nn.Sequential):
        def forward(self, X):
            seen.append((any(part.training for part in self.modules()), torch.is_grad_enabled()))
            return super().forward(X)

    seen = []
    module = Recorder(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 3)).train(trains)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    KDClassifier(teacher=module, augment="weak", **SMALL).fit(X, Y)
    assert len(seen) > 3 and set(seen) == {(False, False)}
    assert all(part.training == trains for part in module.modules())
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert all(parameter.grad is None for parameter in module.parameters())


@pytest.mark.parametrize(("method", "teacher"), [(KDClassifier, ResNet), (FitNetClassifier, SmallCNN)])
def test_images(method, teacher):
    images = np.random.RandomState(0).randint(0, 255, (48, 1, 8, 8)).astype(np.uint8)
    teacher = CrossEntropyClassifier(teacher, max_epochs=1, random_state=0).fit(images, Y[:48])
    for augment in (None, "weak"):
        student = method(ResNet, teacher=teacher, module__width=4, augment=augment, max_epochs=2, random_state=0)
        assert np.isfinite(student.fit(images, Y[:48]).predict_proba(images)).all()


def test_probabilities_for_a_method_of_logits_warn(forest):
    with pytest.warns(UserWarning, match="RandomForestClassifier gives probabilities only"):
        LogitMSEClassifier(teacher=forest, lr=1e-4, **SMALL).fit(X, Y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        KDClassifier(teacher=forest, **SMALL).fit(X, Y)


class Silent(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self


class Nans(Silent):
    def predict_proba(self, X):
        return np.full((len(X), 3), np.nan)


TWO, FOUR = Y % 2, np.where(np.arange(len(Y)) < 5, 3, Y)
ERRORS = {
    "missing-class": (lambda: LogisticRegression().fit(X, TWO), r"only y has \['2'\], only the teacher has \[\]"),
    "further-class": (lambda: LogisticRegression().fit(X, FOUR), r"only y has \[\], only the teacher has \['3'\]"),
    "width": (lambda: Linear(4), r"\(2, 4\), but y asks for 3 columns"),
    "input-width": (lambda: Linear(3, 5), r"Linear cannot process rows of X of shape \(4,\)"),
    "image-module": (lambda: SmallCNN(1, 3), r"SmallCNN cannot process rows of X of shape \(4,\)"),
    "image-teacher": (
        lambda: CrossEntropyClassifier(SmallCNN, max_epochs=1).fit(np.zeros((90, 1, 8, 8), np.float32), Y),
        r"fitted on rows of shape \(1, 8, 8\), but X has rows of shape \(4,\)",
    ),
    "shape": (
        lambda: CrossEntropyClassifier(max_epochs=1).fit(X[:, :2], Y),
        r"fitted on rows of shape \(2,\), but X has rows of shape \(4,\)",
    ),
    "features": (lambda: LogisticRegression().fit(X[:, :2], Y), "LogisticRegression cannot process X: X has 4 features"),
    "kind": (
        lambda: MultiLabelClassifier(max_epochs=1).fit(X, LABELS),
        "predicts several labels per row, but KDClassifier learns one class per row",
    ),
    "no-proba": (lambda: RidgeClassifier().fit(X, Y), "RidgeClassifier has no predict_proba"),
    "not-finite": (lambda: Nans().fit(X, Y), "outputs that are not finite, first for row 0"),
    "string": (lambda: "forest", "The 'teacher' parameter of KDClassifier must be"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_errors(case):
    teacher, message = ERRORS[case]
    with pytest.raises((ValueError, TypeError), match=message):
        KDClassifier(teacher=teacher(), max_epochs=1).fit(X, Y)


def test_errors_of_augmentation():
    teacher = LogisticRegression().fit(X, Y)
    with pytest.raises(ValueError, match="LogisticRegression cannot be asked about augmented batches"):
        KDClassifier(teacher=teacher, augment="weak", max_epochs=1).fit(X, Y)
    with pytest.raises(ValueError, match="set augment=None"):
        KDClassifier(augment="weak", max_epochs=1).fit(X, Y, teacher_logits=np.zeros((90, 3)))


@pytest.mark.parametrize(
    ("teacher", "message"),
    [
        (LogisticRegression(), "LogisticRegression has no embeddings, which FitNetClassifier needs"),
        (nn.Flatten(), "Flatten cannot process rows of X"),
    ],
)
def test_errors_of_embeddings(teacher, message):
    with pytest.raises(ValueError, match="teacher is None, but FitNetClassifier needs its embeddings"):
        FitNetClassifier(max_epochs=1).fit(X, Y)
    with pytest.raises(ValueError, match=message):
        FitNetClassifier(teacher=teacher, max_epochs=1).fit(X, Y)


@pytest.mark.parametrize(
    ("logits", "message"),
    [
        (None, "teacher is None and no teacher_logits are given"),
        (np.zeros((90, 4)), r"\(90, 4\), but y asks for 3 columns"),
        (np.zeros((80, 3)), "teacher_logits has 80 rows, but X has 90"),
        (np.full((90, 3), np.nan), "teacher_logits contains NaN"),
    ],
    ids=["none", "width", "rows", "nan"],
)
def test_errors_of_given_logits(logits, message):
    with pytest.raises(ValueError, match=message):
        KDClassifier(max_epochs=1).fit(X, Y, teacher_logits=logits)


def test_errors_of_several_labels():
    teacher = LogisticRegression().fit(X, NAMES[LABELS[:, 2]])
    with pytest.raises(ValueError, match="order"):
        SeenLabels(teacher=teacher, classes=["bee", "ant"], **SMALL).lesson(X, NAMES[LABELS[:, 2]])
    unknown = LABELS.copy()
    unknown[0, 0] = -1
    with pytest.raises(ValueError, match=r"unknown entries \(-1\), from which teacher RandomForestClassifier"):
        SeenLabels(teacher=RandomForestClassifier(), **SMALL).lesson(X, unknown)
    with pytest.raises(ValueError, match="predicts one class per row, but L2DClassifier learns several labels"):
        L2DClassifier(teacher=CrossEntropyClassifier(max_epochs=1).fit(X, Y), max_epochs=1).fit(X, LABELS)
