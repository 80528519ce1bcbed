"""Which virtual servers can carry private data out at a stranger's word; they are told, never held."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from airegistry.core.access import Access
from airegistry.core.assets import Server, VirtualServer
from airegistry.core.findings import judged
from airegistry.core.known_names import KnownNames
from airegistry.core.scans import Scans
from airegistry.scanners.flows import Flows
from airegistry.stores.memory import MemoryStore
from tests.core.wiring import FakeClock, asset
from tests.scanners.around import ALONE

PARTS: dict[str, list[dict[str, object]]] = {
    "web": [{"name": "fetch_url", "description": "Fetches a web page."}],
    "files": [{"name": "read_file", "description": "Reads a file of the user."}],
    "mail": [
        {"name": "send_email", "description": "Sends an email to anybody."},
        {"name": "count_words", "description": "Counts.", "annotations": {"readOnlyHint": True}},
    ],
}
SERVERS = [asset("server", path, tools=tools) for path, tools in PARTS.items()]


def composed(*tools: str) -> VirtualServer:
    entries = [{"server": path, "tool": tool} for path, _, tool in (name.partition("/") for name in tools)]
    found = asset("virtual_server", "desk", tools=entries)
    assert isinstance(found, VirtualServer)
    return found


def rules(*tools: str) -> list[tuple[str, str]]:
    around = replace(ALONE, parts=[server for server in SERVERS if isinstance(server, Server)])
    return [(finding.rule, finding.severity) for finding in Flows().scan(composed(*tools), around)]


def test_strangers_words_private_data_and_a_way_out_are_reviewed() -> None:
    assert rules("web/fetch_url", "files/read_file", "mail/send_email") == [("flows.untrusted-private-out", "medium")]


def test_private_data_and_a_way_out_are_noted() -> None:
    assert rules("files/read_file", "mail/send_email") == [("flows.private-out", "info")]


@pytest.mark.parametrize("tools", [("web/fetch_url", "files/read_file"), ("mail/count_words",), ("files/gone",), ()])
def test_no_way_out_is_nothing_to_tell(tools: tuple[str, ...]) -> None:
    assert rules(*tools) == []


def test_a_flow_never_blocks_and_names_a_tool_for_each_end() -> None:
    around = replace(ALONE, parts=[server for server in SERVERS if isinstance(server, Server)])
    verdict, (finding,) = judged(Flows().scan(composed("web/fetch_url", "files/read_file", "mail/send_email"), around))
    assert (verdict, finding.field) == ("review", "/tools")
    assert finding.evidence == "web/fetch_url -> files/read_file -> mail/send_email"


def test_other_kinds_have_no_flows() -> None:
    assert not Flows().scan(asset("server", "web", tools=PARTS["web"]), ALONE)


@pytest.mark.anyio
async def test_a_scan_of_a_virtual_server_sees_the_servers_behind_it() -> None:
    async def parts(virtual: VirtualServer) -> Sequence[Server]:
        return [server for server in SERVERS if isinstance(server, Server)]

    scans = Scans(MemoryStore(), [Flows()], KnownNames(), Access(), FakeClock(), parts=parts)
    report = await scans.run(composed("files/read_file", "mail/send_email"))
    assert [finding.rule for finding in report.findings] == ["flows.private-out"]
    alone = Scans(MemoryStore(), [Flows()], KnownNames(), Access(), FakeClock())
    assert not (await alone.run(composed("files/read_file", "mail/send_email"))).findings
