"""Registrations that come as agent cards, SKILL.md and entities."""

import json
from typing import TypeAlias

import pytest

from airegistry.core.assets import Agent, Entity, Json, Skill
from airegistry.core.cards import MAX_FRONTMATTER, MAX_SKILL, content_hash, read_card, read_skill
from airegistry.core.errors import AccessDenied, Invalid, NotFound, UpstreamFailed
from airegistry.core.grants import Grant
from airegistry.core.intake import GOVERNANCE, READ_FROM_FORMAT
from airegistry.core.principals import SYSTEM
from tests.core.wiring import ANN, World

pytestmark = pytest.mark.anyio
Changes: TypeAlias = dict[str, object]

OLD: Json = {
    "protocolVersion": "0.3.0", "name": "Planner", "description": "Plans trips.", "version": "1.2.0",
    "url": "https://planner.test/a2a",
    "skills": [{"id": "plan", "name": "Plan", "description": "A trip.", "tags": ["travel"], "inputModes": ["text"]}],
}  # fmt: skip
NEW: Json = {
    **{name: value for name, value in OLD.items() if name not in {"url", "protocolVersion"}},
    "supportedInterfaces": [{"url": "https://new.test/a2a", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}],
}
SKILL = "---\nname: folding\ndescription: Folds cranes.\nlicense: MIT\n---\nCrease.\n"
SMUGGLED = [
    "kind",
    "path",
    "stage",
    "provenance",
    "fetched_at",
    "enabled",
    "created_by",
    "rating",
    "health",
    "url",
    "card",
]


@pytest.mark.parametrize(("card", "endpoint"), [(OLD, "https://planner.test/a2a"), (NEW, "https://new.test/a2a")])
async def test_an_agent_is_read_from_its_card_of_either_version(world: World, card: Json, endpoint: str) -> None:
    agent = (await world.services.intake.agent(SYSTEM, "/planner", card=card, governance={"tags": ["x"]})).asset
    assert isinstance(agent, Agent)
    assert (agent.path, agent.name, agent.version, agent.url) == ("planner", "Planner", "1.2.0", endpoint)
    assert agent.card == card
    assert [(skill.id, skill.tags) for skill in agent.skills] == [("plan", ["travel"])]
    assert agent.tags == ["x"]


async def test_an_agent_card_is_fetched_from_its_url(world: World) -> None:
    world.network.texts["https://x.test/card"] = json.dumps(OLD)
    agent = (await world.services.intake.agent(SYSTEM, "planner", url="https://x.test/card", governance={})).asset
    assert isinstance(agent, Agent)
    assert agent.card_url == "https://x.test/card"
    with pytest.raises(UpstreamFailed):
        await world.services.intake.agent(SYSTEM, "other", url="https://gone.test/card", governance={})


@pytest.mark.parametrize("text", ["no json", "[]", '"x"', "[" * 100_000])
async def test_a_url_that_holds_no_card_is_refused(world: World, text: str) -> None:
    world.network.texts["https://x.test/card"] = text
    with pytest.raises(Invalid, match="agent card is no JSON"):
        await world.services.intake.agent(SYSTEM, "planner", url="https://x.test/card", governance={})


@pytest.mark.parametrize(
    "change",
    [
        {"name": None},
        {"name": " "},
        {"description": 1},
        {"version": ""},
        {"skills": None},
        {"skills": [{"name": "no id"}]},
        {"skills": ["text"]},
        {"url": 5},
        {"url": "http://10.0.0.1/a2a"},
        {"version": "v 1"},
    ],
)
async def test_a_card_that_does_not_follow_the_specification_is_refused(world: World, change: Json) -> None:
    with pytest.raises(Invalid):
        await world.services.intake.agent(SYSTEM, "planner", card={**OLD, **change}, governance={})


@pytest.mark.parametrize("interfaces", [[], None])
def test_interfaces_that_are_none_leave_the_url_of_the_older_version(interfaces: object) -> None:
    card: Json = {**OLD, "supportedInterfaces": interfaces}  # type: ignore[dict-item]  # JSON
    assert read_card(card)[3] == ["https://planner.test/a2a"]


