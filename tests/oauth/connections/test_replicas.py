"""Two processes hold one person's tokens: a refresh token, which authorization servers take once, is used by one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest

from airegistry.clock import SystemClock
from airegistry.core.access import Access
from airegistry.core.errors import ConsentRequired
from airegistry.core.leases import COLLECTION, Alone, Leading, Leases
from airegistry.core.policy import Policy
from airegistry.core.visibility import Visibility
from airegistry.egress.guard import Guard
from airegistry.oauth.server import Choices, Foundation, Identity, open_identity
from tests.oauth.connections.test_connections import age
from tests.oauth.connections.world import Desk
from tests.oauth.issuing import URL

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def process(desk: Desk, leading: Leading) -> AsyncIterator[Identity]:
    """Another process over the store of a desk."""
    access = Access()
    base = Foundation(
        url=URL, aliases=frozenset(), store=desk.store, cipher=desk.cipher, shelf=desk.shelf,
        visibility=Visibility(access, "dev"), access=access, policy=Policy(desk.store, access, desk.audit),
        audit=desk.audit, clock=desk.clock, guard=Guard(loopback=True), shared=True, leading=leading,
    )  # fmt: skip
    async with open_identity(base, Choices()) as identity:
        yield identity


async def ask_at_once(desk: Desk, leadings: list[Leading]) -> list[str]:
    """What calls of ann carry, or why they cannot be made, of processes that are asked at the same time."""
    outcomes: list[str] = []

    async def ask(identity: Identity) -> None:
        try:
            headers = await identity.credentials.headers(desk.caller("ann"), desk.mail)
            outcomes.append(headers["authorization"])
        except ConsentRequired:
            outcomes.append("ask the person")

    async with process(desk, leadings[0]) as one, process(desk, leadings[1]) as other:
        async with anyio.create_task_group() as tasks:
            for identity in (one, other, one, other):
                tasks.start_soon(ask, identity)
    return outcomes


async def test_of_several_processes_one_refreshes_and_the_others_use_what_it_got(desk: Desk) -> None:
    async with desk.browser("ann") as browser:
        await desk.connect(browser)
    await age(desk)
    outcomes = await ask_at_once(desk, [Leases(desk.store, SystemClock()) for _ in range(2)])
    assert len(set(outcomes)) == 1
    assert outcomes[0].startswith("Bearer token-")
    refreshes = [form for form in desk.auth.requests("/token") if form["grant_type"] == "refresh_token"]
    assert len(refreshes) == 1
    assert COLLECTION not in await desk.store.collections()


async def test_without_turns_one_of_them_would_have_lost_the_connection(desk: Desk) -> None:
    """So the test above can fail."""
    async with desk.browser("ann") as browser:
        await desk.connect(browser)
    await age(desk)
    await ask_at_once(desk, [Alone(SystemClock()) for _ in range(2)])
    refreshes = [form for form in desk.auth.requests("/token") if form["grant_type"] == "refresh_token"]
    assert len(refreshes) == 2
