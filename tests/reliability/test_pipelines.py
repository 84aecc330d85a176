"""Whole pipelines in one file: they come back with the same bits, and a hostile archive is refused before it acts."""

import copy
import io
import json
import random
import re
import sys
import threading
import time
import warnings
import zipfile

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.ensemble import RandomForestClassifier, StackingClassifier, VotingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.tree._tree import Tree

import skweak
from skweak.noisy import CrossEntropyClassifier, ELRClassifier, LabelIssueFilter
from skweak.storage.document import FORMAT
from tests.reliability.hostile import load_with_little_memory, seal, split
from tests.reliability.kills import CONTEXT
from tests.small_data import blobs

pytest.importorskip("skops", reason="pipelines are kept by skops: pip install 'skweak-learn[skops]'")

X, _, Y = blobs(60)
FRAME = pd.DataFrame(X, columns=list("abcd")).assign(e=np.where(Y == 0, "u", "v"))
TEXTS = [f"some words and a {['cat', 'dog', 'fox'][y]}" for y in Y]


def net(**changes):
    return ELRClassifier(module__hidden=(4,), max_epochs=2, random_state=0, **changes)


def columns(numbers):
    return ColumnTransformer(
        [("n", make_pipeline(SimpleImputer(), StandardScaler()), numbers), ("c", OneHotEncoder(), ["e"])]
    )


AROUND = {
    "a pipeline": (make_pipeline(StandardScaler(), net()), X),
    "columns": (make_pipeline(columns(list("abcd")), net()), FRAME),
    "columns by type": (make_pipeline(columns(make_column_selector(dtype_include=np.number)), net()), FRAME),
    "text": (make_pipeline(TfidfVectorizer(), net()), TEXTS),
    "a search": (GridSearchCV(make_pipeline(StandardScaler(), net()), {"elrclassifier__lr": [0.01, 0.1]}, cv=2,
                              scoring="accuracy"), X),
    "a filter": (LabelIssueFilter(make_pipeline(StandardScaler(), net()), cv=2, random_state=0), X),
    "a filter of a linear model": (LabelIssueFilter(LogisticRegression(), cv=2, random_state=0), X),
    "calibration": (CalibratedClassifierCV(net(), cv=2), X),
    "calibration by steps": (CalibratedClassifierCV(net(), cv=2, method="isotonic"), X),
    "a stack": (StackingClassifier([("a", net()), ("b", LogisticRegression())], cv=2), X),
    "a function of numpy": (make_pipeline(FunctionTransformer(np.tanh), net()), X),
}  # fmt: skip


@pytest.mark.parametrize("name", AROUND)
@pytest.mark.filterwarnings("ignore:.*least populated")
def test_what_stands_around_a_network_comes_back(name, tmp_path):
    estimator, rows = AROUND[name]
    fitted = estimator.fit(rows, Y)
    skweak.save(fitted, tmp_path / "model")
    again = skweak.load(tmp_path / "model")
    assert type(again) is type(fitted) and set(vars(again)) == set(vars(fitted))
    assert np.array_equal(again.predict_proba(rows), fitted.predict_proba(rows))
    assert np.array_equal(again.fit(rows, Y).predict_proba(rows), fitted.predict_proba(rows))


def test_the_best_of_a_search_and_what_is_not_fitted(tmp_path):
    search = GridSearchCV(make_pipeline(StandardScaler(), net()), {"elrclassifier__lr": [0.01, 0.1]}, cv=2).fit(X, Y)
    skweak.save(search.best_estimator_, tmp_path / "model")
    assert np.array_equal(skweak.load(tmp_path / "model").predict_proba(X), search.predict_proba(X))
    skweak.save(make_pipeline(StandardScaler(), net(lr=0.3)), tmp_path / "model")
    assert skweak.load(tmp_path / "model")[-1].lr == 0.3


def test_one_network_in_two_places_stays_one(tmp_path):
    shared = net().fit(X, Y)
    both = VotingClassifier([("a", shared), ("b", shared)])
    skweak.save(both, tmp_path / "model")
    (_, a), (_, b) = skweak.load(tmp_path / "model").estimators
    assert a is b and shared.net_ is not a.net_


def test_saving_leaves_the_estimator_alone(tmp_path):
    fitted = make_pipeline(StandardScaler(), net()).fit(X, Y)
    before = fitted.predict_proba(X), fitted[-1]
    skweak.save(fitted, tmp_path / "model")
    assert fitted[-1] is before[1] and np.array_equal(fitted.predict_proba(X), before[0])


