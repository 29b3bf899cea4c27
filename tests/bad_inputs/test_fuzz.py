"""Whatever comes in as a config or as a TFLite model is read, or refused as it should be."""

import pathlib
import time
from collections.abc import Callable
from typing import Any

import pytest
import tensorflow as tf
from contract import convert_model
from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from models import EXAMPLES, parsing, save
from versions import OF_NO_VERSION

from tfx_tflite_component.config import as_json, read_config
from tfx_tflite_component.errors import ConfigError, ModelFileError
from tfx_tflite_component.proto.tflite_rewriter_pb2 import TFLiteRewriterConfig
from tfx_tflite_component.tflite.inspection import Inspection, inspect

pytestmark = [OF_NO_VERSION, pytest.mark.slow]

_SECONDS_FOR_ONE = 5


def _bounded(examples: int) -> Callable[[Any], Any]:
    return settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


_NUMBERS = st.integers(-3, 9) | st.integers(-(2**31), 2**31 - 1)
_VALUES: dict[int, st.SearchStrategy[Any]] = {
    FieldDescriptor.TYPE_STRING: st.text(max_size=9) | st.sampled_from(["tflite", "../x", "a/b"]),
    FieldDescriptor.TYPE_BOOL: st.booleans(),
    FieldDescriptor.TYPE_INT32: _NUMBERS,
    FieldDescriptor.TYPE_INT64: st.integers(-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_FLOAT: st.floats(allow_nan=False, allow_infinity=False, width=32)
    | st.sampled_from(["NaN", "Infinity", "-Infinity"]),
    FieldDescriptor.TYPE_DOUBLE: st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["NaN", "Infinity", "-Infinity"]),
    FieldDescriptor.TYPE_ENUM: _NUMBERS,
}


def _of_field(field: FieldDescriptor) -> st.SearchStrategy[Any]:
    """Values of a field in JSON, of the right type and otherwise of any kind."""
    kind = field.message_type
    if kind is not None and kind.GetOptions().map_entry:
        keys = _of_field(kind.fields_by_name["key"])
        return st.dictionaries(keys, _of_field(kind.fields_by_name["value"]), max_size=3)
    value = _of_message(kind) if kind is not None else _VALUES[field.type]
    return st.lists(value, max_size=3) if field.label == field.LABEL_REPEATED else value


def _of_message(descriptor: Descriptor) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {}, optional={field.name: _of_field(field) for field in descriptor.fields}
    )


_MAPPINGS = _of_message(TFLiteRewriterConfig.DESCRIPTOR)
_NAMES = st.text(max_size=9) | st.sampled_from(
    [
        field.name
        for message in (TFLiteRewriterConfig, TFLiteRewriterConfig().quantization)
        for field in message.DESCRIPTOR.fields
    ]
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=3),
    max_leaves=9,
)
_WORDS = st.lists(
    _NAMES
    | st.sampled_from(["{", "}", "<", ">", ":", '"', "'", "[", "]", "-1", "1e999", "#", "\0"])
).map(" ".join)


def _check_config(config: Any) -> None:
    try:
        read = read_config(config)
    except ConfigError as e:
        assert str(e)
        return
    assert isinstance(read, TFLiteRewriterConfig)
    assert read_config(read) == read
    assert read_config(as_json(read)) == read


@_bounded(250)
@given(_MAPPINGS)
def test_config_with_its_own_fields_is_read_or_refused(mapping: dict[str, Any]) -> None:
    _check_config(mapping)
    message = json_format.ParseDict(mapping, TFLiteRewriterConfig())
    _check_config(message)
    _check_config(str(message))


@_bounded(250)
@given(st.dictionaries(_NAMES, _JSON, max_size=5) | _JSON | st.dictionaries(st.integers(), _JSON))
def test_config_of_any_fields_is_read_or_refused(config: Any) -> None:
    _check_config(config)


@_bounded(250)
@given(st.text(st.characters()) | _WORDS | _WORDS.map("{{{}}}".format))
def test_config_of_any_text_is_read_or_refused(text: str) -> None:
    _check_config(text)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The content of a TFLite model with weights, words and control flow."""
    weights = tf.random.stateless_normal([2, 4], seed=[1, 2])
    features = {
        "size": tf.io.FixedLenFeature([2], tf.float32),
        "word": tf.io.FixedLenFeature([], tf.string),
    }
    serve = parsing(
        features,
        lambda parsed: {
            "y": tf.cond(
                tf.reduce_sum(parsed["size"]) > 0,
                lambda: tf.exp(parsed["size"] @ weights),
                lambda: tf.sin(parsed["size"] @ weights),
            ),
            "word": parsed["word"],
        },
    )
    folder = tmp_path_factory.mktemp("fuzz") / "model"
    return convert_model(save(folder, serve, EXAMPLES)).path.read_bytes()


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return tmp_path_factory.mktemp("fuzz") / "tflite"


def _check_model(path: pathlib.Path, content: bytes) -> None:
    path.write_bytes(content)
    start = time.process_time()
    try:
        assert isinstance(inspect(path), Inspection)
    except ModelFileError as e:
        assert str(path) in str(e)
    assert time.process_time() - start < _SECONDS_FOR_ONE


_PLACES = st.floats(0, 1, exclude_max=True)
_BYTES = st.sampled_from([0, 1, 127, 128, 255]) | st.integers(0, 255)


@_bounded(400)
@given(st.lists(st.tuples(_PLACES, _BYTES), max_size=8), st.just(1.0) | _PLACES)
def test_model_with_other_bytes_or_an_end_cut_off_is_read_or_refused(
    model: bytes, path: pathlib.Path, changes: list[tuple[float, int]], kept: float
) -> None:
    content = bytearray(model)
    for place, byte in changes:
        content[int(place * len(content))] = byte
    _check_model(path, content[: int(kept * len(content))])


@_bounded(200)
@given(_PLACES, _PLACES, st.integers(1, 64))
def test_model_with_a_part_in_another_place_is_read_or_refused(
    model: bytes, path: pathlib.Path, place: float, other: float, size: int
) -> None:
    start, end = int(place * len(model)), int(other * len(model))
    part = model[start : start + size]
    _check_model(path, model[:end] + part + model[end + len(part) :])


@_bounded(200)
@given(st.binary(max_size=200))
def test_any_bytes_are_no_model(path: pathlib.Path, content: bytes) -> None:
    _check_model(path, content)
    _check_model(path, content[:4] + b"TFL3" + content[4:])
