"""Scoring with a published model: head and TFLite model together are the SavedModel."""

import concurrent.futures
import dataclasses
import pathlib
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pytest
import tensorflow as tf
from evaluations import make_data, publish, run_by_hand, save_classifier
from models import Tensors, example, save, save_parsing
from tfx.dsl.io import fileio
from tfx.utils import io_utils
from versions import RUNS_SELECT_TF_OPS

from tfx_tflite_component import scoring
from tfx_tflite_component.errors import ExamplesError, SourceModelError, UnsupportedOpsError
from tfx_tflite_component.graph.saved_model import load_signature
from tfx_tflite_component.scoring import Scorer
from tfx_tflite_component.tflite.interpreter import TFLiteModel

_TRAINING = make_data(100, seed=0)
# more than one call of the head takes
_DATA = make_data(1100, seed=1, outliers=True)
_WORDS = ("alpha", "beta", "gamma")


def _scorer(artifact: pathlib.Path | str) -> Scorer:
    return Scorer(f"{artifact}/Format-Serving")


def _by_saved_model(artifact: pathlib.Path, examples: list[bytes]) -> dict[str, np.ndarray]:
    signature = load_signature(artifact / "Format-Serving", "serving_default")
    return {name: tensor.numpy() for name, tensor in signature(tf.constant(examples)).items()}


@dataclasses.dataclass(frozen=True)
class _Case:
    """A model, and the examples that it is tried on."""

    features: Mapping[str, object]
    compute: Callable[[Tensors], Tensors]
    examples: list[bytes]
    config: str = ""


def _mixed(parsed: Tensors) -> Tensors:
    words = tf.constant(_WORDS)
    is_word = tf.cast(parsed["b_word"] == words, tf.float32)
    return {
        "z_sum": parsed["c_pair"][:, 0] - 2 * parsed["c_pair"][:, 1],
        "a_score": is_word * parsed["a_scalar"],
        "m_count": parsed["d_count"] + 1,
    }


_CASES = {
    "several inputs and outputs": _Case(
        {
            "c_pair": tf.io.FixedLenFeature([2], tf.float32),
            "a_scalar": tf.io.FixedLenFeature([1], tf.float32),
            "d_count": tf.io.FixedLenFeature([], tf.int64),
            "b_word": tf.io.FixedLenFeature([1], tf.string),
        },
        _mixed,
        [
            example(c_pair=[float(i), 0.5], a_scalar=[i / 7], d_count=[i], b_word=[_WORDS[i % 3]])
            for i in range(300)
        ],
    ),
    "missing features": _Case(
        {
            "word": tf.io.FixedLenFeature([1], tf.string, default_value="gamma"),
            "size": tf.io.FixedLenFeature([2], tf.float32, default_value=[7.0, -3.0]),
        },
        lambda parsed: {
            "score": parsed["size"] + tf.cast(parsed["word"] == "gamma", tf.float32),
        },
        [example(), example(size=[1.0, 2.0]), example(word=["alpha"]), example(word=["gamma"])],
    ),
    "sparse features": _Case(
        {"sizes": tf.io.VarLenFeature(tf.float32), "words": tf.io.VarLenFeature(tf.string)},
        lambda parsed: {
            "sum": tf.reduce_sum(tf.sparse.to_dense(parsed["sizes"], -2.0), axis=1),
            "alphas": tf.reduce_sum(
                tf.cast(tf.sparse.to_dense(parsed["words"]) == "alpha", tf.float32), axis=1
            ),
        },
        [
            example(sizes=[float(n) for n in range(i % 5)], words=[_WORDS[n] for n in range(i % 4)])
            for i in range(300)
        ],
    ),
    "sequences": _Case(
        {"sizes": tf.io.FixedLenSequenceFeature([2], tf.float32, allow_missing=True)},
        lambda parsed: {"sum": tf.reduce_sum(parsed["sizes"], axis=[1, 2])},
        [example(sizes=[0.5] * (2 * (i % 5))) for i in range(300)],
    ),
    "fixed batch size": _Case(
        {"size": tf.io.FixedLenFeature([2], tf.float32)},
        lambda parsed: {"double": 2 * parsed["size"]},
        [example(size=[float(i), -1.0]) for i in range(10)],
        "batch_size: 4",
    ),
}
_SELECT_TF = _Case(
    {"word": tf.io.FixedLenFeature([1], tf.string)},
    lambda parsed: {"bucket": tf.strings.to_hash_bucket_fast(parsed["word"], 1000)},
    [example(word=[f"word {i}"]) for i in range(5)],
    "ops { allow_select_tf_ops: true }",
)


