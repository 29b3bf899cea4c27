"""A pipeline that evaluates and pushes: stock Evaluators and Pushers around the rewriter."""

import json
import pathlib

import pytest
import tensorflow_model_analysis as tfma
import workers
from artifacts import write_split
from evaluations import (
    BEAM_ARGS,
    MODULE,
    eval_config,
    make_data,
    save_classifier,
    trying_models_here,
)
from tfx import v1 as tfx
from tfx.dsl.components.base.base_node import BaseNode
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.channel import BaseChannel
from versions import OF_NO_VERSION

from tfx_tflite_component import TFLiteRewriter

pytestmark = pytest.mark.slow

_CONFIG = """
model_specs {
  name: "candidate"
  model_type: "tf_lite"
  label_key: "label_xf"
  preprocessing_function_names: "transform_features"
}
model_specs {
  name: "baseline"
  is_baseline: true
  label_key: "label_xf"
  preprocessing_function_names: "transform_features"
}
metrics_specs { metrics {
  class_name: "SparseCategoricalAccuracy"
  config: '{"name": "accuracy"}'
  threshold { change_threshold { direction: HIGHER_IS_BETTER absolute { value: -0.02 } } }
} }
"""
# without a baseline, as on the first run, no limit on changes counts, and none blesses nothing
_STOCK_CONFIG = _CONFIG.replace('model_type: "tf_lite"', "").replace(
    "  threshold {", "  threshold { value_threshold { lower_bound { value: 0.1 } }"
)


def _import(folder: pathlib.Path, artifact: type, **properties: str) -> tfx.dsl.Importer:
    return tfx.dsl.Importer(
        str(folder),
        artifact,
        properties=properties,
        custom_properties={"tfx_version": tfx.__version__},
    ).with_id(folder.name)


def _import_examples(root: pathlib.Path) -> tfx.dsl.Importer:
    names = artifact_utils.encode_split_names(["train", "eval"])
    return _import(root / "examples", standard_artifacts.Examples, split_names=names)


def _evaluator(
    model: BaseChannel,
    baseline: BaseChannel,
    examples: tfx.dsl.Importer,
    config: str,
    **options: str,
) -> tfx.components.Evaluator:
    return tfx.components.Evaluator(
        model=model,
        baseline_model=baseline,
        examples=examples.outputs["result"],
        eval_config=eval_config(config),
        **options,
    )


def _create_pipeline(root: pathlib.Path) -> tfx.dsl.Pipeline:
    """Rewrites the trained model and a damaged copy, and holds both to the trained model."""
    examples = _import_examples(root)
    trained = _import(root / "trained", standard_artifacts.Model)
    damaged = _import(root / "damaged", standard_artifacts.Model)
    components = [examples, trained, damaged]
    for source in (trained, damaged):
        rewriter = TFLiteRewriter(
            model=source.outputs["result"],
            examples=examples.outputs["result"],
            config={"quantization": {"mode": "FULL_INTEGER"}},
        ).with_id(f"Rewriter.{source.id}")
        evaluator = _evaluator(
            rewriter.outputs["model"],
            trained.outputs["result"],
            examples,
            _CONFIG,
            module_path=MODULE,
        ).with_id(f"Evaluator.{source.id}")
        pusher = tfx.components.Pusher(
            model=rewriter.outputs["model"],
            model_blessing=evaluator.outputs["blessing"],
            push_destination=tfx.proto.PushDestination(
                filesystem=tfx.proto.PushDestination.Filesystem(
                    base_directory=str(root / "pushed" / source.id)
                )
            ),
        ).with_id(f"Pusher.{source.id}")
        components += [rewriter, evaluator, pusher]
    return _pipeline(root, "evaluation", components)


def _pipeline(root: pathlib.Path, name: str, components: list[BaseNode]) -> tfx.dsl.Pipeline:
    return tfx.dsl.Pipeline(
        pipeline_name=name,
        pipeline_root=str(root / name),
        components=components,
        metadata_connection_config=tfx.orchestration.metadata.sqlite_metadata_connection_config(
            str(root / f"{name}.sqlite")
        ),
        beam_pipeline_args=list(BEAM_ARGS),
    )


