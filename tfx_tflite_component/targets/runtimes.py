"""Targets that run the model: the host, LiteRT, TensorFlow Lite and TensorFlow Lite Micro."""

import dataclasses
import importlib.metadata
import pathlib
import platform
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tfx_tflite_component.proto.tflite_infra_validator_pb2 import LiteRT, Target
from tfx_tflite_component.proto.tflite_rewriter_pb2 import Verification as Limits
from tfx_tflite_component.targets.environments import environment_of
from tfx_tflite_component.targets.inputs import real_outputs
from tfx_tflite_component.targets.install import prepare
from tfx_tflite_component.targets.process import Call, Run, Started, run
from tfx_tflite_component.targets.result import TargetResult
from tfx_tflite_component.tflite.graph_io import GraphIO
from tfx_tflite_component.tflite.inspection import Inspection
from tfx_tflite_component.verification.limits import exceeded
from tfx_tflite_component.verification.measures import (
    OutputComparison,
    Verification,
    compare_outputs,
)

_LITERT_MODULE = "ai_edge_litert.interpreter"
_TFLITE_MODULE = "tflite_runtime.interpreter"
_TENSORFLOW_MODULE = "tensorflow.lite.python.interpreter"
_HOST = "host"
_PERCENTILES = (50, 90, 99)
# what RecordingMicroAllocator::PrintAllocations prints
_ARENA = re.compile(r"Arena allocation total (\d+) bytes")


@dataclasses.dataclass(frozen=True)
class Job:
    """A signature of the model, and its inputs, which every runtime runs.

    Attributes:
        path: The `.tflite` file.
        model: What it holds.
        io: What the signature takes and gives.
        calls: The inputs of each inference.
        time_limit_seconds: How long one target may take.
    """

    path: pathlib.Path
    model: Inspection
    io: GraphIO
    calls: Sequence[Call]
    time_limit_seconds: int


def run_on_host(job: Job) -> tuple[TargetResult, list[dict[str, np.ndarray]]]:
    """Runs a model on the interpreter of this environment.

    Args:
        job: The model and its inputs.

    Returns:
        The result, and the outputs for each inference; none if it does not run.

    Raises:
        TargetError: The process cannot be started.
    """
    found = run(
        "interpreter",
        Started((sys.executable,), None),
        _interpreter_request(job, _host_modules(job.model)),
        job.calls,
        job.time_limit_seconds,
    )
    result = _result(_HOST, _host_runtime(job.model), found, _refusals(found))
    return result, [real_outputs(job.io, outputs) for outputs in found.outputs]


def run_on_target(
    target: Target, job: Job, expected: Sequence[Mapping[str, np.ndarray]]
) -> TargetResult:
    """Runs a model on a target, and compares its outputs with the host's.

    Args:
        target: The target: LiteRT, TensorFlow Lite or TensorFlow Lite Micro.
        job: The model and its inputs.
        expected: The host's outputs for each inference; none if it does not run there.

    Raises:
        TargetError: The environment is missing and cannot be installed, or a process not started.
        ConfigError: A limit is set that no output can have.
    """
    environment = environment_of(target)
    assert environment, "targets that are run have an environment"
    runner, request = _request(target, job)
    found = run(runner, prepare(environment), request, job.calls, job.time_limit_seconds)
    refusals = _refusals(found)
    if target.HasField("tflite_micro"):
        refusals = _micro_failures(target, found, refusals)
    outputs: dict[str, OutputComparison] = {}
    if found.outputs and expected and not refusals:
        actual = [real_outputs(job.io, outputs) for outputs in found.outputs]
        refusals = list(_unlike(expected, actual))
        outputs = {} if refusals else compare_outputs(expected, actual)
        refusals += _exceeded(target, outputs)
    result = _result(target.name, _runtime(target), found, refusals)
    return dataclasses.replace(
        result,
        outputs=outputs,
        arena_bytes=_arena_bytes(found) if target.HasField("tflite_micro") else None,
        latency_ms=None if target.litert.arch == LiteRT.AARCH64 else result.latency_ms,
    )


def _request(target: Target, job: Job) -> tuple[str, dict[str, Any]]:
    """The runner of a target, and what it is asked for."""
    if target.HasField("tflite_micro"):
        return "micro", {
            "model": str(job.path),
            "peak_tensor_bytes": job.model.peak_tensor_bytes,
            "num_outputs": len(job.io.outputs),
            "graph": job.io.graph,
        }
    if target.litert.api == LiteRT.COMPILED_MODEL:
        return "compiled_model", {
            "model": str(job.path),
            "signature": job.io.signature_key,
            **_names(job.io),
            "output_dtypes": [np.dtype(d.dtype).name for d in job.io.outputs.values()],
        }
    module = _LITERT_MODULE if target.HasField("litert") else _TFLITE_MODULE
    return "interpreter", _interpreter_request(job, [module])


