"""Makes `ansible_collections.fediverse.mastodon` importable from this checkout, as Ansible itself would find it.

Ansible's finder comes first: tests that go through plugin loaders need it, and it cannot be added once the namespace
has been imported in the plain way.
"""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# A developer's cached facts of some host called main must not reach a test.
os.environ["ANSIBLE_CACHE_PLUGIN"] = "memory"
os.environ["ANSIBLE_COLLECTIONS_PATH"] = str(ROOT / ".collections")

from ansible.plugins.loader import init_plugin_loader  # noqa: E402
from hypothesis import settings  # noqa: E402

init_plugin_loader([str(ROOT / ".collections")])

# How long an example takes depends on who else uses the machine; time is measured in benchmarks/.
settings.register_profile("house", deadline=None)
settings.load_profile("house")
