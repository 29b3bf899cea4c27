"""The stock Chicago taxi pipeline of TFX, with `TFLiteRewriter` added."""

import os
import pathlib

from tfx.examples import chicago_taxi_pipeline
from tfx.examples.chicago_taxi_pipeline import taxi_pipeline_native_keras
from tfx.orchestration.pipeline import Pipeline

from tfx_tflite_component import TFLiteRewriter

REWRITER_ID = "TFLiteRewriter"

_STOCK = pathlib.Path(chicago_taxi_pipeline.__file__).parent

STOCK_DATA = str(_STOCK / "data" / "simple")


def create_pipeline(data: str, root: str, metadata: str = os.devnull) -> Pipeline:
    """Returns the stock pipeline with one more component.

    Args:
        data: Directory of the CSV files to learn from.
        root: Directory for everything that the pipeline writes.
        metadata: Path of the ML Metadata, for runners that do not bring their own.
    """
    pipeline = taxi_pipeline_native_keras._create_pipeline(
        pipeline_name="chicago-taxi",
        pipeline_root=f"{root}/pipeline",
        data_root=data,
        module_file=str(_STOCK / "taxi_utils_native_keras.py"),
        serving_model_dir=f"{root}/serving",
        metadata_path=metadata,
        # The DirectRunner, Beam's default, first tries to download the Prism runner.
        beam_pipeline_args=["--runner=FnApiRunner"],
    )
    stock = {component.id: component for component in pipeline.components}
    rewriter = TFLiteRewriter(
        model=stock["Trainer"].outputs["model"],
        examples=stock["CsvExampleGen"].outputs["examples"],
    ).with_id(REWRITER_ID)
    # a made pipeline is closed, and Kubeflow's runner looks here for each of its components
    with pipeline.dsl_context_registry.temporary_mutable():
        pipeline.dsl_context_registry.put_node(rewriter)
    pipeline.components = [*pipeline.components, rewriter]
    return pipeline


def metadata_path(root: pathlib.Path) -> str:
    """Returns the path of the ML Metadata of the run below `root`."""
    return str(root / "metadata.sqlite")
