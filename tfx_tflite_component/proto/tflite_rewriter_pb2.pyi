from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Ops(_message.Message):
    __slots__ = ["allow_custom_ops", "allow_select_tf_ops"]
    ALLOW_CUSTOM_OPS_FIELD_NUMBER: _ClassVar[int]
    ALLOW_SELECT_TF_OPS_FIELD_NUMBER: _ClassVar[int]
    allow_custom_ops: bool
    allow_select_tf_ops: bool
    def __init__(self, allow_select_tf_ops: bool = ..., allow_custom_ops: bool = ...) -> None: ...

class Output(_message.Message):
    __slots__ = ["extra_filename", "include_saved_model"]
    EXTRA_FILENAME_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_SAVED_MODEL_FIELD_NUMBER: _ClassVar[int]
    extra_filename: str
    include_saved_model: bool
    def __init__(self, extra_filename: _Optional[str] = ..., include_saved_model: bool = ...) -> None: ...

class Quantization(_message.Message):
    __slots__ = ["mode"]
    class Mode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = []
    DYNAMIC_RANGE: Quantization.Mode
    FLOAT16: Quantization.Mode
    FULL_INTEGER: Quantization.Mode
    INT16_ACTIVATIONS: Quantization.Mode
    MODE_FIELD_NUMBER: _ClassVar[int]
    NONE: Quantization.Mode
    mode: Quantization.Mode
    def __init__(self, mode: _Optional[_Union[Quantization.Mode, str]] = ...) -> None: ...

class TFLiteRewriterConfig(_message.Message):
    __slots__ = ["batch_size", "enable_experimental_new_converter", "input_boundary", "ops", "output", "quantization", "signature_key"]
    class InputBoundary(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = []
    AUTO: TFLiteRewriterConfig.InputBoundary
    BATCH_SIZE_FIELD_NUMBER: _ClassVar[int]
    ENABLE_EXPERIMENTAL_NEW_CONVERTER_FIELD_NUMBER: _ClassVar[int]
    INPUT_BOUNDARY_FIELD_NUMBER: _ClassVar[int]
    OPS_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    QUANTIZATION_FIELD_NUMBER: _ClassVar[int]
    RAW_FEATURES: TFLiteRewriterConfig.InputBoundary
    SIGNATURE: TFLiteRewriterConfig.InputBoundary
    SIGNATURE_KEY_FIELD_NUMBER: _ClassVar[int]
    batch_size: int
    enable_experimental_new_converter: bool
    input_boundary: TFLiteRewriterConfig.InputBoundary
    ops: Ops
    output: Output
    quantization: Quantization
    signature_key: str
    def __init__(self, signature_key: _Optional[str] = ..., input_boundary: _Optional[_Union[TFLiteRewriterConfig.InputBoundary, str]] = ..., quantization: _Optional[_Union[Quantization, _Mapping]] = ..., enable_experimental_new_converter: bool = ..., ops: _Optional[_Union[Ops, _Mapping]] = ..., batch_size: _Optional[int] = ..., output: _Optional[_Union[Output, _Mapping]] = ...) -> None: ...
