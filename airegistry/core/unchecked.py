"""Assets from what people and files hold, as they are: to be scanned, never to be stored.

A registration that does not fit its format is refused before it is scanned; a scan of a file says what it finds there.
"""

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress

from pydantic import JsonValue, ValidationError

from airegistry.core.assets import Agent, AgentSkill, Json, Prompt, Resource, Server, Skill, Tool, check_path
from airegistry.core.cards import content_hash, interfaces_of_card, read_frontmatter
from airegistry.core.errors import Invalid

SKILL_FILE = "SKILL.md"
ANYWHERE = "scanned"
"""The path of an asset whose name is none."""


def path_of(name: str) -> str:
    """The path that a name stands for: itself in lower case, the part of a reverse-DNS name joined by a hyphen."""
    path = re.sub(r"[ /_]+", "-", name.strip().lower())
    try:
        return check_path(path)
    except Invalid:
        return ANYWHERE


def unchecked_server(
    name: str, definition: Json, tools: Sequence[Json], *, prompts: Sequence[Json] = (),
    resources: Sequence[Json] = (), path: str | None = None,
) -> Server:  # fmt: skip
    """A server with the tools, prompts and resources as they are stated; `definition` has further fields of it."""
    known = {member: value for member, value in definition.items() if member in Server.model_fields}
    return Server.model_construct(
        **{**known, "kind": "server", "path": path or path_of(name), "name": name},  # type: ignore[arg-type]  # unchecked
        tools=[unchecked_tool(each) for each in tools],
        prompts=[_prompt(each) for each in prompts],
        resources=[_resource(each) for each in resources],
    )


def unchecked_tool(definition: Json) -> Tool:
    """A tool as it is stated; what is of the wrong type stands as JSON text where a scanner reads it."""
    stated = _without_nulls(definition)
    with suppress(ValidationError):
        return Tool.model_validate(stated)
    rest: Json = {
        member: value for member, value in stated.items()
        if member not in {"name", "title", "description", "inputSchema", "outputSchema", "annotations"}
    }  # fmt: skip
    return Tool.model_construct(
        None, **rest, name=_text(stated.get("name")), title=_text(stated.get("title")) or None,
        description=_text(stated.get("description")), input_schema=_object(stated.get("inputSchema", {})),
        output_schema=_object(stated["outputSchema"]) if "outputSchema" in stated else None,
        annotations=_object(stated["annotations"]) if "annotations" in stated else None,
    )  # fmt: skip


def _prompt(definition: Json) -> Prompt:
    with suppress(ValidationError):
        return Prompt.model_validate(_without_nulls(definition))
    return Prompt(name=_text(definition.get("name")), description=_text(definition.get("description")))


def _resource(definition: Json) -> Resource:
    with suppress(ValidationError):
        return Resource.model_validate(_without_nulls(definition))
    return Resource(
        name=_text(definition.get("name")), uri=_text(definition.get("uri")),
        description=_text(definition.get("description")),
    )  # fmt: skip


def unchecked_agent(card: Json, *, path: str | None = None) -> Agent:
    """An agent by its card, whatever the card leaves out."""
    name = _text(card.get("name"))
    stated = card.get("skills")
    return Agent.model_construct(
        path=path or path_of(name), name=name, description=_text(card.get("description")), card=card,
        version=_text(card.get("version")), url=next((each.url for each in interfaces_of_card(card)), None),
        skills=[_agent_skill(each) for each in stated if isinstance(each, dict)] if isinstance(stated, list) else [],
    )  # fmt: skip


def unchecked_skill(files: Mapping[str, str], *, path: str | None = None) -> Skill:
    """A skill by its files: SKILL.md, or the first one where none has that name, and the others."""
    main = next((name for name in files if name.rpartition("/")[2].lower() == SKILL_FILE.lower()), next(iter(files)))
    content, others = files[main], {name: text for name, text in files.items() if name != main}
    frontmatter: Json = {}
    with suppress(Invalid):
        frontmatter = read_frontmatter(content)
    name, description = _text(frontmatter.get("name")), _text(frontmatter.get("description"))
    return Skill.model_construct(
        path=path or path_of(name), name=name, description=description, content=content, frontmatter=frontmatter,
        files=others, content_hash=content_hash(content, others),
    )  # fmt: skip


def _agent_skill(stated: Json) -> AgentSkill:
    with suppress(ValidationError):
        return AgentSkill.model_validate(stated)
    id = _text(stated.get("id"))
    return AgentSkill.model_construct(
        id=id, name=_text(stated.get("name")) or id, description=_text(stated.get("description"))
    )


def _without_nulls(definition: Json) -> Json:
    """What leaves out a member says the same as one that gives it null."""
    return {member: value for member, value in definition.items() if value is not None}


def _text(value: JsonValue) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _object(value: JsonValue) -> Json:
    return value if isinstance(value, dict) else {"type": "object", "description": _text(value)}
