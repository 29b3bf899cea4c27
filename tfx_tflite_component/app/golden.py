"""Golden vectors: examples, and what a model takes and returns for them, to test an app with."""

import base64
import dataclasses
import enum
import json
import math
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from tfx_tflite_component.artifact_layout import SIGNATURE_KEY
from tfx_tflite_component.errors import ModelFileError
from tfx_tflite_component.json_form import from_json, to_json

FORMAT_VERSION = 1
"""The version of `golden.json`; increased when a field is removed or changes its meaning."""

INPUT_TOLERANCE = 1e-5
"""How far a float input from an app may differ from the head's, relative to it or to 1: 32-bit
floats have seven digits, and preprocessing takes a few operations."""


class GoldenSource(str, enum.Enum):
    """Where the examples come from."""

    SYNTHETIC = "synthetic"
    REAL = "real"


@dataclasses.dataclass(frozen=True)
class GoldenArray:
    """A tensor.

    Attributes:
        dtype: The dtype, such as "float32"; "string" for strings.
        shape: The size of each dimension, the batch included.
        values: The elements in row-major order. A string is text or, where it is not UTF-8, an
            object with `base64`; a number that JSON lacks is "inf", "-inf" or "nan".
    """

    dtype: str
    shape: tuple[int, ...]
    values: tuple[Any, ...]


@dataclasses.dataclass(frozen=True)
class GoldenVector:
    """One example.

    Attributes:
        covers: The case that the example covers, such as "fare: missing".
        example: The values of each feature, as in a `tf.Example`; missing features are left out.
        inputs: The model's inputs for it. Floats are real values, even if the model takes quantized
            integers.
        outputs: The model's outputs for it. Floats are real values here as well.
        tolerances: The largest absolute difference from each output that is allowed.
    """

    covers: tuple[str, ...]
    example: Mapping[str, tuple[Any, ...]]
    inputs: Mapping[str, GoldenArray]
    outputs: Mapping[str, GoldenArray]
    tolerances: Mapping[str, float]


@dataclasses.dataclass(frozen=True)
class Golden:
    """The content of `golden.json`.

    Attributes:
        model_sha256: The SHA-256 of the model's file, in hexadecimal.
        source: Whether the examples are synthetic or real.
        vectors: The golden vectors.
        signature_key: The key of the signature that they are for.
        input_tolerance: The largest difference of a float input from the vector's that is allowed,
            relative to the vector's value or to 1, whichever is larger. All other inputs must be
            equal.
        not_covered: What `vectors` would cover if there were more of them.
        hidden_inputs: The inputs that do not change any output by more than its tolerance: an app
            finds a mistake in them only by comparing the inputs as well.
        format_version: The version of this form.
    """

    model_sha256: str
    source: GoldenSource
    vectors: tuple[GoldenVector, ...]
    signature_key: str = SIGNATURE_KEY
    input_tolerance: float = INPUT_TOLERANCE
    not_covered: tuple[str, ...] = ()
    hidden_inputs: tuple[str, ...] = ()
    format_version: int = FORMAT_VERSION


@dataclasses.dataclass(frozen=True)
class Mismatch:
    """A tensor that differs from that of a golden vector.

    Attributes:
        vector: The position of the vector.
        covers: The case that the vector covers.
        tensor: The name of the input or output.
        error: The largest absolute difference; 1 for strings and booleans, infinite where dtype or
            shape differ.
        tolerance: The largest difference that passes.
    """

    vector: int
    covers: tuple[str, ...]
    tensor: str
    error: float
    tolerance: float


@dataclasses.dataclass(frozen=True)
class GoldenCheck:
    """The comparison of a model with golden vectors.

    Attributes:
        is_same_model: Whether it is the model that the vectors were made with, byte for byte.
        num_vectors: The number of vectors.
        mismatches: The tensors that differ by more than the tolerance; empty if the model passes.
    """

    is_same_model: bool
    num_vectors: int
    mismatches: tuple[Mismatch, ...]


def write_golden(golden: Golden, path: pathlib.Path) -> None:
    """Writes golden vectors to a local file."""
    content = to_json(golden)
    # one line per vector, so that diffs of two files are readable
    vectors = ",\n".join(f"    {json.dumps(vector)}" for vector in content["vectors"])
    others = {name: value for name, value in content.items() if name != "vectors"}
    head = json.dumps(others, indent=2, allow_nan=False).removesuffix("\n}")
    path.write_text(f'{head},\n  "vectors": [\n{vectors}\n  ]\n}}\n', encoding="utf-8")


def read_golden(path: pathlib.Path) -> Golden:
    """Reads golden vectors.

    Raises:
        ModelFileError: The file cannot be read, or does not hold golden vectors.
    """
    try:
        golden = from_json(Golden, json.loads(path.read_text(encoding="utf-8")))
        for vector in golden.vectors:
            for array in [*vector.inputs.values(), *vector.outputs.values()]:
                to_array(array)
    except (OSError, ValueError, TypeError, LookupError, RecursionError) as e:
        raise ModelFileError(
            f"{path} cannot be read as golden vectors: {e}. Name the golden.json that "
            "app { golden_vectors } wrote beside the report."
        ) from e
    if golden.format_version != FORMAT_VERSION or not golden.vectors:
        raise ModelFileError(
            f"{path} has the format version {golden.format_version} and {len(golden.vectors)} "
            f"vectors; expected version {FORMAT_VERSION} and one vector or more. Write it again "
            "with this version of the package."
        )
    return golden


def to_golden(array: np.ndarray) -> GoldenArray:
    """A tensor in the form of the file."""
    is_text = array.dtype.kind in "OSU"
    values = [value_to_json(value) for value in array.astype(object).ravel().tolist()]
    return GoldenArray("string" if is_text else array.dtype.name, array.shape, tuple(values))


def to_array(array: GoldenArray) -> np.ndarray:
    """A tensor of the file as an array.

    Raises:
        ValueError: The values are not of the dtype, or not as many as the shape says.
    """
    values = [value_from_json(value, array.dtype) for value in array.values]
    if array.dtype == "string":
        flat = np.empty(len(values), object)
        flat[:] = values
        return flat.reshape(array.shape)
    return np.array(values, np.dtype(array.dtype)).reshape(array.shape)


def value_to_json(value: Any) -> Any:
    """A value of a tensor or feature in the form of the file."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return {"base64": base64.b64encode(value).decode()}
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def value_from_json(value: Any, dtype: str) -> Any:
    """The value that `value_to_json` wrote, for a dtype."""
    if dtype != "string":
        return float(value) if isinstance(value, str) else value
    return base64.b64decode(value["base64"]) if isinstance(value, dict) else value.encode()
