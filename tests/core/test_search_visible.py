"""Whatever a caller may see, answers are those of a registry that holds nothing else: for random entitlements."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import anyio
import pytest

from airegistry.core.access import Access
from airegistry.core.answers import Hit
from airegistry.core.assets import Agent, Json, Server
from airegistry.core.grants import Grant, Group, Scope
from airegistry.core.parts import sees_skill
from airegistry.core.ports import AnyAsset
from airegistry.core.principals import Principal
from airegistry.core.search import Search
from airegistry.core.shelf import Shelf
from airegistry.core.visibility import Visibility
from airegistry.index.memory import MemoryIndex
from airegistry.stores.memory import MemoryStore
from tests.core.wiring import asset
from tests.policy.test_no_leaks import Letters

pytestmark = pytest.mark.anyio
ENTITLEMENTS = 50
WORDS = "rain snow vault ledger secret forecast map river payroll weather invoice customer ticket branch".split()
GROUPS = ("staff", "board", "guests")
TASK = "look up the weather forecast and then put the invoice into the ledger"


def texts(chance: random.Random, count: int) -> str:
    return " ".join(chance.choices(WORDS, k=count))


def random_asset(chance: random.Random, number: int) -> AnyAsset:
    kind = chance.choice(["server", "server", "agent", "skill", "entity"])
    path = f"{chance.choice(WORDS)}-{chance.choice(WORDS)}-{number}"
    fields: dict[str, object] = {
        "description": texts(chance, 6), "tags": [chance.choice(WORDS)], "name": f"{texts(chance, 2)} {number}",
        "visibility": chance.choice(["public", "public", "group", "private"]), "groups": [chance.choice(GROUPS)],
        "created_by": chance.choice(["user:ann", "user:bob", "system"]), "enabled": chance.random() < 0.9,
        "stage": chance.choice(["approved_dev", "approved_dev", "draft", "monitored"]),
        "owner_team": chance.choice(["payments", "logistics"]),
    }  # fmt: skip
    if kind == "server":
        names = dict.fromkeys(f"{chance.choice(['get', 'set'])}_{chance.choice(WORDS)}" for _ in range(4))
        fields["tools"] = [{"name": name, "description": texts(chance, 4)} for name in names]
    if kind == "agent":
        fields["skills"] = [{"id": word, "name": word} for word in dict.fromkeys(chance.choices(WORDS, k=3))]
    if kind == "entity":
        fields |= {"type": "thing", "data": {"note": texts(chance, 5)}}
    return asset(kind, path, **fields)


def random_grant(chance: random.Random) -> Grant:
    members: Json = {"effect": chance.choice(["allow", "allow", "deny"])}
    if chance.random() < 0.7:
        members["assets"] = [f"{chance.choice(WORDS)}-*"]
    if chance.random() < 0.4:
        members["tools"] = [chance.choice(["get_*", "set_*", f"*_{chance.choice(WORDS)}"])]
    if chance.random() < 0.3:
        members["kinds"] = [chance.choice(["server", "agent", "skill", "tool"])]
    if chance.random() < 0.3:
        members["actions"] = [chance.choice(["list", "read", "call", "update"])]
    return Grant.model_validate(members)


def random_caller(chance: random.Random, scopes: Sequence[str]) -> Principal:
    held = frozenset(chance.sample(scopes, k=chance.randrange(5)))
    withheld = frozenset(chance.sample(scopes, k=chance.randrange(2))) - held
    subject = chance.choice(["user:ann", "user:bob", "user:eve"])
    groups = frozenset(chance.sample(GROUPS, k=chance.randrange(3)))
    return Principal(subject, "person", groups=groups, scopes=held, withheld=withheld)


@dataclass
class Registry:
    """A search over some assets, under a policy."""

    access: Access
    visibility: Visibility

    async def over(self, assets: Sequence[AnyAsset]) -> Search:
        shelf = Shelf(MemoryStore())
        for each in assets:
            await shelf.create(each)
        search = Search(MemoryIndex(), Letters(), self.access, self.visibility, shelf)
        await search.rebuild()
        await search.embed_all()
        return search

    def seen(self, who: Principal, whole: AnyAsset) -> AnyAsset | None:
        """What of an asset a caller may see."""
        if not self.visibility.shows(who, whole):
            return None
        if isinstance(whole, Server):
            tools = [tool for tool in whole.tools if self.access.sees(who, whole, tool.name)]
            return whole.model_copy(update={"tools": tools})
        if isinstance(whole, Agent):
            skills = [skill for skill in whole.skills if sees_skill(self.access, who, whole, skill.id)]
            return whole.model_copy(update={"skills": skills})
        return whole


Shown = list[tuple[str, float, float, tuple[str, ...]]]


def shown(hits: Sequence[Hit]) -> Shown:
    return [
        (f"{hit.kind}/{hit.asset.path}/{hit.tool.name if hit.tool else ''}", hit.score, hit.absolute, hit.why)
        for hit in hits
    ]


async def answers(search: Search, who: Principal) -> list[object]:
    """What a caller is told, exactly."""
    told: list[object] = []
    for query in ("rain forecast for the river", "payroll ledger", "invoice"):
        for limit in (3, 1000):
            found = await search.find(who, query, limit=limit, explain=True)
            told += [shown(found.hits), found.total]
    found = await search.find(who, "secret map", facets={"owner": ["payments"]}, tags=["rain", "snow"], explain=True)
    told += [shown(found.hits), found.total]
    by_kind = await search.find_by_kind(who, "weather", ["tool", "server", "agent"], limit=4, explain=True)
    told += [(kind, shown(each.hits), each.total) for kind, each in by_kind.items()]
    told += [shown((await search.find_tools(who, task, explain=True)).hits) for task in ("get rain", TASK)]
    told += [await search.suggest(who, typed) for typed in ("get_rian", "set_ledgr", "get_forcast", "weathr", "snow")]
    return told


@pytest.fixture
def registry() -> Registry:
    chance, access = random.Random(11), Access()
    scopes = [
        Scope(name=f"scope-{n}", grants=[random_grant(chance) for _ in range(chance.randrange(1, 4))])
        for n in range(12)
    ]
    access.replace(scopes, [Group(name=name) for name in GROUPS])
    return Registry(access, Visibility(access, "dev"))


async def test_for_random_entitlements_answers_are_those_of_a_registry_of_the_visible_alone(registry: Registry) -> None:
    chance = random.Random(12)
    assets = [random_asset(chance, number) for number in range(40)]
    everything = await registry.over(assets)
    sizes = set()
    for _ in range(ENTITLEMENTS):
        who = random_caller(chance, [f"scope-{n}" for n in range(12)])
        visible = [part for each in assets if (part := registry.seen(who, each)) is not None]
        sizes.add(len(visible))
        alone = await registry.over(visible)
        expected = await answers(alone, who)
        assert await answers(everything, who) == expected
        assert await answers(everything, who) == expected  # by what was remembered of the caller
    assert len(sizes) > 8


async def test_there_are_k_results_whenever_k_are_visible(registry: Registry) -> None:
    chance = random.Random(13)
    assets = [random_asset(chance, number) for number in range(40)]
    everything = await registry.over(assets)
    for _ in range(ENTITLEMENTS):
        who = random_caller(chance, [f"scope-{n}" for n in range(12)])
        visible = [part for each in assets if each.enabled and (part := registry.seen(who, each)) is not None]
        tools = sum(len(part.tools) for part in visible if isinstance(part, Server))
        for k in (1, 5, 17, 200):
            found = await everything.find(who, "rain", limit=k)
            assert (len(found.hits), found.total) == (min(k, len(visible) + tools), len(visible) + tools)
            assert len((await everything.find_tools(who, TASK, limit=k)).hits) == min(k, tools)


async def test_what_is_remembered_of_a_caller_holds_while_things_come_change_and_go(registry: Registry) -> None:
    chance = random.Random(14)
    assets = {number: random_asset(chance, number) for number in range(20)}
    shelf = Shelf(MemoryStore())
    search = Search(MemoryIndex(), Letters(), registry.access, registry.visibility, shelf)
    await search.embed_all()
    callers = [random_caller(chance, [f"scope-{n}" for n in range(12)]) for _ in range(5)]
    with anyio.fail_after(60):
        for number in range(60):
            place = number % 20
            before = await shelf.get(assets[place].kind, assets[place].path)
            if before is None:
                await shelf.create(assets[place])
            elif chance.random() < 0.5:
                await shelf.delete(before[0])
            else:
                assets[place] = before[0].model_copy(
                    update={"created_by": chance.choice(["user:ann", "system"]), "groups": [chance.choice(GROUPS)]}
                )
                await shelf.replace(assets[place], before[1])
            await search.indexing.follow(assets[place].kind, assets[place].path)
            who = chance.choice(callers)
            held = [each async for _, each in shelf.walk()]
            visible = [part for each in held if (part := registry.seen(who, each)) is not None]
            assert await answers(search, who) == await answers(await registry.over(visible), who)
