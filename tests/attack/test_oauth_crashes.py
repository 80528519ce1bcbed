"""What was used up, replaced or taken back stays so when the process is killed right after its answer; and a token
holds at its own path alone."""

import base64
import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import anyio
import httpx2
import pytest

from tests.contract.acts import Desk, fresh
from tests.support import http
from tests.support.browser import Browser
from tests.support.oauth import OAuthClient, claims
from tests.support.registry import Registry

PASSWORD = "correct horse battery staple"
VERIFIER = "v" * 43


@dataclass
class Ann:
    """A person with a browser and a client of hers."""

    desk: Desk
    name: str
    browser: Browser
    client: OAuthClient

    def tokens(self) -> dict[str, Any]:
        return self.client.log_in(self.browser, resource=None)


@pytest.fixture
def ann(alone: Registry) -> Iterator[Ann]:
    desk, name = Desk(alone), fresh("ann")
    anyio.run(lambda: desk.ask("put_user", id=name, password=PASSWORD))
    browser = Browser(alone.url, name, PASSWORD)
    yield Ann(desk, name, browser, OAuthClient.registered(alone.url))
    browser.close()


def crash(registry: Registry) -> None:
    registry.process.kill()
    registry.start()


def works(registry: Registry, token: str) -> bool:
    return http.call(registry.mcp, "tools/list", token=token).status_code == 200


def test_a_code_is_good_once_over_a_crash_too(alone: Registry, ann: Ann) -> None:
    code = ann.client.code(ann.browser, VERIFIER, resource=None)
    tokens = ann.client.redeem(code, VERIFIER).json()
    crash(alone)
    assert works(alone, tokens["access_token"])
    again = ann.client.redeem(code, VERIFIER)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert not works(alone, tokens["access_token"])
    assert ann.client.refresh(tokens["refresh_token"]).status_code == 400
    crash(alone)
    assert not works(alone, tokens["access_token"])
    assert ann.client.refresh(tokens["refresh_token"]).status_code == 400


def test_a_replaced_refresh_token_ends_its_family_over_a_crash_too(alone: Registry, ann: Ann) -> None:
    first = ann.tokens()
    second = ann.client.refresh(first["refresh_token"]).json()
    crash(alone)
    assert ann.client.refresh(first["refresh_token"]).status_code == 400
    crash(alone)
    assert ann.client.refresh(second["refresh_token"]).status_code == 400
    assert not works(alone, first["access_token"])
    assert not works(alone, second["access_token"])


def test_what_was_revoked_stays_revoked_over_a_crash(alone: Registry, ann: Ann) -> None:
    one, other = ann.tokens(), ann.tokens()
    assert ann.client.post("/revoke", token=one["access_token"]).status_code == 200
    assert ann.client.post("/revoke", token=other["refresh_token"]).status_code == 200
    crash(alone)
    assert not works(alone, one["access_token"])
    assert not works(alone, other["access_token"])
    assert ann.client.refresh(other["refresh_token"]).status_code == 400


@pytest.mark.parametrize("gone", ["user", "client", "password", "group of sessions"])
def test_tokens_end_with_their_person_and_their_client_over_a_crash_too(alone: Registry, ann: Ann, gone: str) -> None:
    tokens = ann.tokens()
    ask = ann.desk.ask
    match gone:
        case "user":
            anyio.run(lambda: ask("delete_user", id=ann.name))
        case "client":
            anyio.run(lambda: ask("delete_client", client_id=ann.client.client_id))
        case "password":
            anyio.run(lambda: ask("set_user_password", id=ann.name, password="another long passphrase"))
        case _:
            anyio.run(lambda: ask("end_sessions", id=ann.name))
    for _ in range(2):
        assert not works(alone, tokens["access_token"])
        assert ann.client.refresh(tokens["refresh_token"]).status_code in {400, 401}
        crash(alone)


