"""What clients of both eras are told when the registry changes, and what they are not told."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import anyio
import pytest
from mcp.client.subscriptions import listen
from mcp.shared.exceptions import MCPError
from starlette.types import Receive, Scope, Send

from airegistry.core import changes
from airegistry.core.grants import Grant, Group
from airegistry.core.grants import Scope as AccessScope
from airegistry.core.principals import SYSTEM, Principal
from airegistry.oauth.identity import AGAIN
from airegistry.tools.listen import MAX_URIS, Listening, Session, Subscription, add_listening
from airegistry.tools.server import build, catalog_tools
from tests.tools.wiring import MODERN, PEOPLE, McpClient, Subjects, World, furnished_core, put, served

pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("ignore:resources/.*subscribe is removed")]
both_eras = pytest.mark.parametrize("era", [MODERN, "legacy"])
CATALOG, RIGHTS = "resources/list_changed", "tools/list_changed"
WEATHER, VAULT, PLANS = "airegistry://server/weather", "airegistry://server/vault", "skill://secret-plans/SKILL.md"


class Renewing(Subjects):
    """Says also who a caller is by now."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            name = dict(scope["headers"]).get(b"x-test-subject", b"").decode()
            scope[AGAIN] = partial(PEOPLE.get, name)
        await super().__call__(scope, receive, send)


@dataclass(frozen=True)
class Spoken(World):
    """A registry that tells its clients."""

    listening: Listening


@pytest.fixture
async def registry(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Spoken]:
    monkeypatch.setattr(changes, "EVERY", 0.01)
    monkeypatch.setattr("tests.tools.wiring.Subjects", Renewing)
    core = await furnished_core()
    mcp = build(core.services, catalog_tools(core.services))
    listening = add_listening(mcp, core.services.changes)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(listening.run)
        async with served(mcp, core) as world:
            yield Spoken(world.core, world.server, listening)
        tasks.cancel_scope.cancel()


@dataclass
class Ear:
    """What one client heard, in order."""

    heard: list[str] = field(default_factory=list)
    more: anyio.Event = field(default_factory=anyio.Event)

    def hear(self, method: str, uri: str | None = None) -> None:
        """Note a notification."""
        self.heard.append(method.removeprefix("notifications/") if uri is None else uri)
        self.more.set()

    async def on_message(self, message: Any) -> None:
        """Note one of an older era."""
        self.hear(message.method, getattr(message.params, "uri", None))

    async def until(self, *expected: str) -> None:
        """Wait until just this was heard, in any order, and forget it."""
        with anyio.fail_after(5):
            while len(self.heard) < len(expected):
                self.more = anyio.Event()
                await self.more.wait()
        assert sorted(self.heard) == sorted(expected)
        self.heard.clear()


@asynccontextmanager
async def ear(registry: Spoken, subject: str, era: str, uris: Sequence[str] = ()) -> AsyncIterator[Ear]:
    """A client that listens to all there is, and to some resources."""
    found = Ear()
    headers = {"x-test-subject": subject}
    handler = found.on_message if era == "legacy" else None
    client: McpClient = registry.server.client(headers=headers, mode=era, message_handler=handler)
    async with client, anyio.create_task_group() as tasks:
        if era == MODERN:
            ready = anyio.Event()
            tasks.start_soon(_hear_modern, client, found, uris, ready)
            await ready.wait()
        else:
            for uri in uris:
                await client.session.subscribe_resource(uri)
        yield found
        tasks.cancel_scope.cancel()


async def _hear_modern(client: McpClient, found: Ear, uris: Sequence[str], ready: anyio.Event) -> None:
    async with listen(
        client.session, tools_list_changed=True, prompts_list_changed=True, resources_list_changed=True,
        resource_subscriptions=uris,
    ) as stream:  # fmt: skip
        assert stream.honored.resource_subscriptions == (list(uris) or None)
        assert stream.honored.prompts_list_changed is None
        ready.set()
        async for event in stream:
            found.hear({"ResourcesListChanged": CATALOG}.get(type(event).__name__, RIGHTS), getattr(event, "uri", None))


async def ready(registry: Spoken, *ears: Ear) -> None:
    """What is said before a client of an older era has opened its stream is lost to it: say something until all hear,
    and then nothing until all have heard it."""
    noise = 0
    with anyio.fail_after(5):
        while not all(found.heard for found in ears):
            noise += 1
            await put(registry.services, "agent", f"noise-{noise}")
            await anyio.sleep(0.02)
        while any(found.heard for found in ears):
            for found in ears:
                found.heard.clear()
            await anyio.sleep(0.05)


