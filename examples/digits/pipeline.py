"""The pipeline: a stock TFX digits classifier, its TFLite models, an Evaluator for each of them."""

import os
import pathlib

from tensorflow_model_analysis.proto import config_pb2
from tfx import v1 as tfx

from tfx_tflite_component import (
    TFLiteInfraValidator,
    TFLiteInfraValidatorConfig,
    TFLiteRewriter,
    TFLiteRewriterConfig,
)

PIPELINE_NAME = "digits"
TRAINER_ID = "Trainer"
PUSHER_ID = "Pusher"
ACCURACY = "accuracy"
# How an Evaluator calls its two models.
CANDIDATE = "candidate"
BASELINE = "baseline"

TFLITE_VARIANTS = {
    "TFLiteFloat": TFLiteRewriterConfig(),
    "TFLiteDynamicRange": TFLiteRewriterConfig(quantization={"mode": "DYNAMIC_RANGE"}),
    "TFLiteFullInteger": TFLiteRewriterConfig(quantization={"mode": "FULL_INTEGER"}),
    "TFLiteAuto": TFLiteRewriterConfig(
        quantization={"mode": "AUTO"}, verification={"min_argmax_agreement": 0.99}
    ),
}
PUSHED_ID = "TFLiteFullInteger"
INFRA_VALIDATOR_ID = "TFLiteInfraValidator"
# The interpreter of this environment and a budget, which need nothing to be installed.
BUDGET = TFLiteInfraValidatorConfig(budget={"size_bytes": 500_000, "peak_tensor_bytes": 300_000})

_MODULE_FILE = pathlib.Path(__file__).with_name("digits_module.py")
_TRAIN_STEPS = 600
_EVAL_STEPS = 5
_LOWEST_BLESSED_ACCURACY = 0.95
_LARGEST_BLESSED_LOSS_OF_ACCURACY = 0.01


def evaluator_id(model_id: str) -> str:
    """Returns the id of the Evaluator that judges the output of the component `model_id`."""
    return f"Evaluator-{model_id}"


def metadata_connection(root: pathlib.Path) -> tfx.orchestration.metadata.ConnectionConfigType:
    """Returns the connection to the ML Metadata of the run below `root`."""
    path = str(root / "metadata.sqlite")
    return tfx.orchestration.metadata.sqlite_metadata_connection_config(path)


def create_pipeline(
    data: str,
    root: str,
    metadata: tfx.orchestration.metadata.ConnectionConfigType | None = None,
) -> tfx.dsl.Pipeline:
    """Returns the pipeline that trains, rewrites, evaluates and pushes a digits classifier.

    Args:
        data: File pattern of the TFRecords to learn from.
        root: Directory for everything that the pipeline writes.
        metadata: Connection to the ML Metadata, for runners that do not bring their own.
    """
    example_gen = _example_gen(data)
    examples = example_gen.outputs["examples"]
    statistics_gen = tfx.components.StatisticsGen(examples=examples)
    statistics = statistics_gen.outputs["statistics"]
    schema_gen = tfx.components.SchemaGen(statistics=statistics, infer_feature_shape=True)
    schema = schema_gen.outputs["schema"]
    example_validator = tfx.components.ExampleValidator(statistics=statistics, schema=schema)
    transform = tfx.components.Transform(
        examples=examples, schema=schema, module_file=str(_MODULE_FILE)
    )
    trainer = _trainer(transform, schema)
    rewriters = _rewriters(trainer, examples)
    evaluators = {
        variant: _evaluator(rewriter, trainer, examples) for variant, rewriter in rewriters.items()
    }
    infra_validator = TFLiteInfraValidator(
        model=rewriters[PUSHED_ID].outputs["model"], examples=examples, config=BUDGET
    ).with_id(INFRA_VALIDATOR_ID)
    pusher = _pusher(
        rewriters[PUSHED_ID], evaluators[PUSHED_ID], infra_validator, f"{root}/serving"
    )
    return tfx.dsl.Pipeline(
        pipeline_name=PIPELINE_NAME,
        pipeline_root=f"{root}/pipeline",
        components=[
            example_gen,
            statistics_gen,
            schema_gen,
            example_validator,
            transform,
            trainer,
            *rewriters.values(),
            *evaluators.values(),
            infra_validator,
            pusher,
        ],
        metadata_connection_config=metadata,
        # The DirectRunner, Beam's default, first tries to download the Prism runner.
        beam_pipeline_args=["--runner=FnApiRunner"],
    )


