"""The report: that its figures are true, its schema is documented, and its page is safe."""

import builtins
import dataclasses
import hashlib
import html.parser
import json
import pathlib
import re
import resource
import runpy
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import report_example
import tensorflow as tf
import traitlets.config
import workers
from artifacts import examples_artifact, model_artifact, write_split
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from quantizable import example, images, save_classifier, save_model
from tfx.orchestration.experimental.interactive import standard_visualizations, visualizations
from tfx.orchestration.experimental.interactive.interactive_context import InteractiveContext
from tfx.types import channel_utils
from versions import RUNS_SELECT_TF_OPS

import tfx_tflite_component
from tfx_tflite_component import TFLiteReport
from tfx_tflite_component.components.rewriter.executor import Executor
from tfx_tflite_component.report.formats import duration
from tfx_tflite_component.report.page import render
from tfx_tflite_component.report.schema import Report
from tfx_tflite_component.split.boundary import Boundary

_CHECKOUT = pathlib.Path(__file__).parents[2]
_HOSTILE = "<script>alert(1)</script>"
_CALIBRATED = 50
_COMPARED = 40

Published = tuple[pathlib.Path, dict[str, Any], str]


def _do(
    source: pathlib.Path, folder: pathlib.Path, config: dict[str, Any], *examples: Any
) -> Published:
    """Publishes to a folder; gives the folder of the model, report.json and report.html."""
    report = TFLiteReport()
    report.uri = str(folder / "report")
    with workers.in_process():
        Executor().Do(
            {"model": [model_artifact(source)], "examples": list(examples)},
            {"model": [model_artifact(folder / "model")], "report": [report]},
            {"config": json.dumps(config)},
        )
    text = (folder / "report" / "report.json").read_text()
    page = (folder / "report" / "report.html").read_text()
    return folder / "model", json.loads(text, parse_constant=pytest.fail), page


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The folder of a Model artifact that holds the classifier."""
    folder = tmp_path_factory.mktemp("trainer")
    save_classifier(folder / "Format-Serving")
    return folder


@pytest.fixture(scope="module")
def published(source: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> Published:
    """A full-integer model with all that a report can say."""
    folder = tmp_path_factory.mktemp("published")
    write_split(folder / "examples", "train", images(_CALIBRATED))
    write_split(folder / "examples", "eval", images(_COMPARED, seed=1))
    config = {"quantization": {"mode": "FULL_INTEGER", "input_type": "INT8"}}
    return _do(source, folder, config, examples_artifact(folder / "examples"))


def test_report_describes_the_conversion(published: Published) -> None:
    _, report, _ = published
    assert report["schema_version"] == 2
    assert report["signature_key"] == "serving_default"
    assert report["boundary"] == "RAW_FEATURES"
    assert report["boundary_reason"].startswith("the signature parses tf.Examples in ")
    assert report["config"]["quantization"] == {
        "mode": "FULL_INTEGER",
        "input_type": "INT8",
        "per_channel": True,
        "enable_experimental_new_quantizer": True,
    }
    assert report["config"]["calibration"] == {"splits": ["train"], "num_examples": 500}
    assert report["warnings"] == []
    assert report["versions"]["tensorflow"] == tf.__version__
    assert report["versions"]["tfx-tflite-component"] == tfx_tflite_component.__version__


def test_sizes_and_digest_are_those_of_the_files(
    published: Published, source: pathlib.Path
) -> None:
    folder, report, _ = published
    content = (folder / "Format-Serving" / "tflite").read_bytes()
    assert report["model"]["size_bytes"] == len(content)
    assert report["model"]["sha256"] == hashlib.sha256(content).hexdigest()
    files = [path for path in (source / "Format-Serving").rglob("*") if path.is_file()]
    assert report["source_size_bytes"] == sum(path.stat().st_size for path in files)


def test_ops_and_tensors_are_those_of_the_model(published: Published) -> None:
    folder, report, _ = published
    interpreter = tf.lite.Interpreter(str(folder / "Format-Serving" / "tflite"))
    # the interpreter's last op may be the delegate, which is no op of the file
    ops = [op["op_name"] for op in interpreter._get_ops_details() if op["op_name"] != "DELEGATE"]
    assert [op["name"] for op in report["model"]["ops"]] == ops
    assert report["model"]["op_set"] == "BUILTIN"
    runner = interpreter.get_signature_runner()
    for field, details in [
        ("inputs", runner.get_input_details()),
        ("outputs", runner.get_output_details()),
    ]:
        assert {
            name: (tensor["dtype"], tensor["shape"], tensor["scales"], tensor["zero_points"])
            for name, tensor in report[field].items()
        } == {
            name: (
                detail["dtype"].__name__,
                detail["shape_signature"].tolist(),
                detail["quantization_parameters"]["scales"].tolist(),
                detail["quantization_parameters"]["zero_points"].tolist(),
            )
            for name, detail in details.items()
        }
    assert report["inputs"]["image"]["dtype"] == "int8"


def test_weights_are_counted_by_dtype(published: Published) -> None:
    _, report, _ = published
    # 3 * 3 * 8 * 16 weights of the convolution and 16 * 3 of the dense layer, a byte each
    assert report["model"]["weights"]["int8"] == {"tensors": 2, "size_bytes": 1152 + 48}
    assert "float32" not in report["model"]["weights"]


def test_calibration_and_verification_are_those_that_ran(published: Published) -> None:
    _, report, _ = published
    assert report["calibration"]["num_examples"] == _CALIBRATED
    assert (report["calibration"]["splits"], report["calibration"]["seed"]) == (["train"], 0)
    assert report["calibration"]["ranges"]["image"]["min"] < 0
    assert report["verification"]["inputs"] == "examples"
    assert report["verification"]["num_examples"] == _COMPARED
    output = report["verification"]["outputs"]["probabilities"]
    assert len(output["errors"]) == _COMPARED
    assert output["max_abs_error"] == max(output["errors"])
    assert output["errors"][output["worst_example"]] == output["max_abs_error"]
    assert 0 < output["mean_abs_error"] < output["max_abs_error"] < 0.05


def test_latency_has_its_percentiles(published: Published) -> None:
    _, report, _ = published
    latency = report["latency"]
    assert (latency["batch_size"], latency["runs"]) == (1, 100)
    percentiles = [latency["percentiles_ms"][percentile] for percentile in ("50", "90", "99")]
    assert 0 < percentiles[0] <= percentiles[1] <= percentiles[2] < 1000


def test_peak_memory_is_that_of_the_process(published: Published) -> None:
    _, report, page = published
    imported = 100_000_000
    now = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # the kernel counts each processor's pages apart, and adds them up now and then
    assert imported < report["peak_memory_bytes"] <= 1.01 * now
    assert f"{report['peak_memory_bytes'] / 1e6:,.0f} MB" in page


@pytest.fixture(scope="module")
def minimal(source: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> Published:
    """A float model, converted without examples."""
    return _do(source, tmp_path_factory.mktemp("minimal"), {})


def test_random_inputs_are_called_so(minimal: Published) -> None:
    _, report, page = minimal
    assert report["calibration"] is None
    assert report["verification"]["inputs"] == "random inputs"
    assert "random inputs compared" in page
    assert "Float TFLite model" in page


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Published:
    """A model whose figures are infinite or not numbers, and whose names are hostile."""
    folder = tmp_path_factory.mktemp("odd")

    def compute(features: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        x = features[_HOSTILE]
        return {"same": x * 1.0, "missing": tf.sqrt(x - 1e9), "infinite": 1.0 / (x - x)}

    save_model(
        folder / "trainer" / "Format-Serving",
        {_HOSTILE: tf.io.FixedLenFeature([2], tf.float32)},
        compute,
    )
    write_split(
        folder / "examples", "eval", [example(**{_HOSTILE: [float(i), 2.0]}) for i in range(3)]
    )
    examples = examples_artifact(folder / "examples", splits=["eval"])
    return _do(folder / "trainer", folder, {"verification": {"on_failure": "WARN"}}, examples)


def test_numbers_that_json_lacks_are_strings(odd: Published) -> None:
    _, report, page = odd
    outputs = report["verification"]["outputs"]
    assert outputs["same"]["sqnr_db"] == "inf"
    assert (outputs["missing"]["errors"], outputs["missing"]["nan_count"]) == ([0, 0, 0], 6)
    assert "inf" in page


def test_hostile_names_are_escaped(odd: Published) -> None:
    _, report, page = odd
    assert list(report["inputs"]) == [_HOSTILE]
    assert _HOSTILE not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_hostile_words_are_escaped_wherever_they_are(published: Published) -> None:
    _, report, _ = published
    (tensor,), (output,) = report["inputs"].values(), report["verification"]["outputs"].values()
    model, (op, *_) = report["model"], report["model"]["ops"]
    hostile = {
        "signature_key": _HOSTILE,
        "boundary_reason": _HOSTILE,
        "computed_inputs": {
            _HOSTILE: {
                **{"features": [_HOSTILE], "ops": [_HOSTILE], "tensors": []},
                "steps": [_HOSTILE],
            }
        },
        "snippets": {"snippet.py": _HOSTILE},
        "warnings": [_HOSTILE],
        "dropped_checks": [_HOSTILE],
        "lowered": {_HOSTILE: [_HOSTILE]},
        "inputs": {_HOSTILE: tensor},
        "outputs": {_HOSTILE: tensor},
        "model": {
            **model,
            "ops": [{**op, "name": _HOSTILE, "scope": _HOSTILE}],
            "weights": {_HOSTILE: model["weights"]["int8"]},
        },
        "verification": {**report["verification"], "outputs": {_HOSTILE: output}},
        "calibration": {
            **report["calibration"],
            "splits": [_HOSTILE],
            "ranges": {_HOSTILE: {"min": 0.0, "max": 1.0}},
            "output_ranges": {_HOSTILE: {"min": 0.0, "max": 1.0}},
        },
    }
    page = render(Report.from_json({**report, **hostile})).replace("<wbr>", "")
    assert "<script" not in page
    # the op's name and scope are in its square and in the list, and in a table each
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 25


class _Page(html.parser.HTMLParser):
    """Notes the elements of a page, and checks that they nest."""

    _VOID = ("meta", "br", "img", "link", "input")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self._VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open:
            self.texts.setdefault(self.open[-1], []).append(data.strip())


@pytest.mark.parametrize("name", ["published", "minimal", "odd"])
def test_page_is_self_contained(name: str, request: pytest.FixtureRequest) -> None:
    page = request.getfixturevalue(name)[2]
    parsed = _Page(page)
    assert parsed.open == []
    assert {tag for tag, _ in parsed.found}.isdisjoint({"script", "link", "img", "iframe"})
    attributes = {attribute for _, attributes in parsed.found for attribute in attributes}
    assert attributes.isdisjoint({"src", "href", "srcset", "data", "action"})
    assert re.findall(r"url\(|@import|https?://", page) == []
    # a notebook drops the body itself, so that the styles hang on what is in it
    assert ("div", {"class": "tflite-report"}) in parsed.found


def test_page_shows_the_contents_of_the_report(published: Published) -> None:
    _, report, page = published
    output = report["verification"]["outputs"]["probabilities"]
    for words in [
        "Full integer TFLite model",
        f"{report['model']['size_bytes']:,}",
        f"{report['source_size_bytes']:,}",
        report["model"]["sha256"],
        f"{output['max_abs_error']:.4g}",
        f"{output['sqnr_db']:.4g}",
        "CONV_2D",
        duration(report["latency"]["percentiles_ms"]["99"]),
        '<p class="badge passed">Passed</p>',
        f"{_CALIBRATED} examples of train, seed 0",
        f"example {output['worst_example']} ({output['max_abs_error']:.4g})",
    ]:
        assert words in page


def test_histogram_holds_every_example_once(published: Published) -> None:
    _, _, page = published
    bars = [title for title in _Page(page).texts["title"] if " to " in title]
    exact = sum(map(int, re.findall(r"(\d+) examples do not differ", page)))
    assert sum(int(bar.rpartition(": ")[2]) for bar in bars) + exact == _COMPARED
    assert sum(not bar.endswith(": 0") for bar in bars) > 3


def test_worst_examples_come_first(published: Published) -> None:
    _, report, page = published
    output = report["verification"]["outputs"]["probabilities"]
    found = [int(index) for index in re.findall(r"example (\d+) \(", page)]
    assert len(found) == 5
    errors = [output["errors"][index] for index in found]
    assert errors == sorted(output["errors"], reverse=True)[:5]


@pytest.mark.parametrize("boundary", Boundary)
def test_page_says_how_inputs_arrive_at_each_boundary(boundary: Boundary) -> None:
    pages = {
        each: render(dataclasses.replace(report_example.wordy(), boundary=each))
        for each in Boundary
    }
    without_names = {page.replace(each.value, "") for each, page in pages.items()}
    assert len(without_names) == len(Boundary)
    assert boundary.value in pages[boundary]


def test_page_of_a_model_with_custom_ops_does_without_figures(published: Published) -> None:
    _, report, _ = published
    unknown = dict.fromkeys(["verification", "latency", "calibration"])
    page = render(Report.from_json({**report, **unknown}))
    assert "Against the SavedModel" not in page
    assert report["model"]["sha256"] in page


@pytest.fixture(scope="module")
def select_tf(tmp_path_factory: pytest.TempPathFactory) -> Published:
    """A model that needs Select TF ops."""
    folder = tmp_path_factory.mktemp("select_tf")
    save_model(
        folder / "trainer" / "Format-Serving",
        {"word": tf.io.FixedLenFeature([], tf.string)},
        lambda features: {"bucket": tf.strings.to_hash_bucket_fast(features["word"], 9)},
    )
    return _do(folder / "trainer", folder, {"ops": {"allow_select_tf_ops": True}})


def test_select_tf_ops_are_verified_where_the_interpreter_has_them(select_tf: Published) -> None:
    _, report, page = select_tf
    assert report["model"]["op_set"] == "SELECT_TF"
    assert "needs Select TF" in page
    if RUNS_SELECT_TF_OPS:
        assert report["warnings"] == []
        assert report["verification"]["outputs"]["bucket"]["max_abs_error"] == 0
        assert "random inputs compared" in page
        return
    (warning,) = report["warnings"]
    assert "was not verified" in warning
    assert warning.endswith(f"from TensorFlow 2.20 on, and this is TensorFlow {tf.__version__}.")
    assert warning in page
    assert (report["verification"], report["latency"]) == (None, None)
    assert list(report["inputs"]) == ["word"]


def test_document_is_made_from_the_dataclasses() -> None:
    page = runpy.run_path(str(_CHECKOUT / "scripts" / "report_page.py"))["page"]
    assert (_CHECKOUT / "docs" / "report.md").read_text() == page()


def test_json_form_has_the_fields_of_the_dataclass(published: Published) -> None:
    _, report, _ = published
    assert set(report) == {field.name for field in dataclasses.fields(Report)}


@pytest.fixture
def notebook(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An IPython shell, as a notebook has one."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setattr(builtins, "__IPYTHON__", True, raising=False)
    monkeypatch.setattr(sys, "displayhook", sys.displayhook)
    config = traitlets.config.Config()
    config.HistoryManager.enabled = False
    InteractiveShell.instance(config=config)
    yield
    InteractiveShell.clear_instance()


@pytest.mark.usefixtures("notebook")
def test_interactive_context_shows_the_page(published: Published, tmp_path: pathlib.Path) -> None:
    folder, _, page = published
    report = TFLiteReport()
    report.uri = str(folder.parent / "report")
    context = InteractiveContext(pipeline_root=str(tmp_path))
    with capture_output() as captured:
        context.show(channel_utils.as_channel([report]))
    assert page in [output.data.get("text/html") for output in captured.outputs]


def test_other_artifacts_are_shown_as_ever() -> None:
    registry = visualizations.get_registry()
    assert registry.get_visualization("Model") is None
    standard_visualizations.register_standard_visualizations()
    ours = type(registry.get_visualization(TFLiteReport.TYPE_NAME))
    others = {name for name, shown in registry.visualizations.items() if type(shown) is not ours}
    assert others == set(registry.visualizations) - {TFLiteReport.TYPE_NAME}
    assert "ExampleStatistics" in others
