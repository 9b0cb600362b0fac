"""The page of the plan in a real browser: no overflow, no text on another, enough contrast; light and dark."""

from __future__ import annotations

import copy
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import chromium
import jinja2
import pytest
from ansible_collections.fediverse.mastodon.plugins.filter import plan_page

from tests import golden
from tests.conftest import ROOT

WIDTHS = (400, 720, 1400)  # a phone, a tablet where tables are not stacked any more, a screen
TEMPLATES = ROOT / "playbooks" / "templates"
EVIL = "<script>alert('x')</script>\"&"


def render(plan: dict[str, Any]) -> str:
    """As the template module of Ansible does it."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["fediverse.mastodon.plan_page"] = plan_page.plan_page
    return environment.get_template("plan.html.j2").render(mastodon_plan=plan)


def grown(plan: dict[str, Any], count: int) -> dict[str, Any]:
    """The plan with its worker that many times, under long names, and with a warning nobody can break."""
    found = copy.deepcopy(plan)
    for number in range(count):
        name = f"worker-{number}.rack-{number % 7}.datacentre.internal.social.example.org"
        found["hosts"][name] = {**copy.deepcopy(plan["hosts"]["worker"]), "name": name}
    found["warnings"] = ["/srv/" + "a-very-long-path-without-any-space" * 4, EVIL]
    found["forecast"]["expected"] = {queue: 5 * rate + 1 for queue, rate in plan["forecast"]["most"].items()}
    return found


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    """Every shipped inventory, and a cluster of 200 hosts."""
    found = {layout: render(golden.plan(layout)) for layout in golden.layouts()}
    found["many"] = render(grown(golden.plan("chaos_social"), 196))
    found["long names"] = render(grown(golden.plan("chaos_social"), 3))
    return found


def test_the_playbook_writes_the_page(tmp_path: Path) -> None:
    """Into a path as an admin types it; the same bytes as the tests look at."""
    extra = {"mastodon_plan_html": "~/page.html"}
    done = subprocess.run(
        ["ansible-playbook", "playbooks/plan.yml", "-i", "inventories/freeradical", "-e", json.dumps(extra)],
        cwd=ROOT,
        env={**os.environ, "HOME": str(tmp_path), "ANSIBLE_SSH_EXECUTABLE": "/nonexistent/ssh"},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[WARNING]" not in done.stdout + done.stderr and "DEPRECAT" not in done.stdout + done.stderr
    assert (tmp_path / "page.html").read_text() == render(golden.plan("freeradical")) + "\n"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_pages_are_readable(pages: dict[str, str], dark: bool, tmp_path: Path) -> None:
    script = (Path(__file__).parent / "probe.js").read_text()
    measured = chromium.measure(pages, script, WIDTHS, dark, tmp_path)
    assert set(measured) == {f"{name} {width}" for name in pages for width in WIDTHS}
    for key, found in measured.items():
        assert (found["width"], found["dark"]) == (int(key.split()[-1]), dark), "the browser did not do as told"
        assert (found["closed"], found["open"]) == (0, 0), f"{key}: wider than the window by that many pixels"
        assert found["crossed"] == [], key
        assert found["texts"] > 100 and found["faint"] == [], key
        assert (found["drawings"], found["unnamed"], found["lang"], found["twice"]) == (1, 0, "en", []), key
        levels = found["headings"]
        assert levels[0] == 1 and levels.count(1) == 1, key
        assert all(below - above <= 1 for above, below in zip(levels, levels[1:])), key


def test_pages_need_nothing_from_elsewhere(pages: dict[str, str]) -> None:
    for name, page in pages.items():
        assert not re.search(r"<(script|link|img|iframe|object|embed)\b|@import|url\(|\bsrc=", page), name
        assert all(target.startswith("#") for target in re.findall(r'href="([^"]*)"', page)), name


def test_values_cannot_write_markup(pages: dict[str, str]) -> None:
    assert EVIL not in pages["many"]
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&#34;&amp;" in pages["many"]


@pytest.mark.parametrize("file", sorted(TEMPLATES.glob("plan*.j2")), ids=lambda path: path.name)
def test_templates_escape_every_value(file: Path) -> None:
    """What is put out goes through |e, is a macro of ours that does it, or is a constant."""
    found = re.findall(r"\{\{-?\s*(.*?)\s*-?\}\}", file.read_text(), re.S)
    constant = re.compile(r'^"[^"]*" if [\w. ]+$|^(parts\.)?(why|bar|legend|drawing|host)\(')
    loose = [
        each for each in found if not each.endswith("| e") and not constant.match(each) and file.name != "plan.css.j2"
    ]
    assert found and loose == []
