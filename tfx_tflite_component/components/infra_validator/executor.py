"""The executor: artifacts and config in, a blessing and a report out."""

import contextlib
import logging
import os
import pathlib
import shutil
from collections.abc import Iterator, Mapping
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import io_utils, path_utils

from tfx_tflite_component.artifact_layout import HEAD_DIR
from tfx_tflite_component.components.examples_artifacts import files_of_splits
from tfx_tflite_component.errors import SourceModelError
from tfx_tflite_component.proto.tflite_infra_validator_pb2 import TFLiteInfraValidatorConfig
from tfx_tflite_component.storage.publish import local_copy, staged
from tfx_tflite_component.storage.published_files import model_file
from tfx_tflite_component.storage.scratch import scratch
from tfx_tflite_component.targets.config import check_split, read_validator_config
from tfx_tflite_component.targets.page import write_infra_report
from tfx_tflite_component.targets.result import Validation
from tfx_tflite_component.targets.validate import COMPILED_MODEL_FILENAME, validate
from tfx_tflite_component.tflite.interpreter import Arrays
from tfx_tflite_component.worker.feed import feed

MODEL_KEY = standard_component_specs.MODEL_KEY
EXAMPLES_KEY = standard_component_specs.EXAMPLES_KEY
BLESSING_KEY = standard_component_specs.BLESSING_KEY
REPORT_KEY = "report"
CONFIG_KEY = "config"

# TFX's own, in tfx/components/infra_validator/executor.py, which the Pusher reads
_BLESSED, _HAS_MODEL = "blessed", "has_model"
_BLESSED_FILE, _NOT_BLESSED_FILE = "INFRA_BLESSED", "INFRA_NOT_BLESSED"

_log = logging.getLogger(__name__)


class Executor(base_executor.BaseExecutor):
    """Executes `TFLiteInfraValidator`."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Blesses a TFLite model, or not.

        Args:
            input_dict: `model`, a Model artifact, and optionally `examples`, Examples artifacts.
            output_dict: `blessing`, the InfraBlessing artifact, and `report`, the TFLiteInfraReport
                artifact to fill.
            exec_properties: Optionally `config`, a TFLiteInfraValidatorConfig in its JSON or text
                form.

        Raises:
            RewriterError: The fault is in the config or an environment, not in the model.
        """
        config = read_validator_config(exec_properties.get(CONFIG_KEY))
        examples = input_dict.get(EXAMPLES_KEY) or []
        check_split(config, bool(examples))
        model = artifact_utils.get_single_instance(input_dict[MODEL_KEY])
        serving_uri = path_utils.serving_model_path(model.uri)
        blessing = artifact_utils.get_single_instance(output_dict[BLESSING_KEY])
        report = artifact_utils.get_single_instance(output_dict[REPORT_KEY])
        with local_copy(serving_uri) as serving, scratch() as folder:
            path = model_file(serving, serving_uri)
            values = _fed(config, examples, model.uri, path) if examples else None
            compiled = folder / COMPILED_MODEL_FILENAME
            validation = validate(path, config, values, compiled)
            with staged(report.uri) as reports:
                write_infra_report(validation, reports)
            if validation.blessed and compiled.is_file():
                _store_compiled(blessing, serving, compiled)
        _mark(blessing, validation)


def _fed(
    config: TFLiteInfraValidatorConfig,
    examples: list[types.Artifact],
    model_uri: str,
    path: pathlib.Path,
) -> Mapping[str, Arrays]:
    """The inputs of each signature for the examples, computed by the head."""
    files = files_of_splits(examples, "split", [config.split])
    with _head(model_uri) as head:
        return feed(head, path, files, config.num_inputs)


@contextlib.contextmanager
def _head(model_uri: str) -> Iterator[pathlib.Path]:
    uri = os.path.join(model_uri, HEAD_DIR)
    with local_copy(uri) as head:
        if not head.is_dir():
            raise SourceModelError(
                f"There is no head at {uri}, which makes the model's inputs from tf.Examples. "
                "Connect the `model` output of a TFLiteRewriter, or remove `examples` to run the "
                "model on random inputs."
            )
        yield head


def _store_compiled(
    blessing: types.Artifact, serving: pathlib.Path, compiled: pathlib.Path
) -> None:
    """Puts a copy of the model's folder with the compiled model into the blessing.

    It is where InfraValidator puts its model with warmup requests, and a Pusher without `model`
    takes it from.
    """
    with staged(path_utils.stamped_model_path(blessing.uri)) as destination:
        shutil.copytree(serving, destination, dirs_exist_ok=True)
        shutil.copy(compiled, destination / COMPILED_MODEL_FILENAME)
    blessing.set_int_custom_property(_HAS_MODEL, 1)


def _mark(blessing: types.Artifact, validation: Validation) -> None:
    """Says in the blessing whether the model may ship, as TFX's InfraValidator does."""
    name = _BLESSED_FILE if validation.blessed else _NOT_BLESSED_FILE
    io_utils.write_string_file(os.path.join(blessing.uri, name), "")
    blessing.set_int_custom_property(_BLESSED, int(validation.blessed))
    for failure in validation.failures:
        _log.warning("Not blessed: %s", failure)
