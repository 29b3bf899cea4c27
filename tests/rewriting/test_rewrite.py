"""What travels with a model."""

import tracemalloc

import tensorflow as tf
from models import save_parsing

from tfx_tflite_component.config import read_config
from tfx_tflite_component.rewriting.rewrite import Samples, rewrite

_ASSET_BYTES = 64_000_000


def test_assets_are_copied_once_and_not_loaded(tmp_path):
    (tmp_path / "asset").touch()
    module = tf.Module()
    module.asset = tf.saved_model.Asset(str(tmp_path / "asset"))
    features = {"x": tf.io.FixedLenFeature([], tf.float32)}
    source = save_parsing(tmp_path / "source", features, lambda parsed: {"y": parsed["x"]}, module)
    with (source / "assets" / "asset").open("r+b") as file:
        file.truncate(_ASSET_BYTES)
    destination = tmp_path / "destination"
    destination.mkdir()
    tracemalloc.start()
    try:
        rewrite(source, destination, read_config({}), Samples())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    (copied,) = destination.rglob("asset")
    assert copied.relative_to(destination).as_posix() == "Format-Serving/assets/asset"
    assert copied.stat().st_size == _ASSET_BYTES
    assert peak < _ASSET_BYTES
