"""The component: how it is declared, and that it runs in a real pipeline with ML Metadata."""

import hashlib
import pathlib
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import ml_metadata as mlmd
import pytest
import tensorflow as tf
import workers
from artifacts import write_split
from ml_metadata import proto
from small_model import save_small_model, small_examples
from tfx import v1 as tfx
from tfx.orchestration.data_types import RuntimeParameter
from tfx.types import artifact_utils, standard_artifacts

from tfx_tflite_component import TFLiteRewriter, TFLiteRewriterConfig
from tfx_tflite_component.config import read_config
from tfx_tflite_component.errors import ConfigError

_CONFIG = TFLiteRewriterConfig(
    signature_key="serving_default", quantization={"mode": "DYNAMIC_RANGE"}
)


def _model() -> tfx.types.BaseChannel:
    return tfx.dsl.Channel(type=standard_artifacts.Model)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        pytest.param(_CONFIG, _CONFIG, id="message"),
        pytest.param({"quantization": {"mode": "DYNAMIC_RANGE"}}, _CONFIG, id="mapping"),
        pytest.param('{"quantization": {"mode": "DYNAMIC_RANGE"}}', _CONFIG, id="JSON"),
        pytest.param("quantization { mode: DYNAMIC_RANGE }", _CONFIG, id="text form"),
        pytest.param(None, TFLiteRewriterConfig(), id="none"),
    ],
)
def test_config_is_accepted_in_every_form(
    config: TFLiteRewriterConfig | Mapping[str, Any] | str | None, expected: TFLiteRewriterConfig
) -> None:
    component = TFLiteRewriter(model=_model(), config=config)
    assert read_config(component.exec_properties["config"]) == read_config(expected)


def test_leaves_a_runtime_parameter_to_the_runner() -> None:
    parameter = RuntimeParameter(name="tflite", ptype=str, default="{}")
    component = TFLiteRewriter(model=_model(), config=parameter)
    assert component.exec_properties["config"] is parameter


@pytest.mark.parametrize(
    ("config", "culprit"),
    [
        pytest.param({"quantisation": {"mode": "NONE"}}, "quantisation", id="mapping"),
        pytest.param('{"quantisation": {"mode": "NONE"}}', "quantisation", id="JSON"),
        pytest.param("quantisation { mode: NONE }", "quantisation", id="text form"),
        pytest.param('{"ops": {"allow_flex": true}}', "allow_flex", id="nested"),
        pytest.param({"quantization": {"mode": "INT4"}}, "INT4", id="value"),
    ],
)
def test_unknown_fields_are_refused_at_construction(
    config: Mapping[str, Any] | str, culprit: str
) -> None:
    with pytest.raises(ConfigError, match=culprit):
        TFLiteRewriter(model=_model(), config=config)


@pytest.mark.parametrize(
    ("config", "culprit"),
    [
        pytest.param({"batch_size": -1}, "batch_size", id="negative batch size"),
        pytest.param(
            {"output": {"extra_filename": "tflite"}}, "extra_filename", id="taken file name"
        ),
        pytest.param(
            {"output": {"extra_filename": "../model.tflite"}}, "extra_filename", id="path"
        ),
        pytest.param(
            {"quantization": {"mode": "FULL_INTEGER"}}, "examples", id="no examples to calibrate"
        ),
        pytest.param({"input_boundary": "TENSORS"}, "boundary_tensors", id="no tensors named"),
    ],
)
def test_refuses_contradictions_at_construction(config: dict[str, Any], culprit: str) -> None:
    with pytest.raises(ConfigError, match=culprit):
        TFLiteRewriter(model=_model(), config=config)


def test_refuses_a_transform_graph_without_a_use_at_construction() -> None:
    graph = tfx.dsl.Channel(type=standard_artifacts.TransformGraph)
    with pytest.raises(ConfigError, match="`transform_graph` has no effect"):
        TFLiteRewriter(
            model=_model(), transform_graph=graph, config={"input_boundary": "SIGNATURE"}
        )


def test_transform_graph_is_accepted() -> None:
    graph = tfx.dsl.Channel(type=standard_artifacts.TransformGraph)
    component = TFLiteRewriter(model=_model(), transform_graph=graph)
    assert component.inputs["transform_graph"] is graph


def test_puts_out_a_model() -> None:
    component = TFLiteRewriter(model=_model())
    assert component.outputs["model"].type is standard_artifacts.Model
    assert component.outputs["model"] is not component.inputs["model"]


def test_refuses_a_channel_of_another_type() -> None:
    with pytest.raises(TypeError, match="Model"):
        TFLiteRewriter(model=tfx.dsl.Channel(type=standard_artifacts.Examples))


@pytest.mark.process
def test_importing_the_package_loads_neither_tensorflow_nor_tfx() -> None:
    program = (
        "import sys, tfx_tflite_component\n"
        "print(*{'tensorflow', 'tfx', 'tensorflow_model_analysis'} & set(sys.modules))"
    )
    loaded = subprocess.check_output([sys.executable, "-c", program], text=True)
    assert loaded.strip() == ""


