"""Reading what other formats hold: A2A agent cards, and SKILL.md with its frontmatter."""

import hashlib
import re

from pydantic import JsonValue, ValidationError

from airegistry.core.assets import AgentSkill, Json
from airegistry.core.errors import Invalid
from airegistry.core.yaml_text import read_yaml

MAX_CARD = 1_000_000
MAX_SKILL = 1_000_000
MAX_FRONTMATTER = 16_384
"""YAML takes some 30 microseconds a character, on the loop that serves everybody."""

_FRONTMATTER = re.compile(r"\A---[ \t]*\r?\n(.*?)\r?\n---[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_SKILL_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


def read_card(card: Json) -> tuple[str, str, str, list[str], list[AgentSkill]]:
    """Name, description, version, endpoints and skills of an agent card (A2A 0.3 or 1.0).

    Raises:
        Invalid: a field that the specification requires is missing or of the wrong form.
    """
    name, description, version = (_text(card, key) for key in ("name", "description", "version"))
    skills = card.get("skills")
    if not isinstance(skills, list):
        raise Invalid("agent card: skills is not a list", field="skills")
    try:
        parsed = [AgentSkill.model_validate(skill) for skill in skills]
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise Invalid(f"agent card: skills: {first['loc']}: {first['msg']}", field="skills") from None
    return name, description, version, _endpoints(card), parsed


def _text(card: Json, key: str) -> str:
    value = card.get(key)
    if not isinstance(value, str) or not value.strip():
        raise Invalid(f"agent card: {key} is missing", field=key)
    return value


def _endpoints(card: Json) -> list[str]:
    """Every URL the agent is reached at: A2A 1.0 lists `supportedInterfaces`, 0.3 has `url` and additional ones."""
    urls = _interfaces(card.get("supportedInterfaces"))
    urls += [card["url"]] if card.get("url") is not None else []
    urls += _interfaces(card.get("additionalInterfaces"))
    texts = [url for url in urls if isinstance(url, str)]
    if len(texts) != len(urls):
        raise Invalid("agent card: a url is no text", field="url")
    return texts


def _interfaces(value: JsonValue) -> list[JsonValue]:
    return [each.get("url") for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def read_skill(content: str) -> tuple[str, str, Json]:
    """Name, description and frontmatter of a SKILL.md (agentskills.io: name of lower-case words, both required).

    Raises:
        Invalid: there is no frontmatter, it is no YAML mapping, or name or description do not fit.
    """
    if len(content) > MAX_SKILL:
        raise Invalid(f"SKILL.md is longer than {MAX_SKILL} characters", field="content")
    match = _FRONTMATTER.match(content.removeprefix("\ufeff"))
    if match is None:
        raise Invalid("SKILL.md does not begin with frontmatter between --- lines", field="content")
    if len(match[1]) > MAX_FRONTMATTER:
        raise Invalid(f"frontmatter is longer than {MAX_FRONTMATTER} characters", field="content")
    frontmatter = read_yaml(match[1], "frontmatter", "content")
    if not isinstance(frontmatter, dict):
        raise Invalid("frontmatter is no mapping", field="content")
    name, description = frontmatter.get("name"), frontmatter.get("description")
    if not isinstance(name, str) or len(name) > 64 or not _SKILL_NAME.fullmatch(name):
        raise Invalid("frontmatter: name is lower-case words joined by single hyphens, at most 64 long", field="name")
    if not isinstance(description, str) or not 1 <= len(description.strip()) <= 1024:
        raise Invalid("frontmatter: description has 1 to 1024 characters", field="description")
    return name, description.strip(), frontmatter


def content_hash(content: str, files: dict[str, str]) -> str:
    """The hash a skill is pinned by: SHA-256 over SKILL.md and its companions, in order of name."""
    digest = hashlib.sha256(content.encode())
    for name in sorted(files):
        digest.update(b"\0" + name.encode() + b"\0" + files[name].encode())
    return f"sha256:{digest.hexdigest()}"
