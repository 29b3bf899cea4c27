"""Trains a model on a CSV file, converts it, and prints what came of it.

python examples/csv/run.py [--data FILE] [--label COLUMN] [--root DIR]
"""

import argparse
import pathlib
import shlex
import sys
from collections.abc import Iterable

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))

from csv_table import Table, read_table
from terminal import Progress, add_root_argument, run_quietly

_HERE = pathlib.Path(__file__).resolve().parent


def main() -> int:
    """Trains and converts, and returns the exit code."""
    parser = argparse.ArgumentParser(description="Trains a model on a CSV file and converts it.")
    parser.add_argument(
        "--data",
        type=pathlib.Path,
        default=_HERE / "data" / "iris.csv",
        help="CSV file with the names of its columns in the first line (default: %(default)s)",
    )
    parser.add_argument("--label", help="column to predict (default: the last)")
    add_root_argument(parser, default=_HERE.parents[1] / "build" / "csv")
    arguments = parser.parse_args()
    try:
        table = read_table(arguments.data, arguments.label)
    except (OSError, ValueError) as e:
        parser.error(str(e))
    data, root = arguments.data.resolve(), arguments.root
    return run_quietly(root, lambda progress: run(table, data, root, progress))


def run(table: Table, data: pathlib.Path, root: pathlib.Path, progress: Progress) -> str:
    """Trains and converts, and returns a summary of the result."""
    progress.begin("Loading TensorFlow")
    # Imported only now: these imports take seconds and print warnings.
    from csv_model import save, train

    from tfx_tflite_component import rewrite_saved_model

    progress.end()
    progress.begin("Training")
    model, quality = train(table)
    save(model, root / "saved_model")
    progress.end()
    progress.begin("Converting and comparing")
    report = rewrite_saved_model(
        root / "saved_model",
        root / "converted",
        config={"app": {"snippets": ["PYTHON"]}, "metadata": {"labels": _lines(table.classes)}},
        examples=data,
    )
    progress.end()
    output = report["verification"]["outputs"]["prediction"]
    facts = {
        "numbers": ", ".join(_lines(table.numbers)) or "-",
        "words": ", ".join(_lines(table.words)) or "-",
        "left out": ", ".join(f"{name!r}: {why}" for name, why in table.left_out.items()) or "-",
        "classes": ", ".join(_lines(table.classes)) or "none: it predicts a number",
        "SavedModel": f"{report['source_size_bytes']:,} bytes, {quality}",
        "TFLite model": f"{report['model']['size_bytes']:,} bytes",
        "compared on": f"{report['verification']['num_examples']} rows",
        "difference": f"{output['max_abs_error']:.2g} at most",
        "model": str(root / "converted" / "tflite"),
        "page": str(root / "converted" / "report.html"),
        "run it by": shlex.join([sys.executable, str(root / "converted" / "snippet.py")]),
    }
    return "\n".join(f"{label:<14}{fact}" for label, fact in facts.items())


def _lines(cells: Iterable[str]) -> list[str]:
    """Each cell as one line, which the labels of the metadata have to be."""
    return [" ".join(cell.split()) for cell in cells]


if __name__ == "__main__":
    sys.exit(main())
