"""Runs the stock imdb pipeline of TFX up to its Trainer, which trains for fewer steps.

python tests/support/run_imdb.py --root DIR
"""

import argparse
import pathlib

from stock import run_to_trainer, set_steps
from tfx.examples import imdb
from tfx.examples.imdb import imdb_pipeline_native_keras
from tfx.orchestration.pipeline import Pipeline

_STOCK = pathlib.Path(imdb.__file__).parent


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=pathlib.Path, required=True)
    pipeline = _create_pipeline(parser.parse_args().root)
    # 500 steps, the stock number, take minutes; the ops of the model do not depend on it.
    set_steps(pipeline, train=5, evaluate=1)
    run_to_trainer(pipeline)


def _create_pipeline(root: pathlib.Path) -> Pipeline:
    return imdb_pipeline_native_keras._create_pipeline(
        pipeline_name="imdb",
        pipeline_root=str(root / "pipeline"),
        data_root=str(_STOCK / "data"),
        module_file=str(_STOCK / "imdb_utils_native_keras.py"),
        serving_model_dir=str(root / "serving"),
        metadata_path=str(root / "metadata.sqlite"),
        # The DirectRunner, Beam's default, first tries to download the Prism runner.
        beam_pipeline_args=["--runner=FnApiRunner"],
    )


if __name__ == "__main__":
    main()
