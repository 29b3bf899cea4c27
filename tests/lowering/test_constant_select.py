"""That selections go where they always select the same, and nowhere else."""

import pathlib
from collections.abc import Callable
from typing import Any

import models
import numpy as np
import pytest
import tensorflow as tf
from lowerings import split_lowered
from quantizable import example, rewritten, save_model, weights

from tfx_tflite_component.errors import ConversionError
from tfx_tflite_component.graph.flat_graph import ConcreteFunction, flatten
from tfx_tflite_component.graph.saved_model import load_signature
from tfx_tflite_component.lowering.lower import lower
from tfx_tflite_component.split.split import Split

_ODD_VALUES = [0.0, -0.0, 1.5, -3.25, 1e-38, 1e30, np.inf, -np.inf, np.nan]

Compute = Callable[..., tf.Tensor]
Parts = tuple[ConcreteFunction, Split]
MakeParts = Callable[..., Parts]


def _z_score(x: tf.Tensor, mean: Any, variance: Any) -> tf.Tensor:
    """What TF Transform's `scale_to_z_score` writes into a serving graph."""
    centered = tf.cast(x, tf.float32) - mean
    deviation = tf.sqrt(variance)
    varies = tf.cast(tf.not_equal(deviation, 0), centered.dtype)
    condition = tf.cast(tf.zeros_like(centered) + varies, tf.bool)
    return tf.where(condition, tf.divide(centered, deviation), centered)


def _zero_to_one(x: tf.Tensor, smallest: float, largest: tf.Tensor) -> tf.Tensor:
    """What TF Transform's `scale_to_0_1` writes into a serving graph."""
    x = tf.cast(x, tf.float32)
    varies = tf.cast(tf.less(smallest, largest), x.dtype)
    condition = tf.cast(tf.zeros_like(x) + varies, tf.bool)
    return tf.where(condition, (x - smallest) / (largest - smallest), tf.sigmoid(x))


@pytest.fixture
def make_parts(tmp_path: pathlib.Path) -> MakeParts:
    """What saves a signature, loads it, and splits it with the lowerings."""

    def make(compute: Compute, *shapes: list[int | None], dtype: Any = tf.float32) -> Parts:
        specs = [tf.TensorSpec(shape, dtype, name=f"x{i}") for i, shape in enumerate(shapes)]
        folder = models.save(tmp_path / "model", lambda *x: {"y": compute(*x)}, *specs)
        signature = load_signature(folder, "serving_default")
        return signature, split_lowered(signature)

    return make


def _check_same(parts: Parts, *inputs: np.ndarray) -> None:
    """Bit for bit, or NaN in the same places."""
    signature, lowered = parts
    expected = signature(**{f"x{i}": tf.constant(x) for i, x in enumerate(inputs)})["y"].numpy()
    plain = {name: plain for plain, name in lowered.tail.input_names.items()}
    fed = {plain[f"x{i}"]: tf.constant(x) for i, x in enumerate(inputs)}
    found = lowered.tail.function(**fed)["output_0"].numpy()
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    np.testing.assert_array_equal(found, expected)
    finite = ~np.isnan(expected)
    np.testing.assert_array_equal(np.signbit(found[finite]), np.signbit(expected[finite]))


def _removed(parts: Parts) -> int:
    return len(parts[1].lowered.get("constant_select", []))


def _odd_values(shape: list[int | None], batch: int) -> np.ndarray:
    return np.resize(np.float32(_ODD_VALUES), [batch if size is None else size for size in shape])


@pytest.mark.parametrize("shape", [[None], [None, 1], [None, 2, 3], [None, None], [9, 1]], ids=str)
@pytest.mark.parametrize(
    "scale",
    [
        pytest.param(lambda x: _z_score(x, 1.5, tf.constant(4.0)), id="z-score"),
        pytest.param(lambda x: _z_score(x, 1.5, tf.constant(0.0)), id="z-score of a constant"),
        pytest.param(lambda x: _zero_to_one(x, -1.0, tf.constant(3.0)), id="0 to 1"),
        pytest.param(lambda x: _zero_to_one(x, 3.0, tf.constant(3.0)), id="0 to 1 of a constant"),
    ],
)
def test_removes_the_guard_of_a_scaler(
    scale: Compute, shape: list[int | None], make_parts: MakeParts
) -> None:
    parts = make_parts(scale, shape)
    assert _removed(parts) == 1
    _check_same(parts, _odd_values(shape, batch=9))
    ops = {node.op for node in parts[1].tail.function.graph.as_graph_def().node}
    assert ops.isdisjoint({"SelectV2", "ZerosLike", "Cast", "NotEqual", "Less"})


def test_removes_the_guard_of_integers(make_parts: MakeParts) -> None:
    parts = make_parts(lambda x: _z_score(x, 2.0, tf.constant(4.0)), [None], dtype=tf.int64)
    assert _removed(parts) == 1
    _check_same(parts, np.array([0, 5, -7]))


@pytest.mark.parametrize("batch", [1, 3])
def test_batch_keeps_its_size(batch: int, make_parts: MakeParts) -> None:
    parts = make_parts(lambda x: _z_score(x, 1.0, tf.constant(4.0)), [None, 2])
    _check_same(parts, np.ones([batch, 2], np.float32))


def _everywhere(x: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.zeros_like(x) + 1, tf.bool)


# the graph optimizer multiplies by reciprocals, which are exact for powers of two alone
_VARIANCES = tf.constant([4.0, 16.0])


