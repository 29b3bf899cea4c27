"""Fake artifacts: what ML Metadata would hand to an executor."""

import pathlib
from collections.abc import Iterable

import tensorflow as tf
from ml_metadata.proto import metadata_store_pb2
from tfx.types import artifact_utils, standard_artifacts


def model_artifact(uri: pathlib.Path | str) -> standard_artifacts.Model:
    """A Model artifact that holds what is at `uri`."""
    artifact = standard_artifacts.Model()
    artifact.uri = str(uri)
    return artifact


def old_model_artifact(uri: pathlib.Path | str) -> standard_artifacts.Model:
    """A Model artifact as ML Metadata knows it from before TFX changed its layout in 0.29."""
    artifact = model_artifact(uri)
    artifact.mlmd_artifact.state = metadata_store_pb2.Artifact.LIVE
    artifact.set_string_custom_property("tfx_version", "0.28.0")
    return artifact


def examples_artifact(
    uri: pathlib.Path | str, splits: Iterable[str] = ("train", "eval")
) -> standard_artifacts.Examples:
    """An Examples artifact that holds what is at `uri`."""
    artifact = standard_artifacts.Examples()
    artifact.uri = str(uri)
    artifact.split_names = artifact_utils.encode_split_names(list(splits))
    return artifact


def write_split(
    uri: pathlib.Path | str, split: str, records: Iterable[bytes], shards: int = 1
) -> None:
    """Stores serialized examples as a split of an Examples artifact, as an ExampleGen does."""
    folder = f"{uri}/Split-{split}"
    tf.io.gfile.makedirs(folder)
    records = list(records)
    for shard in range(shards):
        path = f"{folder}/data_tfrecord-{shard:05}-of-{shards:05}.gz"
        with tf.io.TFRecordWriter(path, "GZIP") as writer:
            for record in records[shard::shards]:
                writer.write(record)


def read_split(uri: pathlib.Path | str, split: str) -> list[bytes]:
    """All serialized examples of a split of an Examples artifact."""
    files = sorted(tf.io.gfile.glob(f"{uri}/Split-{split}/*"))
    return list(tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator())
