"""Measures the memory of a process that samples an Examples artifact of a number of examples."""

import json
import resource
import shutil
import sys
import tempfile

import tensorflow as tf

from tfx_tflite_component.samples.sampling import sample

_SHARDS = 10
_SAMPLED = 500


def main(count: str) -> None:
    """Writes the examples, samples them, and prints the peak in MB."""
    with tempfile.TemporaryDirectory(prefix="tfx-tflite-bench-") as folder:
        files = [f"{folder}/data_tfrecord-{i:05}-of-{_SHARDS:05}.gz" for i in range(_SHARDS)]
        _write(files[0], int(count) // _SHARDS)
        for file in files[1:]:
            shutil.copyfile(files[0], file)
        drawn = sample({"all": files}, {"all": _SAMPLED}, {"all": 0})
        assert len(drawn["all"]) == _SAMPLED
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"peak_mb": peak / 1024}))


def _write(file: str, count: int) -> None:
    values = tf.train.Feature(float_list=tf.train.FloatList(value=[0.5] * 4))
    example = tf.train.Example(features=tf.train.Features(feature={"x": values}))
    record = example.SerializeToString()
    with tf.io.TFRecordWriter(file, "GZIP") as writer:
        for _ in range(count):
            writer.write(record)


if __name__ == "__main__":
    main(*sys.argv[1:])
