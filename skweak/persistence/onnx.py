"""Fitted networks for other runtimes: `export_onnx`."""

import copy
import json
import warnings

import torch
from sklearn.utils.validation import check_is_fitted
from torch import nn

from skweak.base import WeakClassifier
from skweak.storage import write_file


def export_onnx(estimator, path):
    """Write what a fitted network predicts as an ONNX model, which other runtimes and languages read.

    The model maps the input ``X`` (any number of rows) to the output ``probabilities``, the same as ``predict_proba``
    to single precision, whatever the method: averages of networks, calibrated and multi-label outputs included. Its
    metadata hold ``classes``, a JSON list in the order of the columns, and ``feature_names`` where the estimator has
    them. What stands before the network, such as a scaler, is not part of it.

    Parameters
    ----------
    estimator : WeakClassifier
        Fitted; it is left as it is. Of a pipeline give the last step.
    path : path
        The file, which is replaced if it is there.

    Raises
    ------
    TypeError
        If the estimator is not one of this package that trains a network.
    NotFittedError
        If it is not fitted.
    ImportError
        If onnx or onnxscript is missing: ``pip install 'skweak-learn[onnx]'``.
    ValueError
        If the network computes something that ONNX has no operation for.

    Notes
    -----
    ``X`` has the estimator's ``dtype``. Images of unsigned bytes enter the model as ``(images - 127.5) / 63.75``, and
    images (n, H, W) have one channel, (n, 1, H, W).

    Examples
    --------
    >>> import skweak
    >>> skweak.export_onnx(classifier, "model.onnx")                                     # doctest: +SKIP
    >>> session = onnxruntime.InferenceSession("model.onnx")                             # doctest: +SKIP
    >>> (proba,) = session.run(None, {"X": X.astype("float32")})                         # doctest: +SKIP
    """
    if not isinstance(estimator, WeakClassifier):
        raise TypeError(
            f"estimator must be a classifier of skweak that trains a network, got {type(estimator).__name__}; of a "
            "Pipeline give the last step, pipeline[-1]."
        )
    check_is_fitted(estimator)
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "export_onnx needs onnx and onnxscript, which are not installed: pip install 'skweak-learn[onnx]'."
        ) from error
    asked = _Asked(estimator).eval()
    example = torch.zeros((2, *estimator.net_.input_shape), dtype=estimator.net_.dtype)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            # Notes of the exporter about its own parts.
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                asked, (example,), dynamo=True, verbose=False, input_names=["X"], output_names=["probabilities"],
                dynamic_shapes=({0: torch.export.Dim("rows")},),
                custom_translation_table={torch.ops.aten.softplus.default: _softplus},
            )  # fmt: skip
    except (torch.onnx.OnnxExporterError, RuntimeError, TypeError) as error:
        # The first lines say what; the rest is about the exporter.
        reason = " ".join(str(error.__cause__ or error).split())[:300]
        raise ValueError(f"{type(estimator).__name__} cannot be written as ONNX: {reason}") from error
    notes = {"classes": estimator.classes_.tolist()}
    if hasattr(estimator, "feature_names_in_"):
        notes["feature_names"] = estimator.feature_names_in_.tolist()
    program.model.metadata_props.update({name: json.dumps(value) for name, value in notes.items()})
    write_file(path, [program.model_proto.SerializeToString()])


def _softplus(X, beta=1.0, threshold=20.0):
    """Write a softplus in operations that runtimes have in double precision too."""
    from onnxscript import opset18 as op

    beta = op.CastLike(beta, X)
    scaled = op.Mul(X, beta)
    rest = op.Log(op.Add(op.Exp(op.Neg(op.Abs(scaled))), op.CastLike(1.0, X)))
    return op.Div(op.Add(op.Relu(scaled), rest), beta)


class _Asked(nn.Module):
    """What ``predict_proba`` computes, on the CPU."""

    def __init__(self, estimator):
        super().__init__()
        self.estimator, self.run = estimator, copy.deepcopy(estimator.net_)
        self.run.device = "cpu"
        state = vars(self.run.state)
        state.update({k: v.cpu() for k, v in state.items() if isinstance(v, (torch.Tensor, nn.Module))})
        networks = [vars(self.run)[f"{name}_"].cpu() for name in self.run._modules]
        self.networks = nn.ModuleList([*networks, *(v for v in state.values() if isinstance(v, nn.Module))])

    def forward(self, X):
        # Not in double precision as `predict_proba` does, which runtimes lack for some operations.
        proba = self.estimator._proba(self.estimator._logits(self.run, X)).to(X.dtype)
        if self.estimator._kind.several and self.estimator._flat_y:
            proba = torch.cat([1 - proba, proba], dim=1)
        return proba
