"""Models whose preprocessing, outside of TF Transform, has ops without a builtin form."""

import dataclasses
import pathlib
from collections.abc import Callable, Mapping

import keras
import numpy as np
import pytest
import tensorflow as tf
from models import Tensors, example, save_parsing

from tfx_tflite_component.config import read_config
from tfx_tflite_component.errors import UnsupportedOpsError
from tfx_tflite_component.report.schema import Report
from tfx_tflite_component.rewriting.compare import compare
from tfx_tflite_component.rewriting.rewrite import Samples, rewrite
from tfx_tflite_component.scoring import Scorer

_STRING = tf.io.FixedLenFeature([], tf.string)
_TOLERANCE = 1e-5


@dataclasses.dataclass(frozen=True)
class _Model:
    """A model to save, and what to expect of it.

    Attributes:
        make: Makes what computes the logits of features, and what holds its weights.
        features: The features that it parses.
        examples: Serialized `tf.Example`s.
        inputs: The dtype and shape of each input of the TFLite model.
        ops: Some of the ops that are left to the head.
    """

    make: Callable[[], tuple[Callable[[Tensors], tf.Tensor], list[keras.layers.Layer]]]
    features: Mapping[str, tf.io.FixedLenFeature]
    examples: list[bytes]
    inputs: Mapping[str, tuple[str, tuple[int, ...]]]
    ops: set[str]


@dataclasses.dataclass(frozen=True)
class _Published:
    model: _Model
    source: pathlib.Path
    folder: pathlib.Path
    report: Report


def _text() -> tuple[Callable[[Tensors], tf.Tensor], list[keras.layers.Layer]]:
    vectorize = keras.layers.TextVectorization(max_tokens=20, output_sequence_length=6)
    vectorize.adapt(["good film", "bad film", "the plot was good"])
    embed, classify = keras.layers.Embedding(20, 4), keras.layers.Dense(2)
    return (
        lambda f: classify(tf.reduce_max(embed(vectorize(f["text"])), 1)),
        [vectorize, embed, classify],
    )


def _image() -> tuple[Callable[[Tensors], tf.Tensor], list[keras.layers.Layer]]:
    filters, classify = keras.layers.Conv2D(4, 3), keras.layers.Dense(3)

    def pixels(jpeg: tf.Tensor) -> tf.Tensor:
        return tf.image.resize(tf.io.decode_jpeg(jpeg, channels=3), [12, 12]) / 255.0

    def compute(features: Tensors) -> tf.Tensor:
        images = tf.map_fn(pixels, features["photo"], fn_output_signature=tf.float32)
        return classify(tf.reduce_mean(filters(tf.ensure_shape(images, [None, 12, 12, 3])), [1, 2]))

    return compute, [filters, classify]


def _recommender() -> tuple[Callable[[Tensors], tf.Tensor], list[keras.layers.Layer]]:
    users, items = keras.layers.Embedding(50, 4), keras.layers.Embedding(70, 4)
    score = keras.layers.Dense(1)

    def compute(features: Tensors) -> tf.Tensor:
        user = users(tf.strings.to_hash_bucket_fast(features["user"], 50))
        item = items(tf.strings.to_hash_bucket_fast(features["item"], 70))
        return score(tf.concat([user * item, features["price"][:, None]], 1))

    return compute, [users, items, score]


def _jpeg(seed: int) -> bytes:
    random = np.random.default_rng(seed)
    height, width = random.integers(8, 30, 2)
    return tf.io.encode_jpeg(random.integers(0, 256, [height, width, 3]).astype(np.uint8)).numpy()


