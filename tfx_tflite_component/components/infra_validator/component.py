"""The component: its inputs, outputs and parameters."""

from collections.abc import Mapping
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.dsl.placeholder.placeholder import Placeholder
from tfx.orchestration.data_types import RuntimeParameter
from tfx.types import component_spec, standard_artifacts

from tfx_tflite_component.components.artifacts import TFLiteInfraReport
from tfx_tflite_component.components.infra_validator import executor
from tfx_tflite_component.proto.tflite_infra_validator_pb2 import TFLiteInfraValidatorConfig
from tfx_tflite_component.targets.config import check_split, read_validator_config


class TFLiteInfraValidatorSpec(component_spec.ComponentSpec):
    """Inputs, outputs and parameters of `TFLiteInfraValidator`."""

    PARAMETERS = {
        executor.CONFIG_KEY: component_spec.ExecutionParameter(
            type=TFLiteInfraValidatorConfig, optional=True
        )
    }
    INPUTS = {
        executor.MODEL_KEY: component_spec.ChannelParameter(type=standard_artifacts.Model),
        executor.EXAMPLES_KEY: component_spec.ChannelParameter(
            type=standard_artifacts.Examples, optional=True
        ),
    }
    OUTPUTS = {
        executor.BLESSING_KEY: component_spec.ChannelParameter(
            type=standard_artifacts.InfraBlessing
        ),
        executor.REPORT_KEY: component_spec.ChannelParameter(type=TFLiteInfraReport),
    }


class TFLiteInfraValidator(base_component.BaseComponent):
    """Runs a TFLite model on the runtimes that an app uses, before a Pusher pushes it.

    Each target is a process in its own environment. A model that does not load, does not run,
    differs too much or costs too much is not blessed; the stock Pusher then does not push it.

    Component `outputs` contains:

    - `blessing`: A `standard_artifacts.InfraBlessing` for the `infra_blessing` of a Pusher.
    - `report`: A `TFLiteInfraReport` that holds `report.json` and `report.html`.
    """

    SPEC_CLASS = TFLiteInfraValidatorSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)

    def __init__(
        self,
        model: types.BaseChannel,
        examples: types.BaseChannel | None = None,
        config: TFLiteInfraValidatorConfig
        | Mapping[str, Any]
        | str
        | RuntimeParameter
        | Placeholder
        | None = None,
    ) -> None:
        """Declares the component.

        Args:
            model: A channel of `standard_artifacts.Model`: the output of a `TFLiteRewriter`.
            examples: A channel of `standard_artifacts.Examples`, raw as ExampleGen writes them,
                that the model is run on. Without it, random inputs are used.
            config: The targets and the budget: the message, its JSON form as a mapping or a string,
                its text form, or a `RuntimeParameter` that becomes its JSON or text form.

        Raises:
            ConfigError: The config has an unknown field or contradicts itself.
        """
        if not isinstance(config, RuntimeParameter | Placeholder):
            config = read_validator_config(config)
            check_split(config, examples is not None)
        blessing = types.Channel(type=standard_artifacts.InfraBlessing)
        report = types.Channel(type=TFLiteInfraReport)
        super().__init__(
            spec=TFLiteInfraValidatorSpec(
                model=model, examples=examples, config=config, blessing=blessing, report=report
            )
        )
