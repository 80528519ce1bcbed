"""Web sessions: what their cookies are, when they end, and that an ended one stays ended."""

from dataclasses import dataclass, field
from datetime import timedelta

import anyio
import pytest

from airegistry.core.documents import Document, Json
from airegistry.core.principals import SYSTEM
from airegistry.core.users import User
from airegistry.oauth.login.sessions import Sessions
from airegistry.oauth.model import Session
from airegistry.stores.memory import MemoryStore
from tests.core.people import PASSWORD, People, people
from tests.core.wiring import NOON

pytestmark = pytest.mark.anyio
IDLE, ABSOLUTE = 600, 3600


class Interposing(MemoryStore):
    """A store where something else happens right before the next write of a session that exists."""

    def __init__(self) -> None:
        super().__init__()
        self.before_touch: Sessions | None = None
        self.ends = True

    async def put(self, collection: str, key: str, body: Json, *, expect: int | None = None) -> Document:
        other, self.before_touch = self.before_touch, None
        if other is not None and collection == "sessions":
            if self.ends:
                await other.end_user("ann")
            else:
                await super().put(collection, key, body)
        return await super().put(collection, key, body, expect=expect)


@dataclass
class Desk:
    """Sessions over a directory with one user."""

    people: People
    sessions: Sessions
    ended: list[str] = field(default_factory=list)

    async def note(self, session: Session) -> None:
        """Listen to ends."""
        self.ended.append(session.id)

    async def sign_in(self, **provider: str) -> tuple[str, Session]:
        return await self.sessions.open(await self.people.login(), ["pwd"], **provider)

    def pass_(self, seconds: float) -> None:
        self.people.clock.pass_(seconds)

    async def kept(self) -> list[str]:
        return [str(each.body) + each.key async for each in self.people.store.find("sessions")]


async def desk_over(store: MemoryStore) -> Desk:
    world = await people(store)
    await world.add()
    sessions = Sessions(store, world.clock, world.directory, world.audit, idle=IDLE, absolute=ABSOLUTE)
    desk = Desk(world, sessions)
    sessions.subscribe(desk.note)
    return desk


@pytest.fixture
async def desk() -> Desk:
    """Sessions over a directory with one user."""
    return await desk_over(MemoryStore())


def known(desk: Desk) -> User:
    user = desk.people.directory.known("ann")
    assert user is not None
    return user


async def test_a_session_is_found_by_its_cookie_also_after_a_restart(desk: Desk) -> None:
    cookie, session = await desk.sign_in(provider="okta", provider_sub="1", sid="s", id_token="t")
    assert await desk.sessions.find(cookie) == session
    assert (session.user, session.amr, session.auth_time) == ("ann", ["pwd"], NOON)
    assert session.expires_at == NOON + timedelta(seconds=ABSOLUTE)
    assert (session.provider, session.provider_sub, session.sid, session.id_token) == ("okta", "1", "s", "t")
    later = Sessions(desk.people.store, desk.people.clock, desk.people.directory, desk.people.audit)
    assert await later.find(cookie) == session


@pytest.mark.parametrize("cookie", ["", "x", "\ud800", "\0", "x" * 10_000])
async def test_any_other_cookie_is_nobodys(desk: Desk, cookie: str) -> None:
    await desk.sign_in()
    assert await desk.sessions.find(cookie) is None


async def test_the_id_of_a_session_is_no_cookie(desk: Desk) -> None:
    _, session = await desk.sign_in()
    assert await desk.sessions.find(session.id) is None


async def test_no_cookie_is_kept_and_each_login_has_a_fresh_one(desk: Desk) -> None:
    cookies = [(await desk.sign_in())[0] for _ in range(3)]
    assert len(set(cookies)) == 3
    assert all(len(cookie) >= 43 for cookie in cookies)
    kept = "".join(await desk.kept())
    assert not [cookie for cookie in cookies if cookie in kept]


async def test_a_session_ends_when_nobody_uses_it(desk: Desk) -> None:
    cookie, _ = await desk.sign_in()
    for _ in range(4):
        desk.pass_(IDLE - 1)
        assert await desk.sessions.find(cookie)
    desk.pass_(IDLE)
    assert await desk.sessions.find(cookie) is None
    assert await desk.kept() == []
    desk.pass_(-IDLE)
    assert await desk.sessions.find(cookie) is None, "and it does not come back"


