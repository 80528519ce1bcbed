"""Lists ask the store for no more than they must, and leave nothing out."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airegistry.core.access import Access
from airegistry.core.assets import Kind
from airegistry.core.audience import Audience
from airegistry.core.documents import KEY, Glob
from airegistry.core.grants import Grant, Scope
from airegistry.core.lifecycle import STAGES
from airegistry.core.pages import Pages
from airegistry.core.ports import AnyAsset
from airegistry.core.principals import SYSTEM, Principal
from airegistry.core.shelf import Shelf, key_of
from airegistry.core.visibility import Visibility
from airegistry.stores import find
from airegistry.stores.memory import MemoryStore
from tests.core.wiring import asset
from tests.policy.reference import Caller
from tests.policy.reference import Grant as Written
from tests.policy.test_generated import callers, engine, policies, principal
from tests.support.rounds import examples

pytestmark = pytest.mark.anyio

KINDS: list[Kind] = ["server", "virtual_server", "skill"]
ANN = Principal("ann", groups=frozenset({"staff"}), scopes=frozenset({"one"}))


def _placed(n: int, kind: Kind, stage: str, visibility: str, groups: list[str], by: str) -> AnyAsset:
    review = {"deprecated_from": ["approved_dev", "approved_production"][n % 2]}
    path = ["weather", "vault", "w", "rm", "prod"][n % 5] + ("" if n < 5 else str(n))
    return asset(kind, path, stage=stage, visibility=visibility, groups=groups, created_by=by, review=review)


assets = st.lists(
    st.builds(
        _placed,
        n=st.integers(0, 9),
        kind=st.sampled_from(KINDS),
        stage=st.sampled_from(STAGES),
        visibility=st.sampled_from(["public", "group", "private"]),
        groups=st.sampled_from([[], ["staff"], ["other"]]),
        by=st.sampled_from(["ann", "bob"]),
    ),
    max_size=8,
    unique_by=lambda each: key_of(each.kind, each.path),
)


@settings(max_examples=examples(400), deadline=None)
@given(policies, callers, assets, st.lists(st.sampled_from(KINDS), min_size=1, unique=True), st.booleans())
async def test_pages_are_all_of_what_is_shown_and_nothing_else(
    policy: dict[str, list[Written]], who: Caller, held: list[AnyAsset], kinds: list[Kind], production: bool
) -> None:
    access = engine(policy)
    visibility = Visibility(access, "production" if production else "dev")
    shelf = Shelf(MemoryStore())
    for each in held:
        await shelf.create(each)
    for caller in (principal(who), SYSTEM):
        shown = [each for each in held if each.kind in kinds and visibility.shows(caller, each)]
        expected = sorted(key_of(each.kind, each.path) for each in shown)
        pages, listed, cursor = Pages(shelf, access, visibility), list[str](), None
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(find, "MANY", 0)
            while True:
                page = await pages.page(caller, kinds, limit=2, cursor=cursor, where={}, fits=lambda each: True)
                listed += [key_of(each.kind, each.path) for each in page.assets]
                cursor = page.next_cursor
                if cursor is None:
                    break
        assert listed == expected


def _asked(*grants: Grant, who: Principal = ANN, environment: str = "dev") -> Audience:
    access = Access()
    access.replace([Scope(name="one", grants=list(grants))], [])
    return Audience.of(who, ["server", "skill"], access, Visibility(access, environment))


SERVED = ["approved_production", "monitored", "deprecated"]


def test_without_grants_it_is_what_everybody_sees_what_groups_see_and_ones_own() -> None:
    seen = {"visibility": "public", "created_by": "ann", "groups": ["staff"], KEY: []}
    served = {"stage": SERVED, "created_by": "ann", KEY: []}
    assert _asked(environment="production") == Audience(["server", "skill"], [seen, served])


def test_paths_that_grants_name_are_among_it() -> None:
    grant = Grant(kinds=["server", "tool"], assets=["weather", "prod-*"], actions=["list", "update"])
    named = ["server/weather", "server/prod-*", Glob("server/prod-*")]
    assert [each[KEY] for each in _asked(grant).any_of] == [named, named]
    assert [each[KEY] for each in _asked(Grant(assets=["*"], tools=["get"])).any_of] == [[], []]


def test_who_may_change_everything_is_shown_every_stage_and_who_holds_every_right_everything() -> None:
    assert len(_asked(Grant(assets=["*"], actions=["update"])).any_of) == 1
    assert _asked(Grant(actions=["*"])) == _asked(who=SYSTEM) == Audience(["server", "skill"])


def test_kinds_of_which_a_denial_hides_everything_are_not_asked_for() -> None:
    assert _asked(Grant(kinds=["skill"], effect="deny")).kinds == ["server"]
    assert _asked(Grant(effect="deny")).kinds == []
    assert _asked(Grant(assets=["weather"], effect="deny")).kinds == ["server", "skill"]
