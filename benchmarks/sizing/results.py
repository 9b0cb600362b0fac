# GPL-3.0-or-later (see LICENSE)
"""Where results are kept: every row at once in the cache, the whole in docs/benchmarks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import picture, summary, table

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "docs" / "benchmarks"
KEYS = {"rows": ("place", "mix", "configuration"), "burn": ("place", "mix"), "memory": ("configuration",)}


def load(folder: Path) -> dict[str, Any]:
    """What was measured before, or nothing."""
    file = folder / "sizing.json"
    return dict(json.loads(file.read_text())) if file.exists() else {}


def combine(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """A part measured anew replaces that part; the environment is the newest."""
    found = {part: summary.merge(old.get(part, []), new.get(part, []), key) for part, key in KEYS.items()}
    return {"schema_version": 1, "environment": new.get("environment") or old.get("environment"), **found}


def encode(data: Mapping[str, Any]) -> str:
    """JSON with one line per row, so that a difference can be read."""
    parts = []
    for key, value in data.items():
        if isinstance(value, list):
            inner = ",\n".join(f"  {json.dumps(row, ensure_ascii=False)}" for row in value)
            parts.append(f'"{key}": [\n{inner}\n ]' if value else f'"{key}": []')
        else:
            parts.append(f'"{key}": {json.dumps(value, ensure_ascii=False)}')
    return "{\n " + ",\n ".join(parts) + "\n}\n"


def write(data: Mapping[str, Any], folder: Path) -> list[summary.Verdict]:
    """JSON, table and picture; gives the verdicts back."""
    folder.mkdir(parents=True, exist_ok=True)
    measured = summary.lines(data["rows"])
    found = summary.verdicts(measured)
    (folder / "sizing.json").write_text(encode(data))
    (folder / "sizing.md").write_text(table.document(data, measured, found))
    if measured:
        picture.draw(measured, folder / "sizing.svg")
    return found
