"""Process and settings, as CONTRACTS.md states them."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.contract.acts import Desk, fresh
from tests.support import http, mcp
from tests.support.registry import Registry, serving

GUARDED = [
    ("GET", "/"),
    ("POST", "/mcp"),
    ("GET", "/mcp"),
    ("DELETE", "/mcp"),
    ("POST", "/airegistry-tools/mcp"),
    ("POST", "/weather/mcp"),
    ("GET", "/weather/mcp"),
    ("GET", "/weather/sse"),
    ("POST", "/weather@1.0.0/mcp"),
    ("POST", "/agents/travel"),
    ("GET", "/api/v1/servers"),
    ("GET", "/v0.1/servers"),
    ("GET", "/v0/servers"),
    ("GET", "/scim/v2/Users"),
    ("GET", "/metrics"),
    ("GET", "/docs"),
    ("GET", "/openapi.json"),
    ("GET", "/healthz/deep"),
    ("GET", "/no/such/page"),
    ("OPTIONS", "/mcp"),
    ("PUT", "/mcp"),
]


@pytest.fixture
def fresh_registry(tmp_path: Path) -> Iterator[Registry]:
    """A registry on a folder of its own, not started."""
    registry = Registry(tmp_path)
    yield registry
    registry.close()


@pytest.mark.parametrize("token", ["x", "t" * 31])
def test_an_operator_token_below_32_characters_is_refused_at_start(fresh_registry: Registry, token: str) -> None:
    fresh_registry.env["AIREGISTRY_ADMIN_TOKEN"] = token
    process = fresh_registry.spawn()
    assert process.wait_end() not in {0, 3}
    assert "AIREGISTRY_ADMIN_TOKEN" in process.output()
    assert "32" in process.output()
    assert "Traceback" not in process.output()


def test_an_operator_token_of_32_characters_is_accepted(fresh_registry: Registry) -> None:
    fresh_registry.token = fresh_registry.env["AIREGISTRY_ADMIN_TOKEN"] = "t" * 32
    fresh_registry.start()
    assert http.call(fresh_registry.mcp, "tools/list", token="t" * 32).status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_nothing_listens_beyond_loopback_without_tls_declared(fresh_registry: Registry, host: str) -> None:
    process = fresh_registry.spawn(host)
    assert process.wait_end() not in {0, 3}
    assert "AIREGISTRY_TLS_TERMINATED" in process.output()
    assert "Traceback" not in process.output()


def test_a_second_process_on_the_folder_exits_with_3_and_says_why(registry: Registry, tmp_path: Path) -> None:
    second = Registry(tmp_path)
    second.data = registry.data
    process = second.spawn()
    assert process.wait_end() == 3
    assert str(registry.data) in process.output()
    assert re.search(r"another|in use|already|locked", process.output())
    assert "Traceback" not in process.output()
    assert registry.is_ready()


def test_the_lock_ends_with_the_process_even_on_kill_9(fresh_registry: Registry) -> None:
    fresh_registry.start()
    fresh_registry.process.kill()
    fresh_registry.start()
    assert fresh_registry.is_ready()


@pytest.mark.anyio
async def test_a_damaged_store_is_reported_and_kept_and_never_silently_emptied(registry_folder: Registry) -> None:
    await Desk(registry_folder).store("precious", description="precious-description")
    registry_folder.process.stop()
    file = next(file for file in registry_folder.data.rglob("*") if b"precious-description" in content(file))
    damaged = content(file).replace(b"precious-description", b"precious-\x00\x00\x00cription")
    file.write_bytes(damaged)
    shown = registry_folder.process.output()
    registry_folder.start()
    assert re.search(r"damage|corrupt|set aside", registry_folder.process.output().removeprefix(shown))
    assert any(b"precious-\x00\x00\x00cription" in content(kept) for kept in registry_folder.data.rglob("*"))


def content(file: Path) -> bytes:
    """The bytes of a file; none of anything else."""
    return file.read_bytes() if file.is_file() else b""


def test_it_ends_in_time_though_a_client_keeps_a_stream_open(registry_folder: Registry) -> None:
    session = http.session(registry_folder.mcp, registry_folder.token)
    headers = http.legacy_headers(registry_folder.token, session)
    with http.client() as client, client.stream("GET", registry_folder.mcp, headers=headers) as stream:
        assert stream.status_code == 200
        registry_folder.process.stop()
        assert not registry_folder.is_ready()


@pytest.mark.anyio
async def test_tokens_scopes_and_assets_hold_after_a_restart(tmp_path: Path) -> None:
    with serving(tmp_path) as registry:
        desk = Desk(registry)
        await desk.store("kept", tags=["blue"])
        caller = await desk.token({"kinds": ["server"], "assets": ["kept"]}, groups=["people"])
        registry.restart()
        found = await mcp.ask(registry.mcp, caller, "get_server_details", path="kept")
        assert found["tags"] == ["blue"]
        assert found["tools"][0]["name"] == "lookup"


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_is_open_and_tells_nothing(registry: Registry, path: str) -> None:
    answer = httpx2.get(registry.url + path, trust_env=False)
    assert answer.status_code == 200
    assert len(answer.content) <= 32
    assert not re.search(r"version|\d+\.\d+|asset|path|/", answer.text)


@pytest.mark.parametrize(("method", "path"), GUARDED)
def test_everything_else_is_401_for_nobody(registry: Registry, method: str, path: str) -> None:
    with http.client() as client:
        answer = client.request(method, registry.url + path, headers={"Accept": http.ACCEPT})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("path", ["/api/x", "/api/v1/nothing-here"])
def test_api_that_is_not_built_is_problem_details_for_a_caller(registry: Registry, path: str) -> None:
    answer = httpx2.get(registry.url + path, headers=http.bearer(registry.token), trust_env=False)
    assert answer.status_code == 404
    assert answer.headers["content-type"].split(";")[0] == "application/problem+json"
    assert answer.json()["status"] == 404
    assert answer.json()["title"]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_both_names_of_loopback_are_accepted(registry: Registry, host: str) -> None:
    url = f"http://{host}:{registry.port}"
    answer = post_from(registry, {"Host": f"{host}:{registry.port}", "Origin": url})
    assert answer.status_code == 200


@pytest.mark.parametrize("header", [{"Host": "registry.evil.example"}, {"Origin": "https://evil.example"}])
def test_a_foreign_host_or_origin_is_refused(registry: Registry, header: dict[str, str]) -> None:
    assert 400 <= post_from(registry, header).status_code < 500


def post_from(registry: Registry, headers: dict[str, str]) -> httpx2.Response:
    """`tools/list` as the operator, with other headers."""
    request = http.message("tools/list")
    return http.post(registry.mcp, request, {**http.modern_headers(request, registry.token), **headers})


def test_the_first_start_needs_nothing_and_shows_a_token_once(fresh_registry: Registry) -> None:
    del fresh_registry.env["AIREGISTRY_ADMIN_TOKEN"]
    fresh_registry.start()
    command = re.search(
        r"claude mcp add --transport http \S+ (\S+) .*Bearer ([\w.-]+)", fresh_registry.process.output()
    )
    assert command, fresh_registry.process.output()
    url, token = command.groups()
    assert url == fresh_registry.mcp
    assert http.call(url, "tools/list", token=token).status_code == 200

    shown = fresh_registry.process.output()
    fresh_registry.restart()
    assert token not in fresh_registry.process.output().removeprefix(shown)
    assert http.call(url, "tools/list", token=token).status_code == 200


@pytest.mark.anyio
async def test_the_registrys_own_skills_are_in_the_catalog_from_the_first_start(registry: Registry) -> None:
    listed = await mcp.ask(registry.mcp, registry.token, "list_skills")
    assert len(listed["skills"]) >= 3


@pytest.mark.anyio
async def test_assets_approved_for_dev_are_shown_in_dev_only(tmp_path: Path) -> None:
    path = fresh("dev-only")
    with serving(tmp_path) as registry:
        await Desk(registry).store(path)
        caller = await Desk(registry).token()
        assert (await mcp.ask(registry.mcp, caller, "get_server_details", path=path))["stage"] == "approved_dev"
        registry.env["AIREGISTRY_ENVIRONMENT"] = "production"
        registry.restart()
        with mcp.refused("not_found"):
            await mcp.ask(registry.mcp, caller, "get_server_details", path=path)


@pytest.mark.anyio
async def test_the_challenge_names_the_public_url(tmp_path: Path) -> None:
    with serving(tmp_path, {"AIREGISTRY_PUBLIC_URL": "https://registry.example.org"}) as registry:
        request = http.message("tools/list")
        headers = {**http.modern_headers(request, None), "Host": "registry.example.org"}
        answer = http.post(registry.mcp, request, headers)
        assert answer.status_code == 401
        assert 'resource_metadata="https://registry.example.org/' in answer.headers["www-authenticate"]
