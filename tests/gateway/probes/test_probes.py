"""Whatever a client of either era sees of a server, it sees through the gateway: result by result equal."""

import pytest

from tests.gateway.probes import quiet, reference, talking
from tests.gateway.probes.conftest import Sides
from tests.gateway.probes.side import Probe, seen
from tests.support.mcp import ERAS

pytestmark = [
    pytest.mark.anyio,
    # Of the older era are also methods that the newer one has not.
    pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning"),
]


def name(probe: object) -> str | None:
    if isinstance(probe, str):
        return None
    return talking.NAMES.get(probe) or getattr(probe, "__name__", None)  # type: ignore[call-overload]  # a probe or nothing


CASES: list[tuple[Probe, str]] = [(probe, era) for probe in (*quiet.ALL, *talking.BOTH) for era in ERAS]
CASES += [(probe, "legacy") for probe in talking.LEGACY] + [(probe, "2026-07-28") for probe in talking.MODERN]


@pytest.mark.parametrize(("probe", "era"), CASES, ids=name)
async def test_the_gateway_shows_what_the_backend_shows(sides: Sides, probe: Probe, era: str) -> None:
    direct, through = sides(era)
    assert await seen(probe, through) == await seen(probe, direct)


@pytest.mark.node
@pytest.mark.parametrize("probe", reference.ALL, ids=name)
async def test_the_gateway_shows_what_the_reference_server_shows(everything_sides: Sides, probe: Probe) -> None:
    direct, through = everything_sides("legacy")
    assert await seen(probe, through) == await seen(probe, direct)
