"""`examples/csv`: a model of any columns."""

import importlib
import io
import pathlib
import re
import runpy
import shlex
import sys

import numpy as np
import pytest
import tensorflow as tf
from models import example
from versions import PREFERRED_INTERPRETER
from workers import WorkerInProcess

from tfx_tflite_component.standalone import rewrite

_FOLDER = pathlib.Path(__file__).parents[1] / "examples" / "csv"
_ROOMS = 'id,rooms,"Kind, of house",built,price\n'


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch) -> tuple:
    """The modules of the example, which converts in this process."""
    monkeypatch.syspath_prepend(_FOLDER)
    monkeypatch.syspath_prepend(_FOLDER.parent)
    monkeypatch.setattr(rewrite, "Worker", WorkerInProcess)
    return tuple(importlib.import_module(name) for name in ("csv_table", "csv_model"))


@pytest.mark.slow
def test_model_of_columns_with_gaps_words_and_odd_names_is_converted(
    modules: tuple, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    csv_table, csv_model = modules
    monkeypatch.setattr(csv_model, "_STEPS", 20)
    rows = [f"H{i},{i % 5 or ''},{['', 'flat', 'hut'][i % 3]},{i},{i}" for i in range(100)]
    path = tmp_path / "homes.csv"
    path.write_text(_ROOMS + "\n".join(rows) + "\n")
    table = csv_table.read_table(path, None)
    assert (list(table.numbers), list(table.words)) == (["rooms", "built"], ["Kind, of house"])
    assert (table.classes, table.held_out, list(table.left_out)) == ([], 20, ["id"])
    work = runpy.run_path(str(_FOLDER / "run.py"))
    summary = work["run"](table, path, tmp_path, work["Progress"](io.StringIO()))
    assert re.search(r"^compared on +100 rows$", summary, re.MULTILINE)
    assert re.search(r"mean error \S+ on 20 rows \(always \S+: \S+\)$", summary, re.MULTILINE)
    model = str(tmp_path / "converted" / "tflite")
    assert re.search(rf"^model +{model}$", summary, re.MULTILINE)
    # the command that the page names
    command = re.search(r"^run it by +(.+)$", summary, re.MULTILINE)
    assert command and shlex.split(command[1])[0] == sys.executable
    assert runpy.run_path(shlex.split(command[1])[1])["outputs"]["prediction"].shape == (1, 1)
    # a cell of a number is empty
    row = {"Kind, of house": "flat", "built": 41.0}
    arrays = {"rooms": np.float32([np.nan]), "Kind, of house": [b"flat"], "built": np.float32([41])}
    found = PREFERRED_INTERPRETER(model).get_signature_runner()(
        **{name: np.array(array) for name, array in arrays.items()}
    )
    serialized = tf.constant([example(**{name: [value] for name, value in row.items()})])
    trained = tf.saved_model.load(str(tmp_path / "saved_model")).signatures["serving_default"]
    expected = trained(examples=serialized)
    np.testing.assert_allclose(found["prediction"], expected["prediction"], rtol=1e-5)


def test_preprocessing_knows_nothing_of_rows_held_out(modules: tuple) -> None:
    csv_table, csv_model = modules
    numbers, words = {"x": [1e6, 1e6, *[1.0, 3.0] * 4]}, {"w": ["other"] * 2 + ["known"] * 8}
    model = csv_model.TableModel(csv_table.Table(numbers, words, {}, list("ab" * 5), ["a", "b"]))
    cells = {"x": tf.constant([2.0, np.nan]), "w": tf.constant(["known", "other"])}
    found = model.preprocess(cells).numpy()
    assert found[:, 0].tolist() == [0.0, 0.0]
    assert found[:, 1:].argmax(axis=1).tolist() == [0, 100]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x,y\n1,a\n", "1 rows with a value in 'y'"),
        ("x,y\n" + "1,a\n" * 9, "'y' has 1 different values"),
        ("x,y\n" + "".join(f"1,n{i}\n" for i in range(9)), "'y' has 9 different values"),
        ("x,z,y\n" + "".join(f"n{i},,a\n" for i in range(9)), "'x': .*once.*'z': .*empty"),
        ("x,y\n1,\udce8\n", "expected CSV in UTF-8"),
    ],
)
def test_table_that_nothing_can_be_learned_from_is_refused(
    modules: tuple, tmp_path: pathlib.Path, text: str, message: str
) -> None:
    path = tmp_path / "table.csv"
    path.write_text(text, errors="surrogateescape")
    with pytest.raises(ValueError, match=message):
        modules[0].read_table(path, None)


def test_label_may_be_any_column_and_has_classes_if_it_holds_words(modules: tuple) -> None:
    csv_table, _ = modules
    path = _FOLDER / "data" / "iris.csv"
    assert csv_table.read_table(path, None).classes == ["setosa", "versicolor", "virginica"]
    assert csv_table.read_table(path, "sepal width (cm)").words.keys() == {"species"}
    with pytest.raises(ValueError, match="0 rows with a value in 'colour'"):
        csv_table.read_table(path, "colour")
