"""`agentcore`: tokens of a manifest are got and set, and the manifest is written as far as AWS tells of it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from airegistry.cli.errors import NoAnswer, Usage
from airegistry.cli.token_manifest import read_manifest
from airegistry.cli.token_refresh import Refresher, next_in
from airegistry.egress.guard import Guard
from tests.cli.conftest import Run
from tests.cli.registry import FakeRegistry, Json
from tests.support.oauth_world import OAuthWorld

SET: Json = {"path": "orders", "credentials": []}


@pytest.fixture(scope="module")
def served_world() -> Iterator[OAuthWorld]:
    with OAuthWorld() as started:
        yield started


@pytest.fixture
def world(served_world: OAuthWorld, monkeypatch: pytest.MonkeyPatch) -> OAuthWorld:
    monkeypatch.setenv("ORDERS_SECRET", "s3cret")
    monkeypatch.setenv("OAUTH_CLIENT_SECRET_client7", "s3cret-7")
    return served_world.clear()


def written(folder: Path, *entries: Json) -> str:
    file = folder / "manifest.json"
    file.write_text(json.dumps(entries))
    return str(file)


def entry(world: OAuthWorld, **more: object) -> Json:
    return {
        "server": "orders", "token_endpoint": f"{world.url}/token", "client_id": "client7",
        "client_secret_env": "ORDERS_SECRET", **more,
    }  # fmt: skip


def refresher(world: OAuthWorld, *entries: Json, calls: list[Json], said: list[str]) -> Refresher:
    def set_(tool: str, arguments: Json) -> None:
        assert tool == "set_credential"
        calls.append(arguments)

    return Refresher(Guard(loopback=True), read_manifest(json.dumps(entries)), set_, said.append, 2700.0)


def test_each_server_of_the_manifest_gets_a_token_of_its_own_and_no_secret_is_shown(
    fake: FakeRegistry, run: Run, world: OAuthWorld, tmp_path: Path
) -> None:
    fake.says(SET)
    second = {
        "server_path": "/refunds", "discovery_url": f"{world.url}/.well-known/oauth-authorization-server",
        "allowed_clients": ["client7"], "idp_vendor": "unknown", "kind": "agent", "scope": "call",
        "audience": "refunds",
    }  # fmt: skip
    ran = run("agentcore", "refresh-tokens", "--manifest", written(tmp_path, entry(world), second), "--once")
    assert ran.status == 0, ran.err
    assert fake.calls == [
        ("set_credential", {"path": "orders", "kind": "server", "credential": {"kind": "bearer", "token": "token-1"}}),
        ("set_credential", {"path": "refunds", "kind": "agent", "credential": {"kind": "bearer", "token": "token-2"}}),
    ]
    first, other = world.requests("/token")
    assert (first["grant_type"], first["client_id"], first["client_secret"]) == (
        "client_credentials",
        "client7",
        "s3cret",
    )
    assert (other["client_secret"], other["scope"], other["audience"]) == ("s3cret-7", "call", "refunds")
    assert "s3cret" not in ran.out + ran.err
    assert "token-1" not in ran.out + ran.err


def test_one_that_fails_keeps_none_from_its_token_and_the_status_says_so(
    fake: FakeRegistry, run: Run, world: OAuthWorld, tmp_path: Path
) -> None:
    fake.says(SET)
    broken = entry(world, server="broken", client_secret_env="NO_SUCH_NAME")
    ran = run("agentcore", "refresh-tokens", "--manifest", written(tmp_path, broken, entry(world)), "--once")
    assert ran.status == 1
    assert "the environment has no NO_SUCH_NAME" in ran.err
    assert [call[1]["path"] for call in fake.calls] == ["orders"]


def test_a_token_is_renewed_before_it_ends_and_a_failure_is_tried_again_later(world: OAuthWorld) -> None:
    calls: list[Json] = []
    said: list[str] = []
    under = refresher(world, entry(world), calls=calls, said=said)
    assert under.refresh(0.0)
    assert under.wait(0.0) == pytest.approx(480.0)  # of 600 s
    assert under.refresh(479.0)
    assert len(calls) == 1
    world.refusal = (500, {"error": "broken"})
    assert not under.refresh(480.0)
    assert under.wait(480.0) == 30.0
    assert not under.refresh(510.0)
    assert under.wait(510.0) == 60.0
    world.refusal = None
    assert under.refresh(570.0)
    assert [call["credential"]["token"] for call in calls] == ["token-1", "token-2"]
    assert "answered HTTP 500" in said[1]


@pytest.mark.parametrize(
    ("life", "interval", "wait"),
    [
        (3600.0, 2700.0, 2700.0),
        (3600.0, 9999.0, 3300.0),
        (600.0, 2700.0, 480.0),
        (None, 2700.0, 2700.0),
        (4.0, 60.0, 3.2),
    ],
)
def test_the_next_token_is_due_before_the_last_one_ends(life: float | None, interval: float, wait: float) -> None:
    assert next_in(life, interval) == pytest.approx(wait)


@pytest.mark.parametrize(
    ("endpoint", "words"),
    [("http://login.example.com/token", "not https"), ("https://169.254.169.254/token", "never allowed")],
)
def test_a_secret_goes_neither_in_the_clear_nor_to_a_metadata_service(
    world: OAuthWorld, endpoint: str, words: str
) -> None:
    calls: list[Json] = []
    said: list[str] = []
    assert not refresher(world, entry(world, token_endpoint=endpoint), calls=calls, said=said).refresh(0.0)
    assert words in said[0]
    assert calls == []


def test_a_discovery_document_cannot_send_the_secret_over_plain_http(world: OAuthWorld) -> None:
    world.metadata = {"token_endpoint": "http://login.example.com/token"}
    calls: list[Json] = []
    said: list[str] = []
    asked = entry(world, token_endpoint=None, discovery_url=f"{world.url}/.well-known/oauth-authorization-server")
    assert not refresher(world, asked, calls=calls, said=said).refresh(0.0)
    assert "not https" in said[0]
    assert world.requests("/token") == []


def test_without_a_registry_nothing_else_is_tried(world: OAuthWorld) -> None:
    def gone(tool: str, arguments: Json) -> None:
        raise NoAnswer("unreachable", "nobody there", "")

    under = Refresher(Guard(loopback=True), read_manifest(json.dumps([entry(world)])), gone, print, 60.0)
    with pytest.raises(NoAnswer):
        under.refresh(0.0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "no JSON"),
        ("[]", "names no servers"),
        ("7", "names no servers"),
        ('[{"server": "a"}]', "token_endpoint or a discovery_url"),
        ('[{"server": "a", "token_endpoint": "https://x.test/t"}]', "client_id is needed"),
        ('[{"token_endpoint": "https://x.test/t", "client_id": "c"}]', "server"),
        ('[{"server": "a", "token_endpoint": "t", "client_id": "c", "client_secret_env": "A B"}]', "client_secret_env"),
        (
            json.dumps([{"server": name, "token_endpoint": "t", "client_id": "c"} for name in ("a", "/a")]),
            "two entries",
        ),
    ],
)
def test_a_manifest_that_cannot_be_used_is_a_usage_error(text: str, words: str) -> None:
    with pytest.raises(Usage, match=words):
        read_manifest(text)


def test_entra_is_asked_for_the_default_scope_of_the_audience() -> None:
    endpoint = "https://login.microsoftonline.com/tenant/oauth2/v2.0/token"
    known = {"server": "a", "token_endpoint": endpoint, "client_id": "c"}
    (one,) = read_manifest(json.dumps({"servers": [{**known, "allowed_audience": ["api://gateway"]}]}))
    assert one.wanted_scope == "api://gateway/.default"
    (text,) = read_manifest(json.dumps([{**known, "allowed_audience": "x/.default"}]))
    assert text.wanted_scope == "x/.default"
    other = "https://login.microsoftonline.com.example.test/token"
    (foreign,) = read_manifest(json.dumps([{**known, "token_endpoint": other, "allowed_audience": "x"}]))
    assert foreign.wanted_scope == ""


def test_the_manifest_of_what_is_registered_is_printed(fake: FakeRegistry, run: Run) -> None:
    jwt = {"discoveryUrl": "https://login.test/.well-known/openid-configuration", "allowedClients": ["c7"]}
    aws = {"source": "aws", "kind": "agentcore"}
    fake.says(
        {
            "services": [
                {"path": "orders", "metadata": {"agentcore": {"auth": "jwt", "jwt": jwt}}, "provenance": aws},
                {"path": "signed", "metadata": {"agentcore": {"auth": "sigv4"}}, "provenance": aws},
                {"path": "forged", "metadata": {"agentcore": {"jwt": jwt}}, "provenance": {**aws, "kind": "peer"}},
                {"path": "local", "metadata": {"agentcore": {"jwt": jwt}}, "provenance": {"source": "local"}},
                {"path": "other", "metadata": {}},
            ],
            "agents": [],
            "next_cursor": None,
        }
    )
    ran = run("agentcore", "manifest")
    assert ran.status == 0, ran.err
    (found,) = read_manifest(ran.out)
    assert (found.path, found.client, found.secret_env) == ("orders", "c7", "OAUTH_CLIENT_SECRET_c7")
    assert found.discovery_url == jwt["discoveryUrl"]
    assert [call[0] for call in fake.calls] == ["list_services", "list_agents"]
