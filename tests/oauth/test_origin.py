import pytest
from starlette.types import Message, Receive, Scope, Send

from airegistry.oauth.origin import OriginGuard

pytestmark = pytest.mark.anyio
OURS = b"registry.test"


async def passed(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "passed"})


async def ask(*headers: tuple[bytes, bytes], type_: str = "http") -> Message:
    """What the guard sends first."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    guard = OriginGuard(passed, hosts=["Registry.test"], origins=["https://Registry.test"])
    await guard({"type": type_, "headers": list(headers), "server": ("10.1.2.3", 80)}, receive, send)
    return sent[0]


@pytest.mark.parametrize("host", [OURS, b"REGISTRY.TEST:443", b"10.1.2.3:80", b"10.1.2.3"])
async def test_our_names_and_the_address_itself_pass(host: bytes) -> None:
    assert (await ask((b"host", host)))["type"] == "passed"


@pytest.mark.parametrize("host", [b"evil.test", b"10.1.2.4", b"[::1]:80", b"registry.test.evil"])
async def test_another_host_is_421(host: bytes) -> None:
    assert (await ask((b"host", host)))["status"] == 421


@pytest.mark.parametrize("host", [b"", b"registry.test:80.evil", b"a@registry.test", b"registry.test:123456", b"a b"])
async def test_a_host_of_no_form_is_400(host: bytes) -> None:
    assert (await ask((b"host", host)))["status"] == 400


async def test_no_host_or_two_of_them_are_400() -> None:
    assert (await ask())["status"] == 400
    assert (await ask((b"host", OURS), (b"host", OURS)))["status"] == 400


async def test_our_origin_passes_in_any_case() -> None:
    assert (await ask((b"host", OURS), (b"origin", b"https://REGISTRY.test")))["type"] == "passed"


@pytest.mark.parametrize(
    "origin", [b"null", b"http://registry.test", b"https://registry.test:8443", b"https://evil.test"]
)
async def test_a_foreign_origin_is_403(origin: bytes) -> None:
    assert (await ask((b"host", OURS), (b"origin", origin)))["status"] == 403


async def test_two_origins_are_400() -> None:
    assert (await ask((b"host", OURS), (b"origin", b"https://registry.test"), (b"origin", b"null")))["status"] == 400


async def test_a_websocket_from_elsewhere_is_closed() -> None:
    assert await ask((b"host", b"evil.test"), type_="websocket") == {"type": "websocket.close", "code": 1008}


async def test_the_lifespan_passes() -> None:
    assert (await ask(type_="lifespan"))["type"] == "passed"