def test_compiled_parts_are_loaded_only_when_trusted(tmp_path):
    fitted = VotingClassifier([("a", net()), ("b", RandomForestClassifier(2, random_state=0))], voting="soft").fit(X, Y)
    skweak.save(fitted, tmp_path / "model")
    with pytest.raises(skweak.FileFormatError, match=r"from sklearn.tree._tree import Tree; trusted=\[Tree\]"):
        skweak.load(tmp_path / "model")
    assert np.array_equal(skweak.load(tmp_path / "model", [Tree]).predict_proba(X), fitted.predict_proba(X))


def shift(values):
    return values + 1


class Scaler(StandardScaler):
    """Own transformer."""


def test_functions_and_classes_of_the_user_are_trusted_by_name(tmp_path):
    fitted = make_pipeline(FunctionTransformer(shift), Scaler(), net()).fit(X, Y)
    skweak.save(fitted, tmp_path / "model")
    with pytest.raises(skweak.FileFormatError, match=r"trusted=\[Scaler, shift\]"):
        skweak.load(tmp_path / "model")
    again = skweak.load(tmp_path / "model", trusted=[Scaler, shift])
    assert np.array_equal(again.predict_proba(X), fitted.predict_proba(X))


def test_what_has_no_name_is_refused_and_writes_nothing(tmp_path):
    for step in (FunctionTransformer(lambda rows: rows), FunctionTransformer(kw_args={"lock": threading.Lock()})):
        with pytest.raises(TypeError, match="<lambda>" if step.func else "cannot"):
            skweak.save(make_pipeline(step, net()), tmp_path / "model")
    with pytest.raises(TypeError, match="networks.0.parameters.augment"):
        skweak.save(make_pipeline(net(augment=lambda rows: rows)), tmp_path / "model")
    assert not list(tmp_path.iterdir())


def test_without_skops_the_error_names_the_extra(tmp_path, monkeypatch):
    skweak.save(make_pipeline(StandardScaler(), net()), tmp_path / "model")
    monkeypatch.setitem(sys.modules, "skops", None)
    monkeypatch.setitem(sys.modules, "skops.io", None)
    for act in (lambda: skweak.save(make_pipeline(net()), tmp_path / "other"), lambda: skweak.load(tmp_path / "model")):
        with pytest.raises(ImportError, match=r"pip install 'skweak-learn\[skops\]'"):
            act()
    skweak.save(net().fit(X, Y), tmp_path / "other")
    assert skweak.load(tmp_path / "other").classes_.tolist() == [0, 1, 2]


def small_file(path):
    """Return the bytes of a small pipeline, written to ``path``."""
    clf = CrossEntropyClassifier(module__hidden=(4,), max_epochs=1, random_state=0)
    skweak.save(make_pipeline(StandardScaler(), clf).fit(X, Y), path)
    return path.read_bytes()


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    return small_file(tmp_path_factory.mktemp("saved") / "model")


def refused(data, path):
    path.write_bytes(data)
    try:
        skweak.load(path)
    except skweak.FileFormatError:
        return True
    return False


