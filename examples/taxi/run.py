"""Runs the stock Chicago taxi pipeline of TFX with one component added, up to that component.

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
    from pipeline import REWRITER_ID, STOCK_DATA, create_pipeline, metadata_path
    from summary import summarize
    from tfx import v1 as tfx
    from tfx.orchestration.pipeline import RunOptions

    pipeline = create_pipeline(STOCK_DATA, str(root), metadata_path(root))
    progress.end()
    # What follows in the stock pipeline judges and pushes the SavedModel.
    up_to_rewriter = RunOptions(to_nodes=[REWRITER_ID])
    tfx.orchestration.LocalDagRunner().run(pipeline, run_options=up_to_rewriter)
    return summarize(root)


if __name__ == "__main__":
    sys.exit(main())
