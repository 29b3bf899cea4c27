"""Writes the model as a C array, and the registration of its ops, for TensorFlow Lite Micro."""

import pathlib
import re
from collections.abc import Iterator, Sequence

from tfx_tflite_component.app.micro_ops import OPS, registration
from tfx_tflite_component.artifact_layout import C_ARRAY_SUFFIXES
from tfx_tflite_component.tflite.inspection import Inspection, OpSet

_BYTES_A_LINE = 12


def write_c_array(model: pathlib.Path, found: Inspection, folder: pathlib.Path, stem: str) -> None:
    """Writes `stem.cc` and `stem.h` with the array, and `stem_ops.h` with the ops.

    Args:
        model: The `.tflite` file.
        found: The contents of the model.
        folder: The folder to write to.
        stem: The prefix of the files' names, and of the names in them.
    """
    name = _identifier(stem)
    content = model.read_bytes()
    header = [
        f"extern const unsigned char g_{name}_data[];",
        f"extern const unsigned int g_{name}_size;",
    ]
    header_file, array_file, ops_file = (folder / f"{stem}{end}" for end in C_ARRAY_SUFFIXES)
    header_file.write_text(_guarded(f"{name}_H_", header))
    with array_file.open("w") as file:
        file.write(f'#include "{header_file.name}"\n\n')
        # a FlatBuffer is read in place, so it must be aligned
        file.write(f"alignas(16) const unsigned char g_{name}_data[] = {{\n")
        file.writelines(_rows(content))
        file.write(f"}};\nconst unsigned int g_{name}_size = {len(content)};\n")
    ops = dict.fromkeys(op.name for op in found.ops if op.kind == OpSet.BUILTIN and op.name in OPS)
    ops_file.write_text(_guarded(f"{name}_OPS_H_", _registering(name, [*ops])))


def unknown_to_micro(found: Inspection) -> list[str]:
    """The ops of a model that TensorFlow Lite Micro does not have, by name."""
    return sorted({op.name for op in found.ops if op.kind != OpSet.BUILTIN or op.name not in OPS})


def _identifier(stem: str) -> str:
    # names in C++ cannot begin with a digit
    return re.sub(r"^(?=\d)", "model_", re.sub(r"\W", "_", stem, flags=re.ASCII))


def _rows(content: bytes) -> Iterator[str]:
    for first in range(0, len(content), _BYTES_A_LINE):
        row = content[first : first + _BYTES_A_LINE]
        yield f"    {', '.join(f'0x{byte:02x}' for byte in row)},\n"


def _registering(name: str, ops: Sequence[str]) -> list[str]:
    resolver = f"{''.join(word.capitalize() for word in name.split('_'))}OpResolver"
    calls = [f"  TF_LITE_ENSURE_STATUS(resolver.{registration(op)}());" for op in ops]
    return [
        '#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"',
        "",
        # a template of size 0 does not compile
        f"using {resolver} = tflite::MicroMutableOpResolver<{max(len(ops), 1)}>;",
        "",
        f"inline TfLiteStatus Register{resolver.removesuffix('OpResolver')}Ops(",
        f"    {resolver}& resolver) {{",
        *calls,
        "  return kTfLiteOk;",
        "}",
    ]


def _guarded(guard: str, lines: Sequence[str]) -> str:
    guard, content = guard.upper(), "\n".join(lines)
    return f"#ifndef {guard}\n#define {guard}\n\n{content}\n\n#endif  // {guard}\n"