_MODELS = {
    "text": _Model(
        _text,
        {"text": _STRING},
        [example(text=[text]) for text in ("Good film!", "bad, BAD plot", "", "the unknown")],
        {"text": ("int64", (-1, 6))},
        {"StringLower", "StaticRegexReplace", "StringSplitV2"},
    ),
    "image": _Model(
        _image,
        {"photo": _STRING},
        [example(photo=[_jpeg(seed)]) for seed in range(5)],
        {"photo": ("float32", (-1, 12, 12, 3))},
        {"DecodeJpeg", "ResizeBilinear"},
    ),
    "recommender": _Model(
        _recommender,
        {"user": _STRING, "item": _STRING, "price": tf.io.FixedLenFeature([], tf.float32)},
        [example(user=[f"u{n}"], item=[f"i{n % 3}"], price=[n / 3]) for n in range(6)],
        {"user": ("int64", (-1,)), "item": ("int64", (-1,)), "price": ("float32", (-1,))},
        {"StringToHashBucketFast"},
    ),
}


@pytest.fixture(scope="module", params=_MODELS)
def published(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> _Published:
    """A model that was converted without any config."""
    model, folder = _MODELS[request.param], tmp_path_factory.mktemp(request.param)
    keras.utils.set_random_seed(1)
    compute, layers = model.make()
    compute(tf.io.parse_example(tf.constant(model.examples), model.features))
    module = tf.Module()
    module.layers = layers
    source = save_parsing(
        folder / "model", model.features, lambda f: {"logits": compute(f)}, module
    )
    out = folder / "out"
    out.mkdir()
    report = rewrite(source, out, read_config({}), Samples(verification=model.examples))
    return _Published(model, source, out, report)


def test_converts_with_only_the_preprocessing_left_to_the_head(published: _Published) -> None:
    report, model = published.report, published.model
    assert (report.boundary, report.model.op_set) == ("PER_FEATURE", "BUILTIN")
    inputs = {name: (tensor.dtype, tensor.shape) for name, tensor in report.inputs.items()}
    assert inputs == model.inputs
    assert report.verification.num_examples == len(model.examples)
    assert report.verification.outputs["logits"].max_abs_error < _TOLERANCE


def test_report_lists_what_an_app_has_to_compute(published: _Published) -> None:
    computed, model = published.report.computed_inputs, published.model
    assert {name: one.features for name, one in computed.items()} == {
        name: (name,) for name in model.inputs if name != "price"
    }
    assert model.ops <= {op for one in computed.values() for op in one.ops}


def test_published_files_score_examples_as_the_saved_model_does(published: _Published) -> None:
    examples = published.model.examples
    signature = tf.saved_model.load(str(published.source)).signatures["serving_default"]
    expected = signature(tf.constant(examples))["logits"].numpy()
    assert np.ptp(expected, axis=0).min() > 100 * _TOLERANCE
    found = Scorer(str(published.folder / "Format-Serving")).score(examples)
    np.testing.assert_allclose(found["logits"], expected, atol=_TOLERANCE)


def test_comparison_finds_the_boundary_again(published: _Published) -> None:
    path = published.folder / "Format-Serving" / "tflite"
    comparison = compare(published.source, path, read_config({}), published.model.examples)
    assert (comparison.boundary, comparison.failures) == ("PER_FEATURE", ())


def test_tensors_of_the_report_pin_the_boundary(
    published: _Published, tmp_path: pathlib.Path
) -> None:
    computed = published.report.computed_inputs
    config = {
        "input_boundary": "TENSORS",
        "boundary_tensors": {name: one.tensors[0] for name, one in computed.items()},
    }
    samples = Samples(verification=published.model.examples)
    report = rewrite(published.source, tmp_path, read_config(config), samples)
    assert report.model.sha256 == published.report.model.sha256


def test_pinned_boundary_of_parsed_features_is_refused_by_its_ops(
    published: _Published, tmp_path: pathlib.Path
) -> None:
    config = read_config({"input_boundary": "RAW_FEATURES"})
    with pytest.raises(UnsupportedOpsError) as raised:
        rewrite(published.source, tmp_path, config, Samples())
    assert published.model.ops <= set(raised.value.ops)