def test_every_flipped_bit_is_refused(saved, tmp_path):
    for place in np.random.default_rng(0).permutation(8 * len(saved))[:1000]:
        data = bytearray(saved)
        data[place // 8] ^= 1 << (place % 8)
        assert refused(data, tmp_path / "model"), place
    assert not refused(saved, tmp_path / "model")


def test_every_cut_and_every_tail_is_refused(saved, tmp_path):
    assert all(refused(data, tmp_path / "model") for data in cuts(saved, 40))


def cuts(saved, count):
    """Yield beginnings of the file, evenly spaced, and the file with something behind it."""
    yield from (saved[: len(saved) * i // count] for i in range(count))
    yield saved + b"x"
    yield saved + saved


def other_versions(saved):
    """Yield files of other versions of what wrote them, each with the sentence that loading says."""
    header, body = split(saved)
    newer = copy.deepcopy(header)
    newer["__metadata__"]["format"] = str(FORMAT + 1)
    yield seal(newer, body), f"has the format {FORMAT + 1} .* reads up to format {FORMAT}: update it"
    older = copy.deepcopy(header)
    older["__metadata__"]["format"] = "0"
    yield seal(older, body), "format 0"
    yield forge(saved, lambda schema: schema | {"protocol": 99}), "protocol 99.* update skops"
    yield forge(saved, lambda schema: schema | {"protocol": 0}), None
    yield forge(saved, lambda schema: schema | {"_skops_version": "99.0"}), None
    yield forge(saved, of_scikit_learn("0.24.0")), "from version 0.24.0 when using version"
    yield forge(saved, of_scikit_learn("99.0.0")), "from version 99.0.0 when using version"


def of_scikit_learn(version):
    """Return a change that lets another version of scikit-learn have written the archive."""
    return lambda schema: json.loads(json.dumps(schema).replace(json.dumps(f'"{sklearn.__version__}"'), json.dumps(f'"{version}"')))


def wrong_answers(saved, path):
    """Return how many files of other versions were read, and the sentences of those that went otherwise."""
    number, wrong = 0, []
    for data, sentence in other_versions(saved):
        number += 1
        path.write_bytes(data)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                told = []
                skweak.load(path).predict(X)
            except skweak.FileFormatError as error:
                told = [str(error)]
        told += [str(warning.message) for warning in caught]
        if (sentence is None and told) or (sentence and not any(re.search(sentence, one) for one in told)):
            wrong.append(f"{sentence}: {told}")
    return number, wrong


def test_files_of_other_versions_are_read_or_answered_with_a_sentence(saved, tmp_path):
    number, wrong = wrong_answers(saved, tmp_path / "model")
    assert number == 7 and not wrong, wrong


def forge(saved, change=None, entries=None, compression=zipfile.ZIP_STORED):
    """Return the file with another archive in it: its schema changed in place, entries replaced; all sums are right."""
    header, body = split(saved)
    start, stop = header["estimator.archive"]["data_offsets"]
    with zipfile.ZipFile(io.BytesIO(bytes(body[start:stop]))) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(parts["schema.json"])
    if change is not None:
        schema = change(schema) or schema
    parts |= {"schema.json": json.dumps(schema).encode(), **(entries(parts) if entries else {})}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    new = buffer.getvalue()
    moved = copy.deepcopy(header)
    for entry in moved.values():
        if "data_offsets" in entry and entry["data_offsets"][0] >= stop:
            entry["data_offsets"] = [place + len(new) - stop + start for place in entry["data_offsets"]]
    moved["estimator.archive"] |= {"shape": [len(new)], "data_offsets": [start, start + len(new)]}
    return seal(moved, bytes(body[:start]) + new + bytes(body[stop:]))


def scaler(schema):
    """Return the node of the scaler's attributes."""
    return schema["content"]["content"]["steps"]["content"][0]["content"][1]["content"]["content"]


def as_function(name):
    module, _, own = name.rpartition(".")
    return {"__class__": own, "__module__": module, "__loader__": "FunctionNode", "__id__": 1}


def put(name, node):
    def change(schema):
        scaler(schema)[name] = node

    return change


CONSTRUCT = {"__class__": "Popen", "__module__": "subprocess", "__loader__": "ConstructorFromReduceNode", "__id__": 2,
             "content": {"__class__": "tuple", "__module__": "builtins", "__loader__": "TupleNode", "__id__": 3, "content": [
                 {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode", "__id__": 4,
                  "content": '"touch ran"', "is_json": True}]}}  # fmt: skip


def test_nothing_of_an_archive_runs(saved, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert not refused(forge(saved), tmp_path / "model")
    for name in ("os.system", "builtins.eval", "builtins.getattr", "pickle.loads", "torch.load", "numpy.load"):
        node = as_function(name)
        for change in (put("mean_", node), put("predict", node), lambda schema, node=node: node):
            assert refused(forge(saved, change), tmp_path / "model")
    for loader in ("ObjectNode", "ConstructorFromReduceNode", "TypeNode", "ReduceNode", "FunctionNode"):
        for protocol in (0, 1, 2):

            def change(schema, loader=loader, protocol=protocol):
                schema["protocol"] = protocol
                scaler(schema)["mean_"] = CONSTRUCT | {"__loader__": loader}

            assert refused(forge(saved, change), tmp_path / "model")
    # A network of ours in the archive would go round the checks of its own format.
    hidden = {"__class__": "CrossEntropyClassifier", "__module__": "skweak.noisy.cross_entropy", "__loader__": "ObjectNode", "__id__": 5}
    assert refused(forge(saved, put("mean_", hidden)), tmp_path / "model")
    assert not (tmp_path / "ran").exists()


def test_an_archive_of_no_estimator_or_with_a_number_too_many(saved, tmp_path):
    text = {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode", "content": '"x"', "is_json": True}
    assert refused(forge(saved, lambda schema: text | {"protocol": 2, "__id__": 9}), tmp_path / "model")

    def change(schema):
        place = schema["content"]["content"]["steps"]["content"][1]["content"][1]
        place["content"]["content"]["number"]["content"] = "7"

    assert refused(forge(saved, change), tmp_path / "model")


def claims(shape, dtype="<f8"):
    """Return the bytes of an array that is not there."""
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": dtype, "fortran_order": False, "shape": shape})
    return buffer.getvalue()


def first_array(parts):
    return next(name for name in parts if name.endswith(".npy"))


def nested(depth):
    """Return the node of a list of two lists of two lists, each written once and then named."""
    node = {"__class__": "list", "__module__": "builtins", "__loader__": "ListNode", "content": [], "__id__": 100}
    for level in range(depth):
        again = {"__class__": "list", "__module__": "builtins", "__loader__": "ListNode", "content": [], "__id__": node["__id__"]}
        node = {"__class__": "list", "__module__": "builtins", "__loader__": "ListNode", "content": [node, again], "__id__": 101 + level}
    shape = {"__class__": "tuple", "__module__": "builtins", "__loader__": "TupleNode", "content": [], "__id__": 99}
    return {"__class__": "ndarray", "__module__": "numpy", "__loader__": "NdArrayNode", "type": "json", "content": [node], "shape": shape, "__id__": 98}


def again_and_again(schema):
    """Let one array of the archive be read thousands of times."""
    node = scaler(schema)["mean_"]
    copies = [node | {"__id__": 1000 + i} for i in range(3000)]
    scaler(schema)["mean_"] = {"__class__": "list", "__module__": "builtins", "__loader__": "ListNode", "content": copies, "__id__": 97}


def bombs(saved):
    yield forge(saved, entries=lambda parts: {first_array(parts): claims((10**12,))})
    yield forge(saved, entries=lambda parts: {first_array(parts): claims((10**9,), "|V0")})
    yield forge(saved, entries=lambda parts: {first_array(parts): claims((3 * 10**7,)) + bytes(24 * 10**7)}, compression=zipfile.ZIP_DEFLATED)
    yield forge(saved, put("mean_", nested(28)))
    yield forge(saved, again_and_again, entries=lambda parts: {first_array(parts): claims((2**20,)) + bytes(2**23)})
    deep = "[" * 10**5 + "]" * 10**5
    yield forge(saved, entries=lambda parts: {"schema.json": deep.encode()})
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.npy", claims((3 * 10**7,)) + bytes(24 * 10**7))
    sparse = {"__class__": "csr_matrix", "__module__": "scipy.sparse._csr", "__loader__": "SparseMatrixNode", "type": "scipy", "file": "a.npz", "__id__": 96}
    yield forge(saved, put("mean_", sparse), entries=lambda parts: {"a.npz": inner.getvalue()})


def test_bombs_in_an_archive_are_refused_with_little_memory(saved, tmp_path):
    for i, data in enumerate(bombs(saved)):
        (tmp_path / f"{i:02}").write_bytes(data)
    queue = CONTEXT.SimpleQueue()
    child = CONTEXT.Process(target=load_with_little_memory, args=(tmp_path, 200, queue))
    start = time.perf_counter()
    child.start()
    ends = dict(iter(queue.get, None))
    child.join()
    assert len(ends) == 7 and all(end.startswith("refused") for end in ends.values()), ends
    assert time.perf_counter() - start < 60


def test_sparse_parts_come_back(tmp_path):
    # Neighbours of sparse rows keep them, packed; compiled code reads their indices without looking.
    from scipy.sparse import csr_matrix
    from sklearn.neighbors import KNeighborsClassifier

    rows = csr_matrix(np.where(np.random.RandomState(0).rand(60, 300) < 0.02, 1.0, 0.0))
    fitted = VotingClassifier([("a", net()), ("b", KNeighborsClassifier(algorithm="brute"))], voting="soft").fit(rows, Y)
    skweak.save(fitted, tmp_path / "model")
    assert np.array_equal(skweak.load(tmp_path / "model", [csr_matrix]).predict_proba(rows), fitted.predict_proba(rows))


def parts_of(node):
    """Yield holder and key of every part of a JSON value."""
    for key, child in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield node, key
        yield from parts_of(child)


JUNK = [None, 0, -1, "x", [], {}, True, "os", "system", "builtins", "eval", "ObjectNode", "FunctionNode", "TypeNode", "numpy"]


def fuzz(saved, path, seed, count):
    """Load archives changed at random, all sums right, and return how many were accepted."""
    generator, accepted = random.Random(seed), 0

    def change(schema):
        holder, key = generator.choice(list(parts_of(schema)))
        other, place = generator.choice(list(parts_of(schema)))
        holder[key] = copy.deepcopy(generator.choice([*JUNK, other[place]]))

    def scratch(parts):
        name = generator.choice(list(parts))
        data = bytearray(parts[name])
        data[generator.randrange(len(data))] = generator.randrange(256)
        return {name: bytes(data)}

    for _ in range(count):
        data = forge(saved, change) if generator.random() < 0.7 else forge(saved, entries=scratch)
        accepted += not refused(data, path)
    return accepted


@pytest.mark.filterwarnings("ignore")
def test_changed_archives_are_refused_or_hold_an_estimator(saved, tmp_path):
    assert 0 < fuzz(saved, tmp_path / "model", seed=0, count=150) < 50


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
def test_many_changed_archives(saved, tmp_path):
    assert fuzz(saved, tmp_path / "model", seed=1, count=10_000) < 4_000
