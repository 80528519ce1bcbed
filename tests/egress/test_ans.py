"""Names of the Agent Name Service, looked up at one on loopback that is honest, lying, down, and back again."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import unquote

import anyio
import orjson
import pytest
from pydantic import SecretStr
from starlette.types import Receive, Scope, Send

from airegistry.core.ans import AnsLinks
from airegistry.core.assets import Agent, AnsBadge, Json, Server
from airegistry.core.breaker import FAILURES, Breakers
from airegistry.core.errors import AccessDenied, Invalid, NotFound, Unsupported
from airegistry.core.grants import Grant
from airegistry.core.principals import SYSTEM
from airegistry.core.shelf import ASSETS, Shelf
from airegistry.core.telemetry import NoTelemetry
from airegistry.egress.ans import HttpNameService
from airegistry.egress.guard import Guard
from tests.core.wiring import ANN, World, asset, build
from tests.support.asgi import serve
from tests.support.paused import Paused

pytestmark = pytest.mark.anyio

NAME = "ans://v1.0.0.planner.example.com"
URL = "https://planner.example.com/a2a"


class Authority:
    """A name service in the shape of the registration authority's `/v1/agents/{name}`; `entries` by name."""

    def __init__(self) -> None:
        self.entries: dict[str, Json] = {
            NAME: {
                "ansName": NAME, "agentHost": "planner.example.com", "agentStatus": "ACTIVE",
                "endpoints": [{"agentUrl": URL, "protocol": "A2A"}],
                "certificate": {"notAfter": "2036-01-01T00:00:00Z"},
            }
        }  # fmt: skip
        self.status = 200
        self.wait = anyio.Event()
        self.wait.set()
        self.asked: list[tuple[str, str | None]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        raw = scope["raw_path"].decode()
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        name = unquote(raw.removeprefix("/v1/agents/"))
        self.asked.append((name, headers.get("authorization")))
        await self.wait.wait()
        entry = self.entries.get(name)
        status = self.status if self.status != 200 else 200 if entry is not None else 404
        await send(
            {"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/json")]}
        )
        await send({"type": "http.response.body", "body": orjson.dumps(entry or {"error": "no such agent"})})


@dataclass
class Desk:
    """Links over a core, and the service that they are looked up at."""

    world: World
    links: AnsLinks
    authority: Authority

    async def badge(self) -> AnsBadge:
        """The badge of the agent as the catalog answers it."""
        found = await self.world.services.catalog.get(SYSTEM, "agent", "planner")
        assert isinstance(found, Agent)
        assert found.ans is not None
        return found.ans

    async def look(self) -> AnsBadge:
        """What a look-up by its schedule leads to."""
        await self.links._look("agent", "planner")
        return await self.badge()


@asynccontextmanager
async def desk(*, secret: SecretStr | None = None) -> AsyncIterator[Desk]:
    authority, world = Authority(), await build()
    await world.services.catalog.register(SYSTEM, asset("agent", "planner", url=URL), fetch=False)
    async with serve(authority) as base, HttpNameService(base, Guard(loopback=True), key="k", secret=secret) as service:
        services, clock = world.services, world.clock
        links = AnsLinks(
            world.shelf, services.catalog, services.audit, services.events, clock, Breakers(clock, NoTelemetry()),
            service,
        )  # fmt: skip
        services.events.subscribe(links.on_event)
        yield Desk(world, links, authority)


async def test_a_name_that_the_service_has_at_the_agents_address_is_verified() -> None:
    async with desk(secret=SecretStr("s")) as at:
        linked = await at.links.link(SYSTEM, "agent", "planner", NAME.upper().replace("ANS://V", "ans://v"))
        assert linked.ans is not None
        assert (linked.ans.name, linked.ans.status, linked.ans.why) == (NAME, "verified", "")
        assert (await at.badge()).since == at.world.clock.now()
        assert at.authority.asked == [(NAME, "sso-key k:s")]
        [event] = await at.world.events(action="agent:ans_link")
        assert (event.outcome, event.reason) == ("ok", f"{NAME}: verified")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"agentStatus": "REVOKED"}, "the name is revoked"),
        ({"revoked": True}, "the name is revoked"),
        ({"agentStatus": "PENDING_DNS"}, "the name is pending_dns"),
        ({"agentStatus": 7}, "the name is unreadable"),
        ({"certificate": {"notAfter": "2020-01-01T00:00:00Z"}}, "its certificate ended"),
        ({"certificate": {"not_after": "never"}}, "its certificate ended"),
        ({"ansName": "ans://v1.0.0.other.example.com"}, "another name"),
        ({"agentHost": "evil.example.com"}, "another host"),
        ({"endpoints": [{"agentUrl": "https://evil.example.com/a2a"}]}, "another address"),
    ],
)
async def test_a_name_that_says_anything_else_fails(changes: Json, why: str) -> None:
    async with desk() as at:
        at.authority.entries[NAME] |= changes
        await at.links.link(SYSTEM, "agent", "planner", NAME)
        badge = await at.badge()
        assert badge.status == "failed"
        assert why in badge.why


