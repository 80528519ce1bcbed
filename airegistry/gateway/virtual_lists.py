"""What a virtual server offers, indexed and printed once: callers get the part of it that they are entitled to."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import orjson

from airegistry.core.assets import (
    Json,
    Lent,
    Model,
    Server,
    Tool,
    VirtualPrompt,
    VirtualServer,
    VirtualTool,
    served_tools,
)
from airegistry.core.calls import Member
from airegistry.core.invocation import USED_BY
from airegistry.core.parts import Part, Pin, covering, namespaced, pin_of, pins_of
from airegistry.gateway.tool_lists import marked

LISTS: Mapping[str, tuple[str, Member]] = {
    "tools/list": ("tools", "tools"),
    "prompts/list": ("prompts", "prompts"),
    "resources/list": ("resources", "resources"),
    "resources/templates/list": ("resourceTemplates", "resources"),
}
"""Methods that list, the member of the result, and what its items are for access."""


class Item(NamedTuple):
    """Something that is offered: its entry, its server, its names on either side, and its definition as JSON."""

    entry: Lent
    server: Server
    shown: str
    name: str
    printed: bytes


Allowed = Callable[[Item, str], bool]
"""Whether the caller may use something by a method."""


@dataclass(eq=False)
class Offer:
    """Everything that a virtual server offers while its parts are what they are."""

    virtual: VirtualServer
    parts: Mapping[Pin, Part]
    _items: dict[str, list[Item]] = field(default_factory=dict)

    def items(self, method: str) -> list[Item]:
        """What a list has, whoever asks."""
        found = self._items.get(method)
        if found is None:
            found = self._items[method] = list(_MAKERS[method](self))
        return found

    def printed(self, method: str, allowed: Allowed) -> bytes:
        """The result of a list with what is allowed."""
        member, kind = LISTS[method]
        use = USED_BY[kind]
        kept = b",".join(item.printed for item in self.items(method) if allowed(item, use))
        return b'{"%b":[%b]}' % (member.encode(), kept)

    def offered(self, entry: Lent) -> Server | None:
        """The server of an entry, if anything of it is offered."""
        return self.parts[pin_of(entry)].offered


@dataclass(eq=False)
class Index:
    """A virtual server by the names that its clients use."""

    virtual: VirtualServer
    tools: Mapping[str, VirtualTool]
    prompts: Mapping[str, VirtualPrompt]
    pins: list[Pin]
    offer: Offer | None = None

    @classmethod
    def of(cls, virtual: VirtualServer) -> "Index":
        """The index of a virtual server."""
        tools = {tool.shown_as: tool for tool in virtual.tools}
        prompts = {prompt.shown_as: prompt for prompt in virtual.prompts}
        return cls(virtual, tools, prompts, pins_of(virtual))

    def offers(self, parts: Mapping[Pin, Part]) -> Offer:
        """What is offered with these parts: the same object while they are the same."""
        known = self.offer
        if known is None or any(not _same(known.parts[pin], part) for pin, part in parts.items()):
            known = self.offer = Offer(self.virtual, parts)
        return known


def _same(part: Part, now: Part) -> bool:
    return part.server is now.server and part.problem == now.problem


def _tools(offer: Offer) -> Iterator[Item]:
    known: dict[Pin, dict[str, Tool]] = {}
    for entry in offer.virtual.tools:
        server = offer.offered(entry)
        if server is None:
            continue
        pin = pin_of(entry)
        if pin not in known:
            known[pin] = {tool.name: tool for tool in served_tools(server)}
        tool = known[pin].get(entry.tool)
        if tool is not None:
            description = tool.description if entry.description is None else entry.description
            changed: dict[str, object] = {"name": entry.shown_as, "description": description}
            if entry.shown_as in offer.virtual.requires_approval or entry.tool in server.requires_approval:
                changed = marked({**tool.model_dump(mode="json", include={"_meta"}), **changed})
            yield Item(entry, server, entry.shown_as, entry.tool, _printed(tool, changed))


def _prompts(offer: Offer) -> Iterator[Item]:
    for entry in offer.virtual.prompts:
        server = offer.offered(entry)
        found = next((each for each in server.prompts if each.name == entry.prompt), None) if server else None
        if server is not None and found is not None:
            yield Item(entry, server, entry.shown_as, entry.prompt, _printed(found, {"name": entry.shown_as}))


def _resources(offer: Offer, *, templates: bool = False) -> Iterator[Item]:
    for path, server in _servers(offer).items():
        for each in server.resource_templates if templates else server.resources:
            uri = each.uri_template if templates else each.uri
            entry = covering(offer.virtual.resources, path, uri) if uri else None
            of = offer.offered(entry) if entry is not None else None
            if uri and entry is not None and of is server:
                shown = namespaced(path, uri)
                changed: Json = {"uriTemplate" if templates else "uri": shown}
                yield Item(entry, server, shown, uri, _printed(each, changed))


def _templates(offer: Offer) -> Iterator[Item]:
    return _resources(offer, templates=True)


def _servers(offer: Offer) -> dict[str, Server]:
    """The servers that resources come from."""
    found: dict[str, Server] = {}
    for entry in offer.virtual.resources:
        server = offer.offered(entry)
        if server is not None:
            found.setdefault(entry.server, server)
    return found


def _printed(definition: Model, changed: Mapping[str, object]) -> bytes:
    members = {**definition.model_dump(mode="json", by_alias=True, exclude_none=True), **changed}
    if not members.get("description"):
        members.pop("description", None)  # its backend left it out
    try:
        return orjson.dumps(members)
    except orjson.JSONEncodeError:  # integers beyond 64 bits, deep nesting: one definition must not break the list
        return json.dumps(members).encode()


_MAKERS: Mapping[str, Callable[[Offer], Iterator[Item]]] = {
    "tools/list": _tools,
    "prompts/list": _prompts,
    "resources/list": _resources,
    "resources/templates/list": _templates,
}
