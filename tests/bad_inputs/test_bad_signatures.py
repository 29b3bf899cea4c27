"""Signatures that TFLite cannot have, or that make no sense."""

import dataclasses
import pathlib
from collections.abc import Callable

import pytest
import tensorflow as tf
from bad_input import Refusal, check_converted, check_not_converted, run, write_config
from models import EXAMPLES, Tensors, parsing, save
from versions import HAS_BFLOAT16

from tfx_tflite_component.errors import (
    ConfigError,
    ConversionError,
    ExamplesError,
    RewriterError,
    SourceModelError,
    SplitError,
    UnsupportedOpsError,
    VerificationError,
    WorkerError,
)

_X = tf.TensorSpec([None, 2], tf.float32, "x")
_EMPTY = tf.raw_ops.TensorListReserve


@dataclasses.dataclass(frozen=True)
class _Row:
    """A signature, and what is said of it."""

    compute: Callable[..., Tensors]
    error: type[RewriterError]
    words: tuple[str, ...]
    spec: tf.TypeSpec = _X
    config: str = ""


def _double(x: tf.Tensor) -> Tensors:
    return {"y": x * 2.0}


def _input(dtype: tf.DType) -> _Row:
    return _Row(
        lambda x: {"y": tf.identity(x)},
        ConversionError,
        (f"Input 'x' is {dtype.name}", "TFLite has no tensor for", "casts it"),
        tf.TensorSpec([None, 2], dtype, "x"),
    )


def _output(dtype: tf.DType, compute: Callable[[tf.Tensor], tf.Tensor]) -> _Row:
    return _Row(
        lambda x: {"same": x, "y": compute(x)},
        ConversionError,
        (f"Output 'y' is {dtype.name}", "TFLite has no tensor for", "gives another type"),
    )


_ROWS = {
    "quantized input": _input(tf.qint8),
    "quantized output": _output(tf.qint8, lambda x: tf.bitcast(tf.cast(x, tf.int8), tf.qint8)),
    "variant output": _output(
        tf.variant,
        lambda x: _EMPTY(element_shape=[2], num_elements=2, element_dtype=tf.float32),
    ),
    "resource input": _Row(
        lambda x: {"y": tf.raw_ops.ReadVariableOp(resource=x, dtype=tf.float32)},
        ConversionError,
        ("Input 'x' is resource",),
        tf.TensorSpec([], tf.resource, "x"),
    ),
    "variant input": _Row(
        lambda x: {"y": tf.raw_ops.TensorListLength(input_handle=x)},
        ConversionError,
        ("Input 'x' is variant",),
        tf.TensorSpec([], tf.variant, "x"),
    ),
    "unknown rank": _Row(
        _double, SplitError, ("Input 'x' has no known rank",), tf.TensorSpec(None, tf.float32, "x")
    ),
    "no input": _Row(lambda: {"y": tf.constant(1.0)}, SplitError, ("takes no inputs",), spec=None),
    "no output": _Row(lambda x: {}, SplitError, ("'serving_default' returns no outputs",)),
    "batch of nothing": _Row(
        _double,
        SplitError,
        ("Input 'x' has shape (0, 2)", "batch of no example", "batch dimension is None"),
        tf.TensorSpec([0, 2], tf.float32, "x"),
    ),
    "more elements than the format counts": _Row(
        _double,
        ConversionError,
        ("dimensions out of 32 bit", "Remove the op that it names"),
        tf.TensorSpec([None, 2**31], tf.float32, "x"),
    ),
    "more dimensions than ops take": _Row(
        _double,
        UnsupportedOpsError,
        ("Mul of float32 with 21 dimensions", "available as a Select TF op"),
        tf.TensorSpec([None] + [1] * 20, tf.float32, "x"),
    ),
    "Python function": _Row(
        lambda x: {"y": tf.ensure_shape(tf.numpy_function(abs, [x], tf.float32), [None, 2])},
        SourceModelError,
        ("holds the op PyFunc", "which runs Python code", "trusted_ops: 'PyFunc'"),
    ),
    "file that is read": _Row(
        lambda x: {"y": x, "content": tf.io.read_file("/etc/hostname")},
        SourceModelError,
        ("holds the op ReadFile", "which reads or writes files", "trusted_ops: 'ReadFile'"),
    ),
    "random numbers": _Row(
        lambda x: {"y": x + tf.random.normal([2])}, VerificationError, ("output 'y'", "differs by")
    ),
    "values that random inputs do not fit": _Row(
        lambda x: {"y": tf.ensure_shape(x, [3, 2])},
        ExamplesError,
        ("cannot process the random inputs", "Shape of tensor", "Give `examples`"),
    ),
    "batch size that contradicts": _Row(
        _double,
        ConfigError,
        ("batch_size: 4 contradicts", "'x' has shape (3, 2)"),
        tf.TensorSpec([3, 2], tf.float32, "x"),
        "batch_size: 4",
    ),
    "batch size that is absurd": _Row(
        lambda x: {"y": tf.reduce_sum(x, axis=1)},
        WorkerError,
        ("ran out of memory", "smaller batch_size"),
        tf.TensorSpec([None, 1000, 1000], tf.float32, "x"),
        "batch_size: 2147483647",
    ),
    "tensor that is not there": _Row(
        _double,
        ConfigError,
        ("boundary_tensors['a']", "named 'nowhere'", "nearest to it are '"),
        config="input_boundary: TENSORS boundary_tensors { key: 'a' value: 'nowhere' }",
    ),
    "output of a tensor that is not there": _Row(
        _double,
        ConfigError,
        ("op 'x' has no output '7'",),
        config="input_boundary: TENSORS boundary_tensors { key: 'a' value: 'x:7' }",
    ),
    "limit of an output that is not there": _Row(
        _double,
        ConfigError,
        ("no output 'z'", "it has 'y'"),
        config="verification { outputs { key: 'z' value { max_abs_error: 1 } } }",
    ),
    "limit in numbers where there are none": _Row(
        lambda x: {"y": x > 0.0},
        ConfigError,
        ("verification.max_abs_error is set, but no output is numeric",),
        config="verification { max_abs_error: 1 }",
    ),
    "file name of the SavedModel": _Row(
        _double,
        ConfigError,
        ("output.extra_filename: 'notes.txt' is a file of the SavedModel",),
        config="output { include_saved_model: true extra_filename: 'notes.txt' }",
    ),
}
if not HAS_BFLOAT16:
    _ROWS["bfloat16 input"] = _input(tf.bfloat16)
    _ROWS["bfloat16 output"] = _output(tf.bfloat16, lambda x: tf.cast(x, tf.bfloat16))


