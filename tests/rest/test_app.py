"""The plain routes."""

from collections.abc import AsyncIterator

import httpx2
import pytest
from starlette.types import Receive, Scope, Send

from airegistry.front import Front
from airegistry.gateway.open import Gateways
from airegistry.rest.app import problem, routes

pytestmark = pytest.mark.anyio


class Named:
    """An application that says its name and the path it was given."""

    def __init__(self, name: str) -> None:
        self._name = name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": f"{self._name} {scope['path']}".encode()})


class Ready:
    """Whether the registry is ready; tests set it."""

    value = True

    def __call__(self) -> bool:
        return self.value


@pytest.fixture
def ready() -> Ready:
    return Ready()


@pytest.fixture
async def http(ready: Ready) -> AsyncIterator[httpx2.AsyncClient]:
    front = Front(Named("tools"), Gateways(Named("gateway"), Named("agents")), routes(ready))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(front), base_url="https://r.test") as client:
        yield client


async def test_liveness_and_readiness_tell_nothing_more(http: httpx2.AsyncClient, ready: Ready) -> None:
    for path in ("/healthz", "/readyz"):
        answer = await http.get(path)
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    ready.value = False
    answer = await http.get("/readyz")
    assert (answer.status_code, answer.json()["code"]) == (503, "internal")
    assert (await http.get("/healthz")).status_code == 200


@pytest.mark.parametrize("path", ["/api/v1/servers", "/api/", "/api", "/", "/nothing", "/healthz/", "/.well-known/x"])
async def test_what_is_not_there_is_404_problem_details(http: httpx2.AsyncClient, path: str) -> None:
    answer = await http.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert answer.json() == {
        "type": "about:blank", "title": "Not Found", "status": 404, "code": "not_found",
        "detail": "there is nothing here",
    }  # fmt: skip


@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT"])
async def test_a_method_a_path_has_not_is_405(http: httpx2.AsyncClient, method: str) -> None:
    answer = await http.request(method, "/healthz")
    assert (answer.status_code, answer.json()["code"]) == (405, "invalid")


def test_a_status_without_a_title_is_an_error() -> None:
    assert b'"title":"Error"' in problem(418, "invalid", "x").body


@pytest.mark.parametrize(
    ("path", "served"),
    [
        ("/mcp", "tools /mcp"),
        ("/airegistry-tools/mcp", "tools /mcp"),
        ("/weather/mcp", "gateway /weather/mcp"),
        ("/weather@1.0/mcp", "gateway /weather@1.0/mcp"),
    ],
)
async def test_a_path_leads_to_its_application(http: httpx2.AsyncClient, path: str, served: str) -> None:
    assert (await http.post(path)).text == served


@pytest.mark.parametrize("path", ["/.well-known/mcp", "/.well-known/x/mcp", "/api/mcp", "/oauth/mcp", "/v0.1/mcp"])
async def test_reserved_names_are_no_servers(http: httpx2.AsyncClient, path: str) -> None:
    assert (await http.post(path)).status_code in {404, 405}
