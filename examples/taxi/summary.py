"""What came out, read from ML Metadata and from the TFLite model itself."""

import pathlib
import textwrap

import ml_metadata as mlmd
import tensorflow as tf
from ml_metadata import proto
from pipeline import metadata_path
from tfx.orchestration.metadata import sqlite_metadata_connection_config

_LABEL_WIDTH = 14
_WIDTH = 80


def summarize(root: pathlib.Path) -> str:
    """Returns what the TFLite model of the run below `root` is and takes."""
    model = _tflite_artifact(root)
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
    }
    return "\n".join(_line(label, fact) for label, fact in facts.items())


def _tflite_artifact(root: pathlib.Path) -> proto.Artifact:
    """Returns the only Model artifact that the rewriter has described."""
    store = mlmd.MetadataStore(sqlite_metadata_connection_config(metadata_path(root)))
    models = store.get_artifacts_by_type("Model")
    (model,) = [model for model in models if "boundary" in model.custom_properties]
    return model


def _line(label: str, fact: str) -> str:
    lines = textwrap.wrap(fact, _WIDTH, break_long_words=False, break_on_hyphens=False)
    return f"{label:<{_LABEL_WIDTH}}" + f"\n{'':<{_LABEL_WIDTH}}".join(lines)
