"""The parts of virtual servers: the servers behind them as they are now, and who may use what of them."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache
from typing import TypeAlias
from urllib.parse import unquote

from airegistry.core.access import Access
from airegistry.core.assets import (
    Agent,
    HealthReport,
    Json,
    Lent,
    Server,
    Tool,
    VirtualPrompt,
    VirtualResource,
    VirtualServer,
    VirtualTool,
    served_tools,
    usable_tools,
)
from airegistry.core.cards import with_skills
from airegistry.core.errors import NotFound, ScanFailed
from airegistry.core.grants import ASKS, Action
from airegistry.core.ports import AnyAsset
from airegistry.core.principals import Principal
from airegistry.core.scans import check_enabled
from airegistry.core.shelf import Named, Shelf
from airegistry.core.sketches import Sketch
from airegistry.core.visibility import Visibility

COMPOSITION = frozenset({"tools", "prompts", "resources", "follows"})
"""Fields of a virtual server that say what it is made of."""
GONE, HELD, UNSCANNED, OVER = "gone", "held by its security scan", "not fetched and scanned yet", "past its sunset"
SCHEME = "air://"
Pin: TypeAlias = "tuple[str, str | None]"
"""A server's path, and the version that is pinned."""
_EXPRESSION = re.compile(r"\{([^{}]*)\}")
_PLAIN = re.compile(r"[\w.,:%]+")
_CLIMBS = re.compile(r"(?:^|[/\\])\.\.?(?:[/\\?#]|$)")


@dataclass(frozen=True, slots=True)
class Part:
    """A server behind a virtual one. `problem` is what the server is when nothing of it is offered: "switched off"."""

    pin: Pin
    server: Server | None
    problem: str | None = None

    @property
    def offered(self) -> Server | None:
        """The server, if calls may go to it."""
        return self.server if self.problem is None else None


def pin_of(entry: Lent) -> Pin:
    """The server, and the version of it, that an entry is of."""
    return entry.server, entry.version


def pins_of(virtual: VirtualServer) -> list[Pin]:
    """The servers, and versions of them, that a virtual server is made of."""
    return list(dict.fromkeys(map(pin_of, entries_of(virtual))))


def entries_of(virtual: VirtualServer) -> Iterator[Lent]:
    """Everything that a virtual server is composed of."""
    yield from virtual.tools
    yield from virtual.prompts
    yield from virtual.resources


class Parts:
    """Looks up what virtual servers are made of. `is_over` says of a version whether its sunset has passed."""

    def __init__(self, shelf: Shelf, visibility: Visibility, is_over: Callable[[AnyAsset], bool]) -> None:
        self._shelf = shelf
        self._visibility = visibility
        self._is_over = is_over

    async def of(self, pin: Pin) -> Part:
        """One part as it is now."""
        path, version = pin
        head = await self._shelf.get("server", path)
        found = head if head is None or version is None else await self._shelf.get("server", path, version)
        return self._part(pin, head and head[0], found and found[0])

    async def all(self, virtuals: Sequence[VirtualServer]) -> dict[Pin, Part]:
        """All parts of virtual servers, in the order in which they name them."""
        pins = dict.fromkeys(pin for virtual in virtuals for pin in pins_of(virtual))
        named = dict.fromkeys(name for path, version in pins for name in (_server(path), _server(path, version)))
        found = {name: asset for name, (asset, _) in (await self._shelf.many([*named])).items()}
        return {pin: self._part(pin, found.get(_server(pin[0])), found.get(_server(*pin))) for pin in pins}

    def _part(self, pin: Pin, head: AnyAsset | None, server: AnyAsset | None) -> Part:
        if head is None or not isinstance(server, Server):
            return Part(pin, None, GONE)
        return Part(pin, server, self._problem(head, server))

    def _problem(self, head: AnyAsset, server: Server) -> str | None:
        try:
            check_enabled(head)  # who switches a server off means all of its versions
            check_enabled(server)
        except ScanFailed:
            return HELD
        except NotFound:
            return "switched off"
        if not self._visibility.serves(server):
            return f"not served in this environment at stage {server.stage}"
        if self._is_over(server):
            return OVER
        return None if server.callable else UNSCANNED


def _server(path: str, version: str | None = None) -> Named:
    return "server", path, version


