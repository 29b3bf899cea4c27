"""The module for a stock Evaluator: `module_path='tfx_tflite_component.evaluation'`.

By itself, TFMA can compare a TFLite model only with another TFLite model, and parses the examples
in its own way. With these extractors, model inputs come from the head that is kept with the model,
and any model may be the baseline of any other. Without TFX:

    tfma.run_model_analysis(
        eval_shared_model=models, eval_config=eval_config, data_location=...,
        extractors=custom_extractors(models, eval_config))
"""

import os
from collections.abc import Iterator, Sequence

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma
from apache_beam.utils import shared
from tensorflow_model_analysis import constants
from tensorflow_model_analysis.api import types
from tensorflow_model_analysis.extractors import extractor
from tensorflow_model_analysis.proto import config_pb2
from tensorflow_model_analysis.utils import config_util, model_util, util
from tfx.dsl.io import fileio
from tfx_bsl.tfxio import tensor_adapter

from tfx_tflite_component.artifact_layout import MODEL_FILENAME, SIGNATURE_KEY
from tfx_tflite_component.errors import ConfigError, listed
from tfx_tflite_component.scoring import Scorer, check_model

# The functions that TFMA looks for in a SavedModel whose spec names no preprocessing functions.
_DEFAULT_PREPROCESSING = ["transformed_features", "transformed_labels"]

# a Resolver without a filter returns whatever was blessed last
_OTHER_BASELINE = ", or let producer_component_id in the Resolver's channels name the Trainer"

_Models = dict[str, types.EvalSharedModel]


def custom_extractors(
    eval_shared_model: types.MaybeMultipleEvalSharedModels,
    eval_config: config_pb2.EvalConfig,
    tensor_adapter_config: tensor_adapter.TensorAdapterConfig | None = None,
) -> list[extractor.Extractor]:
    """The extractors of an evaluation with TFLite models, with or without SavedModels.

    They are TFMA's own, with two exceptions: the inputs of predictions come from each model's head,
    and transformed features come from a SavedModel, also for a TFLite model.

    Args:
        eval_shared_model: The models.
        eval_config: The config; a TFLite model's spec has `model_type: 'tf_lite'` and, if the model
            has several signatures, `signature_name`.
        tensor_adapter_config: How to convert features to tensors, if there is a schema.

    Raises:
        ConfigError: A spec's `model_type` is not that of its model, or a TFLite model's spec names
            preprocessing functions, and there is no SavedModel to find them in.
        SourceModelError: There is no TFLite model where one is expected.
        UnsupportedOpsError: Python's interpreter cannot run the ops of a TFLite model.
        ModelFileError: A TFLite model is damaged, or is not one.
        WorkerError: The interpreter crashes on a TFLite model.
    """
    models = model_util.verify_and_update_eval_shared_models(eval_shared_model)
    eval_config = config_util.update_eval_config_with_defaults(
        eval_config,
        has_baseline=len(models) > 1,
        rubber_stamp=model_util.has_rubber_stamp(models),
    )
    by_name = {model.model_name: model for model in models}
    specs = list(eval_config.model_specs)
    _check_types(specs, by_name)
    # TFMA does not combine other types with TFLite; the parts that depend on the type are replaced
    # here
    features, transformed_features, labels, weights, predictions, *slicing = (
        tfma.default_extractors(
            eval_shared_model=[model._replace(model_type=constants.TF_LITE) for model in models],
            eval_config=eval_config,
            tensor_adapter_config=tensor_adapter_config,
        )
    )
    return [
        features,
        transformed_features._replace(ptransform=_InTurn(_transformations(specs, by_name))),
        labels,
        weights,
        predictions._replace(ptransform=_InTurn(_predictions(specs, by_name))),
        *slicing,
    ]


def _check_types(specs: Sequence[config_pb2.ModelSpec], models: _Models) -> None:
    """Refuses specs whose `model_type` is not what their folders hold, all in one error."""
    wrong = [text for spec in specs if (text := _wrong_type(spec, _model_of(spec, models)))]
    if wrong:
        raise ConfigError(f"The eval_config does not fit the models: {'; '.join(wrong)}.")


def _wrong_type(spec: config_pb2.ModelSpec, model: types.EvalSharedModel) -> str | None:
    path = model.model_path
    has_tflite = fileio.exists(os.path.join(path, MODEL_FILENAME))
    has_saved_model = fileio.exists(os.path.join(path, "saved_model.pb"))
    name = f"the spec {spec.name!r}" if spec.name else "the only spec"
    if _is_tflite(spec) and has_saved_model and not has_tflite:
        return (
            f'{name} has model_type: "tf_lite", and {path} holds a SavedModel and no TFLite model; '
            "remove model_type"
        )
    if not _is_tflite(spec) and has_tflite and not has_saved_model:
        return (
            f'{name} lacks model_type: "tf_lite", and {path} holds a TFLite model and no '
            "SavedModel; set it" + (_OTHER_BASELINE if spec.is_baseline else "")
        )
    return None


