"""Writes the tables of terraform/**/README.md from its variables.tf and outputs.tf.

`python scripts/write_terraform_docs.py`; a test compares the two.
"""

import re
from collections.abc import Iterator
from pathlib import Path

TERRAFORM = Path(__file__).parents[1] / "terraform"
BEGIN, END = "<!-- generated: variables and outputs -->", "<!-- end -->"
_BLOCK = re.compile(r'^(variable|output) "(\w+)" \{\n(.*?)^\}', re.M | re.S)
_DESCRIPTION = re.compile(r'^  description\s*= "((?:[^"\\]|\\.)*)"', re.M)
_DEFAULT = re.compile(r"^  default\s*= (.*)$", re.M)


def _cell(text: str) -> str:
    return text.replace("\\\\", "\\").replace("|", "\\|")


def _rows(path: Path) -> Iterator[tuple[str, str, str]]:
    """Name, description and default of each block; without a default it is required."""
    for _, name, body in _BLOCK.findall(path.read_text(encoding="utf-8")):
        description, default = _DESCRIPTION.search(body), _DEFAULT.search(body)
        if description is None:
            raise SystemExit(f"{path}: {name} has no description")
        # A default of several lines is shown as what it is made of.
        shown = default[1].rstrip(" [{") or "…" if default else ""
        yield name, _cell(description[1]), f"`{_cell(shown)}`" if default else "required"


def tables(module: Path) -> str:
    """The tables of one module."""
    lines = [BEGIN, "", "| Variable | Default | What it is |", "| --- | --- | --- |"]
    lines += [f"| `{name}` | {default} | {text} |" for name, text, default in _rows(module / "variables.tf")]
    lines += ["", "| Output | What it is |", "| --- | --- |"]
    lines += [f"| `{name}` | {text} |" for name, text, _ in _rows(module / "outputs.tf")]
    return "\n".join([*lines, "", END])


def modules() -> list[Path]:
    """Every folder with variables."""
    return sorted(path.parent for path in TERRAFORM.rglob("variables.tf") if ".terraform" not in path.parts)


def written(module: Path) -> str:
    """The module's README as it should be."""
    text = (module / "README.md").read_text(encoding="utf-8")
    head, rest = text.split(BEGIN)
    return head + tables(module) + rest.split(END)[1]


if __name__ == "__main__":
    for each in modules():
        (each / "README.md").write_text(written(each), encoding="utf-8")
