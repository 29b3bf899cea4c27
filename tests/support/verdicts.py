"""Tells what preprocessing needs in a TFLite model, and holds the model to the SavedModel."""

import dataclasses
import enum
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf
from contract import Conversion, check_inputs

from tfx_tflite_component.config import read_config
from tfx_tflite_component.conversion.convert import convert
from tfx_tflite_component.errors import UnsupportedOpsError
from tfx_tflite_component.graph.flat_graph import ConcreteFunction
from tfx_tflite_component.rewriting.boundary_search import Samples, convert_signature
from tfx_tflite_component.split.boundary import Boundary
from tfx_tflite_component.split.split import Split, split
from tfx_tflite_component.tflite.inspection import OpSet, inspect
from tfx_tflite_component.tflite.interpreter import TFLiteModel

_TOLERANCE = 1e-6
_CONFIGS: tuple[dict[str, Any], ...] = (
    {},
    {"ops": {"allow_select_tf_ops": True}},
    {"ops": {"allow_select_tf_ops": True, "allow_custom_ops": True}},
)


class Verdict(enum.Enum):
    """What preprocessing needs, from the least to the most."""

    BUILTIN = "builtin"
    LOWERED = "lowered"
    HEAD = "needs the head"
    FLEX = "needs Flex"
    CUSTOM = "needs a custom op"


@dataclasses.dataclass(frozen=True)
class Judged:
    """A signature that was converted by the first config that does.

    Attributes:
        verdict: What it needs.
        conversion: What it became; None with custom ops, which cannot be run here.
    """

    verdict: Verdict
    conversion: Conversion | None

    def check_same(self, examples: Sequence[bytes]) -> None:
        """Compares the model with the SavedModel on all examples, on three, and on each alone."""
        if self.conversion is None:
            return
        for batch in [examples, examples[:3], *([one] for one in examples)]:
            serialized = tf.constant(list(batch))
            taken = self.conversion.split.head.function(serialized)
            check_inputs(self.conversion, {"examples": serialized}, taken, _TOLERANCE)


def load_signatures(saved_model: pathlib.Path) -> Mapping[str, ConcreteFunction]:
    """Loads all signatures of a SavedModel, at the price of one."""
    loaded = tf.saved_model.load(str(saved_model))
    for signature in loaded.signatures.values():
        signature.loaded = loaded
    return loaded.signatures


def judge(
    signature: ConcreteFunction, path: pathlib.Path, transform: ConcreteFunction | None = None
) -> Judged:
    """Converts a signature; the TFLite model is written to a path."""
    parts = _converted(signature, path, transform)
    op_set = inspect(path).op_set
    if op_set == OpSet.CUSTOM:
        return Judged(Verdict.CUSTOM, None)
    model = TFLiteModel(path, needs_select_tf_ops=op_set == OpSet.SELECT_TF)
    conversion = Conversion(signature, parts, path, model)
    if op_set == OpSet.SELECT_TF:
        return Judged(Verdict.FLEX, conversion)
    if parts.boundary in (Boundary.PER_FEATURE, Boundary.TRANSFORMED_FEATURES):
        return Judged(Verdict.HEAD, conversion)
    is_lowered = parts.lowered and _is_refused(signature)
    return Judged(Verdict.LOWERED if is_lowered else Verdict.BUILTIN, conversion)


def _converted(
    signature: ConcreteFunction, path: pathlib.Path, transform: ConcreteFunction | None
) -> Split:
    *configs, last = map(read_config, _CONFIGS)
    for config in configs:
        try:
            return convert_signature(signature, transform, config, Samples(), path, {}).split
        except UnsupportedOpsError:
            continue
    return convert_signature(signature, transform, last, Samples(), path, {}).split


def _is_refused(signature: ConcreteFunction) -> bool:
    """Whether a signature needs more than builtin ops as long as nothing is lowered."""
    try:
        convert(split(signature).tail, read_config({}))
    except UnsupportedOpsError:
        return True
    return False