def _example_gen(data: str) -> tfx.types.BaseComponent:
    directory, pattern = os.path.split(data)
    splits = [
        tfx.proto.SplitConfig.Split(name="train", hash_buckets=4),
        tfx.proto.SplitConfig.Split(name="eval", hash_buckets=1),
    ]
    return tfx.components.ImportExampleGen(
        input_base=directory,
        input_config=tfx.proto.Input(splits=[tfx.proto.Input.Split(name="all", pattern=pattern)]),
        output_config=tfx.proto.Output(split_config=tfx.proto.SplitConfig(splits=splits)),
    )


def _trainer(
    transform: tfx.types.BaseComponent, schema: tfx.types.BaseChannel
) -> tfx.types.BaseComponent:
    return tfx.components.Trainer(
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        schema=schema,
        module_file=str(_MODULE_FILE),
        train_args=tfx.proto.TrainArgs(num_steps=_TRAIN_STEPS),
        eval_args=tfx.proto.EvalArgs(num_steps=_EVAL_STEPS),
    ).with_id(TRAINER_ID)


def _rewriters(
    trainer: tfx.types.BaseComponent, examples: tfx.types.BaseChannel
) -> dict[str, tfx.types.BaseComponent]:
    model = trainer.outputs["model"]
    return {
        variant: TFLiteRewriter(model=model, examples=examples, config=config).with_id(variant)
        for variant, config in TFLITE_VARIANTS.items()
    }


def _evaluator(
    rewriter: tfx.types.BaseComponent,
    trainer: tfx.types.BaseComponent,
    examples: tfx.types.BaseChannel,
) -> tfx.types.BaseComponent:
    """Compares a TFLite model with the SavedModel that it came from."""
    threshold = config_pb2.MetricThreshold(
        value_threshold=config_pb2.GenericValueThreshold(
            lower_bound={"value": _LOWEST_BLESSED_ACCURACY}
        ),
        change_threshold=config_pb2.GenericChangeThreshold(
            direction=config_pb2.MetricDirection.HIGHER_IS_BETTER,
            absolute={"value": -_LARGEST_BLESSED_LOSS_OF_ACCURACY},
        ),
    )
    metric = config_pb2.MetricConfig(
        class_name="SparseCategoricalAccuracy",
        config=f'{{"name": "{ACCURACY}"}}',
        threshold=threshold,
    )
    eval_config = config_pb2.EvalConfig(
        model_specs=[
            config_pb2.ModelSpec(name=CANDIDATE, label_key="image_class", model_type="tf_lite"),
            config_pb2.ModelSpec(name=BASELINE, label_key="image_class", is_baseline=True),
        ],
        slicing_specs=[config_pb2.SlicingSpec()],
        metrics_specs=[config_pb2.MetricsSpec(metrics=[metric])],
    )
    return tfx.components.Evaluator(
        model=rewriter.outputs["model"],
        baseline_model=trainer.outputs["model"],
        examples=examples,
        eval_config=eval_config,
        module_path="tfx_tflite_component.evaluation",
    ).with_id(evaluator_id(rewriter.id))


def _pusher(
    producer: tfx.types.BaseComponent,
    evaluator: tfx.types.BaseComponent,
    infra_validator: tfx.types.BaseComponent,
    serving: str,
) -> tfx.types.BaseComponent:
    return tfx.components.Pusher(
        model=producer.outputs["model"],
        model_blessing=evaluator.outputs["blessing"],
        infra_blessing=infra_validator.outputs["blessing"],
        push_destination=tfx.proto.PushDestination(
            filesystem=tfx.proto.PushDestination.Filesystem(base_directory=serving)
        ),
    ).with_id(PUSHER_ID)
