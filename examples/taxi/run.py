"""Runs the Chicago taxi pipeline on this machine and prints what came of it.

python examples/taxi/run.py [--root DIR]
"""

import argparse
import os
import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))

from terminal import Progress, add_root_argument, run_quietly

_HERE = pathlib.Path(__file__).resolve().parent


def main() -> int:
    """Runs the pipeline and returns the exit code."""
    parser = argparse.ArgumentParser(description="Runs the Chicago taxi pipeline on this machine.")
    add_root_argument(parser, default=_HERE.parents[1] / "build" / "taxi")
    root = parser.parse_args().root
    return run_quietly(root, lambda progress: _run(root, progress))


def _run(root: pathlib.Path, progress: Progress) -> str:
    """Runs the pipeline and returns the summary of its result."""
    progress.begin("Loading TFX")
    # The stock module is written for Keras 2.
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    # Imported only now: these imports take seconds and print warnings.
    from pipeline import DATA, create_pipeline
    from summary import summarize
    from tfx import v1 as tfx

    metadata = tfx.orchestration.metadata.sqlite_metadata_connection_config(
        str(root / "metadata.sqlite")
    )
    pipeline = create_pipeline(DATA, str(root), metadata)
    progress.end()
    tfx.orchestration.LocalDagRunner().run(pipeline)
    return summarize(metadata)


if __name__ == "__main__":
    sys.exit(main())
