"""Let the tests import what scenarios share, wherever pytest thinks its root is."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from tests.reconverge import once  # noqa: F401
