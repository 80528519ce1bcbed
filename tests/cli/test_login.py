"""`airegistry login` and `logout` as processes with a browser of their own, and the login that other commands use."""

import json
import stat
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import anyio
import httpx2
import pytest

from airegistry.cli.logins import LoginFile, saved_token
from airegistry.egress.guard import Guard
from airegistry.egress.json_http import JsonHttp
from airegistry.egress.oauth_client import OAuthClient, client_metadata
from airegistry.egress.oauth_grants import ByPerson
from tests.cli.conftest import Run
from tests.support.oauth_world import Agrees, OAuthWorld
from tests.support.processes import python_env, run_module

VISIT = "import sys, httpx2; httpx2.get(sys.argv[1], follow_redirects=True, trust_env=False)"


@pytest.fixture(scope="module")
def served() -> Iterator[OAuthWorld]:
    with OAuthWorld() as started:
        yield started


@pytest.fixture
def world(served: OAuthWorld) -> OAuthWorld:
    return served.clear()


@pytest.fixture
def env(tmp_path: Path, world: OAuthWorld, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, str]:
    """A home of its own, and a browser whose person agrees, here and in processes started with it."""
    script = tmp_path / "browser.py"
    script.write_text(VISIT)
    values = {"HOME": str(tmp_path), "AIREGISTRY_URL": world.url, "BROWSER": f"{sys.executable} {script} %s &"}
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AIREGISTRY_TOKEN", raising=False)
    return values


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / ".config" / "airegistry"


@pytest.fixture
def logged_in(env: Mapping[str, str], world: OAuthWorld, folder: Path) -> LoginFile:
    """A login, made without a process."""
    file = LoginFile(folder, world.mcp)

    async def login() -> None:
        async with JsonHttp(Guard(loopback=True)) as http:
            await OAuthClient(world.mcp, ByPerson(Agrees(http), client_metadata("test")), http, file).login()

    anyio.run(login)
    return file


def age(file: LoginFile) -> None:
    """Let the access token have ended."""

    async def change() -> None:
        held = await file.load()
        assert held is not None
        tokens = held.tokens.model_copy(update={"issued_at": time.time() - 700, "expires_at": time.time() - 100})
        await file.save(held.model_copy(update={"tokens": tokens}))

    anyio.run(change)


