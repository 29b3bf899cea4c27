"""Holds what the lowerings make of a function to the function itself."""

import dataclasses
import pathlib
from collections.abc import Callable
from typing import Any

import models
import numpy as np
import pytest
import tensorflow as tf

from tfx_tflite_component.config import read_config
from tfx_tflite_component.conversion.convert import convert
from tfx_tflite_component.errors import UnsupportedOpsError
from tfx_tflite_component.graph.flat_graph import ConcreteFunction, flatten
from tfx_tflite_component.graph.saved_model import load_signature
from tfx_tflite_component.lowering.lower import lower
from tfx_tflite_component.split.boundary import Boundary
from tfx_tflite_component.split.split import Split, cut_signature, split
from tfx_tflite_component.tflite.inspection import OpSet, inspect
from tfx_tflite_component.tflite.interpreter import TFLiteModel

Compute = Callable[..., tf.Tensor]


@dataclasses.dataclass(frozen=True)
class Lowered:
    """A function that was saved as a signature, and the TFLite model of its lowered graph."""

    signature: ConcreteFunction
    split: Split
    path: pathlib.Path
    model: TFLiteModel

    @property
    def ops(self) -> list[str]:
        """The ops of the TFLite model, in order."""
        return [op.name for op in inspect(self.path).ops]

    def refused(self) -> str:
        """The words in which the same signature is refused without the lowerings."""
        with pytest.raises(UnsupportedOpsError) as refusal:
            convert(split(self.signature).tail, read_config(""))
        return str(refusal.value)

    def check_same(self, *inputs: np.ndarray) -> None:
        """Compares the results, which have to be equal; NaN equals NaN."""
        named = {f"x{index}": value for index, value in enumerate(inputs)}
        expected = self.signature(**{name: tf.constant(value) for name, value in named.items()})
        found = self.model(named)["y"]
        assert (found.dtype, found.shape) == (expected["y"].dtype, expected["y"].shape)
        np.testing.assert_array_equal(found, expected["y"])


def converted(
    folder: pathlib.Path,
    compute: Compute,
    *specs: tuple[list[int | None], Any],
    module: tf.Module | None = None,
) -> Lowered:
    """Saves a function of tensors of given shapes and dtypes, and converts it to builtin ops."""
    signature = load_signature(saved(folder, compute, *specs, module=module), "serving_default")
    parts = split_lowered(signature)
    path = folder / "model.tflite"
    path.write_bytes(convert(parts.tail, read_config("")))
    assert inspect(path).op_set == OpSet.BUILTIN
    return Lowered(signature, parts, path, TFLiteModel(path))


def split_lowered(
    signature: ConcreteFunction, boundary: Boundary | None = None, is_calibrated: bool = False
) -> Split:
    """Splits a signature, and lowers its tail as a rewriting does."""
    cut = cut_signature(signature, boundary)
    return cut.with_tail(*lower(cut.graph, is_calibrated))


def lowered_ops(
    folder: pathlib.Path, compute: Compute, *specs: tuple[list[int | None], Any]
) -> dict[str, list[str]]:
    """What the lowerings rewrite in a function."""
    return lower(flatten(load_signature(saved(folder, compute, *specs), "serving_default")))[1]


def saved(
    folder: pathlib.Path,
    compute: Compute,
    *specs: tuple[list[int | None], Any],
    module: tf.Module | None = None,
) -> pathlib.Path:
    """Saves a function whose inputs are `x0`, `x1`, ..., and whose output is `y`."""
    named = [tf.TensorSpec(shape, dtype, f"x{i}") for i, (shape, dtype) in enumerate(specs)]
    return models.save(
        folder / "model", lambda *inputs: {"y": compute(*inputs)}, *named, module=module
    )
