"""Models that are too large for a file, by a limit that is lowered to the size of small ones."""

import pytest
import tensorflow as tf
from contract import convert_model, split_model
from models import save_parsing

from tfx_tflite_component.config import read_config
from tfx_tflite_component.conversion import convert, size_limit
from tfx_tflite_component.errors import ConversionError
from tfx_tflite_component.proto.tflite_rewriter_pb2 import Quantization

_WORDS, _WIDTH, _UNITS = 1000, 64, 32
_EMBEDDING, _DENSE = _WORDS * _WIDTH, _WIDTH * _UNITS


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A model with two variables and a constant, in layers that have names."""
    module = tf.Module()
    random = tf.random.Generator.from_seed(1)
    module.embedding = tf.Variable(random.normal([_WORDS, _WIDTH]), name="vectors")
    module.kernel = tf.Variable(random.normal([_WIDTH, _UNITS]), name="kernel")
    offsets = random.normal([_UNITS])

    def compute(parsed):
        with tf.name_scope("words"):
            vectors = tf.gather(module.embedding, parsed["word"], name="lookup")
        with tf.name_scope("hidden"):
            return {"y": tf.matmul(vectors, module.kernel, name="product") + offsets}

    features = {"word": tf.io.FixedLenFeature([], tf.int64)}
    return save_parsing(tmp_path_factory.mktemp("large") / "model", features, compute, module)


@pytest.mark.parametrize(
    ("mode", "least"),
    [
        ("NONE", 4 * (_EMBEDDING + _DENSE + _UNITS)),
        ("FLOAT16", 2 * (_EMBEDDING + _DENSE + _UNITS)),
        ("DYNAMIC_RANGE", _EMBEDDING + _DENSE + _UNITS),
    ],
)
def test_file_is_at_least_as_large_as_predicted(model, mode, least):
    converted = convert_model(model, f"quantization {{ mode: {mode} }}")
    constants = size_limit.constants_of(converted.split.tail)
    foreseen = sum(found.size_bytes(Quantization.Mode.Value(mode)) for found in constants)
    assert least <= foreseen < least + 200
    assert foreseen <= converted.path.stat().st_size


@pytest.mark.parametrize("mode", ["NONE", "FULL_INTEGER", "INT16_ACTIVATIONS"])
def test_too_large_a_model_is_refused_before_it_is_converted(model, mode, monkeypatch):
    monkeypatch.setattr(size_limit, "LIMIT_BYTES", 3 * _EMBEDDING)
    monkeypatch.setattr(convert, "_convert", lambda *_: pytest.fail("it was converted"))
    config = read_config({"quantization": {"mode": mode}})
    with pytest.raises(ConversionError) as raised:
        convert.convert(split_model(model).tail, config)
    lines = str(raised.value).splitlines()
    assert f"for quantization.mode {mode} the converter writes 264," in lines[0]
    assert f"a FlatBuffer holds {3 * _EMBEDDING:,}." in lines[0]
    assert lines[1:3] == [
        f"  'vectors' in 'words', float32 [1000, 64]: {4 * _EMBEDDING:,} bytes",
        f"  'kernel' in 'hidden/product', float32 [64, 32]: {4 * _DENSE:,} bytes",
    ]
    assert len([line for line in lines if line.endswith(" bytes")]) == 3


@pytest.mark.parametrize(
    ("limit", "modes"),
    [
        (3 * _EMBEDDING, ["FLOAT16", "DYNAMIC_RANGE"]),
        (2 * _EMBEDDING, ["DYNAMIC_RANGE"]),
        (_EMBEDDING, []),
    ],
)
def test_modes_that_would_fit_are_named(model, limit, modes, monkeypatch):
    monkeypatch.setattr(size_limit, "LIMIT_BYTES", limit)
    with pytest.raises(ConversionError) as raised:
        size_limit.check_size(split_model(model).tail, Quantization.NONE)
    lines = [line for line in str(raised.value).splitlines() if "set quantization" in line]
    assert [line.split()[5] for line in lines] == modes


def test_file_over_the_limit_is_refused_after_the_conversion(model, monkeypatch):
    tail = split_model(model).tail
    total = sum(found.size_bytes(Quantization.NONE) for found in size_limit.constants_of(tail))
    monkeypatch.setattr(size_limit, "LIMIT_BYTES", total)
    size_limit.check_size(tail, Quantization.NONE)
    with pytest.raises(ConversionError, match=r"converter writes 26\d,\d{3} bytes, and a Flat"):
        convert_model(model)
