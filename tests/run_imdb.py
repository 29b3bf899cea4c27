"""Runs the stock imdb pipeline of TFX up to its Trainer, which trains for fewer steps.

python tests/run_imdb.py --root DIR
"""

import argparse
import pathlib

from tfx.examples import imdb
from tfx.examples.imdb import imdb_pipeline_native_keras
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.orchestration.pipeline import Pipeline, RunOptions
from tfx.proto import trainer_pb2
from tfx.utils import proto_utils

_STOCK = pathlib.Path(imdb.__file__).parent
_TRAIN_STEPS = 5
_EVAL_STEPS = 1


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=pathlib.Path, required=True)
    pipeline = _create_pipeline(parser.parse_args().root)
    LocalDagRunner().run(pipeline, run_options=RunOptions(to_nodes=["Trainer"]))


def _create_pipeline(root: pathlib.Path) -> Pipeline:
    pipeline = imdb_pipeline_native_keras._create_pipeline(
        pipeline_name="imdb",
        pipeline_root=str(root / "pipeline"),
        data_root=str(_STOCK / "data"),
        module_file=str(_STOCK / "imdb_utils_native_keras.py"),
        serving_model_dir=str(root / "serving"),
        metadata_path=str(root / "metadata.sqlite"),
        # The DirectRunner, Beam's default, first tries to download the Prism runner.
        beam_pipeline_args=["--runner=FnApiRunner"],
    )
    (trainer,) = [component for component in pipeline.components if component.id == "Trainer"]
    # 500 steps, the stock number, take minutes; the ops of the model do not depend on it.
    trainer.exec_properties["train_args"] = proto_utils.proto_to_json(
        trainer_pb2.TrainArgs(num_steps=_TRAIN_STEPS)
    )
    trainer.exec_properties["eval_args"] = proto_utils.proto_to_json(
        trainer_pb2.EvalArgs(num_steps=_EVAL_STEPS)
    )
    return pipeline


if __name__ == "__main__":
    main()
