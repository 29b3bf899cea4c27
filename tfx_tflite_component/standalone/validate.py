"""Validates a TFLite model on targets without a pipeline."""

import os
import pathlib
from collections.abc import Mapping, Sequence

from tfx_tflite_component.artifact_layout import HEAD_DIR, MODEL_FILENAME, head_beside
from tfx_tflite_component.errors import ConfigError, SourceModelError, listed
from tfx_tflite_component.proto.tflite_infra_validator_pb2 import TFLiteInfraValidatorConfig
from tfx_tflite_component.samples.files import Files
from tfx_tflite_component.targets.environments import ENVIRONMENTS, environment_of
from tfx_tflite_component.targets.install import prepare, targets_folder
from tfx_tflite_component.targets.result import TargetResult, Validation
from tfx_tflite_component.targets.validate import validate
from tfx_tflite_component.tflite.interpreter import Arrays
from tfx_tflite_component.worker.feed import feed


def validate_model(
    model: str, config: TFLiteInfraValidatorConfig, examples: Sequence[str] | None = None
) -> Validation:
    """Runs a model on the host and on every target of a config.

    Args:
        model: The `.tflite` file, or the folder that `rewrite_saved_model` wrote.
        config: The config, as `read_validator_config` gives it.
        examples: Patterns of files with examples, for the head beside the model; None
            for random inputs.

    Raises:
        SourceModelError: There is no head for the examples.
        TargetError: An environment cannot be installed, or a process not started.
    """
    path = pathlib.Path(model)
    path = path / MODEL_FILENAME if path.is_dir() else path
    return validate(path, config, _fed(path, config, examples) if examples else None)


def install_targets(names: Sequence[str], config: TFLiteInfraValidatorConfig) -> list[str]:
    """Installs environments ahead of time.

    Args:
        names: The names of environments.
        config: A config whose targets' environments are installed as well.

    Returns:
        A line for each environment.

    Raises:
        ConfigError: There is no environment of a name.
        TargetError: One cannot be installed.
    """
    unknown = sorted(set(names) - ENVIRONMENTS.keys())
    if unknown:
        raise ConfigError(
            f"There is no target environment {listed(unknown)}; expected some of "
            f"{listed(ENVIRONMENTS)}."
        )
    of_config = [environment_of(target) for target in config.targets]
    wanted = [ENVIRONMENTS[name] for name in names] + [found for found in of_config if found]
    for environment in wanted:
        prepare(environment)
    return [f"{environment.name} is in {targets_folder()}" for environment in wanted]


def describe_validation(validation: Validation) -> list[str]:
    """A validation as lines of text: the verdict, each target, and why it is not blessed.

    Args:
        validation: The validation.
    """
    hosts = [validation.host] if validation.host else []
    return [
        f"{'blessed' if validation.blessed else 'not blessed'}, on {validation.num_inputs} "
        f"{validation.inputs}",
        *map(_line, [*hosts, *validation.targets]),
        *(f"  budget.{item.name}: {item.measured} of {item.limit}" for item in validation.budget),
        *(f"  not blessed: {failure}" for failure in validation.failures),
    ]


def _line(result: TargetResult) -> str:
    """The result of a target, on one line."""
    facts = [result.runtime]
    if not result.loads:
        facts.append("does not load")
    elif result.is_run:
        facts.append("runs" if result.runs else "does not run")
    if result.delegated:
        facts.append(f"takes {result.delegated.taken} of {result.delegated.ops} ops, by the file")
    if result.arena_bytes is not None:
        facts.append(f"arena {result.arena_bytes:,} bytes")
    if result.sram_bytes is not None:
        facts.append(f"SRAM {result.sram_bytes:,} bytes")
    if result.outputs:
        largest = max(output.max_abs_error for output in result.outputs.values())
        facts.append(f"differs by {largest:.3g} from the host")
    return f"  {result.name}: {', '.join(facts)}"


def _fed(
    path: pathlib.Path, config: TFLiteInfraValidatorConfig, examples: Sequence[str]
) -> Mapping[str, Arrays]:
    """The model's inputs for the examples, computed by the head beside it."""
    places = [head_beside(path), path.parent.parent / HEAD_DIR]
    head = next((place for place in places if place.is_dir()), None)
    if head is None:
        raise SourceModelError(
            f"There is no head at {listed(map(str, places))}, which makes the model's inputs from "
            "tf.Examples. Name a model that this package wrote, or leave --examples out to run it "
            "on random inputs."
        )
    files = Files("--examples", [os.path.abspath(pattern) for pattern in examples])
    return feed(head, path, files, config.num_inputs)
