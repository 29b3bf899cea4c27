"""What came out, read from ML Metadata and from the TFLite model itself."""

import pathlib
import textwrap

import ml_metadata as mlmd
import tensorflow as tf
from ml_metadata import proto
from tfx import v1 as tfx

_LABEL_WIDTH = 14
_WIDTH = 80


def summarize(metadata: tfx.orchestration.metadata.ConnectionConfigType) -> str:
    """Returns what the TFLite model is and takes, and where it was pushed to."""
    store = mlmd.MetadataStore(metadata)
    model = _tflite_artifact(store)
    path = pathlib.Path(model.uri, "Format-Serving", "tflite")
    properties = model.custom_properties
    signature = tf.lite.Interpreter(str(path)).get_signature_list()["serving_default"]
    facts = {
        "model": str(path),
        "bytes": f"{properties['size_bytes'].int_value:,}",
        "boundary": properties["boundary"].string_value,
        "op set": properties["op_set"].string_value,
        "quantization": properties["quantization"].string_value,
        f"{len(signature['inputs'])} inputs": ", ".join(sorted(signature["inputs"])),
        "outputs": ", ".join(signature["outputs"]),
        "pushed to": _destination(store),
    }
    return "\n".join(_line(label, fact) for label, fact in facts.items())


def _tflite_artifact(store: mlmd.MetadataStore) -> proto.Artifact:
    """Returns the only Model artifact that the rewriter has described."""
    models = store.get_artifacts_by_type("Model")
    (model,) = [model for model in models if "boundary" in model.custom_properties]
    return model


def _destination(store: mlmd.MetadataStore) -> str:
    (pushed,) = store.get_artifacts_by_type("PushedModel")
    return pushed.custom_properties["pushed_destination"].string_value


def _line(label: str, fact: str) -> str:
    lines = textwrap.wrap(fact, _WIDTH, break_long_words=False, break_on_hyphens=False)
    return f"{label:<{_LABEL_WIDTH}}" + f"\n{'':<{_LABEL_WIDTH}}".join(lines)
