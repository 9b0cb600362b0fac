"""Headless Chromium, driven by its own command line."""

from __future__ import annotations

import html
import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.lab import apt

PROGRAM = Path("/usr/bin/chromium")
# Virtual time: ends as soon as nothing is left to do, at the latest after that many milliseconds of the page's own.
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--hide-scrollbars",
    "--virtual-time-budget=20000",
    "--window-size=1500,1000",
)
DARK = "--blink-settings=preferredColorScheme=0"

# Each page in a frame of its own: a window is never narrower than 500 pixels, a frame is what it is told.
HARNESS = """<!DOCTYPE html><meta charset="utf-8"><pre id="found"></pre><script>
const found = {};
addEventListener("message", event => {
  found[event.data.frame] = event.data.found;
  document.getElementById("found").textContent = JSON.stringify(found);
});
</script>"""


def measure(pages: Mapping[str, str], script: str, widths: tuple[int, ...], dark: bool, folder: Path) -> dict[str, Any]:
    """What a script (a function body) returns on each page at each width, by "name width"."""
    apt.require("chromium", str(PROGRAM))
    frames = []
    for name, page in pages.items():
        for width in widths:
            key = f"{name} {width}"
            probe = (
                f"<script>parent.postMessage({{frame: {json.dumps(key)}, found: (() => {{{script}}})()}}, '*')</script>"
            )
            source = html.escape(page.replace("</body>", probe + "</body>"))
            frames.append(f'<iframe width="{width}" height="900" frameborder="0" srcdoc="{source}"></iframe>')
    file = folder / "pages.html"
    file.write_text(HARNESS + "\n".join(frames))
    command = [str(PROGRAM), *FLAGS, *([DARK] if dark else []), f"--user-data-dir={folder / 'profile'}"]
    done = subprocess.run(
        [*command, "--dump-dom", file.as_uri()], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120
    )
    result = re.search(r'<pre id="found">(.*?)</pre>', done.stdout, re.S)
    assert result and result.group(1), done.stderr
    measured: dict[str, Any] = json.loads(html.unescape(result.group(1)))
    return measured
