"""The component of docs/pushing.md, behind a real Pusher."""

import pathlib
import re
import types

import pytest
from artifacts import model_artifact
from tfx import v1 as tfx
from tfx.components.pusher import executor as pusher_executor
from tfx.types import standard_artifacts
from tfx.utils import proto_utils
from versions import OF_NO_VERSION

pytestmark = OF_NO_VERSION

_TEXT = (pathlib.Path(__file__).parents[2] / "docs" / "pushing.md").read_text()
_COMPONENT, _PIPELINE = re.findall(r"^```python\n(.*?)^```$", _TEXT, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> types.ModuleType:
    """The module that the page says to write."""
    folder = tmp_path_factory.mktemp("module")
    (folder / "app_file.py").write_text(_COMPONENT)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        import app_file
    return app_file


def _rewritten(folder: pathlib.Path, content: bytes) -> standard_artifacts.Model:
    """What a rewriter puts out with `output.extra_filename`, as far as a Pusher sees it."""
    serving = folder / "Format-Serving"
    serving.mkdir(parents=True)
    for name in ("tflite", "model.tflite"):
        (serving / name).write_bytes(content)
    return model_artifact(folder)


def _push(
    model: standard_artifacts.Model, folder: pathlib.Path, blessed: bool = True
) -> standard_artifacts.PushedModel:
    """Does what a Pusher does, with `folder / "serving"` as its base directory."""
    pushed = standard_artifacts.PushedModel()
    pushed.uri = f"{model.uri}-pushed"
    blessing = standard_artifacts.ModelBlessing()
    blessing.set_int_custom_property("blessed", int(blessed))
    destination = tfx.proto.PushDestination(
        filesystem=tfx.proto.PushDestination.Filesystem(base_directory=str(folder / "serving"))
    )
    pusher_executor.Executor().Do(
        {"model": [model], "model_blessing": [blessing]},
        {"pushed_model": [pushed]},
        {"push_destination": proto_utils.proto_to_json(destination)},
    )
    return pushed


def _publish(
    module: types.ModuleType, pushed: standard_artifacts.PushedModel, path: pathlib.Path
) -> None:
    module.AppFile.EXECUTOR_SPEC.executor_class().Do(
        {"pushed_model": [pushed]}, {}, {"path": str(path)}
    )


def test_pusher_ships_the_extra_file_below_a_version(tmp_path: pathlib.Path) -> None:
    pushed = _push(_rewritten(tmp_path / "first", b"first"), tmp_path)
    version = pushed.get_string_custom_property("pushed_version")
    assert version.isdecimal()
    assert (tmp_path / "serving" / version / "model.tflite").read_bytes() == b"first"


def test_component_replaces_the_file_with_each_push(
    module: types.ModuleType, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "app" / "assets" / "model.tflite"
    for content in (b"first", b"second"):
        pushed = _push(_rewritten(tmp_path / content.decode(), content), tmp_path)
        _publish(module, pushed, path)
        assert path.read_bytes() == content
    assert list(path.parent.iterdir()) == [path]


def test_component_leaves_the_file_if_nothing_was_pushed(
    module: types.ModuleType, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "app" / "model.tflite"
    _publish(module, _push(_rewritten(tmp_path / "good", b"good"), tmp_path), path)
    _publish(module, _push(_rewritten(tmp_path / "bad", b"bad"), tmp_path, blessed=False), path)
    assert path.read_bytes() == b"good"


def test_component_follows_the_pusher_in_a_pipeline(
    module: types.ModuleType, tmp_path: pathlib.Path
) -> None:
    model = tfx.dsl.Importer("model", artifact_type=standard_artifacts.Model)
    pusher = tfx.components.Pusher(
        model=model.outputs["result"], push_destination=tfx.proto.PushDestination()
    )
    names = {"pusher": pusher}
    exec(compile(_PIPELINE, "pushing.md", "exec"), names)
    components = [model, pusher, names["app_file"]]
    tfx.dsl.Pipeline("pushing", str(tmp_path), components=components)
    assert names["app_file"].upstream_nodes == {pusher}
