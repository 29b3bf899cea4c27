"""Refuses SavedModels that do more than compute, before TensorFlow loads them.

Loading a SavedModel runs parts of it. Its ops may read and write any file, open connections, or
call Python.
"""

import pathlib
from collections.abc import Collection, Iterator

from tensorflow.core.framework.node_def_pb2 import NodeDef
from tensorflow.core.protobuf.meta_graph_pb2 import MetaGraphDef
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from tfx_tflite_component.errors import SourceModelError
from tfx_tflite_component.graph.executed_nodes import (
    Body,
    assets,
    executed_bodies,
    is_tf2,
)
from tfx_tflite_component.graph.file_names import FileNames
from tfx_tflite_component.op_effects import EFFECTS, TABLE_FILE_OPS, effect_of

_RESTORE = "RestoreV2"
_OTHER_FILE = "fills a lookup table from a file that is not one of the model's assets"


def check_assets(saved_model: SavedModel, path: pathlib.Path) -> None:
    """Refuses assets that TensorFlow would read from elsewhere on this machine.

    Args:
        saved_model: The content of the SavedModel.
        path: Its folder, for the message.

    Raises:
        SourceModelError: An asset is not in the SavedModel's own folder.
    """
    for graph in saved_model.meta_graphs:
        for asset in assets(graph):
            name = pathlib.PurePosixPath(asset.filename)
            if name.is_absolute() or ".." in name.parts:
                raise SourceModelError(
                    f"The SavedModel in {path} names {asset.filename!r} as one of its assets; "
                    "expected a file in its folder 'assets'. It would read a file of this "
                    "machine: do not use it, or export it again."
                )


def check_ops(saved_model: SavedModel, path: pathlib.Path, trusted: Collection[str]) -> None:
    """Refuses ops that reach files, the network or Python.

    Args:
        saved_model: The content of the SavedModel.
        path: Its folder, for the message.
        trusted: Ops that are not refused.

    Raises:
        SourceModelError: There is such an op, in what loading or calling the model can run.
    """
    version_2 = is_tf2(saved_model)
    for graph in saved_model.meta_graphs:
        bodies = executed_bodies(graph, version_2)
        for body, node, effect in _effects(graph, bodies):
            if node.op not in trusted:
                place = f"the function {body.name!r}" if body.name else "its graph"
                raise SourceModelError(
                    f"The SavedModel in {path} holds the op {node.op} ({node.name!r} in {place}), "
                    f"which {effect}; expected ops that only compute. Do not use the model unless "
                    f"you trust its author. If you do, set trusted_ops: {node.op!r}, or export it "
                    "without this op."
                )


def _effects(graph: MetaGraphDef, bodies: list[Body]) -> Iterator[tuple[Body, NodeDef, str]]:
    """The nodes that do more than compute, and what they do."""
    own_assets = FileNames(graph, bodies, [asset.tensor_info.name for asset in assets(graph)])
    own_checkpoint = FileNames(graph, bodies, [graph.saver_def.filename_tensor_name])
    for body in bodies:
        for node in body.nodes.values():
            if node.op in TABLE_FILE_OPS:
                if not own_assets.holds(body, node.input[1]):
                    yield body, node, _OTHER_FILE
            elif node.op == _RESTORE:
                # TF1's loader fills the variables by the graph itself
                if not own_checkpoint.holds(body, node.input[0]):
                    yield body, node, EFFECTS[node.op].value
            elif effect := effect_of(node):
                yield body, node, effect.value
