"""Libraries that define TensorFlow ops."""

import importlib
from collections.abc import Iterable

from tfx_tflite_component.errors import ConfigError


def import_op_libraries(modules: Iterable[str]) -> None:
    """Imports modules, which registers the ops of their libraries in this process.

    Args:
        modules: The names of the modules, as the config's `import_modules` gives them.

    Raises:
        ConfigError: A module cannot be imported.
    """
    for name in modules:
        try:
            importlib.import_module(name)
        except Exception as e:  # a module can raise anything while it is imported
            raise ConfigError(
                f"import_modules: {name!r} cannot be imported: {type(e).__name__}: {e}. Install it "
                "in the environment that this step runs in, in a release for its TensorFlow, or "
                "remove the name."
            ) from e
