"""MediaPipe's tasks, the newest ones in an environment of their own, take the described models."""

import json
import pathlib
import subprocess

import pytest
import shipped
from metadata_models import LABELS, save_colors, save_words
from pages import CHECKOUT, snippets
from versions import OF_NO_VERSION
from workers import WorkerInProcess

from tfx_tflite_component.standalone import rewrite
from tfx_tflite_component.standalone.rewrite import rewrite_saved_model
from tfx_tflite_component.targets import environments
from tfx_tflite_component.targets.environments import Environment

pytestmark = [pytest.mark.slow, OF_NO_VERSION]

_SUPPORT = CHECKOUT / "tests" / "support"
(_DOCUMENTED,) = snippets("docs/metadata.md", "textproto")
_LABELS = f"labels: {LABELS}"


def test_mediapipe_classifies_with_the_labels_and_the_normalization(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environments, "_REQUIREMENTS", _SUPPORT)
    started = shipped.prepared(Environment("mediapipe", ("3.10", "3.11", "3.12", "3.13")))
    monkeypatch.setattr(rewrite, "Worker", WorkerInProcess)
    save_colors(tmp_path / "scaled", scale=1 / 255)
    save_colors(tmp_path / "unscaled", scale=1.0)
    save_words(tmp_path / "words")
    for source, config in [
        ("scaled", _DOCUMENTED),
        ("unscaled", f"metadata {{ {_LABELS} mean: 0 std: 255 }}"),
        ("words", f"metadata {{ {_LABELS} }}"),
    ]:
        rewrite_saved_model(tmp_path / source, tmp_path / f"{source}.tflite", config)
    rewrite_saved_model(tmp_path / "scaled", tmp_path / "plain.tflite")
    color = [10, 200, 30]
    asked = [
        ["image", f"{tmp_path}/scaled.tflite", color],
        ["image", f"{tmp_path}/unscaled.tflite", color],
        ["text", f"{tmp_path}/words.tflite", "grass"],
        ["image", f"{tmp_path}/plain.tflite", color],
    ]
    command = [*started.command, "-I", "-S", str(_SUPPORT / "run_mediapipe.py")]
    command += [str(started.packages), json.dumps(asked)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    scaled, unscaled, words, plain = json.loads(done.stdout)
    if "cannot open shared object file" in scaled:
        pytest.skip(f"NOT TESTED WITH MEDIAPIPE: {scaled}. Install libegl1 and libgles2.")
    assert scaled == unscaled == ["green", "blue", "red"]
    assert words[0] == "green"
    assert "NormalizationOptions" in plain
