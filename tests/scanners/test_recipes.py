"""Which recipes of local servers start what nobody has seen."""

import pytest

from airegistry.core.assets import Server
from airegistry.core.findings import Verdict, judged
from airegistry.scanners.recipes import Recipes
from tests.core.wiring import asset
from tests.scanners.around import ALONE

DIGEST = "@sha256:" + "0a" * 32


def recipe(line: str, *env: str) -> Server:
    command, *args = line.split(" ")
    found = asset("server", "local", transport="stdio", command=command, args=args, env=list(env))
    assert isinstance(found, Server)
    return found


def scanned(one: Server) -> tuple[Verdict, dict[str, str]]:
    verdict, found = judged(Recipes().scan(one, ALONE))
    return verdict, {finding.rule.removeprefix("recipe."): finding.field for finding in found}


@pytest.mark.parametrize(
    ("rule", "field", "line"),
    [
        ("shell", "/command", "bash -c ./run"),
        ("shell", "/command", "C:\\Windows\\System32\\cmd.exe /c run"),
        ("shell", "/args/1", "env A=b sh run"),
        ("not-a-server", "/command", "curl https://tides.dev"),
        ("inline-code", "/args", "python3 -c import(x)"),
        ("inline-code", "/args", "node --eval x"),
        ("index", "/args/1", "npx --registry https://npm.tides.dev tides@1.0.0"),
        ("index", "/args/0", "uvx --index-url=https://pip.tides.dev tides==1.0.0"),
        ("container-rights", "/args/1", "docker run --privileged tides:1.2.3"),
        ("container-rights", "/args/2", "docker run -v /:/host tides:1.2.3"),
        ("container-rights", "/args/1", "docker run --volume=/var/run/docker.sock:/s tides:1.2.3"),
        ("environment", "/args/0", "env LD_PRELOAD=x.so tides"),
    ],
)
def test_a_recipe_that_starts_something_else_blocks(rule: str, field: str, line: str) -> None:
    verdict, found = scanned(recipe(line))
    assert verdict == "block"
    assert found[rule] == field


@pytest.mark.parametrize(
    "name", ["LD_PRELOAD", "PYTHONPATH", "NODE_OPTIONS=--require=x", "DYLD_INSERT_LIBRARIES", "BASH_ENV", "PATH"]
)
def test_a_variable_that_slips_code_in_blocks(name: str) -> None:
    assert scanned(recipe("tides-server", "API_KEY", name)) == ("block", {"environment": "/env/1"})


@pytest.mark.parametrize(
    ("rule", "line"),
    [
        ("unpinned", "npx -y @tides/server"),
        ("unpinned", "npx tides@latest"),
        ("unpinned", "uvx tides"),
        ("unpinned", "uvx --from git+https://github.com/tides/server tides"),
        ("unpinned", "docker run -i --rm tides/server"),
        ("unpinned", "docker run -i --rm tides/server:latest"),
        ("metacharacters", "tides-server $(id)"),
        ("writable-place", "/tmp/tides-server"),
    ],
)
def test_what_may_be_another_program_tomorrow_is_reviewed(rule: str, line: str) -> None:
    verdict, found = scanned(recipe(line))
    assert verdict == "review"
    assert rule in found


@pytest.mark.parametrize(
    "line",
    [
        "tides-server --port 1",
        "python -m tides",
        "node dist/index.js",
        "npx -y @tides/server@1.2.3 /data",
        "uvx tides==1.2.3",
        f"docker run -i --rm -e KEY -v ./data:/data tides/server{DIGEST}",
        "docker run -i tides/server:1.2.3",
    ],
)
def test_a_recipe_that_starts_what_was_seen_passes(line: str) -> None:
    assert scanned(recipe(line, "API_KEY"))[0] == "pass"


def test_a_remote_server_has_no_recipe() -> None:
    assert not Recipes().scan(asset("server", "far", url="https://tides.dev/mcp"), ALONE)
    assert not Recipes().scan(asset("agent", "a"), ALONE)
