"""The Cisco scanners as another process: asked line by line, started when needed, and never a pass by being broken."""

import json
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

import pytest

from airegistry.core.assets import Agent, Entity, Server, Skill, Tool
from airegistry.core.errors import ScanFailed
from airegistry.core.findings import judged
from airegistry.scanners.cisco import WORKER, Cisco
from tests.scanners.around import ALONE

pytestmark = pytest.mark.anyio
PYTHON = Path(sys.executable)
SERVER = Server(path="weather", name="weather", tools=[Tool(name="forecast", description="The sky.")])
AGENT = Agent(path="a", name="a", card={"name": "a"})
SKILL = Skill(path="s", name="s", content="# s", files={"run/x.py": "pass"})


class Time:
    """A clock that tests move."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def worker(folder: Path, answer: str) -> Path:
    """A worker whose `answer(request, number)` is this body; it notes what it was asked in `asked.jsonl`."""
    path = folder / "worker.py"
    path.write_text(
        "import json, os, sys, time\n"
        f"def answer(request, number):\n{textwrap.indent(textwrap.dedent(answer), '    ')}\n"
        "for number, line in enumerate(sys.stdin, 1):\n"
        f"    open({str(folder / 'asked.jsonl')!r}, 'a').write(line)\n"
        "    print(json.dumps(answer(json.loads(line), number)), flush=True)\n"
    )
    return path


def asked(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "asked.jsonl").read_text().splitlines()]


def scanner(path: Path, *, patience: float = 10, rests: Sequence[float] = (0,), clock: Time | None = None) -> Cisco:
    return Cisco(PYTHON, worker=path, patience=patience, rests=rests, clock=clock or Time())


NOTHING = "return {'id': request['id'], 'findings': []}"


async def test_each_kind_is_asked_in_its_own_form_and_by_one_process(tmp_path: Path) -> None:
    async with scanner(worker(tmp_path, NOTHING)) as cisco:
        for asset in (SERVER, AGENT, SKILL):
            assert await cisco.scan(asset, ALONE) == []
        assert await cisco.scan(Entity(path="e", name="e", type="t"), ALONE) == []
        assert await cisco.scan(Server(path="empty", name="empty"), ALONE) == []
    tools, card, skill = asked(tmp_path)
    assert [each["id"] for each in (tools, card, skill)] == [1, 2, 3]
    assert (tools["kind"], card["card"], skill["files"]) == (
        "tools", {"name": "a"}, {"SKILL.md": "# s", "run/x.py": "pass"},
    )  # fmt: skip


async def test_what_it_finds_is_no_structure_so_that_it_holds_nothing_alone(tmp_path: Path) -> None:
    finding = {
        "severity": "HIGH", "name": "PROMPT INJECTION", "message": "hides \u202e", "field": "/tools/0/description",
    }  # fmt: skip
    found = f"return {{'id': request['id'], 'findings': [{finding}, {{'severity': 'UNKNOWN', 'name': '!'}}]}}"
    async with scanner(worker(tmp_path, found)) as cisco:
        first, second = await cisco.scan(SERVER, ALONE)
    assert (first.rule, first.severity, first.field) == ("cisco.prompt-injection", "high", "/tools/0/description")
    assert (first.message, second.rule, second.severity) == ("Cisco: hides \\u202e", "cisco.finding", "medium")
    assert judged([first, second])[0] == "review"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("return {'id': request['id'], 'error': 'analyzers that did not run: yara'}", "did not run: yara"),
        ("return {'id': request['id']}", "no findings and no error"),
        ("return {'id': 99, 'findings': []}", "broke"),
        ("return 'nonsense'", "broke"),
        ("sys.exit(1)", "broke"),
        ("time.sleep(60)", "no answer within 0.3 s"),
    ],
)
async def test_no_answer_is_no_pass(tmp_path: Path, answer: str, said: str) -> None:
    async with scanner(worker(tmp_path, answer), patience=0.3 if "sleep" in answer else 10) as cisco:
        with pytest.raises(ScanFailed, match=said):
            await cisco.scan(SERVER, ALONE)


async def test_a_python_that_is_not_there_is_no_pass(tmp_path: Path) -> None:
    async with Cisco(tmp_path / "python", rests=(0,)) as cisco:
        with pytest.raises(ScanFailed, match="broke: FileNotFoundError"):
            await cisco.scan(SERVER, ALONE)


async def test_a_process_that_broke_is_started_again_after_a_rest(tmp_path: Path) -> None:
    flag = tmp_path / "broken"
    flag.touch()
    body = f"if os.path.exists({str(flag)!r}): sys.exit(1)\n{NOTHING}"
    clock = Time()
    async with scanner(worker(tmp_path, body), rests=(0, 30), clock=clock) as cisco:
        for _ in range(2):
            with pytest.raises(ScanFailed, match="broke: "):
                await cisco.scan(SERVER, ALONE)
        flag.unlink()
        with pytest.raises(ScanFailed, match="left alone for 30 s"):
            await cisco.scan(SERVER, ALONE)
        clock.now = 31
        assert await cisco.scan(SERVER, ALONE) == []
        assert len(asked(tmp_path)) == 3


async def test_it_is_told_nothing_of_the_registry_s_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIREGISTRY_ADMIN_TOKEN", "secret")
    body = "return {'id': request['id'], 'error': ' '.join(sorted(os.environ))}"
    async with scanner(worker(tmp_path, body)) as cisco:
        with pytest.raises(ScanFailed, match="LITELLM_LOCAL_MODEL_COST_MAP") as refusal:
            await cisco.scan(SERVER, ALONE)
    assert "AIREGISTRY" not in refusal.value.message


async def test_the_worker_says_so_where_the_packages_are_missing() -> None:
    async with Cisco(PYTHON, worker=WORKER) as cisco:
        for asset, package in ((SERVER, "mcpscanner"), (AGENT, "a2ascanner"), (SKILL, "skill_scanner")):
            with pytest.raises(ScanFailed, match=f"No module named .*{package}"):
                await cisco.scan(asset, ALONE)
