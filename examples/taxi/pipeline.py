"""The stock Chicago taxi pipeline of TFX, with `TFLiteRewriter` added."""

import pathlib

from tfx.examples import chicago_taxi_pipeline
from tfx.examples.chicago_taxi_pipeline import taxi_pipeline_native_keras
from tfx.orchestration.pipeline import Pipeline

from tfx_tflite_component import TFLiteRewriter

REWRITER_ID = "TFLiteRewriter"

_STOCK = pathlib.Path(chicago_taxi_pipeline.__file__).parent


def create_pipeline(root: pathlib.Path) -> Pipeline:
    """Returns the stock pipeline with one more component; it writes below `root`."""
    pipeline = _create_stock_pipeline(root)
    stock = {component.id: component for component in pipeline.components}
    rewriter = TFLiteRewriter(
        model=stock["Trainer"].outputs["model"],
        examples=stock["CsvExampleGen"].outputs["examples"],
    ).with_id(REWRITER_ID)
    pipeline.components = [*pipeline.components, rewriter]
    return pipeline


def metadata_path(root: pathlib.Path) -> str:
    """Returns the path of the ML Metadata of the run below `root`."""
    return str(root / "metadata.sqlite")


def _create_stock_pipeline(root: pathlib.Path) -> Pipeline:
    return taxi_pipeline_native_keras._create_pipeline(
        pipeline_name="chicago_taxi",
        pipeline_root=str(root / "pipeline"),
        data_root=str(_STOCK / "data" / "simple"),
        module_file=str(_STOCK / "taxi_utils_native_keras.py"),
        serving_model_dir=str(root / "serving"),
        metadata_path=metadata_path(root),
        # The DirectRunner, Beam's default, first tries to download the Prism runner.
        beam_pipeline_args=["--runner=FnApiRunner"],
    )
