"""docs/infra-validator.md: its snippet declares a component."""

from pages import snippets

from tfx_tflite_component import TFLiteInfraValidator


def test_snippet_declares_a_validator_with_all_targets() -> None:
    (snippet,) = snippets("docs/infra-validator.md", "python")
    names: dict[str, object] = {}
    exec(compile(snippet, "docs/infra-validator.md", "exec"), names)
    validator = names["validator"]
    assert isinstance(validator, TFLiteInfraValidator)
    assert validator.outputs["blessing"].type_name == "InfraBlessing"