def test_a_login_with_a_browser_is_kept_where_only_its_owner_reads(
    env: Mapping[str, str], world: OAuthWorld, folder: Path
) -> None:
    ran = run_module("airegistry", "login", env=env)
    assert (ran.returncode, ran.stdout) == (0, "")
    assert ran.stderr.endswith(f"logged in at `{world.url}` with `mcp`\n")
    assert stat.S_IMODE((folder / "logins.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert list(json.loads((folder / "logins.json").read_text())) == [world.mcp]
    asked = world.requests("/authorize")[0]
    assert (asked["resource"], asked["code_challenge_method"]) == (world.mcp, "S256")
    assert asked["redirect_uri"].startswith("http://127.0.0.1:")
    assert not any(token in ran.stderr for token in world.valid)


def test_a_login_to_administer_asks_for_it(env: Mapping[str, str], world: OAuthWorld) -> None:
    assert run_module("airegistry", "login", "--admin", "--url", f"{world.url}/mcp", env=env).returncode == 0
    assert world.requests("/authorize")[0]["scope"] == "mcp mcp:admin"


def test_without_a_browser_the_address_is_printed_and_any_browser_will_do(
    env: Mapping[str, str], world: OAuthWorld
) -> None:
    command = [sys.executable, "-m", "airegistry", "login", "--no-browser"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=python_env(env)) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "open this page to log in:\n"
        process.stderr.readline()
        url = process.stderr.readline().strip()
        redirect_uri = dict(parse_qsl(urlsplit(url).query))["redirect_uri"]
        # Neither a page that guesses the port nor another path ends the wait.
        assert httpx2.get(redirect_uri, params={"state": "guess", "code": "x"}, trust_env=False).status_code == 400
        assert httpx2.get(redirect_uri, params={"code": "x"}, trust_env=False).status_code == 400
        assert httpx2.get(redirect_uri + "/x", trust_env=False).status_code == 404
        assert httpx2.post(redirect_uri, trust_env=False).status_code == 404
        page = httpx2.get(url, follow_redirects=True, trust_env=False)
        assert page.text == "The command line has your answer. You can close this page.\n"
        assert page.headers["cache-control"] == "no-store"
        assert "logged in" in process.stderr.read()
        assert process.wait(30) == 0


def test_a_browser_is_not_sent_to_what_is_no_web_page(
    env: Mapping[str, str], world: OAuthWorld, tmp_path: Path
) -> None:
    marker = tmp_path / "opened"
    (tmp_path / "browser.py").write_text(f"open({str(marker)!r}, 'w').close()")
    for endpoint in ("file:///etc/passwd", f"http://a$(touch {marker})", "javascript:alert(1)"):
        world.metadata = {"authorization_endpoint": endpoint}
        ran = run_module("airegistry", "login", env=env)
        assert ran.returncode == 4
        assert "is no URL that can be used" in ran.stderr
    assert not marker.exists()


def test_a_person_who_declines_ends_it_with_1(env: Mapping[str, str], world: OAuthWorld, folder: Path) -> None:
    world.answer = {"code": None, "error": "access_denied"}
    ran = run_module("airegistry", "login", env=env)
    assert ran.returncode == 1
    assert ran.stderr.splitlines()[-1] == f"error[access_denied]: {world.url} refused: access_denied"
    assert not (folder / "logins.json").exists()


def test_a_registry_that_does_not_answer_ends_it_with_4(run: Run, env: Mapping[str, str]) -> None:
    ran = run("login", "--url", "http://127.0.0.1:9")
    assert ran.status == 4
    assert ran.err.startswith("error[unreachable]: no login at `http://127.0.0.1:9`: no connection to 127.0.0.1:9")


def test_a_host_that_is_no_name_is_a_usage_error(run: Run, env: Mapping[str, str]) -> None:
    ran = run("login", "--url", "http://\u2603")
    assert ran.status == 2
    assert "is not the URL of a registry" in ran.err


def test_a_command_uses_the_login_of_its_registry(run: Run, world: OAuthWorld, logged_in: LoginFile) -> None:
    run("list")
    assert world.bearers[-1] in world.valid
    run("list", "--url", f"{world.url}/mcp/")
    assert world.bearers[-1] in world.valid
    run("list", "--url", world.url.replace("127.0.0.1", "localhost"))
    assert world.bearers[-1] is None


def test_a_command_that_takes_a_broader_token_says_which(run: Run, world: OAuthWorld, logged_in: LoginFile) -> None:
    world.needs = "tenant"
    ran = run("list")
    assert (ran.status, ran.err) == (1, "error[access_denied]: this takes a token with the scopes `tenant`\n")


def test_a_token_that_is_given_comes_before_the_login(
    run: Run, world: OAuthWorld, logged_in: LoginFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text("from-a-file")
    run("list", "--token-file", str(tmp_path / "token"))
    assert world.bearers[-1] == "from-a-file"
    monkeypatch.setenv("AIREGISTRY_TOKEN", "from-the-environment")
    run("list")
    assert world.bearers[-1] == "from-the-environment"


def test_commands_at_the_same_time_refresh_the_login_once(world: OAuthWorld, logged_in: LoginFile) -> None:
    age(logged_in)
    tokens: list[str | None] = []

    async def command() -> None:
        tokens.append(await saved_token(world.url))

    async def commands() -> None:
        with anyio.fail_after(20):
            async with anyio.create_task_group() as tasks:
                for _ in range(3):
                    tasks.start_soon(command)

    anyio.run(commands)
    assert [form["grant_type"] for form in world.requests("/token")].count("refresh_token") == 1
    assert len(set(tokens)) == 1
    assert tokens[0] in world.valid


def test_a_login_that_holds_no_longer_says_how_to_log_in(run: Run, world: OAuthWorld, logged_in: LoginFile) -> None:
    age(logged_in)
    world.refusal = (400, {"error": "invalid_grant"})
    ran = run("list")
    assert ran.status == 4
    assert "wants a token\n\nhint: run `airegistry login`" in ran.err


def test_logging_out_revokes_and_forgets(run: Run, world: OAuthWorld, logged_in: LoginFile, folder: Path) -> None:
    ran = run("logout")
    assert (ran.status, ran.out, ran.err) == (0, "", f"logged out at `{world.url}`\n")
    assert [form["token"] for form in world.requests("/revoke")] == ["refresh-3"]
    assert json.loads((folder / "logins.json").read_text()) == {}
    assert run("logout").err == f"there is no login at `{world.url}`\n"


def test_a_login_is_forgotten_also_when_the_registry_cannot_be_told(
    run: Run, world: OAuthWorld, logged_in: LoginFile, folder: Path
) -> None:
    kept = (folder / "logins.json").read_text()
    (folder / "logins.json").write_text(kept.replace("/revoke", "/nowhere"))
    ran = run("logout")
    assert ran.status == 4
    assert "forgotten here, but not revoked" in ran.err
    assert json.loads((folder / "logins.json").read_text()) == {}


@pytest.mark.parametrize("content", ["", "{", "[]", '{"URL": 1}', '{"URL": {"server": "URL"}}'])
def test_a_damaged_file_counts_as_no_login(
    run: Run, env: Mapping[str, str], world: OAuthWorld, folder: Path, content: str
) -> None:
    folder.mkdir(parents=True)
    (folder / "logins.json").write_text(content.replace("URL", world.mcp))
    assert "wants a token" in run("list").err
