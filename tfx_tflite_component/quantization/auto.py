"""Mode AUTO: divides the examples, makes the float model and starts the search."""

import dataclasses
import pathlib
import tempfile
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from tfx_tflite_component.conversion.convert import convert
from tfx_tflite_component.errors import ConversionError, ExamplesError
from tfx_tflite_component.graph.flat_graph import ConcreteFunction
from tfx_tflite_component.proto.tflite_rewriter_pb2 import (
    Quantization,
    TFLiteRewriterConfig,
    Verification,
)
from tfx_tflite_component.quantization.calibration import RepresentativeDataset
from tfx_tflite_component.quantization.float_model import FloatModel
from tfx_tflite_component.quantization.outcome import OpCost
from tfx_tflite_component.quantization.quality import Judge
from tfx_tflite_component.quantization.search import Found, search
from tfx_tflite_component.quantization.sensitivity import rank
from tfx_tflite_component.quantization.trials import Trials
from tfx_tflite_component.split.split import Split
from tfx_tflite_component.split.tail import Tail
from tfx_tflite_component.tflite.inspection import OpSet, inspect

_FEWEST_EXAMPLES = 10
_BLAMED, _BLAME_SECONDS = 3, 60.0
_SEARCH_SHARE, _MOST_FOR_SEARCH = 5, 100


def divide(examples: Sequence[bytes]) -> tuple[Sequence[bytes], Sequence[bytes]]:
    """Divides the calibration sample: a part to calibrate with, a part to compare candidates on.

    Raises:
        ExamplesError: There are too few.
    """
    if len(examples) < _FEWEST_EXAMPLES:
        raise ExamplesError(
            f"The calibration sample has {len(examples)} examples; quantization.mode AUTO needs "
            f"{_FEWEST_EXAMPLES} or more, because it also compares candidates on a part of them. "
            "Add examples to the splits of `calibration`."
        )
    count = min(len(examples) // _SEARCH_SHARE, _MOST_FOR_SEARCH)
    return examples[:-count], examples[-count:]


def find_quantization(
    signature: ConcreteFunction,
    split: Split,
    plain: Split,
    for_16_bits: Callable[[], Split] | None,
    dataset: RepresentativeDataset,
    samples: tuple[Sequence[bytes], Sequence[bytes]],
    config: TFLiteRewriterConfig,
) -> Found:
    """Searches for the best quantization of a tail.

    Args:
        signature: The signature of the SavedModel.
        split: The signature's two parts; the tail's ops have forms that compute in integers.
        plain: The same, without what only those forms need.
        for_16_bits: Makes the same, with ops that have forms with 16-bit activations, if `split`
            has others. It is called when it is needed, because unrolling layers takes long.
        dataset: What to calibrate with.
        samples: Serialized `tf.Example`s to compare candidates on, and to confirm the chosen one.
        config: What the model is to be.

    Raises:
        ConversionError: The tail does not convert, or cannot be run here.
        VerificationError: `integer_only` is set, and no such model is within the budget.
        ExamplesError: The head or the SavedModel refuses the examples.
    """
    for_search, fresh = samples
    with tempfile.TemporaryDirectory(prefix="tfx-tflite-") as folder:
        for_integers, for_floats = (
            _float_model(parts, dataset, config) for parts in (split, plain)
        )
        if for_16_bits is not None:
            make = _converted_later(for_16_bits, config)
            for_integers = dataclasses.replace(for_integers, for_16_bits=make)
        for model in (for_integers, for_floats):
            _check_runnable(model.content, pathlib.Path(folder))

        def judge(examples: Sequence[bytes]) -> Judge:
            return Judge(signature, split, examples, config.verification)

        trials = Trials(
            judge(for_search), pathlib.Path(folder), config.quantization.auto.max_seconds
        )
        return search(
            for_integers,
            for_floats,
            lambda: _converted(plain, Quantization.DYNAMIC_RANGE, config),
            trials,
            lambda: judge(fresh),
            config.quantization.auto,
            dataset.num_examples,
        )


def worst_ops(
    signature: ConcreteFunction,
    split: Split,
    dataset: RepresentativeDataset,
    examples: Sequence[bytes],
    config: TFLiteRewriterConfig,
) -> list[OpCost]:
    """The three ops that a model loses most by when they are quantized to 8 bits.

    Args:
        signature: The signature of the SavedModel.
        split: The signature's two parts.
        dataset: What to calibrate with.
        examples: Serialized `tf.Example`s to compare on.
        config: What the model is to be.

    Raises:
        ConversionError: The float model does not convert, or cannot be quantized op by op.
    """
    model = _float_model(split, dataset, config)
    with tempfile.TemporaryDirectory(prefix="tfx-tflite-") as folder:
        judge = Judge(signature, split, examples, Verification())
        trials = Trials(judge, pathlib.Path(folder), _BLAME_SECONDS)
        return rank(model, judge, trials.folder, trials.is_over)[:_BLAMED]


def _float_model(
    split: Split, dataset: RepresentativeDataset, config: TFLiteRewriterConfig
) -> FloatModel:
    return FloatModel(
        _converted(split, Quantization.NONE, config),
        feeds=lambda: _by_name(split.tail, dataset),
        per_channel=config.quantization.per_channel,
    )


def _converted(split: Split, mode: Quantization.Mode, config: TFLiteRewriterConfig) -> bytes:
    plain = TFLiteRewriterConfig()
    plain.CopyFrom(config)
    plain.quantization.mode = mode
    kept = split.head.resources.variables_read if split.head else ()
    return bytes(convert(split.tail, plain, kept=kept))


def _converted_later(
    make: Callable[[], Split], config: TFLiteRewriterConfig
) -> Callable[[], bytes]:
    return lambda: _converted(make(), Quantization.NONE, config)


def _by_name(
    tail: Tail, dataset: RepresentativeDataset
) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """The calibration sample by the names that the inputs have in the model."""
    for key, arrays in dataset():
        yield key, {tail.input_names[plain]: array for plain, array in arrays.items()}


def _check_runnable(content: bytes, folder: pathlib.Path) -> None:
    path = folder / "float.tflite"
    path.write_bytes(content)
    op_set = inspect(path).op_set
    if op_set != OpSet.BUILTIN:
        raise ConversionError(
            f"quantization.mode AUTO quantizes models of builtin ops only, and this one needs "
            f"{op_set} ops. Leave `ops` out of the config, or choose another quantization.mode."
        )
