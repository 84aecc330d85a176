"""Errors that say what to do instead, of inputs that are nearly right."""

import inspect

import numpy as np

# The classes whose fit takes a fact about the rows; a test finds them again.
TAKERS = {
    "trusted": (
        "noisy.BLDRClassifier", "noisy.BackwardCorrectionClassifier", "noisy.CAProClassifier",
        "noisy.CoTeachingClassifier", "noisy.DPCClassifier", "noisy.DivideMixClassifier",
        "noisy.EchoSelectClassifier", "noisy.ForwardCorrectionClassifier", "noisy.JoCoRClassifier",
        "noisy.NestedCoTeachingClassifier", "noisy.PLSClassifier", "partial.MoGDClassifier",
    ),
    "sample_weight": (
        "multilabel.MultiLabelClassifier", "noisy.CrossEntropyClassifier", "noisy.GCEClassifier",
        "noisy.SCEClassifier", "partial.CCClassifier",
    ),
    "teacher_logits": (
        "distill.DHKDClassifier", "distill.DISTClassifier", "distill.DKDClassifier", "distill.KDClassifier",
        "distill.L2DClassifier", "distill.LogitMSEClassifier",
    ),
    "groups": ("noisy.AutoNoisyClassifier", "noisy.LabelIssueFilter"),
    "domains": ("semi.DDFAClassifier",),
    "adjacency": ("noisy.ERASEClassifier",),
}  # fmt: skip

_REMEDIES = {
    "trusted": "or select any other one by skweak.model_selection.TrustedStratifiedKFold",
    "sample_weight": "or repeat the rows that count more",
    "teacher_logits": "or give a teacher",
    "groups": "or, as groups are for folds, give them to cross_validate or find_label_issues",
    "classes": "name all classes in the constructor, classes=[...]",
}


def refuse_facts(estimator, facts, method="fit"):
    """Return those ``facts`` that the estimator names as part of a `Request`; raise for the first other one."""
    foreign = [name for name in facts if name not in getattr(estimator, "_side_facts", ())]
    if not foreign:
        return {"side": facts} if facts else {}
    name = foreign[0]
    remedies = [_REMEDIES[name]] if name in _REMEDIES else []
    if name in TAKERS:
        remedies.insert(0, f"take one whose fit has it, {' or '.join(f'skweak.{path}' for path in TAKERS[name])}")
    taken = inspect.signature(getattr(estimator, method)).parameters
    *most, last = [p.name for p in taken.values() if p.kind is not p.VAR_KEYWORD]
    raise TypeError(
        f"{type(estimator).__name__}.{method} takes {', '.join(most)} and {last}, got {name!r}: "
        f"{', '.join(remedies) or 'parameters belong to the constructor'}."
    )


def text_in_columns(X, error):
    """Return the error for a table with text: the columns that hold it, and an encoder."""
    if hasattr(X, "columns"):
        names = [str(name) for name in X.columns if _is_text(np.asarray(X[name]))]
        named = f"columns {names!r}"
        chosen = repr(names)
    else:
        table = np.asarray(X, dtype=object)
        chosen = [i for i in range(table.shape[1]) if _is_text(table[:, i])] if table.ndim == 2 else []
        named = f"columns {chosen!r}"
    return ValueError(
        f"X holds text in {named}: {error}. Encode it first: make_pipeline(make_column_transformer((OneHotEncoder("
        f"handle_unknown='ignore'), {chosen}), remainder='passthrough'), estimator); sentences go through "
        "TfidfVectorizer."
    )


def _is_text(column):
    if column.dtype.kind == "U":
        column = column.astype(object)
    if column.dtype.kind != "O":
        return False
    for value in column:
        if isinstance(value, str):
            try:
                float(value)
            except ValueError:
                return True
    return False


def refuse_odd_images(X):
    """Raise for images that the default network would misread: channels last, or floats from 0 to 255."""
    if X.shape[3] in (1, 3, 4) and X.shape[1] not in (1, 3, 4) and X.shape[1] > 4 and X.shape[2] > 4:
        raise ValueError(
            f"X of shape {X.shape} looks like images with the channels last, but images are (n, C, H, W): give "
            "X.transpose(0, 3, 1, 2), or a module of your own."
        )
    if X.dtype.kind != "f" or not len(X):
        return
    sample = X[:: max(1, len(X) // 1000)]
    low, high = sample.min(), sample.max()
    if low >= 0 and 64 <= high <= 255 and (sample == np.trunc(sample)).all():
        raise ValueError(
            f"X holds images of floats from {low:g} to {high:g}, which look like bytes that nobody has scaled: give "
            "X.astype(np.uint8), which is scaled on the device, or X / 255."
        )