@pytest.mark.parametrize(
    ("compute", "removed"),
    [
        pytest.param(lambda x: _z_score(x, [1.0, 2.0], [4.0, 16.0]), 1, id="each column varies"),
        pytest.param(lambda x: _z_score(x, [1.0, 2.0], [4.0, 0.0]), 0, id="one column is constant"),
        pytest.param(lambda x: _z_score(x, 1.0, _VARIANCES), 1, id="captured statistics"),
        pytest.param(
            lambda x: _z_score(_z_score(x, 1.0, tf.constant(4.0)), 0.0, tf.constant(0.0)),
            2,
            id="one after the other",
        ),
        pytest.param(lambda x: tf.where(x > 0.5, x, x + 1), 0, id="condition on the data"),
        pytest.param(
            lambda x: tf.where(tf.not_equal(tf.zeros_like(x) * x, 0), x, x + 1),
            0,
            id="condition that NaN changes",
        ),
        pytest.param(lambda x: tf.where(tf.constant(True), x, 0.0), 1, id="other is smaller"),
        pytest.param(lambda x: tf.where(tf.constant(False), x, 0.0), 0, id="chosen is smaller"),
        pytest.param(
            lambda x: tf.where(tf.constant([[True] * 2] * 3), x[:1], 0.0),
            0,
            id="condition is larger",
        ),
        pytest.param(lambda x: tf.compat.v1.where(_everywhere(x), x, x + 1), 1, id="Select of TF1"),
        pytest.param(
            lambda x: tf.where(~_everywhere(x) & (tf.zeros_like(x) < 1), x, x + 1), 1, id="logic"
        ),
    ],
)
def test_only_selections_without_effect_are_removed(
    compute: Compute, removed: int, make_parts: MakeParts
) -> None:
    parts = make_parts(compute, [None, 2])
    assert _removed(parts) == removed
    _check_same(parts, _odd_values([None, 2], batch=9))


def test_keeps_a_condition_in_a_variable(tmp_path: pathlib.Path) -> None:
    module = tf.Module()
    module.condition = tf.Variable(True)
    spec = tf.TensorSpec([None], tf.float32, name="x")
    folder = models.save(
        tmp_path / "model",
        lambda x: {"y": tf.where(module.condition, x, x + 1)},
        spec,
        module=module,
    )
    _, lowered = lower(flatten(load_signature(folder, "serving_default")))
    assert lowered == {}


def _of_unknown_rank(x: tf.Tensor) -> tf.Tensor:
    return tf.reshape(x, tf.boolean_mask(tf.shape(x), tf.shape(x) > 0))


@pytest.mark.parametrize(
    ("shape", "other", "change"),
    [
        pytest.param([None], [None], tf.identity, id="unknown sizes"),
        pytest.param([None, 1], [None, 3], tf.identity, id="known sizes"),
        pytest.param([None], [None, 1], tf.identity, id="other rank"),
        pytest.param([None], [None], _of_unknown_rank, id="unknown ranks"),
        pytest.param([None], [3], _of_unknown_rank, id="unknown and known rank"),
    ],
)
def test_keeps_a_selection_that_also_changes_the_shape(
    shape: list[int | None], other: list[int | None], change: Compute, tmp_path: pathlib.Path
) -> None:
    folder = models.save(
        tmp_path / "model",
        lambda a, b: {"y": tf.where(tf.constant(True), change(a), b)},
        tf.TensorSpec(shape, tf.float32),
        tf.TensorSpec(other, tf.float32),
    )
    _, lowered = lower(flatten(load_signature(folder, "serving_default")))
    assert "constant_select" not in lowered


@pytest.fixture(scope="module")
def scaled(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A model behind scalers of TF Transform, such as the stock penguin model."""
    hidden, scores = weights(4, 8), weights(8, 3)
    names = ("culmen_length", "culmen_depth", "flipper_length", "body_mass")

    def compute(features: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        with tf.name_scope("transform_features_layer"):
            columns = [_z_score(features[name], 0.5, tf.constant(0.04)) for name in names[:3]]
            columns.append(_zero_to_one(features[names[3]], 0.0, tf.constant(1.0)))
        return {"scores": tf.nn.relu(tf.concat(columns, axis=1) @ hidden) @ scores}

    return save_model(
        tmp_path_factory.mktemp("scaled") / "model",
        dict.fromkeys(names, tf.io.FixedLenFeature([1], tf.float32)),
        compute,
        hidden,
        scores,
    )


def _penguins(count: int) -> list[bytes]:
    random = np.random.default_rng(0)
    names = ("culmen_length", "culmen_depth", "flipper_length", "body_mass")
    return [example(**{name: random.uniform() for name in names}) for _ in range(count)]


@pytest.mark.parametrize("mode", ["FULL_INTEGER", "INT16_ACTIVATIONS"])
def test_model_behind_scalers_becomes_integer_throughout(
    mode: str, scaled: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    examples = _penguins(60)
    result = rewritten(scaled, tmp_path, {"quantization": {"mode": mode}}, examples, examples)
    assert result.float_ops == []
    assert len(result.report.lowered["constant_select"]) == 4
    assert result.report.verification.outputs["scores"].sqnr_db > 30


def test_model_behind_scalers_would_not_without_the_lowering(
    scaled: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    # with Select TF ops there is nothing that needs a lowering
    config = {"quantization": {"mode": "INT16_ACTIVATIONS"}, "ops": {"allow_select_tf_ops": True}}
    with pytest.raises(ConversionError, match="'SELECT_V2', 'ZEROS_LIKE' of the preprocessing"):
        rewritten(scaled, tmp_path, config, _penguins(10))