def why_not(
    access: Access, who: Principal, virtual: VirtualServer, entry: Lent, server: Server, *, shown: str, name: str,
    method: str, action: Action = "call",
) -> str | None:  # fmt: skip
    """Why a caller may not use something of a virtual server, None when it may.

    It is `shown` there and has the `name` at its server; a URI for resources.
    """
    if not access.allows(who, action, virtual, tool=shown, method=method):
        return f"not granted on virtual server {virtual.path!r}"
    if not carries_one(access, who, entry):
        return f"none of its scopes is held: {', '.join(entry.scopes)}"
    if not entry.lent or entry.owner != server.created_by:
        allowed = access.allows(who, action, server, tool=name, method=method)
        return None if allowed else f"not lent, and {name} is not granted on server {server.path!r}"
    if access.denies(who, action, server, tool=name, method=method):
        return f"{name} is denied on server {server.path!r}"
    return None


def carries_one(access: Access, who: Principal, entry: Lent) -> bool:
    """Whether a caller holds one of the scopes that an entry asks for."""
    return not entry.scopes or who.operator or any(access.carries(who, scope) for scope in entry.scopes)


def sees(access: Access, who: Principal, virtual: VirtualServer, entry: Lent, server: Server | None) -> bool:
    """Whether something may appear in what a caller is told of a virtual server. What is gone with its server is seen
    by those to whom it was lent."""
    shown, name, method = _asked(entry)
    if server is None:
        seen = access.sees(who, virtual, shown, method)
        return seen and entry.lent and carries_one(access, who, entry)
    why = why_not(access, who, virtual, entry, server, shown=shown, name=name, method=method, action="list")
    return why is None


def sees_all(access: Access, who: Principal, virtual: VirtualServer, held: Callable[[str], AnyAsset | None]) -> bool:
    """Whether a caller who sees all tools of a virtual server by its rules sees each by those of its part, too. `held`
    knows the servers by ref."""
    for tool in virtual.tools:
        server = held(f"server/{tool.server}")
        if not sees(access, who, virtual, tool, server if isinstance(server, Server) else None):
            return False
    return True


def definition(tool: VirtualTool, found: Tool | None) -> Json:
    """A tool as clients see it: as its server defines it, but for its name and what the composer says of it."""
    known: Json = {} if found is None else found.model_dump(mode="json", by_alias=True, exclude_none=True)
    description = known.get("description", tool.summary) if tool.description is None else tool.description
    return {"inputSchema": {"type": "object"}, **known, "name": tool.shown_as, "description": description}


def tools_of(part: Part) -> dict[str, Tool]:
    """The tools that a part's server offers, by name."""
    return {} if part.server is None else {tool.name: tool for tool in usable_tools(part.server)}


def problem_of(virtual: VirtualServer, part: Part) -> str | None:
    """What is wrong with a part, or with some of the tools that come from it."""
    if part.problem is not None or part.server is None:
        return part.problem
    there, used = {tool.name for tool in part.server.tools}, [t.tool for t in virtual.tools if pin_of(t) == part.pin]
    gone = [name for name in used if name not in there]
    held = [name for name in used if name in part.server.held and name in there]
    said = [f"{what}: {', '.join(names)}" for what, names in (("gone from it", gone), ("held", held)) if names]
    return "; ".join(said) or None


def _asked(entry: Lent) -> tuple[str, str, str]:
    """What an entry is called in the virtual server and at its server, and the method that lists it."""
    match entry:
        case VirtualTool():
            return entry.shown_as, entry.tool, "tools/list"
        case VirtualPrompt():
            return entry.shown_as, entry.prompt, "prompts/list"
        case VirtualResource():
            return namespaced(entry.server, entry.uri), entry.uri, "resources/list"
    raise AssertionError("an entry is one of the three")


