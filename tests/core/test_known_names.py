"""The names of the catalog as they change, and how fast they are looked up."""

import time
from collections.abc import Callable

import pytest
from rapidfuzz import process
from rapidfuzz.distance import OSA

from airegistry.core.assets import Server
from airegistry.core.events import Event
from airegistry.core.known_names import KnownNames
from tests.core.wiring import asset

pytestmark = pytest.mark.anyio


def server(path: str, *tools: str, name: str | None = None, **fields: object) -> Server:
    one = asset("server", path, name=name or path, tools=[{"name": tool} for tool in tools], **fields)
    assert isinstance(one, Server)
    return one


def known(*servers: Server) -> KnownNames:
    names = KnownNames()
    for one in servers:
        names.put(one)
    return names


def looks(names: KnownNames, name: str) -> list[str]:
    return [look.name for look in names.lookalikes(name, of="server")]


def test_owners_are_all_that_have_a_tool_of_exactly_this_name() -> None:
    names = known(server("a", "search", "read"), server("b", "search"), server("c", "search"))
    assert list(names.owners("search")) == ["server/a", "server/b", "server/c"]
    assert list(names.owners("read")) == ["server/a"]
    assert list(names.owners("Search")) == []


def test_what_is_put_again_takes_the_place_of_what_was_known() -> None:
    names = known(server("a", "search"), server("a", "read", name="other"))
    assert (list(names.owners("search")), list(names.owners("read"))) == ([], ["server/a"])
    assert looks(names, "othr") == []
    assert looks(names, "otherr") == ["other"]


def test_nothing_is_left_of_what_is_removed() -> None:
    servers = [server("weather", "search", "re\u0430d", "go1"), server("wether", "search", "go1")]
    names = known(*servers)
    for one in servers:
        names.remove(one)
    names.remove(servers[0])
    assert list(names.owners("search")) == []
    assert looks(names, "weathr") == []
    assert names.lookalikes("gol", of="tool") == []


async def test_names_follow_the_events_of_the_catalog() -> None:
    names = KnownNames()
    first, second = server("a", "search"), server("a", "find", version="2.0.0")
    await names.on_event(Event("server:register", first, "ann"))
    await names.on_event(Event("server:update", second, "ann"))
    assert list(names.owners("search")) == ["server/a"], "a version beside the default one does not count"
    await names.on_event(Event("server:set_default", second, "ann"))
    assert (list(names.owners("search")), list(names.owners("find"))) == ([], ["server/a"])
    await names.on_event(Event("server:delete", second, "ann"))
    assert list(names.owners("find")) == []


def test_the_nearest_lookalike_comes_first_and_tells_what_it_is() -> None:
    names = known(server("a", name="payroll", stage="approved_production"), server("b", name="payrol1"))
    first, second = names.lookalikes("payr0ll", of="server")
    assert (first.name, first.owner, first.same_look, first.trusted) == ("payroll", "server/a", True, True)
    assert (second.name, second.same_look, second.distance, second.trusted) == ("payrol1", True, 0, False)


def test_a_disabled_server_is_not_trusted() -> None:
    names = known(server("a", name="payroll", stage="approved_production", enabled=False))
    assert not names.lookalikes("payrol", of="server")[0].trusted


def test_tools_look_alike_letter_by_letter_only() -> None:
    names = known(server("a", "read_file", "list_files", "get_v1"))
    assert [look.name for look in names.lookalikes("r\u0435ad_file", of="tool")] == ["read_file"]
    assert [look.name for look in names.lookalikes("get_vl", of="tool")] == ["get_v1"]
    for honest in ("read_file", "READ_FILE", "read_files", "list_file", "read-file"):
        assert names.lookalikes(honest, of="tool") == [], honest


def test_a_scan_beside_thousands_of_servers_does_not_look_at_each() -> None:
    names = beside(3_000)
    tools = [f"{WORDS[j % 16]}_{WORDS[i % 16]}_{i}_{j}" for i in range(3_000) for j in range(30)]
    assert names.owners(tools[-1])
    look = least(lambda i: process.extract(f"lsit_order_{i}", tools, scorer=OSA.distance, score_cutoff=1, limit=None))
    assert least(lambda i: scan(names, i)) < look, "one name of 31 may not cost a look at each of 90,000"


WORDS = "search create delete list report query table graph order invoice ticket event mail cloud image deploy".split()


def beside(count: int) -> KnownNames:
    """So many servers of thirty tools each."""
    names = KnownNames()
    for i in range(count):
        name = f"{WORDS[i % 16]}-{WORDS[i // 16 % 16]}-{WORDS[i // 256 % 16]}-{i // 4096}"
        names.put(server(f"s{i}", *(f"{WORDS[j % 16]}_{WORDS[i % 16]}_{i}_{j}" for j in range(30)), name=name))
    return names


def scan(names: KnownNames, i: int) -> None:
    """What the names of a server of thirty tools are asked for, slips among them."""
    names.lookalikes(f"serch-table-invoice-{i}", of="server")
    for j in range(30):
        names.lookalikes(f"{'1ist' if j % 2 else 'lsit'}_order_{i}_{j}", of="tool")
        names.owners(f"list_order_{i}_{j}")


def least(work: Callable[[int], object]) -> float:
    """Seconds of processor time, the least of five."""
    taken = []
    for i in range(5):
        begun = time.thread_time()
        work(i)
        taken.append(time.thread_time() - begun)
    return min(taken)