def test_of_twenty_requests_at_once_with_one_code_or_refresh_token_one_is_answered_and_the_family_ends(
    alone: Registry, ann: Ann
) -> None:
    def refused(answers: list[httpx2.Response]) -> list[str]:
        return [answer.json().get("error", "") for answer in answers if answer.status_code != 200]

    with ThreadPoolExecutor(20) as pool:
        code = ann.client.code(ann.browser, VERIFIER, resource=None)
        answers = list(pool.map(lambda _: ann.client.redeem(code, VERIFIER), range(20)))
        assert refused(answers) == ["invalid_grant"] * 19
        (won,) = [answer.json() for answer in answers if answer.status_code == 200]
        assert not works(alone, won["access_token"])
        tokens = ann.tokens()
        answers = list(pool.map(lambda _: ann.client.refresh(tokens["refresh_token"]), range(20)))
        assert refused(answers) == ["invalid_grant"] * 19
        (won,) = [answer.json() for answer in answers if answer.status_code == 200]
        assert not works(alone, won["access_token"])
        assert ann.client.refresh(won["refresh_token"]).status_code == 400


def raw(registry: Registry, target: str, token: str) -> int:
    """The status of a list at a path that no HTTP library would send like this."""
    port = urlsplit(registry.url).port or 0
    body = json.dumps(http.message("tools/list")).encode()
    head = (
        f"POST {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n"
        "Accept: application/json, text/event-stream\r\nContent-Type: application/json\r\nMcp-Method: tools/list\r\n"
        f"MCP-Protocol-Version: 2026-07-28\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(head.encode() + body)
        return int(connection.recv(65_536).split()[1])


def test_a_token_holds_at_its_own_path_however_others_are_spelled(alone: Registry, ann: Ann) -> None:
    token = ann.tokens()["access_token"]
    for same in ("/mcp", "/mcp/", "/airegistry-tools/mcp", "/%6dcp"):
        assert raw(alone, same, token) == 200, same
    elsewhere = (
        "/weather/mcp /weather@1/mcp //mcp /MCP /x/../mcp /./mcp /mcp/../weather/mcp /mcp/weather/mcp /mcp%2fmcp "
        "/mcp;/mcp /mcp%00/mcp /weather%2Fmcp /agents/mcp /api /api/servers /%2e%2e/mcp /mcp/. /.well-known/../mcp "
        "/login/../mcp /login/%2e%2e/mcp /account/mcp /callback/mcp"
    ).split()
    for other in elsewhere:
        assert raw(alone, other, token) in {400, 401, 404, 405}, other


def test_a_forged_or_foreign_jwt_is_no_access_token(alone: Registry, ann: Ann) -> None:
    token = ann.tokens()["access_token"]
    header, body, signature = token.split(".")
    key = httpx2.get(f"{alone.url}/.well-known/jwks.json", trust_env=False).json()["keys"][0]

    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    good = {"alg": "ES256", "kid": key["kid"], "typ": "at+jwt"}
    more = {**claims(token), "scope": "mcp mcp:admin"}
    forged = [
        f"{part(good)}.{part(more)}.{signature}",
        f"{header}.{body}.",
        f"{header}.{body}",
        f"{token}.",
        f"{token}=",
    ]
    for change in (
        {"alg": "none"}, {"alg": "HS256"}, {"typ": "JWT"}, {"typ": "AT+JWT"}, {"typ": "application/at+jwt"},
        {"typ": "logout+jwt"}, {"typ": "oauth-id-jag+jwt"}, {"kid": "../../dev/null"}, {"kid": None}, {"kid": ["x"]},
        {"jwk": key}, {"jku": "http://127.0.0.1:9/x"}, {"x5u": "http://127.0.0.1:9/x"}, {"crit": ["exp"]},
        {"b64": False},
    ):  # fmt: skip
        forged += [f"{part({**good, **change})}.{body}.{signature}", f"{part({**good, **change})}.{body}."]
    for bad in forged:
        assert http.call(alone.mcp, "tools/list", token=bad).status_code == 401, bad
    assert "Traceback" not in alone.process.output()
