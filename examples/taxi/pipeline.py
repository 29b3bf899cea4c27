"""A Chicago taxi pipeline that ends with a TFLite model: copy it, and put in your data and module.

Data and module file are those that ship with TFX.
"""

import pathlib

from tfx import v1 as tfx
from tfx.examples import chicago_taxi_pipeline

from tfx_tflite_component import TFLiteRewriter

_STOCK = pathlib.Path(chicago_taxi_pipeline.__file__).parent
DATA = str(_STOCK / "data" / "simple")
MODULE_FILE = str(_STOCK / "taxi_utils_native_keras.py")


def create_pipeline(
    data: str,
    root: str,
    metadata: tfx.orchestration.metadata.ConnectionConfigType | None = None,
) -> tfx.dsl.Pipeline:
    """Returns the pipeline.

    Args:
        data: Directory of the CSV files to learn from.
        root: Directory for everything that the pipeline writes.
        metadata: Connection to the ML Metadata, for runners that do not bring their own.
    """
    example_gen = tfx.components.CsvExampleGen(input_base=data)
    statistics_gen = tfx.components.StatisticsGen(examples=example_gen.outputs["examples"])
    schema_gen = tfx.components.SchemaGen(
        statistics=statistics_gen.outputs["statistics"], infer_feature_shape=True
    )
    transform = tfx.components.Transform(
        examples=example_gen.outputs["examples"],
        schema=schema_gen.outputs["schema"],
        module_file=MODULE_FILE,
    )
    trainer = tfx.components.Trainer(
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        schema=schema_gen.outputs["schema"],
        module_file=MODULE_FILE,
        train_args=tfx.proto.TrainArgs(num_steps=1000),
        eval_args=tfx.proto.EvalArgs(num_steps=150),
    )
    rewriter = TFLiteRewriter(
        model=trainer.outputs["model"], examples=example_gen.outputs["examples"]
    )
    pusher = tfx.components.Pusher(
        model=rewriter.outputs["model"],
        push_destination=tfx.proto.PushDestination(
            filesystem=tfx.proto.PushDestination.Filesystem(base_directory=f"{root}/serving")
        ),
    )
    return tfx.dsl.Pipeline(
        pipeline_name="chicago-taxi",
        pipeline_root=f"{root}/pipeline",
        components=[example_gen, statistics_gen, schema_gen, transform, trainer, rewriter, pusher],
        metadata_connection_config=metadata,
        # The DirectRunner, Beam's default, first tries to download the Prism runner.
        beam_pipeline_args=["--runner=FnApiRunner"],
    )
