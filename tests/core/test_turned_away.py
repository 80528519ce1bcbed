"""Callers who are cut off and come all the same, in the audit trail."""

import pytest

from airegistry.core.principals import Principal
from airegistry.core.turned_away import AGAIN_SECONDS, MOST, TURNED_AWAY, TurnedAway
from tests.core.wiring import ANN, World

pytestmark = pytest.mark.anyio


async def test_the_first_request_is_recorded_and_then_one_a_minute_that_counts(world: World) -> None:
    away = TurnedAway(world.services.audit, world.clock)
    for path in ("/mcp", "/weather/mcp", "/weather/mcp"):
        away.note(ANN, path)
    (event,) = await world.events(action=TURNED_AWAY)
    assert (event.subject, event.decision, event.outcome, event.target) == (ANN.subject, "deny", "refused", "/mcp")
    assert (event.kind, event.asset) == ("caller", ANN.subject)
    assert event.reason == "quarantined: it is cut off by an administrator"
    world.clock.pass_(AGAIN_SECONDS)
    away.note(ANN, "/agents/planner")
    latest, _ = await world.events(action=TURNED_AWAY)
    assert latest.target == "/agents/planner"
    assert latest.reason.endswith("; 2 more since the record before")


async def test_whoever_acts_for_somebody_is_named(world: World) -> None:
    TurnedAway(world.services.audit, world.clock).note(Principal("user:eve", actor="client:bot"), "/mcp")
    (event,) = await world.events(action=TURNED_AWAY)
    assert (event.subject, "client:bot acting for it" in event.reason) == ("user:eve", True)


async def test_what_is_remembered_does_not_grow_with_the_callers(world: World) -> None:
    away = TurnedAway(world.services.audit, world.clock)
    for number in range(MOST + 1):
        away.note(Principal(f"token:{number}"), "/mcp")
    away.note(Principal("token:0"), "/mcp")
    away.note(Principal("token:1000"), "/mcp")
    assert len(await world.events(action=TURNED_AWAY, subject="token:0")) == 2
    assert len(await world.events(action=TURNED_AWAY, subject="token:1000")) == 1
