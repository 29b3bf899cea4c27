"""Compiles an example for Kubeflow Pipelines v2 and for Vertex AI Pipelines.

python examples/kubeflow.py {digits,taxi} --image IMAGE --data URI --root URI [--output FILE]
"""

import argparse
import os
import pathlib
import runpy
import sys

from tfx import v1 as tfx
from tfx.orchestration.kubeflow.v2.kubeflow_v2_dag_runner import (
    KubeflowV2DagRunner,
    KubeflowV2DagRunnerConfig,
)

_HERE = pathlib.Path(__file__).resolve().parent
_EXAMPLES = ("digits", "taxi")


def main() -> int:
    """Writes the compiled pipeline and returns the exit code."""
    arguments = _parse_arguments()
    pipeline = load_pipeline(arguments.example, arguments.data, arguments.root)
    compile_pipeline(pipeline, arguments.image, arguments.output)
    print(f"Compiled {arguments.example} into {arguments.output}")
    return 0


def load_pipeline(example: str, data: str, root: str) -> tfx.dsl.Pipeline:
    """Returns the pipeline of an example.

    Args:
        example: Name of the example's folder.
        data: URI of what it learns from: a file pattern of TFRecords for `digits`, a directory of
            CSV files for `taxi`.
        root: URI of the directory for everything that it writes.
    """
    return runpy.run_path(str(_HERE / example / "pipeline.py"))["create_pipeline"](data, root)


def compile_pipeline(pipeline: tfx.dsl.Pipeline, image: str, output: str) -> None:
    """Compiles a pipeline into a file.

    TFX packages the pipeline's module files on this occasion, and writes them below its root.

    Args:
        pipeline: The pipeline.
        image: The container image that all steps run in.
        output: Path of the file; `.json` is for Vertex AI, `.yaml` for Vertex AI and Kubeflow.
    """
    # the only schema that Kubeflow's own backend reads; Vertex AI reads both
    config = KubeflowV2DagRunnerConfig(default_image=image, use_pipeline_spec_2_1=True)
    directory, filename = os.path.split(os.path.abspath(output))
    KubeflowV2DagRunner(config, output_dir=directory, output_filename=filename).run(pipeline)


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compiles an example for Kubeflow Pipelines v2.")
    parser.add_argument("example", choices=_EXAMPLES)
    parser.add_argument("--image", required=True, help="container image that holds this package")
    parser.add_argument("--data", required=True, help="URI of what it learns from")
    parser.add_argument("--root", required=True, help="URI of the directory for all that it writes")
    parser.add_argument("--output", default="pipeline.json", help="file (default: %(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