@beam.ptransform_fn
@beam.typehints.with_input_types(types.Extracts)
@beam.typehints.with_output_types(types.Extracts)
def _InTurn(
    extracts: beam.pvalue.PCollection, do_fns: Sequence[beam.DoFn]
) -> beam.pvalue.PCollection:
    for index, do_fn in enumerate(do_fns):
        extracts |= f"Model{index}" >> beam.ParDo(do_fn)
    return extracts


def _transformations(specs: Sequence[config_pb2.ModelSpec], models: _Models) -> list[beam.DoFn]:
    """Computes the transformed features of each model that uses them."""
    do_fns = []
    for spec in specs:
        names = list(spec.preprocessing_function_names)
        if _is_tflite(spec) and not names:
            continue
        do_fns.append(
            model_util.ModelSignaturesDoFn(
                model_specs=[spec],
                eval_shared_models={"": _preprocessing_model(spec, models)},
                output_keypath=_keypath(constants.TRANSFORMED_FEATURES_KEY, spec, specs),
                signature_names={"": names},
                default_signature_names=_DEFAULT_PREPROCESSING,
                prefer_dict_outputs=True,
            )
        )
    return do_fns


def _predictions(specs: Sequence[config_pb2.ModelSpec], models: _Models) -> list[beam.DoFn]:
    """Computes the predictions of each model."""
    do_fns: list[beam.DoFn] = []
    for spec in specs:
        model = _model_of(spec, models)
        keypath = _keypath(constants.PREDICTIONS_KEY, spec, specs)
        if _is_tflite(spec):
            # checked here, because an error in a Beam worker is hard to read
            key = spec.signature_name or SIGNATURE_KEY
            check_model(model.model_path, key)
            do_fns.append(_TFLiteDoFn(model.model_path, key, keypath))
        else:
            do_fns.append(
                model_util.ModelSignaturesDoFn(
                    model_specs=[spec],
                    eval_shared_models={"": model},
                    output_keypath=keypath,
                    signature_names={"": [spec.signature_name]},
                    prefer_dict_outputs=False,
                )
            )
    return do_fns


def _is_tflite(spec: config_pb2.ModelSpec) -> bool:
    return spec.model_type == constants.TF_LITE


def _model_of(spec: config_pb2.ModelSpec, models: _Models) -> types.EvalSharedModel:
    # TFMA gives no name to a single model
    return models[spec.name] if len(models) > 1 else next(iter(models.values()))


def _keypath(
    key: str, spec: config_pb2.ModelSpec, specs: Sequence[config_pb2.ModelSpec]
) -> list[str]:
    return [key] if len(specs) == 1 else [key, spec.name]


def _preprocessing_model(spec: config_pb2.ModelSpec, models: _Models) -> types.EvalSharedModel:
    """The SavedModel that holds the preprocessing functions of a spec.

    For a TFLite model, it is the SavedModel beside it, or else the SavedModel that it is compared
    with.
    """
    model = _model_of(spec, models)
    if not _is_tflite(spec):
        return model
    if fileio.exists(os.path.join(model.model_path, "saved_model.pb")):
        generic = config_pb2.ModelSpec(
            signature_name=spec.signature_name, model_type=constants.TF_GENERIC
        )
        return tfma.default_eval_shared_model(
            model.model_path, eval_config=config_pb2.EvalConfig(model_specs=[generic])
        )
    for other in models.values():
        if other.model_type != constants.TF_LITE:
            return other
    raise ConfigError(
        f"The spec of TFLite model {spec.name!r} names preprocessing functions "
        f"({listed(spec.preprocessing_function_names)}), but there is no SavedModel to find them "
        "in. Set output { include_saved_model: true } in the config of TFLiteRewriter, or compare "
        "with a SavedModel as the baseline."
    )


@beam.typehints.with_input_types(types.Extracts)
@beam.typehints.with_output_types(types.Extracts)
class _TFLiteDoFn(beam.DoFn):
    """Adds the predictions of a TFLite model to batches of extracts."""

    def __init__(self, model_dir: str, signature_key: str, keypath: Sequence[str]) -> None:
        self._model_dir = model_dir
        self._signature_key = signature_key
        self._keypath = keypath
        self._shared = shared.Shared()

    def setup(self) -> None:
        # once per process; the scorer has an interpreter for each thread
        self._scorer = self._shared.acquire(lambda: Scorer(self._model_dir, self._signature_key))

    def process(self, extracts: types.Extracts) -> Iterator[types.Extracts]:
        examples = np.asarray(extracts[constants.INPUT_KEY], dtype=object).ravel().tolist()
        outputs = self._scorer.score(examples)
        # TFMA uses a dict only if there are several outputs
        predictions = outputs if len(outputs) > 1 else next(iter(outputs.values()))
        yield util.copy_and_set_by_keys(extracts, self._keypath, predictions)
