"""Files, folders and URLs are read as the assets they hold, whatever else is wrong with them."""

import json
from pathlib import Path

import pytest

from airegistry.core.assets import Agent, Server, Skill, Tool
from airegistry.core.errors import Invalid
from airegistry.evaluation.sources import MAX_COMPANION, read_path, read_url
from tests.core.network import FakeNetwork

pytestmark = pytest.mark.anyio
SKILL = "---\nname: tidy-up\ndescription: Tidies.\n---\nSteps."
CARD = {"name": "Ann", "skills": [{"id": "s", "name": "s"}], "url": "https://a.test/"}


def only(folder: Path, value: object, name: str = "document.json") -> object:
    """The one asset of a document."""
    path = folder / name
    path.write_text(json.dumps(value))
    (source,) = read_path(path)
    assert source.uri == path.as_posix()
    return source.asset


@pytest.mark.parametrize(
    "value",
    [
        [{"name": "t"}],
        {"tools": [{"name": "t"}]},
        {"jsonrpc": "2.0", "id": 1, "result": {"tools": [{"name": "t"}]}},
        {"name": "t", "inputSchema": {}},
    ],
)
def test_tools_are_read_in_every_usual_form(tmp_path: Path, value: object) -> None:
    server = only(tmp_path, value)
    assert isinstance(server, Server)
    assert (server.name, [tool.name for tool in server.tools]) == ("document", ["t"])


def test_the_lists_of_a_server_are_read_with_its_instructions(tmp_path: Path) -> None:
    server = only(tmp_path, {
        "name": "Weather", "tools": [], "prompts": [{"name": "p"}, {"name": 3}], "instructions": "Be kind.",
        "resources": [{"uri": "a:b"}, {"uri": 4}],
    })  # fmt: skip
    assert isinstance(server, Server)
    assert (server.path, server.instructions) == ("weather", "Be kind.")
    assert ([prompt.name for prompt in server.prompts], [each.uri for each in server.resources]) == (
        ["p", "3"], ["a:b", "4"],
    )  # fmt: skip


def test_an_agent_card_is_read(tmp_path: Path) -> None:
    agent = only(tmp_path, CARD)
    assert isinstance(agent, Agent)
    assert (agent.name, agent.url, agent.skills[0].id) == ("Ann", "https://a.test/", "s")


def test_a_server_json_is_read_as_the_recipes_and_remotes_it_names(tmp_path: Path) -> None:
    path = tmp_path / "server.json"
    path.write_text(json.dumps({"server": {
        "name": "io.github.x/y", "description": "d", "version": "1.2.3",
        "packages": [
            {"registryType": "npm", "identifier": "@x/y", "version": "1.2.3",
             "runtimeArguments": [{"type": "positional", "value": "-y"}],
             "packageArguments": [{"type": "named", "name": "--root", "value": "/srv"}],
             "environmentVariables": [{"name": "KEY"}]},
            {"registryType": "pypi", "identifier": "y", "runtimeHint": "pipx"},
        ],
        "remotes": [{"type": "streamable-http", "url": "https://y.test/mcp"}],
    }}))  # fmt: skip
    servers = [source.asset for source in read_path(path)]
    assert all(isinstance(server, Server) for server in servers)
    npm, pypi, remote = [server for server in servers if isinstance(server, Server)]
    assert (npm.path, npm.transport, npm.command, npm.args, npm.env) == (
        "io.github.x-y", "stdio", "npx", ["-y", "@x/y@1.2.3", "--root", "/srv"], ["KEY"],
    )  # fmt: skip
    assert (pypi.command, pypi.args, remote.url) == ("pipx", ["y"], "https://y.test/mcp")
    bare = only(tmp_path, {"name": "z", "packages": []})
    assert isinstance(bare, Server)
    assert bare.name == "z"


def test_the_servers_of_a_client_s_settings_are_read_without_the_values_of_their_environment(tmp_path: Path) -> None:
    path = tmp_path / "mcp.json"
    path.write_text(json.dumps({"mcpServers": {
        "local": {"command": "npx", "args": ["-y", "pkg"], "env": {"KEY": "s3cret"}}, "far": {"url": "https://f.test/mcp"},
    }}))  # fmt: skip
    local, far = (source.asset for source in read_path(path))
    assert isinstance(local, Server)
    assert isinstance(far, Server)
    assert (local.command, local.args, local.env, far.url) == ("npx", ["-y", "pkg"], ["KEY"], "https://f.test/mcp")


def test_a_folder_is_read_as_all_skills_in_it_with_their_companions(tmp_path: Path) -> None:
    for name in ("a", "b"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "SKILL.md").write_text(SKILL)
    (tmp_path / "a" / "run").mkdir()
    (tmp_path / "a" / "run" / "x.py").write_text("pass")
    (tmp_path / "a" / "picture.png").write_bytes(b"\x89PNG\x00")
    (tmp_path / "a" / "latin.txt").write_bytes(b"\xe9")
    (tmp_path / "a" / "long.txt").write_text("x" * (MAX_COMPANION + 1))
    (tmp_path / "a" / "link").symlink_to("/etc/hostname")
    (tmp_path / "a" / ".git").mkdir()
    (tmp_path / "a" / ".git" / "config").write_text("")
    first, second = read_path(tmp_path)
    assert isinstance(first.asset, Skill)
    assert (first.asset.path, first.asset.content, first.asset.files) == ("tidy-up", SKILL, {"run/x.py": "pass"})
    assert (sorted(first.unread), second.unread) == (["latin.txt", "link", "long.txt", "picture.png"], [])
    (alone,) = read_path(tmp_path / "b" / "SKILL.md")
    assert isinstance(alone.asset, Skill)
    assert alone.asset.description == "Tidies."


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{oops", "is no JSON"), (b"3", "neither an object nor a list"), (b'{"x": 1}', "is no list of tools"),
        (b"[1]", "no list of objects"), (b"\x00", "as text of at most"),
    ],
)  # fmt: skip
def test_what_cannot_be_scanned_is_refused_by_name(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "document.json"
    path.write_bytes(content)
    with pytest.raises(Invalid) as refusal:
        read_path(path)
    assert said in refusal.value.message
    assert str(path) in refusal.value.message


def test_what_is_not_there_or_holds_no_skill_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="No such file"):
        read_path(tmp_path / "none.json")
    with pytest.raises(Invalid, match=r"holds no SKILL\.md"):
        read_path(tmp_path)


async def test_a_url_is_read_as_a_document_or_as_a_live_server() -> None:
    network = FakeNetwork()
    network.texts = {"https://x.test/card.json": json.dumps(CARD), "https://x.test/s/SKILL.md": SKILL}
    network.tools = {"https://x.test/mcp": [Tool(name="t")]}
    (card,) = await read_url("https://x.test/card.json", network)
    (skill,) = await read_url("https://x.test/s/SKILL.md", network)
    (server,) = await read_url("https://x.test/mcp", network)
    assert (card.asset.kind, skill.asset.kind, server.asset.kind) == ("agent", "skill", "server")
    assert isinstance(server.asset, Server)
    assert (server.asset.path, server.asset.tools[0].name, server.asset.instructions) == ("x.test", "t", "Be kind.")
    with pytest.raises(Invalid, match="none that may be fetched"):
        await read_url("http://x.test/mcp", network)
