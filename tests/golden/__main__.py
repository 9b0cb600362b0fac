"""Write the golden plans anew and say which changed."""

from __future__ import annotations

from tests import conftest, golden

for layout in golden.layouts():
    for path, content in golden.rendered(layout).items():
        changed = not path.exists() or path.read_text() != content
        path.write_text(content)
        print(f"{path.relative_to(conftest.ROOT)}: {'written' if changed else 'unchanged'}")
