from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class App(_message.Message):
    __slots__ = ["c_array", "golden_examples", "golden_vectors", "push", "snippets"]
    class GoldenExamples(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = []
    class Language(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = []
    CPP: App.Language
    C_ARRAY_FIELD_NUMBER: _ClassVar[int]
    GOLDEN_EXAMPLES_FIELD_NUMBER: _ClassVar[int]
    GOLDEN_VECTORS_FIELD_NUMBER: _ClassVar[int]
    KOTLIN: App.Language
    PUSH_FIELD_NUMBER: _ClassVar[int]
    PYTHON: App.Language
    REAL: App.GoldenExamples
    SNIPPETS_FIELD_NUMBER: _ClassVar[int]
    SWIFT: App.Language
    SYNTHETIC: App.GoldenExamples
    c_array: bool
    golden_examples: App.GoldenExamples
    golden_vectors: int
    push: bool
    snippets: _containers.RepeatedScalarFieldContainer[App.Language]
    def __init__(self, c_array: bool = ..., golden_vectors: _Optional[int] = ..., golden_examples: _Optional[_Union[App.GoldenExamples, str]] = ..., push: bool = ..., snippets: _Optional[_Iterable[_Union[App.Language, str]]] = ...) -> None: ...

class Auto(_message.Message):
    __slots__ = ["integer_only", "max_seconds", "minimize"]
    class Minimize(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = []
    INTEGER_ONLY_FIELD_NUMBER: _ClassVar[int]
    LATENCY: Auto.Minimize
    MAX_SECONDS_FIELD_NUMBER: _ClassVar[int]
    MINIMIZE_FIELD_NUMBER: _ClassVar[int]
    SIZE: Auto.Minimize
    integer_only: bool
    max_seconds: int
    minimize: Auto.Minimize
    def __init__(self, minimize: _Optional[_Union[Auto.Minimize, str]] = ..., max_seconds: _Optional[int] = ..., integer_only: bool = ...) -> None: ...

class Calibration(_message.Message):
    __slots__ = ["num_examples", "seed", "splits"]
    NUM_EXAMPLES_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    SPLITS_FIELD_NUMBER: _ClassVar[int]
    num_examples: int
    seed: int
    splits: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, splits: _Optional[_Iterable[str]] = ..., num_examples: _Optional[int] = ..., seed: _Optional[int] = ...) -> None: ...

class Interface(_message.Message):
    __slots__ = ["batch", "integers"]
    class Batch(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = []
    class Integers(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = []
    BATCH_FIELD_NUMBER: _ClassVar[int]
    FIXED: Interface.Batch
    INT32: Interface.Integers
    INTEGERS_FIELD_NUMBER: _ClassVar[int]
    KEEP: Interface.Integers
    OPEN: Interface.Batch
    batch: Interface.Batch
    integers: Interface.Integers
    def __init__(self, integers: _Optional[_Union[Interface.Integers, str]] = ..., batch: _Optional[_Union[Interface.Batch, str]] = ...) -> None: ...

class Limits(_message.Message):
    __slots__ = ["max_abs_error", "min_argmax_agreement", "min_sqnr_db"]
    MAX_ABS_ERROR_FIELD_NUMBER: _ClassVar[int]
    MIN_ARGMAX_AGREEMENT_FIELD_NUMBER: _ClassVar[int]
    MIN_SQNR_DB_FIELD_NUMBER: _ClassVar[int]
    max_abs_error: float
    min_argmax_agreement: float
    min_sqnr_db: float
    def __init__(self, max_abs_error: _Optional[float] = ..., min_argmax_agreement: _Optional[float] = ..., min_sqnr_db: _Optional[float] = ...) -> None: ...

class Metadata(_message.Message):
    __slots__ = ["author", "description", "labels", "labels_file", "license", "mean", "name", "std", "version"]
    AUTHOR_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    LABELS_FILE_FIELD_NUMBER: _ClassVar[int]
    LICENSE_FIELD_NUMBER: _ClassVar[int]
    MEAN_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    STD_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    author: str
    description: str
    labels: _containers.RepeatedScalarFieldContainer[str]
    labels_file: str
    license: str
    mean: _containers.RepeatedScalarFieldContainer[float]
    name: str
    std: _containers.RepeatedScalarFieldContainer[float]
    version: str
    def __init__(self, name: _Optional[str] = ..., description: _Optional[str] = ..., version: _Optional[str] = ..., author: _Optional[str] = ..., license: _Optional[str] = ..., labels: _Optional[_Iterable[str]] = ..., labels_file: _Optional[str] = ..., mean: _Optional[_Iterable[float]] = ..., std: _Optional[_Iterable[float]] = ...) -> None: ...

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
    __slots__ = ["allow_float_fallback", "auto", "enable_experimental_new_quantizer", "input_type", "mode", "output_type", "per_channel"]
    class Mode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = []
    class TensorType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = []
    ALLOW_FLOAT_FALLBACK_FIELD_NUMBER: _ClassVar[int]
    AUTO: Quantization.Mode
    AUTO_FIELD_NUMBER: _ClassVar[int]
    DYNAMIC_RANGE: Quantization.Mode
    ENABLE_EXPERIMENTAL_NEW_QUANTIZER_FIELD_NUMBER: _ClassVar[int]
    FLOAT16: Quantization.Mode
    FLOAT32: Quantization.TensorType
    FULL_INTEGER: Quantization.Mode
    INPUT_TYPE_FIELD_NUMBER: _ClassVar[int]
    INT16: Quantization.TensorType
    INT16_ACTIVATIONS: Quantization.Mode
    INT8: Quantization.TensorType
    MODE_FIELD_NUMBER: _ClassVar[int]
    NONE: Quantization.Mode
    OUTPUT_TYPE_FIELD_NUMBER: _ClassVar[int]
    PER_CHANNEL_FIELD_NUMBER: _ClassVar[int]
    UINT8: Quantization.TensorType
    allow_float_fallback: bool
    auto: Auto
    enable_experimental_new_quantizer: bool
    input_type: Quantization.TensorType
    mode: Quantization.Mode
    output_type: Quantization.TensorType
    per_channel: bool
    def __init__(self, mode: _Optional[_Union[Quantization.Mode, str]] = ..., input_type: _Optional[_Union[Quantization.TensorType, str]] = ..., output_type: _Optional[_Union[Quantization.TensorType, str]] = ..., allow_float_fallback: bool = ..., per_channel: bool = ..., enable_experimental_new_quantizer: bool = ..., auto: _Optional[_Union[Auto, _Mapping]] = ...) -> None: ...

class Shape(_message.Message):
    __slots__ = ["dims"]
    DIMS_FIELD_NUMBER: _ClassVar[int]
    dims: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, dims: _Optional[_Iterable[int]] = ...) -> None: ...

class TFLiteRewriterConfig(_message.Message):
    __slots__ = ["app", "batch_size", "boundary_tensors", "calibration", "enable_experimental_new_converter", "import_modules", "input_boundary", "input_shapes", "interface", "metadata", "ops", "output", "quantization", "signature_key", "signature_keys", "time_limit_seconds", "trusted_ops", "verification"]
    class InputBoundary(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = []
    class BoundaryTensorsEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class InputShapesEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: Shape
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[Shape, _Mapping]] = ...) -> None: ...
    APP_FIELD_NUMBER: _ClassVar[int]
    AUTO: TFLiteRewriterConfig.InputBoundary
    BATCH_SIZE_FIELD_NUMBER: _ClassVar[int]
    BOUNDARY_TENSORS_FIELD_NUMBER: _ClassVar[int]
    CALIBRATION_FIELD_NUMBER: _ClassVar[int]
    ENABLE_EXPERIMENTAL_NEW_CONVERTER_FIELD_NUMBER: _ClassVar[int]
    IMPORT_MODULES_FIELD_NUMBER: _ClassVar[int]
    INPUT_BOUNDARY_FIELD_NUMBER: _ClassVar[int]
    INPUT_SHAPES_FIELD_NUMBER: _ClassVar[int]
    INTERFACE_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    OPS_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    PER_FEATURE: TFLiteRewriterConfig.InputBoundary
    QUANTIZATION_FIELD_NUMBER: _ClassVar[int]
    RAW_FEATURES: TFLiteRewriterConfig.InputBoundary
    SIGNATURE: TFLiteRewriterConfig.InputBoundary
    SIGNATURE_KEYS_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_KEY_FIELD_NUMBER: _ClassVar[int]
    TENSORS: TFLiteRewriterConfig.InputBoundary
    TIME_LIMIT_SECONDS_FIELD_NUMBER: _ClassVar[int]
    TRANSFORMED_FEATURES: TFLiteRewriterConfig.InputBoundary
    TRUSTED_OPS_FIELD_NUMBER: _ClassVar[int]
    VERIFICATION_FIELD_NUMBER: _ClassVar[int]
    app: App
    batch_size: int
    boundary_tensors: _containers.ScalarMap[str, str]
    calibration: Calibration
    enable_experimental_new_converter: bool
    import_modules: _containers.RepeatedScalarFieldContainer[str]
    input_boundary: TFLiteRewriterConfig.InputBoundary
    input_shapes: _containers.MessageMap[str, Shape]
    interface: Interface
    metadata: Metadata
    ops: Ops
    output: Output
    quantization: Quantization
    signature_key: str
    signature_keys: _containers.RepeatedScalarFieldContainer[str]
    time_limit_seconds: int
    trusted_ops: _containers.RepeatedScalarFieldContainer[str]
    verification: Verification
    def __init__(self, signature_key: _Optional[str] = ..., signature_keys: _Optional[_Iterable[str]] = ..., input_boundary: _Optional[_Union[TFLiteRewriterConfig.InputBoundary, str]] = ..., quantization: _Optional[_Union[Quantization, _Mapping]] = ..., enable_experimental_new_converter: bool = ..., ops: _Optional[_Union[Ops, _Mapping]] = ..., batch_size: _Optional[int] = ..., output: _Optional[_Union[Output, _Mapping]] = ..., calibration: _Optional[_Union[Calibration, _Mapping]] = ..., verification: _Optional[_Union[Verification, _Mapping]] = ..., boundary_tensors: _Optional[_Mapping[str, str]] = ..., time_limit_seconds: _Optional[int] = ..., import_modules: _Optional[_Iterable[str]] = ..., trusted_ops: _Optional[_Iterable[str]] = ..., input_shapes: _Optional[_Mapping[str, Shape]] = ..., interface: _Optional[_Union[Interface, _Mapping]] = ..., app: _Optional[_Union[App, _Mapping]] = ..., metadata: _Optional[_Union[Metadata, _Mapping]] = ...) -> None: ...

class Verification(_message.Message):
    __slots__ = ["max_abs_error", "min_argmax_agreement", "min_sqnr_db", "num_examples", "on_failure", "outputs", "splits"]
    class OnFailure(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = []
    class OutputsEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: Limits
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[Limits, _Mapping]] = ...) -> None: ...
    FAIL: Verification.OnFailure
    MAX_ABS_ERROR_FIELD_NUMBER: _ClassVar[int]
    MIN_ARGMAX_AGREEMENT_FIELD_NUMBER: _ClassVar[int]
    MIN_SQNR_DB_FIELD_NUMBER: _ClassVar[int]
    NUM_EXAMPLES_FIELD_NUMBER: _ClassVar[int]
    ON_FAILURE_FIELD_NUMBER: _ClassVar[int]
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    SPLITS_FIELD_NUMBER: _ClassVar[int]
    WARN: Verification.OnFailure
    max_abs_error: float
    min_argmax_agreement: float
    min_sqnr_db: float
    num_examples: int
    on_failure: Verification.OnFailure
    outputs: _containers.MessageMap[str, Limits]
    splits: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, splits: _Optional[_Iterable[str]] = ..., num_examples: _Optional[int] = ..., max_abs_error: _Optional[float] = ..., min_argmax_agreement: _Optional[float] = ..., min_sqnr_db: _Optional[float] = ..., on_failure: _Optional[_Union[Verification.OnFailure, str]] = ..., outputs: _Optional[_Mapping[str, Limits]] = ...) -> None: ...
