"""`audit query` and `audit verify`."""

import csv
import io
import json
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import anyio
import pytest

from airegistry.clock import SystemClock
from airegistry.core.access import Access
from airegistry.core.audit import Audit
from airegistry.core.audit_chain import GENESIS, STREAM, sealed
from airegistry.core.audit_writers import HEADS, Writers
from airegistry.core.documents import Json
from airegistry.core.principals import Principal
from airegistry.stores.lock import FolderLock
from airegistry.stores.open import open_stores
from airegistry.stores.signatures import Ed25519
from tests.cli.conftest import Run
from tests.cli.registry import FakeRegistry

EVENT: Json = {
    "id": "1", "time": "2026-11-20T12:00:00.123456Z", "subject": "operator", "action": "tools/call", "asset": "weather",
    "tool": "forecast", "decision": "allow", "outcome": "ok", "reason": "", "latency_ms": 1.5,
}  # fmt: skip


def chain(count: int) -> list[Json]:
    """A trail of so many records."""
    records: list[Json] = []
    for number in range(count):
        records.append(sealed({"id": str(number)}, str(records[-1]["hash"]) if records else GENESIS))
    return records


@pytest.fixture
def written(tmp_path: Path) -> Callable[[list[Json]], str]:
    """Writes records into a data folder and names it."""

    async def write(records: list[Json]) -> None:
        async with open_stores(tmp_path / "data") as stores:
            await stores.log.append(STREAM, records)

    def folder(records: list[Json]) -> str:
        work: Callable[[], Awaitable[None]] = partial(write, records)
        anyio.run(work)
        return str(tmp_path / "data")

    return folder


def test_events_are_shown_a_line_each(fake: FakeRegistry, run: Run) -> None:
    fake.says({"events": [EVENT], "next_cursor": "17"})
    ran = run("audit", "query")
    assert ran.out.splitlines() == [
        "TIME                  SUBJECT   ACTION      ASSET             OUTCOME  REASON",
        "2026-11-20T12:00:00Z  operator  tools/call  weather forecast  ok",
    ]
    assert ran.err == "more with `--cursor 17`\n"
    assert fake.calls == [("query_audit", {})]


def test_a_query_passes_every_filter_on(fake: FakeRegistry, run: Run) -> None:
    filters = {
        "since": "2026-11-20T12:00:00Z", "until": "2026-11-21T12:00:00Z", "subject": "operator", "asset": "weather",
        "tool": "forecast", "action": "tools/call", "decision": "deny", "limit": 5, "cursor": "17",
    }  # fmt: skip
    fake.says({"events": [], "next_cursor": None})
    assert (
        run("audit", "query", *(part for name, value in filters.items() for part in (f"--{name}", str(value)))).err
        == ""
    )
    assert fake.calls == [("query_audit", filters)]


def test_a_query_with_json_prints_exactly_what_the_registry_answered(fake: FakeRegistry, run: Run) -> None:
    fake.says({"events": [EVENT], "next_cursor": None})
    assert json.loads(run("audit", "query", "--json").out) == {"events": [EVENT], "next_cursor": None}


def test_a_whole_trail_is_verified(written: Callable[[list[Json]], str], run: Run) -> None:
    data = written(chain(3))
    assert run("audit", "verify", "--data", data) == (0, "records verified: 3\n", "")
    ran = run("audit", "verify", "--data", data, "--json")
    assert json.loads(ran.out) == {"records": 3, "intact": True, "error": None}


