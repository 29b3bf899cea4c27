"""The worker's tasks, declared in `worker.protocol`."""

import collections
import contextlib
import dataclasses
import pathlib
from collections.abc import Mapping

import numpy as np

from tfx_tflite_component.app.check import check_golden
from tfx_tflite_component.app.golden import GoldenCheck, read_golden
from tfx_tflite_component.config import given_config, signature_keys, with_defaults
from tfx_tflite_component.graph.op_libraries import import_op_libraries
from tfx_tflite_component.graph.saved_model import load_signatures
from tfx_tflite_component.keras_files.load import export_keras_file
from tfx_tflite_component.progress import Phase, begin
from tfx_tflite_component.proto.tflite_rewriter_pb2 import TFLiteRewriterConfig
from tfx_tflite_component.report.schema import (
    BenchmarkReport,
    ComparisonReport,
    Report,
    Timing,
)
from tfx_tflite_component.rewriting.compare import compare, comparison_report
from tfx_tflite_component.rewriting.rewrite import Samples, rewrite
from tfx_tflite_component.samples.feed import call
from tfx_tflite_component.samples.files import Files
from tfx_tflite_component.samples.origin import naming_origin
from tfx_tflite_component.samples.sampling import Drawn, draw_samples, paths_of
from tfx_tflite_component.samples.tables import Dtypes, is_table
from tfx_tflite_component.split.stored_dtypes import stored_dtypes
from tfx_tflite_component.storage.arrays import save_arrays
from tfx_tflite_component.storage.scratch import scratch
from tfx_tflite_component.tflite.inspection import find_signature, inspect
from tfx_tflite_component.tflite.interpreter import TFLiteModel, check_runnable, model_errors
from tfx_tflite_component.verification.compare_files import compare_files, random_inputs
from tfx_tflite_component.verification.latency import measure_latency
from tfx_tflite_component.verification.measures import Origin
from tfx_tflite_component.worker.confinement import is_confined
from tfx_tflite_component.worker.protocol import (
    BENCHMARK,
    CHECK_GOLDEN,
    COMPARE,
    FEED,
    REWRITE,
    TRY_MODEL,
    BenchmarkRequest,
    CheckGoldenRequest,
    CompareRequest,
    FeedRequest,
    RewriteRequest,
    TryModelRequest,
)


def _rewrite(request: RewriteRequest) -> Report:
    config = given_config(request.config)
    import_op_libraries(config.import_modules)
    source = pathlib.Path(request.source)
    with scratch() as folder, naming_origin(request.files):
        if request.is_keras_file:
            export_keras_file(source, folder / "saved_model")
            source = folder / "saved_model"
        report = _rewritten(source, request, config)
    return dataclasses.replace(report, confined=is_confined())


def _rewritten(
    source: pathlib.Path, request: RewriteRequest, config: TFLiteRewriterConfig
) -> Report:
    return rewrite(
        source,
        pathlib.Path(request.destination),
        with_defaults(config),
        _as_samples(_samples(config, request.files, source)),
        pathlib.Path(request.transform_graph) if request.transform_graph else None,
        request.refused,
        request.prefix,
    )


def _compare(request: CompareRequest) -> ComparisonReport:
    config = given_config(request.config)
    import_op_libraries(config.import_modules)
    source, model = pathlib.Path(request.source), pathlib.Path(request.model)
    if source.is_file():
        return comparison_report(None, compare_files(source, model, with_defaults(config)))
    samples = _as_samples(_samples(config, request.files, source))
    with naming_origin(request.files):
        return compare(source, model, with_defaults(config), samples.verification)


def _benchmark(request: BenchmarkRequest) -> BenchmarkReport:
    path = pathlib.Path(request.model)
    found = inspect(path)
    check_runnable(path, found, request.model)
    key = find_signature(path, request.signature_key, request.model)
    begin(Phase.TIMING)
    timings = []
    for threads in request.threads:
        model = TFLiteModel(path, threads, found.needs_select_tf_ops, signature_key=key)
        for size in [model.batch_size] if model.batch_size else request.batch_sizes:
            inputs = random_inputs(model, size)
            timings.append(Timing(threads, measure_latency(model, inputs, size)))
    return BenchmarkReport(tuple(timings))


def _try_model(request: TryModelRequest) -> None:
    """Reads a model and runs it on random inputs, so that a crash happens in the worker.

    It does not matter whether the model accepts these inputs: some models cannot handle random
    ones. But if the interpreter cannot even be prepared for the only sizes that the model takes,
    that is an error.
    """
    begin(Phase.TRYING)
    path = pathlib.Path(request.model)
    found = inspect(path)
    check_runnable(path, found, request.model_dir)
    key = find_signature(path, request.signature_key, request.model_dir)
    loaded = TFLiteModel(path, needs_select_tf_ops=found.needs_select_tf_ops, signature_key=key)
    inputs = random_inputs(loaded, count=1)
    if all(-1 not in details.shape[1:] for details in loaded.inputs.values()):
        with model_errors(request.model_dir):
            loaded.allocate({name: array.shape for name, array in inputs.items()})
    with contextlib.suppress(RuntimeError, ValueError):
        loaded(inputs)


def _feed(request: FeedRequest) -> None:
    config = TFLiteRewriterConfig(
        verification={"num_examples": request.num_examples}, signature_keys=request.signature_keys
    )
    path, destination = pathlib.Path(request.head), pathlib.Path(request.destination)
    (drawn,) = _samples(config, {"verification": request.files}, path).values()
    examples = np.array([one.record for one in drawn], object)
    begin(Phase.FEEDING)
    heads = load_signatures(path, request.signature_keys)
    for index, head in enumerate(heads.values()):
        with naming_origin({"verification": request.files}):
            inputs = call(head, {"examples": examples}, "the head")
        save_arrays(destination / f"{index}.npz", inputs)


def _check_golden(request: CheckGoldenRequest) -> GoldenCheck:
    return check_golden(pathlib.Path(request.model), read_golden(pathlib.Path(request.golden)))


def _samples(
    config: TFLiteRewriterConfig, files: Mapping[str, Files], source: pathlib.Path
) -> dict[str, list[Drawn]]:
    if not files:
        return draw_samples(config, files)
    begin(Phase.SAMPLING)
    paths = [path for found in files.values() for path in paths_of(found)]
    # a TFRecord file has the dtypes; loading the model before the samples are drawn takes longer
    dtypes = _dtypes(config, source) if any(map(is_table, paths)) else {}
    return draw_samples(config, files, dtypes)


def _as_samples(drawn: Mapping[str, list[Drawn]]) -> Samples:
    records = {name: [one.record for one in sample] for name, sample in drawn.items()}
    origins = [Origin(one.path, one.position) for one in drawn.get("verification", [])]
    return Samples(**records, origins=origins)


def _dtypes(config: TFLiteRewriterConfig, source: pathlib.Path) -> Dtypes:
    """The dtypes of the features that the signatures of a SavedModel read."""
    given = with_defaults(config)
    signatures = load_signatures(source, signature_keys(given), given.trusted_ops)
    return dict(collections.ChainMap(*map(stored_dtypes, signatures.values())))


TASKS = {
    REWRITE: _rewrite,
    COMPARE: _compare,
    BENCHMARK: _benchmark,
    TRY_MODEL: _try_model,
    FEED: _feed,
    CHECK_GOLDEN: _check_golden,
}
