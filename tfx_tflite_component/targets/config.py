"""Reads the config of TFLiteInfraValidator as strictly as `config` reads the rewriter's."""

import math
from collections.abc import Mapping
from typing import Any

from tfx_tflite_component.config import parse_config
from tfx_tflite_component.config_checks import EXAMPLES_REMEDY
from tfx_tflite_component.errors import ConfigError, listed
from tfx_tflite_component.proto.tflite_infra_validator_pb2 import (
    LiteRT,
    Target,
    TFLiteInfraValidatorConfig,
)
from tfx_tflite_component.targets.environments import DEFAULT_LITERT, DEFAULT_TFLITE, VERSIONS

DEFAULT_SPLIT = "eval"
_DEFAULT_NUM_INPUTS = 32
_DEFAULT_TIME_LIMIT_SECONDS = 600
_DEFAULT_ACCELERATOR = "ethos-u55-128"
# what Vela 5.2 compiles for (ethosu/vela/architecture_features.py, Accelerator)
_ACCELERATORS = (
    *(f"ethos-u55-{size}" for size in (32, 64, 128, 256)),
    *(f"ethos-u65-{size}" for size in (256, 512)),
    *(f"ethos-u85-{size}" for size in (128, 256, 512, 1024, 2048)),
)
_RUNTIMES = ("litert", "tflite", "gpu_delegate", "tflite_micro", "ethos_u")
_JUDGED_FROM_THE_FILE = ("gpu_delegate", "ethos_u")
_LIMITS = ("max_abs_error", "min_argmax_agreement", "min_sqnr_db")
# the first whose CompiledModel supports everything that a model may contain
_COMPILED_MODEL_SINCE = 2


def read_validator_config(
    config: TFLiteInfraValidatorConfig | Mapping[str, Any] | str | None,
) -> TFLiteInfraValidatorConfig:
    """Reads and checks a config.

    Args:
        config: The message, or its JSON form as a mapping or a string, or its text form. None is
            the same as an empty message.

    Returns:
        A copy of the config, with the defaults filled in.

    Raises:
        ConfigError: It has an unknown field, a value out of range, or contradicts itself.
    """
    message = TFLiteInfraValidatorConfig()
    parse_config(config, message, "proto/tflite_infra_validator.proto")
    _fill_in_defaults(message)
    _check(message)
    return message


def check_split(config: TFLiteInfraValidatorConfig, given: bool) -> None:
    """Refuses a split if there are no examples to take it from.

    Args:
        config: The config, as `read_validator_config` gives it.
        given: Whether there are examples with splits.

    Raises:
        ConfigError: It names a split.
    """
    if not given and config.split != DEFAULT_SPLIT:
        raise ConfigError(
            f"split: {config.split!r} has no effect without the component's `examples`. "
            f"{EXAMPLES_REMEDY}, or leave it out."
        )


def _fill_in_defaults(config: TFLiteInfraValidatorConfig) -> None:
    config.split = config.split or DEFAULT_SPLIT
    config.num_inputs = config.num_inputs or _DEFAULT_NUM_INPUTS
    config.time_limit_seconds = config.time_limit_seconds or _DEFAULT_TIME_LIMIT_SECONDS
    for target in config.targets:
        match target.WhichOneof("runtime"):
            case "litert":
                target.litert.version = target.litert.version or DEFAULT_LITERT
            case "tflite":
                target.tflite.version = target.tflite.version or DEFAULT_TFLITE
            case "ethos_u":
                target.ethos_u.accelerator = target.ethos_u.accelerator or _DEFAULT_ACCELERATOR


