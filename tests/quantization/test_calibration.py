"""What the converter calibrates with: the examples' own values, or a clear refusal."""

import pathlib
from collections.abc import Callable
from typing import Any

import models
import numpy as np
import pytest
import tensorflow as tf
from quantizable import example, rewritten, save_model, weights

from tfx_tflite_component.errors import ConversionError, ExamplesError
from tfx_tflite_component.graph.saved_model import load_signature
from tfx_tflite_component.quantization.calibration import RepresentativeDataset
from tfx_tflite_component.quantization.ranges import ValueRange, range_warnings
from tfx_tflite_component.split.split import Split, split

_NUMBER = tf.io.FixedLenFeature([2], tf.float32)
_WORDS = ["", "a", "bcd", "unknown"]
_POSITION_IN_THE_SECOND_BATCH = 37

Batches = list[dict[str, np.ndarray]]
MakeSplit = Callable[..., Split]


@pytest.fixture
def make_split(tmp_path: pathlib.Path) -> MakeSplit:
    """What splits a signature that hands its features on."""

    def make(batch_size: int = 0, **features: Any) -> Split:
        source = save_model(
            tmp_path / "model",
            features,
            lambda parsed: {
                # of a ragged feature its values, as a signature hands out plain tensors alone
                f"{name}_out": tf.identity(getattr(parsed[name], "flat_values", parsed[name]))
                for name in features
            },
        )
        return split(load_signature(source, "serving_default"), batch_size=batch_size)

    return make


def _batches(parts: Split, dataset: RepresentativeDataset) -> Batches:
    """The batches by the names of the model's inputs."""
    return [
        {parts.tail.input_names[plain]: array for plain, array in batch.items()}
        for _, batch in dataset()
    ]


def test_each_example_is_read_by_the_head(make_split: MakeSplit) -> None:
    parts = make_split(x=tf.io.FixedLenFeature([2], tf.float32, default_value=[7.0, 8.0]))
    examples = [example(x=[0.5, -1.0]), example(), example(x=[2.0, 3.0])]
    batches = _batches(parts, RepresentativeDataset(parts, examples))
    assert [batch["x"].tolist() for batch in batches] == [
        [[0.5, -1.0]],
        [[7.0, 8.0]],
        [[2.0, 3.0]],
    ]
    assert {batch["x"].dtype for batch in batches} == {np.dtype(np.float32)}


def test_every_iteration_returns_all_examples(make_split: MakeSplit) -> None:
    parts = make_split(x=_NUMBER)
    dataset = RepresentativeDataset(parts, [example(x=[float(i), 0.0]) for i in range(70)])
    assert dataset.num_examples == 70
    for _ in range(2):
        batches = _batches(parts, dataset)
        assert [batch["x"][0, 0] for batch in batches] == list(range(70))


def test_repeats_an_example_to_fill_a_fixed_batch(make_split: MakeSplit) -> None:
    parts = make_split(batch_size=3, x=_NUMBER, count=tf.io.FixedLenFeature([], tf.int64))
    (batch,) = _batches(parts, RepresentativeDataset(parts, [example(x=[1.0, 2.0], count=5)]))
    assert batch["x"].tolist() == [[1.0, 2.0]] * 3
    assert batch["count"].tolist() == [5] * 3


def test_pads_features_of_variable_length_to_the_longest(make_split: MakeSplit) -> None:
    parts = make_split(x=tf.io.RaggedFeature(tf.float32))
    # the longest is in the second batch of the head
    lengths = [1, 0, *[2] * 40, 4]
    examples = [example(x=np.arange(1.0, length + 1.0)) for length in lengths]
    batches = _batches(parts, RepresentativeDataset(parts, examples))
    assert {batch["x"].shape for batch in batches} == {(1, 4)}
    assert [batch["x_length"].tolist() for batch in batches] == [[length] for length in lengths]
    assert batches[0]["x"].tolist() == [[1, 0, 0, 0]]
    assert batches[-1]["x"].tolist() == [[1, 2, 3, 4]]