async def test_either_the_thing_or_its_url_is_given(world: World) -> None:
    for card, url in ((None, None), (OLD, "https://x.test")):
        with pytest.raises(Invalid, match="either"):
            await world.services.intake.agent(SYSTEM, "a", card=card, url=url, governance={})
    for content, url in ((None, None), (SKILL, "https://x.test")):
        with pytest.raises(Invalid, match="either"):
            await world.services.intake.skill(SYSTEM, "a", content=content, url=url, governance={})


@pytest.mark.parametrize("field", SMUGGLED)
async def test_nothing_but_governance_is_taken_beside_the_format(world: World, field: str) -> None:
    assert field not in GOVERNANCE
    intake, governance = world.services.intake, {field: "x"}
    await world.services.entity_types.define(SYSTEM, "t", {})
    for refused in (
        intake.agent(SYSTEM, "a", card=OLD, governance=governance),  # type: ignore[arg-type]  # JSON
        intake.skill(SYSTEM, "a", content=SKILL, governance=governance),  # type: ignore[arg-type]  # JSON
        intake.entity(SYSTEM, "t", "a", {}, governance=governance),  # type: ignore[arg-type]  # JSON
    ):
        with pytest.raises(Invalid, match=f"{field} cannot be set"):
            await refused


async def test_nothing_is_fetched_for_who_may_not_register_and_the_refusal_is_audited(world: World) -> None:
    world.network.texts["https://x.test"] = SKILL
    with pytest.raises(AccessDenied):
        await world.services.intake.skill(ANN, "a", url="https://x.test", governance={})
    with pytest.raises(AccessDenied):
        await world.services.intake.agent(ANN, "a", url="https://x.test", governance={})
    with pytest.raises(AccessDenied):
        await world.services.intake.entity(ANN, "t", "a", {}, governance={})
    denied = [event.action for event in await world.events(decision="deny")]
    assert denied == ["entity:register", "agent:register", "skill:register"]


@pytest.mark.parametrize("path", ["..", "a/b", "api", "A"])
async def test_paths_are_checked_first(world: World, path: str) -> None:
    with pytest.raises(Invalid):
        await world.services.intake.skill(SYSTEM, path, content=SKILL, governance={})


async def test_a_skill_is_read_from_its_text(world: World) -> None:
    files = {"notes/how.md": "Crease."}
    skill = (await world.services.intake.skill(SYSTEM, "folding", content=SKILL, files=files, governance={})).asset
    assert isinstance(skill, Skill)
    assert (skill.name, skill.description, skill.license) == ("folding", "Folds cranes.", "MIT")
    assert skill.files == files
    assert skill.content_hash == content_hash(SKILL, files) != content_hash(SKILL, {})


async def test_a_skill_is_fetched_from_its_url(world: World) -> None:
    world.network.texts["https://x.test/SKILL.md"] = SKILL
    skill = (await world.services.intake.skill(SYSTEM, "a", url="https://x.test/SKILL.md", governance={})).asset
    assert isinstance(skill, Skill)
    assert (skill.content, skill.url) == (SKILL, "https://x.test/SKILL.md")


@pytest.mark.parametrize(
    "name", ["../x", "a/../b", "/etc/passwd", "a//b", "./x", "", "..", "a\\b", "SKILL.md", "a/.", "x/"]
)
async def test_a_companion_outside_the_folder_is_refused(world: World, name: str) -> None:
    with pytest.raises(Invalid, match="no relative file name"):
        await world.services.intake.skill(SYSTEM, "a", content=SKILL, files={name: "x"}, governance={})
    await world.services.intake.skill(SYSTEM, "a", content=SKILL, governance={})
    with pytest.raises(Invalid, match="no relative file name"):
        await world.services.intake.update(SYSTEM, "skill", "a", {"files": {name: "x"}})