def _interpreter_request(job: Job, modules: list[str]) -> dict[str, Any]:
    return {
        "model": str(job.path),
        "modules": modules,
        "inputs": [details.index for details in job.io.inputs.values()],
        "outputs": [details.index for details in job.io.outputs.values()],
        "signature": job.io.signature_key if job.io.graph else "",
        **_names(job.io),
    }


def _names(io: GraphIO) -> dict[str, list[str]]:
    return {"input_names": list(io.inputs), "output_names": list(io.outputs)}


def _host_modules(model: Inspection) -> list[str]:
    # only the interpreter inside TensorFlow can have Select TF ops
    if model.needs_select_tf_ops:
        return [_TENSORFLOW_MODULE]
    return [_LITERT_MODULE, _TENSORFLOW_MODULE]


def _host_runtime(model: Inspection) -> str:
    for module, package in ((_LITERT_MODULE, "ai-edge-litert"), (_TENSORFLOW_MODULE, "tensorflow")):
        if module in _host_modules(model):
            try:
                return f"{package} {importlib.metadata.version(package)}, {platform.machine()}"
            except importlib.metadata.PackageNotFoundError:
                continue
    return platform.machine()


def _runtime(target: Target) -> str:
    """The runtime of a target, as text."""
    if target.HasField("tflite"):
        return f"tflite-runtime {target.tflite.version}"
    if target.HasField("tflite_micro"):
        return "TensorFlow Lite Micro"
    api = ", CompiledModel" if target.litert.api == LiteRT.COMPILED_MODEL else ""
    arch = ", aarch64 under QEMU" if target.litert.arch == LiteRT.AARCH64 else ""
    return f"LiteRT {target.litert.version}{api}{arch}"


def _result(name: str, runtime: str, found: Run, reasons: Sequence[str]) -> TargetResult:
    milliseconds = found.facts.get("milliseconds")
    return TargetResult(
        name=name,
        runtime=runtime,
        is_run=True,
        failures=tuple(reasons),
        loads=bool(found.facts.get("loaded")),
        runs=bool(found.outputs) and not found.death,
        seconds=found.seconds,
        latency_ms={str(p): float(np.percentile(milliseconds, p)) for p in _PERCENTILES}
        if milliseconds
        else None,
    )


def _refusals(found: Run) -> list[str]:
    """Why a runtime does not load or run the model, in its own words."""
    stage = "does not run" if found.facts.get("loaded") else "does not load"
    if found.death:
        return [f"{stage}: the runtime {found.death}"]
    if "refused" in found.facts:
        return [f"{stage}: {found.facts['refused']}"]
    return []


def _micro_failures(target: Target, found: Run, refusals: list[str]) -> list[str]:
    """Why TensorFlow Lite Micro does not bless the model, with what it printed of a refusal."""
    if "refused" in found.facts:
        # the exception does not contain the reason
        printed = "; ".join(line.strip() for line in found.log.splitlines() if line.strip())
        return [f"{refusal} ({printed})" if printed else refusal for refusal in refusals]
    limit, arena = target.tflite_micro.max_arena_bytes, _arena_bytes(found)
    if limit and arena is not None and arena > limit:
        return [f"the arena takes {arena:,} bytes, allowed are {limit:,}"]
    return refusals


def _arena_bytes(found: Run) -> int | None:
    printed = _ARENA.search(found.log)
    return int(printed[1]) if printed else None


def _unlike(
    expected: Sequence[Mapping[str, np.ndarray]], actual: Sequence[Mapping[str, np.ndarray]]
) -> Iterator[str]:
    """The outputs whose dtype or shape differs from the host's."""
    for name in expected[0]:
        for wanted, got in zip(expected, actual, strict=True):
            kinds = [
                f"{a.dtype.kind}{a.dtype.itemsize * (a.dtype.kind != 'S')} {a.shape}"
                for a in (wanted[name], got[name])
            ]
            if kinds[0] != kinds[1]:
                yield (
                    f"output {name!r} is {got[name].dtype} {list(got[name].shape)}, on the host it "
                    f"is {wanted[name].dtype} {list(wanted[name].shape)}"
                )
                break


def _exceeded(target: Target, outputs: Mapping[str, OutputComparison]) -> list[str]:
    """The outputs that differ more from the host's than the target's limits allow."""
    limits = Limits()
    for field in ("max_abs_error", "min_argmax_agreement", "min_sqnr_db"):
        if target.HasField(field):
            setattr(limits, field, getattr(target, field))
    return exceeded(Verification("", 0, outputs), limits)
