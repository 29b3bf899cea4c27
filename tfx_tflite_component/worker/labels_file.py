"""The file of labels that a config names, which the worker itself cannot reach."""

from tfx_tflite_component.errors import ConfigError
from tfx_tflite_component.proto.tflite_rewriter_pb2 import TFLiteRewriterConfig
from tfx_tflite_component.storage.files import errors_of, read_text


def with_labels(config: TFLiteRewriterConfig) -> TFLiteRewriterConfig:
    """A config with the labels in `metadata.labels_file` as `metadata.labels`.

    Raises:
        ConfigError: The file cannot be read, is empty, or has an empty line.
    """
    path = config.metadata.labels_file
    if not path:
        return config
    unreadable: tuple[type[Exception], ...] = (OSError, UnicodeDecodeError, *errors_of(path))
    try:
        # Windows programs put a byte order mark before UTF-8
        labels = read_text(path).removeprefix("\ufeff").splitlines()
    except unreadable as e:
        raise ConfigError(
            f"metadata.labels_file: {path!r} cannot be read: {e}. Name a text file with one label "
            "per line."
        ) from e
    if not labels:
        raise ConfigError(f"metadata.labels_file: {path!r} is empty; expected one label per line.")
    if "" in labels:
        raise ConfigError(
            f"metadata.labels_file: line {labels.index('') + 1} of {path!r} is empty; expected one "
            "label per line. Remove empty lines, also at the end."
        )
    filled = TFLiteRewriterConfig()
    filled.CopyFrom(config)
    filled.metadata.ClearField("labels_file")
    filled.metadata.labels.extend(labels)
    return filled
