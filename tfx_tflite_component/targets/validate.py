"""Validates a model: every target in turn, and the budget."""

import importlib.metadata
import pathlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from google.protobuf import json_format

from tfx_tflite_component.errors import ModelFileError, UnsupportedOpsError
from tfx_tflite_component.progress import Phase, begin
from tfx_tflite_component.proto.tflite_infra_validator_pb2 import (
    Budget,
    Target,
    TFLiteInfraValidatorConfig,
)
from tfx_tflite_component.storage.scratch import scratch
from tfx_tflite_component.targets.compilers import compile_for_ethos_u, judge_on_gpu
from tfx_tflite_component.targets.inputs import calls_of_examples, random_calls
from tfx_tflite_component.targets.process import Call
from tfx_tflite_component.targets.result import BudgetItem, TargetResult, Validation, joined
from tfx_tflite_component.targets.runtimes import Job, run_on_host, run_on_target
from tfx_tflite_component.tflite.graph_io import GraphIO, read_graph_ios
from tfx_tflite_component.tflite.inspection import Inspection, inspect
from tfx_tflite_component.tflite.interpreter import Arrays
from tfx_tflite_component.tflite.select_tf_effects import check_select_tf_ops
from tfx_tflite_component.version import __version__

COMPILED_MODEL_FILENAME = "tflite_vela"
"""The model compiled for an Ethos-U, beside the model itself."""

_EXAMPLES, _RANDOM_INPUTS = "examples", "random inputs"


def validate(
    path: pathlib.Path,
    config: TFLiteInfraValidatorConfig,
    values: Mapping[str, Arrays] | None,
    compiled: pathlib.Path | None = None,
) -> Validation:
    """Runs each signature of a model on the host and on every target.

    Args:
        path: The `.tflite` file.
        config: The config, as `read_validator_config` gives it.
        values: An array [examples, ...] for each input, as the head makes them of examples, by
            signature; None for random inputs.
        compiled: Where to write the compiled model, if the config asks for it to be published.

    Returns:
        The result. A model that is damaged, refused, wrong or too large is not blessed.

    Raises:
        TargetError: An environment cannot be installed, or a process not started.
        ConfigError: A limit is set that no output can have.
        StorageError: There is no room for temporary files.
    """
    try:
        model = inspect(path)
        ios = read_graph_ios(path)
        check_select_tf_ops(path, str(path))
    except (ModelFileError, UnsupportedOpsError) as e:
        return _validation(config, None, values, (), None, (), [str(e)])
    jobs = [
        Job(path.absolute(), model, io, _calls(io, config, values), config.time_limit_seconds)
        for io in ios
    ]
    begin(Phase.RUNNING_ON_HOST)
    found = [run_on_host(job) for job in jobs]
    host = joined({io.signature_key: result for io, (result, _) in zip(ios, found, strict=True)})
    expected = [outputs for _, outputs in found]
    begin(Phase.RUNNING_ON_TARGETS)
    targets = tuple(_try(target, jobs, expected, compiled) for target in config.targets)
    budget = tuple(_budget(config.budget, model, host))
    return _validation(config, model, values, budget, host, targets, [])


def _calls(
    io: GraphIO, config: TFLiteInfraValidatorConfig, values: Mapping[str, Arrays] | None
) -> list[Call]:
    if values is None:
        return list(random_calls(io, config.num_inputs))
    return list(calls_of_examples(io, values[io.signature_key]))


def _try(
    target: Target,
    jobs: Sequence[Job],
    expected: Sequence[list[dict[str, Any]]],
    compiled: pathlib.Path | None,
) -> TargetResult:
    # these take the whole file
    if target.HasField("gpu_delegate"):
        return judge_on_gpu(target, jobs[0])
    if not target.HasField("ethos_u"):
        return joined(
            {
                job.io.signature_key: run_on_target(target, job, wanted)
                for job, wanted in zip(jobs, expected, strict=True)
            }
        )
    with scratch() as folder:
        result, file = compile_for_ethos_u(target, jobs[0], folder)
        if file and compiled and target.ethos_u.publish_compiled_model:
            shutil.copy(file, compiled)
        return result


def _budget(budget: Budget, model: Inspection, host: TargetResult) -> Iterator[BudgetItem]:
    measured = {
        "size_bytes": model.size_bytes,
        "latency_p90_ms": host.latency_ms["90"] if host.latency_ms else None,
        "peak_tensor_bytes": model.peak_tensor_bytes,
    }
    for name, value in measured.items():
        if limit := getattr(budget, name):
            yield BudgetItem(name, limit, value)


def _validation(
    config: TFLiteInfraValidatorConfig,
    model: Inspection | None,
    values: Mapping[str, Arrays] | None,
    budget: tuple[BudgetItem, ...],
    host: TargetResult | None,
    targets: tuple[TargetResult, ...],
    failures: list[str],
) -> Validation:
    results = ([host] if host else []) + list(targets)
    failures = [
        *failures,
        *(f"{result.name}: {failure}" for result in results for failure in result.failures),
        *(f"budget.{item.name}: {_over(item)}" for item in budget if not item.holds),
    ]
    return Validation(
        blessed=not failures,
        failures=tuple(failures),
        model=model,
        inputs=_RANDOM_INPUTS if values is None else _EXAMPLES,
        num_inputs=config.num_inputs if values is None else _count(values),
        budget=budget,
        host=host,
        targets=targets,
        oldest_runtime=_oldest(config, targets),
        config=json_format.MessageToDict(config, preserving_proto_field_name=True),
        versions={
            "tfx-tflite-component": __version__,
            "tensorflow": importlib.metadata.version("tensorflow"),
        },
    )


def _count(values: Mapping[str, Arrays]) -> int:
    arrays = [array for inputs in values.values() for array in inputs.values()]
    return max((len(array) for array in arrays if array.ndim), default=1)


def _over(item: BudgetItem) -> str:
    if item.measured is None:
        return f"not measured, as the model does not run on the host; allowed are {item.limit:,}"
    return f"{item.measured:,.6g} is more than {item.limit:,.6g}"


def _oldest(config: TFLiteInfraValidatorConfig, results: tuple[TargetResult, ...]) -> str | None:
    """The oldest runtime that was tried and runs the model, in words."""
    able = [
        (_age(target), result.runtime)
        for target, result in zip(config.targets, results, strict=False)
        if result.runs and (target.HasField("tflite") or target.HasField("litert"))
    ]
    return min(able)[1] if able else None


def _age(target: Target) -> tuple[bool, list[int]]:
    """Sorts runtimes by age: tflite-runtime 2.14 came before LiteRT 1.0."""
    version = target.litert.version or target.tflite.version
    return target.HasField("litert"), [int(part) for part in version.split(".")]
