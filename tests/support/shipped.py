"""Small TFLite models to try on targets, and the environments that they are tried in."""

import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from tfx_tflite_component.errors import TargetError
from tfx_tflite_component.targets.emulation import python_command
from tfx_tflite_component.targets.environments import ENVIRONMENTS, Environment
from tfx_tflite_component.targets.inputs import random_calls, real_outputs
from tfx_tflite_component.targets.install import FOLDER_VARIABLE, prepare
from tfx_tflite_component.targets.process import Started
from tfx_tflite_component.targets.runtimes import Job
from tfx_tflite_component.tflite.graph_io import read_graph_ios
from tfx_tflite_component.tflite.inspection import inspect

_FOLDER = pathlib.Path(__file__).parents[2] / "build" / "targets"
_NUM_INPUTS = 4
_TIME_LIMIT_SECONDS = 600


def convolution(folder: pathlib.Path, mode: str) -> pathlib.Path:
    """A convolution [1, 8, 8, 8] to [1, 8, 8, 16], a maximum and a layer of 10 classes.

    Args:
        folder: Where it is written.
        mode: "float", "dynamic_range" or "int8".
    """
    random = np.random.default_rng(0)
    kernel = tf.constant(random.normal(size=(3, 3, 8, 16)).astype(np.float32))
    weights = tf.constant(random.normal(size=(16, 10)).astype(np.float32) / 4)

    @tf.function(input_signature=[tf.TensorSpec([1, 8, 8, 8], tf.float32, name="image")])
    def classify(image):
        values = tf.nn.relu(tf.nn.conv2d(image, kernel, 1, "SAME"))
        pooled = tf.reshape(tf.nn.max_pool2d(values, 8, 8, "VALID"), [1, 16])
        return {"scores": tf.nn.softmax(pooled @ weights)}

    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [classify.get_concrete_function()], tf.Module()
    )
    if mode != "float":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if mode == "int8":
        images = random.normal(size=(50, 1, 8, 8, 8)).astype(np.float32)
        converter.representative_dataset = lambda: ([image] for image in images)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    return _write(folder, converter)


def adder(folder: pathlib.Path, dtype: tf.DType) -> pathlib.Path:
    """A model that adds up four numbers of a dtype."""

    @tf.function(input_signature=[tf.TensorSpec([1, 4], dtype, name="numbers")])
    def add(numbers):
        return {"sum": tf.reduce_sum(tf.cast(numbers, tf.float32), axis=1)}

    concrete = add.get_concrete_function()
    return _write(folder, tf.lite.TFLiteConverter.from_concrete_functions([concrete], tf.Module()))


def _write(folder: pathlib.Path, converter: tf.lite.TFLiteConverter) -> pathlib.Path:
    path = folder / "tflite"
    path.write_bytes(converter.convert())
    return path


def job(path: pathlib.Path) -> Job:
    """A model with a few random inputs."""
    (io,) = read_graph_ios(path)
    calls = list(random_calls(io, _NUM_INPUTS))
    return Job(path, inspect(path), io, calls, _TIME_LIMIT_SECONDS)


def expected(asked: Job) -> list[dict[str, np.ndarray]]:
    """What TensorFlow's interpreter gives for the inputs of a job."""
    interpreter = tf.lite.Interpreter(model_path=str(asked.path))
    interpreter.allocate_tensors()
    indices = [details.index for details in asked.io.inputs.values()]
    found = []
    for call in asked.calls:
        for position, array in call.items():
            interpreter.set_tensor(indices[position], array)
        interpreter.invoke()
        outputs = [interpreter.get_tensor(d.index) for d in asked.io.outputs.values()]
        found.append(real_outputs(asked.io, dict(enumerate(outputs))))
    return found


def need(*names: str) -> None:
    """Installs environments for the test run, or skips where no package index is reachable."""
    for name in names:
        prepared(ENVIRONMENTS[name])


def need_emulation() -> None:
    """Installs the emulated arm64 machine for the test run, or skips where there is no new QEMU."""
    try:
        python_command(pathlib.Path(os.environ.setdefault(FOLDER_VARIABLE, str(_FOLDER))))
    except TargetError as e:
        pytest.skip(f"NOT TESTED ON arm64: {e}")


def prepared(environment: Environment) -> Started:
    """How to start a process in an environment; installs or skips as `need` does."""
    os.environ.setdefault(FOLDER_VARIABLE, str(_FOLDER))
    try:
        return prepare(environment)
    except TargetError as e:
        if _index_is_reachable():
            raise
        pytest.skip(f"NOT TESTED ON {environment.name}, for want of a package index: {e}")


def _index_is_reachable() -> bool:
    command = [sys.executable, "-m", "pip", "index", "versions", "ethos-u-vela"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
