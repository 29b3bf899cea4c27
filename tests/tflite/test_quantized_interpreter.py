"""That integer models are fed and read right, whatever interpreter runs them."""

import pathlib
import subprocess
import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from quantizable import example, images, rewritten, save_classifier, save_model

from tfx_tflite_component.tflite.interpreter import TensorDetails, TFLiteModel, dequantize, quantize


def _details(
    dtype: Any = np.int8, scales: list[float] | None = None, zero_points: Any = 0, axis: int = 0
) -> TensorDetails:
    scales = scales or [1.0]
    return TensorDetails(
        index=0,
        dtype=dtype,
        shape=(-1,),
        scales=np.array(scales),
        zero_points=np.broadcast_to(zero_points, len(scales)),
        channel_axis=axis,
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.4, 0),
        (0.6, 1),
        (0.5, 1),
        (-0.5, -1),
        (1.5, 2),
        (2.5, 3),
        (-2.5, -3),
        (-2.4, -2),
        (np.nextafter(np.float32(0.5), np.float32(0)), 0),
    ],
)
def test_quantize_rounds_to_the_nearest_and_halves_away_from_zero(
    value: float, expected: int
) -> None:
    assert quantize(np.array([value], np.float32), _details()).tolist() == [expected]


@pytest.mark.parametrize(
    ("dtype", "zero_point", "values", "expected"),
    [
        (np.int8, 0, [200, -200, 127.4, -128.4, 1e30, np.inf, -np.inf], [127, -128, 127, -128]),
        (np.int8, 100, [28, -229, 27], [127, -128, 127]),
        (np.uint8, 128, [200, -200, 127], [255, 0, 255]),
        (np.int16, 0, [40000, -40000, 200], [32767, -32768, 200]),
    ],
)
def test_quantize_clips_and_never_wraps(
    dtype: Any, zero_point: int, values: list[float], expected: list[int]
) -> None:
    expected += [127, 127, -128][: len(values) - len(expected)]
    quantized = quantize(np.array(values, np.float32), _details(dtype, zero_points=zero_point))
    assert quantized.dtype == dtype
    assert quantized.tolist() == expected


def test_quantize_adds_the_zero_point_after_rounding() -> None:
    # 2.5 rounds to 3 and -2.5 to -3; rounding after the addition would give 2 + 1 both ways
    details = _details(scales=[0.5], zero_points=-1)
    assert quantize(np.array([1.25, -1.25], np.float32), details).tolist() == [2, -4]


@pytest.mark.parametrize(
    ("axis", "values", "expected"),
    [
        (1, [[1, 1, 1], [-1, -1, -1]], [[1, 12, 4], [-1, 8, -4]]),
        (0, [[1, 2], [1, 2], [1, 2]], [[1, 2], [12, 14], [4, 8]]),
    ],
)
def test_quantizes_and_dequantizes_by_channel(
    axis: int, values: list[list[float]], expected: list[list[int]]
) -> None:
    details = _details(scales=[1.0, 0.5, 0.25], zero_points=[0, 10, 0], axis=axis)
    quantized = quantize(np.array(values, np.float32), details)
    assert quantized.tolist() == expected
    assert dequantize(quantized, details).tolist() == values


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16])
def test_quantize_inverts_dequantize_exactly(dtype: Any) -> None:
    limits = np.iinfo(dtype)
    every = np.arange(limits.min, limits.max + 1).astype(dtype)
    details = _details(dtype, [0.123], zero_points=int(every[7]))
    real = dequantize(every, details)
    assert real.dtype == np.float32
    assert real[:8].tolist() == [np.float32(0.123 * (index - 7)) for index in range(8)]
    np.testing.assert_array_equal(quantize(real, details), every)


def _reference(path: pathlib.Path) -> tf.lite.Interpreter:
    """TFLite's kernels themselves; a delegate may round otherwise."""
    return tf.lite.Interpreter(
        str(path),
        experimental_op_resolver_type=tf.lite.experimental.OpResolverType.BUILTIN_REF,
    )


