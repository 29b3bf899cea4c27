"""Random inputs."""

import numpy as np
import pytest
import tensorflow as tf
from contract import split_model
from models import save_parsing

from tfx_tflite_component.samples.random_examples import Magnitude, RandomValues

_FEATURES = {
    "size": tf.io.FixedLenFeature([2, 3], tf.float32),
    "count": tf.io.FixedLenFeature([], tf.int64),
    "word": tf.io.FixedLenFeature([2], tf.string),
    "sparse": tf.io.VarLenFeature(tf.string),
    "sequence": tf.io.FixedLenSequenceFeature([2], tf.int64, allow_missing=True),
}


@pytest.fixture(scope="module")
def features(tmp_path_factory):
    model = save_parsing(
        tmp_path_factory.mktemp("random") / "model",
        _FEATURES,
        lambda parsed: {"y": parsed["size"] * 2},
    )
    return split_model(model).features


def test_random_examples_are_parsed_by_the_signature(features):
    serialized = RandomValues(0).examples(features, 8)
    parsed = tf.io.parse_example(tf.constant(serialized), _FEATURES)
    assert parsed["size"].shape == [8, 2, 3]
    assert len(np.unique(parsed["size"])) == 8 * 2 * 3
    assert set(parsed["count"].numpy()) == {0, 1}
    assert parsed["word"].shape == [8, 2]
    assert parsed["sparse"].shape == [8, 1]
    assert parsed["sequence"].shape == [8, 1, 2]


def test_same_seed_gives_the_same_examples(features):
    first, same, other = (RandomValues(seed).examples(features, 4) for seed in (1, 1, 2))
    assert first == same != other


def test_tensors_have_dtype_and_shape_of_the_specs():
    shapes = {
        tf.float32: [None, 3],
        tf.float16: [None],
        tf.int32: [2, None],
        tf.uint8: [None, 2, 2],
        tf.bool: [None],
        tf.string: [None, 1],
        tf.complex64: [],
    }
    specs = {dtype.name: tf.TensorSpec(shape, dtype) for dtype, shape in shapes.items()}
    found = RandomValues(0).tensors(specs, lambda axis: 1 if axis else 5)
    assert {name: (array.dtype, array.shape) for name, array in found.items()} == {
        "float32": (np.float32, (5, 3)),
        "float16": (np.float16, (5,)),
        "int32": (np.int32, (2, 1)),
        "uint8": (np.uint8, (5, 2, 2)),
        "bool": (np.bool_, (5,)),
        "string": (np.object_, (5, 1)),
        "complex64": (np.complex64, ()),
    }


@pytest.mark.parametrize(("magnitude", "largest"), [("SMALL", 0.01), ("USUAL", 6), ("LARGE", 600)])
def test_magnitude_is_that_of_the_floats(magnitude, largest):
    values = RandomValues(0, Magnitude[magnitude]).array(tf.float32, [100, 10])
    assert largest / 10 < np.abs(values).max() < largest
    assert values.min() < 0


def test_every_second_small_example_is_zero(features):
    serialized = RandomValues(0, Magnitude.SMALL).examples(features, 4)
    sizes = tf.io.parse_example(tf.constant(serialized), _FEATURES)["size"].numpy()
    assert [bool(size.any()) for size in sizes] == [False, True, False, True]


def test_large_integers_have_either_sign_where_the_dtype_does():
    values = RandomValues(0, Magnitude.LARGE)
    assert values.array(tf.int32, [100]).min() < -50
    assert values.array(tf.uint8, [100]).max() > 50


def test_words_of_the_model_are_drawn():
    values = RandomValues(0, words=[b"setosa"])
    assert b"setosa" in values.array(tf.string, [100])
