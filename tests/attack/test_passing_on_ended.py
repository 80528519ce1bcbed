"""Tokens that no login stands behind end with their person's logins and with their client, as all others do."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from airegistry.oauth.model import ASSERTION_GRANT
from airegistry.oauth.tokens.access_tokens import Issued
from tests.oauth.issuing import Person
from tests.oauth.machines import Machines, machine, machines
from tests.oauth.test_exchange import exchanged, refused

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world() -> AsyncIterator[Machines]:
    """A person of a provider, whom an identity provider vouches for to the client `ci`."""
    async with machines() as world:
        await world.trust()
        world.providers[world.foreign.url] = "acme"
        yield world


async def vouched(world: Machines, jti: str = "1") -> tuple[str, Issued]:
    """A token for the person, and what it says."""
    answer, issued = await world.given(ASSERTION_GRANT, assertion=world.foreign.id_jag(jti=jti))
    return str(answer["access_token"]), issued


def end_logins(world: Machines, user: str = "acme:ann") -> None:
    """As `end_sessions` and a new password do."""
    person = world.issuer.people.known(user)
    assert person is not None
    world.issuer.people.put(user, replace(person, ended_at=world.issuer.clock.now()))


async def test_a_vouched_for_persons_token_ends_when_their_logins_are_ended(world: Machines) -> None:
    _, issued = await vouched(world)
    assert world.who(issued) is not None
    world.issuer.clock.pass_(5)
    end_logins(world)
    assert world.who(issued) is None
    world.issuer.clock.pass_(5)
    _, later = await vouched(world, jti="2")
    assert world.who(later) is not None


async def test_it_ends_within_the_second_that_it_was_made_in(world: Machines) -> None:
    _, issued = await vouched(world)
    world.issuer.clock.pass_(0.5)
    end_logins(world)
    assert world.who(issued) is None


async def test_a_person_who_has_just_come_into_being_is_let_in_within_that_second(world: Machines) -> None:
    world.issuer.clock.pass_(0.5)
    now = world.issuer.clock.now()
    world.issuer.people.put("acme:ann", Person(provider_groups=["staff"], created_at=now, ended_at=now))
    _, issued = await vouched(world)
    assert world.who(issued) is not None


async def test_an_ended_token_is_not_exchanged_for_a_new_one(world: Machines) -> None:
    token, _ = await vouched(world)
    world.issuer.clock.pass_(5)
    end_logins(world)
    assert await refused(world, token) == "invalid_request"


async def test_an_exchanged_token_ends_with_the_client_that_exchanged_it(world: Machines) -> None:
    _, issued = await exchanged(world, world.mint(authorization="family"))
    assert world.who(issued) is not None
    world.issuer.clients.put("ci", machine("ci", active=False))
    assert world.who(issued) is None
    del world.issuer.clients.rows["ci"]
    world.issuer.clients.revision += 1
    assert world.who(issued) is None


async def test_a_machines_token_is_not_that_of_a_later_client_of_its_id(world: Machines) -> None:
    issued = world.issuer.mint(subject="client:ci", client_id="ci")[1]
    assert world.who(issued) is not None
    world.issuer.clock.pass_(60)
    later = machine("ci", scopes=["watch"]).model_copy(update={"created_at": world.issuer.clock.now()})
    world.issuer.clients.put("ci", later)
    assert world.who(issued) is None
    own = world.issuer.mint(subject="client:ci", client_id="ci")[1]
    world.issuer.clock.time += timedelta(milliseconds=300)
    assert world.who(own) is not None


async def test_tokens_of_clients_that_are_not_kept_here_go_on(world: Machines) -> None:
    for client_id in ("dyn-0", "https://client.test/metadata.json"):
        assert world.who(world.issuer.mint(client_id=client_id, authorization="family")[1]) is not None