async def test_a_companion_that_scanners_would_not_read_to_its_end_is_refused(world: World) -> None:
    long = {"a.md": "x" * (MAX_SKILL + 1)}
    with pytest.raises(Invalid, match="longer"):
        await world.services.intake.skill(SYSTEM, "a", content=SKILL, files=long, governance={})
    await world.services.intake.skill(SYSTEM, "a", content=SKILL, governance={})
    with pytest.raises(Invalid, match="longer"):
        await world.services.intake.update(SYSTEM, "skill", "a", {"files": {**long}})


BOMB = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]"


@pytest.mark.parametrize(
    ("frontmatter", "message"),
    [
        (BOMB, "aliases"),
        ("a: [", "no YAML"),
        ("- a", "no mapping"),
        ("", "no mapping"),
        ("2001-01-01: x", "no YAML"),
        ("? [a]\n: x", "no YAML"),
        ("name: .nan", "no YAML"),
        ("x: !!python/object/apply:os.system [ls]", "no YAML"),
        ("x: " + "[" * 5000, "nested more than"),
        ("x: " + "[" * 10 + "]" * 10, "name is"),
        ("x: " + "y" * MAX_FRONTMATTER, "longer than"),
        ("name: Folding\ndescription: x", "name is"),
        ("name: a--b\ndescription: x", "name is"),
        (f"name: {'a' * 65}\ndescription: x", "name is"),
        ("name: 5\ndescription: x", "name is"),
        ("name: a", "description"),
        ("name: a\ndescription: ' '", "description"),
        (f"name: a\ndescription: {'x' * 1025}", "description"),
    ],
)
def test_frontmatter_that_does_not_fit_is_refused(frontmatter: str, message: str) -> None:
    with pytest.raises(Invalid, match=message):
        read_skill(f"---\n{frontmatter}\n---\n")


@pytest.mark.parametrize("content", ["", "# Title", "--- name: a ---", "\n---\nname: a\n---\n", "x" * (MAX_SKILL + 1)])
def test_a_text_without_frontmatter_is_refused(content: str) -> None:
    with pytest.raises(Invalid, match=r"SKILL\.md"):
        read_skill(content)


@pytest.mark.parametrize("content", [SKILL, "\ufeff" + SKILL, SKILL.replace("\n", "\r\n"), SKILL.rstrip("\n")])
def test_frontmatter_is_found_however_lines_end(content: str) -> None:
    assert read_skill(content)[:2] == ("folding", "Folds cranes.")


def test_dates_and_the_like_become_text() -> None:
    assert read_skill("---\nname: a\ndescription: d\nwhen: 2001-02-03\n---\n")[2]["when"] == "2001-02-03"


async def test_a_skill_is_changed_by_giving_its_text_anew(world: World) -> None:
    await world.services.intake.skill(SYSTEM, "a", content=SKILL, files={"x": "1"}, governance={})
    changed = await world.services.intake.update(
        SYSTEM, "skill", "a", {"content": SKILL.replace("cranes", "boats"), "tags": ["paper"]}
    )
    assert isinstance(changed, Skill)
    assert (changed.description, changed.files, changed.tags) == ("Folds boats.", {"x": "1"}, ["paper"])
    assert changed.content_hash == content_hash(changed.content, changed.files)


@pytest.mark.parametrize("changes", [{"content": 5}, {"files": "x"}, {"files": {"x": 5}}, {"content": "x"}])
async def test_changes_of_a_skill_that_do_not_fit_are_refused(world: World, changes: Json) -> None:
    await world.services.intake.skill(SYSTEM, "a", content=SKILL, governance={})
    with pytest.raises(Invalid):
        await world.services.intake.update(SYSTEM, "skill", "a", changes)


@pytest.mark.parametrize("field", sorted(READ_FROM_FORMAT))
async def test_what_is_read_from_a_format_is_not_set_by_itself(world: World, field: str) -> None:
    with pytest.raises(Invalid, match="cannot be set"):
        await world.services.intake.update(SYSTEM, "skill", "a", {field: {}})


