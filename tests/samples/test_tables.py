"""Rows of CSV, Parquet and NumPy files as examples."""

import datetime
import gzip
import io
import json
import pathlib
import re
import sys
import tracemalloc
import zipfile
from collections.abc import Callable

import numpy as np
import pyarrow
import pytest
import tensorflow as tf
from models import example, save_parsing
from pyarrow import parquet
from workers import WorkerInProcess

from tfx_tflite_component.errors import ExamplesError
from tfx_tflite_component.samples.sampling import read_records, sample
from tfx_tflite_component.standalone import compare, rewrite

_DTYPES = {"size": tf.float32, "count": tf.int64, "word": tf.string, "pixels": tf.float32}
_CSV = "size,count,word\n1.5,3,alpha\n2,,\n-1e-3,4.0,007\n"


def _records(path: pathlib.Path) -> list[tf.train.Example]:
    found = [record for records in read_records(str(path), _DTYPES) for record in records]
    return [tf.train.Example.FromString(record) for record in found]


def _examples(*features: dict[str, list[object]]) -> list[tf.train.Example]:
    return [tf.train.Example.FromString(example(**values)) for values in features]


_ROWS = _examples(
    {"size": [1.5], "count": [3], "word": ["alpha"]},
    {"size": [2.0]},
    {"size": [-1e-3], "count": [4], "word": ["007"]},
)


def _parquet(path: pathlib.Path) -> None:
    columns = {"size": [1.5, 2, -1e-3], "count": [3.0, None, 4.0], "word": ["alpha", None, "007"]}
    parquet.write_table(pyarrow.table(columns), path)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("a.csv", lambda path: path.write_text(_CSV)),
        ("bom.CSV", lambda path: path.write_text(_CSV.replace("\n", "\r\n"), "utf-8-sig")),
        ("a.csv.gz", lambda path: path.write_bytes(gzip.compress(_CSV.encode()))),
        ("a.parquet", _parquet),
    ],
)
def test_rows_get_the_dtypes_of_the_model_and_missing_cells_are_missing_features(
    name: str, write: Callable[[pathlib.Path], None], tmp_path: pathlib.Path
) -> None:
    write(tmp_path / name)
    assert _records(tmp_path / name) == _ROWS


def test_lists_and_arrays_become_features_with_several_values(tmp_path: pathlib.Path) -> None:
    pixels = np.arange(8, dtype=np.uint8).reshape(2, 2, 2)
    words, counts = np.array(["a", "b"]), np.array([True, False])
    expected = _examples(
        {"pixels": [0.0, 1.0, 2.0, 3.0], "word": ["a"], "count": [1]},
        {"pixels": [4.0, 5.0, 6.0, 7.0], "word": ["b"], "count": [0]},
    )
    # as pandas hands them out, column by column
    np.savez(tmp_path / "a.npz", pixels=np.asfortranarray(pixels), word=words, count=counts)
    assert _records(tmp_path / "a.npz") == expected
    columns = {"pixels": pixels.tolist(), "word": words.tolist(), "count": counts.tolist()}
    parquet.write_table(pyarrow.table(columns), tmp_path / "a.parquet")
    assert _records(tmp_path / "a.parquet") == expected
    fields = [("pixels", np.float32, (2, 2)), ("word", "S1"), ("count", bool)]
    structured = np.array(list(zip(pixels, words, counts, strict=True)), dtype=fields)
    np.save(tmp_path / "a.npy", structured)
    assert _records(tmp_path / "a.npy") == expected
    np.save(tmp_path / "one.npy", pixels)
    records = next(iter(read_records(str(tmp_path / "one.npy"), {"pixels": tf.float32})))
    assert tf.train.Example.FromString(records[1]) == _examples({"pixels": [4.0, 5.0, 6.0, 7.0]})[0]


