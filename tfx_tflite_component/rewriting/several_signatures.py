"""Converts several signatures of a SavedModel into one file, each as if it were alone."""

import contextlib
import dataclasses
import functools
import pathlib
from collections.abc import Iterator, Mapping

import numpy as np

from tfx_tflite_component.errors import ConversionError, RewriterError
from tfx_tflite_component.graph.flat_graph import ConcreteFunction
from tfx_tflite_component.graph.shared_state import check_state_apart
from tfx_tflite_component.progress import Phase, begin, on_signature
from tfx_tflite_component.proto.tflite_rewriter_pb2 import TFLiteRewriterConfig
from tfx_tflite_component.rewriting.boundary_search import Samples
from tfx_tflite_component.rewriting.signature import Converted, convert_and_verify
from tfx_tflite_component.storage.scratch import scratch
from tfx_tflite_component.tflite.interpreter import Arrays, TFLiteModel
from tfx_tflite_component.tflite.merge import merge
from tfx_tflite_component.tflite.metadata import ModelMetadata, with_files


def convert_signatures(
    signatures: Mapping[str, ConcreteFunction],
    transform: ConcreteFunction | None,
    config: TFLiteRewriterConfig,
    samples: Samples,
    path: pathlib.Path,
    refused: Mapping[str, Mapping[str, str]],
) -> list[Converted]:
    """Converts signatures one after the other, compares each, and joins the files.

    Args:
        signatures: The signatures by key, as `load_signatures` gives them.
        transform: The function of the transform graph, if given.
        config: The config; it applies to each signature.
        samples: The examples, which all signatures get.
        path: The file to write.
        refused: Boundaries that another process has tried, and why they failed, by signature.

    Returns:
        What became of each signature, in order; texts for the user name it.

    Raises:
        RewriterError: A signature cannot be converted or compared, which the message names, or they
            cannot be in one file.
    """
    check_state_apart(signatures)
    with scratch() as folder:
        files = {key: folder / str(index) for index, key in enumerate(signatures)}
        converted = {}
        for key, signature in signatures.items():
            with on_signature(key), _named(key):
                alone = _config_of(key, signatures, config)
                known = refused.get(key, {})
                one = convert_and_verify(signature, transform, alone, samples, files[key], known)
            converted[key] = _with_key(key, one)
        begin(Phase.JOINING)
        path.write_bytes(_joined(files, next(iter(converted.values())).conversion.metadata))
        _check_outputs(path, files, converted)
    return list(converted.values())


def _config_of(
    key: str, signatures: Mapping[str, ConcreteFunction], config: TFLiteRewriterConfig
) -> TFLiteRewriterConfig:
    """The config of one signature, without the limits of outputs that only others have.

    It keeps metadata for the first only, because programs that read it run no other, and
    `signature_keys`, with which some remedies are not possible.
    """
    alone = TFLiteRewriterConfig()
    alone.CopyFrom(config)
    alone.signature_key = key
    if key != next(iter(signatures)):
        alone.ClearField("metadata")
    known = {name for other in signatures.values() for name in other.structured_outputs}
    for name in known.intersection(alone.verification.outputs):
        if name not in signatures[key].structured_outputs:
            del alone.verification.outputs[name]
    return alone


def _joined(files: Mapping[str, pathlib.Path], metadata: ModelMetadata | None) -> bytes:
    content = merge({key: file.read_bytes() for key, file in files.items()})
    return with_files(content, metadata) if metadata else content


@contextlib.contextmanager
def _named(key: str) -> Iterator[None]:
    """Names the signature in the errors of the block."""
    try:
        yield
    except RewriterError as e:
        raise e.with_message(_about(key, f"{e}{_note(str(e))}")) from e


def _note(error: str) -> str:
    """What an error of one signature does not say, because it does not know of the others."""
    if "boundary_tensors" not in error:
        return ""
    return " For boundary_tensors, convert this signature alone, with signature_key."


def _with_key(key: str, converted: Converted) -> Converted:
    return dataclasses.replace(
        converted,
        warnings=[_about(key, warning) for warning in converted.warnings],
        refusal=converted.refusal and _about(key, converted.refusal),
    )


def _about(key: str, text: str) -> str:
    return f"Signature {key!r}: {text}"


def _check_outputs(
    path: pathlib.Path, files: Mapping[str, pathlib.Path], converted: Mapping[str, Converted]
) -> None:
    """Checks that each signature has the same outputs, bit for bit, as in its own file.

    Raises:
        ConversionError: One has not.
    """
    # one signature with an op that the interpreter lacks makes the whole file unusable for it
    if any(one.inputs is None for one in converted.values()):
        return
    select_tf = any(one.conversion.found.needs_select_tf_ops for one in converted.values())
    # in some runtimes, XNNPACK leaves out a file whose first signature changes variables; each
    # signature was compared with both kernels
    load = functools.partial(TFLiteModel, needs_select_tf_ops=select_tf, own_kernels=not select_tf)
    for key, one in converted.items():
        assert one.inputs is not None
        alone, joined = load(files[key]), load(path, signature_key=key)
        expected = alone(one.inputs)
        # a model that draws random numbers differs from itself
        if not _equal(expected, joined(one.inputs)) and _equal(expected, alone.copy()(one.inputs)):
            raise ConversionError(
                f"Signature {key!r} has other outputs in one file with the others than in a file "
                "of its own. Convert it by itself, with signature_key."
            )


def _equal(one: Arrays, other: Arrays) -> bool:
    return all(_content(array) == _content(other[name]) for name, array in one.items())


def _content(array: np.ndarray) -> object:
    return array.tolist() if array.dtype == object else (array.shape, array.tobytes())
