"""Runs the stock penguin pipeline of TFX up to its Trainer.

python tests/support/run_penguin.py --root DIR
"""

import argparse
import csv
import pathlib

import tensorflow as tf
import tfx
from stock import run_to_trainer
from tfx.examples.penguin import penguin_pipeline_local
from tfx.orchestration.pipeline import Pipeline

_TFX = pathlib.Path(tfx.__file__).parent


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=pathlib.Path, required=True)
    root = parser.parse_args().root
    _write_data(root / "data" / "labelled" / "penguin.csv")
    run_to_trainer(_create_pipeline(root))


def _write_data(path: pathlib.Path) -> None:
    """The penguins that the TFX wheel brings as TFRecords, as the CSV that the pipeline reads."""
    files = (_TFX / "components" / "testdata" / "penguin" / "data").glob("Split-*/*.gz")
    records = tf.data.TFRecordDataset(sorted(map(str, files)), "GZIP")
    rows = [_row(tf.train.Example.FromString(record.numpy())) for record in records]
    path.parent.mkdir(parents=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=sorted(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _row(example: tf.train.Example) -> dict[str, float | int]:
    values = {}
    for name, feature in example.features.feature.items():
        (values[name],) = getattr(feature, feature.WhichOneof("kind")).value
    return values


def _create_pipeline(root: pathlib.Path) -> Pipeline:
    return penguin_pipeline_local.create_pipeline(
        pipeline_name="penguin",
        pipeline_root=str(root / "pipeline"),
        data_root=str(root / "data"),
        module_file=str(_TFX / "examples" / "penguin" / "penguin_utils_keras.py"),
        accuracy_threshold=0.6,
        serving_model_dir=str(root / "serving"),
        metadata_path=str(root / "metadata.sqlite"),
        user_provided_schema_path=None,
        enable_tuning=False,
        enable_bulk_inferrer=False,
        enable_example_diff=False,
        examplegen_input_config=None,
        examplegen_range_config_date=None,
        resolver_range_config=None,
        # The stock module knows DirectRunner alone, which first tries to download the Prism runner
        # unless something asked for is beyond that one.
        beam_pipeline_args=["--allow_unsafe_triggers"],
        enable_transform_input_cache=False,
    )


if __name__ == "__main__":
    main()
