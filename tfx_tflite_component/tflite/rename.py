"""Renames the inputs and outputs of a TFLite model in place.

A FlatBuffer refers to a string by an offset. So a longer name can be appended to the file, and the
offset of the old name changed to point to it: weights are neither unpacked nor copied. The format
is that of tensorflow/compiler/mlir/lite/schema/schema.fbs and https://flatbuffers.dev/internals.
"""

from collections.abc import Mapping

import flatbuffers

from tfx_tflite_component.tflite.schema import schema

# The slots of the fields in their tables' vtables: 4 + 2 * (the field's id in the schema).
_TENSOR_NAME_SLOT = 10
_TENSOR_MAP_NAME_SLOT = 4


def rename(
    model: bytearray, inputs: Mapping[str, str], outputs: Mapping[str, str], signature_key: str
) -> None:
    """Gives the inputs and outputs of a model's only signature new names.

    The tensors are renamed as well: TFMA finds an input by the name of its tensor, from which it
    strips the name of the signature.

    Args:
        model: The content of a `.tflite` file, changed in place.
        inputs: The new name for each input.
        outputs: The new name for each output.
        signature_key: The key of the signature.
    """
    root = schema.Model.GetRootAs(model, 0)
    graph = root.Subgraphs(0)
    signature = root.SignatureDefs(0)
    renamed: list[tuple[flatbuffers.table.Table, int, str]] = []
    for count, get, names, prefix in [
        (signature.InputsLength(), signature.Inputs, inputs, f"{signature_key}_"),
        (signature.OutputsLength(), signature.Outputs, outputs, ""),
    ]:
        for entry in map(get, range(count)):
            name = names[entry.Name().decode()]
            tensor = graph.Tensors(entry.TensorIndex())
            renamed.append((entry._tab, _TENSOR_MAP_NAME_SLOT, name))
            if prefix:
                renamed.append((tensor._tab, _TENSOR_NAME_SLOT, f"{prefix}{name}:0"))
    # read everything first: appending moves the buffer that the tables read from
    fields = [(table.Pos + table.Offset(slot), name) for table, slot, name in renamed]
    for field, name in fields:
        _refer(model, field, _appended(model, name.encode()))


def _appended(model: bytearray, text: bytes) -> int:
    """Appends a string, aligned to four bytes: its length, its bytes, and a zero byte."""
    model.extend(bytes(-len(model) % 4))
    position = len(model)
    model.extend(len(text).to_bytes(4, "little") + text + b"\0")
    return position


def _refer(model: bytearray, field: int, target: int) -> None:
    model[field : field + 4] = (target - field).to_bytes(4, "little")
