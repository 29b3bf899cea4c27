"""That lowered resizes make the images that TensorFlow makes."""

import pathlib
import re

import numpy as np
import pytest
import tensorflow as tf
from lowerings import Compute, converted, lowered_ops
from quantizable import example, rewritten, save_model

_SHAPE = [8, 6, 3]
_IMAGES = np.random.default_rng(0).uniform(0, 255, [3, *_SHAPE]).astype(np.float32)


def _check(folder: pathlib.Path, compute: Compute, images: np.ndarray = _IMAGES) -> None:
    lowered = converted(folder, compute, ([None, *images.shape[1:]], images.dtype))
    assert len(lowered.split.lowered["resize"]) == 1
    for batch in (images, images[:1]):
        expected = lowered.signature(x0=tf.constant(batch))["y"].numpy()
        found = lowered.model({"x0": batch})["y"]
        assert found.shape == expected.shape
        # some units in the last place of the brightest pixel
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)


_methods = pytest.mark.parametrize("method", ["bicubic", "area", "lanczos3"])


@_methods
def test_resize_is_refused_without_the_lowering(method: str, tmp_path: pathlib.Path) -> None:
    lowered = converted(
        tmp_path, lambda x: tf.image.resize(x, [4, 4], method), ([None, *_SHAPE], tf.float32)
    )
    assert re.search("(ResizeBicubic|ResizeArea|ScaleAndTranslate), ", lowered.refused())


@_methods
@pytest.mark.parametrize("size", [[16, 13], [5, 9], [1, 1]], ids=str)
def test_resize(method: str, size: list[int], tmp_path: pathlib.Path) -> None:
    _check(tmp_path, lambda x: tf.image.resize(x, size, method))


@pytest.mark.parametrize("method", ["bilinear", "bicubic", "gaussian", "mitchellcubic"])
def test_resize_with_antialiasing(method: str, tmp_path: pathlib.Path) -> None:
    _check(
        tmp_path,
        lambda x: tf.image.resize(x, [3, 9], method, antialias=True),
    )


@pytest.mark.parametrize(
    "options", [{"align_corners": True}, {"half_pixel_centers": True}, {}], ids=str
)
def test_corners_and_centers(options: dict[str, bool], tmp_path: pathlib.Path) -> None:
    _check(
        tmp_path,
        lambda x: tf.raw_ops.ResizeBicubic(images=x, size=[5, 9], **options),
    )


def test_scale_and_translation_of_either_dimension(tmp_path: pathlib.Path) -> None:
    _check(
        tmp_path,
        lambda x: tf.raw_ops.ScaleAndTranslate(
            images=x, size=[7, 5], scale=[0.5, 1.5], translation=[1.0, -2.0], antialias=False
        ),
    )


def test_resize_of_integers(tmp_path: pathlib.Path) -> None:
    images = _IMAGES.astype(np.uint8)
    _check(tmp_path, lambda x: tf.image.resize(x, [4, 4], "bicubic"), images)


@pytest.mark.parametrize("shape", [[None, None, 6, 3], [None, 8, 6, None]], ids=str)
def test_images_of_unknown_size_are_unchanged(
    shape: list[int | None], tmp_path: pathlib.Path
) -> None:
    def resize(images: tf.Tensor) -> tf.Tensor:
        return tf.image.resize(images, [4, 4], "bicubic")

    assert "resize" not in lowered_ops(tmp_path, resize, (shape, tf.float32))


def test_resize_to_a_computed_size_is_unchanged(tmp_path: pathlib.Path) -> None:
    def resize(images: tf.Tensor) -> tf.Tensor:
        return tf.image.resize(images, tf.shape(images)[:2], "bicubic")

    assert "resize" not in lowered_ops(tmp_path, resize, ([None, *_SHAPE], tf.float32))


def test_becomes_integer(tmp_path: pathlib.Path) -> None:
    source = save_model(
        tmp_path / "model",
        {"image": tf.io.FixedLenFeature(_SHAPE, tf.float32)},
        lambda features: {"y": tf.image.resize(features["image"] / 255, [4, 4], "bicubic")},
    )
    images = [example(image=image) for image in _IMAGES]
    config = {"quantization": {"mode": "FULL_INTEGER"}}
    result = rewritten(source, tmp_path / "result", config, images, images)
    assert result.float_ops == []
    assert result.report.verification.outputs["y"].sqnr_db > 30