def visible_part(access: Access, who: Principal, asset: AnyAsset) -> AnyAsset:
    """An asset without the tools, prompts, resources and skills of it that the caller may not see. Of a virtual server
    all of them are left out: `core/virtual.py` knows what of them is seen."""
    if asset.health_report.error and not access.allows(who, "update", asset):
        asset = asset.model_copy(update={"health_report": told_plainly(asset.health_report)})
    if isinstance(asset, VirtualServer):
        return asset.model_copy(update={"tools": [], "prompts": [], "resources": [], "requires_approval": []})
    if isinstance(asset, Agent):
        return _visible_agent(access, who, asset)
    if not isinstance(asset, Server):
        return asset

    def sees(name: str | None, method: str = "tools/list") -> bool:
        return access.sees(who, asset, name or "", method)

    seen: dict[str, Sized] = {
        "tools": [tool for tool in served_tools(asset) if sees(tool.name)],
        "held": {name: why for name, why in asset.held.items() if sees(*_listed_by(name))},
        "prompts": [prompt for prompt in asset.prompts if sees(prompt.name, "prompts/list")],
        "resources": [each for each in asset.resources if sees(each.uri, "resources/list")],
        "resource_templates": [
            each for each in asset.resource_templates if sees(each.uri_template, "resources/templates/list")
        ],
        "requires_approval": [name for name in asset.requires_approval if sees(name)],
    }
    whole = all(len(part) == len(getattr(asset, field)) for field, part in seen.items())
    return asset if whole else asset.model_copy(update=seen)


def _listed_by(held: str) -> tuple[str, str]:
    """The name of what is held, and the method that lists it."""
    family, slash, name = held.partition("/")
    if slash and family in {"prompts", "resources"}:
        return name, f"{family}/list"
    return held, "tools/list"


def sees_skill(access: Access, who: Principal, agent: AnyAsset | Sketch, skill: str) -> bool:
    """Whether a skill of an agent may appear in any answer to the caller; the empty one stands for all of them."""
    return any(access.sees(who, agent, skill, method) for method in ASKS)


def _visible_agent(access: Access, who: Principal, agent: Agent) -> Agent:
    named = {*agent.requires_approval, *(skill.id for skill in agent.skills)}
    seen = {name for name in named if sees_skill(access, who, agent, name)}
    if len(seen) == len(named):
        return agent
    return agent.model_copy(
        update={
            "skills": [skill for skill in agent.skills if skill.id in seen],
            "card": with_skills(agent.card, seen),
            "requires_approval": [name for name in agent.requires_approval if name in seen],
        }
    )


def told_plainly(report: HealthReport) -> HealthReport:
    """A health report without the address in its error, which is its owners' to know."""
    return report.model_copy(update={"error": "its last health check failed"})


def namespaced(server: str, uri: str) -> str:
    """A resource's URI, or template, as clients of a virtual server have it."""
    return f"{SCHEME}{server}/{uri}"


def split_uri(uri: str) -> tuple[str, str] | None:
    """The server and the URI that the server knows; None for URIs that are not namespaced."""
    server, slash, inner = uri.removeprefix(SCHEME).partition("/")
    return (server, inner) if uri.startswith(SCHEME) and slash and inner else None


def covers(entry: VirtualResource, uri: str) -> bool:
    """Whether an entry names a resource. A template in it stands for whatever it expands to."""
    return entry.uri in {"*", uri} or expands(entry.uri, uri)


def covering(entries: Iterable[VirtualResource], server: str, uri: str) -> VirtualResource | None:
    """The first entry that names a resource of a server."""
    return next((entry for entry in entries if entry.server == server and covers(entry, uri)), None)


def expands(template: str, uri: str) -> bool:
    """Whether a URI may have come of a template, or a glob, and does not climb out of it by dot segments.

    Plain expressions such as `{name}` keep within a segment, as their values are escaped (RFC 6570 section 3.2.2).
    """
    pattern, separators = _pattern(template)
    if pattern.fullmatch(uri) is None or _CLIMBS.search(unquote(uri)) is not None:
        return False
    return separators is None or separators == _separators(uri)


@lru_cache(maxsize=1024)
def _pattern(template: str) -> tuple[re.Pattern[str], tuple[int, ...] | None]:
    """What a template expands to, and how many separators that has; None where any number."""
    literal = _EXPRESSION.sub("", template)
    glob = _EXPRESSION.sub("*", re.sub(r"[?\[]", r"[\g<0>]", template))
    far = "*" in literal or any(_PLAIN.fullmatch(each) is None for each in _EXPRESSION.findall(template))
    return re.compile(translate(glob)), None if far else _separators(literal)


def _separators(uri: str) -> tuple[int, ...]:
    return tuple(map(uri.count, "/?#"))