@both_eras
async def test_what_a_caller_may_see_is_told_and_nothing_of_what_is_hidden(registry: Spoken, era: str) -> None:
    catalog = registry.services.catalog
    uris = [WEATHER, VAULT, PLANS, "airegistry://server/nothing", "test://other", "airegistry://unicorn/x"]
    async with ear(registry, "ann", era, uris) as ann, ear(registry, "bob", era, uris) as bob:
        await ready(registry, ann, bob)
        await put(registry.services, "server", "hidden", groups=["staff"])
        await bob.until(CATALOG)
        await catalog.update(SYSTEM, "server", "vault", {"description": "Other."})
        await bob.until(CATALOG, VAULT)
        await registry.services.intake.update(SYSTEM, "skill", "secret-plans", {"files": {"a.md": "x"}})
        await bob.until(PLANS)
        await catalog.delete(SYSTEM, "server", "vault")
        await bob.until(CATALOG, VAULT)
        await catalog.update(SYSTEM, "server", "weather", {"tags": ["wet"]})
        await bob.until(WEATHER)
        await ann.until(WEATHER)
        await put(registry.services, "server", "open")
        await ann.until(CATALOG)


@both_eras
async def test_what_is_shown_to_a_caller_or_hidden_from_it_is_told_to_it_alone(registry: Spoken, era: str) -> None:
    catalog = registry.services.catalog
    async with ear(registry, "ann", era, [VAULT]) as ann, ear(registry, "bob", era, [VAULT]) as bob:
        await ready(registry, ann, bob)
        await catalog.update(SYSTEM, "server", "vault", {"groups": []})
        await ann.until(CATALOG, VAULT)
        await bob.until(VAULT)
        await catalog.update(SYSTEM, "server", "vault", {"groups": ["staff"]})
        await ann.until(CATALOG, VAULT)
        await bob.until(VAULT)


@both_eras
async def test_a_change_of_a_further_version_is_no_change_of_what_is_shown(registry: Spoken, era: str) -> None:
    services = registry.services
    async with ear(registry, "ann", era, [WEATHER]) as ann:
        await ready(registry, ann)
        await put(services, "agent", "planner", version="2.0.0", description="Another.")
        await services.catalog.update(SYSTEM, "agent", "planner", {"title": "Two"}, version="2.0.0")
        await services.catalog.update(SYSTEM, "server", "weather", {"tags": ["marker"]})
        await ann.until(WEATHER)
        await services.versions.set_default(SYSTEM, "agent", "planner", "2.0.0")
        await ann.until(CATALOG)


@both_eras
async def test_a_caller_is_told_when_its_own_rights_change_and_not_when_those_of_others_do(
    registry: Spoken, era: str
) -> None:
    policy = registry.services.policy
    deny = Grant(assets=["weather"], effect="deny")
    async with ear(registry, "cat", era, [WEATHER]) as cat, ear(registry, "ann", era, [WEATHER]) as ann:
        await ready(registry, cat, ann)
        await policy.put_scope(SYSTEM, AccessScope(name="of-nobody", grants=[deny]))
        await policy.put_scope(SYSTEM, AccessScope(name="forecasts", grants=[Grant(assets=["weather"])]))
        await cat.until(RIGHTS, WEATHER)
        await policy.put_scope(SYSTEM, AccessScope(name="forecasts", grants=[deny]))
        await cat.until(RIGHTS, CATALOG, WEATHER)
        await registry.services.catalog.update(SYSTEM, "server", "weather", {"tags": ["unseen"]})
        await ann.until(WEATHER)
        await policy.put_scope(SYSTEM, AccessScope(name="forecasts", grants=[]))
        await cat.until(RIGHTS, CATALOG, WEATHER)
        await put(registry.services, "server", "open")
        await ann.until(CATALOG)


