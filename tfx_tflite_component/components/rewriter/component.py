"""The component: its inputs, outputs and parameters."""

from collections.abc import Mapping
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.dsl.placeholder.placeholder import Placeholder
from tfx.orchestration.data_types import RuntimeParameter
from tfx.types import component_spec, standard_artifacts

from tfx_tflite_component.components.artifacts import TFLiteReport
from tfx_tflite_component.components.rewriter import executor
from tfx_tflite_component.config import given_config
from tfx_tflite_component.config_checks import check_examples, check_transform_graph
from tfx_tflite_component.proto.tflite_rewriter_pb2 import TFLiteRewriterConfig


class TFLiteRewriterSpec(component_spec.ComponentSpec, validate=False):
    """Inputs, outputs and parameters of `TFLiteRewriter`.

    TFX requires different names for inputs and outputs, because its constructor takes both as
    keywords. Here both an input and an output are named `model`, so this class makes its outputs
    itself.
    """

    PARAMETERS = {
        executor.CONFIG_KEY: component_spec.ExecutionParameter(
            type=TFLiteRewriterConfig, optional=True
        )
    }
    INPUTS = {
        executor.MODEL_KEY: component_spec.ChannelParameter(type=standard_artifacts.Model),
        executor.EXAMPLES_KEY: component_spec.ChannelParameter(
            type=standard_artifacts.Examples, optional=True
        ),
        executor.TRANSFORM_GRAPH_KEY: component_spec.ChannelParameter(
            type=standard_artifacts.TransformGraph, optional=True
        ),
    }
    # optional only in the constructor; the executor always fills them
    OUTPUTS = {
        executor.MODEL_KEY: component_spec.ChannelParameter(
            type=standard_artifacts.Model, optional=True
        ),
        executor.REPORT_KEY: component_spec.ChannelParameter(type=TFLiteReport, optional=True),
    }

    def __init__(self, **kwargs: Any) -> None:
        """Takes the inputs and parameters as keywords."""
        super().__init__(**kwargs)
        self.outputs = {
            name: types.Channel(type=parameter.type) for name, parameter in self.OUTPUTS.items()
        }


class TFLiteRewriter(base_component.BaseComponent):
    """Converts the SavedModel of a Trainer into a TensorFlow Lite model.

    The signature that the Trainer exported is split where it parses `tf.Example`s, so that neither
    `run_fn` nor the module file changes. Before the TFLite model is published, its outputs are
    compared with the SavedModel's, and a model that exceeds its limits is an error.

    Component `outputs` contains:

    - `model`: A `standard_artifacts.Model` that holds `Format-Serving/tflite`, and, in `head/`, a
      SavedModel that computes the model's inputs from serialized `tf.Example`s.
    - `report`: A `TFLiteReport` that holds `report.json`, `report.html` and the files that `app` in
      the config asks for.
    """

    SPEC_CLASS = TFLiteRewriterSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)

    def __init__(
        self,
        model: types.BaseChannel,
        examples: types.BaseChannel | None = None,
        transform_graph: types.BaseChannel | None = None,
        config: TFLiteRewriterConfig
        | Mapping[str, Any]
        | str
        | RuntimeParameter
        | Placeholder
        | None = None,
    ) -> None:
        """Declares the component.

        Args:
            model: A channel of `standard_artifacts.Model`: the output of a Trainer.
            examples: A channel of `standard_artifacts.Examples`, raw as ExampleGen writes them, for
                calibration and for the comparison with the SavedModel. Without it, the models are
                compared on random inputs.
            transform_graph: A channel of `standard_artifacts.TransformGraph`: the output of the
                Transform that the model was trained with. It provides the names of transformed
                features if the SavedModel does not have them.
            config: The config: the message, its JSON form as a mapping or a string, its text
                format, or a `RuntimeParameter` whose value is JSON or text format.

        Raises:
            ConfigError: The config has an unknown field or contradicts itself.
        """
        if not isinstance(config, RuntimeParameter | Placeholder):
            config = given_config(config)
            check_examples(config, given=examples is not None)
            check_transform_graph(config, given=transform_graph is not None)
        super().__init__(
            spec=TFLiteRewriterSpec(
                model=model, examples=examples, transform_graph=transform_graph, config=config
            )
        )
