"""The client as its page shows it, against the product as a user runs it, with a real server behind the gateway."""

import contextlib
import sys
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import anyio
import pytest
from airegistry_client import AsyncRegistry, Registry
from airegistry_client.errors import NotFound, Refused

from tests.docs.console import blocks
from tests.support.backends import Backend
from tests.support.processes import ROOT, Process, free_port, python_env
from tests.support.registry import Registry as Product
from tests.support.registry import serving

README = ROOT / "clients" / "python" / "README.md"


class Example(NamedTuple):
    """A program of the page, and what it says that it prints."""

    program: str
    printed: str


def examples() -> Iterator[Example]:
    """Every program of the page, in order."""
    for block, after in pairwise(blocks(README)):
        if block.language == "python":
            assert after.language == "text"
            yield Example(block.text, after.text)


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with serving(tmp_path_factory.mktemp("product")) as started:
        yield started


@pytest.fixture(scope="module")
def weather(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    port, log = free_port(), tmp_path_factory.mktemp("weather") / "weather.log"
    command = [sys.executable, str(ROOT / "examples" / "weather.py"), str(port)]
    started = Backend(Process(command, log, python_env({})), port)
    yield started
    started.close()


@pytest.fixture
def told(product: Product, weather: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the programs of the page read from their environment."""
    with Registry(product.url, product.token) as registry:
        made = registry.clients.put("page", grant_types=["client_credentials"], rotate_secret=True)
    environment = {
        "AIREGISTRY_URL": product.url, "AIREGISTRY_TOKEN": product.token, "WEATHER_URL": weather.url,
        "CLIENT_ID": "page", "CLIENT_SECRET": made.client_secret or "",
    }  # fmt: skip
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


@contextlib.contextmanager
def changing(product: Product) -> Iterator[None]:
    """Somebody changes the weather server over and over, once it is there."""
    over = threading.Event()

    def change() -> None:
        with Registry(product.url, product.token) as registry:
            number = 0
            while not over.wait(0.2):
                number += 1
                with contextlib.suppress(NotFound):
                    registry.servers.update("weather", {"description": f"Forecasts, {number}."})

    thread = threading.Thread(target=change)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(30)


@pytest.mark.usefixtures("told")
def test_the_programs_of_the_page_print_what_it_says(product: Product, capsys: pytest.CaptureFixture[str]) -> None:
    programs = list(examples())
    assert len(programs) == 5
    for number, example in enumerate(programs):
        with (
            changing(product)
            if "events(" in example.program and "for change" in example.program
            else contextlib.nullcontext()
        ):
            exec(compile(example.program, f"{README.name}, program {number + 1}", "exec"), {"__name__": "__main__"})
        assert capsys.readouterr().out == example.printed


async def test_a_call_through_the_gateway_and_one_over_rest_leave_the_same_record(
    product: Product, weather: Backend
) -> None:
    async with AsyncRegistry(product.url, product.token) as registry:
        await registry.servers.register("Sky", "sky", url=weather.url)
        assert [tool.name for tool in await registry.mcp.tools("sky")] == ["get_forecast"]
        over_mcp = await registry.mcp.call("sky", "get_forecast", {"city": "Rome"})
        over_rest = await registry.tools.call("sky", "get_forecast", {"city": "Rome"})
        assert over_mcp.text == over_rest.text == "Rome: sun for 3 days"
        assert over_mcp.structured_content == over_rest.structured_content
        records = [event async for event in registry.audit.events(asset="sky", tool="get_forecast")]
        assert [(event.decision, event.outcome) for event in records] == [("allow", "ok")] * 2
        failed = await registry.mcp.call("sky", "get_forecast", {"town": "Rome"})
        assert failed.is_error
        with pytest.raises(Refused):
            await registry.mcp.call("sky", "no_such_tool")


async def test_whoever_listens_hears_of_a_restart(tmp_path: Path) -> None:
    with serving(tmp_path) as product, anyio.fail_after(60):
        async with AsyncRegistry(product.url, product.token) as registry:
            heard = registry.events()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_register_until_heard, registry)
                assert (await anext(heard)).event in {"catalog", "asset"}
                tasks.cancel_scope.cancel()
            await anyio.to_thread.run_sync(product.restart)
            while (await anext(heard)).event != "reset":
                pass


async def _register_until_heard(registry: AsyncRegistry) -> None:
    number = 0
    while True:
        number += 1
        await registry.servers.register(
            f"Sea {number}", f"sea-{number}", url="http://127.0.0.1:9/mcp", tools=[{"name": "look"}], fetch=False
        )
        await anyio.sleep(0.2)
