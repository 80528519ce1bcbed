"""The API over operations that fail, or answer what a test needs, and below a path."""

import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import httpx2
import pytest
from pydantic import JsonValue
from starlette.types import Receive, Scope, Send

from airegistry.core.approval_requests import ApprovalRequest, NotApproved
from airegistry.core.assets import Json, Server
from airegistry.core.documents import Repository
from airegistry.core.errors import BackendResting, CallRefused, Internal, UpstreamFailed
from airegistry.core.preconditions import Changed
from airegistry.core.principals import Principal
from airegistry.core.shelf import Shelf
from airegistry.oauth.identity import PRINCIPAL
from airegistry.rest.api.app import Api, Needs
from airegistry.rest.api.idempotency import COLLECTION, Kept
from airegistry.stores.memory import MemoryStore
from tests.rest.api_world import World
from tests.rest.test_idempotency import Backwards, Clock

pytestmark = pytest.mark.anyio
CALL = "/api/v1/tools/desk/pay/calls"


@dataclass
class Scripted:
    """An operation that answers, or fails, as it is told to; `times` counts its runs."""

    name: str
    outcome: Json | Exception = field(default_factory=dict)
    at_first: Exception | None = None
    times: int = 0
    title: str = "Scripted"
    description: str = ""
    input_schema: ClassVar[Json] = {"properties": {"kind": {"enum": ["server"]}, "path": {}, "tool": {}, "changes": {}}}
    output_schema: ClassVar[Json] = {"type": "object"}

    async def run(self, scope: Scope, arguments: Mapping[str, JsonValue]) -> Json:
        self.times += 1
        if self.times == 1 and self.at_first is not None:
            raise self.at_first
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


class Desk:
    """An API over scripted operations, and a client that is already let in."""

    def __init__(self, world: World) -> None:
        store = MemoryStore()
        self.call = Scripted("call_tool", {"content": []})
        self.register = Scripted("register_service", {"path": "desk"})
        self.listing = Scripted("list_services", {"next_cursor": "more"})
        self.reading = Scripted("get_server_details", {"path": "desk", "tags": []})
        self.update = Scripted("update_asset", {"path": "desk", "updated_at": ""})
        self.shelf = Shelf(store)
        needs = Needs(
            self.operations, world.app.services.changes, self.shelf, Repository(store, COLLECTION, Kept),
            Backwards(), Clock(), lambda scope, who, missing: b"", "https://host.test/below",
        )  # fmt: skip
        self._api = Api(needs)
        transport = httpx2.ASGITransport(app=self._let_in)
        self.client = httpx2.AsyncClient(transport=transport, base_url="http://host.test")

    async def operations(self) -> list[Scripted]:
        return [self.call, self.register, self.listing, self.reading, self.update]

    async def _let_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._api({**scope, PRINCIPAL: Principal(subject="ann")}, receive, send)

    async def keyed(self, path: str = CALL) -> httpx2.Response:
        """Send the same request with the same key."""
        return await self.client.post(path, headers={"idempotency-key": "k"})


@pytest.fixture
async def desk(world: World) -> AsyncIterator[Desk]:
    desk = Desk(world)
    async with desk.client:
        yield desk


async def test_what_nobody_approved_names_its_request_beside_the_status_of_the_answer(desk: Desk) -> None:
    clock = Clock()
    request = ApprovalRequest(
        id="r1", subject="ann", kind="server", path="desk", name="pay", method="tools/call", digest="", marks=[],
        arguments={}, channel="queue", asked_at=clock.now(), expires_at=clock.now(), waiter="",
    )  # fmt: skip
    desk.call.outcome = NotApproved(request, "not answered yet")
    answer = await desk.client.post(CALL)
    said = answer.json()
    assert (answer.status_code, said["code"], said["status"]) == (403, "approval_required", 403)
    assert (said["id"], said["request_status"]) == ("r1", "pending")


async def test_an_error_that_nobody_expected_is_told_as_any_other_and_tells_nothing(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.listing.outcome = ZeroDivisionError("a secret")
    with caplog.at_level(logging.ERROR):
        answer = await desk.client.get("/api/v1/servers")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert answer.headers["content-type"] == "application/problem+json"
    assert "secret" not in answer.text
    assert "ZeroDivisionError" in caplog.text


async def test_a_call_that_broke_off_at_its_backend_is_not_made_again_for_its_key(desk: Desk) -> None:
    desk.call.outcome = UpstreamFailed("desk broke off")
    first, again = await desk.keyed(), await desk.keyed()
    assert (first.status_code, again.status_code, again.content) == (502, 502, first.content)
    assert again.headers["content-type"] == "application/problem+json"
    assert desk.call.times == 1


@pytest.mark.parametrize("error", [BackendResting("it rests", retry_after=1), CallRefused("it refuses")])
async def test_a_call_that_its_backend_did_not_take_is_made_again(desk: Desk, error: UpstreamFailed) -> None:
    desk.call.outcome = error
    await desk.keyed()
    desk.call.outcome = {"content": []}
    assert (await desk.keyed()).status_code == 200


async def test_a_registration_that_found_no_backend_is_made_again(desk: Desk) -> None:
    desk.register.outcome = UpstreamFailed("nobody there")
    assert (await desk.keyed("/api/v1/servers")).status_code == 502
    desk.register.outcome = {"path": "desk"}
    assert (await desk.keyed("/api/v1/servers")).status_code == 201


async def test_where_the_registry_itself_failed_the_key_waits(desk: Desk) -> None:
    for error in (Internal("the store rests"), ZeroDivisionError()):
        desk.register.outcome = error
        key = {"idempotency-key": type(error).__name__}
        assert (await desk.client.post("/api/v1/servers", headers=key)).status_code == 500
        again = await desk.client.post("/api/v1/servers", headers=key)
        assert (again.status_code, "retry-after" in again.headers) == (409, True)
    assert desk.register.times == 2


async def test_a_change_is_held_again_where_the_asset_was_written_meanwhile(desk: Desk) -> None:
    await desk.shelf.create(Server(path="desk", name="desk", url="http://127.0.0.1:9/mcp"))
    tag = (await desk.client.get("/api/v1/servers/desk")).headers["etag"]
    desk.update.at_first = Changed("written")
    changed = await desk.client.patch("/api/v1/servers/desk", json={}, headers={"if-match": tag})
    assert (changed.status_code, desk.update.times) == (200, 2)
    desk.update.times, desk.reading.outcome = 0, {"path": "desk", "tags": ["another"]}
    changed = await desk.client.patch("/api/v1/servers/desk", json={}, headers={"if-match": tag})
    assert (changed.status_code, desk.update.times) == (412, 0)
    desk.update.outcome = Changed("written")
    changed = await desk.client.patch("/api/v1/servers/desk", json={}, headers={"if-match": "*"})
    assert (changed.status_code, changed.json()["detail"]) == (412, "server 'desk' keeps changing")


async def test_places_are_named_below_the_path_of_the_registrys_url(desk: Desk) -> None:
    assert (await desk.client.post("/api/v1/servers")).headers["location"] == "/below/api/v1/servers/desk"
    link = (await desk.client.get("/api/v1/servers")).headers["link"]
    assert link == '</below/api/v1/servers?cursor=more>; rel="next"'
