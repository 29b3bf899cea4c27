"""A report with long names, many ops and every kind of section, made without a conversion."""

from tfx_tflite_component.config import as_json, read_config
from tfx_tflite_component.quantization.outcome import KeptFloat, OpCost, Outcome, Trial
from tfx_tflite_component.quantization.ranges import ValueRange
from tfx_tflite_component.report.schema import (
    CalibrationReport,
    Evidence,
    InterfaceReport,
    NarrowedInteger,
    Report,
)
from tfx_tflite_component.split.boundary import Boundary
from tfx_tflite_component.split.computed_inputs import ComputedInput
from tfx_tflite_component.tflite.inspection import Inspection, Op, Weights
from tfx_tflite_component.tflite.metadata import ColorSpace, ModelMetadata, TensorMetadata
from tfx_tflite_component.tflite.signatures import Tensor
from tfx_tflite_component.verification.latency import Latency
from tfx_tflite_component.verification.measures import Origin, OutputComparison, Verification

_LONG = "a_feature_with_a_name_that_has_no_blank_in_it_and_is_longer_than_any_phone_is_wide"


def _search(op: Op) -> Outcome:
    """A search that blames an op."""
    trials = [
        Trial(name, 1000 * size, 12.5, 0.95, is_chosen, True, 1.5, "" if is_chosen else _LONG)
        for size, (name, is_chosen) in enumerate([("FULL_INTEGER", False), (_LONG, True)], 1)
    ]
    cost = OpCost(op.name, op.tensor, 12.5)
    kept = KeptFloat(op.name, op.tensor, _LONG)
    return Outcome("SIZE", _LONG, 80, 20, tuple(trials), (cost,), (kept,), {"ranking": 1.0}, ())


def wordy() -> Report:
    """The report."""
    errors = tuple(10.0 ** -(2 + index % 5) for index in range(200))
    output = OutputComparison(
        dtype="float32",
        is_per_example=True,
        magnitude=1.0,
        errors=errors,
        max_abs_error=max(errors),
        worst_example=0,
        mean_abs_error=1e-4,
        nan_count=0,
        relative_error=0.05,
        sqnr_db=31.0,
        worst_column=3,
        worst_column_sqnr_db=18.0,
        worst_tenth_sqnr_db=12.0,
        constant_columns=(7,),
        num_columns=10,
        cosine_similarity=0.9999,
        argmax_agreement=0.995,
        equal_share=None,
        top_k_overlap=None,
        num_compared=2000,
    )
    tensor = Tensor("int8", (-1, 28, 28, 1), (0.0039,), (-128,))
    layer = f"model/{_LONG}"
    flags = (False, False)
    op = Op("FULLY_CONNECTED", "BUILTIN", "integer", layer, *flags, (-1, 10), 640, f"{layer}/y")
    return Report(
        signature_key="serving_default",
        boundary=Boundary.RAW_FEATURES,
        boundary_reason=f"the signature parses tf.Examples in {_LONG}",
        computed_inputs={_LONG: ComputedInput((_LONG,), ("Sub",), (), (f'"{_LONG}" - 1.0',) * 3)},
        config=as_json(
            read_config(
                {
                    "quantization": {"mode": "FULL_INTEGER"},
                    "verification": {"max_abs_error": 0.05, "min_sqnr_db": 20},
                }
            )
        ),
        source_size_bytes=306_371,
        inputs={_LONG: tensor, "x": tensor},
        outputs={"probabilities": tensor},
        interface=InterfaceReport(
            (NarrowedInteger("input", _LONG, Evidence.EXAMPLES, 0, 23),), (), (f"Op#0 {_LONG}",)
        ),
        dropped_checks=(_LONG,),
        lowered={"bincount": [_LONG, "b"]},
        model=Inspection(
            size_bytes=22_530,
            sha256="0123456789abcdef" * 4,
            ops=(op,) * 120,
            weights={"int8": Weights(4, 20_000)},
            op_set="BUILTIN",
            macs=93_524,
            peak_tensor_bytes=5_396,
        ),
        search=_search(op),
        calibration=CalibrationReport(
            ("train",), 500, 0, {_LONG: ValueRange(-1.0, 1.0)}, {_LONG: ValueRange(0.0, 1.0)}
        ),
        verification=Verification(
            "examples",
            200,
            {_LONG: output},
            origins={str(n): Origin(f"/data/{_LONG}", n + 7) for n in (0, 5, 10, 15, 20)},
        ),
        latency=Latency(1, 100, {"50": 0.011, "90": 0.012, "99": 0.02}),
        files=("tflite",),
        peak_memory_bytes=10**9,
        warnings=(f"{_LONG} was not what it should be.",),
        versions={"tensorflow": "2.16.2"},
        snippets={"snippet.py": f"print({_LONG!r})\n" * 40, "snippet.swift": _LONG},
        metadata=ModelMetadata(
            *(_LONG, _LONG, "1", "me", "MIT"),
            inputs=(TensorMetadata(_LONG, ColorSpace.RGB, (127.5,), (127.5,)),),
            outputs=(TensorMetadata("probabilities", labels=("a", _LONG)),),
        ),
    )
