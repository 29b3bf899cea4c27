from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Budget(_message.Message):
    __slots__ = ["latency_p90_ms", "peak_tensor_bytes", "size_bytes"]
    LATENCY_P90_MS_FIELD_NUMBER: _ClassVar[int]
    PEAK_TENSOR_BYTES_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    latency_p90_ms: float
    peak_tensor_bytes: int
    size_bytes: int
    def __init__(self, size_bytes: _Optional[int] = ..., latency_p90_ms: _Optional[float] = ..., peak_tensor_bytes: _Optional[int] = ...) -> None: ...

class EthosU(_message.Message):
    __slots__ = ["accelerator", "max_sram_bytes", "min_npu_share", "publish_compiled_model"]
    ACCELERATOR_FIELD_NUMBER: _ClassVar[int]
    MAX_SRAM_BYTES_FIELD_NUMBER: _ClassVar[int]
    MIN_NPU_SHARE_FIELD_NUMBER: _ClassVar[int]
    PUBLISH_COMPILED_MODEL_FIELD_NUMBER: _ClassVar[int]
    accelerator: str
    max_sram_bytes: int
    min_npu_share: float
    publish_compiled_model: bool
    def __init__(self, accelerator: _Optional[str] = ..., min_npu_share: _Optional[float] = ..., max_sram_bytes: _Optional[int] = ..., publish_compiled_model: bool = ...) -> None: ...

class GpuDelegate(_message.Message):
    __slots__ = ["min_gpu_share"]
    MIN_GPU_SHARE_FIELD_NUMBER: _ClassVar[int]
    min_gpu_share: float
    def __init__(self, min_gpu_share: _Optional[float] = ...) -> None: ...

class LiteRT(_message.Message):
    __slots__ = ["api", "arch", "version"]
    class Api(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = []
    class Arch(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = []
    AARCH64: LiteRT.Arch
    API_FIELD_NUMBER: _ClassVar[int]
    ARCH_FIELD_NUMBER: _ClassVar[int]
    COMPILED_MODEL: LiteRT.Api
    INTERPRETER: LiteRT.Api
    VERSION_FIELD_NUMBER: _ClassVar[int]
    X86_64: LiteRT.Arch
    api: LiteRT.Api
    arch: LiteRT.Arch
    version: str
    def __init__(self, version: _Optional[str] = ..., arch: _Optional[_Union[LiteRT.Arch, str]] = ..., api: _Optional[_Union[LiteRT.Api, str]] = ...) -> None: ...

class TFLite(_message.Message):
    __slots__ = ["version"]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    version: str
    def __init__(self, version: _Optional[str] = ...) -> None: ...

class TFLiteInfraValidatorConfig(_message.Message):
    __slots__ = ["budget", "num_inputs", "split", "targets", "time_limit_seconds"]
    BUDGET_FIELD_NUMBER: _ClassVar[int]
    NUM_INPUTS_FIELD_NUMBER: _ClassVar[int]
    SPLIT_FIELD_NUMBER: _ClassVar[int]
    TARGETS_FIELD_NUMBER: _ClassVar[int]
    TIME_LIMIT_SECONDS_FIELD_NUMBER: _ClassVar[int]
    budget: Budget
    num_inputs: int
    split: str
    targets: _containers.RepeatedCompositeFieldContainer[Target]
    time_limit_seconds: int
    def __init__(self, budget: _Optional[_Union[Budget, _Mapping]] = ..., targets: _Optional[_Iterable[_Union[Target, _Mapping]]] = ..., split: _Optional[str] = ..., num_inputs: _Optional[int] = ..., time_limit_seconds: _Optional[int] = ...) -> None: ...

class TFLiteMicro(_message.Message):
    __slots__ = ["max_arena_bytes"]
    MAX_ARENA_BYTES_FIELD_NUMBER: _ClassVar[int]
    max_arena_bytes: int
    def __init__(self, max_arena_bytes: _Optional[int] = ...) -> None: ...

class Target(_message.Message):
    __slots__ = ["ethos_u", "gpu_delegate", "litert", "max_abs_error", "min_argmax_agreement", "min_sqnr_db", "name", "tflite", "tflite_micro"]
    ETHOS_U_FIELD_NUMBER: _ClassVar[int]
    GPU_DELEGATE_FIELD_NUMBER: _ClassVar[int]
    LITERT_FIELD_NUMBER: _ClassVar[int]
    MAX_ABS_ERROR_FIELD_NUMBER: _ClassVar[int]
    MIN_ARGMAX_AGREEMENT_FIELD_NUMBER: _ClassVar[int]
    MIN_SQNR_DB_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    TFLITE_FIELD_NUMBER: _ClassVar[int]
    TFLITE_MICRO_FIELD_NUMBER: _ClassVar[int]
    ethos_u: EthosU
    gpu_delegate: GpuDelegate
    litert: LiteRT
    max_abs_error: float
    min_argmax_agreement: float
    min_sqnr_db: float
    name: str
    tflite: TFLite
    tflite_micro: TFLiteMicro
    def __init__(self, name: _Optional[str] = ..., litert: _Optional[_Union[LiteRT, _Mapping]] = ..., tflite: _Optional[_Union[TFLite, _Mapping]] = ..., gpu_delegate: _Optional[_Union[GpuDelegate, _Mapping]] = ..., tflite_micro: _Optional[_Union[TFLiteMicro, _Mapping]] = ..., ethos_u: _Optional[_Union[EthosU, _Mapping]] = ..., max_abs_error: _Optional[float] = ..., min_argmax_agreement: _Optional[float] = ..., min_sqnr_db: _Optional[float] = ...) -> None: ...
