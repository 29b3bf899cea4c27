"""Requests to a worker and its answers: one JSON object per message."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from tfx_tflite_component.app.golden import GoldenCheck
from tfx_tflite_component.artifact_layout import SIGNATURE_KEY
from tfx_tflite_component.report.schema import (
    BenchmarkReport,
    ComparisonReport,
    Report,
)
from tfx_tflite_component.samples.files import Files

Request = TypeVar("Request")
Result = TypeVar("Result")


@dataclasses.dataclass(frozen=True)
class Task(Generic[Request, Result]):
    """A task that a worker can run.

    Attributes:
        name: The task's name on the wire.
        request: The dataclass of the request.
        result: The dataclass of the result, or None.
    """

    name: str
    request: type[Request]
    result: type[Result]


@dataclasses.dataclass(frozen=True)
class RewriteRequest:
    """The arguments of `rewriting.rewrite`.

    Attributes:
        source: The folder of the SavedModel, or a file that Keras saved.
        destination: An empty folder.
        config: The config as JSON.
        files: The files that examples are sampled from, by sample; empty for random inputs.
        transform_graph: The folder of TF Transform's output, where it is at hand.
        refused: The boundaries at which other workers crashed, and how, by signature; the key is
            empty without `signature_keys`.
        is_keras_file: Whether the source is such a file.
        prefix: What the names of files beside the report begin with.
    """

    source: str
    destination: str
    config: dict[str, Any]
    files: Mapping[str, Files]
    transform_graph: str | None = None
    refused: Mapping[str, Mapping[str, str]] = dataclasses.field(default_factory=dict)
    is_keras_file: bool = False
    prefix: str = ""


@dataclasses.dataclass(frozen=True)
class CompareRequest:
    """The arguments of `verification.compare`.

    Attributes:
        source: The folder of the SavedModel, or another `.tflite` file.
        model: The `.tflite` file.
        config: The config as JSON.
        files: What examples are sampled from; empty for random inputs.
    """

    source: str
    model: str
    config: dict[str, Any]
    files: Mapping[str, Files]


@dataclasses.dataclass(frozen=True)
class BenchmarkRequest:
    """What `verification.latency` measures.

    Attributes:
        model: The `.tflite` file.
        batch_sizes: The numbers of examples in one inference.
        threads: The numbers of threads.
        signature_key: The signature to run, if it has several.
    """

    model: str
    batch_sizes: tuple[int, ...]
    threads: tuple[int, ...]
    signature_key: str = SIGNATURE_KEY


@dataclasses.dataclass(frozen=True)
class TryModelRequest:
    """A `.tflite` file to run once.

    Attributes:
        model: Its path.
        model_dir: The folder that the user named, for messages.
        signature_key: The signature to run, if it has several.
    """

    model: str
    model_dir: str
    signature_key: str = SIGNATURE_KEY


@dataclasses.dataclass(frozen=True)
class FeedRequest:
    """Examples to run the head on.

    Attributes:
        head: The folder of the head.
        signature_keys: The signatures of the head to run.
        files: What the examples are sampled from.
        num_examples: How many are sampled.
        destination: The folder for an `.npz` file of each signature, named by its position, with
            an array for each input of the model.
    """

    head: str
    signature_keys: tuple[str, ...]
    files: Files
    num_examples: int
    destination: str


@dataclasses.dataclass(frozen=True)
class CheckGoldenRequest:
    """A `.tflite` file to hold to golden vectors.

    Attributes:
        model: Its path.
        golden: The file with the golden vectors.
    """

    model: str
    golden: str


REWRITE = Task("rewrite", RewriteRequest, Report)
COMPARE = Task("compare", CompareRequest, ComparisonReport)
BENCHMARK = Task("benchmark", BenchmarkRequest, BenchmarkReport)
TRY_MODEL = Task("try_model", TryModelRequest, type(None))
FEED = Task("feed", FeedRequest, type(None))
CHECK_GOLDEN = Task("check_golden", CheckGoldenRequest, GoldenCheck)
