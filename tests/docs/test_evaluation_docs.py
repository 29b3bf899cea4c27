"""The snippets of docs/evaluation.md run."""

from typing import Any

import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from artifacts import write_split
from evaluations import (
    BEAM_ARGS,
    MODULE,
    make_data,
    publish,
    save_classifier,
    trying_models_here,
)
from pages import run, snippets
from tfx import v1 as tfx
from tfx.dsl.input_resolution import resolver_op
from tfx.types import standard_artifacts
from versions import OF_NO_VERSION

from tfx_tflite_component import TFLiteRewriter

_PIPELINE, _RESOLVER, _ANALYSIS, _INFERENCE = snippets("docs/evaluation.md", "python")


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the snippet of a pipeline makes, and what the others use."""
    folder = tmp_path_factory.mktemp("docs")
    trained = save_classifier(folder / "trained")
    write_split(folder, "eval", make_data(100, seed=0).examples)
    model = tfx.dsl.Channel(type=standard_artifacts.Model)
    return run(
        _PIPELINE,
        examples=tfx.dsl.Channel(type=standard_artifacts.Examples),
        model=model,
        rewriter=TFLiteRewriter(model=model),
        destination=tfx.proto.PushDestination(),
        tflite_dir=f"{publish(folder / 'model', trained)}/Format-Serving",
        saved_model_dir=f"{trained}/Format-Serving",
        tfrecords=f"{folder}/Split-eval/*",
        pipeline_options=PipelineOptions(list(BEAM_ARGS)),
    )


def test_pipeline(names: dict[str, Any]) -> None:
    assert names["evaluator"].exec_properties["module_path"] == MODULE
    assert names["pusher"].inputs["model_blessing"] is names["evaluator"].outputs["blessing"]


def test_resolver_asks_for_the_model_of_one_component(names: dict[str, Any]) -> None:
    resolved = run(_RESOLVER, **names)["resolver"].inputs["model"]
    asked = [node.wrapped for node in resolver_op.get_input_nodes(resolved.output_node)]
    assert {
        channel.type_name: channel.producer_component_id
        for inputs in asked
        for channel in (inputs.values() if isinstance(inputs, dict) else [inputs])
    } == {"Model": "Trainer", "ModelBlessing": "Evaluator"}


@OF_NO_VERSION
@pytest.mark.slow
def test_analysis_without_tfx(names: dict[str, Any]) -> None:
    with trying_models_here():
        result = run(_ANALYSIS, **names)["result"]
    candidate, baseline = (one.get_metrics_for_slice() for one in result.get_results())
    name = "sparse_categorical_accuracy"
    assert candidate[name] == baseline[name]
    assert candidate[name]["doubleValue"] == pytest.approx(0.89)


@OF_NO_VERSION
def test_run_inference(names: dict[str, Any]) -> None:
    with trying_models_here():
        results = run(_INFERENCE, **names)["results"]
    assert results.producer.full_label.startswith("RunInference")
