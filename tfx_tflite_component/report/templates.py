"""Renders the templates of this folder, which all pages are made of."""

import functools
from typing import TYPE_CHECKING, Any

from tfx_tflite_component.report import formats

if TYPE_CHECKING:
    import jinja2


def render_template(name: str, **values: Any) -> str:
    """Renders one of the templates.

    Args:
        name: The template's file name, without `.html.jinja`.
        **values: What the template shows.

    Returns:
        An HTML page that needs no other file.
    """
    return _environment().get_template(f"{name}.html.jinja").render(**values)


@functools.cache
def _environment() -> "jinja2.Environment":
    # takes a tenth of a second, which a command that refuses its arguments need not wait for
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("tfx_tflite_component.report", "."),
        # names of features and layers come from a model, and may contain any characters
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters.update(
        size=formats.size,
        duration=formats.duration,
        number=formats.number,
        cost_color=formats.cost_color,
        measure=lambda value, name: formats.measure(name, value),
        margin=lambda measured, name, limit: formats.margin(name, measured, limit),
    )
    return environment
