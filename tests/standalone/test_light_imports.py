"""What starts without TensorFlow and TFX, and so at once."""

import subprocess
import sys

import pytest

_HEAVY = ["tensorflow", "tfx", "keras", "apache_beam", "tensorflow_model_analysis"]


@pytest.mark.process
@pytest.mark.parametrize(
    "statement",
    [
        "from tfx_tflite_component import rewrite_saved_model, rewrite_concrete_function",
        "import tfx_tflite_component.worker.process",
        "import tfx_tflite_component.tflite.inspection",
        "from tfx_tflite_component.standalone.cli.main import main; main(['inspect', 'nothing'])",
        "from tfx_tflite_component.standalone.cli.main import main; main(['convert', 'no', 'out'])",
        "from tfx_tflite_component.standalone.history import read_history",
    ],
)
def test_needs_neither_tensorflow_nor_tfx(statement: str) -> None:
    check = f"import sys; found = {{*{_HEAVY}}} & {{*sys.modules}}; assert not found, found"
    done = subprocess.run(
        [sys.executable, "-c", f"{statement}\n{check}"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.process
def test_worker_needs_no_tfx_and_imports_no_keras() -> None:
    statement = (
        "import sys\n"
        "for name in ('tfx', 'apache_beam', 'tfx_bsl', 'tensorflow_model_analysis'):\n"
        "    sys.modules[name] = None\n"
        "from tfx_tflite_component.worker.main import without_extras\n"
        "with without_extras():\n"
        "    import tfx_tflite_component.worker.tasks\n"
        "assert 'tensorflow' in sys.modules and 'keras' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", statement], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
