"""Bearer tokens of every kind, at a resource."""

import pytest

from airegistry.core.access import Access
from airegistry.core.principals import Principal
from airegistry.oauth.bearer import Bearer
from airegistry.oauth.callers import Callers
from airegistry.oauth.tokens.access_tokens import AccessTokens
from airegistry.oauth.tokens.keys import SigningKeys
from airegistry.stores.cipher import open_cipher
from airegistry.stores.memory import MemoryStore
from tests.core.wiring import FakeClock
from tests.oauth.test_callers import Person, Table, machine

pytestmark = pytest.mark.anyio
HERE, THERE = "https://r.test/mcp", "https://r.test/weather/mcp"
STATIC = Principal("token:ann", client="1")
FOREIGN = Principal("issuer:corp:7")


class Trusted:
    """Foreign tokens: one that is known, and one whose issuer has to be asked first."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def known(self, token: str, resource: str) -> Principal | None:
        return FOREIGN if token == "known" else None

    async def verify(self, token: str, resource: str) -> Principal | None:
        self.asked.append((token, resource))
        return FOREIGN if token == "new" else None


class World:
    """Real tokens of our own, tables of the others."""

    def __init__(self) -> None:
        store, self.clock = MemoryStore(), FakeClock()
        self.people = Table(ann=Person())
        self.keys = SigningKeys(store, open_cipher(None), self.clock)
        self.tokens = AccessTokens(self.keys, store, self.clock, "https://r.test")
        self.trusted = Trusted()
        callers = Callers(Access(), self.people, Table(robot=machine()))
        self.bearer = Bearer({"static": STATIC}.get, self.tokens, callers, self.trusted)

    def mint(self, resource: str = HERE) -> str:
        token, _ = self.tokens.mint(subject="user:ann", client_id="robot", scopes=["mcp"], resource=resource)
        return token


@pytest.fixture
async def world() -> World:
    made = World()
    await made.keys.open()
    await made.tokens.open()
    return made


async def test_a_static_token_holds_at_every_resource(world: World) -> None:
    assert await world.bearer.resolve("static", HERE) == STATIC == await world.bearer.resolve("static", THERE)


async def test_a_token_issued_here_holds_at_its_resource_alone(world: World) -> None:
    """Auth trap 5: whoever verifies a token is told for which resource, and there is no verifying without one."""
    token = world.mint()
    who = await world.bearer.resolve(token, HERE)
    assert who is not None
    assert (who.subject, who.client) == ("user:ann", "robot")
    assert await world.bearer.resolve(token, THERE) is None


async def test_a_foreign_token_is_looked_up_first_and_verified_then(world: World) -> None:
    assert await world.bearer.resolve("known", HERE) == FOREIGN
    assert world.trusted.asked == []
    assert await world.bearer.resolve("new", HERE) == FOREIGN
    assert await world.bearer.resolve("nonsense", HERE) is None
    assert world.trusted.asked == [("new", HERE), ("nonsense", HERE)]


async def test_nobody_is_told_without_waiting_what_only_an_issuer_knows(world: World) -> None:
    assert world.bearer.known("new", HERE) is None
    assert world.trusted.asked == []


async def test_what_a_token_opened_outlives_the_token_and_not_its_revocation(world: World) -> None:
    token = world.mint()
    issued = world.tokens.read(token, HERE)
    assert issued is not None
    world.clock.pass_(3600)
    assert await world.bearer.resolve(token, HERE) is None
    assert world.bearer.alive(token, HERE)
    await world.tokens.revoke_jti(issued)
    assert not world.bearer.alive(token, HERE)


async def test_what_a_token_opened_ends_with_its_person(world: World) -> None:
    token = world.mint()
    assert world.bearer.alive(token, HERE)
    world.people.all["ann"] = Person(active=False)
    world.people.revision += 1
    assert not world.bearer.alive(token, HERE)


async def test_what_a_static_or_foreign_token_opened_ends_with_it(world: World) -> None:
    assert world.bearer.alive("static", HERE)
    assert world.bearer.alive("known", HERE)
    assert not world.bearer.alive("ended", HERE)