@pytest.mark.all_rows
@pytest.mark.parametrize("low", [-1.0, -2.0, -5.1, 0.0])
@pytest.mark.parametrize(
    ("mode", "dtype"),
    [("FULL_INTEGER", "INT8"), ("FULL_INTEGER", "UINT8"), ("INT16_ACTIVATIONS", "INT16")],
)
def test_quantize_matches_the_op_of_tflite(
    mode: str, dtype: str, low: float, tmp_path: pathlib.Path
) -> None:
    source = save_model(
        tmp_path / "model",
        {"x": tf.io.FixedLenFeature([], tf.float32)},
        # rearranges alone, for a model that only hands on would not be quantized
        lambda features: {"y": tf.reshape(features["x"], [-1, 1])},
    )
    # compared on random inputs, which leave the range of these two examples
    config = {
        "quantization": {"mode": mode, "output_type": dtype},
        "verification": {"on_failure": "WARN"},
    }
    calibration = [example(x=low), example(x=1.7)]
    result = rewritten(source, tmp_path / "out", config, calibration)
    assert {op.name for op in result.report.model.ops} == {"QUANTIZE", "RESHAPE"}
    details = TFLiteModel(result.path).outputs["y"]
    scale, zero_point = details.scales[0], details.zero_points[0]
    limits = np.iinfo(details.dtype)
    steps = np.arange(limits.min - 3, limits.max + 4) - zero_point
    values = np.concatenate(
        [
            ((steps[:, np.newaxis] + [0, 0.5, 0.25, 0.75]) * scale).ravel(),
            np.random.default_rng(0).uniform(2 * low, 4, size=5000),
        ]
    ).astype(np.float32)
    values = np.concatenate(
        [values, np.nextafter(values, np.float32(9)), np.nextafter(values, np.float32(-9))]
    )
    run = _reference(result.path).get_signature_runner()
    np.testing.assert_array_equal(quantize(values, details), run(x=values)["y"].ravel())


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return save_classifier(tmp_path_factory.mktemp("classifier") / "model")


