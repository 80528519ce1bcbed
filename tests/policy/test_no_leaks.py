"""What a caller may not know of changes no byte of any answer: the same world with it and without it.

One thing can be probed, and docs/access.md says so: a path that is taken is refused to whoever may register.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import anyio
import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from airegistry.core.assets import Json
from airegistry.core.grants import Grant, Scope
from airegistry.core.ports import Vectors
from airegistry.core.principals import SYSTEM, Principal
from tests.core.wiring import World, asset, build
from tests.policy.surface import Surface, served
from tests.support.rounds import ROUNDS

FEW = settings(
    max_examples=4 * ROUNDS,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # to shrink an example takes longer than a test may
)
WORDS = ("rain", "snow", "vault", "ledger", "secret", "forecast", "map", "river", "payroll", "weather")
VISIBLE = ("beacon", "harbour", "signal")
"""Paths of what everybody may see; those of what is hidden come before, between and after them."""


class Letters:
    """An embedder whose texts are near each other when their letters are."""

    fingerprint = "letters"
    dimensions = 26

    def embed(self, texts: Sequence[str]) -> Vectors:
        rows = np.array(
            [[Counter(text.lower())[chr(97 + at)] + 0.01 for at in range(26)] for text in texts], np.float32
        )
        unit: Vectors = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return unit

    def embed_query(self, text: str) -> Vectors:
        row: Vectors = self.embed([text])[0]
        return row


@dataclass(frozen=True)
class Hidden:
    """An asset that the caller may not know of, and by what it is hidden."""

    kind: str
    path: str
    by: str
    words: str
    tools: tuple[str, ...]
    url_of: str
    enabled: bool
    rated: bool

    def fields(self) -> dict[str, object]:
        visibility = {"private": "private", "group": "group"}.get(self.by, "public")
        said = {"name": self.words, "description": self.words, "tags": self.words.split()}
        return {**said, "visibility": visibility, "groups": ["board"] if self.by == "group" else []}


texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join)
hidden_things = st.builds(
    Hidden,
    kind=st.sampled_from(["server", "server", "agent", "skill", "virtual_server"]),
    path=st.sampled_from(["aardvark", "harbor", "zebra", "secret-rain"]),
    by=st.sampled_from(["private", "group", "denial", "stage"]),
    words=texts,
    tools=st.lists(st.sampled_from([f"{word}_tool" for word in WORDS]), max_size=3, unique=True).map(tuple),
    url_of=st.sampled_from(["itself", VISIBLE[0]]),
    enabled=st.booleans(),
    rated=st.booleans(),
)
CALLERS = ("stranger", "wild", "registrar", "auditor of nothing")
Question = tuple[str, Json]
Said = tuple[str, str]
"""A question and the bytes of its answer."""


async def world_with(hidden: Hidden | None, path: str) -> World:
    """Three servers, an agent and a skill that everybody may see, and perhaps one more thing."""
    world = await build(embedder=Letters())
    await world.services.search.embed_all()
    policy = {
        "wild": [Grant(), Grant(assets=["*"], actions=["rate"])],
        "registrar": [Grant(assets=["mine*"], actions=["register", "update", "scan"])],
        "auditor of nothing": [Grant(tools=["forecast"], methods=["tools/*"])],
        "denial": [Grant(assets=[path], effect="deny")],
    }
    for name, grants in policy.items():
        await world.services.policy.put_scope(SYSTEM, Scope(name=name.replace(" ", "-"), grants=grants))
    for number, name in enumerate(VISIBLE):
        await world.put_server(name, ["forecast", f"{WORDS[number]}_tool"], description=" ".join(WORDS[number:]))
    await world.services.catalog.register(SYSTEM, asset("agent", "guide", description="rain and snow"))
    await world.services.catalog.register(SYSTEM, asset("skill", "folding", description="a map of the river"))
    if hidden is not None:
        await hide(world, hidden)
    return world


async def hide(world: World, hidden: Hidden) -> None:
    """Register the thing, and do with it what may have been done."""
    catalog, fields = world.services.catalog, hidden.fields()
    kind = hidden.kind
    if kind == "server":
        url = f"https://{hidden.path if hidden.url_of == 'itself' else hidden.url_of}.test/mcp"
        tools = world.network.tools.get(url)
        await catalog.register(SYSTEM, world.server(hidden.path, hidden.tools, url=url, **fields))
        if tools is not None:
            world.network.tools[url] = tools
    else:
        await catalog.register(SYSTEM, asset(kind, hidden.path, **fields))
    if hidden.rated:
        await world.services.ratings.rate(SYSTEM, kind, hidden.path, 5)  # type: ignore[arg-type]  # of the kinds above
    if not hidden.enabled:
        await catalog.toggle(SYSTEM, kind, hidden.path, False)  # type: ignore[arg-type]  # as above
    if hidden.by == "stage":
        await world.services.stages.transition(SYSTEM, kind, hidden.path, "security_review", "seen")  # type: ignore[arg-type]  # as above


def caller(name: str, hidden: Hidden) -> Principal:
    held = {name.replace(" ", "-")} | ({"denial"} if hidden.by == "denial" else set())
    return Principal("user:eve", "person", scopes=frozenset(held))


def tool(name: str, /, **arguments: JsonValue) -> Question:
    return "tools/call", {"name": name, "arguments": arguments}


def completed(start: str) -> Question:
    template: Json = {"type": "ref/resource", "uri": "airegistry://{kind}/{path}"}
    return "completion/complete", {"ref": template, "argument": {"name": "path", "value": start}}


def questions(kind: str, path: str, words: str) -> list[Question]:
    """Everything that can be asked about a thing, and everything that might show it."""
    lists = ("list_services", "list_agents", "list_skills", "list_virtual_servers", "list_entities")
    return [
        *(tool(each, limit=2) for each in lists),
        tool("list_services", limit=1, cursor=f"server/{path}"),
        tool("search_registry", query=words, limit=50, include_disabled=True),
        tool("search_registry", query=path, limit=2),
        tool("search_registry", query=words, tags=[words.partition(" ")[0]], kinds=[kind, "tool"]),
        tool("search_registry", query=path[:-1], by_kind=True, limit=3, detail="full"),
        tool("search_registry", query=f"forecats {path}x", source=["local"], health=["healthy", "unknown"]),
        tool("intelligent_tool_finder", task=words, limit=10),
        tool("intelligent_tool_finder", task=f"get the {words} and then draw a map of {path}", detail="full"),
        tool("index_status"),
        tool("get_server_details", path=path),
        tool("get_service_tools", path=path),
        tool("get_service_tools"),
        tool("get_skill_content", path=path),
        tool("get_skill_content", path=path, resource="notes.md"),
        tool("get_scan_report", kind=kind, path=path),
        tool("scan_asset", kind=kind, path=path),
        tool("rate_asset", kind=kind, path=path, stars=3),
        tool("update_asset", kind=kind, path=path, changes={"description": "mine"}),
        tool("delete_asset", kind=kind, path=path),
        tool("set_lifecycle_stage", kind=kind, path=path, stage="retired"),
        tool("toggle_service", path=path, enabled=True),
        tool("refresh_service", path=path),
        tool("call_tool", server=path, tool="forecast", arguments={}),
        tool("healthcheck"),
        *(
            tool("explain_access", subject="me", action=action, asset=f"{kind}/{path}", tool="forecast")
            for action in ("read", "call", "tools/list")
        ),
        tool("explain_access", subject="user:ann", action="call", asset=path),
        ("resources/list", {}),
        ("resources/read", {"uri": f"airegistry://{kind}/{path}"}),
        ("resources/read", {"uri": f"skill://{path}/SKILL.md"}),
        *(completed(start) for start in ("", path[:1], path)),
    ]


def twin(path: str, tools: Sequence[str]) -> Question:
    """A registration of the caller's own with these tools, and nothing else that another has."""
    described: list[JsonValue] = [{"name": each, "description": f"The {each}."} for each in tools]
    path = "-".join((path, *(each.replace("_", "-") for each in tools)))
    return tool("register_service", name=path, path=path, transport="stdio", command="run", tools=described)