class _Pipeline:
    """A pipeline that imports a trained model and rewrites it, and its ML Metadata."""

    def __init__(self, root: pathlib.Path) -> None:
        self.source = root / "trainer"
        self._root = root
        save_small_model(self.source / "Format-Serving")
        write_split(root / "examples", "eval", small_examples())

    def run(self, configs: Mapping[str, Any]) -> None:
        """Runs the pipeline with a rewriter for each config, by the rewriter's id."""
        model = tfx.dsl.Importer(
            str(self.source),
            standard_artifacts.Model,
            custom_properties={"tfx_version": tfx.__version__},
        ).with_id("Model")
        examples = tfx.dsl.Importer(
            str(self._root / "examples"),
            standard_artifacts.Examples,
            properties={"split_names": artifact_utils.encode_split_names(["eval"])},
            custom_properties={"tfx_version": tfx.__version__},
        ).with_id("Examples")
        rewriters = [
            TFLiteRewriter(
                model=model.outputs["result"], examples=examples.outputs["result"], config=config
            ).with_id(name)
            for name, config in configs.items()
        ]
        pipeline = tfx.dsl.Pipeline(
            pipeline_name="small",
            pipeline_root=str(self._root / "pipeline"),
            components=[model, examples, *rewriters],
            enable_cache=True,
            metadata_connection_config=self._connection(),
        )
        tfx.orchestration.LocalDagRunner().run(pipeline)

    def executions(self, rewriter: str) -> list[int]:
        """The states of all executions of a rewriter, first to last."""
        store = mlmd.MetadataStore(self._connection())
        context = store.get_context_by_type_and_name("node", f"small.{rewriter}")
        executions = store.get_executions_by_context(context.id)
        return [run.last_known_state for run in sorted(executions, key=lambda run: run.id)]

    def model(self, rewriter: str) -> proto.Artifact:
        """The Model artifact that the first execution of a rewriter put out."""
        store = mlmd.MetadataStore(self._connection())
        models = store.get_artifacts_by_type("Model")
        folder = str(self._root / "pipeline" / rewriter / "model")
        return next(model for model in models if model.uri.startswith(folder))

    def _connection(self) -> proto.ConnectionConfig:
        path = str(self._root / "metadata.sqlite")
        return tfx.orchestration.metadata.sqlite_metadata_connection_config(path)


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> _Pipeline:
    """Two rewriters in one pipeline, run once; and once more with the config of one changed."""
    pipeline = _Pipeline(tmp_path_factory.mktemp("pipeline"))
    small = RuntimeParameter(
        name="small",
        ptype=str,
        # so small a model has more channels than weights in each, and a scale for each of them
        default="quantization { mode: DYNAMIC_RANGE per_channel: false }",
    )
    changed = {"quantization": {"mode": "FLOAT16"}}
    with workers.in_process():
        pipeline.run({"Float": TFLiteRewriterConfig(), "Small": small})
        pipeline.run({"Float": TFLiteRewriterConfig(), "Small": changed})
    return pipeline


@pytest.mark.slow
def test_two_rewriters_in_one_pipeline_make_a_model_each(pipeline: _Pipeline) -> None:
    paths = [
        pathlib.Path(pipeline.model(rewriter).uri, "Format-Serving", "tflite")
        for rewriter in ("Float", "Small")
    ]
    float_size, small_size = (path.stat().st_size for path in paths)
    assert small_size < float_size / 2


@pytest.mark.slow
def test_ml_metadata_describes_the_model(pipeline: _Pipeline) -> None:
    model = pipeline.model("Float")
    content = pathlib.Path(model.uri, "Format-Serving", "tflite").read_bytes()
    properties = model.custom_properties
    texts = {
        name: properties[name].string_value
        for name in ("boundary", "quantization", "sha256", "op_set", "source_model_uri")
    }
    assert texts == {
        "boundary": "RAW_FEATURES",
        "quantization": "NONE",
        "sha256": hashlib.sha256(content).hexdigest(),
        "op_set": "BUILTIN",
        "source_model_uri": str(pipeline.source / "Format-Serving"),
    }
    assert properties["size_bytes"].int_value == len(content)
    assert properties["tensorflow_version"].string_value == tf.__version__


@pytest.mark.slow
def test_runtime_parameter_reaches_the_executor(pipeline: _Pipeline) -> None:
    properties = pipeline.model("Small").custom_properties
    assert properties["quantization"].string_value == "DYNAMIC_RANGE"


@pytest.mark.slow
def test_unchanged_rerun_is_cached(pipeline: _Pipeline) -> None:
    assert pipeline.executions("Float") == [proto.Execution.COMPLETE, proto.Execution.CACHED]


@pytest.mark.slow
def test_changed_config_is_not_cached(pipeline: _Pipeline) -> None:
    assert pipeline.executions("Small") == [proto.Execution.COMPLETE, proto.Execution.COMPLETE]