@both_eras
async def test_a_caller_that_joins_or_leaves_a_group_is_told_and_one_that_is_nobody_hears_nothing(
    registry: Spoken, era: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = registry.services

    async def become(who: Principal | None) -> None:
        (monkeypatch.delitem(PEOPLE, "ann") if who is None else monkeypatch.setitem(PEOPLE, "ann", who))
        await services.policy.put_group(SYSTEM, Group(name="staff"))

    async with ear(registry, "ann", era, [VAULT, WEATHER]) as ann, ear(registry, "operator", era) as operator:
        await ready(registry, ann, operator)
        await become(Principal(subject="ann", groups=frozenset({"staff"})))
        await ann.until(RIGHTS, CATALOG, VAULT, WEATHER)
        await services.catalog.update(SYSTEM, "server", "vault", {"description": "Other."})
        await ann.until(CATALOG, VAULT)
        await become(None)
        await services.catalog.update(SYSTEM, "server", "weather", {"description": "Other."})
        await operator.until(CATALOG, CATALOG)
        await become(Principal(subject="ann"))
        await ann.until(RIGHTS, CATALOG, VAULT, WEATHER)


async def test_what_was_given_up_is_not_told_any_more(registry: Spoken) -> None:
    found = Ear()
    headers = {"x-test-subject": "ann"}
    async with registry.server.client(headers=headers, mode="legacy", message_handler=found.on_message) as client:
        for uri in (WEATHER, "airegistry://agent/planner"):
            await client.session.subscribe_resource(uri)
        await ready(registry, found)
        await client.session.unsubscribe_resource(WEATHER)
        await client.session.unsubscribe_resource("test://never-subscribed")
        await registry.services.catalog.update(SYSTEM, "server", "weather", {"tags": ["x"]})
        await registry.services.catalog.update(SYSTEM, "agent", "planner", {"tags": ["x"]})
        await found.until("airegistry://agent/planner")


async def test_only_what_was_asked_for_is_told(registry: Spoken) -> None:
    async with registry.client() as client:
        async with listen(client.session, resource_subscriptions=[WEATHER]) as stream:
            await put(registry.services, "server", "open")
            await registry.services.catalog.update(SYSTEM, "server", "weather", {"tags": ["x"]})
            with anyio.fail_after(5):
                assert getattr(await anext(stream), "uri", None) == WEATHER


async def test_both_eras_are_promised_what_they_get(registry: Spoken) -> None:
    modern = (await registry.ask("server/discover"))["result"]["capabilities"]
    async with registry.client(mode="legacy") as client:
        assert client.server_capabilities is not None
        older = client.server_capabilities.model_dump(by_alias=True)
    for offered in (modern, older):
        assert offered["resources"] == {"subscribe": True, "listChanged": True}
        assert offered["tools"] == {"listChanged": True}
        assert offered["prompts"] == {"listChanged": False}


async def test_nothing_is_kept_of_a_client_that_is_gone(registry: Spoken) -> None:
    before = (len(registry.services.changes), len(registry.listening))
    assert before == (0, 0)
    for era in (MODERN, "legacy"):
        async with ear(registry, "ann", era, [WEATHER]):
            assert len(registry.services.changes) == 1
        with anyio.fail_after(5):
            while (len(registry.services.changes), len(registry.listening)) != before:  # noqa: ASYNC110  # no event
                await anyio.sleep(0.01)


async def test_streams_end_with_their_result_when_the_registry_stops_telling(registry: Spoken) -> None:
    async with registry.client() as client, listen(client.session, resources_list_changed=True) as stream:
        registry.listening.close()
        with anyio.fail_after(5):
            assert [event async for event in stream] == []


async def test_nobody_listens_more_often_than_is_allowed(registry: Spoken, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "MAX_WATCHERS", 1)
    async with registry.client() as client, listen(client.session, resources_list_changed=True):
        async with registry.client() as second:
            with pytest.raises(MCPError, match="ann has 1 open subscriptions") as refusal:
                async with listen(second.session, resources_list_changed=True):
                    pass
            assert refusal.value.error.data["code"] == "rate_limited"
        async with registry.client(mode="legacy") as older:  # it is served, and told nothing
            with pytest.raises(MCPError, match="open subscriptions"):
                await older.session.subscribe_resource(WEATHER)
        async with registry.client("bob") as other, listen(other.session, resources_list_changed=True):
            pass


async def test_a_subscription_to_too_long_a_uri_is_refused(registry: Spoken) -> None:
    uri, said = "test://" + "x" * 2_048, "at most 2048 characters"
    async with registry.client() as client:
        with pytest.raises(MCPError, match=said):
            async with listen(client.session, resource_subscriptions=[uri]):
                pass
    async with registry.client(mode="legacy") as older:
        with pytest.raises(MCPError, match=said):
            await older.session.subscribe_resource(uri)


def test_a_client_subscribes_to_so_many_resources_and_no_more() -> None:
    full = Subscription(f"test://{number}" for number in range(MAX_URIS))
    full.add("test://0")
    with pytest.raises(Exception, match="at most 1000 resources"):
        full.add("test://more")


async def test_a_client_that_does_not_read_is_told_each_thing_once_in_the_end(registry: Spoken) -> None:
    taken: list[Callable[[], object]] = []
    watcher = changes.Watcher(lambda: PEOPLE["ann"], {changes.CATALOG, "server/weather"}, lambda: taken.append(print))
    with registry.services.changes.watching(watcher):
        for number in range(20):
            await put(registry.services, "server", f"s{number}")
            await registry.services.catalog.update(SYSTEM, "server", "weather", {"tags": [str(number)]})
        assert (watcher.take(), watcher.take()) == ([changes.CATALOG, "server/weather"], [])
    assert len(taken) == 2


class Broken:
    """A session whose client went away, or one that never reads."""

    def __init__(self, *, deaf: bool) -> None:
        self.deaf = deaf
        self.tried = anyio.Event()

    async def send_notification(self, notification: object) -> None:
        self.tried.set()
        if self.deaf:
            await anyio.sleep_forever()
        raise anyio.ClosedResourceError


@pytest.mark.parametrize("deaf", [True, False])
async def test_a_session_that_cannot_be_told_is_no_trouble_to_others(deaf: bool) -> None:
    broken = Broken(deaf=deaf)
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            session = Session(broken, lambda: PEOPLE["ann"], tasks)  # type: ignore[arg-type]  # what it uses of one
            for change in (changes.CATALOG, changes.ENTITLEMENT):
                session.watcher.tell(change)
            await broken.tried.wait()
            session.end()
        session.watcher.tell(changes.CATALOG)  # over: nobody is asked to say it
