"""The cases of `benchmarks/scan`: our own texts, written for this, in the format that `airegistry scan-eval` reads.

The malicious ones are inert: nothing of them is run, and the hosts in them are none.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from airegistry.core.assets import Json
from airegistry.evaluation.scanning import Case

FOLDER = Path(__file__).parent / "scan"
BENIGN = "benign"


@dataclass(frozen=True, slots=True)
class Labelled:
    """A case, whether it is dangerous, and the family of danger; `gray` ones are capabilities without deceit."""

    case: Case
    label: str
    family: str


def own_cases() -> list[Labelled]:
    """All cases of the folder, in order of file and line."""
    files: dict[str, Callable[[Json], tuple[str, Json]]] = {
        "tools.jsonl": _tool, "tools_benign.jsonl": _tool, "cards.jsonl": _card, "skills.jsonl": _skill,
    }  # fmt: skip
    found: list[Labelled] = []
    for name, made in files.items():
        for number, line in enumerate(_lines(FOLDER / name), 1):
            kind, payload = made(line)
            found.append(labelled(f"{name.partition('.')[0]}-{number}", kind, payload, str(line.get("family", BENIGN))))
    return found


def labelled(id: str, kind: str, payload: Json, family: str) -> Labelled:
    """A case with its label: whatever is of a family is malicious."""
    case = Case.model_validate({"id": id, "kind": kind, "payload": payload})
    return Labelled(case, BENIGN if family == BENIGN else "malicious", family)


def read_labelled(path: Path) -> list[Labelled]:
    """The cases of another set in the same format, with `label` and `family`."""
    return [
        Labelled(Case.model_validate(line), str(line.get("label")), str(line.get("family"))) for line in _lines(path)
    ]


def tool_definition(name: str, description: str, params: Json, **more: object) -> Json:
    """A tool whose parameters are texts; `params` maps their names to descriptions."""
    properties: Json = {each: {"type": "string", "description": text} for each, text in params.items()}
    schema: Json = {"type": "object", "properties": properties}
    return {"name": name, "description": description, "inputSchema": schema, **more}  # type: ignore[dict-item]  # JSON


def _tool(line: Json) -> tuple[str, Json]:
    params = line.get("params") or {}
    assert isinstance(params, dict)  # as this folder has them
    tool = tool_definition(str(line["name"]), str(line["description"]), params)
    if "schema" in line:
        tool["inputSchema"] = line["schema"]
    if "annotations" in line:
        tool["annotations"] = line["annotations"]
    rest: Json = {name: line[name] for name in ("catalog", "baseline") if name in line}
    return "mcp_tool", {"server": {"name": line["server"]}, "tool": tool, **rest}


def _card(line: Json) -> tuple[str, Json]:
    name, skills = str(line["name"]), line["skills"]
    assert isinstance(skills, dict)  # as this folder has them
    url = line.get("url") or "https://agents.example.org/a2a"
    more = line.get("card") or {}
    assert isinstance(more, dict)
    provider = line.get("provider") or {"organization": "Example", "url": "https://agents.example.org"}
    listed: list[Json] = [
        {"id": id, "name": id.capitalize(), "description": text, "tags": [id]} for id, text in skills.items()
    ]
    return "agent_card", {
        "protocolVersion": "0.3.0", "name": name, "description": line["description"], "version": "1.0.0", "url": url,
        "preferredTransport": "JSONRPC", "provider": provider, "capabilities": {"streaming": False},
        "defaultInputModes": ["text/plain"], "defaultOutputModes": ["text/plain"], "skills": [*listed], **more,
    }  # fmt: skip


def _skill(line: Json) -> tuple[str, Json]:
    front = f"---\nname: {line['name']}\ndescription: {json.dumps(line['description'], ensure_ascii=False)}\n---\n"
    files = line.get("files") or {}
    assert isinstance(files, dict)  # as this folder has them
    return "skill", {"files": {"SKILL.md": f"{front}\n# {line['name']}\n\n{line['body']}\n", **files}}


def _lines(path: Path) -> Iterator[Json]:
    for line in path.read_text("utf-8").split("\n"):
        if line.strip():
            value = json.loads(line)
            assert isinstance(value, dict)
            yield value
