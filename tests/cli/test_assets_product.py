"""Commands for assets of every kind and their access, against the product itself."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run
from tests.support.backends import Backend, start_python
from tests.support.logs import pytest_runtest_makereport  # noqa: F401  # a hook
from tests.support.registry import Registry, serving

CARD = {
    "name": "planner", "description": "Plans trips.", "url": "http://127.0.0.1:9/a2a", "version": "1.0.0",
    "protocolVersion": "0.3.0", "capabilities": {}, "defaultInputModes": ["text"], "defaultOutputModes": ["text"],
    "skills": [{"id": "plan", "name": "Plan", "description": "Plans a trip.", "tags": ["trips"]}],
}  # fmt: skip
SKILL = "---\nname: folding\ndescription: How to fold maps.\n---\n# Folding\n"
TOOLS = [
    {"name": name, "description": f"The {name} of a place.", "inputSchema": {"type": "object"}}
    for name in ("forecast", "alerts")
]


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with serving(tmp_path_factory.mktemp("registry")) as started:
        yield started


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    started = start_python(tmp_path_factory.mktemp("backend"))
    yield started
    started.close()


@pytest.fixture
def operator(run: Run, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs commands against the registry as its operator."""
    monkeypatch.setenv("AIREGISTRY_URL", registry.url)
    monkeypatch.setenv("AIREGISTRY_TOKEN", registry.token)
    return run


@pytest.fixture
def weather(operator: Run, tmp_path: Path) -> Iterator[str]:
    """A server with two tools that nobody is asked for."""
    kept = file(tmp_path, "tools.json", TOOLS)
    wanted = ("register", "http://127.0.0.1:9/mcp", "--path", "weather", "--no-fetch", "--tools", kept)
    assert operator(*wanted, "--set", 'version="1.0"').status == 0
    yield "weather"
    assert operator("delete", "weather").status == 0


def file(folder: Path, name: str, value: object) -> str:
    """The name of a file with a text, or a value as JSON."""
    path = folder / name
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return str(path)


def said(run: Run, *argv: str) -> Any:
    """What a command that must succeed prints as JSON."""
    ran = run(*argv, "--json")
    assert ran.status == 0, ran.err
    return json.loads(ran.out)


def test_an_agent_is_registered_by_its_card_shown_and_found_by_a_skill(operator: Run, tmp_path: Path) -> None:
    made = operator("agent", "register", "planner", file(tmp_path, "card.json", CARD), "--tag", "trips")
    assert made.status == 0, made.err
    assert "Plans trips." in made.out
    assert said(operator, "show", "planner", "--kind", "agent")["card"]["skills"][0]["id"] == "plan"
    assert [each["path"] for each in said(operator, "agent", "list", "--skill", "plan")["agents"]] == ["planner"]
    assert operator("agent", "list", "--skill", "cook") == (0, "", "no agents\n")
    assert operator("toggle", "planner", "off", "--kind", "agent").err == "agent `planner` is off\n"
    assert said(operator, "rate", "planner", "4", "--kind", "agent")["average"] == 4
    assert operator("unrate", "planner", "--kind", "agent").out == "average  0.000\nratings  0\n"


def test_a_skill_comes_with_the_files_of_its_folder(operator: Run, tmp_path: Path) -> None:
    folder = tmp_path / "folding"
    folder.mkdir()
    file(folder, "SKILL.md", SKILL)
    file(folder, "creases.md", "Fold twice.\n")
    (folder / "map.png").write_bytes(b"\x89PNG\0")
    made = operator("skill", "register", "folding", str(folder), "--set", "owner_team=maps")
    assert (made.status, "map.png" in made.err) == (0, True), made.err
    assert said(operator, "show", "folding", "--kind", "skill")["owner_team"] == "maps"
    shown = operator("skill", "show", "folding")
    assert (shown.out, shown.err) == (SKILL, "\nfiles of it: SKILL.md, creases.md\n")
    assert operator("skill", "show", "folding", "creases.md") == (0, "Fold twice.\n", "")
    assert "error[not_found]" in operator("skill", "show", "folding", "absent.md").err
    assert "folding" in operator("skill", "list").out
    empty = operator("skill", "register", "empty", str(tmp_path / "nowhere"))
    assert (empty.status, empty.out) == (2, "")


def test_an_entity_fits_its_type_or_is_refused(operator: Run, tmp_path: Path) -> None:
    schema = {"type": "object", "required": ["rows"], "properties": {"rows": {"type": "integer"}}}
    assert operator("entity-type", "define", "dataset", file(tmp_path, "schema.json", schema)).status == 0
    rain = ("entity", "register", "dataset", "rain")
    refused = operator(*rain, file(tmp_path, "none.json", {}))
    assert (refused.status, refused.err.startswith("error[invalid]: ")) == (1, True)
    assert operator(*rain, file(tmp_path, "rain.json", {"rows": 3})).status == 0
    assert [each["path"] for each in said(operator, "entity", "list", "--type", "dataset")["entities"]] == ["rain"]
    operator("update", "rain", 'data={"rows": 4}', 'tags=["wet"]', "--kind", "entity")
    assert said(operator, "show", "rain", "--kind", "entity")["data"] == {"rows": 4}


