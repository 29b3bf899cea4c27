"""Rows of CSV, Parquet and NumPy files as `tf.Example`s."""

import contextlib
import csv
import dataclasses
import gzip
import itertools
import lzma
import math
import pathlib
import shutil
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TextIO, TypeAlias, overload

import numpy as np
import tensorflow as tf

from tfx_tflite_component.errors import ExamplesError, listed
from tfx_tflite_component.samples.features import make_feature, serialized
from tfx_tflite_component.storage.files import is_local
from tfx_tflite_component.storage.scratch import scratch

Dtypes: TypeAlias = Mapping[str, tf.DType]
"""The dtype in which a `tf.Example` stores each feature: string, int64 or float32."""

_ROWS_AT_ONCE = 1024
_TRUTH = {"false": "0", "true": "1"}
# what the readers raise for a damaged file, or one that is not what its name says
_UNREADABLE = (
    *(OSError, ValueError, EOFError, RuntimeError, csv.Error, tokenize.TokenError),
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, tf.errors.OpError),
)
# the only array of a file, which has no name
_UNNAMED = ""

# the cells of a row by column, as the reader has them: an image is much larger as Python's numbers;
# None for one that is missing
_Row: TypeAlias = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Rows(Sequence[bytes]):
    """Some rows of a file as serialized `tf.Example`s, each made only when it is asked for.

    A column becomes the feature of its name. A cell that is missing becomes a missing feature.

    Attributes:
        path: The file.
        first: The position of the first row in the file.
        cells: The cells of each row.
        dtypes: The dtypes of features; others get the dtype that fits their values.
    """

    path: str
    first: int
    cells: Sequence[_Row]
    dtypes: Dtypes

    def __len__(self) -> int:
        return len(self.cells)

    @overload
    def __getitem__(self, index: int) -> bytes: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[bytes]: ...

    def __getitem__(self, index: int | slice) -> bytes | Sequence[bytes]:
        if isinstance(index, slice):
            return [self[position] for position in range(len(self))[index]]
        columns = {name: _flat(cell) for name, cell in self.cells[index].items()}
        features = {
            name: self._feature(index, name, values) for name, values in columns.items() if values
        }
        return serialized({name: found for name, found in features.items() if found is not None})

    def _feature(self, index: int, name: str, values: Sequence[Any]) -> tf.train.Feature | None:
        """The feature of a cell; None if an example cannot hold it, and no signature reads it."""
        dtype = self.dtypes.get(name) or _natural(values)
        try:
            return make_feature([_MAKERS[dtype](value) for value in values], dtype)
        except (TypeError, ValueError) as e:
            if name not in self.dtypes:
                return None
            found = values if len(values) > 1 else values[0]
            raise ExamplesError(
                f"Record {self.first + index} of {self.path}, counted from 0, has {found!r} in "
                f"column {name!r}; expected {_EXPECTED[dtype]}. Correct the cell, or leave it "
                "empty if the SavedModel takes examples without this feature."
            ) from e


def is_table(path: str) -> bool:
    """Whether a file is a table, by its name."""
    return path.lower().endswith(tuple(_READERS))


def read_rows(path: str, dtypes: Dtypes) -> Iterator[Rows]:
    """The rows of a table, some at a time.

    Args:
        path: A file that `is_table` knows.
        dtypes: The dtypes of the features that are read.

    Raises:
        ExamplesError: The file cannot be read, or a package that reads it is missing. Taking a row
            raises it if a cell does not have the dtype.
    """
    read = next(reader for ending, reader in _READERS.items() if path.lower().endswith(ending))
    first = 0
    try:
        with _local(path) as local:
            for cells in read(local):
                rows = [_named(row, dtypes, path) for row in cells]
                yield Rows(path, first, rows, dtypes)
                first += len(rows)
    except ModuleNotFoundError as e:
        raise ExamplesError(
            f"{path} cannot be read, as a package is missing: {e}. Install pyarrow, or use "
            "TFRecord, CSV or NumPy files."
        ) from e
    except _UNREADABLE as e:
        raise ExamplesError(
            f"The examples cannot be read: {path}: {str(e).rstrip('.')}. The file should be what "
            "its name says, "
            f"{_FORMS}; rows read so far: {first}."
        ) from e


@contextlib.contextmanager
def _local(path: str) -> Iterator[pathlib.Path]:
    """A local file with the content of a file."""
    if is_local(path):
        yield pathlib.Path(path)
        return
    with scratch() as folder:
        copy = folder / pathlib.PurePath(path).name
        tf.io.gfile.copy(path, str(copy))
        yield copy


def _csv(path: pathlib.Path) -> Iterator[list[_Row]]:
    opened: Callable[..., TextIO] = gzip.open if path.suffix.lower() == ".gz" else open
    with opened(path, "rt", newline="", encoding="utf-8-sig") as file:
        lines = csv.reader(file, strict=True)
        names = _distinct(next(lines, []))
        rows = (_cells(names, line, lines.line_num) for line in lines if line)
        while some := list(itertools.islice(rows, _ROWS_AT_ONCE)):
            yield some


