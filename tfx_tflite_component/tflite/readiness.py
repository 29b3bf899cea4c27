"""Whether LiteRT's CompiledModel and the GPU delegate can run a model, or why not."""

import contextlib
import io
import pathlib
from collections.abc import Iterator, Mapping

import tensorflow as tf

from tfx_tflite_component.tflite.gpu_analyzer import read_verdict
from tfx_tflite_component.tflite.inspection import OpSet
from tfx_tflite_component.tflite.signatures import Signature, Tensor

# the types of the buffers that its Python API makes, tried on LiteRT 2.3
_COMPILED_MODEL_TYPES = ("bool", "float16", "float32", "int32", "int8", "uint8")


def compiled_model_obstacles(signature: Signature, op_set: OpSet) -> tuple[str, ...]:
    """Why LiteRT's CompiledModel does not take a model; empty if it does.

    Args:
        signature: The model's signature.
        op_set: The op set that the model needs.
    """
    found = [
        f"{kind} {name!r} is {tensor.dtype}"
        for kind, name, tensor in _tensors(signature)
        if tensor.dtype not in _COMPILED_MODEL_TYPES
    ]
    return (*found, *([] if op_set == OpSet.BUILTIN else [f"the model needs {op_set} ops"]))


def gpu_obstacles(signature: Signature, path: pathlib.Path) -> tuple[str, ...]:
    """Why the GPU delegate does not run all of a model; empty if it does.

    Args:
        signature: The model's signature.
        path: The `.tflite` file, as the converter writes it: the analyzer trusts it.
    """
    found = [
        f"{kind} {name!r} has an open size: {list(tensor.shape)}"
        for kind, name, tensor in _tensors(signature)
        if -1 in tensor.shape
    ]
    return (*found, *_refused_by_gpu(path))


def _refused_by_gpu(path: pathlib.Path) -> tuple[str, ...]:
    """The ops of a model that the GPU delegate does not take, each with the reason."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        tf.lite.experimental.Analyzer.analyze(model_path=str(path), gpu_compatibility=True)
    return read_verdict(printed.getvalue())[1]


def _tensors(signature: Signature) -> Iterator[tuple[str, str, Tensor]]:
    by_kind: Mapping[str, Mapping[str, Tensor]] = {
        "input": signature.inputs,
        "output": signature.outputs,
    }
    for kind, tensors in by_kind.items():
        for name, tensor in tensors.items():
            yield kind, name, tensor