def _check(config: TFLiteInfraValidatorConfig) -> None:
    _check_not_negative("num_inputs", config.num_inputs)
    _check_not_negative("time_limit_seconds", config.time_limit_seconds)
    for field in ("size_bytes", "latency_p90_ms", "peak_tensor_bytes"):
        _check_not_negative(f"budget.{field}", getattr(config.budget, field))
    names = [target.name for target in config.targets]
    for name in names:
        if not name or names.count(name) > 1:
            raise ConfigError(
                f"targets: {name!r} is the name of {names.count(name)} targets; expected a name "
                "for each, which no other target has."
            )
    for target in config.targets:
        _check_target(target, f"targets[{target.name!r}]")
    publishing = [t.name for t in config.targets if t.ethos_u.publish_compiled_model]
    if len(publishing) > 1:
        raise ConfigError(
            f"targets: publish_compiled_model is set for {listed(publishing)}; a blessing holds "
            "one compiled model. Set it for one of them."
        )


def _check_target(target: Target, where: str) -> None:
    runtime = target.WhichOneof("runtime")
    if runtime is None:
        raise ConfigError(f"{where} has no runtime; expected one of {listed(_RUNTIMES)}.")
    if runtime in VERSIONS:
        _check_version(f"{where}.{runtime}", getattr(target, runtime).version, VERSIONS[runtime])
    if runtime == "litert":
        _check_litert(target.litert, f"{where}.litert")
    if runtime == "ethos_u" and target.ethos_u.accelerator not in _ACCELERATORS:
        raise ConfigError(
            f"{where}.ethos_u.accelerator: {target.ethos_u.accelerator!r} is unknown; expected one "
            f"of {listed(_ACCELERATORS)}."
        )
    _check_limits(target, where)
    _check_share(f"{where}.gpu_delegate.min_gpu_share", target.gpu_delegate.min_gpu_share)
    _check_share(f"{where}.ethos_u.min_npu_share", target.ethos_u.min_npu_share)
    _check_not_negative(
        f"{where}.tflite_micro.max_arena_bytes", target.tflite_micro.max_arena_bytes
    )
    _check_not_negative(f"{where}.ethos_u.max_sram_bytes", target.ethos_u.max_sram_bytes)


def _check_litert(litert: LiteRT, where: str) -> None:
    for field, enum in (("arch", LiteRT.Arch), ("api", LiteRT.Api)):
        if getattr(litert, field) not in enum.values():
            raise ConfigError(
                f"{where}.{field}: {getattr(litert, field)} is unknown; expected one of "
                f"{listed(enum.keys())}."
            )
    is_old = int(litert.version.partition(".")[0]) < _COMPILED_MODEL_SINCE
    if litert.api == LiteRT.COMPILED_MODEL and is_old:
        raise ConfigError(
            f"{where}.api: COMPILED_MODEL does not go with version: {litert.version!r}; expected a "
            f"version from {_COMPILED_MODEL_SINCE}.0 on."
        )


def _check_limits(target: Target, where: str) -> None:
    runtime = target.WhichOneof("runtime")
    for field in _LIMITS:
        if target.HasField(field) and runtime in _JUDGED_FROM_THE_FILE:
            raise ConfigError(
                f"{where}.{field} has no effect with {runtime}, on which the model is not run. "
                "Leave it out."
            )
    _check_not_negative(f"{where}.max_abs_error", target.max_abs_error)
    _check_share(f"{where}.min_argmax_agreement", target.min_argmax_agreement)
    if math.isnan(target.min_sqnr_db):
        raise ConfigError(f"{where}.min_sqnr_db: {target.min_sqnr_db}; expected decibels.")


def _check_version(where: str, version: str, versions: tuple[str, ...]) -> None:
    if version not in versions:
        raise ConfigError(
            f"{where}.version: {version!r} has no locked environment; expected one of "
            f"{listed(versions)}."
        )


def _check_not_negative(field: str, value: float) -> None:
    if not value >= 0:  # true of NaN as well
        raise ConfigError(f"{field}: {value}; expected 0 for the default, or more.")


def _check_share(field: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise ConfigError(f"{field}: {value}; expected a share, from 0 to 1.")
