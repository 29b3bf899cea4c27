"""Boundaries whose tensors the config names."""

import gc

import pytest
import tensorflow as tf
from contract import check_contract, check_inputs, convert_model, split_model
from models import example, save, save_parsing

from tfx_tflite_component.errors import ConfigError, SplitError
from tfx_tflite_component.split.boundary import Boundary

_FEATURES = {
    "text": tf.io.FixedLenFeature([], tf.string, ""),
    "x": tf.io.FixedLenFeature([], tf.float32),
}
_EXAMPLES = [example(text=["A"], x=[1.5]), example(x=[-2.0])]
_HASH = "hash"


def _tensors(**names: str) -> str:
    entries = " ".join(
        f"boundary_tensors {{ key: {name!r} value: {tensor!r} }}" for name, tensor in names.items()
    )
    return f"input_boundary: TENSORS {entries}"


def _compute(parsed):
    bucket = tf.raw_ops.StringToHashBucketFast(input=parsed["text"], num_buckets=9, name="hash")
    return {"y": tf.cast(bucket, tf.float32) + parsed["x"]}


@pytest.fixture
def parsing(tmp_path):
    return save_parsing(tmp_path / "model", _FEATURES, _compute)


@pytest.mark.parametrize("tensor", [_HASH, f"{_HASH}:0", f"PartitionedCall/{_HASH}"])
def test_named_tensors_and_other_used_features_are_inputs(parsing, tensor):
    conversion = check_contract(parsing, _EXAMPLES, _tensors(bucket=tensor))
    assert conversion.split.boundary is Boundary.TENSORS
    assert conversion.split.reason == "the configuration names its tensors"
    assert conversion.inputs == {"bucket": ("int64", [None]), "x": ("float32", [None])}


def test_second_output_of_an_op_can_be_an_input(tmp_path):
    def compute(parsed):
        values, places = tf.raw_ops.TopKV2(input=parsed["x"], k=2, sorted=True, name="top")
        return {"y": values + tf.cast(places, tf.float32)}

    features = {"x": tf.io.FixedLenFeature([3], tf.float32)}
    model = save_parsing(tmp_path / "model", features, compute)
    examples = [example(x=[1.0, 3.0, 2.0]), example(x=[5.0, 4.0, 6.0])]
    top = "top"
    conversion = check_contract(model, examples, _tensors(values=top, places=f"{top}:1"))
    assert conversion.inputs == {"places": ("int32", [None, 2]), "values": ("float32", [None, 2])}


def test_other_used_tensors_of_the_signature_stay_inputs(tmp_path):
    def compute(image, gain):
        pixels = tf.io.decode_raw(image, tf.uint8, fixed_length=4)
        return {"y": tf.cast(pixels, tf.float32) * gain}

    model = save(
        tmp_path / "model",
        compute,
        tf.TensorSpec([None], tf.string, "image"),
        tf.TensorSpec([None, 1], tf.float32, "gain"),
    )
    decoded = "DecodePaddedRaw"
    conversion = convert_model(model, _tensors(pixels=decoded))
    assert conversion.inputs == {"gain": ("float32", [None, 1]), "pixels": ("uint8", [None, 4])}
    serialized = tf.constant(
        [example(image=["abcd"], gain=[0.5]), example(image=["xy"], gain=[2.0])]
    )
    head = conversion.split.head
    check_inputs(conversion, head.feed(serialized), head.function(serialized))


@pytest.fixture
def looping(tmp_path):
    """A model that parses its examples one by one."""

    def serve(examples):
        parsed = tf.map_fn(
            lambda one: tf.io.parse_single_example(one, _FEATURES)["x"],
            examples,
            fn_output_signature=tf.float32,
        )
        return {"y": tf.identity(parsed * 1.0, name="scaled") * 2.0}

    return save(tmp_path / "model", serve, tf.TensorSpec([None], tf.string, "examples"))


def test_parse_ops_that_cannot_be_split_off_stay_in_the_head(looping):
    conversion = check_contract(looping, _EXAMPLES, _tensors(x="mul"))
    assert conversion.inputs == {"x": ("float32", [None])}
    assert conversion.split.features == ()


@pytest.mark.slow
def test_loops_of_a_head_live_as_long_as_the_split(looping):
    parts = split_model(looping, _tensors(x="mul"))
    gc.collect()
    assert parts.head.function(tf.constant(_EXAMPLES))["x"].shape == [len(_EXAMPLES)]


def test_unknown_tensor_is_refused_with_the_names_nearest_to_it(parsing):
    with pytest.raises(ConfigError, match=rf"boundary_tensors\['b'\]: no ops .*'hush'.*'{_HASH}'"):
        split_model(parsing, _tensors(b="hush"))


@pytest.mark.parametrize("index", ["1", "first", "-1"])
def test_output_that_an_op_does_not_have_is_refused(parsing, index):
    with pytest.raises(ConfigError, match=rf"boundary_tensors\['b'\]: .* no output '{index}'"):
        split_model(parsing, _tensors(b=f"{_HASH}:{index}"))


def test_tensor_that_no_output_depends_on_is_refused(parsing):
    unused = "ParseExample/ParseExampleV2"
    with pytest.raises(ConfigError, match=r"boundary_tensors\['a'\]: none of the outputs 'y' depe"):
        split_model(parsing, _tensors(a=unused, b=_HASH))


def test_input_of_a_signature_that_no_example_can_hold_is_refused(tmp_path):
    model = save(tmp_path / "model", lambda x: {"y": x * 2.0 + 1.0}, tf.TensorSpec([], name="x"))
    with pytest.raises(SplitError, match=r"A tf\.Example cannot hold the inputs of the signature"):
        split_model(model, _tensors(doubled="mul"))
