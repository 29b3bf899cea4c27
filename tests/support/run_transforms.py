"""Runs TF Transform on each group of rows of the table of preprocessing.

python tests/support/run_transforms.py --root DIR
"""

import argparse
import functools
import pathlib

import apache_beam as beam
import tensorflow_transform.beam as tft_beam
from apache_beam.options.pipeline_options import PipelineOptions
from tensorflow_transform.tf_metadata import dataset_metadata, schema_utils
from transform_rows import FEATURES, TRANSFORM_ROWS, training_data, transform

# The DirectRunner, Beam's default, first tries to download the Prism runner.
_OPTIONS = PipelineOptions(["--runner=FnApiRunner", "--direct_running_mode=in_memory"])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=pathlib.Path, required=True)
    root = parser.parse_args().root
    schema = schema_utils.schema_from_feature_spec(FEATURES)
    metadata = dataset_metadata.DatasetMetadata(schema)
    with beam.Pipeline(options=_OPTIONS) as pipeline:
        values = pipeline | beam.Create([_instance(values) for values in training_data()])
        for group, rows in TRANSFORM_ROWS.items():
            analyze = tft_beam.AnalyzeDataset(functools.partial(transform, rows))
            # vocabularies of the same name, one in each group, must not meet
            with tft_beam.Context(str(root / "temporary" / group)):
                analyzed = (values, metadata) | f"Analyze {group}" >> analyze
            write = tft_beam.WriteTransformFn(str(root / group))
            _ = analyzed | f"Write {group}" >> write


def _instance(values: dict[str, list[object]]) -> dict[str, object]:
    """An example as TF Transform takes it: a feature without dimensions is a value, not a list."""
    scalars = {name for name, feature in FEATURES.items() if getattr(feature, "shape", None) == []}
    return {name: value[0] if name in scalars else value for name, value in values.items()}


if __name__ == "__main__":
    main()
