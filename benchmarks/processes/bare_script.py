"""Converts a SavedModel as a script without this package would; measured from outside.

python bare_script.py SAVED_MODEL_DIR FILE
"""

import pathlib
import sys

import tensorflow as tf


def main(model: str, file: str) -> None:
    """Converts the signature as it is, with its parse op, which only Select TF ops can run."""
    loaded = tf.saved_model.load(model)
    # TFLiteConverter.from_saved_model aborts on a SavedModel that Keras 3 exported
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [loaded.signatures["serving_default"]], loaded
    )
    converter.target_spec.supported_ops = [
        tf.lite.OpsSet.TFLITE_BUILTINS,
        tf.lite.OpsSet.SELECT_TF_OPS,
    ]
    pathlib.Path(file).write_bytes(converter.convert())


if __name__ == "__main__":
    main(*sys.argv[1:])
