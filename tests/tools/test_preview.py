"""What others may see and call, shown to administrators of policy, and what grants would give before they are kept."""

import pytest

from airegistry.core.access_preview import Page, Previews
from airegistry.core.assets import Json
from airegistry.core.grants import Grant, Group, Scope
from airegistry.core.principals import SYSTEM
from tests.support.mcp import refused
from tests.tools.test_registry_tools import ask
from tests.tools.wiring import World

pytestmark = pytest.mark.anyio


def shown(found: Json) -> list[Json]:
    assets = found["assets"]
    assert isinstance(assets, list)
    return [each for each in assets if isinstance(each, dict)]


def paths(found: Json) -> list[object]:
    return [each["path"] for each in shown(found)]


def of(found: Json, path: str) -> Json:
    return next(each for each in shown(found) if each["path"] == path)


async def preview(world: World, who: str = "operator", /, **arguments: object) -> Json:
    return await ask(world, who, "preview_access", **arguments)


async def test_somebody_is_shown_with_what_their_groups_and_scopes_open(registry: World) -> None:
    await registry.services.policy.put_group(SYSTEM, Group(name="callers", scopes=["forecasts"]))
    found = await preview(registry, subject="group:callers")
    weather = of(found, "weather")
    assert (weather["why"], weather["tools"], weather["parts"]) == ("public", ["forecast"], 2)
    assert weather["actions"] == ["list", "read", "call", "rate"]
    assert "vault" not in paths(found)
    assert (found["total"], found["callable"]) == (len(paths(found)), 1)
    staff = of(await preview(registry, subject="group:staff"), "vault")
    assert (staff["why"], staff["actions"]) == ("member of a group of the asset", ["list", "read", "rate"])


async def test_grants_that_are_not_stored_show_what_they_name_and_no_more(registry: World) -> None:
    grants = [{"assets": ["vault"], "actions": ["call"]}, {"assets": ["weather"], "effect": "deny"}]
    found = await preview(registry, grants=grants)
    assert paths(found) == ["vault", "weather"]
    assert of(found, "weather")["hidden"] is True
    assert of(found, "weather")["actions"] == []
    assert (await preview(registry, grants=[]))["total"] == 0
    opened = await preview(registry, grants=[{"assets": ["va*"]}])
    assert (of(opened, "vault")["why"], of(opened, "vault")["hidden"]) == ("granted by scope preview:draft", False)
    assert not registry.services.access.has_scope("preview:draft")


async def test_pages_follow_each_other_and_a_path_narrows_them(registry: World) -> None:
    whole = await preview(registry, subject="me")
    first = await preview(registry, subject="me", limit=3)
    rest = await preview(registry, subject="me", cursor=first["next_cursor"])
    assert paths(first) + paths(rest) == paths(whole)
    assert first["total"] == whole["total"] == len(paths(whole))
    assert paths(await preview(registry, subject="me", path="plans")) == ["retired-plans", "secret-plans"]
    with refused("invalid"):
        await preview(registry, subject="me", cursor="nonsense")


async def test_whoever_looks_is_shown_nothing_that_they_may_not_know_of_themselves(registry: World) -> None:
    policy = registry.services.policy
    await policy.put_scope(SYSTEM, Scope(name="keeper", grants=[Grant(kinds=["registry"], actions=["policy"])]))
    _, token = await registry.services.tokens.create(SYSTEM, "keeper", groups=[], scopes=["keeper"], expires_in=60)
    keeper = registry.services.tokens.resolve(token)
    assert keeper is not None
    services = registry.services
    previews = Previews(services.access, services.policy, services.explainer, services.search, services.parts)
    seen = await previews.of_subject(keeper, "group:staff", Page())
    assert "vault" not in [each.asset.path for each in seen.reaches]
    assert "vault" not in [
        each.asset.path for each in (await previews.of_grants(keeper, [Grant(assets=["vault"])], Page())).reaches
    ]


@pytest.mark.parametrize("arguments", [{}, {"subject": "me", "grants": []}])
async def test_either_somebody_or_grants_are_asked_about(registry: World, arguments: Json) -> None:
    with refused("invalid"):
        await preview(registry, **arguments)


async def test_others_are_refused_and_nobody_is_not_found(registry: World) -> None:
    with refused("access_denied"):
        await preview(registry, "ann", subject="me")
    with refused("not_found"):
        await preview(registry, subject="user:nobody")
