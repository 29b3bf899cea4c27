"""The TFLite models of all runs of a pipeline, from its ML Metadata."""

import dataclasses
import os
import pathlib
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

from google.protobuf import text_format

from tfx_tflite_component.errors import StorageError

if TYPE_CHECKING:
    from ml_metadata import MetadataStore

Artifact: TypeAlias = Any
"""ML Metadata's message; its module tells a type checker nothing."""

_OURS = "boundary"
"""The custom property by which a Model artifact of this package is known."""

_SQLITE = b"SQLite format 3\0"
_RUN = "pipeline_run"
_PIPELINE = "pipeline"
_NODE = "node"


@dataclasses.dataclass(frozen=True)
class ModelRecord:
    """A TFLite model of one run; None where the metadata does not say.

    Attributes:
        pipeline: The pipeline.
        run: The run.
        component: The id of the `TFLiteRewriter`.
        created: When the artifact was made, in UTC as ISO 8601.
        uri: The Model artifact's URI.
        source_model_uri: The SavedModel that it was made from.
        boundary: Where the SavedModel was split.
        quantization: The mode of quantization.
        config: The config, as JSON.
        size_bytes: The size of the TFLite model.
        argmax_agreement: The share of examples with the same largest value, of the worst output.
        sqnr_db: The signal-to-quantization-noise ratio in decibels, of the worst output.
        max_abs_error: The largest difference from the SavedModel.
        latency_ms: The median time of an inference on the machine that converted, in milliseconds.
        blessed: Whether an Evaluator blessed it.
        pushed: Whether a Pusher pushed it.
    """

    pipeline: str | None
    run: str | None
    component: str | None
    created: str
    uri: str
    source_model_uri: str | None
    boundary: str | None
    quantization: str | None
    config: str | None
    size_bytes: int | None
    argmax_agreement: float | None
    sqnr_db: float | None
    max_abs_error: float | None
    latency_ms: float | None
    blessed: bool | None
    pushed: bool | None


def read_history(metadata: str | os.PathLike[str]) -> list[ModelRecord]:
    """Reads the TFLite models that `TFLiteRewriter` published, oldest first.

    Args:
        metadata: The SQLite file of a pipeline's ML Metadata, or a file with a `ConnectionConfig`
            in protobuf's text form, such as of MySQL (https://www.tensorflow.org/tfx/guide/mlmd).

    Raises:
        StorageError: The metadata cannot be read.
    """
    store = _connect(pathlib.Path(metadata))
    artifacts = store.get_artifacts_by_type("Model")
    ours = [artifact for artifact in artifacts if _OURS in artifact.custom_properties]
    ours.sort(key=lambda artifact: artifact.create_time_since_epoch)
    return [_record(store, artifact) for artifact in ours]


def _connect(path: pathlib.Path) -> "MetadataStore":
    from ml_metadata import MetadataStore
    from ml_metadata.errors import StatusError
    from ml_metadata.proto import metadata_store_pb2

    protos: Any = metadata_store_pb2
    config = protos.ConnectionConfig()
    try:
        with path.open("rb") as file:
            is_database = file.read(len(_SQLITE)) == _SQLITE
        if is_database:
            config.sqlite.filename_uri = str(path.absolute())
            config.sqlite.connection_mode = protos.SqliteMetadataSourceConfig.READONLY
        else:
            text_format.Parse(path.read_text(), config)
        return MetadataStore(config)
    # a damaged database is a RuntimeError
    except (OSError, UnicodeDecodeError, text_format.ParseError, RuntimeError, StatusError) as e:
        raise StorageError(
            f"The metadata {path} cannot be read: {e}. Name the SQLite file of a pipeline's ML "
            "Metadata, or a file with a ConnectionConfig in text form."
        ) from e


def _record(store: "MetadataStore", artifact: Artifact) -> ModelRecord:
    contexts = {c.type: c.name for c in store.get_contexts_by_artifact(artifact.id)}
    consumers = list(_outputs_of_consumers(store, artifact.id))
    seconds = artifact.create_time_since_epoch / 1000

    def found(name: str) -> Any:
        return _value(artifact, name)

    return ModelRecord(
        pipeline=contexts.get(_PIPELINE),
        run=contexts.get(_RUN),
        component=_producer(store, artifact.id, contexts.get(_PIPELINE)),
        created=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds)),
        uri=artifact.uri,
        source_model_uri=found("source_model_uri"),
        boundary=found("boundary"),
        quantization=found("quantization"),
        config=found("config"),
        size_bytes=found("size_bytes"),
        argmax_agreement=found("argmax_agreement"),
        sqnr_db=found("sqnr_db"),
        max_abs_error=found("max_abs_error"),
        latency_ms=found("latency_ms"),
        blessed=_any(consumers, "ModelBlessing", "blessed"),
        pushed=_any(consumers, "PushedModel", "pushed"),
    )


def _producer(store: "MetadataStore", artifact_id: int, pipeline: str | None) -> str | None:
    """The id of the component that made an artifact; its context is named after the pipeline too.

    An artifact is also in the contexts of the components that read it.
    """
    from ml_metadata.proto import metadata_store_pb2

    protos: Any = metadata_store_pb2
    for event in store.get_events_by_artifact_ids([artifact_id]):
        if event.type == protos.Event.OUTPUT:
            for context in store.get_contexts_by_execution(event.execution_id):
                if context.type == _NODE:
                    return context.name.removeprefix(f"{pipeline}.")
    return None


def _outputs_of_consumers(store: "MetadataStore", artifact_id: int) -> Iterator[Artifact]:
    """The artifacts made by the components that read an artifact."""
    from ml_metadata.proto import metadata_store_pb2

    protos: Any = metadata_store_pb2
    inputs = (protos.Event.INPUT, protos.Event.DECLARED_INPUT)
    events = store.get_events_by_artifact_ids([artifact_id])
    executions = [event.execution_id for event in events if event.type in inputs]
    made = store.get_events_by_execution_ids(executions) if executions else []
    outputs = [event.artifact_id for event in made if event.type not in inputs]
    yield from store.get_artifacts_by_id(outputs) if outputs else []


def _any(artifacts: list[Artifact], kind: str, name: str) -> bool | None:
    """Whether any artifact of a type has a property set to 1; None if there is none of the type."""
    values = [_value(artifact, name) for artifact in artifacts if artifact.type == kind]
    return any(value == 1 for value in values) if values else None


def _value(artifact: Artifact, name: str) -> Any:
    if name not in artifact.custom_properties:
        return None
    value = artifact.custom_properties[name]
    return getattr(value, value.WhichOneof("value"))
