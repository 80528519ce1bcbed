"""Reading what other formats hold: A2A agent cards, and SKILL.md with its frontmatter."""

import hashlib
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from pydantic import JsonValue, ValidationError

from airegistry.core.assets import Agent, AgentSkill, Json, Model
from airegistry.core.card_forms import MEMBERS, CardForm, undeclared
from airegistry.core.errors import Invalid
from airegistry.core.yaml_text import read_yaml

MAX_CARD = 1_000_000
MAX_SKILL = 1_000_000
MAX_FRONTMATTER = 16_384
"""YAML takes some 30 microseconds a character, on the loop that serves everybody."""

OFFERED = frozenset(("JSONRPC", "HTTP+JSON"))
"""The bindings of A2A that go over plain HTTP, which are those the gateway carries."""

ADDRESSES = (
    "url preferredTransport additionalInterfaces supportedInterfaces securitySchemes security securityRequirements "
    "signatures"
).split()
"""Members of an agent card that say where the agent is, how one gets in there, and that its publisher wrote this."""

_LIKE_HTTP = {"grpc": "http", "grpcs": "https", "ws": "http", "wss": "https"}
_FRONTMATTER = re.compile(r"\A---[ \t]*\r?\n(.*?)\r?\n---[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_SKILL_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


def _folded(member: str) -> str:
    """What spellings of a member have in common: parsers of protobuf take `supported_interfaces` too."""
    return member.replace("_", "").lower()


_FOLDED = frozenset(map(_folded, MEMBERS))
_FOLDED_ADDRESSES = frozenset(map(_folded, ADDRESSES))


@dataclass(frozen=True, slots=True)
class Interface:
    """One way to reach an agent. `binding` is upper case, `version` of the protocol is major and minor."""

    url: str
    binding: str
    version: str
    tenant: str = ""


class CardChange(Model):
    """One member of an agent card that differs between two of them, by its path, as in `skills.plan.description`."""

    member: str
    before: JsonValue = None
    after: JsonValue = None


def read_card(card: Json) -> tuple[str, str, str, list[str], list[AgentSkill]]:
    """Name, description, version, endpoints and skills of an agent card (A2A 0.3 or 1.0).

    A card that leaves out capabilities, modes or interfaces is taken: other registries hand out such.

    Raises:
        Invalid: a field that the specification requires is missing or of the wrong form.
    """
    for member in card:
        if member not in MEMBERS and _folded(member) in _FOLDED:
            raise Invalid(f"agent card: {member[:80]} passes for another member", field=member[:80])
    name, description, version = (_text(card, key) for key in ("name", "description", "version"))
    skills = card.get("skills")
    if not isinstance(skills, list):
        raise Invalid("agent card: skills is not a list", field="skills")
    try:
        CardForm.model_validate(card)
        parsed = [AgentSkill.model_validate(skill) for skill in skills]
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = [str(part) for part in first["loc"]] or ["skills"]
        raise Invalid(f"agent card: {'.'.join(place)}: {first['msg']}", field=place[0]) from None
    if (scheme := undeclared(card)) is not None:
        raise Invalid(f"agent card: security: {scheme[:80]!r} is no security scheme of it", field="security")
    _check_ids([skill.id for skill in parsed])
    return name, description, version, [each.url for each in interfaces_of_card(card)], parsed


def _check_ids(ids: Sequence[str]) -> None:
    """Skills are what rights are granted on: each id names one of them."""
    seen: set[str] = set()
    for id in ids:
        if not id.strip() or not id.isprintable() or id in seen:
            raise Invalid(f"agent card: skills: the id {id[:80]!r} names none, or two", field="skills")
        seen.add(id)


def interfaces_of_card(card: Json) -> list[Interface]:
    """Every way an agent is reached, preferred first: A2A 1.0 lists `supportedInterfaces`, 0.3 has `url` and more.

    What is not of the form that the specification wants is left out.
    """
    newer = _objects(card, "supportedInterfaces")
    found = [_interface(each, "protocolBinding", each.get("protocolVersion")) for each in newer]
    version = card.get("protocolVersion", "0.3")
    if card.get("url") is not None:
        found.append(_interface({"transport": card.get("preferredTransport", "JSONRPC"), **card}, "transport", version))
    found += [_interface(each, "transport", version) for each in _objects(card, "additionalInterfaces")]
    return list(dict.fromkeys(each for each in found if each is not None))


def interfaces_of(agent: Agent) -> list[Interface]:
    """Every way an agent is reached. A URL that was set beside the card takes the place of those in the card."""
    stated = interfaces_of_card(agent.card)
    if agent.url is None or any(each.url == agent.url for each in stated):
        return stated
    moved = [replace(each, url=agent.url) for each in stated if each.binding in OFFERED]
    return moved or [Interface(agent.url, "JSONRPC", "0.3")]


def interfaces_at(agent: Agent, here: str) -> Json:
    """The members of a card that say how an agent is reached through a gateway, in the form of each version that its
    card is written for; none where it is reached in no way that a gateway carries."""
    offered = [each for each in interfaces_of(agent) if each.binding in OFFERED]
    members: Json = {}
    if offered and "supportedInterfaces" in agent.card:
        ways = dict.fromkeys((each.binding, each.version, each.tenant) for each in offered)
        members["supportedInterfaces"] = [_newer(here, *way) for way in ways]
        offered = [each for each in offered if each.version.startswith("0.") and agent.card.get("url") is not None]
    if offered:
        bindings = list(dict.fromkeys(each.binding for each in offered))
        rest: list[JsonValue] = [{"url": here, "transport": binding} for binding in bindings]
        members |= {"url": here, "preferredTransport": bindings[0], "additionalInterfaces": rest}
    return members


def _newer(here: str, binding: str, version: str, tenant: str) -> Json:
    """An interface as 1.0 has it."""
    stated: Json = {"url": here, "protocolBinding": binding, "protocolVersion": version}
    return {**stated, "tenant": tenant} if tenant else stated


def fetchable(interface: Interface) -> str:
    """The URL of an interface as one of HTTP, whose host and port can be judged: gRPC has `host:port`."""
    scheme, separator, rest = interface.url.partition("://")
    if not separator:
        return f"https://{interface.url}" if interface.binding == "GRPC" else interface.url
    return f"{_LIKE_HTTP.get(scheme.lower(), scheme)}://{rest}" if interface.binding not in OFFERED else interface.url


def with_skills(card: Json, ids: Collection[str]) -> Json:
    """A card with some of its skills only; then its signatures would not hold."""
    kept: list[JsonValue] = [skill for skill in _objects(card, "skills") if skill.get("id") in ids]
    return {**{name: value for name, value in card.items() if name != "signatures"}, "skills": kept}


def without_addresses(card: Json) -> Json:
    """A card for whoever reaches the agent through the registry."""
    return {name: value for name, value in card.items() if _folded(name) not in _FOLDED_ADDRESSES}


def card_changes(before: Json, after: Json) -> list[CardChange]:
    """What differs between two agent cards, in order of member; skills are told apart by their ids."""
    changes: list[CardChange] = []
    _compare("", _by_id(before), _by_id(after), changes)
    return changes


def _compare(path: str, before: JsonValue, after: JsonValue, changes: list[CardChange]) -> None:
    if isinstance(before, dict) and isinstance(after, dict):
        for member in sorted({*before, *after}):
            _compare(f"{path}.{member}" if path else member, before.get(member), after.get(member), changes)
    elif before != after:
        changes.append(CardChange(member=path, before=before, after=after))


def _by_id(card: Json) -> Json:
    return {**card, "skills": {str(skill.get("id")): skill for skill in _objects(card, "skills")}}


def _text(card: Json, key: str) -> str:
    value = card.get(key)
    if not isinstance(value, str) or not value.strip():
        raise Invalid(f"agent card: {key} is missing", field=key)
    return value


def _interface(each: Json, binding: str, version: JsonValue) -> Interface | None:
    url, spoken, tenant = each.get("url"), each.get(binding), each.get("tenant", "")
    texts = [value for value in (url, spoken, version, tenant) if isinstance(value, str)]
    if len(texts) < 4:
        return None
    return Interface(texts[0], texts[1].upper(), ".".join(texts[2].split(".")[:2]), texts[3])


def _objects(card: Json, member: str) -> list[Json]:
    value = card.get(member)
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def read_skill(content: str) -> tuple[str, str, Json]:
    """Name, description and frontmatter of a SKILL.md (agentskills.io: name of lower-case words, both required).

    Raises:
        Invalid: there is no frontmatter, it is no YAML mapping, or name or description do not fit.
    """
    frontmatter = read_frontmatter(content)
    name, description = frontmatter.get("name"), frontmatter.get("description")
    if not isinstance(name, str) or len(name) > 64 or not _SKILL_NAME.fullmatch(name):
        raise Invalid("frontmatter: name is lower-case words joined by single hyphens, at most 64 long", field="name")
    if not isinstance(description, str) or not 1 <= len(description.strip()) <= 1024:
        raise Invalid("frontmatter: description has 1 to 1024 characters", field="description")
    return name, description.strip(), frontmatter


def read_frontmatter(content: str) -> Json:
    """The frontmatter of a SKILL.md, whatever it holds.

    Raises:
        Invalid: there is none, or it is no YAML mapping.
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
    return frontmatter


def content_hash(content: str, files: dict[str, str]) -> str:
    """The hash a skill is pinned by: SHA-256 over SKILL.md and its companions, in order of name."""
    digest = hashlib.sha256(content.encode())
    for name in sorted(files):
        digest.update(b"\0" + name.encode() + b"\0" + files[name].encode())
    return f"sha256:{digest.hexdigest()}"
