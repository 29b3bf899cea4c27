"""Code that calls one model, in the languages of apps."""

import dataclasses
import json
import math
import pathlib
from collections.abc import Callable, Mapping, Sequence

import jinja2
import numpy as np

from tfx_tflite_component.artifact_layout import SNIPPETS
from tfx_tflite_component.proto.tflite_rewriter_pb2 import App
from tfx_tflite_component.split.computed_inputs import ComputedInput
from tfx_tflite_component.tflite.graph_io import read_graph_ios
from tfx_tflite_component.tflite.interpreter import TensorDetails

_CPP = {
    **{"float32": "float", "float64": "double", "bool": "bool"},
    **{f"{sign}int{bits}": f"{sign}int{bits}_t" for sign in ("", "u") for bits in (8, 16, 32, 64)},
}
_KOTLIN = {
    **{"float32": "FloatArray", "int32": "IntArray", "int64": "LongArray"},
    **{"int16": "ShortArray", "int8": "ByteArray", "uint8": "ByteArray", "bool": "BooleanArray"},
}
_SWIFT = {
    **{"float32": "Float32", "float64": "Float64", "float16": "Float16", "bool": "Bool"},
    **{f"int{bits}": f"Int{bits}" for bits in (8, 16, 32, 64)},
    "uint8": "UInt8",
}


@dataclasses.dataclass(frozen=True)
class SnippetTensor:
    """An input or output of the model.

    Attributes:
        name: Its name in the signature.
        dtype: The dtype, such as "float32"; "string" for strings.
        shape: The shape in the model; -1 for a dynamic size.
        scale: The scale of a quantized tensor; None for others.
        zero_point: Its zero point.
        labels: The labels of the classes of its last dimension; empty if they are not known.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    scale: float | None
    zero_point: int
    labels: tuple[str, ...] = ()

    @property
    def sizes(self) -> list[int]:
        """The shape for one example: each dynamic size is 1."""
        return [abs(size) for size in self.shape]

    @property
    def count(self) -> int:
        """The number of elements for one example."""
        return math.prod(self.sizes)

    @property
    def is_dynamic(self) -> bool:
        """Whether it has to be resized."""
        return -1 in self.shape

    @property
    def words(self) -> str:
        """Dtype, shape and quantization, for a comment."""
        text = f"{self.dtype} {list(self.shape)}"
        if self.scale is None:
            return text
        return f"{text}, which stands for (value - {self.zero_point}) * {self.scale!r}"

    @property
    def columns(self) -> str:
        """The labels, for the same comment."""
        return f", with a column for each of {list(self.labels)}" if self.labels else ""


def call_code(
    filename: str,
    model: pathlib.Path,
    key: str,
    languages: Sequence[int],
    computed: Mapping[str, ComputedInput],
    labels: Mapping[str, tuple[str, ...]],
) -> dict[str, str]:
    """The programs `snippet.py` and the like, by these names.

    Args:
        filename: The name of the model's file for the programs, which are beside it.
        model: The `.tflite` file.
        key: The key of its signature.
        languages: Values of `App.Language`.
        computed: The inputs that an app has to compute from features.
        labels: The labels of the classes of outputs, as far as they are known.
    """
    (io,) = [found for found in read_graph_ios(model) if found.signature_key == key]
    snippets = {}
    for language in languages:
        name = SNIPPETS[App.Language.Name(language)]
        code = _templates.get_template(f"{name}.jinja").render(
            model=filename,
            key=io.signature_key,
            inputs=[_tensor(name, details) for name, details in io.inputs.items()],
            outputs=[
                dataclasses.replace(_tensor(name, details), labels=labels.get(name, ()))
                for name, details in io.outputs.items()
            ],
            computed=dict(sorted(computed.items())),
        )
        snippets[name] = code
    return snippets


def _tensor(name: str, details: TensorDetails) -> SnippetTensor:
    is_quantized = len(details.scales) > 0
    return SnippetTensor(
        name=name,
        dtype="string" if details.dtype is np.bytes_ else np.dtype(details.dtype).name,
        shape=details.shape,
        scale=float(details.scales[0]) if is_quantized else None,
        zero_point=int(details.zero_points[0]) if is_quantized else 0,
    )


def _literal(text: str) -> str:
    """A string literal of Python and C++ that cannot end a comment: a model can have any names."""
    return _quoted(text, lambda c: f"\\U{ord(c):08x}")


def _kotlin_literal(text: str) -> str:
    return _quoted(text, _utf16).replace("$", "\\$")


def _swift_literal(text: str) -> str:
    return _quoted(text, lambda c: c if c.isprintable() else f"\\u{{{ord(c):x}}}")


def _quoted(text: str, escaped: Callable[[str], str]) -> str:
    """A literal in which other characters than those that all languages write alike are escaped."""
    alike = {c: json.dumps(c)[1:-1] for c in map(chr, [*b"\n\r\t", *range(ord(" "), 127)])}
    return f'"{"".join(alike[c] if c in alike else escaped(c) for c in text)}"'


def _utf16(character: str) -> str:
    units = np.frombuffer(character.encode("utf-16-le"), "<u2")
    return "".join(f"\\u{unit:04x}" for unit in units)


def _kotlin_array(tensor: SnippetTensor) -> str:
    """An array of zeros, or of empty strings."""
    *outer, last = tensor.sizes or [1]
    array = f'Array({last}) {{ "" }}'
    if tensor.dtype in _KOTLIN:
        array = f"{_KOTLIN[tensor.dtype]}({last})"
    for size in reversed(outer):
        array = f"Array({size}) {{ {array} }}"
    return array


_templates = jinja2.Environment(
    loader=jinja2.PackageLoader("tfx_tflite_component.app", "."),
    autoescape=False,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
    undefined=jinja2.StrictUndefined,
)
_templates.filters.update(
    literal=_literal,
    kotlin_literal=_kotlin_literal,
    swift_literal=_swift_literal,
    kotlin_array=_kotlin_array,
    cpp_type=_CPP.get,
    swift_type=_SWIFT.get,
)
