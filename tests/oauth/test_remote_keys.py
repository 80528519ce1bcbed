"""Metadata and keys of others: fetched when needed, remembered, never believed without a check."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import anyio
import pytest
from joserfc.jwk import ECKey, KeySet, OctKey, OKPKey, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from airegistry.core.errors import AirError, Invalid, UpstreamFailed
from airegistry.egress.guard import Guard
from airegistry.egress.json_http import JsonHttp
from airegistry.oauth.providers import remote_keys
from airegistry.oauth.providers.remote_keys import RemoteKeys, public_keys
from tests.core.wiring import FakeClock
from tests.oauth.providers.hostile import Hostile, hostile, rsa
from tests.support.asgi import serve

pytestmark = pytest.mark.anyio


@pytest.fixture
async def op() -> AsyncIterator[Hostile]:
    async with hostile() as provider:
        yield provider


@pytest.fixture
async def http() -> AsyncIterator[JsonHttp]:
    async with JsonHttp(Guard(loopback=True)) as client:
        yield client


async def kids(remote: RemoteKeys, op: Hostile, kid: str | None) -> list[str | None]:
    return [key.kid for key in await remote.keys(f"{op.issuer}/jwks", kid)]


class TestMetadata:
    async def test_it_is_asked_for_once_an_hour(self, op: Hostile, http: JsonHttp) -> None:
        clock = FakeClock()
        remote = RemoteKeys(http, clock)
        for passed, asked in ((0, 1), (3599, 1), (1, 2)):
            clock.pass_(passed)
            assert (await remote.metadata(op.issuer))["issuer"] == op.issuer
            assert op.asked["metadata"] == asked

    async def test_many_at_once_wait_for_one_answer(self, op: Hostile, http: JsonHttp) -> None:
        remote = RemoteKeys(http, FakeClock())
        async with anyio.create_task_group() as group:
            for _ in range(20):
                group.start_soon(remote.metadata, op.issuer)
        assert op.asked["metadata"] == 1

    async def test_a_failure_is_remembered_for_ten_seconds(self, op: Hostile, http: JsonHttp) -> None:
        clock = FakeClock()
        remote, op.metadata = RemoteKeys(http, clock), {"issuer": "https://other.test"}
        for passed, asked in ((0, 1), (9, 1), (1, 2)):
            clock.pass_(passed)
            with pytest.raises(UpstreamFailed, match="another issuer"):
                await remote.metadata(op.issuer)
            assert op.asked["metadata"] == asked
        op.metadata = {}
        clock.pass_(10)
        await remote.metadata(op.issuer)

    async def test_an_old_answer_serves_for_a_day_while_there_is_no_new_one(self, op: Hostile, http: JsonHttp) -> None:
        clock = FakeClock()
        remote = RemoteKeys(http, clock)
        await remote.metadata(op.issuer)
        op.metadata = {"issuer": "https://other.test"}
        clock.pass_(3600 + 86_399)
        assert (await remote.metadata(op.issuer))["issuer"] == op.issuer
        clock.pass_(10)
        with pytest.raises(UpstreamFailed):
            await remote.metadata(op.issuer)

    async def test_an_issuer_without_openid_connect_is_found_by_rfc_8414(self, http: JsonHttp) -> None:
        async def document(request: Request) -> JSONResponse:
            return JSONResponse({"issuer": str(request.base_url) + "tenant/a"})

        path = "/.well-known/oauth-authorization-server/tenant/a"
        async with serve(Starlette(routes=[Route(path, document)])) as url:
            assert (await RemoteKeys(http, FakeClock()).metadata(f"{url}/tenant/a"))["issuer"] == f"{url}/tenant/a"
            with pytest.raises(UpstreamFailed, match="404"):
                await RemoteKeys(http, FakeClock()).metadata(f"{url}/tenant/b")

    @pytest.mark.parametrize(
        ("issuer", "error"),
        [
            ("javascript:alert(1)", Invalid),
            ("http://a$(id)/", Invalid),
            ("https://169.254.169.254", Invalid),
            ("https://10.0.0.1", Invalid),
            ("http://127.0.0.1:1", UpstreamFailed),
            ("https://gone.test", UpstreamFailed),
        ],
    )
    async def test_an_issuer_that_cannot_or_may_not_be_asked_is_an_error(
        self, issuer: str, error: type[AirError]
    ) -> None:
        async with JsonHttp(Guard(loopback=True, resolve=no_names)) as http:
            with pytest.raises(error):
                await RemoteKeys(http, FakeClock()).metadata(issuer)

    async def test_an_issuer_that_hangs_is_given_up(self, http: JsonHttp, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(http, "_timeout", 0.2)
        async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:
            port = listener.extra(anyio.abc.SocketAttribute.local_port)
            with anyio.fail_after(5), pytest.raises(UpstreamFailed, match="did not answer"):
                await RemoteKeys(http, FakeClock()).metadata(f"http://127.0.0.1:{port}")


async def no_names(host: str, port: int) -> Sequence[str]:
    raise OSError("no such name")


class TestKeys:
    async def test_they_are_asked_for_once_an_hour(self, op: Hostile, http: JsonHttp) -> None:
        clock = FakeClock()
        remote = RemoteKeys(http, clock)
        for passed, asked in ((0, 1), (3599, 1), (1, 2)):
            clock.pass_(passed)
            assert await kids(remote, op, op.key.kid) == [op.key.kid]
            assert await kids(remote, op, None) == [op.key.kid]
            assert op.asked["keys"] == asked

    async def test_an_unknown_id_asks_anew_but_not_more_often_than_every_half_minute(
        self, op: Hostile, http: JsonHttp
    ) -> None:
        clock = FakeClock()
        remote = RemoteKeys(http, clock)
        await kids(remote, op, op.key.kid)
        op.published = dict(KeySet([rsa("new")]).as_dict())
        for passed, found, asked in ((29, ["its own"], 1), (1, ["new"], 2), (0, ["new"], 2)):
            clock.pass_(passed)
            assert (await kids(remote, op, "new"), op.asked["keys"]) == (found, asked)
        for _ in range(50):
            await kids(remote, op, "made up")
        assert op.asked["keys"] == 2

    async def test_known_keys_serve_while_the_issuer_is_down(self, op: Hostile, http: JsonHttp) -> None:
        clock = FakeClock()
        remote = RemoteKeys(http, clock)
        await kids(remote, op, None)
        op.published = {"keys": "none"}
        clock.pass_(3600)
        assert await kids(remote, op, "new") == ["its own"]

    @pytest.mark.parametrize("jwks", [{"keys": "none"}, {"no": "keys"}, {"keys": [{}] * 101}])
    async def test_what_is_no_key_set_is_an_error(self, op: Hostile, http: JsonHttp, jwks: dict[str, Any]) -> None:
        op.published = jwks
        with pytest.raises(UpstreamFailed):
            await RemoteKeys(http, FakeClock()).keys(f"{op.issuer}/jwks", None)

    async def test_another_status_is_an_error(self, op: Hostile, http: JsonHttp) -> None:
        with pytest.raises(UpstreamFailed, match="404"):
            await RemoteKeys(http, FakeClock()).keys(f"{op.issuer}/nowhere", None)

    async def test_a_set_that_is_too_long_is_an_error(self, op: Hostile, http: JsonHttp) -> None:
        op.published = {"keys": [], "padding": "x" * remote_keys.KEYS_LIMIT}
        with pytest.raises(UpstreamFailed):
            await RemoteKeys(http, FakeClock()).keys(f"{op.issuer}/jwks", None)

    async def test_what_was_not_used_for_long_is_forgotten(
        self, op: Hostile, http: JsonHttp, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(remote_keys, "MAX_ENTRIES", 2)
        remote = RemoteKeys(http, FakeClock())
        for query in ("a", "b", "a", "c", "a"):
            await remote.keys(f"{op.issuer}/jwks?{query}", None)
        assert op.asked["keys"] == 3
        await remote.keys(f"{op.issuer}/jwks?b", None)
        assert op.asked["keys"] == 4


def test_only_keys_that_check_signatures_of_others_are_taken() -> None:
    good: list[Any] = [
        RSAKey.generate_key(2048, {"kid": "rsa"}).as_dict(private=True),
        ECKey.generate_key("P-256", {"kid": "ec"}).as_dict(private=False),
        OKPKey.generate_key("Ed25519", {"kid": "okp"}).as_dict(private=False),
    ]
    bad: list[Any] = [
        OctKey.generate_key(256).as_dict(),
        {**good[0], "kid": "for encryption", "use": "enc"},
        {"kty": "RSA", "kid": "weak", "n": "AQAB" * 40, "e": "AQAB"},
        {"kty": "RSA", "kid": "huge", "n": "AQAB" * 400, "e": "AQAB"},
        {"kty": "RSA", "kid": "half"},
        {"kty": "RSA", "kid": "no base64", "n": "!!", "e": 7},
        {"kty": "EC", "kid": "no curve", "crv": "nope", "x": "AA", "y": "AA"},
        {"kty": "EC", "kid": "not on the curve", "crv": "P-256", "x": "AAAA", "y": "AAAA"},
        {"kty": "AKP", "kid": "of the future", "pub": "AA"},
        "no key",
        {},
    ]
    taken = public_keys({"keys": [*good, *bad]})
    assert [key.kid for key in taken] == ["rsa", "ec", "okp"]
    assert not any(key.is_private for key in taken if not isinstance(key, OctKey))