def test_calibrates_a_model_with_a_feature_of_variable_length(tmp_path: pathlib.Path) -> None:
    dense = weights(1, 3)

    def compute(features: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        total = tf.reduce_sum(tf.sparse.to_dense(features["x"]), axis=1, keepdims=True)
        return {"scores": total @ dense}

    source = save_model(tmp_path / "m", {"x": tf.io.VarLenFeature(tf.float32)}, compute, dense)
    random = np.random.default_rng(0)
    examples = [example(x=random.normal(size=index % 4)) for index in range(40)]
    config = {"quantization": {"mode": "FULL_INTEGER"}}
    result = rewritten(source, tmp_path / "out", config, examples, examples)
    assert result.float_ops == []
    assert result.report.verification.outputs["scores"].sqnr_db > 30


@pytest.mark.parametrize("batch_size", [0, 4])
def test_calibrates_a_model_with_any_batch_size(batch_size: int, tmp_path: pathlib.Path) -> None:
    dense = weights(2, 3)
    source = save_model(
        tmp_path / "model",
        {"x": _NUMBER},
        lambda features: {"scores": features["x"] @ dense},
        dense,
    )
    random = np.random.default_rng(0)
    examples = [example(x=random.uniform(-3, 5, size=2)) for _ in range(60)]
    config = {
        "quantization": {"mode": "FULL_INTEGER", "input_type": "INT8"},
        "batch_size": batch_size,
    }
    report = rewritten(source, tmp_path / "out", config, examples, examples).report
    found = report.calibration.ranges["x"]
    assert report.inputs["x"].shape == (batch_size or -1, 2)
    # 8 bits are spread over what the sample holds, and over nothing else
    assert report.inputs["x"].scales[0] * 255 == pytest.approx(found.max - found.min)
    assert report.verification.outputs["scores"].sqnr_db > 30


def test_ranges_are_those_of_the_sample(make_split: MakeSplit) -> None:
    parts = make_split(x=_NUMBER, count=tf.io.FixedLenFeature([], tf.int64))
    examples = [example(x=[float(i), -2.0 * i], count=i) for i in range(40)]
    assert RepresentativeDataset(parts, examples).ranges == {"x": ValueRange(-78.0, 39.0)}


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("shape", [[], [2]])
def test_refuses_a_value_that_is_not_finite(
    value: float, shape: list[int], make_split: MakeSplit
) -> None:
    odd = np.ones(shape)
    odd.flat[-1] = value
    parts = make_split(
        fine=tf.io.FixedLenFeature([], tf.float32),
        odd=tf.io.FixedLenFeature(shape, tf.float32),
    )
    examples = [example(fine=1.0, odd=np.ones(shape)) for _ in range(50)]
    examples[_POSITION_IN_THE_SECOND_BATCH] = example(fine=1.0, odd=odd)
    with pytest.raises(ExamplesError) as raised:
        RepresentativeDataset(parts, examples)
    where = f"example {_POSITION_IN_THE_SECOND_BATCH} of the calibration sample"
    assert f"Feature 'odd' is {value} in {where}" in str(raised.value)


def test_refuses_a_missing_feature_whose_default_is_nan(make_split: MakeSplit) -> None:
    parts = make_split(x=tf.io.FixedLenFeature([], tf.float32, default_value=np.nan))
    with pytest.raises(ExamplesError, match="'x' is nan in example 1 "):
        RepresentativeDataset(parts, [example(x=1.0), example()])


def test_refuses_an_empty_sample(make_split: MakeSplit) -> None:
    with pytest.raises(ExamplesError, match="no example to calibrate with"):
        RepresentativeDataset(make_split(x=_NUMBER), [])


def test_refuses_examples_that_the_head_refuses(make_split: MakeSplit) -> None:
    with pytest.raises(ExamplesError, match="takes 'x', and the examples hold 'y'"):
        RepresentativeDataset(make_split(x=_NUMBER), [example(y=1.0)])


def test_refuses_a_signature_that_no_example_can_feed(tmp_path: pathlib.Path) -> None:
    spec = tf.TensorSpec([], tf.float32, name="scale")
    source = models.save(tmp_path / "model", lambda scale: {"y": scale * 2}, spec)
    parts = split(load_signature(source, "serving_default"))
    with pytest.raises(ExamplesError, match=r"no tf\.Example can hold"):
        RepresentativeDataset(parts, [example(scale=1.0)])


def test_feeds_a_signature_of_tensors_from_features_of_the_same_names(
    tmp_path: pathlib.Path,
) -> None:
    spec = tf.TensorSpec([None, 2], tf.float32, name="x")
    source = models.save(tmp_path / "model", lambda x: {"y": x * 2}, spec)
    parts = split(load_signature(source, "serving_default"))
    (batch,) = _batches(parts, RepresentativeDataset(parts, [example(x=[1.0, -2.0])]))
    assert batch["x"].tolist() == [[1.0, -2.0]]


@pytest.mark.parametrize(
    ("found", "words"),
    [
        pytest.param(ValueRange(3.5, 3.5), "the value 3.5", id="constant"),
        pytest.param(ValueRange(0.0, 0.0), "the value 0", id="all zero"),
        pytest.param(ValueRange(np.inf, -np.inf), "no value", id="empty"),
    ],
)
def test_warns_of_a_feature_without_a_range(found: ValueRange, words: str) -> None:
    (warning,) = range_warnings({"odd": found, "fine": ValueRange(0.0, 1e-9)})
    assert f"Feature 'odd' has {words} in the whole calibration sample" in warning


def test_feature_without_a_range_is_reported(tmp_path: pathlib.Path) -> None:
    source = save_model(
        tmp_path / "model",
        {"x": _NUMBER, "zero": _NUMBER},
        lambda features: {"y": features["x"] + features["zero"]},
    )
    examples = [example(x=[float(i), 1.0], zero=[0.0, 0.0]) for i in range(5)]
    config = {"quantization": {"mode": "FULL_INTEGER"}}
    report = rewritten(source, tmp_path / "out", config, examples, examples).report
    assert [warning.split(" in ")[0] for warning in report.warnings] == [
        "Feature 'zero' has the value 0"
    ]
    assert report.calibration.ranges == {"x": ValueRange(0, 4), "zero": ValueRange(0, 0)}


@pytest.mark.parametrize("word", _WORDS)
def test_words_reach_the_calibration_as_they_are(word: str, tmp_path: pathlib.Path) -> None:
    values = tf.constant([[1.0], [-2.0], [4.0], [-8.0]])
    table = tf.lookup.StaticHashTable(
        tf.lookup.KeyValueTensorInitializer(_WORDS[:3], tf.constant([1, 2, 3], tf.int64)), 0
    )
    source = save_model(
        tmp_path / "model",
        {"word": tf.io.FixedLenFeature([], tf.string)},
        lambda features: {"y": tf.gather(values, table.lookup(features["word"]))},
        table,
    )
    config = {
        "quantization": {"mode": "FULL_INTEGER", "output_type": "INT8"},
        # a range of one value makes a poor model
        "verification": {"on_failure": "WARN"},
    }
    report = rewritten(source, tmp_path / "out", config, [example(word=word)]).report
    # the range is from zero to the one value that the sample leads to
    found = values[(_WORDS[:3].index(word) + 1) if word in _WORDS[:3] else 0, 0]
    assert report.outputs["y"].scales[0] * 255 == pytest.approx(abs(float(found)))


@pytest.mark.parametrize(
    ("feature", "batch_size", "strings"),
    [
        pytest.param(tf.io.FixedLenFeature([3], tf.string), 0, 3, id="several in an example"),
        pytest.param(tf.io.RaggedFeature(tf.string), 0, 3, id="of variable length"),
        pytest.param(tf.io.FixedLenFeature([], tf.string), 4, 4, id="fixed batch"),
    ],
)
def test_refuses_strings_that_the_converter_would_mix_up(
    feature: Any, batch_size: int, strings: int, make_split: MakeSplit
) -> None:
    words = "a" if batch_size else ["a", "b", "c"]
    with pytest.raises(ConversionError, match=f"'words' takes {strings} strings"):
        RepresentativeDataset(make_split(batch_size, words=feature), [example(words=words)])


def test_variable_length_string_feature_with_single_values_is_accepted(
    make_split: MakeSplit,
) -> None:
    parts = make_split(words=tf.io.RaggedFeature(tf.string))
    examples = [example(words="ab"), example()]
    batches = _batches(parts, RepresentativeDataset(parts, examples))
    assert [batch["words"].tolist() for batch in batches] == [[[b"ab"]], [[b""]]]
    assert [batch["words"].nbytes for batch in batches] == [2, 0]
