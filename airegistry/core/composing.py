"""What becomes of a composer's wishes: each tool, prompt and resource looked up, named, and lent or not."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from pydantic import ValidationError

from airegistry.core.access import Access
from airegistry.core.assets import Json, Lent, Server, VirtualPrompt, VirtualResource, VirtualServer, VirtualTool
from airegistry.core.errors import Conflict, Invalid, NotFound, UnknownTool
from airegistry.core.parts import Pin, pin_of
from airegistry.core.principals import Principal
from airegistry.core.shelf import Shelf
from airegistry.core.validation import invalid
from airegistry.core.virtual_names import Names
from airegistry.core.visibility import Visibility

EVERY = "*"
MOST = 5_000
"""Tools, prompts and resources of one virtual server, each."""
_SET_BY_REGISTRY = frozenset({"lent", "owner", "summary"})

E = TypeVar("E", VirtualTool, VirtualPrompt, VirtualResource)
N = TypeVar("N", VirtualTool, VirtualPrompt)
Key = tuple[str, str | None, str]


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a virtual server is to be made of; None leaves a sort as it is.

    A tool or prompt of `*` is every one of its server. Prompts and resources that are both left out when a virtual
    server is made are all those of its tools' servers, lent to nobody.
    """

    tools: Sequence[VirtualTool] | None = None
    prompts: Sequence[VirtualPrompt] | None = None
    resources: Sequence[VirtualResource] | None = None


def read_wishes(
    tools: Sequence[Json] | None = None, prompts: Sequence[Json] | None = None, resources: Sequence[Json] | None = None
) -> Wishes:
    """Wishes as composers write them.

    Raises:
        Invalid: a member is missing, unknown, or none of the composer's to set.
    """
    return Wishes(
        None if tools is None else [_read(VirtualTool, each) for each in tools],
        None if prompts is None else [_read(VirtualPrompt, each) for each in prompts],
        None if resources is None else [_read(VirtualResource, each) for each in resources],
    )


def _read(model: type[E], stated: Json) -> E:
    if refused := sorted(_SET_BY_REGISTRY & stated.keys()):
        raise Invalid(f"{refused[0]} is set by the registry", field=refused[0])
    try:
        entry = model.model_validate(stated)
    except ValidationError as error:
        raise invalid(error) from None
    if not isinstance(entry, VirtualResource) and entry.origin == EVERY and entry.alias is not None:
        raise Invalid("every tool of a server cannot have one alias", field="alias")
    return entry.model_copy(update={"server": entry.server.removeprefix("/")})


