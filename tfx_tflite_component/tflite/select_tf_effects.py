"""Refuses TFLite models whose Select TF ops do more than compute, before they are run."""

import pathlib
from collections.abc import Collection, Iterator

from tensorflow.core.framework.node_def_pb2 import NodeDef

from tfx_tflite_component.errors import UnsupportedOpsError
from tfx_tflite_component.op_effects import TABLE_FILE_OPS, Effect, effect_of
from tfx_tflite_component.tflite.inspection import read_model
from tfx_tflite_component.tflite.select_tf_nodes import node_defs, op_names


def check_select_tf_ops(path: pathlib.Path, model: str, trusted: Collection[str] = ()) -> None:
    """Refuses Select TF ops that reach files, the network or Python.

    Args:
        path: The `.tflite` file.
        model: The model, for the message.
        trusted: Ops that are not refused.

    Raises:
        UnsupportedOpsError: There is such an op.
        ModelFileError: The file is damaged.
    """
    for op, name, effect in read_model(path, lambda content: list(_effects(content))):
        if op not in trusted:
            raise UnsupportedOpsError(
                f"The TFLite model in {model} holds the Select TF op {op} ({name!r}), "
                f"which {effect.value}; expected ops that only compute. Do not run the model "
                "unless you trust its author. If you do, convert it without this op.",
                [op],
            )


def _effects(content: bytes) -> Iterator[tuple[str, str, Effect]]:
    """The ops that do more than compute, with the names of their nodes, and what they do."""
    for name, serialized in zip(op_names(content), node_defs(content), strict=True):
        node = NodeDef.FromString(serialized)
        # TensorFlow runs the op that the options name, up to a null character, with the attributes
        # of the node; the node itself, and the model's list of ops, may name another one
        for op in sorted({name.partition("\0")[0], node.op}):
            node.op = op
            # a TFLite model has no assets: any file is a file of the machine
            if effect := Effect.FILES if op in TABLE_FILE_OPS else effect_of(node):
                yield op, node.name, effect
