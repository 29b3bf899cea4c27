"""Targets that judge the model from the file: the GPU delegate and Arm's Ethos-U."""

import csv
import pathlib
import re
import sys
from collections.abc import Mapping

from tfx_tflite_component.proto.tflite_infra_validator_pb2 import Target
from tfx_tflite_component.targets.environments import environment_of
from tfx_tflite_component.targets.install import prepare
from tfx_tflite_component.targets.process import Run, Started, run
from tfx_tflite_component.targets.result import Share, TargetResult
from tfx_tflite_component.targets.runtimes import Job
from tfx_tflite_component.tflite.gpu_analyzer import read_verdict

# what Vela prints: the numbers of operators, and for each that stays on the CPU its name and why
_VELA_COUNT = re.compile(r"^(CPU|NPU) operators = (\d+)", re.MULTILINE)
_VELA_REFUSED = re.compile(
    r"^Warning \(supported operators\) operator: (\w+), ofm: '([^']*)'\s*\n\s*Reason: (.*)$",
    re.MULTILINE,
)
_KIB = 1024


def judge_on_gpu(target: Target, job: Job) -> TargetResult:
    """Asks TensorFlow's analyzer which ops the GPU delegate takes.

    Args:
        target: The target.
        job: The model.

    Raises:
        TargetError: The process cannot be started.
    """
    found = run(
        "gpu_analyzer",
        Started((sys.executable,), None),
        {"model": str(job.path)},
        [],
        job.time_limit_seconds,
    )
    least = (
        target.gpu_delegate.min_gpu_share if target.gpu_delegate.HasField("min_gpu_share") else 1
    )
    delegated = _gpu_share(found.log) if found.facts.get("loaded") else None
    version = found.facts.get("version", "")
    return TargetResult(
        name=target.name,
        runtime=f"GPU delegate, by the analyzer of TensorFlow {version}",
        is_run=False,
        failures=(*_refusals(found), *_too_few(delegated, least, "the GPU delegate")),
        loads=bool(found.facts.get("loaded")),
        runs=None,
        seconds=found.seconds,
        delegated=delegated,
    )


def compile_for_ethos_u(
    target: Target, job: Job, folder: pathlib.Path
) -> tuple[TargetResult, pathlib.Path | None]:
    """Compiles a model for an Ethos-U NPU with Vela.

    Args:
        target: The target.
        job: The model.
        folder: An empty folder for what Vela writes.

    Returns:
        The result, and the compiled model; None if there is none.

    Raises:
        TargetError: The environment is missing and cannot be installed, or a process not started.
    """
    environment = environment_of(target)
    assert environment, "Vela has an environment"
    settings = target.ethos_u
    request = {"model": str(job.path), "accelerator": settings.accelerator}
    found = run("vela", prepare(environment), request, [], job.time_limit_seconds, keep=folder)
    delegated = _npu_share(found.log) if found.facts.get("loaded") else None
    summary = _summary(folder)
    sram = _bytes(summary, "sram_memory_used")
    least = settings.min_npu_share if settings.HasField("min_npu_share") else 0.0
    failures = [*_refusals(found), *_too_few(delegated, least, settings.accelerator)]
    if settings.max_sram_bytes and sram is not None and sram > settings.max_sram_bytes:
        failures.append(
            f"the compiled model uses {sram:,} bytes of SRAM, allowed are "
            f"{settings.max_sram_bytes:,}"
        )
    result = TargetResult(
        name=target.name,
        runtime=f"Ethos-U by Vela, {settings.accelerator}",
        is_run=False,
        failures=tuple(failures),
        loads=bool(found.facts.get("loaded")),
        runs=None,
        seconds=found.seconds,
        delegated=delegated,
        sram_bytes=sram,
        flash_bytes=_flash_bytes(summary),
        cycles=_whole(summary, "cycles_total"),
        macs=_whole(summary, "nn_macs"),
    )
    return result, next(folder.glob("*_vela.tflite"), None)


def _refusals(found: Run) -> list[str]:
    if found.death:
        return [f"does not load: the tool {found.death}"]
    if "refused" in found.facts:
        return [f"does not load: {found.facts['refused']}"]
    return []


def _too_few(delegated: Share | None, least: float, processor: str) -> list[str]:
    if delegated is None or (delegated.share >= least and delegated.taken):
        return []
    wanted = f"{least:.0%} are asked for" if least else "at least one is asked for"
    return [f"{processor} takes {delegated.taken} of {delegated.ops} ops; {wanted}"]


def _gpu_share(printed: str) -> Share:
    """The ops that the GPU takes according to the analyzer."""
    ops, refused = read_verdict(printed)
    return Share(taken=ops - len(refused), ops=ops, refused=refused)


def _npu_share(printed: str) -> Share:
    """The operators that Vela puts on the NPU; they do not match the model's ops one to one."""
    counts = {kind: int(number) for kind, number in _VELA_COUNT.findall(printed)}
    npu, cpu = counts.get("NPU", 0), counts.get("CPU", 0)
    refused = tuple(
        f"{op} {output.partition(';')[0]!r}: {reason}"
        for op, output, reason in _VELA_REFUSED.findall(printed)
    )
    return Share(taken=npu, ops=npu + cpu, refused=refused)


def _summary(folder: pathlib.Path) -> Mapping[str, str]:
    for path in folder.glob("*_summary_*.csv"):
        with path.open(newline="") as file:
            return next(csv.DictReader(file), {})
    return {}


def _whole(summary: Mapping[str, str], field: str) -> int | None:
    return round(float(summary[field])) if field in summary else None


def _bytes(summary: Mapping[str, str], field: str) -> int | None:
    """A size that Vela gives in KiB."""
    return round(float(summary[field]) * _KIB) if field in summary else None


def _flash_bytes(summary: Mapping[str, str]) -> int | None:
    sizes = [_bytes(summary, f"{where}_flash_memory_used") for where in ("on_chip", "off_chip")]
    return sum(size for size in sizes if size is not None) if summary else None