class Composing:
    """One composition: who composes, what stood there before, and the servers looked up for it."""

    def __init__(
        self, who: Principal, before: VirtualServer, shelf: Shelf, access: Access, visibility: Visibility
    ) -> None:
        self._who = who
        self._before = before
        self._shelf = shelf
        self._access = access
        self._visibility = visibility
        self._servers: dict[Pin, Server] = {}
        self._members: dict[tuple[Pin, str], Mapping[str, Json]] = {}

    async def made(self, wishes: Wishes) -> VirtualServer:
        """The virtual server as it is wished for.

        Raises:
            AirError: see `Compositions.create`.
        """
        before = self._before
        tools, prompts, resources = before.tools, before.prompts, before.resources
        follows = before.follows and wishes.prompts is None and wishes.resources is None
        if wishes.tools is not None:
            found = await self._looked_up("tool", wishes.tools, before.tools, _tools_of)
            tools = _named(found, before.tools, lambda tool: (tool.tool, f"{tool.server}_{tool.tool}"))
        if follows and wishes.tools is not None:
            prompts = _named(await self._prompts_of_parts(tools), before.prompts, _prompt_name)
            resources = [VirtualResource(server=tool.server, version=tool.version) for tool in _first_of(tools)]
        elif before.follows and not follows:  # whoever chooses some has chosen: none but those
            prompts, resources = [], []
        if wishes.prompts is not None:
            chosen = await self._looked_up("prompt", wishes.prompts, before.prompts, _prompts_of)
            prompts = _named(chosen, before.prompts, _prompt_name)
        if wishes.resources is not None:
            resources = [await self._resource(each) for each in wishes.resources]
        if max(len(tools), len(prompts), len(resources)) > MOST:
            raise Invalid(f"a virtual server has at most {MOST} tools, prompts and resources each", field="tools")
        made = {"tools": tools, "prompts": prompts, "resources": resources, "follows": follows}
        return before.model_copy(update=made)

    async def _looked_up(
        self, what: str, wanted: Sequence[N], before: Sequence[N], members: Callable[[Server], Mapping[str, Json]]
    ) -> list[N]:
        """The entries that are wanted, `*` expanded to what the composer sees and nobody named beside it."""
        stood = {_key(each): each for each in before}
        taken = {_key(each) for each in wanted}
        once: set[Key] = set()
        found: list[N] = []
        for entry in wanted:
            if entry.origin == EVERY:
                every = [entry.model_copy(update={what: name}) for name in await self._seen(entry, members)]
                chosen = [each for each in every if _key(each) not in taken]
                taken.update(map(_key, chosen))
            elif _key(entry) in once and entry.alias is None:
                raise Conflict(
                    f"{what} {entry.origin!r} of {entry.server!r} is there already; name an alias for another"
                )
            else:
                chosen = [entry]
            for each in chosen:
                once.add(_key(each))
                found.append(await self._settled(what, each, stood.get(_key(each)), members))
        return found

    async def _settled(
        self, what: str, entry: N, stood: N | None, members: Callable[[Server], Mapping[str, Json]]
    ) -> N:
        """An entry as it is stored. One that stood there before stays when its server is gone, or hidden by now."""
        same = stood if stood is not None and stood.scopes == entry.scopes else None
        try:
            known = (await self._seen(entry, members)).get(entry.origin)
            if known is None:
                raise UnknownTool(f"server {entry.server!r} has no {what} named {entry.origin!r}")
        except NotFound:
            if stood is None:
                raise
            return entry.model_copy(update={**_lending(same), **_summary(stood)})
        return entry.model_copy(update={**(self._lending(entry) if same is None else _lending(same)), **known})

    async def _seen(self, entry: Lent, members: Callable[[Server], Mapping[str, Json]]) -> Mapping[str, Json]:
        """Tools, or prompts, of an entry's server that the composer sees."""
        server = await self._server(entry)
        method = "tools/list" if members is _tools_of else "prompts/list"
        return {
            name: known for name, known in members(server).items() if self._access.sees(self._who, server, name, method)
        }

    async def _prompts_of_parts(self, tools: Sequence[VirtualTool]) -> list[VirtualPrompt]:
        """All prompts of the tools' servers; what was known of a server that is gone stays."""
        prompts: list[VirtualPrompt] = []
        for tool in _first_of(tools):
            try:
                names = await self._seen(tool, _prompts_of)
            except NotFound:
                prompts += [each for each in self._before.prompts if each.server == tool.server]
                continue
            prompts += [VirtualPrompt(server=tool.server, version=tool.version, prompt=name) for name in names]
        return prompts

    async def _resource(self, wanted: VirtualResource) -> VirtualResource:
        known = (pin_of(wanted), wanted.uri, wanted.scopes)
        for stood in self._before.resources:
            if (pin_of(stood), stood.uri, stood.scopes) == known:
                return stood
        await self._server(wanted)
        return wanted.model_copy(update=self._lending(wanted))

    async def _server(self, entry: Lent) -> Server:
        """The server that an entry is of, as the composer may see it.

        Raises:
            NotFound: there is none in that version, or none that the composer may know of.
            Invalid: it cannot be a part.
        """
        pin = pin_of(entry)
        if pin not in self._servers:
            found = await self._shelf.get("server", *pin)
            if found is None or not self._visibility.shows(self._who, found[0]):
                pinned = "" if entry.version is None else f" in version {entry.version}"
                raise NotFound(f"no server named {entry.server!r}{pinned}")
            if not isinstance(found[0], Server):
                raise Invalid(
                    f"{entry.server!r} is a virtual server itself: name the servers behind it", field="server"
                )
            if found[0].transport == "stdio":
                raise Invalid(f"server {entry.server!r} runs on its user's machine: no calls go there", field="server")
            self._access.require(self._who, "read", found[0])
            self._servers[pin] = found[0]
        return self._servers[pin]

    def _lending(self, entry: Lent) -> Json:
        """Whether the composer may change the server, and so decide who calls it by way of a virtual one; and whose
        server it is."""
        server = self._servers[pin_of(entry)]
        return {"lent": self._access.allows(self._who, "update", server), "owner": server.created_by}


def _lending(entry: Lent | None) -> Json:
    return {"lent": False} if entry is None else {"lent": entry.lent, "owner": entry.owner}


def _key(entry: VirtualTool | VirtualPrompt) -> Key:
    return entry.server, entry.version, entry.origin


def _tools_of(server: Server) -> dict[str, Json]:
    return {tool.name: {"summary": tool.description} for tool in server.tools}


def _prompts_of(server: Server) -> dict[str, Json]:
    return {prompt.name: {} for prompt in server.prompts}


def _prompt_name(prompt: VirtualPrompt) -> Sequence[str]:
    return (f"{prompt.server}_{prompt.prompt}",)


def _summary(entry: VirtualTool | VirtualPrompt) -> Json:
    return {"summary": entry.summary} if isinstance(entry, VirtualTool) else {}


def _first_of(tools: Iterable[VirtualTool]) -> list[VirtualTool]:
    """The first tool of each server."""
    first: dict[str, VirtualTool] = {}
    for tool in tools:
        first.setdefault(tool.server, tool)
    return list(first.values())


def _named(entries: Sequence[N], before: Sequence[N], defaults: Callable[[N], Sequence[str]]) -> list[N]:
    """The entries with a name each: the alias given, the name that it had, else the first default that is free."""
    names = Names()
    kept = _kept(entries, before)
    aliases: dict[int, str] = {}
    for index, entry in enumerate(entries):
        if entry.alias is not None:
            aliases[index] = names.take(entry.alias)
    for index, name in kept.items():
        aliases[index] = names.take(name)
    for index, entry in enumerate(entries):
        if index not in aliases:
            aliases[index] = names.choose(defaults(entry), origin="\0".join(map(str, _key(entry))))
    return [entry.model_copy(update={"alias": aliases[index]}) for index, entry in enumerate(entries)]


def _kept(entries: Sequence[N], before: Sequence[N]) -> dict[int, str]:
    """The names that entries had, by place: of the same version, else of another, each used once."""
    left: dict[tuple[str, str], list[N]] = {}
    for stood in before:
        left.setdefault((stood.server, stood.origin), []).append(stood)
    kept: dict[int, str] = {}
    for same_version in (True, False):
        for index, entry in enumerate(entries):
            pool = left.get((entry.server, entry.origin), [])
            fits = next((each for each in pool if not same_version or each.version == entry.version), None)
            if entry.alias is None and index not in kept and fits is not None:
                pool.remove(fits)
                kept[index] = fits.shown_as
    return kept
