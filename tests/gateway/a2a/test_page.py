"""What docs/agents.md shows is so."""

import json

import pytest

from airegistry.core.grants import Grant
from airegistry.gateway.a2a import handles, relay
from airegistry.gateway.a2a.operations import METHODS, PUSH_SET
from tests.docs.console import blocks
from tests.gateway.a2a.test_policy import NEW
from tests.gateway.a2a.world import SAY, World
from tests.support.processes import ROOT

pytestmark = pytest.mark.anyio
PAGE = ROOT / "docs" / "agents.md"


async def test_the_grant_and_the_message_on_the_page_are_taken(world: World) -> None:
    grant, message = (json.loads(block.text) for block in blocks(PAGE) if block.language == "json")
    assert Grant.model_validate(grant).tools == ["plan"]
    await world.let("dan", SAY)
    answer = await world.send("POST", "", message, subject="dan", headers=NEW)
    assert answer.json["result"]["message"]["parts"][0]["text"] == "said"


def test_the_page_names_every_operation_and_limit() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for operation, _ in METHODS.values():
        if not operation.startswith("tasks/push") or operation == PUSH_SET:
            assert f"`{operation}`" in page, operation
    assert f"for {handles.IDLE_DAYS} days" in page
    assert f"{relay.MAX_ANSWER // 2**20} MB" in page