def _distinct(names: Sequence[str]) -> Sequence[str]:
    if len({*names}) < len(names):
        raise ValueError(f"two columns have the same name: {listed(names)}")
    return names


def _cells(names: Sequence[str], line: Sequence[str], number: int) -> _Row:
    if len(line) != len(names):
        raise ValueError(f"line {number} has {len(line)} cells, and the first line {len(names)}")
    return {name: cell or None for name, cell in zip(names, line, strict=True)}


def _parquet(path: pathlib.Path) -> Iterator[list[_Row]]:
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        names = _distinct(file.schema_arrow.names)
        for batch in file.iter_batches(_ROWS_AT_ONCE):
            yield [dict(zip(names, cells, strict=True)) for cells in zip(*batch, strict=True)]


def _npy(path: pathlib.Path) -> Iterator[list[_Row]]:
    array = _array(path)
    if array.dtype.names:
        return _rows({name: array[name] for name in array.dtype.names})
    return _rows({_UNNAMED: array})


def _npz(path: pathlib.Path) -> Iterator[list[_Row]]:
    # unpacked, so that not all of it has to be in memory
    with scratch() as folder, zipfile.ZipFile(path) as archive:
        names = _distinct([name.removesuffix(".npy") for name in archive.namelist()])
        files = [folder / str(index) for index in range(len(names))]
        for member, file in zip(archive.namelist(), files, strict=True):
            with archive.open(member) as packed, file.open("wb") as unpacked:
                shutil.copyfileobj(packed, unpacked)
        yield from _rows(dict(zip(names, map(_array, files), strict=True)))


def _array(path: pathlib.Path) -> np.ndarray:
    """An array that stays on disk; one of pickled objects is refused."""
    return np.lib.format.open_memmap(path, mode="r")


def _rows(arrays: Mapping[str, np.ndarray]) -> Iterator[list[_Row]]:
    counts = {name: array.shape[0] if array.ndim else 0 for name, array in arrays.items()}
    if len({*counts.values()}) > 1:
        raise ValueError(f"the arrays have different numbers of rows: {counts}")
    for start in range(0, max(counts.values(), default=0), _ROWS_AT_ONCE):
        parts = (np.asarray(array[start : start + _ROWS_AT_ONCE]) for array in arrays.values())
        yield [dict(zip(arrays, cells, strict=True)) for cells in zip(*parts, strict=True)]


_READERS: Mapping[str, Callable[[pathlib.Path], Iterator[list[_Row]]]] = {
    ".csv": _csv,
    ".csv.gz": _csv,
    ".parquet": _parquet,
    ".npy": _npy,
    ".npz": _npz,
}
_FORMS = "CSV in UTF-8 with the names of the columns in its first line, Parquet, .npy or .npz"


def _named(row: _Row, dtypes: Dtypes, path: str) -> _Row:
    """A row whose columns all have names: an array without one is the model's only feature."""
    if _UNNAMED not in row or len(row) > 1:
        return row
    if len(dtypes) != 1:
        raise ExamplesError(
            f"{path} holds one array without a name, but the SavedModel takes {listed(dtypes)}. "
            "Save an array for each of them with np.savez, or an array with named fields."
        )
    return dict.fromkeys(dtypes, row[_UNNAMED])


def _flat(cell: Any) -> list[Any]:
    """The values of a cell: none if it is missing, several in a list."""
    if isinstance(cell, np.ndarray | np.generic):
        return cell.ravel().tolist()
    if hasattr(cell, "as_py"):  # of pyarrow, which may be missing
        cell = cell.as_py()
    if cell is None:
        return []
    if isinstance(cell, list):
        return [value for part in cell for value in (_flat(part) or [None])]
    return [cell]


def _natural(values: Sequence[Any]) -> tf.DType:
    if any(isinstance(value, float) for value in values):
        return tf.float32
    return tf.int64 if any(isinstance(value, int) for value in values) else tf.string


def _as_bytes(value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, bytes):
        return value
    raise TypeError


def _as_integer(value: Any) -> int:
    if isinstance(value, str):
        text = _TRUTH.get(value.lower(), value)
        # a column of integers with missing ones is often stored as floats
        value = int(text) if text.strip().lstrip("+-").isdecimal() else float(text)
    if isinstance(value, int) or (math.isfinite(value) and value == int(value)):
        return int(value)
    raise ValueError


def _as_float(value: Any) -> float:
    number = float(value)
    if math.isfinite(number) and abs(number) > tf.float32.max:
        raise ValueError
    return number


_MAKERS: Mapping[tf.DType, Callable[[Any], Any]] = {
    tf.string: _as_bytes,
    tf.int64: _as_integer,
    tf.float32: _as_float,
}
_EXPECTED = {
    tf.string: "text",
    tf.int64: "an integer of 64 bits",
    tf.float32: "a number within the range of 32-bit floats",
}
