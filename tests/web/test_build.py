"""What is committed is what the sources make, and it is small."""

import gzip
import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from airegistry.cli.client_forms import FORMS, codex_table, command_of
from tests.support import node
from tests.support.processes import ROOT

WEB, STATIC = ROOT / "web", ROOT / "airegistry" / "web" / "static"
BUDGET, FIRST = 150 * 1024, 50 * 1024
"""Bytes by gzip of everything together, and of what is read before Find is shown."""
HOST = re.compile(rb"://([a-z0-9.-]+)", re.IGNORECASE)
NAMED = {"www.w3.org", "mcp.example.com", "registry.modelcontextprotocol.io"}
"""Names of markup, an example, and the official registry as one that may be synced from: texts, all of them. That
nothing is asked of another host is what every test in a browser looks at."""


@pytest.fixture(autouse=True)
def _nothing_breaks() -> None:
    """No browser is opened here."""


def files(folder: Path) -> Mapping[str, bytes]:
    """What is built, without what is only compressed."""
    found = (each for each in folder.rglob("*") if each.is_file())
    return {str(each.relative_to(folder)): each.read_bytes() for each in found if each.suffix not in {".br", ".gz"}}


def ready() -> None:
    """Skip where the page cannot be built."""
    node.require_node()
    if not (WEB / "node_modules" / "vite").exists():
        pytest.skip("no packages of the web page: run .ci/install-web")


def run(*command: str, home: Path) -> str:
    done = subprocess.run(
        command, cwd=WEB, env=node.env(home), capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_committed_files_are_what_the_sources_make_byte_for_byte(tmp_path: Path) -> None:
    ready()
    run(str(node.NODE), "scripts/build.mjs", str(tmp_path / "static"), home=tmp_path)
    assert files(tmp_path / "static").keys() == files(STATIC).keys(), "run `npm run build` in web/"
    assert files(tmp_path / "static") == files(STATIC), "run `npm run build` in web/"


def test_types_fit_and_the_logic_without_a_browser_does_what_it_says(tmp_path: Path) -> None:
    ready()
    run(str(node.NODE), "node_modules/typescript/bin/tsc", "--noEmit", home=tmp_path)
    run(str(node.NODE), "--test", "tests/*.test.ts", home=tmp_path)


@pytest.mark.parametrize("url", ["https://registry.test/weather/mcp", "http://127.0.0.1:8080/a b/'mcp"])
def test_assistants_are_told_what_the_command_line_tells_them(tmp_path: Path, url: str) -> None:
    ready()
    script = f"import {{ waysTo }} from './src/clients.ts'; console.log(JSON.stringify(waysTo('weather', {url!r})))"
    ways = json.loads(run(str(node.NODE), "--input-type=module", "--eval", script, home=tmp_path))
    found = {way["id"]: way for way in ways}
    assert {*found} == {*FORMS, "codex", "claude-ai", "inspector"}
    for client, form in FORMS.items():
        assert found[client].get("command") == command_of(client, "weather", url, token=False)
        assert json.loads(found[client]["text"]) == form.document("weather", url, token=False)
        assert found[client]["file"] == (f"~/{form.home}" if form.home else str(form.project))
    assert found["codex"]["command"] == command_of("codex", "weather", url, token=False)
    assert found["codex"]["text"] == codex_table("weather", url, token=False)
    page = (ROOT / "clients" / "inspector.md").read_text()
    asked = found["inspector"]["command"].replace(" --header", " --strict --header")
    assert asked.partition(" --transport")[2] in page


def test_everything_together_takes_less_than_150_kb() -> None:
    sizes = {name: len(gzip.compress(body)) for name, body in files(STATIC).items()}
    assert sum(sizes.values()) < BUDGET, sizes


def test_what_the_first_view_reads_is_a_handful_of_small_files() -> None:
    manifest = json.loads((STATIC / "manifest.json").read_bytes())
    wanted, waiting = {manifest["style.css"]["file"]}, ["src/main.tsx", "src/views/find.tsx"]
    while waiting:
        chunk = manifest[waiting.pop()]
        if chunk["file"] not in wanted:
            wanted.add(chunk["file"])
            waiting += chunk.get("imports", [])
    sizes = {name: len(gzip.compress((STATIC / name).read_bytes())) for name in wanted}
    assert sum(sizes.values()) < FIRST, sizes
    assert len(sizes) <= 8, sizes


def test_what_is_compressed_is_the_file_beside_it() -> None:
    for packed in STATIC.rglob("*.gz"):
        assert gzip.decompress(packed.read_bytes()) == packed.with_suffix("").read_bytes()
    plain = {each for each in STATIC.joinpath("assets").iterdir() if each.suffix in {".js", ".css"}}
    assert {Path(f"{each}.br") for each in plain} | {Path(f"{each}.gz") for each in plain} <= {*STATIC.rglob("*")}


def test_no_file_carries_a_map_a_machine_path_or_another_host() -> None:
    for name, body in files(STATIC).items():
        assert b"sourceMappingURL" not in body, name
        assert str(ROOT).encode() not in body, name
        named = {found.decode() for found in HOST.findall(body)}
        assert named <= NAMED or not name.endswith(".js"), (name, named)


def test_a_class_has_its_rules_in_one_stylesheet_as_all_of_them_become_one() -> None:
    places: dict[str, set[str]] = {}
    for file in (WEB / "src").rglob("*.css"):
        plain = re.sub(r"/\*.*?\*/", "", file.read_text(), flags=re.DOTALL)
        for selector in ",".join(re.findall(r"([^{}]+)\{", plain)).split(","):
            if re.fullmatch(r"\.[\w-]+", selector.strip()):
                places.setdefault(selector.strip(), set()).add(file.name)
    assert len(places) > 100
    assert {name: files for name, files in places.items() if len(files) > 1} == {}
