"""The tools for users: what they answer, what they never answer, and who may."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pyotp
import pytest

from airegistry.core.directory import Directory
from airegistry.core.principals import SYSTEM
from airegistry.oauth.login.passwords import Argon2Passwords
from airegistry.oauth.login.second_factor import SecondFactor
from airegistry.oauth.login.sessions import Sessions
from airegistry.stores.cipher import FernetCipher
from airegistry.tools.people import PeopleTools
from airegistry.tools.server import build
from tests.core.people import KEY
from tests.support.mcp import Json, call, refused
from tests.tools.wiring import World, furnished_core, served

pytestmark = pytest.mark.anyio
PASSWORD = "correct horse battery"
ARGUMENTS: dict[str, Json] = {
    "put_user": {"id": "bob"}, "list_users": {}, "delete_user": {"id": "ann"}, "set_user_password": {"id": "ann"},
    "reset_second_factor": {"id": "ann"}, "end_sessions": {"id": "ann"},
}  # fmt: skip


@dataclass(frozen=True)
class Office:
    """The tools over a real directory, whose hashing alone is cheap."""

    world: World
    directory: Directory
    sessions: Sessions

    async def ask(self, tool: str, /, subject: str = "operator", **arguments: object) -> Json:
        async with self.world.client(subject) as client:
            return await call(client, tool, **arguments)


@asynccontextmanager
async def opened() -> AsyncIterator[Office]:
    core = await furnished_core()
    services = core.services
    hasher = Argon2Passwords(memory_kib=8, passes=1)
    directory = Directory(
        core.store, services.access, services.audit, core.clock, hasher, FernetCipher([KEY]), SecondFactor()
    )
    sessions = Sessions(core.store, core.clock, directory, services.audit)
    async with served(build(services, [PeopleTools(directory, sessions)]), core) as world:
        yield Office(world, directory, sessions)


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    async with opened() as office:
        await office.ask("put_user", id="ann", name="Ann", groups=["staff"], password=PASSWORD)
        yield office


async def test_a_user_that_was_put_signs_in_and_is_shown_without_any_secret(office: Office) -> None:
    user, _ = await office.directory.authenticate("ann", PASSWORD, source="")
    secret = await office.directory.enrol_second_factor("ann", PASSWORD)
    page = await office.ask("list_users")
    assert page["next_cursor"] is None
    assert page["users"] == [
        {
            "id": "ann", "name": "Ann", "email": "", "provider": "local", "groups": ["staff"], "provider_groups": [],
            "provisioned_groups": [], "provisioned": None, "user_name": "",
            "active": True, "has_password": True, "second_factor": False, "created_at": "2026-11-20T12:00:00Z",
            "login_at": "2026-11-20T12:00:00Z",
        }
    ]  # fmt: skip
    shown = str(page)
    assert not [each for each in (PASSWORD, secret, str(user.password_hash), "hash", "totp") if each in shown]


async def test_what_is_left_out_of_put_user_stays(office: Office) -> None:
    changed = await office.ask("put_user", id="ann", email="ann@example.org")
    assert (changed["name"], changed["email"], changed["groups"]) == ("Ann", "ann@example.org", ["staff"])
    assert (await office.ask("put_user", id="ann", groups=[], active=False))["groups"] == []
    user = office.directory.known("ann")
    assert user is not None
    assert not user.active


async def test_users_come_in_pages(office: Office) -> None:
    for id_ in ("bob", "cat"):
        await office.ask("put_user", id=id_)
    seen, cursor = [], None
    while True:
        page = await office.ask("list_users", limit=1, cursor=cursor)
        seen += [user["id"] for user in page["users"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert seen == ["ann", "bob", "cat"]


async def test_a_password_is_told_when_it_was_made_up_and_only_then(office: Office) -> None:
    assert (await office.ask("set_user_password", id="ann", password="a better one"))["password"] is None
    made = (await office.ask("set_user_password", id="ann"))["password"]
    assert (await office.directory.authenticate("ann", made, source=""))[0].id == "ann"


async def test_a_second_factor_is_reset(office: Office) -> None:
    secret = await office.directory.enrol_second_factor("ann", PASSWORD)
    code = pyotp.TOTP(secret).at(office.world.core.clock.now())
    await office.directory.confirm_second_factor("ann", code)
    assert (await office.ask("list_users"))["users"][0]["second_factor"] is True
    assert (await office.ask("reset_second_factor", id="ann"))["second_factor"] is False


async def test_all_sessions_of_a_user_end_and_are_counted(office: Office) -> None:
    user, amr = await office.directory.authenticate("ann", PASSWORD, source="")
    cookies = [(await office.sessions.open(user, amr))[0] for _ in range(2)]
    assert await office.sessions.find(cookies[0])
    assert await office.ask("end_sessions", id="ann") == {"id": "ann", "sessions": 2}
    assert [await office.sessions.find(cookie) for cookie in cookies] == [None, None]
    assert await office.ask("end_sessions", id="ann") == {"id": "ann", "sessions": 0}


async def test_a_removed_user_is_gone(office: Office) -> None:
    assert await office.ask("delete_user", id="ann") == {"ok": True}
    assert (await office.ask("list_users"))["users"] == []
    with refused("not_found"):
        await office.ask("delete_user", id="ann")


@pytest.mark.parametrize("tool", ARGUMENTS)
async def test_whoever_is_no_administrator_is_refused_and_told_nothing(office: Office, tool: str) -> None:
    with refused("access_denied") as failure:
        await office.ask(tool, subject="ann", **ARGUMENTS[tool])
    assert "Ann" not in str(failure.value.content)
    assert [user.id for user in await office.directory.users(SYSTEM)] == ["ann"]


@pytest.mark.parametrize("tool", ["delete_user", "set_user_password", "reset_second_factor", "end_sessions"])
async def test_a_user_who_is_not_there_is_not_found(office: Office, tool: str) -> None:
    with refused("not_found") as failure:
        await office.ask(tool, id="nobody")
    assert failure.value.content["message"] == "no user named 'nobody'"


@pytest.mark.parametrize(
    ("tool", "arguments", "field"),
    [
        ("put_user", {"id": "Not an id"}, "id"),
        ("put_user", {"id": ""}, "id"),
        ("put_user", {"id": "bob", "password": "short"}, "password"),
        ("put_user", {"id": "bob", "groups": [""]}, "groups"),
        ("put_user", {"id": "bob", "name": "x" * 300}, "name"),
        ("set_user_password", {"id": "ann", "password": "password"}, "password"),
        ("list_users", {"limit": 0}, "limit"),
    ],
)
async def test_what_does_not_fit_is_invalid_and_named(office: Office, tool: str, arguments: Json, field: str) -> None:
    with refused("invalid") as failure:
        await office.ask(tool, **arguments)
    assert failure.value.content["field"] == field


async def test_every_tool_tells_models_when_to_use_it(office: Office) -> None:
    async with office.world.client("operator") as client:
        tools = {tool.name: tool for tool in await client.list_tools()}
    assert set(tools) == set(ARGUMENTS)
    for tool in tools.values():
        assert tool.description
        assert len(tool.description) > 60
        assert tool.output_schema
