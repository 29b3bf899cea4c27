"""The artifact types of reports, and how a notebook shows them."""

import os

from tfx import types
from tfx.orchestration.experimental.interactive import visualizations
from tfx.utils import io_utils

from tfx_tflite_component.report.page import REPORT_HTML


class TFLiteReport(types.Artifact):
    """The report of a conversion: `report.json` for programs and `report.html` for people."""

    # Kubeflow's runner needs it, and imports the class in the container
    TYPE_NAME = "tfx_tflite_component.TFLiteReport"


class TFLiteInfraReport(types.Artifact):
    """What an infra validation found: `report.json` for programs and `report.html` for people."""

    TYPE_NAME = "tfx_tflite_component.TFLiteInfraReport"


class _ReportVisualization(visualizations.ArtifactVisualization):
    """The page that TFX's InteractiveContext shows."""

    ARTIFACT_TYPE: type[types.Artifact] = TFLiteReport

    def display(self, artifact: types.Artifact) -> None:  # type: ignore[override]
        from IPython.display import HTML, display

        display(HTML(io_utils.read_string_file(os.path.join(artifact.uri, REPORT_HTML))))


class _InfraReportVisualization(_ReportVisualization):
    """The page of an infra validation, likewise."""

    ARTIFACT_TYPE = TFLiteInfraReport


visualizations.get_registry().register(_ReportVisualization)
visualizations.get_registry().register(_InfraReportVisualization)
