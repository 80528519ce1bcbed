"""Messages to a marked skill wait in the queue; what is about tasks that were begun does not."""

from typing import Any

import anyio
import pytest

from airegistry.core.approvals import Approvals
from airegistry.core.assets import Json
from airegistry.core.principals import SYSTEM
from tests.gateway.a2a.world import Answer, World, message

pytestmark = pytest.mark.anyio
NEW = {"A2A-Version": "1.0"}


@pytest.fixture
async def patient(world: World) -> World:
    """The agent `patient`, whose skill `work` is marked; calls wait for long."""
    card = (await world.core.services.catalog.get(SYSTEM, "agent", "clerk")).model_dump()["card"]
    await world.put("patient", card, requires_approval=["work"])
    approvals: Approvals = world.core.services.approvals
    approvals._timeout = 5.0  # what a setting does
    return world


async def waiting(world: World) -> str:
    with anyio.fail_after(5):
        while not (found := (await world.core.services.approvals.list(SYSTEM))[0]):  # noqa: ASYNC110  # a store's
            await anyio.sleep(0.01)
    return found[0].id


@pytest.mark.parametrize("skill", ["work", None])
async def test_a_message_goes_on_when_it_is_approved(patient: World, skill: str | None) -> None:
    answers: list[Answer] = []
    params: Json = {"message": message("say", metadata={"skillId": skill} if skill else {})}

    async def send() -> None:
        answers.append(await patient.rpc("SendMessage", params, path="patient", headers=NEW))

    async with anyio.create_task_group() as group:
        group.start_soon(send)
        id = await waiting(patient)
        assert answers == []
        await patient.core.services.approvals.decide(SYSTEM, id, "approve")
    assert answers[0].status == 200
    ((used,), _) = await patient.core.services.approvals.list(SYSTEM, status="used")
    assert (used.id, used.kind, used.channel) == (id, "agent", "queue")


async def test_the_same_message_under_new_ids_is_the_same_call(patient: World) -> None:
    patient.core.services.approvals._timeout = 0.05
    said: Any = {"metadata": {"skillId": "work"}}
    params: Json = {"message": message("say", **said)}
    refused = await patient.rpc("SendMessage", params, path="patient", headers=NEW)
    id = refused.json["error"]["data"]["id"]
    await patient.core.services.approvals.decide(SYSTEM, id, "approve")
    again: Json = {"message": {**message("say", **said), "messageId": "m-2"}}
    other: Json = {"message": message("ask", **said)}
    assert (await patient.rpc("SendMessage", other, path="patient", headers=NEW)).status == 403
    assert (await patient.rpc("SendMessage", again, path="patient", headers=NEW)).status == 200
    assert (await patient.rpc("SendMessage", again, path="patient", headers=NEW)).status == 403
