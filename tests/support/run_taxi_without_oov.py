"""Runs the stock Chicago taxi pipeline of TFX up to its Trainer, without hashing unknown words.

The stock module hashes the words that its vocabularies lack into buckets. Here they all get the
number after the vocabulary's last; nothing else of the module is changed.

python tests/support/run_taxi_without_oov.py --root DIR
"""

import argparse
import os
import pathlib

# The stock module is written for Keras 2.
os.environ["TF_USE_LEGACY_KERAS"] = "1"

from stock import run_to_trainer, set_steps
from tfx.examples import chicago_taxi_pipeline
from tfx.examples.chicago_taxi_pipeline import taxi_pipeline_native_keras
from tfx.orchestration.pipeline import Pipeline

_STOCK = pathlib.Path(chicago_taxi_pipeline.__file__).parent
_HASHED = "num_oov_buckets=_OOV_SIZE"
_ONE_NUMBER = "default_value=_VOCAB_SIZE"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=pathlib.Path, required=True)
    pipeline = _create_pipeline(parser.parse_args().root)
    # Of the stock 1,000 steps a tenth do: the ops of the model do not depend on it.
    set_steps(pipeline, train=100, evaluate=1)
    run_to_trainer(pipeline)


def _create_pipeline(root: pathlib.Path) -> Pipeline:
    return taxi_pipeline_native_keras._create_pipeline(
        pipeline_name="taxi_without_oov",
        pipeline_root=str(root / "pipeline"),
        data_root=str(_STOCK / "data" / "simple"),
        module_file=str(_write_module(root)),
        serving_model_dir=str(root / "serving"),
        metadata_path=str(root / "metadata.sqlite"),
        # The DirectRunner, Beam's default, first tries to download the Prism runner.
        beam_pipeline_args=["--runner=FnApiRunner"],
    )


def _write_module(root: pathlib.Path) -> pathlib.Path:
    stock = (_STOCK / "taxi_utils_native_keras.py").read_text()
    assert stock.count(_HASHED) == 1
    path = root / "taxi_utils_without_oov.py"
    path.parent.mkdir(parents=True)
    path.write_text(stock.replace(_HASHED, _ONE_NUMBER))
    return path


if __name__ == "__main__":
    main()
