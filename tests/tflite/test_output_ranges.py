"""The values that the outputs of an integer model can have."""

import pathlib

import numpy as np
import pytest
import tensorflow as tf
from models import example, save
from quantizable import rewritten
from versions import PREFERRED_INTERPRETER

_WEIGHTS = np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    spec = tf.TensorSpec([None, 8], tf.float32, "x")
    folder = tmp_path_factory.mktemp("source")
    return save(folder, lambda x: {"y": x @ _WEIGHTS, "of": tf.shape(x)}, spec)


@pytest.mark.parametrize("io_type", ["FLOAT32", "INT8"])
def test_values_of_an_output_end_where_the_report_says(
    source: pathlib.Path, io_type: str, tmp_path: pathlib.Path
) -> None:
    rows = np.random.default_rng(1).normal(size=(200, 8))
    examples = [example(x=row.tolist()) for row in rows]
    config = {
        "quantization": {"mode": "FULL_INTEGER", "input_type": io_type, "output_type": io_type}
    }
    made = rewritten(source, tmp_path / "out", config, examples[:100], examples[100:])
    assert made.report.calibration is not None
    assert made.report.calibration.output_ranges.keys() == {"y"}
    found = made.report.calibration.output_ranges["y"]
    run = PREFERRED_INTERPRETER(str(made.path)).get_signature_runner()
    details = run.get_output_details()["y"]
    # opposite signs of what the weights have drive the outputs to both ends
    far = 100 * np.sign(_WEIGHTS[:, :1].T).astype(np.float32)
    reached = []
    for x in (far, -far):
        integers = np.where(x > 0, 127, -128).astype(np.int8)
        y = run(x=integers if io_type == "INT8" else x)["y"].astype(np.float64)
        if io_type == "INT8":
            scale, zero_point = details["quantization"]
            y = (y - zero_point) * scale
        reached.append(y[0, 0])
    assert reached == pytest.approx([found.max, found.min], rel=1e-5)
