"""Writes `data/digits.tfrecord.gz` from scikit-learn's copy of the UCI handwritten digits.

The written file is part of the repository: the example itself needs no scikit-learn.
"""

import pathlib

import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits

OUTPUT = pathlib.Path(__file__).parent / "data" / "digits.tfrecord.gz"


def to_example(pixels: np.ndarray, digit: int) -> tf.train.Example:
    """Returns an example with the feature names of TFX's own MNIST example."""
    feature = {
        "image_floats": tf.train.Feature(float_list=tf.train.FloatList(value=pixels)),
        "image_class": tf.train.Feature(int64_list=tf.train.Int64List(value=[digit])),
    }
    return tf.train.Example(features=tf.train.Features(feature=feature))


def main() -> None:
    """Writes every image as one record, in the same bytes on every run."""
    digits = load_digits()
    OUTPUT.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(OUTPUT), "GZIP") as writer:
        for pixels, digit in zip(digits.data, digits.target, strict=True):
            # Map fields come in any order unless told otherwise.
            writer.write(to_example(pixels, digit).SerializeToString(deterministic=True))
    print(f"{OUTPUT}: {len(digits.target)} images, {OUTPUT.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