@pytest.fixture(autouse=True)
def _no_seed() -> None:
    """With a seed that another test set, both models draw the same random numbers."""
    tf.random.set_seed(None)


@pytest.mark.parametrize("name", _ROWS)
def test_unusable_signature_is_refused(name: str, tmp_path: pathlib.Path) -> None:
    row = _ROWS[name]
    model = save(tmp_path / "model", row.compute, *([row.spec] if row.spec else []))
    (model / "notes.txt").touch()
    config = write_config(tmp_path, row.config)
    exit_code = 1 if row.error is VerificationError else 2
    refusal = Refusal(row.error, row.words, exit_code)
    check_not_converted(refusal, model, tmp_path, "--config", config)


def test_input_that_python_cannot_name_is_refused(tmp_path: pathlib.Path) -> None:
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        x = tf.compat.v1.placeholder(tf.float32, [None])
        tf.compat.v1.saved_model.simple_save(
            session, str(tmp_path / "model"), inputs={"self": x}, outputs={"y": x * 2.0}
        )
    refusal = Refusal(SplitError, ("an input named 'self'", "another name"))
    check_not_converted(refusal, tmp_path / "model", tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        "a/b",
        "../../x",
        "/etc/x",
        "x y",
        "ü",
        "x" * 3000,
        "",
        "<b>",
        "a\nb",
        "\x1b[31m",
        "x:0",
        "^x",
    ],
)
def test_unusual_feature_names_are_kept_and_harmless(name: str, tmp_path: pathlib.Path) -> None:
    features = {name: tf.io.FixedLenFeature([2], tf.float32)}
    serve = parsing(features, lambda parsed: {name: parsed[name] * 2.0})
    model = save(tmp_path / "model", serve, EXAMPLES)
    output = check_converted(model, tmp_path)
    written = sorted(path.name for path in output.iterdir())
    assert written == ["head", "report.html", "report.json", "tflite"]
    assert [path.name for path in output.parent.iterdir()] == ["output"]
    interpreter = tf.lite.Interpreter(str(output / "tflite"))
    assert list(interpreter.get_signature_list()["serving_default"]["inputs"]) == [name]


def test_names_do_not_steer_the_terminal(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "\x1b[2Jgone\r\n"
    features = {name: tf.io.FixedLenFeature([2], tf.float32)}
    serve = parsing(features, lambda parsed: {name: parsed[name] * 2.0})
    output = check_converted(save(tmp_path / "model", serve, EXAMPLES), tmp_path)
    assert run("inspect", output / "tflite") == 0
    shown = capsys.readouterr()
    for text in shown:
        assert [c for c in text if not c.isprintable() and c != "\n"] == []
    assert shown.out.count("\\x1b[2Jgone\\r\\n") == 4


def test_words_that_differ_are_no_small_difference(tmp_path: pathlib.Path) -> None:
    def compute(x: tf.Tensor) -> Tensors:
        return {"y": x, "odd": tf.random.uniform(tf.shape(x)) > 0.5}

    model = save(tmp_path / "model", compute, _X)
    config = write_config(tmp_path, "verification { max_abs_error: 2 }")
    refusal = Refusal(VerificationError, ("output 'odd' (bool): differs by 1",), exit_code=1)
    check_not_converted(refusal, model, tmp_path, "--config", config)
