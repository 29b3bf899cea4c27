"""The page in a real browser: nothing sticks out on a phone, a tablet or a desktop."""

import html
import pathlib
import re
import shutil
import subprocess
import warnings

import pytest
import report_example
from versions import OF_NO_VERSION

from tfx_tflite_component.report.page import render

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_BROWSER = next(filter(shutil.which, _BROWSERS), None)
_MEASURE = """
<iframe id="page" style="width: {width}px; height: 900px; border: 0" srcdoc="{page}"></iframe>
<script>
onerror = (message) => document.title += " error: " + message;
onload = () => {{
  const page = document.getElementById("page").contentDocument;
  const color = () => getComputedStyle(page.querySelector(".strip i")).backgroundColor;
  const byType = color();
  page.querySelector(".by-error").click();
  const root = page.documentElement;
  document.title += " page " + root.scrollWidth + " of " + root.clientWidth;
  if (color() == byType) document.title += " colored by type only";
}};
</script>
"""

if _BROWSER is None:
    warnings.warn("THE PAGE WAS NOT TESTED IN A BROWSER: install chromium.", stacklevel=1)

pytestmark = [
    OF_NO_VERSION,
    pytest.mark.process,
    pytest.mark.skipif(_BROWSER is None, reason="NOT TESTED IN A BROWSER: install chromium"),
]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 820, 1400])
def test_page_is_as_wide_as_the_screen(width: int, scheme: str, tmp_path: pathlib.Path) -> None:
    page = render(report_example.wordy())
    holder = tmp_path / "holder.html"
    holder.write_text(_MEASURE.format(width=width, page=html.escape(page)))
    flags = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--dump-dom",
        f"--user-data-dir={tmp_path}",
    ]
    if scheme == "dark":
        flags.append("--blink-settings=preferredColorScheme=0")
    done = subprocess.run(
        [str(_BROWSER), *flags, "--window-size=1600,1000", holder.as_uri()],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    found = re.search(r"<title> ?(.*?)</title>", done.stdout)
    assert found
    measured = re.fullmatch(r"page (\d+) of (\d+)", found[1].strip())
    assert measured, found[1]
    assert int(measured[1]) <= int(measured[2]) <= width
