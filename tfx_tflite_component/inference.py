"""Beam's RunInference with the published TFLite model.

Example:
    scores = examples | RunInference(TFLiteModelHandler(model_dir))
"""

from collections.abc import Iterator, Sequence
from typing import Any

from apache_beam.ml.inference.base import ModelHandler, PredictionResult

from tfx_tflite_component.artifact_layout import SIGNATURE_KEY
from tfx_tflite_component.errors import ConfigError
from tfx_tflite_component.scoring import Scorer, check_model


class TFLiteModelHandler(ModelHandler[bytes, PredictionResult, Scorer]):
    """Scores serialized `tf.Example`s with a model that `TFLiteRewriter` published.

    Each result holds the example and an array for each output, by the signature's names.
    """

    def __init__(self, model_dir: str, signature_key: str = SIGNATURE_KEY) -> None:
        """Sets the model, which is loaded once in each worker process.

        Args:
            model_dir: The folder `Format-Serving` of the Model artifact.
            signature_key: The signature to score with, if the model has several.
        """
        super().__init__()
        self._model_dir = model_dir
        self._signature_key = signature_key

    def load_model(self) -> Scorer:
        """Loads the model and its head.

        Raises:
            RewriterError: `check_model` or `Scorer` refuses the model, for example because it
                crashes.
        """
        check_model(self._model_dir, self._signature_key)
        return Scorer(self._model_dir, self._signature_key)

    def run_inference(
        self,
        batch: Sequence[bytes],
        model: Scorer,
        inference_args: dict[str, Any] | None = None,
    ) -> Iterator[PredictionResult]:
        """Scores a batch; inference arguments are not supported.

        Args:
            batch: Serialized `tf.Example`s.
            model: The loaded model.
            inference_args: None.

        Raises:
            ConfigError: There are inference arguments.
        """
        if inference_args:
            raise ConfigError(
                f"TFLite models take no inference arguments; got {inference_args}. Leave them out."
            )
        scores = model.score(batch)
        for index, example in enumerate(batch):
            inference = {name: array[index] for name, array in scores.items()}
            yield PredictionResult(example, inference, model_id=self._model_dir)

    def get_num_bytes(self, batch: Sequence[bytes]) -> int:
        """The size of a batch in bytes."""
        return sum(map(len, batch))

    def get_metrics_namespace(self) -> str:
        """The namespace of Beam's metrics of the inference."""
        return "BeamML_TFLite"