async def test_a_session_ends_after_its_longest_time_however_much_it_is_used(desk: Desk) -> None:
    cookie, _ = await desk.sign_in()
    for _ in range(ABSOLUTE // 300 - 1):
        desk.pass_(300)
        assert await desk.sessions.find(cookie)
    desk.pass_(300)
    assert await desk.sessions.find(cookie) is None


async def test_being_seen_is_written_once_a_minute(desk: Desk) -> None:
    cookie, session = await desk.sign_in()
    versions = []
    for _ in range(5):
        desk.pass_(30)
        await desk.sessions.find(cookie)
        document = await desk.people.store.get("sessions", session.id)
        assert document is not None
        versions.append(document.version)
    assert versions == [1, 2, 2, 3, 3]


async def test_a_session_that_is_ended_while_it_is_being_seen_does_not_come_back() -> None:
    store = Interposing()
    desk = await desk_over(store)
    cookie, _ = await desk.sign_in()
    desk.pass_(60)
    store.before_touch = desk.sessions
    assert await desk.sessions.find(cookie) is None
    assert await desk.kept() == []


async def test_a_session_that_two_requests_see_at_once_is_found_by_both() -> None:
    store = Interposing()
    desk = await desk_over(store)
    cookie, _ = await desk.sign_in()
    desk.pass_(60)
    store.before_touch, store.ends = desk.sessions, False
    found = await desk.sessions.find(cookie)
    assert found is not None
    assert found.seen_at == desk.people.clock.now()


async def test_a_session_is_ended_by_its_cookie_or_itself_and_recorded_once(desk: Desk) -> None:
    cookie, _ = await desk.sign_in()
    _, other = await desk.sign_in()
    assert await desk.sessions.end(cookie)
    assert not await desk.sessions.end(cookie)
    assert await desk.sessions.end(other, reason="ended from another session")
    assert desk.ended == [], "what a person allowed goes on when they sign out"
    events = await desk.people.events(action="user:logout")
    assert [(event.subject, event.asset, event.reason) for event in events] == [
        ("user:ann", "ann", "ended from another session"),
        ("user:ann", "ann", "signed out"),
    ]


async def test_of_many_at_once_one_ends_a_session(desk: Desk) -> None:
    _, session = await desk.sign_in()
    async with anyio.create_task_group() as tasks:
        for _ in range(10):
            tasks.start_soon(desk.sessions.end_user, "ann")
    assert desk.ended == [session.id]
    assert len(await desk.people.events(action="user:logout")) == 1


async def test_a_listener_that_fails_keeps_no_session_open(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    async def broken(session: Session) -> None:
        raise OSError("no disk")

    sessions = Sessions(desk.people.store, desk.people.clock, desk.people.directory, desk.people.audit)
    sessions.subscribe(broken)
    sessions.subscribe(desk.note)
    cookie, session = await desk.sign_in()
    await sessions.end_user("ann")
    assert await sessions.find(cookie) is None
    assert desk.ended == [session.id]
    assert "no disk" in caplog.text


async def test_all_sessions_of_a_user_end_and_nobody_elses(desk: Desk) -> None:
    await desk.people.add("bob")
    bobs, _ = await desk.sessions.open(await desk.people.login("bob"), ["pwd"])
    mine = [(await desk.sign_in())[0] for _ in range(2)]
    assert len(await desk.sessions.end_user("ann")) == 2
    assert [await desk.sessions.find(cookie) for cookie in mine] == [None, None]
    assert await desk.sessions.find(bobs)


@pytest.mark.parametrize(
    ("named", "ended"),
    [
        ({"sub": "1"}, {"a", "b"}), ({"sid": "y"}, {"b"}), ({"sub": "1", "sid": "x"}, {"a"}),
        ({"sub": "2", "sid": "x"}, set()), ({}, set()), ({"sub": "", "sid": ""}, set()), ({"sub": "9"}, set()),
    ],
)  # fmt: skip
async def test_a_provider_ends_the_sessions_it_names(desk: Desk, named: dict[str, str], ended: set[str]) -> None:
    made = {}
    for name, provider, sub, sid in (("a", "okta", "1", "x"), ("b", "okta", "1", "y"), ("c", "okta", "2", "z"),
                                     ("d", "entra", "1", "x"), ("e", "okta", "", "")):  # fmt: skip
        made[name], _ = await desk.sign_in(provider=provider, provider_sub=sub, sid=sid)
    gone = await desk.sessions.end_provider("okta", **named)
    assert {name for name, cookie in made.items() if await desk.sessions.find(cookie) is None} == ended
    assert len(gone) == len(ended) == len(desk.ended)


async def test_whoever_asks_for_the_end_of_a_session_and_goes_away_leaves_nothing_half_done() -> None:
    desk = await desk_over(MemoryStore())
    caller = anyio.CancelScope()

    async def leave(session: Session) -> None:
        caller.cancel()
        await anyio.lowlevel.checkpoint()
        await desk.note(session)

    late = Sessions(desk.people.store, desk.people.clock, desk.people.directory, desk.people.audit)
    late.subscribe(leave)
    for number in (1, 2):
        await desk.sign_in(provider="okta", provider_sub="1", sid=str(number))
    with caller:
        await late.end_provider("okta", sub="1")
    assert (len(desk.ended), len(await desk.kept())) == (1, 1)


async def test_sessions_from_before_are_refused_though_nobody_was_told(desk: Desk) -> None:
    """No listener ends them here: `ended_at` alone does."""
    for act in ("password", "off", "log out", "remove"):
        cookie, _ = await desk.sign_in()
        assert await desk.sessions.find(cookie)
        directory = desk.people.directory
        if act == "password":
            await directory.change_password("ann", PASSWORD, PASSWORD)
        elif act == "off":
            await directory.put(SYSTEM, "ann", active=False)
            await directory.put(SYSTEM, "ann", active=True)
        elif act == "log out":
            await directory.log_out(SYSTEM, "ann")
        else:
            await directory.remove(SYSTEM, "ann")
            assert await desk.sessions.of_user("ann") == []
            desk.pass_(1)
            await desk.people.add()
        assert await desk.sessions.find(cookie) is None, act


async def test_a_session_of_a_user_who_is_switched_off_or_gone_is_refused(desk: Desk) -> None:
    cookie, _ = await desk.sign_in()
    await desk.people.directory.put(SYSTEM, "ann", active=False)
    assert await desk.sessions.find(cookie) is None
    await desk.people.directory.put(SYSTEM, "ann", active=True)
    again, _ = await desk.sign_in()
    await desk.people.directory.remove(SYSTEM, "ann")
    assert await desk.sessions.find(again) is None


async def test_a_login_that_was_overtaken_by_a_new_password_opens_nothing(desk: Desk) -> None:
    proven = await desk.people.login()
    await desk.people.directory.set_password(SYSTEM, "ann", "a better one")
    desk.pass_(5)
    cookie, _ = await desk.sessions.open(proven, ["pwd"])
    assert await desk.sessions.find(cookie) is None


async def test_whoever_changed_the_password_goes_on_in_a_new_session(desk: Desk) -> None:
    old, _ = await desk.sign_in()
    user = await desk.people.directory.change_password("ann", PASSWORD, "a better one")
    new, _ = await desk.sessions.open(user, ["pwd"])
    assert await desk.sessions.find(old) is None
    assert await desk.sessions.find(new)


async def test_a_user_sees_the_sessions_that_hold_newest_first(desk: Desk) -> None:
    _, first = await desk.sign_in()
    desk.pass_(IDLE - 10)
    _, second = await desk.sign_in()
    assert [each.id for each in await desk.sessions.of_user("ann")] == [second.id, first.id]
    desk.pass_(10)
    assert [each.id for each in await desk.sessions.of_user("ann")] == [second.id]
    assert await desk.sessions.of_user("bob") == []


async def test_sweeping_removes_what_ran_out_and_tells_nobody(desk: Desk) -> None:
    await desk.sign_in()
    desk.pass_(IDLE - 10)
    cookie, _ = await desk.sign_in()
    desk.pass_(10)
    assert await desk.sessions.sweep() == 1
    assert await desk.sessions.sweep() == 0
    assert await desk.sessions.find(cookie)
    assert desk.ended == []


async def test_a_user_who_never_signed_in_here_is_signed_in_now(desk: Desk) -> None:
    desk.pass_(7)
    _, session = await desk.sessions.open(known(desk), ["pwd"])
    assert session.auth_time == NOON + timedelta(seconds=7)
