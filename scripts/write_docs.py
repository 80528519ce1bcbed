"""Writes the parts of docs/ that follow from the code: settings, tools, prompts, commands, the hardening list.

    python scripts/write_docs.py

A part stands between `<!-- generated: NAME -->` and `<!-- end -->`; everything else on a page is written by hand.
tests/docs/test_generated.py fails when a part is not what this script would write.
"""

import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import anyio
import mcp_types as types
import yaml
from cyclopts import App
from fastmcp import Client
from pydantic import JsonValue
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from airegistry.app import running
from airegistry.cli.errors import Status
from airegistry.cli.main import commands, main
from airegistry.settings import ClientSettings, Settings
from airegistry.telemetry.described import METRICS, SPANS, Described, Metric
from scripts.parity import rows

DOCS = Path(__file__).parents[1] / "docs"
ALERTS = DOCS.parent / "observability" / "alerts"
HARDENING = DOCS.parent / "terraform" / "hardening.yaml"
Schema = Mapping[str, JsonValue]

_PART = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
_PROMPT_SCHEMA = re.compile(r"\s*Provide a value matching the following JSON schema.*", re.DOTALL)


async def parts() -> dict[str, str]:
    """Every generated part by name, as a registry that runs says it."""
    with TemporaryDirectory() as folder:
        settings = Settings(data=Path(folder), embedder="none")
        async with running(settings) as app, Client(app.mcp) as client:
            tools = sorted(await client.list_tools(), key=lambda tool: tool.name)
            prompts = await client.list_prompts()
            templates = await client.list_resource_templates()
    return {
        "index": _index(tools),
        "tools": "\n".join(map(_tool, tools)),
        "prompts": _table(("Prompt", "For", "Arguments"), map(_prompt, prompts)),
        "resources": _table(("URI", "What it is"), ((f"`{t.uri_template}`", t.description or "") for t in templates)),
        "settings": _table(("Setting", "Default", "Meaning"), _settings(Settings)),
        "client": _table(("Setting", "Default", "Meaning"), _settings(ClientSettings)),
        "commands": _commands(),
        "metrics": _table(("Metric", "Kind", "Unit", "Attributes", "Meaning"), map(_metric, METRICS)),
        "alerts": _table(("Metric", "Alerts"), _alerts()),
        "spans": _table(("Span", "Kind", "Attributes", "Meaning"), map(_span, SPANS)),
        "hardening": _table(("What", "Where it is seen to"), _hardening()),
        "parity": _table(("Tool", "REST", "Command line"), rows(tool.name for tool in tools)),
    }


def filled(page: str, made: Mapping[str, str]) -> str:
    """A page with every generated part as it is now."""
    return _PART.sub(lambda found: f"{found[1]}\n{made[found[2]]}\n{found[3]}", page)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _alerts() -> Iterable[Sequence[str]]:
    """Each metric that alerts ask for, by its name in Prometheus, and these."""
    rules = [
        rule for file in sorted(ALERTS.glob("*.yaml")) for group in yaml.safe_load(file.read_text("utf-8"))["groups"]
        for rule in group["rules"]
    ]  # fmt: skip
    for metric in METRICS:
        named = re.compile(
            rf"\b{re.escape(metric.name.replace('.', '_'))}(?:_(?:total|seconds|bytes|bucket|count|sum))*\b"
        )
        if found := [rule["alert"] for rule in rules if named.search(rule["expr"])]:
            yield f"`{metric.name}`", ", ".join(f"[{name}](alerts.md#{name.lower()})" for name in found)


def _commands() -> str:
    """The help of the command line, and of each of its commands."""
    return "\n".join([_help(()), *(f"### airegistry {' '.join(name)}\n\n{_help(name)}" for name in _named(commands()))])


def _named(app: App, *before: str) -> Iterable[tuple[str, ...]]:
    for name in (name for name in app if not name.startswith("-")):
        yield from list(_named(app[name], *before, name)) or [(*before, name)]


def _help(command: Sequence[str]) -> str:
    words, out = [*command, "--help"], StringIO()
    with patch.dict(os.environ, COLUMNS="100", NO_COLOR="1"), redirect_stdout(out):
        assert main(words) == Status.OK
    shown = "\n".join(line.rstrip() for line in out.getvalue().strip().splitlines())
    return f"```console\n$ airegistry {' '.join(words)}\n{shown}\n```\n"


def _index(tools: Iterable[types.Tool]) -> str:
    return _table(("Tool", "Does", "Effect"), ((f"[`{t.name}`](#{t.name})", t.title or "", _effect(t)) for t in tools))