@pytest.mark.parametrize(
    "types",
    [
        {"mode": "FULL_INTEGER", "input_type": "INT8", "output_type": "INT8"},
        {"mode": "FULL_INTEGER", "input_type": "UINT8", "output_type": "UINT8"},
        {"mode": "INT16_ACTIVATIONS", "input_type": "INT16", "output_type": "INT16"},
    ],
    ids=lambda types: types["input_type"],
)
def test_integer_inputs_and_outputs_are_real_values_for_the_caller(
    types: dict[str, str], classifier: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    integer = rewritten(classifier, tmp_path / "1", {"quantization": types}, images(50))
    with_floats = {"quantization": {"mode": types["mode"]}}
    same = rewritten(classifier, tmp_path / "2", with_floats, images(50))
    batch = {"image": np.random.default_rng(0).normal(size=[5, 4, 4, 8]).astype(np.float32)}
    ours, theirs = (TFLiteModel(result.path)(batch) for result in (integer, same))
    assert ours["probabilities"].dtype == np.float32
    # the same arithmetic inside, and at most one step apart where a half is rounded
    step = 1 / (256 if types["mode"] == "FULL_INTEGER" else 32768)
    np.testing.assert_allclose(ours["probabilities"], theirs["probabilities"], atol=1.01 * step)


def test_values_out_of_the_calibrated_range_are_clipped(tmp_path: pathlib.Path) -> None:
    source = save_model(
        tmp_path / "model",
        {"x": tf.io.FixedLenFeature([1], tf.float32)},
        lambda features: {"y": features["x"] * 2},
    )
    types = {"mode": "FULL_INTEGER", "input_type": "INT8", "output_type": "INT8"}
    calibration = [example(x=float(value)) for value in range(-4, 5)]
    path = rewritten(source, tmp_path / "out", {"quantization": types}, calibration).path
    found = TFLiteModel(path)({"x": np.array([[4.0], [200.0], [-200.0]], np.float32)})["y"]
    # eight bits for -4 to 4: a step is 8/255, and what wrapped would change its sign
    assert found.ravel().tolist() == pytest.approx([8, 8, -8], abs=0.1)


MakeModel = Callable[..., TFLiteModel]


@pytest.fixture
def doubling(tmp_path: pathlib.Path) -> pathlib.Path:
    source = save_model(
        tmp_path / "model",
        {"x": tf.io.FixedLenFeature([1], tf.float32)},
        lambda features: {"y": features["x"] * 2},
    )
    return rewritten(source, tmp_path / "out", {}).path


@pytest.fixture
def lite_rt(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """A stand-in for LiteRT, which runs TensorFlow's interpreter and notes that it was asked."""
    models: list[bytes] = []

    class Interpreter(tf.lite.Interpreter):
        def __init__(self, model_content: bytes, **options: Any) -> None:
            models.append(model_content)
            super().__init__(model_content=model_content, **options)

    module = types.ModuleType("ai_edge_litert.interpreter")
    Interpreter.__module__ = module.__name__
    module.Interpreter = Interpreter
    module.OpResolverType = tf.lite.experimental.OpResolverType
    monkeypatch.setitem(sys.modules, "ai_edge_litert", types.ModuleType("ai_edge_litert"))
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", module)
    return models


def test_prefers_the_interpreter_of_lite_rt(doubling: pathlib.Path, lite_rt: list[bytes]) -> None:
    model = TFLiteModel(doubling)
    assert lite_rt == [doubling.read_bytes()]
    assert model({"x": np.array([[3.0]], np.float32)})["y"].tolist() == [[6.0]]


def test_select_tf_ops_run_in_the_interpreter_of_tensorflow(
    doubling: pathlib.Path, lite_rt: list[bytes]
) -> None:
    model = TFLiteModel(doubling, needs_select_tf_ops=True)
    assert lite_rt == []
    assert model({"x": np.array([[3.0]], np.float32)})["y"].tolist() == [[6.0]]


@pytest.mark.parametrize(
    ("quantization", "steps"),
    [
        pytest.param({}, 0, id="float"),
        pytest.param({"mode": "DYNAMIC_RANGE"}, 0, id="dynamic range"),
        pytest.param({"mode": "FULL_INTEGER"}, 1, id="full integer"),
    ],
)
def test_lite_rt_and_tensorflow_return_the_same_values(
    quantization: dict[str, str],
    steps: int,
    classifier: pathlib.Path,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("ai_edge_litert", reason="LiteRT is installed beside TFX 1.21 alone")
    path = rewritten(classifier, tmp_path / "out", {"quantization": quantization}, images(50)).path
    batch = {"image": np.random.default_rng(0).normal(size=[20, 4, 4, 8]).astype(np.float32)}
    by_lite_rt = TFLiteModel(path)(batch)["probabilities"]
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    by_tensorflow = TFLiteModel(path)(batch)["probabilities"]
    # a step of an integer model is 1/256
    np.testing.assert_allclose(by_lite_rt, by_tensorflow, rtol=0, atol=1e-6 + steps / 256)


_LOAD = """
import pathlib, sys
from tfx_tflite_component.tflite.interpreter import TFLiteModel
print(list(TFLiteModel(pathlib.Path(sys.argv[1])).inputs))
sys.modules["ai_edge_litert.interpreter"] = None
print(list(TFLiteModel(pathlib.Path(sys.argv[1])).inputs))
"""


@pytest.mark.process
def test_loading_a_model_causes_no_warning_with_and_without_lite_rt(doubling: pathlib.Path) -> None:
    process = subprocess.run(
        [sys.executable, "-c", _LOAD, doubling],
        capture_output=True,
        text=True,
        check=True,
    )
    assert process.stdout == "['x']\n['x']\n"
    assert "deprecated" not in process.stderr
    assert "UserWarning" not in process.stderr


def test_without_lite_rt_runs_in_the_interpreter_of_tensorflow(
    doubling: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    model = TFLiteModel(doubling)
    assert model({"x": np.array([[3.0]], np.float32)})["y"].tolist() == [[6.0]]
