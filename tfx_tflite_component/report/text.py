"""Reports, comparisons and inspections as lines for the terminal."""

import collections
from collections.abc import Iterator

from tfx_tflite_component.report.schema import (
    BenchmarkReport,
    InspectionReport,
    Report,
    SignatureReport,
)
from tfx_tflite_component.report.verdict import verdict
from tfx_tflite_component.tflite.signatures import Tensor
from tfx_tflite_component.verification.limits import percent
from tfx_tflite_component.verification.measures import Verification


def describe_report(report: Report) -> Iterator[str]:
    """Lines about a conversion."""
    model = report.model
    if report.further_signatures:
        yield f"  signature        {report.signature_key!r}"
    yield from _describe_split(report)
    yield f"  ops              {len(model.ops)}, {model.op_set}"
    yield f"  size             {model.size_bytes:,} bytes"
    yield f"  SavedModel       {report.source_size_bytes:,} bytes"
    yield from _describe_result(report)
    for further in report.further_signatures:
        yield f"  signature        {further.signature_key!r}"
        yield from _describe_split(further)
        yield from _describe_result(further)
    for warning in report.warnings:
        yield f"  warning: {warning}"
    yield f"  verdict          {verdict(report).value}"


def _describe_split(report: Report | SignatureReport) -> Iterator[str]:
    yield f"  boundary         {report.boundary}"
    for name, computed in report.computed_inputs.items():
        features = ", ".join(map(repr, computed.features))
        yield f"  to compute       {name!r} of {features}, by {', '.join(computed.ops)}"


def _describe_result(report: Report | SignatureReport) -> Iterator[str]:
    if report.search:
        count = len(report.search.trials)
        yield f"  quantization     {report.search.chosen}, chosen from {count} candidates"
    if report.verification:
        yield from describe_verification(report.verification)


def describe_verification(verification: Verification) -> Iterator[str]:
    """Lines about a comparison of two models."""
    yield f"  compared on      {verification.num_examples} {verification.inputs}"
    for name, output in verification.outputs.items():
        measures = [f"largest difference {output.max_abs_error:.3g}"]
        if output.argmax_agreement is not None:
            measures.append(f"same largest value in {percent(output.argmax_agreement)}")
        if output.sqnr_db is not None:
            measures.append(f"SQNR {output.sqnr_db:.1f} dB")
        yield f"  output {name!r}: {', '.join(measures)}"
    for check in verification.checks:
        bound = "at most" if check.is_upper else "at least"
        yield (
            f"    {check.output!r}: {check.figure} {check.measured:.3g}, limit {bound} "
            f"{check.limit:.3g}, margin {check.margin:.3g}"
        )


def describe_inspection(found: InspectionReport) -> Iterator[str]:
    """Lines about the contents of a TFLite model."""
    model = found.model
    yield f"{model.size_bytes:,} bytes, {model.op_set} ops, SHA-256 {model.sha256}"
    for key, signature in found.signatures.items():
        yield f"signature {key!r}"
        for kind, tensors in [("input", signature.inputs), ("output", signature.outputs)]:
            for name, tensor in tensors.items():
                yield f"  {kind:<8} {name:<24} {_tensor(tensor)}"
    yield f"  count  {'op':<24} {'kind':<10} computes in"
    counts = collections.Counter((op.name, op.kind, op.computes_in or "-") for op in model.ops)
    for (name, kind, computes_in), count in sorted(counts.items(), key=lambda item: -item[1]):
        yield f"  {count:>6}  {name:<24} {kind:<10} {computes_in}"
    yield "size by part, bytes"
    for dtype, weights in model.weights.items():
        yield f"  {weights.size_bytes:>14,}  {weights.tensors} constants of {dtype}"
    rest = model.size_bytes - sum(weights.size_bytes for weights in model.weights.values())
    yield f"  {rest:>14,}  graph, names and metadata"


def describe_benchmark(found: BenchmarkReport) -> Iterator[str]:
    """Lines on how fast a TFLite model is."""
    yield "  threads  batch  runs    ms, median  90%     99%     examples/s"
    for timing in found.timings:
        latency = timing.latency
        median, slow, slowest = (latency.percentiles_ms[key] for key in ("50", "90", "99"))
        rate = latency.batch_size / median * 1000 if median else 0
        yield (
            f"  {timing.threads:<7}  {latency.batch_size:<5}  {latency.runs:<6}  {median:<10.3g}  "
            f"{slow:<6.3g}  {slowest:<6.3g}  {rate:,.0f}"
        )


def _tensor(tensor: Tensor) -> str:
    words = f"{tensor.dtype} {list(tensor.shape)}"
    if not tensor.scales:
        return words
    if len(tensor.scales) > 1:
        return f"{words}, {len(tensor.scales)} scales"
    return f"{words}, scale {tensor.scales[0]:.6g}, zero point {tensor.zero_points[0]}"