async def answers(hidden: Hidden, *, present: bool, callers: Sequence[str] = CALLERS) -> list[Said]:
    """Everything each caller may ask, the answers, and last what they are told at a registration of their own."""
    world = await world_with(hidden if present else None, hidden.path)
    own = tool("register_service", name="mine", path="mine", url="https://beacon.test/mcp", description=hidden.words)
    asked = [*questions(hidden.kind, hidden.path, hidden.words), own]
    async with served(world.services) as surface:
        return [
            (f"{name}: {method} {params}", await surface.text(caller(name, hidden), method, params))
            for name in callers
            for method, params in asked
        ]


def differing(these: list[Said], those: list[Said]) -> list[tuple[Said, Said]]:
    return [(one, other) for one, other in zip(these, those, strict=True) if one != other]


@FEW
@given(hidden_things)
def test_no_answer_differs_by_a_byte_for_what_is_hidden_from_the_caller(hidden: Hidden) -> None:
    with_it = anyio.run(lambda: answers(hidden, present=True))
    without = anyio.run(lambda: answers(hidden, present=False))
    assert not (found := differing(with_it, without)), found[0]


def test_the_questions_do_show_the_thing_to_whom_it_is_not_hidden() -> None:
    """The property above would hold as well if nothing were ever shown."""
    shown = Hidden("server", "aardvark", "nothing", "secret ledger", ("forecast",), "itself", True, True)
    with_it = anyio.run(lambda: answers(shown, present=True, callers=["wild"]))
    without = anyio.run(lambda: answers(shown, present=False, callers=["wild"]))
    assert len(differing(with_it, without)) > 15