async def test_without_endpoints_the_host_of_the_name_decides() -> None:
    async with desk() as at:
        at.authority.entries[NAME]["endpoints"] = []
        assert (await at.links.link(SYSTEM, "agent", "planner", NAME)).ans == await at.badge()
        assert (await at.badge()).status == "verified"
        await at.world.services.catalog.update(SYSTEM, "agent", "planner", {"url": "https://elsewhere.test/"})
        assert (await at.look()).status == "failed"


async def test_a_name_that_nobody_registered_fails() -> None:
    async with desk() as at:
        at.authority.entries.clear()
        await at.links.link(SYSTEM, "agent", "planner", NAME)
        assert ((await at.badge()).status, (await at.badge()).why) == ("failed", "the service knows no such name")


async def test_a_service_that_is_down_leaves_a_new_name_unknown_and_an_old_one_verified_until_it_is_stale() -> None:
    async with desk() as at:
        at.authority.status = 503
        await at.links.link(SYSTEM, "agent", "planner", NAME)
        assert (await at.badge()).status == "unknown"
        assert "HTTP 503" in (await at.badge()).why
        at.authority.status = 200
        assert (await at.look()).status == "verified"
        at.authority.status = 503
        at.world.clock.pass_(timedelta(hours=6).total_seconds())
        assert (await at.look()).status == "verified"
        at.world.clock.pass_(timedelta(hours=6).total_seconds())
        assert (await at.look()).status == "stale"
        at.authority.status = 200
        at.world.clock.pass_(60)
        assert (await at.look()).status == "verified"
        acts = [event.reason.partition(":")[0] for event in await at.world.events(action="agent:ans")]
        assert len(acts) == 3


async def test_a_service_that_keeps_failing_is_left_alone_for_a_while() -> None:
    async with desk() as at:
        at.authority.status = 500
        await at.links.link(SYSTEM, "agent", "planner", NAME)
        for _ in range(FAILURES + 5):
            await at.look()
        assert len(at.authority.asked) == FAILURES
        assert "left alone" in (await at.badge()).why
        at.authority.status = 200
        at.world.clock.pass_(120)
        assert (await at.look()).status == "verified"


async def test_links_are_looked_up_again_every_six_hours_also_after_a_restart() -> None:
    async with desk() as at:
        await at.links.link(SYSTEM, "agent", "planner", NAME)
        at.world.clock.pass_(timedelta(hours=5).total_seconds())
        services, clock = at.world.services, at.world.clock
        again = AnsLinks(
            at.world.shelf, services.catalog, services.audit, services.events, clock, Breakers(clock, NoTelemetry()),
            at.links._service,
        )  # fmt: skip
        await again.rebuild()
        for hours, asked in ((0, 1), (2, 2)):
            at.world.clock.pass_(timedelta(hours=hours).total_seconds())
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(again.run)
                with anyio.move_on_after(0.2 if asked == 1 else 5):
                    while len(at.authority.asked) < 2:  # noqa: ASYNC110  # over a socket
                        await anyio.sleep(0.005)
                tasks.cancel_scope.cancel()
            assert len(at.authority.asked) == asked


async def test_an_agent_that_moves_is_looked_up_at_once() -> None:
    async with desk() as at:
        await at.links.link(SYSTEM, "agent", "planner", NAME)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(at.links.run)
            await anyio.wait_all_tasks_blocked()
            await at.world.services.catalog.update(SYSTEM, "agent", "planner", {"url": "https://evil.test/a2a"})
            with anyio.fail_after(5):
                while (await at.badge()).status != "failed":  # noqa: ASYNC110  # over a socket
                    await anyio.sleep(0.005)
            tasks.cancel_scope.cancel()


async def test_a_name_is_taken_off_and_a_deleted_agent_is_forgotten() -> None:
    async with desk() as at:
        await at.links.link(SYSTEM, "agent", "planner", NAME)
        await at.links.verify(SYSTEM, "agent", "planner")
        assert len(at.authority.asked) == 2
        await at.links.unlink(SYSTEM, "agent", "planner")
        found = await at.world.services.catalog.get(SYSTEM, "agent", "planner")
        assert isinstance(found, Agent)
        assert found.ans is None
        with pytest.raises(NotFound, match="linked to no name"):
            await at.links.verify(SYSTEM, "agent", "planner")


async def test_servers_are_linked_as_agents_are() -> None:
    async with desk() as at:
        await at.world.put_server("planner", url=URL)
        linked = await at.links.link(SYSTEM, "server", "planner", NAME)
        assert isinstance(linked, Server)
        assert linked.ans is not None
        assert linked.ans.status == "verified"


async def test_only_who_may_change_an_asset_links_it() -> None:
    async with desk() as at:
        with pytest.raises(AccessDenied):
            await at.links.link(ANN, "agent", "planner", NAME)
        await at.links.link(
            await at.world.holding(Grant(kinds=["agent"], assets=["planner"], actions=["read", "update"])),
            "agent", "planner", NAME,
        )  # fmt: skip
        with pytest.raises(Invalid, match="update does not change ans"):
            await at.world.services.catalog.update(SYSTEM, "agent", "planner", {"ans": None})


