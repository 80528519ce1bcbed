"""Vended tokens: less than what their maker has, for a shorter time, and gone when that is gone."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import pytest

from airegistry.core.access import Access
from airegistry.core.errors import AccessDenied, Invalid, NotFound, RateLimited
from airegistry.core.grants import Grant, Group, Scope
from airegistry.core.principals import SYSTEM, Principal
from airegistry.core.tokens import MAX_MAKERS, MAX_VENDED, Tokens, digest
from tests.core.wiring import OPERATOR_TOKEN, World

pytestmark = pytest.mark.anyio

READ = Grant(assets=["weather"], actions=["read"])
EVERY = ["callers", "diary", "readers"]


@dataclass
class Elsewhere:
    """Subjects of the directory: who holds which groups."""

    access: Access
    groups: dict[str, list[str]] = field(default_factory=dict)
    began: float = 0.0

    def by_subject(
        self, subject: str, *, client: str = "", scopes: Iterable[str] = (), actor: str = "",
        groups: Iterable[str] = (), since: float | None = None,
    ) -> Principal | None:  # fmt: skip
        if since is not None and since < self.began:
            return None
        held = [*groups] if subject.startswith("issuer:acme:") else self.groups.get(subject)
        if held is None:
            return None
        narrowed = self.access.narrowed(held, (), frozenset(scopes))
        return Principal(
            subject, "person", client, frozenset(held), narrowed.scopes, withheld=narrowed.withheld,
            restraints=narrowed.restraints, actor=actor,
        )  # fmt: skip


@dataclass
class Desk:
    """Tokens, who is known elsewhere, and which authorizations have ended."""

    world: World
    tokens: Tokens
    elsewhere: Elsewhere
    ended: set[str] = field(default_factory=set)

    def person(self, *scopes: str, subject: str = "user:ann", expires_in: float = 600.0) -> Principal:
        """Somebody who came with a token of the authorization server."""
        found = self.elsewhere.by_subject(subject, client="app", scopes=scopes or ["mcp"], groups=["staff"])
        assert found is not None
        until = self.world.clock.now().timestamp() + expires_in
        return replace(found, expires_at=until, authorization="family")

    async def static(self, name: str = "bot", expires_in: int = 3600) -> tuple[str, Principal]:
        """A static token of the staff: its id and holder."""
        record, token = await self.tokens.create(SYSTEM, name, groups=["staff"], scopes=[], expires_in=expires_in)
        return record.id, self.holder(token)

    def holder(self, token: str) -> Principal:
        """Who a token stands for, who must be somebody."""
        found = self.tokens.resolve(token)
        assert found is not None
        return found

    async def vend(
        self, who: Principal, *scopes: str, name: str = "job", expires_in: int = 3600
    ) -> tuple[str, str]:  # fmt: skip
        """The id and token of what a caller made."""
        record, token = await self.tokens.vend(who, name, scopes=[*scopes] or None, expires_in=expires_in)
        return record.id, token


@pytest.fixture
async def desk(world: World) -> Desk:
    policy, access = world.services.policy, world.services.access
    for scope in (
        Scope(name="readers", grants=[READ]),
        Scope(name="callers", grants=[Grant(assets=["weather"])]),
        Scope(name="diary", grants=[Grant(assets=["diary"], effect="deny")]),
        Scope(name="chief", grants=[Grant(actions=["*"])]),
    ):
        await policy.put_scope(SYSTEM, scope)
    await policy.put_group(SYSTEM, Group(name="staff", scopes=EVERY))
    elsewhere, ended = Elsewhere(access, {"user:ann": ["staff"], "client:ci": ["staff"]}), set[str]()
    tokens = Tokens(
        world.store, access, policy, world.services.audit, world.clock, operator_hash=digest(OPERATOR_TOKEN),
        subjects=elsewhere, ended=ended.__contains__,
    )  # fmt: skip
    return Desk(world, tokens, elsewhere, ended)


async def test_a_static_token_vends_one_for_the_same_subject(desk: Desk) -> None:
    _, maker = await desk.static()
    id_, token = await desk.vend(maker)
    assert desk.holder(token) == replace(maker, client=id_, administers=False)
    assert id_ != maker.client


async def test_a_vended_token_carries_some_of_its_makers_scopes_and_sheds_no_denial(desk: Desk) -> None:
    _, maker = await desk.static()
    _, token = await desk.vend(maker, "readers")
    who = desk.holder(token)
    assert who.scopes == {"readers"}
    assert who.withheld == {"callers", "diary"}
    assert who.restraints == {"diary"}
    assert desk.world.services.access.decide(who, "list", target=("server", "diary")).allowed is False


@pytest.mark.parametrize("scopes", [["chief"], ["readers", "chief"], ["nothing"], ["mcp"], ["mcp:admin"]])
async def test_a_vended_token_carries_no_more_than_its_makers(desk: Desk, scopes: list[str]) -> None:
    _, maker = await desk.static()
    for who in (maker, desk.person(), desk.person("readers")):
        with pytest.raises(AccessDenied) as refusal:
            await desk.vend(who, *scopes)
        assert refusal.value.missing == sorted({*scopes} - {"readers"})


@pytest.mark.parametrize("subject", ["user:ann", "client:ci", "issuer:acme:build"])
async def test_a_caller_by_oauth_vends_a_token_for_itself(desk: Desk, subject: str) -> None:
    maker = replace(desk.person(subject=subject), actor="client:agent")
    id_, token = await desk.vend(maker, "readers")
    who = desk.holder(token)
    assert (who.subject, who.client, who.actor, who.administers) == (subject, id_, "client:agent", False)
    assert who.scopes == {"readers"}
    assert who.groups == {"staff"}


async def test_an_administrator_vends_any_scope_there_is_and_never_administration(desk: Desk) -> None:
    desk.elsewhere.groups["user:eve"] = ["chiefs"]
    await desk.world.services.policy.put_group(SYSTEM, Group(name="chiefs", scopes=["chief"]))
    _, token = await desk.vend(desk.person(subject="user:eve"), "callers")
    who = desk.holder(token)
    assert who.scopes == {"callers"}
    assert not desk.world.services.access.administrates(who)
    with pytest.raises(AccessDenied):
        await desk.vend(who, "readers")
    with pytest.raises(AccessDenied):
        await desk.vend(desk.person(subject="user:eve"), "unheard-of")
    desk.elsewhere.groups["user:eve"] = []
    assert desk.holder(token).scopes == frozenset()


async def test_a_token_that_carries_little_vends_no_more_whatever_its_subject_gains(desk: Desk) -> None:
    _, token = await desk.vend(desk.person("readers"))
    assert desk.holder(token).scopes == {"readers"}
    _, whole = await desk.vend(desk.person())
    await desk.world.services.policy.put_scope(SYSTEM, Scope(name="new"))
    await desk.world.services.policy.put_group(SYSTEM, Group(name="staff", scopes=[*EVERY, "new"]))
    assert desk.holder(token).scopes == {"readers"}
    assert desk.holder(whole).scopes == {*EVERY}


async def test_what_the_subject_loses_its_vended_tokens_lose(desk: Desk) -> None:
    _, static = await desk.static()
    made = [(await desk.vend(maker))[1] for maker in (static, desk.person(), desk.person(subject="issuer:acme:x"))]
    made.append((await desk.vend(desk.holder(made[0])))[1])
    await desk.world.services.policy.put_group(SYSTEM, Group(name="staff", scopes=["readers"]))
    assert [desk.holder(token).scopes for token in made] == [{"readers"}] * 4


async def test_a_denial_that_comes_later_holds_for_tokens_vended_before(desk: Desk) -> None:
    _, static = await desk.static()
    made = [(await desk.vend(maker, "readers"))[1] for maker in (static, desk.person())]
    await desk.world.services.policy.put_scope(SYSTEM, Scope(name="late", grants=[Grant(effect="deny")]))
    await desk.world.services.policy.put_group(SYSTEM, Group(name="staff", scopes=[*EVERY, "late"]))
    assert [desk.holder(token).restraints for token in made] == [{"diary", "late"}] * 2


async def test_nobody_administers_with_a_vended_token(desk: Desk) -> None:
    record, token = await desk.tokens.create(SYSTEM, "chief", groups=[], scopes=["chief"], expires_in=3600)
    _, vended = await desk.vend(desk.holder(token))
    who = desk.holder(vended)
    assert who.scopes == {"chief"}
    assert desk.world.services.access.administrates(desk.holder(token))
    assert not desk.world.services.access.administrates(who)
    for act in ("policy", "token", "approve"):
        assert not desk.world.services.access.decide(who, act).allowed
    with pytest.raises(AccessDenied):
        await desk.tokens.create(who, "more", groups=[], scopes=[], expires_in=60)
    with pytest.raises(AccessDenied):
        await desk.tokens.revoke(who, record.id)


async def test_the_operators_vended_token_is_no_operators(desk: Desk) -> None:
    operator = desk.holder(OPERATOR_TOKEN)
    _, token = await desk.vend(operator, "readers", "diary")
    who = desk.holder(token)
    assert (who.subject, who.operator, who.administers) == ("operator", False, False)
    assert who.scopes == {"readers", "diary"}
    _, token = await desk.vend(operator)
    assert desk.holder(token).scopes == {"readers", "callers", "chief"}
    with pytest.raises(Invalid, match="no scope named 'typo'"):
        await desk.vend(operator, "typo")


async def test_the_operators_vended_tokens_end_with_the_operators_token(desk: Desk) -> None:
    _, token = await desk.vend(desk.holder(OPERATOR_TOKEN))
    parts = desk.world.services
    for hash_ in (digest("another-token-of-at-least-32-characters"), None):
        later = Tokens(
            desk.world.store, parts.access, parts.policy, parts.audit, desk.world.clock, operator_hash=hash_
        )  # fmt: skip
        await later.reload()
        assert later.resolve(token) is None
    later = Tokens(
        desk.world.store, parts.access, parts.policy, parts.audit, desk.world.clock,
        operator_hash=digest(OPERATOR_TOKEN),
    )  # fmt: skip
    await later.reload()
    assert later.resolve(token) is not None


async def test_a_vended_token_ends_with_its_makers_at_the_latest(desk: Desk) -> None:
    _, maker = await desk.static(expires_in=100)
    record, token = await desk.tokens.vend(maker, "job", scopes=None, expires_in=3600)
    assert (record.expires_at - record.created_at).total_seconds() == 100
    record, _ = await desk.tokens.vend(desk.person(expires_in=30), "job", scopes=None, expires_in=3600)
    assert (record.expires_at - record.created_at).total_seconds() == 30
    record, _ = await desk.tokens.vend(maker, "job", scopes=None, expires_in=10)
    assert (record.expires_at - record.created_at).total_seconds() == 10
    desk.world.clock.pass_(100)
    assert desk.tokens.resolve(token) is None


async def test_who_comes_with_a_token_that_has_ended_vends_none(desk: Desk) -> None:
    with pytest.raises(AccessDenied, match="has ended"):
        await desk.vend(desk.person(expires_in=-1))


@pytest.mark.parametrize("expires_in", [0, -1, 86_401])
async def test_a_vended_token_lives_a_day_at_most(desk: Desk, expires_in: int) -> None:
    with pytest.raises(Invalid, match="expires_in"):
        await desk.vend(desk.holder(OPERATOR_TOKEN), expires_in=expires_in)


@pytest.mark.parametrize("name", ["", "x" * 129, "a\nb"])
async def test_a_vended_token_has_a_name_that_can_be_read(desk: Desk, name: str) -> None:
    with pytest.raises(Invalid, match="name"):
        await desk.vend(desk.holder(OPERATOR_TOKEN), name=name)


async def test_a_vended_token_ends_when_the_token_it_came_from_is_revoked(desk: Desk) -> None:
    id_, maker = await desk.static()
    vended_id, token = await desk.vend(maker)
    _, again = await desk.vend(desk.holder(token))
    await desk.tokens.revoke(SYSTEM, vended_id)
    assert (desk.tokens.resolve(token), desk.tokens.resolve(again)) == (None, None)
    _, other = await desk.vend(maker)
    await desk.tokens.revoke(SYSTEM, id_)
    assert desk.tokens.resolve(other) is None


async def test_a_vended_token_ends_with_its_subject_or_authorization(desk: Desk) -> None:
    _, token = await desk.vend(desk.person())
    assert desk.tokens.resolve(token)
    desk.ended.add("family")
    assert desk.tokens.resolve(token) is None
    desk.ended.clear()
    del desk.elsewhere.groups["user:ann"]
    assert desk.tokens.resolve(token) is None


async def test_a_vended_token_holds_after_a_restart_and_fails_closed_where_nobody_is_known(desk: Desk) -> None:
    _, token = await desk.vend(desk.person())
    await desk.tokens.reload()
    assert desk.tokens.resolve(token)
    parts = desk.world.services
    _, plain = await desk.vend(replace(desk.person(), authorization=None))
    lonely = Tokens(desk.world.store, parts.access, parts.policy, parts.audit, desk.world.clock, operator_hash=None)
    await lonely.reload()
    assert (lonely.resolve(token), lonely.resolve(plain)) == (None, None)


async def test_a_vended_token_vends_in_turn_but_not_for_ever(desk: Desk) -> None:
    _, who = await desk.static()
    for _ in range(MAX_MAKERS):
        who = desk.holder((await desk.vend(who))[1])
    with pytest.raises(AccessDenied, match="one from another"):
        await desk.vend(who)


async def test_a_subject_has_no_more_than_so_many_and_ended_ones_are_forgotten(desk: Desk) -> None:
    _, maker = await desk.static()
    ids = [(await desk.vend(maker, expires_in=60))[0] for _ in range(MAX_VENDED)]
    with pytest.raises(RateLimited) as refusal:
        await desk.vend(maker)
    assert refusal.value.retry_after == 60
    await desk.vend(desk.person())
    await desk.tokens.revoke(SYSTEM, ids[0])
    await desk.vend(maker)
    desk.world.clock.pass_(60)
    await desk.vend(maker)
    assert len([document async for document in desk.world.store.find("tokens")]) == 4


@pytest.mark.parametrize("who", [SYSTEM, Principal("token:forged", client="nobody"), Principal("ann")])
async def test_who_came_without_a_token_vends_none(desk: Desk, who: Principal) -> None:
    with pytest.raises(AccessDenied, match="only callers with a token"):
        await desk.vend(who)


async def test_a_client_named_like_a_token_does_not_pass_for_it(desk: Desk) -> None:
    id_, _ = await desk.static()
    _, token = await desk.vend(replace(desk.person(), client=id_))
    assert desk.holder(token).subject == "user:ann"
    await desk.tokens.revoke(SYSTEM, id_)
    assert desk.tokens.resolve(token) is not None


async def test_the_name_of_a_vended_token_is_nobodys_subject(desk: Desk) -> None:
    id_, maker = await desk.static("bot")
    vended, _ = await desk.vend(maker, name="chief")
    assert not desk.tokens.knows("chief")
    with pytest.raises(NotFound):
        desk.tokens.principal_named("chief")
    assert desk.tokens.principal_named(vended).subject == "token:bot"
    await desk.world.services.policy.put_scope(SYSTEM, Scope(name="makes", grants=[Grant(actions=["token"])]))
    other = Principal("token:maker", scopes=frozenset({"makes"}))
    await desk.tokens.create(other, "chief", groups=[], scopes=[], expires_in=60)
    await desk.tokens.revoke(SYSTEM, id_)
    with pytest.raises(NotFound):
        desk.tokens.principal_named(vended)


async def test_callers_end_what_they_vended_themselves(desk: Desk) -> None:
    ann, bob = desk.person(), desk.person(subject="client:ci")
    first, token = await desk.vend(ann)
    second, _ = await desk.vend(ann)
    narrow = desk.holder(token)
    for who, key in ((bob, first), (narrow, second), (ann, "unknown")):
        with pytest.raises(AccessDenied):
            await desk.tokens.revoke(who, key)
    third, _ = await desk.vend(narrow)
    await desk.tokens.revoke(narrow, third)
    await desk.tokens.revoke(ann, second)
    await desk.tokens.revoke(narrow, first)
    assert desk.tokens.resolve(token) is None


async def test_the_trail_says_who_vended_what(desk: Desk) -> None:
    id_, _ = await desk.vend(desk.person(), "readers", name="nightly")
    with pytest.raises(AccessDenied):
        await desk.vend(desk.person(), "chief")
    refusal, done = await desk.world.events(action="token:vend")
    assert (done.subject, done.client, done.kind, done.asset, done.outcome) == (
        "user:ann", "app", "token", "nightly", "ok"
    )  # fmt: skip
    assert done.reason == f"{id_} until 2026-11-20T12:10:00Z: readers"
    assert (refusal.decision, refusal.subject) == ("deny", "user:ann")


async def test_what_no_authorization_ends_ends_with_the_logins_of_its_person(desk: Desk) -> None:
    _, token = await desk.vend(replace(desk.person(), authorization=None))
    assert desk.holder(token).subject == "user:ann"
    desk.world.clock.pass_(1)
    desk.elsewhere.began = desk.world.clock.now().timestamp()
    assert desk.tokens.resolve(token) is None
    _, later = await desk.vend(replace(desk.person(), authorization=None))
    assert desk.holder(later).subject == "user:ann"
