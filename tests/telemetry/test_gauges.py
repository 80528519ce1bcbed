"""What is read when figures are sent: what waits, what is open, how old things are; and logins that failed."""

from pathlib import Path

import anyio
import pytest

from airegistry.core.users import BadCredentials
from airegistry.telemetry.described import Metric
from airegistry.telemetry.figures import Figures
from tests.support.asgi import serve
from tests.support.otlp import attributes
from tests.telemetry.test_table import Doing, changing
from tests.telemetry.world import World, telling

pytestmark = pytest.mark.anyio
WAITING: dict[str, object] = {"approval_seconds": 20, "approval_by_caller": True, "approval_by_machine": True}


async def told(world: World, name: str) -> dict[str, float]:
    """What a metric says by now: its values by its attributes, in order and with commas between."""
    already = len(world.collector.metrics)
    await world.collector.until(lambda: len(world.collector.metrics) > already + 1)
    (resource,) = world.collector.metrics[-1].resource_metrics
    found = [each for scope in resource.scope_metrics for each in scope.metrics if each.name == name]
    points = [point for each in found for point in getattr(each, str(each.WhichOneof("data"))).data_points]
    return {",".join(map(str, attributes(point).values())): point.as_double for point in points}


async def test_what_is_open_cut_off_or_old_is_told_as_it_is_now(tmp_path: Path) -> None:
    server, app = changing()
    async with telling(tmp_path) as world, serve(app) as behind:
        doing = Doing(world, behind, server)
        assert await told(world, "airegistry.gateway.circuits") == {"open": 0, "half_open": 0}
        async with serve(changing()[1]) as gone:
            await doing.ask("register_service", path="dead", name="Dead", url=f"{gone}/mcp")
        for _ in range(6):
            await doing.call("dead", "other")
        assert await told(world, "airegistry.gateway.circuits") == {"open": 1, "half_open": 0}
        await doing.ask("quarantine", kind="server", id="mirror", reason="a try")
        assert (await told(world, "airegistry.gateway.quarantined"))["server"] == 1
        await doing.ask("lift_quarantine", kind="server", id="mirror")
        assert (await told(world, "airegistry.gateway.quarantined"))["server"] == 0
        await doing.ask("add_source", name="official", kind="mcp-registry", url="http://127.0.0.1:9", enabled=False)
        first = await told(world, "airegistry.sync.age")
        second = await told(world, "airegistry.sync.age")
        assert 0 <= first["official"] < second["official"] < 60
        assert await told(world, "airegistry.sync.failures") == {"official": 0}
        await doing.ask("remove_source", name="official")
        assert await told(world, "airegistry.sync.age") == {}, "what is gone is told no more"
        assert await told(world, "airegistry.store.lag") == {"": 0}


async def test_calls_that_wait_for_a_person_are_counted_while_they_do(tmp_path: Path) -> None:
    server, app = changing()
    async with telling(tmp_path, given=WAITING) as world, serve(app) as behind:
        doing = Doing(world, behind, server)
        asks = {"name": "Asks", "url": f"{behind}/mcp", "requires_approval": ["other"]}
        await doing.ask("register_service", path="asks", **asks)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(doing.call, "asks", "other")
            with anyio.fail_after(20):
                while not (waiting := (await doing.ask("list_approvals"))["approvals"]):  # noqa: ASYNC110  # no event tells it
                    await anyio.sleep(0.05)
            assert await told(world, "airegistry.approvals.waiting") == {"": 1}
            await doing.ask("approve_call", id=waiting[0]["id"], decision="approve")
        assert await told(world, "airegistry.approvals.waiting") == {"": 0}


async def test_a_process_tells_what_it_takes(tmp_path: Path) -> None:
    async with telling(tmp_path) as world:
        used = await told(world, "process.cpu.time")
        assert used.keys() == {"user", "system"}
        assert sum(used.values()) > 0
        assert 2**24 < (await told(world, "process.memory.usage"))[""] < 2**34
        open_now = (await told(world, "process.unix.file_descriptor.count"))[""]
        assert 3 < open_now < (await told(world, "airegistry.process.file_descriptor.limit"))[""]
        before = (await told(world, "process.uptime"))[""]
        assert (await told(world, "process.uptime"))[""] > before


async def test_logins_of_people_and_clients_are_counted_by_how_they_ended(tmp_path: Path) -> None:
    async with telling(tmp_path) as world:
        with pytest.raises(BadCredentials):
            await world.app.identity.directory.authenticate("nobody", "a wrong password", source="127.0.0.1")
        form = {"grant_type": "client_credentials", "client_id": "nobody", "client_secret": "x"}
        assert (await world.http.post(f"{world.url}/token", data=form)).status_code == 401
        acts = await told(world, "airegistry.acts")
        assert (acts["user:login,refused"], acts["client:authenticate,refused"]) == (1, 1)


def test_of_what_is_read_by_attribute_what_is_beyond_the_bound_is_one() -> None:
    figures = Figures(2, [Metric("age", "gauge", "s", ("source",), "Age.")])
    figures.watch_each("age", lambda: {(f"source-{number}",): 1.0 for number in range(5)})
    figures.look()
    figures.look()
    ((_, series),) = list(figures)
    assert {key: each.sum for key, each in series} == {("source-0",): 1, ("source-1",): 1, ("other",): 3}
