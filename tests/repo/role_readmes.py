"""Write roles/*/README.md from meta/argument_specs.yml (`make role-readmes`)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from tests.repo.repository import ROLES, load

MARK = "<!-- Written by `make role-readmes` from meta/argument_specs.yml. -->"


def markdown(text: str) -> str:
    """Ansible's markup as Markdown."""
    text = re.sub(r"\b[CVOIE]\(([^)]*)\)", r"`\1`", text)
    text = re.sub(r"\bRV?\(([^)]*)\)", r"`\1`", text)
    text = re.sub(r"\bB\(([^)]*)\)", r"**\1**", text)
    text = re.sub(r"\bL\(([^,]*),\s*([^)]*)\)", r"[\1](\2)", text)
    text = re.sub(r"\bP\(fediverse\.mastodon\.(\w+)#role\)", r"[\1](../\1/README.md)", text)
    return re.sub(r"\bM\(([^)]*)\)", r"`\1`", text)


def paragraphs(description: Any) -> list[str]:
    """A description, which may be one text or a list."""
    return [markdown(str(part)) for part in (description if isinstance(description, list) else [description]) if part]


def value(option: dict[str, Any], inner: bool) -> str:
    """What the default column shows."""
    if option.get("required"):
        return "required"
    if "default" not in option:
        return "optional" if inner else "see the meaning"
    text = yaml.safe_dump(option["default"], default_flow_style=True, width=10**6, sort_keys=False)
    return "`" + text.strip().removesuffix("...").strip().replace("|", r"\|") + "`"


def kind(option: dict[str, Any]) -> str:
    """What the type column shows."""
    name = str(option.get("type", "str"))
    return f"{name} of {option['elements']}" if "elements" in option else name


def rows(options: dict[str, Any], prefix: str = "") -> list[str]:
    """One line per option, inner ones below theirs."""
    found = []
    for name, option in options.items():
        about = " ".join(paragraphs(option.get("description"))).replace("|", r"\|")
        if "choices" in option:
            about += f" One of {', '.join(f'`{choice}`' for choice in option['choices'])}."
        found.append(f"| `{prefix}{name}` | {kind(option)} | {value(option, bool(prefix))} | {about} |")
        found += rows(option.get("options", {}), f"{prefix}{name}.")
    return found


def entry(name: str, spec: dict[str, Any]) -> list[str]:
    """One entry point of a role."""
    lines = []
    if name != "main":
        lines += [f"## Entry point `{name}`", "", markdown(str(spec["short_description"])) + ".", ""]
    for paragraph in paragraphs(spec.get("description")):
        lines += [paragraph, ""]
    if spec.get("options"):
        if name == "main":
            lines += ["## Variables", ""]
        lines += ["| variable | type | default | meaning |", "|---|---|---|---|", *rows(spec["options"]), ""]
    return lines


def render(role: str, specs: dict[str, Any]) -> str:
    """The whole README."""
    main = specs["main"]
    lines = [
        MARK,
        "",
        f"# fediverse.mastodon.{role}",
        "",
        markdown(str(main["short_description"])).rstrip(".") + ".",
        "",
    ]
    lines += entry("main", main)
    for name, spec in specs.items():
        if name != "main":
            lines += entry(name, spec)
    if main.get("options"):
        lines += [
            "A default that reads `mastodon_host` comes from the plan; a value in the inventory always wins.",
            "",
        ]
    lines += [f"Reference on the command line: `ansible-doc -t role fediverse.mastodon.{role}`."]
    return "\n".join(lines) + "\n"


def readme(role: Path) -> str:
    """What a role's README should say."""
    return render(role.name, load(role / "meta" / "argument_specs.yml")["argument_specs"])


def main() -> None:
    """Write those that differ."""
    for role in ROLES:
        path = role / "README.md"
        text = readme(role)
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            print(f"wrote roles/{role.name}/README.md")


if __name__ == "__main__":
    main()
