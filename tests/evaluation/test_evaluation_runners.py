"""The stock Evaluator with its workers in processes of their own."""

import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from typing import BinaryIO

import numpy as np
import pytest
from evaluations import make_data, publish, run_by_hand, run_evaluator, save_classifier
from versions import OF_NO_VERSION

from tfx_tflite_component import evaluation

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), OF_NO_VERSION]

_DATA = make_data(2000, seed=1, outliers=True)
_CONFIG = """
model_specs { name: "candidate" model_type: "tf_lite" label_key: "label" }
model_specs { name: "baseline" label_key: "label" is_baseline: true }
metrics_specs { metrics {
  class_name: "SparseCategoricalAccuracy"
  config: '{"name": "accuracy"}'
  threshold { change_threshold { direction: HIGHER_IS_BETTER absolute { value: -0.01 } } }
} }
"""
_SECONDS_TO_START = 60


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return save_classifier(tmp_path_factory.mktemp("trained") / "model")


@pytest.fixture(scope="module")
def published(trained: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    config = "quantization { mode: FULL_INTEGER input_type: INT8 }"
    folder = tmp_path_factory.mktemp("published") / "model"
    return publish(folder, trained, config, make_data(100, seed=0).examples)


@pytest.fixture
def _no_scoring_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes scoring fail in the process of the tests; workers import the module afresh."""
    monkeypatch.delattr(evaluation, "Scorer")


def _check_evaluation(
    trained: pathlib.Path, published: pathlib.Path, folder: pathlib.Path, beam_args: Sequence[str]
) -> None:
    evaluated = run_evaluator(
        folder, _CONFIG, _DATA.examples, published, trained, beam_args, shards=4
    )
    found = evaluated.metrics("candidate")[()]
    classes = run_by_hand(published, _DATA.values).argmax(axis=1)
    assert found["accuracy"] == pytest.approx(np.mean(classes == _DATA.labels), abs=1e-6)
    assert found["accuracy_diff"] == pytest.approx(
        found["accuracy"] - evaluated.metrics("baseline")[()]["accuracy"], abs=1e-6
    )
    assert evaluated.is_blessed


@pytest.mark.usefixtures("_no_scoring_here")
def test_several_worker_processes_of_the_direct_runner(
    trained: pathlib.Path, published: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    beam_args = [
        "--runner=FnApiRunner",
        "--direct_running_mode=multi_processing",
        "--direct_num_workers=2",
        "--sdk_container_image=none",
    ]
    _check_evaluation(trained, published, tmp_path, beam_args)


@pytest.fixture
def portable_beam_args(tmp_path: pathlib.Path) -> Iterator[list[str]]:
    """Beam's portable job server, and a pool that starts a process for each worker."""
    job_port, pool_port = _free_ports(2)
    with contextlib.ExitStack() as servers:
        for module, port in [
            ("portability.local_job_service_main", f"--job_port={job_port}"),
            ("worker.worker_pool_main", f"--service_port={pool_port}"),
        ]:
            log = servers.enter_context((tmp_path / f"{module}.txt").open("wb"))
            servers.enter_context(_server([f"apache_beam.runners.{module}", port], log))
        for started in (job_port, pool_port):
            _wait_for(started)
        yield [
            "--runner=PortableRunner",
            f"--job_endpoint=localhost:{job_port}",
            "--environment_type=EXTERNAL",
            f"--environment_config=localhost:{pool_port}",
        ]


@pytest.mark.usefixtures("_no_scoring_here")
def test_workers_behind_a_portable_job_server(
    trained: pathlib.Path,
    published: pathlib.Path,
    tmp_path: pathlib.Path,
    portable_beam_args: list[str],
) -> None:
    _check_evaluation(trained, published, tmp_path, portable_beam_args)


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as sockets:
        bound = [
            sockets.enter_context(socket.create_server(("localhost", 0))) for _ in range(count)
        ]
        return [one.getsockname()[1] for one in bound]


@contextlib.contextmanager
def _server(arguments: list[str], log: BinaryIO) -> Iterator[None]:
    # the pool starts whatever `python` is first on the path
    path = os.pathsep.join([str(pathlib.Path(sys.executable).parent), os.environ["PATH"]])
    process = subprocess.Popen(
        [sys.executable, "-m", *arguments],
        env={**os.environ, "PATH": path},
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        yield
    finally:
        # the whole session: the pool's workers would outlive it
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait_for(port: int) -> None:
    """Waits until a server listens."""
    deadline = time.monotonic() + _SECONDS_TO_START
    while True:
        try:
            socket.create_connection(("localhost", port)).close()
            return
        except ConnectionRefusedError:
            assert time.monotonic() < deadline, f"nothing listens on port {port}"
            time.sleep(0.2)