def _effect(tool: types.Tool) -> str:
    hints = tool.annotations or types.ToolAnnotations()
    if hints.read_only_hint:
        return "reads"
    return "replaces or removes" if hints.destructive_hint else "adds"


def _tool(tool: types.Tool) -> str:
    known = list(_parameters(tool.input_schema))
    lines = [f"### {tool.name}", "", (tool.description or "").strip(), ""]
    lines += [_table(("Parameter", "Type", "Default", "Meaning"), known)] if known else ["No parameters.", ""]
    lines += [_answer(tool.output_schema), ""]
    return "\n".join(lines)


def _parameters(schema: Schema) -> Iterable[Sequence[str]]:
    required = schema.get("required") or []
    for name, value in _members(schema):
        default = value.get("default")
        shown = "" if default is None else f"`{json.dumps(default)}`"
        needed = isinstance(required, list) and name in required
        yield f"`{name}`", _type(value), "required" if needed else shown, str(value.get("description", ""))


def _answer(schema: Schema | None) -> str:
    if schema is None:
        return "Answer: what the called tool answers."
    lines = [f"Answer: {' '.join(str(schema.get('description', '')).split())}", ""]
    return "\n".join([*lines, *(f"- `{name}`: {_type(value)}" for name, value in _members(schema))])


def _members(schema: Schema) -> list[tuple[str, Schema]]:
    properties = schema.get("properties")
    found = properties.items() if isinstance(properties, dict) else ()
    return [(name, value) for name, value in found if isinstance(value, dict)]


def _type(schema: Schema) -> str:
    """A JSON Schema in words."""
    alternatives = schema.get("anyOf")
    if isinstance(alternatives, list):
        known = [each for each in alternatives if isinstance(each, dict) and each.get("type") != "null"]
        return " or ".join(map(_type, known))
    choices, items, kind = schema.get("enum"), schema.get("items"), str(schema.get("type", "any"))
    if isinstance(choices, list):
        # By the alphabet: Python keeps one of equal Literals, whose order is that of whoever was imported first.
        return ", ".join(sorted(f"`{choice}`" for choice in choices))
    if kind == "array":
        return f"list of {_type(items)}" if isinstance(items, dict) else "list"
    if kind == "object" and (members := _members(schema)):
        return f"object ({', '.join(f'`{name}`' for name, _ in members)})"
    if schema.get("format") == "date-time":
        return "time"
    return kind + _bounds(schema)


def _bounds(schema: Schema) -> str:
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is None:
        return ""
    return f" from {least}" + ("" if most is None else f" to {most}")


def _prompt(prompt: types.Prompt) -> Sequence[str]:
    arguments = [
        f"`{each.name}`{'' if each.required else ' (optional)'}: {_PROMPT_SCHEMA.sub('', each.description or '')}"
        for each in prompt.arguments or []
    ]
    return f"`{prompt.name}`", prompt.description or "", " ".join(arguments)


def _hardening() -> Iterable[Sequence[str]]:
    for item in yaml.safe_load(HARDENING.read_text(encoding="utf-8")):
        check, resource = item.get("doctor"), item.get("resource")
        place = f"`airegistry doctor --production`: `{check}`" if check else f"Terraform: `{resource}`"
        yield str(item["item"]), place


def _metric(metric: Metric) -> Sequence[str]:
    bounds = ", ".join(f"{bound:g}" for bound in metric.buckets)
    meaning = metric.meaning + (f" Buckets: {bounds}." if bounds else "")
    return f"`{metric.name}`", metric.instrument, f"`{metric.unit}`", _names(metric.attributes), meaning


def _span(span: Described) -> Sequence[str]:
    return f"`{span.name}`", span.kind, _names(span.attributes), span.meaning


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _settings(model: type[BaseSettings]) -> Iterable[Sequence[str]]:
    for name, field in model.model_fields.items():
        default = field.get_default(call_default_factory=True, validated_data={})
        if isinstance(default, Path):
            default = f"~/{default.relative_to(Path.home())}"
        text = str(default).lower() if isinstance(default, bool) else str(default)
        shown = "none" if default in (None, [], PydanticUndefined) else f"`{text}`"
        yield f"`AIREGISTRY_{name.upper()}`", shown, field.description or ""


async def write() -> None:
    """Bring every page up to date."""
    made = await parts()
    for page in sorted(DOCS.glob("*.md")):
        text = page.read_text(encoding="utf-8")
        page.write_text(filled(text, made), encoding="utf-8")


if __name__ == "__main__":
    anyio.run(write)