@dataclass(frozen=True)
class HiddenTool:
    """A tool that the caller may not see, of a server that the caller may."""

    name: str
    description: str


hidden_tools = st.none() | st.builds(
    HiddenTool, name=st.sampled_from([f"{word}_hidden" for word in WORDS]), description=texts
)
NARROW = {
    "tools": [Grant(assets=["depot"], tools=["forecast"])],
    "denied": [Grant(assets=["depot"]), Grant(assets=["depot"], tools=["*_hidden"], effect="deny")],
    "read": [Grant(assets=["depot"], tools=["[!a-z]*", "forecast"], actions=["read"])],
    "methods": [Grant(assets=["depot"], tools=["forecast"], methods=["tools/call"])],
}


async def tool_answers(
    hidden: HiddenTool | None, words: str, others: Sequence[str], callers: Mapping[str, list[Grant]] = NARROW
) -> list[Said]:
    """What each caller is told of a server with a tool more or less."""
    world = await build()  # without an embedder scores are equal, and order tells them apart
    await world.put_server("depot", [*others, *([hidden.name] if hidden else ())], description=words)
    if hidden is not None:
        await describe(world, hidden)
    for path in VISIBLE:
        await world.put_server(path, others, description=words)
    registers = Scope(name="registrar", grants=[Grant(assets=["mine*"], actions=["register"])])
    await world.services.policy.put_scope(SYSTEM, registers)
    said: list[Said] = []
    async with served(world.services) as surface:
        for name, grants in callers.items():
            await world.services.policy.put_scope(SYSTEM, Scope(name=name, grants=grants))
            who = Principal("user:eve", "person", scopes=frozenset({name, "registrar"}))
            own = [twin(f"mine-{name}", [*others, *more]) for more in ([], ["rain_hidden"], ["snow_hidden"])]
            for method, params in [*questions("server", "depot", words), *own]:
                said.append((f"{name}: {method} {params}", await surface.text(who, method, params)))
            said += [(f"{name}: {each}", await guess(surface, who, each)) for each in ("rain_hidden", "absent")]
    return said


async def describe(world: World, hidden: HiddenTool) -> None:
    """Give the tool its description and mark it: as its backend and its owner would."""
    found = await world.shelf.get("server", "depot")
    assert found is not None
    tools: list[JsonValue] = [
        {"name": each.name, "description": hidden.description if each.name == hidden.name else each.description}
        for each in world.network.tools["https://depot.test/mcp"]
    ]
    changed = {"tools": tools, "requires_approval": [hidden.name]}
    described = type(found[0]).model_validate({**found[0].model_dump(exclude={"callable"}), **changed})
    await world.shelf.replace(described, found[1])
    await world.services.catalog.toggle(SYSTEM, "server", "depot", True)


async def guess(surface: Surface, who: Principal, name: str) -> str:
    """What is said of a name that may or may not be a tool's."""
    called = await surface.tool(who, "call_tool", server="depot", tool=name)
    explained = await surface.tool(who, "explain_access", subject="me", action="call", asset="depot", tool=name)
    return f"{called} {explained}"


@FEW
@given(hidden_tools, hidden_tools, texts, st.sampled_from([[], ["forecast"]]))
def test_no_answer_differs_by_a_byte_for_a_tool_that_is_hidden_from_the_caller(
    one: HiddenTool | None, other: HiddenTool | None, words: str, others: list[str]
) -> None:
    these, those = (anyio.run(tool_answers, each, words, others) for each in (one, other))
    assert not (found := differing(these, those)), found[0]


def test_the_questions_do_show_the_tool_to_whom_it_is_not_hidden() -> None:
    user = {"user": [Grant(assets=["depot"])]}
    these, those = (
        anyio.run(tool_answers, each, "rain", ["forecast"], user) for each in (HiddenTool("rain_hidden", "rain"), None)
    )
    assert len(differing(these, those)) > 5