@pytest.mark.parametrize("case", _CASES.values(), ids=_CASES.keys())
def test_scores_match_the_saved_model(case: _Case, tmp_path: pathlib.Path) -> None:
    _check_case(case, tmp_path)


def test_scores_with_select_tf_ops_where_the_interpreter_has_them(tmp_path: pathlib.Path) -> None:
    if RUNS_SELECT_TF_OPS:
        _check_case(_SELECT_TF, tmp_path)
        return
    message = f"cannot be run here.*Select TF ops.*this is TensorFlow {tf.__version__}"
    with pytest.raises(UnsupportedOpsError, match=message):
        _check_case(_SELECT_TF, tmp_path)


def test_model_with_custom_ops_is_refused_in_words(tmp_path: pathlib.Path) -> None:
    case = _Case(
        {"x": tf.io.FixedLenFeature([2], tf.float32)},
        lambda parsed: {"y": tf.math.erfinv(parsed["x"])},
        [example(x=[0.5, -0.5])],
        "ops { allow_custom_ops: true }",
    )
    with pytest.raises(UnsupportedOpsError, match=r"cannot be run here.*holds custom ops"):
        _check_case(case, tmp_path)


def _check_case(case: _Case, tmp_path: pathlib.Path) -> None:
    save_parsing(tmp_path / "trained" / "Format-Serving", case.features, case.compute)
    published = publish(tmp_path / "published", tmp_path / "trained", case.config)
    found = _scorer(published).score(case.examples)
    expected = _by_saved_model(tmp_path / "trained", case.examples)
    assert sorted(found) == sorted(expected)
    for name, values in expected.items():
        assert found[name].dtype == values.dtype
        np.testing.assert_allclose(found[name], values, rtol=1e-6, atol=1e-6)


def test_reads_tensors_of_the_signature_from_features_of_their_names(
    tmp_path: pathlib.Path,
) -> None:
    spec = tf.TensorSpec([None, 2], tf.float32, name="size")
    save(tmp_path / "trained" / "Format-Serving", lambda size: {"double": 2 * size}, spec)
    published = publish(tmp_path / "published", tmp_path / "trained")
    found = _scorer(published).score([example(size=[1.0, 2.0]), example(size=[-3.0, 4.0])])
    np.testing.assert_array_equal(found["double"], [[2, 4], [-6, 8]])


def test_last_batch_is_padded_for_a_fixed_batch_size(tmp_path: pathlib.Path) -> None:
    features = {"size": tf.io.FixedLenFeature([], tf.float32)}
    save(
        tmp_path / "trained" / "Format-Serving",
        lambda examples: {"double": 2 * tf.io.parse_example(examples, features)["size"]},
        tf.TensorSpec([4], tf.string, name="examples"),
    )
    published = publish(tmp_path / "published", tmp_path / "trained")
    found = _scorer(published).score([example(size=[float(i)]) for i in range(6)])
    np.testing.assert_array_equal(found["double"], [0, 2, 4, 6, 8, 10])


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return save_classifier(tmp_path_factory.mktemp("trained") / "model")