def test_the_folder_comes_from_the_environment_too(
    written: Callable[[list[Json]], str], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIREGISTRY_DATA", written(chain(2)))
    assert run("audit", "verify").out == "records verified: 2\n"


def test_a_changed_record_ends_with_1_and_is_named(written: Callable[[list[Json]], str], run: Run) -> None:
    records = chain(3)
    records[1]["id"] = "forged"
    data = written(records)
    ran = run("audit", "verify", "--data", data)
    assert (ran.status, ran.out) == (1, "records verified: 1\n")
    assert ran.err == "error[audit_broken]: record 2 was changed after it was written\n"
    assert json.loads(run("audit", "verify", "--data", data, "--json").out)["intact"] is False


def test_a_removed_record_ends_with_1(written: Callable[[list[Json]], str], run: Run) -> None:
    first, _, third = chain(3)
    assert run("audit", "verify", "--data", written([first, third])).status == 1


def test_damaged_files_are_no_verified_trail(written: Callable[[list[Json]], str], run: Run) -> None:
    data = written(chain(3))
    (segment,) = (file for file in (Path(data) / "logs").rglob("*") if file.is_file())
    content = bytearray(segment.read_bytes())
    content[-3] ^= 0xFF
    segment.write_bytes(content)
    ran = run("audit", "verify", "--data", data)
    assert (ran.status, ran.out) == (1, "records verified: 2\n")
    assert ran.err.startswith("error[audit_broken]: ")


@pytest.fixture
def signed(tmp_path: Path) -> str:
    """A data folder with a signed trail of three acts, the second by somebody with a formula for a name."""

    async def write() -> None:
        async with open_stores(tmp_path / "data") as stores:
            clock = SystemClock()
            writers = Writers(stores.documents, stores.cipher, Ed25519(), clock)
            audit = Audit(stores.log, Access(), clock, writers)
            await audit.open()
            for subject in ("ann", "=cmd|' /C calc'!A0", "bob"):
                who = Principal(subject)
                await audit.record(audit.event(who, "user:put", "user/x", None, decision="allow", outcome="ok"))
            await audit.close()
            heads = [told.body async for told in writers.told(HEADS)]
            (tmp_path / "heads.json").write_text(json.dumps({"heads": heads}))

    anyio.run(write)
    return str(tmp_path / "data")


def test_a_signed_trail_is_verified_with_how_far_it_is_signed(signed: str, run: Run) -> None:
    ran = run("audit", "verify", "--data", signed)
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.splitlines()[0] == "records verified: 3"
    told = json.loads(run("audit", "verify", "--data", signed, "--json").out)
    assert told["writers"] == [{"stream": "audit", "last": 3, "signed": 3, "pruned": 0}]


def test_a_cut_trail_ends_with_1_and_heads_kept_elsewhere_are_asked_for(signed: str, run: Run, tmp_path: Path) -> None:
    heads = str(tmp_path / "heads.json")
    assert run("audit", "verify", "--data", signed, "--heads", heads).status == 0
    (segment,) = (file for file in (Path(signed) / "logs").rglob("*.log"))
    segment.unlink()
    ran = run("audit", "verify", "--data", signed)
    assert ran.status == 1
    assert "its end was cut off" in ran.err
    (Path(signed) / "documents.journal").unlink()
    assert run("audit", "verify", "--data", signed).status == 0  # as if there had never been a trail
    assert "not signed with the trail's key" in run("audit", "verify", "--data", signed, "--heads", heads).err


def test_a_file_without_heads_is_a_usage_error(signed: str, run: Run, tmp_path: Path) -> None:
    (tmp_path / "none.json").write_text("{}")
    assert run("audit", "verify", "--data", signed, "--heads", str(tmp_path / "none.json")).status == 2


def test_a_folder_is_exported_as_lines_of_json_and_as_csv_without_formulas(signed: str, run: Run) -> None:
    lines = [json.loads(line) for line in run("audit", "export", "--data", signed).out.splitlines()]
    assert [(line["seq"], line["stream"]) for line in lines] == [(1, "audit"), (2, "audit"), (3, "audit")]
    assert [line["previous"] for line in lines[1:]] == [line["hash"] for line in lines[:-1]]
    only = run("audit", "export", "--data", signed, "--subject", "bob").out.splitlines()
    assert [json.loads(line)["subject"] for line in only] == ["bob"]
    rows = list(csv.DictReader(io.StringIO(run("audit", "export", "--data", signed, "--format", "csv").out)))
    assert [row["subject"] for row in rows] == ["ann", "'=cmd|' /C calc'!A0", "bob"]


def test_a_running_registry_is_exported_page_by_page(fake: FakeRegistry, run: Run) -> None:
    fake.says({"records": [{**EVENT, "seq": 1, "stream": "audit"}], "next_cursor": "o5_1:1", "more": False})
    ran = run("audit", "export", "--action", "tools/call", "--cursor", "o0")
    assert json.loads(ran.out)["seq"] == 1
    assert ran.err == "go on later with `--cursor o5_1:1`\n"
    assert fake.calls == [("export_audit", {"action": "tools/call", "limit": 500, "cursor": "o0"})]


def test_heads_are_printed_as_they_are_and_pruning_says_how_many_went(fake: FakeRegistry, run: Run) -> None:
    fake.says({"public_key": "k", "heads": [{"seq": 1}]})
    assert json.loads(run("audit", "heads").out) == {"public_key": "k", "heads": [{"seq": 1}]}
    fake.says({"records": 7, "streams": 1})
    assert run("audit", "prune", "2026-01-01T00:00:00Z").err == "removed 7 records of 1 streams\n"
    assert fake.calls[-1] == ("prune_audit", {"before": "2026-01-01T00:00:00Z"})
    said = "nothing is removed; would remove 7 records of 1 streams\n"
    fake.says({"records": 7, "streams": 1, "dry_run": True})
    assert run("audit", "prune", "2026-01-01T00:00:00Z", "--dry-run").err == said
    assert fake.calls[-1] == ("prune_audit", {"before": "2026-01-01T00:00:00Z", "dry_run": True})


def test_a_new_key_of_the_trail_is_named_with_the_one_before(fake: FakeRegistry, run: Run) -> None:
    fake.says({"before": "0123", "after": "4567"})
    assert run("audit", "rotate-key").err == "4567 signs now, in the place of 0123\n"
    assert fake.calls == [("rotate_audit_key", {})]


def test_a_folder_in_use_ends_with_3(written: Callable[[list[Json]], str], run: Run) -> None:
    data = written(chain(1))
    with FolderLock(Path(data)):
        ran = run("audit", "verify", "--data", data)
    assert (ran.status, ran.out) == (3, "")
    assert ran.err.startswith(f"error[conflict]: the data folder {data} is in use by another process")


def test_a_folder_that_is_not_there_is_a_usage_error_and_is_not_made(run: Run, tmp_path: Path) -> None:
    absent = tmp_path / "absent"
    assert run("audit", "verify", "--data", str(absent)) == (2, "", f"error: there is no data folder `{absent}`\n")
    assert not absent.exists()