def _create_resolving_pipeline(root: pathlib.Path) -> tfx.dsl.Pipeline:
    """Compares the trained model with the last blessed one, beside a rewriter and its Evaluator."""
    examples = _import_examples(root)
    trained = _import(root / "trained", standard_artifacts.Model)
    resolver = tfx.dsl.Resolver(
        strategy_class=tfx.dsl.experimental.LatestBlessedModelStrategy,
        model=tfx.dsl.Channel(standard_artifacts.Model, producer_component_id=trained.id),
        model_blessing=tfx.dsl.Channel(
            standard_artifacts.ModelBlessing, producer_component_id="Evaluator"
        ),
    )
    rewriter = TFLiteRewriter(model=trained.outputs["result"])
    stock = _evaluator(
        trained.outputs["result"], resolver.outputs["model"], examples, _STOCK_CONFIG
    )
    tflite = _evaluator(
        rewriter.outputs["model"], trained.outputs["result"], examples, _CONFIG, module_path=MODULE
    )
    components = [examples, trained, resolver, stock, rewriter, tflite.with_id("Evaluator.tflite")]
    return _pipeline(root, "resolving", components)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The folder of the pipeline, run once."""
    root = tmp_path_factory.mktemp("evaluation")
    save_classifier(root / "trained")
    save_classifier(root / "damaged", damage=5.0)
    write_split(root / "examples", "train", make_data(100, seed=0).examples)
    write_split(root / "examples", "eval", make_data(300, seed=1).examples)
    with workers.in_process(), trying_models_here():
        tfx.orchestration.LocalDagRunner().run(_create_pipeline(root))
    return root


def _output(root: pathlib.Path, component: str, name: str) -> pathlib.Path:
    (artifact,) = (root / "evaluation" / component / name).glob("*")
    return artifact


def _evaluated_models(evaluation: pathlib.Path) -> dict[str, str]:
    """The folder of each model that was evaluated, by its name."""
    return json.loads((evaluation / "eval_config.json").read_text())["modelLocations"]


def _accuracy_lost(root: pathlib.Path, source: str) -> float:
    path = str(_output(root, f"Evaluator.{source}", "evaluation"))
    metrics = tfma.load_eval_result(path, model_name="candidate").get_metrics_for_slice()
    return -metrics["accuracy_diff"]["doubleValue"]


def test_model_as_good_as_the_trained_one_is_blessed_and_pushed(root: pathlib.Path) -> None:
    assert _accuracy_lost(root, "trained") <= 0.02
    assert (_output(root, "Evaluator.trained", "blessing") / "BLESSED").exists()
    (pushed,) = (root / "pushed" / "trained").glob("*/tflite")
    rewritten = _output(root, "Rewriter.trained", "model") / "Format-Serving" / "tflite"
    assert pushed.read_bytes() == rewritten.read_bytes()


def test_model_made_worse_is_neither_blessed_nor_pushed(root: pathlib.Path) -> None:
    assert _accuracy_lost(root, "damaged") > 0.05
    assert (_output(root, "Evaluator.damaged", "blessing") / "NOT_BLESSED").exists()
    assert (_output(root, "Rewriter.damaged", "model") / "Format-Serving" / "tflite").exists()
    assert not (root / "pushed" / "damaged").exists()


@OF_NO_VERSION
def test_second_run_resolves_the_blessed_saved_model_and_not_the_tflite_model(
    root: pathlib.Path,
) -> None:
    for _ in range(2):
        with workers.in_process(), trying_models_here():
            tfx.orchestration.LocalDagRunner().run(_create_resolving_pipeline(root))
    blessings = root / "resolving" / "Evaluator.tflite" / "blessing"
    assert len(list(blessings.glob("*/BLESSED"))) == 2
    evaluations = (root / "resolving" / "Evaluator" / "evaluation").iterdir()
    first, second = sorted(evaluations, key=lambda folder: int(folder.name))
    trained = str(root / "trained" / "Format-Serving")
    assert _evaluated_models(first) == {"": trained}
    assert _evaluated_models(second) == {"candidate": trained, "baseline": trained}