@pytest.fixture(scope="module")
def published(trained: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return publish(tmp_path_factory.mktemp("published") / "model", trained)


def test_more_examples_than_one_batch_are_scored(
    published: pathlib.Path, trained: pathlib.Path
) -> None:
    # without outliers, whose large logits both models round by more than the tolerance
    examples = make_data(len(_DATA.examples), seed=1).examples
    found = _scorer(published).score(examples)["probabilities"]
    expected = _by_saved_model(trained, examples)["probabilities"]
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.all_rows
@pytest.mark.parametrize(
    ("config", "input_dtype"),
    [
        pytest.param("quantization { mode: DYNAMIC_RANGE }", np.float32, id="dynamic range"),
        pytest.param("quantization { mode: FLOAT16 }", np.float32, id="float16"),
        pytest.param("quantization { mode: FULL_INTEGER }", np.float32, id="full integer"),
        pytest.param(
            "quantization { mode: FULL_INTEGER input_type: INT8 output_type: INT8 }",
            np.int8,
            id="signed inputs and outputs",
        ),
        pytest.param(
            "quantization { mode: FULL_INTEGER input_type: UINT8 output_type: UINT8 }",
            np.uint8,
            id="unsigned inputs and outputs",
        ),
        pytest.param(
            "quantization { mode: INT16_ACTIVATIONS input_type: INT16 output_type: INT16 }",
            np.int16,
            id="16 bits",
        ),
    ],
)
def test_scores_of_a_quantized_model_match_those_of_an_app(
    config: str, input_dtype: type, trained: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    published = publish(tmp_path / "model", trained, config, _TRAINING.examples)
    scorer = _scorer(published)
    found = scorer.score(_DATA.examples)["probabilities"]
    model = TFLiteModel(published / "Format-Serving" / "tflite")
    assert model.inputs["values"].dtype == input_dtype
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, run_by_hand(published, _DATA.values), atol=1e-6)


def test_values_out_of_the_calibrated_range_are_clipped_and_do_not_wrap(
    trained: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    config = "quantization { mode: FULL_INTEGER input_type: INT8 }"
    scorer = _scorer(publish(tmp_path / "model", trained, config, _TRAINING.examples))
    limit = float(np.abs(_TRAINING.values).max())
    found = scorer.score([example(values=[2.0 * limit] * 4), example(values=[20.0 * limit] * 4)])
    within, beyond = found["probabilities"]
    np.testing.assert_array_equal(within, beyond)


class _CountingModel(TFLiteModel):
    """A model that says which threads have copied it, and runs in one of these alone."""

    copied_by: list[int]
    runs_in: int

    def copy(self) -> "_CountingModel":
        model = super().copy()
        assert isinstance(model, _CountingModel)
        model.runs_in = threading.get_ident()
        self.copied_by.append(model.runs_in)
        return model

    def __call__(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        assert threading.get_ident() == self.runs_in
        return super().__call__(inputs)


def test_threads_share_a_scorer_and_have_an_interpreter_each(
    published: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_CountingModel, "copied_by", [], raising=False)
    monkeypatch.setattr(scoring, "TFLiteModel", _CountingModel)
    scorer = _scorer(published)
    barrier = threading.Barrier(2)

    def score_twice() -> np.ndarray:
        barrier.wait(timeout=60)
        scorer.score(_DATA.examples[:10])
        return scorer.score(_DATA.examples)["probabilities"]

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(score_twice) for _ in range(2)]
    first, second = (future.result() for future in futures)
    np.testing.assert_array_equal(first, second)
    assert len(_CountingModel.copied_by) == len(set(_CountingModel.copied_by)) == 2


class _SizedModel(TFLiteModel):
    """A model that keeps the sizes of its batches."""

    sizes: list[int]

    def __call__(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        self.sizes.append(len(inputs["values"]))
        return super().__call__(inputs)


@pytest.mark.parametrize(
    ("config", "count", "sizes"),
    [
        pytest.param("batch_size: 4", 10, [4, 4, 4], id="fixed batch size"),
        pytest.param("", 300, [100, 100, 100], id="dynamic batch size"),
        pytest.param("", 129, [65, 65], id="a rest"),
    ],
)
def test_batches_of_a_model_have_one_size(
    config: str,
    count: int,
    sizes: list[int],
    trained: pathlib.Path,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_SizedModel, "sizes", [], raising=False)
    monkeypatch.setattr(scoring, "TFLiteModel", _SizedModel)
    found = _scorer(publish(tmp_path / "model", trained, config)).score(_DATA.examples[:count])
    assert _SizedModel.sizes == sizes
    assert len(found["probabilities"]) == count


@pytest.fixture
def remote(published: pathlib.Path) -> Iterator[str]:
    """The artifact on a file system that is not the local one."""
    uri = "ram://scoring/model"
    io_utils.copy_dir(str(published), uri)
    yield uri
    fileio.rmtree(uri)


def test_loads_a_model_from_a_remote_file_system(remote: str, published: pathlib.Path) -> None:
    examples = _DATA.examples[:10]
    found, expected = (_scorer(artifact).score(examples) for artifact in (remote, published))
    np.testing.assert_array_equal(found["probabilities"], expected["probabilities"])


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        pytest.param(
            "Format-Serving/tflite", ["no TFLite model", "Format-Serving", "'tflite'"], id="model"
        ),
        pytest.param("head", ["no head", "/model/head", "TFLiteRewriter"], id="head"),
    ],
)
def test_refuses_an_artifact_without(
    missing: str, words: list[str], published: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    shutil.copytree(published, tmp_path / "model")
    (tmp_path / "model" / missing).rename(tmp_path / "elsewhere")
    with pytest.raises(SourceModelError) as raised:
        _scorer(tmp_path / "model")
    assert [word for word in words if word not in str(raised.value)] == []


def test_invalid_example_is_refused(published: pathlib.Path) -> None:
    with pytest.raises(ExamplesError, match="the head"):
        _scorer(published).score([b"no example"])
