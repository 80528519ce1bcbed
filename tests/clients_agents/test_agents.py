"""Both agents as programs, against the product as a user runs it and real servers behind its gateway."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from airegistry_client import Registry
from airegistry_client.models.access import Grant
from airegistry_client.models.reviews import Approval

from tests.docs.console import Step, alike, every_step
from tests.support.backends import Backend, start_everything
from tests.support.node import require_node
from tests.support.processes import ROOT, Process, free_port, python_env
from tests.support.registry import serving

AGENTS = ROOT / "clients" / "agents"
GOAL = "weather forecast for a city"


@dataclass(frozen=True)
class World:
    """A registry with a weather server and one of other tools."""

    url: str
    registry: Registry
    token: str

    def reader(self, name: str, *grants: Grant) -> str:
        """A token with these rights alone."""
        self.registry.scopes.put(name, grants)
        return self.registry.tokens.create(name, scopes=[name] if grants else []).token


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, backend: Backend) -> Iterator[World]:
    folder, port = tmp_path_factory.mktemp("agents"), free_port()
    command = [sys.executable, str(ROOT / "examples" / "weather.py"), str(port)]
    weather = Backend(Process(command, folder / "weather.log", python_env({})), port)
    with serving(folder) as product, Registry(product.url, product.token) as registry:
        registry.servers.register("Weather", "weather", url=weather.url)
        registry.servers.register("Parcels", "parcels", url=backend.url)
        yield World(product.url, registry, product.token)
    weather.close()


Agent = Callable[..., list[str]]


@pytest.fixture(params=["on_mcp", "on_strands"])
def agent(request: pytest.FixtureRequest, world: World) -> Agent:
    """Runs one of the agents with a goal and facts; what it prints, in lines."""
    python = str(request.getfixturevalue("strands")) if request.param == "on_strands" else sys.executable

    def run(goal: str, *facts: str, token: str = world.token) -> list[str]:
        env = {
            "PATH": os.environ["PATH"], "PYTHONPATH": str(AGENTS), "PYTHONDONTWRITEBYTECODE": "1",
            "AIREGISTRY_URL": world.url, "AIREGISTRY_TOKEN": token,
        }  # fmt: skip
        command = [python, "-m", f"airegistry_agents.{request.param}", goal, *facts]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    run.__name__ = str(request.param)
    return run


def shown(page: Path) -> Step:
    """The run of an agent on a page."""
    return next(step for step in every_step(page) if step.command.startswith("python -m airegistry_agents."))


def test_an_agent_finds_and_calls_a_tool_that_it_was_never_told_of(world: World, agent: Agent) -> None:
    printed = agent(GOAL, "city=Oslo", "days=2")
    page = shown(AGENTS / "airegistry_agents" / agent.__name__ / "README.md")
    assert page.command == f'python -m airegistry_agents.{agent.__name__} "{GOAL}" city=Oslo days=2'
    assert alike([line.replace("http://127.0.0.1:8080", world.url) for line in page.shown], printed)
    record = next(iter(world.registry.audit.events(action="tools/call", page_size=1)))
    assert (record.asset, record.tool, record.decision, record.outcome) == ("weather", "get_forecast", "allow", "ok")


def test_another_goal_leads_to_another_server(world: World, agent: Agent) -> None:
    printed = agent("price of sending a parcel", "destination=Oslo", "kilograms=2.5")
    assert any("quote_freight" in line for line in printed)
    assert printed[-1].split() == ["audit", "tools/call", "parcels", "quote_freight", "allow", "ok"]


def test_an_agent_finds_nothing_where_its_caller_sees_nothing(world: World, agent: Agent) -> None:
    token = world.reader("sees-parcels", Grant(kinds=("server",), assets=("parcels",), actions=("list", "read")))
    world.registry.groups.put("staff", [])
    weather = world.registry.servers.get("weather")
    world.registry.servers.update("weather", {"visibility": "group", "groups": ["staff"]}, if_match=weather.etag)
    try:
        printed = agent("weather forecast", "city=Oslo", token=token)
    finally:
        world.registry.servers.update("weather", {"visibility": "public", "groups": []})
    assert not any("get_forecast" in line for line in printed)


def test_an_agent_is_not_offered_what_its_caller_may_not_call(world: World, agent: Agent) -> None:
    name = f"looks-{agent.__name__}"
    token = world.reader(name, Grant(kinds=("server",), assets=("weather",), actions=("list", "read")))
    assert "does not offer me get_forecast" in "".join(agent(GOAL, "city=Oslo", token=token))
    assert not list(world.registry.audit.events(action="tools/call", subject=f"token:{name}"))


def test_a_call_that_wants_a_person_waits_for_one(world: World, agent: Agent) -> None:
    right = Grant(kinds=("server",), assets=("weather",), actions=("list", "read", "call"))
    token = world.reader(f"calls-{agent.__name__}", right)  # nobody approves a call of its own
    world.registry.servers.update("weather", {"requires_approval": ["get_forecast"]})
    try:
        with ThreadPoolExecutor(1) as threads:
            running = threads.submit(agent, GOAL, "city=Oslo", token=token)
            waiting = pending(world.registry)
            assert (waiting.path, waiting.tool, waiting.arguments["city"]) == ("weather", "get_forecast", "Oslo")
            world.registry.approvals.decide(waiting.id, "approve", reason="it is only the weather")
            printed = running.result(60)
    finally:
        world.registry.servers.update("weather", {"requires_approval": []})
    assert printed[-2].split(maxsplit=1) == ["answer", "Oslo: sun for 3 days"]


def pending(registry: Registry) -> Approval:
    """The call that waits, as soon as there is one."""
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline:
        for approval in registry.approvals.list(status="pending"):
            return approval
        time.sleep(0.1)  # between two looks
    raise AssertionError("no call waits")


def test_the_page_of_both_shows_the_run_of_the_first() -> None:
    ours, its = shown(AGENTS / "README.md"), shown(AGENTS / "airegistry_agents" / "on_mcp" / "README.md")
    assert ours == its


@pytest.mark.node
def test_a_server_of_another_make_is_found_and_called(world: World, agent: Agent, tmp_path: Path) -> None:
    require_node()
    everything = start_everything(tmp_path)
    try:
        world.registry.servers.register("Everything", "everything", url=everything.url)
        printed = agent("echoes back the input message", "message=hello")
        world.registry.servers.delete("everything")
    finally:
        everything.close()
    assert printed[-1].split()[-2:] == ["allow", "ok"]
    assert any("hello" in line for line in printed if line.startswith("answer"))