def _npz(encrypted: bool = False, method: int = zipfile.ZIP_DEFLATED, cut: bool = False) -> bytes:
    """An archive whose entry is as its two headers say, or is damaged."""
    file = io.BytesIO()
    np.savez_compressed(file, size=np.arange(1000.0))
    content = bytearray(file.getvalue())
    entry = content.find(b"PK\1\2")
    content[6], content[entry + 8] = encrypted, encrypted
    content[8], content[entry + 10] = method, method
    if cut:
        content[200:260] = b"\xff" * 60
    return bytes(content)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", "size,count\n1,2\nmany,3\n", "Record 1 of .*a.csv.* 'many' in column 'size'"),
        ("a.csv", "size\n1e300\n", "Record 0 of .*'1e300' in column 'size'"),
        ("a.csv.gz", "size\n1\n", "a.csv.gz: Not a gzipped file"),
        ("a.csv", "size,count\n1,2.5\n", "Record 0 of .*'2.5' in column 'count'; .* integer"),
        ("a.csv", f"count\n{2**63}\n", "Record 0 of .* integer of 64 bits"),
        ("a.csv", "size,count\n1,2\n3\n", "a.csv: line 3 has 1 cells, and the first line 2"),
        ("a.csv", "size,size\n1,2\n", "a.csv: two columns have the same name"),
        ("a.csv", b"size\n\xff\n", "a.csv: .* can't decode byte 0xff"),
        ("a.csv", 'size\n"1\n', "a.csv: unexpected end of data"),
        ("a.parquet", "size\n1\n", "a.parquet: .*Parquet"),
        ("a.npz", "size\n1\n", "a.npz: File is not a zip file"),
        ("a.npy", "size\n1\n", "a.npy: "),
        ("a.npy", b"", "a.npy: "),
        ("a.npy", b"\x93NUMPY\x01\x00\x10\x00{'descr': ((((( ", "a.npy: "),
        ("a.npy", _npz(), "a.npy: "),
        ("a.npz", _npz(encrypted=True), "a.npz: .*encrypted"),
        ("a.npz", _npz(method=99), "a.npz: .*compression method"),
        ("a.npz", _npz(cut=True), "a.npz: "),
    ],
)
def test_bad_file_or_cell_is_named(
    name: str, content: str | bytes, words: str, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(ExamplesError, match=words):
        _records(path)


def test_arrays_that_do_not_fit_are_refused(tmp_path: pathlib.Path) -> None:
    np.savez(tmp_path / "a.npz", size=np.zeros(2), count=np.zeros(3))
    np.save(tmp_path / "unnamed.npy", np.zeros(2))
    np.save(tmp_path / "pickled.npy", np.array([{}]), allow_pickle=True)
    for name, words in [
        ("a.npz", "different numbers of rows: {'size': 2, 'count': 3}"),
        ("unnamed.npy", "one array without a name"),
        ("pickled.npy", "Python objects"),
    ]:
        with pytest.raises(ExamplesError, match=re.escape(words)):
            _records(tmp_path / name)


def test_columns_that_no_example_can_hold_are_ignored_unless_the_model_reads_them(
    tmp_path: pathlib.Path,
) -> None:
    columns = {"size": [1.5], "when": [datetime.date(2020, 1, 1)], "s": [{"a": 1}]}
    parquet.write_table(pyarrow.table(columns), tmp_path / "a.parquet")
    day, number = np.zeros(1, "M8[D]"), np.array([2**64 - 1], np.uint64)
    np.savez(tmp_path / "a.npz", size=np.array([1.5]), when=day, id=number)
    for name in ("a.parquet", "a.npz"):
        assert _records(tmp_path / name) == _examples({"size": [1.5]})
    np.savez(tmp_path / "count.npz", count=number)
    with pytest.raises(ExamplesError, match="'count'; expected an integer of 64 bits"):
        _records(tmp_path / "count.npz")


def test_columns_of_one_name_are_refused(tmp_path: pathlib.Path) -> None:
    table = pyarrow.table([[1.0], [2.0]], names=["size", "size"])
    parquet.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(ExamplesError, match="two columns have the same name"):
        _records(tmp_path / "a.parquet")


def test_names_in_an_archive_are_no_paths(tmp_path: pathlib.Path) -> None:
    np.save(tmp_path / "outside.npy", np.array([42.0]))
    inside = io.BytesIO()
    np.save(inside, np.array([1.0]))
    names = [str(tmp_path / "outside"), "../outside", "image/size", "f" * 300]
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        for name in names:
            archive.writestr(f"{name}.npy", inside.getvalue())
    assert _records(tmp_path / "a.npz") == _examples({name: [1.0] for name in names})


def test_arrays_of_images_are_not_made_numbers_of_python_before_they_are_drawn(
    tmp_path: pathlib.Path,
) -> None:
    np.save(tmp_path / "a.npy", np.zeros([200, 64, 64, 3], np.float32))
    tracemalloc.start()
    records = next(iter(read_records(str(tmp_path / "a.npy"), {"pixels": tf.float32})))
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(records) == 200
    assert peak_bytes < 10**6


def test_parquet_without_pyarrow_names_what_to_install(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _parquet(tmp_path / "a.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ExamplesError, match="Install pyarrow, or use TFRecord"):
        _records(tmp_path / "a.parquet")


def test_sample_of_a_table_is_drawn_from_all_of_it(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "a.csv"
    # a cell that is not sampled is not read
    path.write_text("count\n" + "\n".join(map(str, range(5000))) + "\nx\n")
    found = sample({"one": [str(path)]}, {"one": 500}, {"one": 0}, _DTYPES)["one"]
    counts = [
        tf.train.Example.FromString(drawn.record).features.feature["count"].int64_list.value[0]
        for drawn in found
    ]
    assert len(set(counts)) == 500
    tenths = np.histogram(counts, bins=10, range=(0, 5000))[0]
    assert tenths.min() > 25 and tenths.max() < 80


def test_conversion_reads_tables_by_the_features_of_the_model(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (rewrite, compare):
        monkeypatch.setattr(module, "Worker", WorkerInProcess)
    features = {
        "size": tf.io.FixedLenFeature([], tf.float32),
        "count": tf.io.FixedLenFeature([], tf.int64, default_value=7),
    }
    save_parsing(
        tmp_path / "model",
        features,
        lambda parsed: {"y": parsed["size"] + tf.cast(parsed["count"], tf.float32)},
    )
    table, out = tmp_path / "a.csv", tmp_path / "out"
    table.write_text("size,count,label\n1,2,x\n3,,y\n")
    rewrite.rewrite_saved_model(tmp_path / "model", out, examples=table)
    verification = json.loads((out / "report.json").read_text())["verification"]
    assert (verification["num_examples"], verification["inputs"]) == (2, "examples")
    assert verification["outputs"]["y"]["max_abs_error"] == 0
    records = sorted(origin["record"] for origin in verification["origins"].values())
    assert (records, verification["origins"]["0"]["path"]) == ([0, 1], str(table))
    found = compare.compare_models(tmp_path / "model", out / "tflite", examples=table)
    assert found["verification"]["num_examples"] == 2
    table.write_text("size,count\n1,2\n,3\n")
    with pytest.raises(ExamplesError, match=r"'size' in 1 of 2.* It is record 1 of .*a\.csv"):
        rewrite.rewrite_saved_model(tmp_path / "model", out, examples=table)
