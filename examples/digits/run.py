"""Runs the digits pipeline on this machine and prints what came of it.

python examples/digits/run.py [--data PATTERN_OR_DIR] [--root DIR]
"""

import argparse
import glob
import os
import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))

from terminal import Progress, add_root_argument, run_quietly

_HERE = pathlib.Path(__file__).resolve().parent


def main() -> int:
    """Runs the pipeline and returns the exit code."""
    arguments = _parse_arguments()
    return run_quietly(
        arguments.root, lambda progress: _run(arguments.data, arguments.root, progress)
    )


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Runs the digits pipeline on this machine.")
    parser.add_argument(
        "--data",
        type=_data_pattern,
        default=str(_HERE / "data"),
        help="directory or file pattern of TFRecords (default: %(default)s)",
    )
    add_root_argument(parser, default=_HERE.parents[1] / "build" / "digits")
    return parser.parse_args()


def _data_pattern(data: str) -> str:
    """The absolute pattern of the files that `--data` names."""
    pattern = os.path.join(data, "*") if os.path.isdir(data) else data
    if not any(os.path.isfile(path) and os.path.getsize(path) for path in glob.glob(pattern)):
        raise argparse.ArgumentTypeError(
            f"found no file with content at {data}; expected TFRecords of tf.Examples. Name a "
            "directory or a file pattern that holds some."
        )
    return os.path.abspath(pattern)


def _run(data: str, root: pathlib.Path, progress: Progress) -> str:
    """Runs the pipeline and returns the summary of its results."""
    progress.begin("Loading TFX")
    # Imported only now: these imports take seconds and print warnings.
    from pipeline import create_pipeline, metadata_connection
    from summary import summarize
    from tfx import v1 as tfx

    pipeline = create_pipeline(data, str(root), metadata_connection(root))
    progress.end()
    tfx.orchestration.LocalDagRunner().run(pipeline)
    progress.begin("Reading the results")
    summary = summarize(root)
    progress.end()
    return summary


if __name__ == "__main__":
    sys.exit(main())