@pytest.mark.parametrize(
    "name", ["planner", "ans://planner.example.com", "ans://v1.planner", "ans://v1.0.0.a_b.com", ""]
)
async def test_what_is_no_name_is_refused(name: str) -> None:
    async with desk() as at:
        with pytest.raises(Invalid, match="not of the form"):
            await at.links.link(SYSTEM, "agent", "planner", name)
        with pytest.raises(Invalid, match="servers and agents"):
            await at.links.link(SYSTEM, "skill", "planner", NAME)


async def test_without_a_service_names_are_kept_and_nothing_is_asked() -> None:
    world = await build()
    await world.services.catalog.register(SYSTEM, asset("agent", "planner", url=URL), fetch=False)
    linked = await world.services.ans.link(SYSTEM, "agent", "planner", NAME)
    assert linked.ans is not None
    assert linked.ans.status == "unknown"
    with pytest.raises(Unsupported):
        await world.services.ans.verify(SYSTEM, "agent", "planner")


@pytest.mark.parametrize("url", ["http://169.254.169.254", "http://ans.example.com"])
def test_a_secret_goes_nowhere_it_could_be_read(url: str) -> None:
    with pytest.raises(Invalid):
        HttpNameService(url, Guard(), key="k", secret=SecretStr("s"))


async def test_an_asset_without_a_url_and_an_address_that_is_none_verify_nothing() -> None:
    async with desk() as at:
        await at.world.services.catalog.register(SYSTEM, asset("agent", "nowhere"), fetch=False)
        linked = await at.links.link(SYSTEM, "agent", "nowhere", NAME)
        assert linked.ans is not None
        assert "no URL" in linked.ans.why
        at.authority.entries[NAME]["endpoints"] = [{"agentUrl": "http://[::1/x"}, {"url": "https://x.test:99999/"}]
        await at.links.link(SYSTEM, "agent", "planner", NAME)
        assert (await at.badge()).status == "failed"


async def test_an_answer_that_names_nobody_is_no_answer() -> None:
    async with desk() as at:
        del at.authority.entries[NAME]["ansName"]
        await at.links.link(SYSTEM, "agent", "planner", NAME)
        assert ((await at.badge()).status, "without the name" in (await at.badge()).why) == ("unknown", True)


async def test_a_look_up_that_ends_after_the_name_was_taken_off_does_not_put_it_back() -> None:
    async with desk() as at:
        await at.links.link(SYSTEM, "agent", "planner", NAME)
        at.authority.entries[NAME]["agentStatus"] = "REVOKED"
        at.authority.wait = anyio.Event()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(at.links._look, "agent", "planner")
            with anyio.fail_after(5):
                while len(at.authority.asked) < 2:  # noqa: ASYNC110  # over a socket
                    await anyio.sleep(0.005)
            await at.links.unlink(SYSTEM, "agent", "planner")
            at.authority.wait.set()
        found = await at.world.services.catalog.get(SYSTEM, "agent", "planner")
        assert isinstance(found, Agent)
        assert found.ans is None
        await at.links._look("agent", "planner")
        assert len(at.authority.asked) == 2


async def test_an_agent_that_goes_while_it_is_looked_up_is_not_there_any_more() -> None:
    async with desk() as at:
        at.authority.wait = anyio.Event()

        async def gone() -> None:
            with anyio.fail_after(5):
                while not at.authority.asked:  # noqa: ASYNC110  # over a socket
                    await anyio.sleep(0.005)
            await at.world.services.catalog.delete(SYSTEM, "agent", "planner")
            at.authority.wait.set()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(gone)
            with pytest.raises(NotFound):
                await at.links.link(SYSTEM, "agent", "planner", NAME)


async def test_a_look_up_of_a_process_that_was_paused_is_not_written_over_a_newer_one() -> None:
    async with (
        desk() as at,
        serve(at.authority) as base,
        HttpNameService(base, Guard(loopback=True), key="k") as service,
    ):
        await at.links.link(SYSTEM, "agent", "planner", NAME)
        services, clock = at.world.services, at.world.clock
        paused = Paused(at.world.store)
        other = AnsLinks(
            Shelf(paused), services.catalog, services.audit, services.events, clock, Breakers(clock, NoTelemetry()),
            service,
        )  # fmt: skip
        clock.pass_(7 * 3600)
        at.authority.entries[NAME]["agentStatus"] = "REVOKED"
        pause = paused.pause("get", ASSETS)  # the first
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(other._look, "agent", "planner")
            await pause.reached.wait()
            second = paused.pause("get", ASSETS)  # when it knows that the name was revoked
            pause.over.set()
            await second.reached.wait()
            clock.pass_(60)
            at.authority.entries[NAME]["agentStatus"] = "ACTIVE"
            assert (await at.look()).status == "verified"
            newer = await at.badge()
            second.over.set()
        assert await at.badge() == newer
        assert await at.world.events(action="agent:ans") == []
