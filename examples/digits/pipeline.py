"""The pipeline: a stock TFX digits classifier, its TFLite variants, an Evaluator for each model."""

import os
import pathlib

from tensorflow_model_analysis.proto import config_pb2
from tfx import v1 as tfx

from tfx_tflite_component import TFLiteRewriter, TFLiteRewriterConfig

PIPELINE_NAME = "digits"
TRAINER_ID = "Trainer"
PUSHER_ID = "Pusher"
ACCURACY = "accuracy"

TFLITE_VARIANTS = {
    "TFLiteFloat": TFLiteRewriterConfig(),
    "TFLiteDynamicRange": TFLiteRewriterConfig(quantization={"mode": "DYNAMIC_RANGE"}),
}
PUSHED_ID = "TFLiteDynamicRange"

_MODULE_FILE = pathlib.Path(__file__).with_name("digits_module.py")
_TRAIN_STEPS = 600
_EVAL_STEPS = 5
_LOWEST_BLESSED_ACCURACY = 0.95


def evaluator_id(model_id: str) -> str:
    """Returns the id of the Evaluator that judges the output of the component `model_id`."""
    return f"Evaluator.{model_id}"


def metadata_connection(root: pathlib.Path) -> tfx.orchestration.metadata.ConnectionConfigType:
    """Returns the connection to the ML Metadata of the run below `root`."""
    path = str(root / "metadata.sqlite")
    return tfx.orchestration.metadata.sqlite_metadata_connection_config(path)


def create_pipeline(data: str, root: pathlib.Path) -> tfx.dsl.Pipeline:
    """Returns the pipeline that trains, rewrites, evaluates and pushes a digits classifier.

    Args:
        data: File pattern of the TFRecords to learn from.
        root: Directory for everything that the pipeline writes.
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
    models = {TRAINER_ID: trainer} | _rewriters(trainer, examples)
    evaluators = {model_id: _evaluator(models[model_id], examples) for model_id in models}
    pusher = _pusher(models[PUSHED_ID], evaluators[PUSHED_ID], root / "serving")
    return tfx.dsl.Pipeline(
        pipeline_name=PIPELINE_NAME,
        pipeline_root=str(root / "pipeline"),
        components=[
            example_gen,
            statistics_gen,
            schema_gen,
            example_validator,
            transform,
            *models.values(),
            *evaluators.values(),
            pusher,
        ],
        metadata_connection_config=metadata_connection(root),
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
    producer: tfx.types.BaseComponent, examples: tfx.types.BaseChannel
) -> tfx.types.BaseComponent:
    model_type = "tf_lite" if producer.id in TFLITE_VARIANTS else ""
    threshold = config_pb2.MetricThreshold(
        value_threshold=config_pb2.GenericValueThreshold(
            lower_bound={"value": _LOWEST_BLESSED_ACCURACY}
        )
    )
    metric = config_pb2.MetricConfig(
        class_name="SparseCategoricalAccuracy",
        config=f'{{"name": "{ACCURACY}"}}',
        threshold=threshold,
    )
    eval_config = config_pb2.EvalConfig(
        model_specs=[config_pb2.ModelSpec(label_key="image_class", model_type=model_type)],
        slicing_specs=[config_pb2.SlicingSpec()],
        metrics_specs=[config_pb2.MetricsSpec(metrics=[metric])],
    )
    return tfx.components.Evaluator(
        model=producer.outputs["model"], examples=examples, eval_config=eval_config
    ).with_id(evaluator_id(producer.id))


def _pusher(
    producer: tfx.types.BaseComponent, evaluator: tfx.types.BaseComponent, serving: pathlib.Path
) -> tfx.types.BaseComponent:
    return tfx.components.Pusher(
        model=producer.outputs["model"],
        model_blessing=evaluator.outputs["blessing"],
        push_destination=tfx.proto.PushDestination(
            filesystem=tfx.proto.PushDestination.Filesystem(base_directory=str(serving))
        ),
    ).with_id(PUSHER_ID)