def test_tools_are_put_together_and_taken_apart(operator: Run, weather: str, tmp_path: Path) -> None:
    assert operator("tools", weather).out.splitlines() == [
        "SERVER   NAME      DESCRIPTION",
        "weather  forecast  The forecast of a place.",
        "weather  alerts    The alerts of a place.",
    ]
    made = operator("virtual", "create", "trip", "--tool", "weather/forecast=look", "--tag", "trips")
    assert made.status == 0, made.err
    assert [tool["name"] for tool in said(operator, "tools", "trip")["tools"]] == ["look"]
    operator("virtual", "add", "trip", weather, "alerts", "--alias", "warn")
    assert {tool["name"] for tool in said(operator, "tools", "trip")["tools"]} == {"look", "warn"}
    assert operator("virtual", "remove", "trip", "look").err == "virtual server `trip` is changed\n"
    assert operator("virtual", "remove", "trip").status == 2
    operator("virtual", "update", "trip", "--tool", weather, "--description", "For trips.")
    assert len(said(operator, "tools", "trip")["tools"]) == 2
    assert "For trips." in operator("virtual", "list").out
    assert operator("delete", "trip", "--kind", "virtual_server").status == 0


def test_a_change_is_shown_before_it_is_made(operator: Run, weather: str) -> None:
    shown = operator("update", weather, "owner_team=sky", 'tags=["eu"]', "--dry-run")
    assert (shown.status, shown.err) == (0, "nothing is changed\n")
    assert next(line.split() for line in shown.out.splitlines() if "owner_team" in line) == ["owner_team", "sky"]
    assert said(operator, "show", weather)["tags"] == []
    changed = said(operator, "update", weather, "owner_team=sky", 'tags=["eu"]')
    assert (changed["owner_team"], changed["tags"]) == ("sky", ["eu"])
    assert "error[not_found]" in operator("update", "absent", "name=x").err
    assert operator("update", weather, "name").status == 2


def test_versions_stand_side_by_side(operator: Run, backend: Backend) -> None:
    for version in ("1.0", "2.0"):
        made = operator("register", backend.url, "--path", "parcel", "--set", f'version="{version}"')
        assert made.status == 0, made.err
    assert operator("versions", "default", "parcel", "2.0").err == "2.0 is the default version of server `parcel`\n"
    ended = operator("versions", "deprecate", "parcel", "1.0", "--successor", "2.0")
    assert ended == (0, "", "version 1.0 of server `parcel` is deprecated\n")
    shown = {each["version"]: each for each in said(operator, "versions", "list", "parcel")["versions"]}
    assert (shown["2.0"]["default"], shown["1.0"]["deprecated"], shown["1.0"]["successor"]) == (True, True, "2.0")
    assert operator("versions", "deprecate", "parcel", "1.0", "--undo").status == 0
    assert said(operator, "health", "parcel")["health"] == "healthy"
    assert operator("versions", "delete", "parcel", "1.0").status == 0
    assert [each["version"] for each in said(operator, "versions", "list", "parcel")["versions"]] == ["2.0"]
    assert "error[conflict]" in operator("versions", "delete", "parcel", "2.0").err


def test_tools_for_a_task_are_found_and_health_is_told(operator: Run, weather: str) -> None:
    found = operator("find", "the weather forecast of a place", "--limit", "1")
    assert found.out.splitlines()[1].split()[:2] == ["weather", "forecast"]
    assert operator("health").out.splitlines()[0].split() == ["status", "ok"]
    asked = said(operator, "health", weather)
    assert (asked["path"], bool(asked["error"])) == (weather, True)
    assert operator("health", weather).out.splitlines()[:2] == ["kind        server", "path        weather"]


def test_access_is_explained_and_ends_with_its_scope(operator: Run, weather: str) -> None:
    operator("scope", "put", "sky", "--grant", '{"assets": ["weather"], "actions": ["update", "call"]}')
    operator("group", "put", "pilots", "--scope", "sky")
    asked = ("access", "explain", "group:pilots", "update", "server/weather")
    assert said(operator, *asked)["allowed"] is True
    uncallable = said(operator, "access", "explain", "group:pilots", "call", weather, "--tool", "forecast")
    assert (uncallable["allowed"], uncallable["reason"]) == (False, "it was never fetched and scanned")
    assert operator("scope", "list").out.count("sky") == 1
    assert "pilots" in operator("group", "list").out
    assert operator("scope", "delete", "sky").err == "removed scope `sky`\n"
    shown = operator(*asked)
    assert shown.out.splitlines()[0].split() == ["allowed", "no"]
    assert operator("group", "delete", "pilots").err == "removed group `pilots`\n"
    assert "pilots" not in operator("group", "list").out


def test_a_running_trail_is_verified_and_sessions_end(operator: Run) -> None:
    verified = said(operator, "audit", "verify", "--running")
    assert (verified["intact"], verified["records"] > 0) == (True, True)
    assert operator("audit", "verify", "--running", "--data", "x").status == 2
    operator("user", "add", "ann", "--name", "Ann")
    ended = operator("user", "end-sessions", "ann")
    assert ended == (0, "", "ended 0 web sessions of user `ann`, and all tokens of theirs\n")
