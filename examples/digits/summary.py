"""The table at the end of a run, read from ML Metadata and the artifacts that it lists."""

import json
import pathlib

import ml_metadata as mlmd
import tensorflow_model_analysis as tfma
from ml_metadata import proto
from pipeline import (
    ACCURACY,
    BASELINE,
    CANDIDATE,
    INFRA_VALIDATOR_ID,
    PIPELINE_NAME,
    PUSHED_ID,
    PUSHER_ID,
    TFLITE_VARIANTS,
    TRAINER_ID,
    evaluator_id,
    metadata_connection,
)

from tfx_tflite_component import TFLiteReport

_ROW = "{:<18} {:>9} {:>9} {:>10} {:>8} {:>9}  {}"


def summarize(root: pathlib.Path) -> str:
    """Returns a table of every model of the run below `root`: size, quality, destination."""
    store = mlmd.MetadataStore(metadata_connection(root))
    header = _ROW.format(
        "model", "bytes", "accuracy", "agreement", "blessed", "may ship", "pushed to"
    )
    rows = [_tflite_row(store, variant) for variant in TFLITE_VARIANTS]
    return "\n".join([header, _trainer_row(store), *rows])


def _trainer_row(store: mlmd.MetadataStore) -> str:
    model = _output(store, TRAINER_ID, "Model")
    # Every Evaluator measures it, as what a TFLite model is compared with.
    evaluation = _output(store, evaluator_id(PUSHED_ID), "ModelEvaluation")
    accuracy = _accuracy(evaluation.uri, BASELINE)
    return _ROW.format(TRAINER_ID, _served_bytes(model.uri), accuracy, "-", "-", "-", "-")


def _tflite_row(store: mlmd.MetadataStore, variant: str) -> str:
    model = _output(store, variant, "Model")
    report = _output(store, variant, TFLiteReport.TYPE_NAME)
    evaluation = _output(store, evaluator_id(variant), "ModelEvaluation")
    blessing = _output(store, evaluator_id(variant), "ModelBlessing")
    return _ROW.format(
        variant,
        _served_bytes(model.uri),
        _accuracy(evaluation.uri, CANDIDATE),
        _agreement(report.uri),
        _blessed(blessing),
        _blessed(_output(store, INFRA_VALIDATOR_ID, "InfraBlessing"))
        if variant == PUSHED_ID
        else "-",
        _destination(store) if variant == PUSHED_ID else "-",
    )


def _output(store: mlmd.MetadataStore, component_id: str, type_name: str) -> proto.Artifact:
    """Returns the only artifact of the type that the component has put out."""
    name = f"{PIPELINE_NAME}.{component_id}"
    (node,) = [context for context in store.get_contexts_by_type("node") if context.name == name]
    executions = [execution.id for execution in store.get_executions_by_context(node.id)]
    events = store.get_events_by_execution_ids(executions)
    # The node's context lists its inputs as well, so a rewriter's holds two models.
    outputs = [e.artifact_id for e in events if e.type == proto.Event.OUTPUT]
    (artifact,) = [a for a in store.get_artifacts_by_id(outputs) if a.type == type_name]
    return artifact


def _served_bytes(model_uri: str) -> str:
    """Returns the size of what a Pusher would copy."""
    files = (pathlib.Path(model_uri) / "Format-Serving").rglob("*")
    return f"{sum(file.stat().st_size for file in files if file.is_file()):,}"


def _accuracy(evaluation_uri: str, model_name: str) -> str:
    result = tfma.load_eval_result(evaluation_uri, model_name=model_name)
    return f"{result.get_metrics_for_slice()[ACCURACY]['doubleValue']:.4f}"


def _agreement(report_uri: str) -> str:
    """Returns the share of examples that the SavedModel puts into the same class."""
    report = json.loads((pathlib.Path(report_uri) / "report.json").read_text())
    return f"{report['verification']['outputs']['probabilities']['argmax_agreement']:.1%}"


def _blessed(blessing: proto.Artifact) -> str:
    return "yes" if blessing.custom_properties["blessed"].int_value else "no"


def _destination(store: mlmd.MetadataStore) -> str:
    pushed = _output(store, PUSHER_ID, "PushedModel").custom_properties
    return pushed["pushed_destination"].string_value if pushed["pushed"].int_value else "nowhere"
