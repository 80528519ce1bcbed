"""The product and a replica of the official registry: imports whole, again, and broken off by kill -9."""

import json
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.support import mcp
from tests.support.processes import free_port
from tests.support.registry import Registry, serving
from tests.support.registry_replica import Replica
from tests.support.registry_seed import catalogue, invented
from tests.support.rounds import ROUNDS

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(400)]
Json = dict[str, Any]
KILLS = 3 if ROUNDS == 1 else ROUNDS
SERVERS = 60 if ROUNDS == 1 else 150
SEEN = ("name", "version", "description", "transport", "url", "command", "args", "env", "tags", "repository_url")


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    """A registry of the test's own."""
    with serving(tmp_path) as started:
        yield started


def local(documents: list[Json]) -> list[Json]:
    """Documents whose remotes are on loopback, where nothing listens: the product fetches what comes in."""
    port = free_port()
    for number, document in enumerate(documents):
        for remote in document.get("remotes") or ():
            remote["url"] = f"http://127.0.0.1:{port}/{number}"
    return documents


async def assets(registry: Registry) -> dict[str, Json]:
    """All servers and their other versions, by path and version, as far as their source decides."""
    found: dict[str, Json] = {}
    cursor = None
    async with mcp.connect(registry.mcp, registry.token) as client:
        while True:
            page = await mcp.call(client, "list_services", limit=200, cursor=cursor)
            for service in page["services"]:
                found[f"{service['path']}@{service['version']}"] = _seen(service)
            if (cursor := page["next_cursor"]) is None:
                return found


def _seen(service: Json) -> Json:
    provenance = service.get("provenance") or {}
    told = {name: service.get(name) for name in SEEN}
    return {**told, "source": provenance.get("source"), "digest": provenance.get("digest")}


async def cli(registry: Registry, *args: str) -> Json:
    """A command with `--json` that succeeds; what it answered."""
    done = await anyio.to_thread.run_sync(partial(registry.cli, *args, "--json"))
    assert done.returncode == 0, done.stdout + done.stderr
    answer: Json = json.loads(done.stdout)
    return answer


@asynccontextmanager
async def official(count: int, seed: int = 11) -> AsyncIterator[tuple[Replica, str]]:
    """A replica with so many servers."""
    replica = Replica(local(list(invented(count, seed=seed))))
    async with replica.served() as url:
        yield replica, url


async def test_a_file_of_documents_comes_in_and_again_changes_nothing(registry: Registry, tmp_path: Path) -> None:
    documents = local(list(invented(60, seed=21)))
    servers = len({document["name"] for document in documents})
    file = tmp_path / "seed.json"
    file.write_text(json.dumps([*documents, {"name": "no-namespace", "version": "1.0.0"}]))
    planned = await cli(registry, "import", str(file), "--dry-run")
    assert (planned["added"], await assets(registry)) == (servers, {})
    first = await cli(registry, "import", str(file))
    assert (first["added"], first["refused"]) == (servers, 1)
    assert "namespace/server" in first["refusals"][0]["reason"]
    second = await cli(registry, "import", str(file))
    assert (second["added"], second["changed"], second["unchanged"]) == (0, 0, servers)
    seen = await assets(registry)
    assert len(seen) == servers
    assert {one["source"] for one in seen.values()} == {"import"}


async def test_one_server_json_comes_in_and_those_of_a_glob(registry: Registry, tmp_path: Path) -> None:
    documents = local([{"name": f"com.example/{name}", "description": "X.", "version": "1.0.0"} for name in "abc"])
    file = tmp_path / "server.json"
    file.write_text(json.dumps(documents[0]))
    assert (await cli(registry, "import", str(file)))["added"] == 1
    file.write_text(json.dumps({"servers": [{"server": document} for document in documents]}))
    assert (await cli(registry, "import", str(file), "--filter", "*/b"))["added"] == 1
    assert (await cli(registry, "import", str(file), "--name", "com.example/c"))["added"] == 1


async def test_a_whole_registry_comes_in_by_its_url_with_all_versions(registry: Registry) -> None:
    async with official(80) as (replica, url):
        run = await cli(registry, "import", url, "--source", "official")
        names = {name for name, _ in replica.rows}
        assert (run["added"], run["refused"], run["outcome"]) == (len(names), 0, "ok")
        several = next(name for name in names if len(replica.versions(name)) > 2)
        path = several.replace("/", "-")
        async with mcp.connect(registry.mcp, registry.token) as client:
            listed = await mcp.call(client, "list_versions", kind="server", path=path)
        assert len(listed["versions"]) == len(replica.versions(several))
        replica.set_status(several, "deleted")
        again = await cli(registry, "import", url, "--source", "official", "--retire")
    assert (again["added"], again["changed"], again["retired"]) == (0, 0, 1)


async def test_the_stored_catalogue_comes_in_through_a_registry_that_is_shaky(registry: Registry) -> None:
    replica = Replica(local(list(catalogue())[:300]))
    replica.trouble = {3: "busy", 4: "cut"}.get  # type: ignore[assignment]  # a mapping of numbers to troubles
    async with replica.served() as url:
        run = await cli(registry, "import", url)
    names = {name for name, _ in replica.rows}
    assert run["added"] + len({refused["path"] or refused["id"] for refused in run["refusals"]}) >= len(names)
    assert run["outcome"] == "ok"


async def test_an_import_broken_off_by_kill_9_anywhere_ends_as_one_that_was_not(tmp_path: Path) -> None:
    async with official(SERVERS) as (_, url):
        with serving(_made(tmp_path / "whole")) as sound:
            assert (await cli(sound, "import", url))["outcome"] == "ok"
            expected = await assets(sound)
        for number in range(KILLS):
            dice = random.Random(number)
            with serving(_made(tmp_path / f"broken-{number}")) as registry:
                await _killed_after(registry, url, dice.randrange(1, len(expected) - 5))
                registry.start()
                assert (await cli(registry, "import", url))["outcome"] == "ok"
                got = await assets(registry)
                assert {
                    key: (got.get(key), expected.get(key))
                    for key in {*got, *expected}
                    if got.get(key) != expected.get(key)
                } == {}
                again = await cli(registry, "import", url)
                assert (again["added"], again["changed"]) == (0, 0)


async def _killed_after(registry: Registry, url: str, added: int) -> None:
    """Begin an import, and kill the registry when it has brought in so much."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(anyio.to_thread.run_sync, partial(registry.cli, "import", url))
        with anyio.fail_after(120):
            while await _count(registry) < added:  # noqa: ASYNC110  # another process tells nobody how far it is
                await anyio.sleep(0.02)
        registry.process.kill()


async def _count(registry: Registry) -> int:
    async with mcp.connect(registry.mcp, registry.token) as client:
        return len((await mcp.call(client, "list_services", limit=1000))["services"])


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
