"""The collection under its own name: `ansible_collections.fediverse.mastodon` through the checkout's link tree."""

from __future__ import annotations

import sys
from pathlib import Path

TREE = str(Path(__file__).resolve().parents[3] / ".collections")
if TREE not in sys.path:
    sys.path.insert(0, TREE)
