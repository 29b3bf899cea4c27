"""TensorFlow Lite for TFX pipelines: the components and their configs."""

import importlib
from typing import TYPE_CHECKING, Any

from tfx_tflite_component.version import __version__

if TYPE_CHECKING:
    from tfx_tflite_component.components.artifacts import TFLiteInfraReport, TFLiteReport
    from tfx_tflite_component.components.infra_validator.component import TFLiteInfraValidator
    from tfx_tflite_component.components.rewriter.component import (
        TFLiteRewriter,
        TFLiteRewriterSpec,
    )
    from tfx_tflite_component.proto.tflite_infra_validator_pb2 import TFLiteInfraValidatorConfig
    from tfx_tflite_component.proto.tflite_rewriter_pb2 import TFLiteRewriterConfig
    from tfx_tflite_component.standalone.rewrite import (
        rewrite_concrete_function,
        rewrite_keras_model,
        rewrite_saved_model,
    )

__all__ = [
    "TFLiteInfraReport",
    "TFLiteInfraValidator",
    "TFLiteInfraValidatorConfig",
    "TFLiteReport",
    "TFLiteRewriter",
    "TFLiteRewriterConfig",
    "TFLiteRewriterSpec",
    "__version__",
    "rewrite_concrete_function",
    "rewrite_keras_model",
    "rewrite_saved_model",
]

_MODULES = {
    "TFLiteInfraReport": "tfx_tflite_component.components.artifacts",
    "TFLiteInfraValidator": "tfx_tflite_component.components.infra_validator.component",
    "TFLiteInfraValidatorConfig": "tfx_tflite_component.proto.tflite_infra_validator_pb2",
    "TFLiteReport": "tfx_tflite_component.components.artifacts",
    "TFLiteRewriter": "tfx_tflite_component.components.rewriter.component",
    "TFLiteRewriterConfig": "tfx_tflite_component.proto.tflite_rewriter_pb2",
    "TFLiteRewriterSpec": "tfx_tflite_component.components.rewriter.component",
    "rewrite_concrete_function": "tfx_tflite_component.standalone.rewrite",
    "rewrite_keras_model": "tfx_tflite_component.standalone.rewrite",
    "rewrite_saved_model": "tfx_tflite_component.standalone.rewrite",
}


def __getattr__(name: str) -> Any:
    # TFX takes many seconds to import, and the worker process does not need it
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name]), name)
