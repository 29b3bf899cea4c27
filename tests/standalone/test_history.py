"""The history of a pipeline, read from real stores of ML Metadata."""

import json
import pathlib
import sqlite3

import pytest
from ml_metadata import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd
from pages import snippets

from tfx_tflite_component.errors import StorageError
from tfx_tflite_component.json_form import to_json
from tfx_tflite_component.report.history_page import render_history
from tfx_tflite_component.standalone.cli.main import main
from tfx_tflite_component.standalone.history import read_history

_FIGURES = {"sqnr_db": 31.5, "argmax_agreement": 0.995, "max_abs_error": 0.01, "latency_ms": 0.011}
_WORDS = {
    "boundary": "RAW_FEATURES",
    "quantization": "FULL_INTEGER",
    "source_model_uri": "trainer/model/7",
    "config": '{"batch_size": 1}',
}


class _Store:
    """A store as TFX writes it, with a run that has a trained model and a TFLite model."""

    def __init__(self, path: pathlib.Path) -> None:
        self.config = mlmd.ConnectionConfig()
        self.config.sqlite.filename_uri = str(path)
        self.config.sqlite.connection_mode = mlmd.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
        self._store = MetadataStore(self.config)
        put = self._store.put_artifact_type
        self._types = {
            name: put(mlmd.ArtifactType(name=name))
            for name in ("Model", "ModelBlessing", "PushedModel")
        }
        self._component = self._store.put_execution_type(mlmd.ExecutionType(name="component"))
        self._run = self._context("pipeline_run", "run-1")
        self._pipeline = self._context("pipeline", "digits")
        self._artifact("Model", "trainer/model/7", {}, [])
        self.tflite = self.convert("TFLiteRewriter", 22530)

    def convert(self, component: str, size_bytes: int) -> int:
        properties = {**_WORDS, **_FIGURES, "size_bytes": size_bytes}
        node = self._context("node", f"digits.{component}")
        return self._artifact("Model", "rewriter/model/8", properties, [], node)

    def bless(self, value: int) -> None:
        self._artifact(
            "ModelBlessing",
            "evaluator/blessing/9",
            {"blessed": value},
            [self.tflite],
            self._context("node", "digits.Evaluator"),
        )

    def push(self) -> None:
        self._artifact("PushedModel", "pusher/pushed/10", {"pushed": 1}, [self.tflite])

    def _context(self, kind: str, name: str) -> int:
        type_id = self._store.put_context_type(mlmd.ContextType(name=kind))
        (found,) = self._store.put_contexts([mlmd.Context(type_id=type_id, name=name)])
        return found

    def _artifact(
        self, kind: str, uri: str, properties: dict, inputs: list[int], *nodes: int
    ) -> int:
        artifact = mlmd.Artifact(type_id=self._types[kind], uri=uri)
        for name, value in properties.items():
            field = {str: "string_value", int: "int_value", float: "double_value"}[type(value)]
            setattr(artifact.custom_properties[name], field, value)
        execution = mlmd.Execution(type_id=self._component)
        pairs = [
            (self._store.get_artifacts_by_id([i])[0], mlmd.Event(type=mlmd.Event.INPUT))
            for i in inputs
        ]
        pairs.append((artifact, mlmd.Event(type=mlmd.Event.OUTPUT)))
        contexts = self._store.get_contexts_by_id([self._run, self._pipeline, *nodes])
        _, ids, _ = self._store.put_execution(execution, pairs, contexts)
        return ids[-1]


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "metadata.sqlite"


@pytest.fixture
def store(path: pathlib.Path) -> _Store:
    return _Store(path)


def test_model_is_found_with_its_run_and_figures(store: _Store, path: pathlib.Path) -> None:
    (record,) = read_history(path)
    assert (record.pipeline, record.run, record.uri) == ("digits", "run-1", "rewriter/model/8")
    assert {name: getattr(record, name) for name in (*_WORDS, *_FIGURES)} == {**_WORDS, **_FIGURES}
    assert (record.component, record.size_bytes) == ("TFLiteRewriter", 22530)
    assert (record.blessed, record.pushed) == (None, None)


@pytest.mark.parametrize("value", [0, 1])
def test_blessing_is_that_of_the_model(store: _Store, path: pathlib.Path, value: int) -> None:
    store.bless(value)
    (record,) = read_history(path)
    assert (record.blessed, record.pushed) == (bool(value), None)


def test_pushed_model_is_known(store: _Store, path: pathlib.Path) -> None:
    store.push()
    (record,) = read_history(path)
    assert record.pushed is True


def test_connection_config_in_a_file_leads_to_the_store(
    store: _Store, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "store.textproto").write_text(str(store.config))
    assert len(read_history(tmp_path / "store.textproto")) == 1


@pytest.mark.parametrize("content", [None, b"no config", b"SQLite format 3\0 but damaged"])
def test_what_is_no_store_is_refused(content: bytes | None, tmp_path: pathlib.Path) -> None:
    if content is not None:
        (tmp_path / "store").write_bytes(content)
    with pytest.raises(StorageError, match="cannot be read"):
        read_history(tmp_path / "store")


def test_command_prints_a_table_json_and_a_page(
    store: _Store, path: pathlib.Path, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store.bless(1)
    assert main(["history", str(path)]) == 0
    header, row = capsys.readouterr().out.splitlines()
    assert header.split()[:3] == ["created", "run", "component"]
    assert row.split()[1:] == [
        *(
            "run-1",
            "TFLiteRewriter",
            "FULL_INTEGER",
            "RAW_FEATURES",
            "22,530",
            "99.50%",
            "31.5",
            "0.011",
        ),
        *("yes", "-"),
    ]
    assert main(["history", str(path), "--json", "--page", str(tmp_path / "page.html")]) == 0
    assert json.loads(capsys.readouterr().out)[0]["sqnr_db"] == 31.5
    assert "22.5 kB" in (tmp_path / "page.html").read_text()


def test_page_compares_the_models_of_the_last_run(store: _Store, path: pathlib.Path) -> None:
    page = render_history(list(map(to_json, read_history(path))))
    assert "Side by side" not in page
    store.convert("TFLiteFloat", 61338)
    # a component that reads a model does not count as the one that made it
    store.bless(1)
    page = render_history(list(map(to_json, read_history(path))))
    compared = page.partition("Side by side")[2].partition("</section>")[0]
    order = [compared.index(word) for word in ("TFLiteRewriter", "width: 36.7%", "TFLiteFloat")]
    assert order == sorted(order)


def test_queries_of_the_page_find_the_model(store: _Store, path: pathlib.Path) -> None:
    with sqlite3.connect(path) as database:
        sizes, agreements = (
            database.execute(query).fetchall() for query in snippets("docs/history.md", "sql")
        )
    assert sizes == [("rewriter/model/8", "FULL_INTEGER", 22530)]
    assert agreements == [("run-1", "rewriter/model/8", 0.995)]
