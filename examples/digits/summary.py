"""The table at the end of a run, read from ML Metadata and the artifacts that it lists."""

import pathlib

import ml_metadata as mlmd
import tensorflow_model_analysis as tfma
from ml_metadata import proto
from pipeline import (
    ACCURACY,
    PIPELINE_NAME,
    PUSHED_ID,
    PUSHER_ID,
    TFLITE_VARIANTS,
    TRAINER_ID,
    evaluator_id,
    metadata_connection,
)

_ROW = "{:<20} {:>9} {:>9} {:>8}  {}"


def summarize(root: pathlib.Path) -> str:
    """Returns a table of every model of the run below `root`: size, quality, destination."""
    store = mlmd.MetadataStore(metadata_connection(root))
    rows = [_row(store, model_id) for model_id in (TRAINER_ID, *TFLITE_VARIANTS)]
    return "\n".join([_ROW.format("model", "bytes", "accuracy", "blessed", "pushed to"), *rows])


def _row(store: mlmd.MetadataStore, model_id: str) -> str:
    model = _output(store, model_id, "Model")
    evaluation = _output(store, evaluator_id(model_id), "ModelEvaluation")
    blessing = _output(store, evaluator_id(model_id), "ModelBlessing")
    return _ROW.format(
        model_id,
        f"{_served_bytes(model.uri):,}",
        f"{_accuracy(evaluation.uri):.4f}",
        "yes" if blessing.custom_properties["blessed"].int_value else "no",
        _destination(store) if model_id == PUSHED_ID else "-",
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


def _served_bytes(model_uri: str) -> int:
    """Returns the size of what a Pusher would copy."""
    files = (pathlib.Path(model_uri) / "Format-Serving").rglob("*")
    return sum(file.stat().st_size for file in files if file.is_file())


def _accuracy(evaluation_uri: str) -> float:
    metrics = tfma.load_eval_result(evaluation_uri).get_metrics_for_slice()
    return metrics[ACCURACY]["doubleValue"]


def _destination(store: mlmd.MetadataStore) -> str:
    pushed = _output(store, PUSHER_ID, "PushedModel").custom_properties
    return pushed["pushed_destination"].string_value if pushed["pushed"].int_value else "nowhere"
