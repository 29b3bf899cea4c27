"""Words for the terminal about models, reports and comparisons."""

import collections
from collections.abc import Iterator, Mapping
from typing import Any

from tfx_tflite_component.verification.limits import percent


def describe_report(report: Mapping[str, Any]) -> Iterator[str]:
    """Lines on what a rewriting did.

    Args:
        report: The report's JSON form.
    """
    model = report["model"]
    yield f"  boundary         {report['boundary']}"
    yield f"  ops              {len(model['ops'])}, {model['op_set']}"
    yield f"  size             {model['size_bytes']:,} bytes"
    yield f"  SavedModel       {report['source_size_bytes']:,} bytes"
    if report["verification"]:
        yield from describe_verification(report["verification"])
    for warning in report["warnings"]:
        yield f"  warning: {warning}"


def describe_verification(verification: Mapping[str, Any]) -> Iterator[str]:
    """Lines on a comparison of two models.

    Args:
        verification: Its JSON form in a report.
    """
    yield f"  compared on      {verification['num_examples']} {verification['inputs']}"
    for name, output in verification["outputs"].items():
        measures = [f"largest difference {float(output['max_abs_error']):.3g}"]
        if output["argmax_agreement"] is not None:
            measures.append(f"same largest value in {percent(output['argmax_agreement'])}")
        if output["sqnr_db"] is not None:
            measures.append(f"SQNR {float(output['sqnr_db']):.1f} dB")
        yield f"  output {name!r}: {', '.join(measures)}"


def describe_model(facts: Mapping[str, Any]) -> Iterator[str]:
    """Lines on what a TFLite model holds.

    Args:
        facts: The JSON form of an `Inspection`.
    """
    yield f"{facts['size_bytes']:,} bytes, {facts['op_set']} ops, SHA-256 {facts['sha256']}"
    for key, signature in facts["signatures"].items():
        yield f"signature {key!r}"
        for kind in ("inputs", "outputs"):
            for name, tensor in signature[kind].items():
                yield f"  {kind[:-1]:<8} {name:<24} {_tensor(tensor)}"
    yield f"  count  {'op':<24} {'kind':<10} computes in"
    counts = collections.Counter(
        (op["name"], op["kind"], op["computes_in"] or "-") for op in facts["ops"]
    )
    for (name, kind, computes_in), count in sorted(counts.items(), key=lambda item: -item[1]):
        yield f"  {count:>6}  {name:<24} {kind:<10} {computes_in}"
    yield "size by part, bytes"
    for dtype, weights in facts["weights"].items():
        yield f"  {weights['size_bytes']:>14,}  {weights['tensors']} constants of {dtype}"
    rest = facts["size_bytes"] - sum(w["size_bytes"] for w in facts["weights"].values())
    yield f"  {rest:>14,}  graph, names and metadata"


def _tensor(tensor: Mapping[str, Any]) -> str:
    words = f"{tensor['dtype']} {tensor['shape']}"
    if not tensor["scales"]:
        return words
    if len(tensor["scales"]) > 1:
        return f"{words}, {len(tensor['scales'])} scales"
    return f"{words}, scale {tensor['scales'][0]:.6g}, zero point {tensor['zero_points'][0]}"