async def test_an_agent_is_changed_by_giving_its_card_anew(world: World) -> None:
    await world.services.intake.agent(SYSTEM, "planner", card=OLD, governance={})
    changed = await world.services.intake.update(SYSTEM, "agent", "planner", {"card": {**NEW, "name": "Planner 2"}})
    assert isinstance(changed, Agent)
    assert (changed.name, changed.url) == ("Planner 2", "https://new.test/a2a")
    homeless = {name: value for name, value in OLD.items() if name != "url"}
    assert (
        getattr(await world.services.intake.update(SYSTEM, "agent", "planner", {"card": homeless}), "url", "") is None
    )
    with pytest.raises(Invalid):
        await world.services.intake.update(SYSTEM, "agent", "planner", {"card": {**OLD, "url": "http://10.0.0.1"}})


@pytest.mark.parametrize("homeless", [{name: value for name, value in OLD.items() if name != "url"}])
async def test_an_agent_without_an_endpoint_is_taken_and_may_be_given_a_safe_one(world: World, homeless: Json) -> None:
    agent = (await world.services.intake.agent(SYSTEM, "planner", card=homeless, governance={})).asset
    assert isinstance(agent, Agent)
    assert agent.url is None
    with pytest.raises(Invalid, match="none that may be fetched"):
        await world.services.intake.update(SYSTEM, "agent", "planner", {"url": "http://169.254.169.254/"})
    changed = await world.services.intake.update(SYSTEM, "agent", "planner", {"url": "https://a.test"})
    assert isinstance(changed, Agent)
    assert changed.url == "https://a.test"


async def test_an_entity_fits_its_type_when_it_is_registered_and_when_it_is_changed(world: World) -> None:
    schema: Json = {"type": "object", "required": ["rows"], "properties": {"rows": {"type": "integer"}}}
    await world.services.entity_types.define(SYSTEM, "dataset", schema)
    data: Json = {"rows": 7, "name": "Rain", "description": "By day."}
    entity = (await world.services.intake.entity(SYSTEM, "dataset", "rain", data, governance={})).asset
    assert isinstance(entity, Entity)
    assert (entity.name, entity.description, entity.type) == ("Rain", "By day.", "dataset")
    plain = (await world.services.intake.entity(SYSTEM, "dataset", "plain", {"rows": 1}, governance={})).asset
    assert (plain.name, plain.description) == ("plain", "")
    with pytest.raises(Invalid, match="'rows' is a required property"):
        await world.services.intake.entity(SYSTEM, "dataset", "bad", {}, governance={})
    with pytest.raises(Invalid, match=r"\$\.rows"):
        await world.services.intake.update(SYSTEM, "entity", "rain", {"data": {"rows": "many"}})
    changed = await world.services.intake.update(SYSTEM, "entity", "rain", {"data": {"rows": 8}})
    assert isinstance(changed, Entity)
    assert changed.data == {"rows": 8}
    with pytest.raises(Invalid):
        await world.services.intake.update(SYSTEM, "entity", "rain", {"data": "text"})


async def test_an_entity_of_no_type_is_refused(world: World) -> None:
    with pytest.raises(NotFound, match="no entity type named 'dataset'"):
        await world.services.intake.entity(SYSTEM, "dataset", "rain", {}, governance={})


async def test_changing_what_one_may_not_is_refused_alike_and_audited_whatever_is_changed(world: World) -> None:
    await world.services.intake.skill(SYSTEM, "a", content=SKILL, governance={})
    await world.services.intake.skill(SYSTEM, "b", content=SKILL, governance={"groups": ["staff"]})
    reader = await world.holding(Grant(assets=["a"], actions=["read"]))
    for changes in ({"content": SKILL}, {"tags": ["x"]}):
        with pytest.raises(AccessDenied):
            await world.services.intake.update(reader, "skill", "a", changes)  # type: ignore[arg-type]  # JSON
        with pytest.raises(NotFound):
            await world.services.intake.update(reader, "skill", "/b", changes)  # type: ignore[arg-type]  # JSON
    denied = [(event.action, event.asset) for event in await world.events(decision="deny")]
    assert denied == [("skill:update", "b"), ("skill:update", "a")] * 2
