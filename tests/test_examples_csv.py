"""`examples/csv`: a model of any columns."""

import importlib
import io
import pathlib
import re
import runpy

import numpy as np
import pytest
import tensorflow as tf
from models import example
from versions import PREFERRED_INTERPRETER
from workers import WorkerInProcess

from tfx_tflite_component.standalone import rewrite

_FOLDER = pathlib.Path(__file__).parents[1] / "examples" / "csv"
_ROOMS = 'rooms,"Kind, of house",built,price\n'


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
    rows = [
        f"{'' if i % 7 == 0 else i % 5},{'' if i % 9 == 0 else 'flat' if i % 2 else 'hut'},{i},{i}"
        for i in range(100)
    ]
    path = tmp_path / "homes.csv"
    path.write_text(_ROOMS + "\n".join(rows) + "\n")
    table = csv_table.read_table(path, None)
    assert (list(table.numbers), list(table.words)) == (["rooms", "built"], ["Kind, of house"])
    assert (table.classes, table.held_out) == ([], 20)
    work = runpy.run_path(str(_FOLDER / "run.py"))
    summary = work["run"](table, path, tmp_path, work["Progress"](io.StringIO()))
    assert re.search(r"^compared on +100 rows$", summary, re.MULTILINE)
    assert re.search(r"mean error \S+ on 20 rows$", summary, re.MULTILINE)
    model = str(tmp_path / "converted" / "tflite")
    assert re.search(rf"^model +{model}$", summary, re.MULTILINE)
    row = {"rooms": 3.0, "Kind, of house": "flat", "built": 41.0}
    arrays = {"rooms": np.float32([3]), "Kind, of house": [b"flat"], "built": np.float32([41])}
    found = PREFERRED_INTERPRETER(model).get_signature_runner()(
        **{name: np.array(array) for name, array in arrays.items()}
    )
    serialized = tf.constant([example(**{name: [value] for name, value in row.items()})])
    trained = tf.saved_model.load(str(tmp_path / "saved_model")).signatures["serving_default"]
    expected = trained(examples=serialized)
    np.testing.assert_allclose(found["prediction"], expected["prediction"], rtol=1e-5)


def test_label_may_be_any_column_and_has_classes_if_it_holds_words(modules: tuple) -> None:
    csv_table, _ = modules
    path = _FOLDER / "data" / "iris.csv"
    assert csv_table.read_table(path, None).classes == ["setosa", "versicolor", "virginica"]
    assert csv_table.read_table(path, "sepal width (cm)").words.keys() == {"species"}
    with pytest.raises(ValueError, match="0 rows with a value in 'colour'"):
        csv_table.read_table(path, "colour")
