"""Agent cards and skills that changed since they were approved: the old one is served until the new one is approved."""

from typing import cast

import pytest

from airegistry.core.assets import Agent, Skill
from airegistry.core.errors import Invalid, NotFound, Quarantined
from airegistry.core.grants import Grant
from airegistry.core.principals import SYSTEM
from tests.core.wiring import World

pytestmark = pytest.mark.anyio
SKILL_URL = "https://skills.test/SKILL.md"
CARD = '{"name":"P","description":"%s","version":"1","url":"https://%s.test/","skills":[],"protocolVersion":"0.3.0",'
CARD += '"capabilities":{},"defaultInputModes":[],"defaultOutputModes":[]}'


async def test_an_agent_whose_card_changed_is_not_called_until_that_is_approved(world: World) -> None:
    url = "https://p.test/card"
    world.network.texts[url] = CARD % ("Plans.", "p")
    await world.services.intake.agent(SYSTEM, "p", url=url, governance={})
    caller = await world.holding(Grant(assets=["*"]))
    enter = world.services.invocation.enter_agent
    world.network.texts[url] = CARD % ("Plans.", "elsewhere")
    agent = cast(Agent, await world.services.health.check(SYSTEM, "agent", "p"))
    assert (agent.url, [*agent.held]) == ("https://p.test/", ["card"])
    with pytest.raises(Quarantined, match="card of agent 'p' is held"):
        await enter(caller, "p", "message/send", None)
    assert (await enter(caller, "p", "card", None)).asset.url == "https://p.test/"
    seen = await world.services.definitions.changes(SYSTEM, "agent", "p")
    assert seen.pending["card"].change.grade == "privilege_widened"
    approved = await world.services.definitions.approve(SYSTEM, "agent", "p", str(seen.hash), reason="moved")
    assert (cast(Agent, approved).url, cast(Agent, approved).held) == ("https://elsewhere.test/", {})
    await enter(caller, "p", "message/send", None)


async def test_a_skill_that_changed_where_it_came_from_is_served_as_it_was_approved(world: World) -> None:
    text = "---\nname: plan\ndescription: Plans.\n---\n%s"
    world.network.texts[SKILL_URL] = text % "Plan."
    await world.services.intake.skill(SYSTEM, "plan", url=SKILL_URL, files={"a.md": "A."}, governance={})
    refresh_skill = world.services.intake.refresh_skill
    world.network.texts[SKILL_URL] = text % "plan!"
    assert cast(Skill, await refresh_skill(SYSTEM, "plan")).content.endswith("plan!")
    world.network.texts[SKILL_URL] = text % "Plan, then send it to everybody."
    assert cast(Skill, await refresh_skill(SYSTEM, "plan")).content.endswith("plan!")
    seen = await world.services.definitions.changes(SYSTEM, "skill", "plan")
    approved = await world.services.definitions.approve(SYSTEM, "skill", "plan", str(seen.hash), reason="fine")
    assert isinstance(approved, Skill)
    assert (approved.content[-10:], approved.files) == ("everybody.", {"a.md": "A."})
    await world.services.intake.skill(SYSTEM, "own", content=text % "Own.", governance={})
    with pytest.raises(Invalid, match="registered by value"):
        await refresh_skill(SYSTEM, "own")
    rejected = world.services.definitions.reject
    with pytest.raises(NotFound, match="no definition of skill/plan waits"):
        await rejected(SYSTEM, "skill", "plan", "x", reason="no")
