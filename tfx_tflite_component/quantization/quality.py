"""How close candidates are to the SavedModel, which is run only once on the examples."""

import copy
import dataclasses
import math
import pathlib
from collections.abc import Mapping, Sequence

from tfx_tflite_component.errors import ModelFileError
from tfx_tflite_component.graph.flat_graph import ConcreteFunction
from tfx_tflite_component.graph.precision import precision
from tfx_tflite_component.proto.tflite_rewriter_pb2 import Verification as Limits
from tfx_tflite_component.samples.feed import call
from tfx_tflite_component.split.split import Split
from tfx_tflite_component.tflite.interpreter import Arrays, TFLiteModel
from tfx_tflite_component.verification.calls import batches
from tfx_tflite_component.verification.limits import failures
from tfx_tflite_component.verification.measures import (
    OutputComparison,
    Verification,
    compare_outputs,
)

_MARGIN_DB = 0.5
"""How much less another sample of examples may measure: the budget has to hold with that, too."""


@dataclasses.dataclass(frozen=True)
class Quality:
    """How close a model is to the SavedModel.

    Attributes:
        sqnr_db: The signal to quantization noise ratio of the worst output, in decibels; -inf for a
            model that does not run.
        argmax_agreement: The smallest of the outputs; None if no output has classes.
        failures: The limits of the budget that were exceeded, as text.
        is_near_miss: Whether the budget would hold if one example more agreed. That many disagree
            by chance in a small sample of a model that is good enough.
    """

    sqnr_db: float
    argmax_agreement: float | None
    failures: tuple[str, ...]
    is_near_miss: bool = False

    @property
    def holds(self) -> bool:
        """Whether the budget holds."""
        return not self.failures


class Judge:
    """Compares TFLite models with the SavedModel, which is run once for all of them."""

    def __init__(
        self,
        signature: ConcreteFunction,
        split: Split,
        examples: Sequence[bytes],
        limits: Limits,
    ) -> None:
        """Runs the SavedModel.

        Args:
            signature: The signature of the SavedModel.
            split: The signature's two parts.
            examples: Serialized `tf.Example`s, at least one.
            limits: The budget.

        Raises:
            ExamplesError: The head or the SavedModel refuses the examples.
        """
        # what fills up a fixed batch is compared as well, so only full ones if there are any
        whole = len(examples) - len(examples) % (split.batch_size or 1) or len(examples)
        found = list(batches(split, split.batch_size, examples[:whole]))
        self._inputs: list[Arrays] = [batch.taken for batch in found]
        self._expected = [call(signature, batch.given, "the SavedModel") for batch in found]
        self._limits = limits
        self._precision = precision(signature).name
        self.num_examples = sum(batch.count for batch in found)

    @property
    def one_batch(self) -> Arrays:
        """The inputs of a batch."""
        return self._inputs[0]

    def on_fewer(self, count: int) -> "Judge":
        """Likewise, on `count` examples or a few more."""
        fewer = copy.copy(self)
        size = self.num_examples // len(self._inputs)
        fewer._inputs = self._inputs[: math.ceil(count / size)]
        fewer._expected = self._expected[: len(fewer._inputs)]
        return fewer

    def joined(self, other: "Judge") -> "Judge":
        """Likewise, on the examples of both."""
        both = copy.copy(self)
        both._inputs = [*self._inputs, *other._inputs]
        both._expected = [*self._expected, *other._expected]
        both.num_examples = self.num_examples + other.num_examples
        return both

    def __call__(self, path: pathlib.Path, is_float: bool = False) -> Quality:
        """Compares a model.

        Args:
            path: The `.tflite` file.
            is_float: Whether it is held to the limit of float models.
        """
        try:
            model = TFLiteModel(path)
            actual = [model(inputs) for inputs in self._inputs]
        except (ModelFileError, RuntimeError, ValueError) as e:
            return Quality(-math.inf, None, (f"it cannot be run: {_first_line(e)}",))
        return self._quality(compare_outputs(self._expected, actual), is_float)

    def _quality(self, outputs: Mapping[str, OutputComparison], is_float: bool) -> Quality:
        judged = {name: _with_margin(output) for name, output in outputs.items()}
        exceeded = self._failures(judged, is_float)
        closer = {name: _with_one_more(output) for name, output in judged.items()}
        agreements = [
            o.argmax_agreement for o in outputs.values() if o.argmax_agreement is not None
        ]
        return Quality(
            sqnr_db=min((o.sqnr_db for o in outputs.values() if o.sqnr_db is not None), default=0),
            argmax_agreement=min(agreements, default=None),
            failures=exceeded,
            is_near_miss=bool(exceeded) and not self._failures(closer, is_float),
        )

    def _failures(self, outputs: Mapping[str, OutputComparison], is_float: bool) -> tuple[str, ...]:
        verification = Verification(
            "examples", self.num_examples, outputs, precision=self._precision
        )
        return tuple(failures(verification, self._limits, is_float))


def _with_margin(output: OutputComparison) -> OutputComparison:
    if output.sqnr_db is None:
        return output
    return dataclasses.replace(output, sqnr_db=output.sqnr_db - _MARGIN_DB)


def _with_one_more(output: OutputComparison) -> OutputComparison:
    if output.argmax_agreement is None:
        return output
    count = len(output.errors)
    agreeing = min(round(output.argmax_agreement * count) + 1, count)
    return dataclasses.replace(output, argmax_agreement=agreeing / count)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
