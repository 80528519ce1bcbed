"""`airegistry doctor`: what is wrong is found and named with what to do, and nothing is changed by looking."""

import fcntl
import gc
import json
import os
import time
import warnings
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest

from airegistry.cli.doctor import outside_checks, production_checks, running_checks, settings_checks, store_checks
from airegistry.cli.doctor.findings import Check, Finding, examine, ok
from airegistry.cli.doctor.outside_checks import skew_of
from airegistry.cli.doctor.patient import Patient
from airegistry.settings import load
from airegistry.stores.open import JOURNAL_NAME, open_stores
from tests.cli.conftest import Run
from tests.support.processes import ROOT, free_port

Json = dict[str, Any]
LOCAL = [*settings_checks.CHECKS, *store_checks.CHECKS, *outside_checks.CHECKS]
SECRET = "Vb7-rT2qLm9xKw4zHd8nYc5sPj3fGa6u"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own, and settings for a registry in it without a model."""
    for name in [name for name in os.environ if name.startswith("AIREGISTRY_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AIREGISTRY_EMBEDDER", "none")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def data(home: Path) -> Path:
    """A data folder with one asset in it, whose backend nobody is."""
    folder = home / ".airegistry"
    server = {"kind": "server", "path": "gone", "name": "Gone", "url": f"http://127.0.0.1:{free_port()}/mcp"}

    async def make() -> None:
        async with open_stores(folder) as stores:
            await stores.documents.put("assets", "server/gone", {**server, "enabled": True})

    anyio.run(make)
    return folder


def looked(run: Run, *argv: str) -> tuple[int, Mapping[str, Json]]:
    """The exit status, and each check by its id; whatever has to be done is said."""
    ran = run("doctor", "--json", *argv)
    rows = {row["id"]: row for row in json.loads(ran.out)["checks"]}
    for row in rows.values():
        assert (row["verdict"] in {"warn", "fail"}) == bool(row.get("do")), row
    failing = any(row["verdict"] == "fail" for row in rows.values())
    assert ran.status == int(failing)
    assert json.loads(ran.out)["ok"] is not failing
    return ran.status, rows


def everything(folder: Path) -> Mapping[str, tuple[int, float, bytes]]:
    """Mode, time and content of all there is."""
    return {
        str(path): (path.stat().st_mode, path.stat().st_mtime, path.read_bytes() if path.is_file() else b"")
        for path in [folder, *sorted(folder.rglob("*"))]
    }


def test_a_registry_as_it_was_made_is_well_but_for_its_lost_backend(run: Run, data: Path) -> None:
    before = everything(data)
    status, found = looked(run)
    assert everything(data) == before, "nothing is changed"
    assert status == 0
    assert {id_: row["verdict"] for id_, row in found.items()} == {
        "settings.valid": "ok", "settings.public-url": "ok", "settings.tls": "ok", "settings.secrets": "ok",
        "settings.files": "ok", "store.folder": "ok", "store.disk": "ok", "store.lease": "ok", "store.opens": "ok",
        "store.schema": "ok", "store.latency": "ok", "audit.head": "ok", "clock": "ok",
        "identity.providers": "skip", "backends": "warn", "index.embedder": "warn", "extras": "ok",
    }  # fmt: skip
    assert "gone" in found["backends"]["saw"]


def test_before_the_first_start_nothing_is_made(run: Run, home: Path) -> None:
    status, found = looked(run)
    assert status == 0
    assert found["store.opens"]["saw"] == "there is no data folder yet"
    assert not (home / ".airegistry").exists()


def test_people_see_a_line_a_check_and_then_what_to_do(run: Run, data: Path) -> None:
    data.chmod(0o755)
    ran = run("doctor")
    assert ran.status == 1
    assert ran.out.splitlines()[0].split() == ["CHECK", "VERDICT", "SEEN"]
    assert len(ran.out.splitlines()) == 18
    assert f"\nfail: settings.files: others on this machine may read {data}\n  run `chmod go-rwx {data}`\n" in ran.err
    assert ran.err.endswith("error[unhealthy]: 1 of 17 checks fail\n")


@pytest.mark.parametrize(
    ("environment", "id_", "verdict", "words"),
    [
        ({"PORT": "x"}, "settings.valid", "fail", "AIREGISTRY_PORT"),
        ({"HOST": "0.0.0.0"}, "settings.valid", "fail", "TLS"),
        ({"PUBLIC_URL": "http://registry.test"}, "settings.public-url", "fail", "https"),
        ({"HOST": "0.0.0.0", "TLS_TERMINATED": "true"}, "settings.public-url", "fail", "0.0.0.0"),
        ({"TLS_TERMINATED": "true"}, "settings.tls", "warn", "http://127.0.0.1"),
        ({"ADMIN_TOKEN": "change-me-" * 4}, "settings.secrets", "fail", "AIREGISTRY_ADMIN_TOKEN"),
        ({"GATE_SECRET": "aaaabbbb" * 4}, "settings.secrets", "fail", "AIREGISTRY_GATE_SECRET"),
        ({"ADMIN_PASSWORD": SECRET}, "settings.secrets", "warn", "still set"),
        ({"IDENTITY_PROVIDERS": "[{}]"}, "identity.providers", "fail", "one without a name"),
        ({"EMBEDDER": "nonsense"}, "index.embedder", "fail", "nonsense"),
        ({"SCAN_CISCO_PYTHON": "/nowhere/python"}, "extras", "fail", "/nowhere/python"),
        ({"STORE_URL": "mongodb://127.0.0.1:1/x", "SECRET_KEY": "x"}, "store.opens", "fail", "does not"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_settings_is_named(
    run: Run, data: Path, monkeypatch: pytest.MonkeyPatch, environment: Mapping[str, str], id_: str, verdict: str,
    words: str,
) -> None:  # fmt: skip
    for name, value in environment.items():
        monkeypatch.setenv(f"AIREGISTRY_{name}", value)
    with warnings.catch_warnings():
        # PyMongo leaves the socket of a connection attempt open that is cancelled when its client is closed.
        warnings.simplefilter("ignore", ResourceWarning)
        _, found = looked(run)
        gc.collect()
    assert found[id_]["verdict"] == verdict, found[id_]
    assert words in found[id_]["saw"]
    assert not any(value in json.dumps(found) for value in environment.values() if value == SECRET)


def test_an_identity_provider_that_does_not_answer_is_named(
    run: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = {"name": "corp", "issuer": f"http://127.0.0.1:{free_port()}", "client_id": "x"}
    monkeypatch.setenv("AIREGISTRY_IDENTITY_PROVIDERS", json.dumps([provider]))
    _, found = looked(run)
    assert found["identity.providers"]["saw"].startswith("corp: ")
    assert found["identity.providers"]["verdict"] == "fail"


def test_a_damaged_store_is_told_and_left_as_it_is(run: Run, data: Path) -> None:
    journal = data / JOURNAL_NAME
    content = bytearray(journal.read_bytes())
    content[len(content) // 2] ^= 0xFF
    journal.write_bytes(content)
    before = everything(data)
    _, found = looked(run)
    assert found["store.opens"]["verdict"] == "fail"
    assert everything(data) == before


def test_a_store_of_a_later_version_is_told(run: Run, data: Path) -> None:
    (data / JOURNAL_NAME).write_bytes(b"something else" * 10)
    _, found = looked(run)
    assert {found["store.opens"]["verdict"], found["store.schema"]["verdict"]} == {"fail"}


def test_a_changed_audit_trail_and_a_clock_that_was_put_back_are_found(run: Run, data: Path) -> None:
    async def write() -> None:
        async with open_stores(data) as stores:
            time_ = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
            await stores.log.append("audit", [{"time": time_, "prev": "0" * 64, "hash": "f" * 64}])

    anyio.run(write)
    _, found = looked(run)
    assert found["audit.head"]["verdict"] == "fail"
    assert "put back" in found["clock"]["saw"]
    assert found["clock"]["verdict"] == "fail"


@pytest.fixture
def in_use(data: Path) -> Iterator[Path]:
    """A folder that another process, here another descriptor, works on."""
    with (data / "lock").open("r+b") as file:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX)
        yield data


def test_a_folder_in_use_is_left_to_the_registry_that_works_on_it(run: Run, in_use: Path) -> None:
    before = everything(in_use)
    status, found = looked(run)
    assert status == 0
    assert found["store.lease"]["saw"].startswith("a registry works on it (pid")
    assert found["store.opens"]["verdict"] == found["audit.head"]["verdict"] == "skip"
    assert "--url" in found["store.opens"]["saw"]
    assert everything(in_use) == before


def test_production_is_held_to_more(run: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, found = looked(run, "--production")
    assert found["production.address"]["verdict"] == "fail"
    hard = {
        "PUBLIC_URL": "https://registry.test", "TLS_TERMINATED": "true", "TRUSTED_PROXIES": "127.0.0.1",
        "ENVIRONMENT": "production", "FIRST_STAGE": "submitted", "CLIENT_REGISTRATION": "off",
        "AUDIT_CALLS": "durable", "AUDIT_OTLP_URL": "http://127.0.0.1:1", "IDENTITY_PROVIDERS": json.dumps([{
            "name": "hub", "profile": "github", "client_id": "x", "client_secret": "y",
        }]),
    }  # fmt: skip
    for name, value in hard.items():
        monkeypatch.setenv(f"AIREGISTRY_{name}", value)
    _, found = looked(run, "--production")
    wanting = {id_ for id_, row in found.items() if id_.startswith("production.") and row["verdict"] != "ok"}
    assert wanting == {"production.replicas"}
    monkeypatch.setenv("AIREGISTRY_EGRESS_ALLOW", "10.0.0.0/8")
    assert looked(run, "--production")[1]["production.egress"]["verdict"] == "fail"
    assert run("doctor", "--production", "--url", "http://127.0.0.1:1").status == 2


@pytest.mark.parametrize(
    ("given", "verdict"),
    [
        ({"STORE_URL": "mongodb://db1,db2/air?tls=true"}, "ok"), ({"STORE_URL": "mongodb+srv://db.test/air"}, "ok"),
        ({"STORE_URL": "mongodb://127.0.0.1:1,localhost/air"}, "ok"), ({"STORE_URL": "mongodb://[::1]:1/air"}, "ok"),
        ({"STORE_URL": "mongodb://db1,db2/air"}, "warn"), ({"STORE_URL": "mongodb://127.0.0.1,db2/air"}, "warn"),
        ({"STORE_URL": "mongodb+srv://db.test/air?tls=false"}, "warn"),
        ({"STORE_URL": "mongodb://db/air?tls=true&tlsAllowInvalidCertificates=true"}, "fail"),
        ({"STORE_URL": "mongodb://db/air?ssl=true&tlsInsecure=true"}, "fail"),
        ({"AUDIT_OTLP_URL": "http://collector:4318"}, "warn"), ({"TELEMETRY_URL": "http://collector:4318"}, "warn"),
        ({"AUDIT_OTLP_URL": "https://collector"}, "ok"), ({"TELEMETRY_URL": "http://127.0.0.1:4318"}, "ok"),
    ],
)  # fmt: skip
def test_what_goes_to_other_machines_in_the_clear_is_found(
    home: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, str], verdict: str
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(f"AIREGISTRY_{name}", value)
    check = [check for check in production_checks.CHECKS if check.id == "production.transit"]
    (row,) = anyio.run(examine, check, Patient(load(), home))
    assert row.finding.verdict == verdict


def test_a_registry_that_does_not_answer_fails_and_says_what_to_do(run: Run, home: Path) -> None:
    _, found = looked(run, "--url", f"http://127.0.0.1:{free_port()}")
    assert found["registry.answers"]["verdict"] == "fail"
    assert "airegistry serve" in found["registry.answers"]["do"]


def test_a_check_that_hangs_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(_: None) -> Finding:
        await anyio.sleep_forever()
        return ok("never")

    monkeypatch.setattr("airegistry.cli.doctor.findings.SECONDS", 0.01)
    (row,) = anyio.run(examine, [Check("x", "x", hang, "unplug it")], None)
    assert (row.finding.verdict, row.finding.do) == ("fail", "unplug it")


def test_clocks_are_compared_by_the_date_of_an_answer() -> None:
    said = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 90))
    skew = skew_of({"date": said})
    assert skew is not None
    assert 88 < skew < 92
    assert skew_of({}) is skew_of({"date": "yesterday"}) is None


def test_every_check_is_on_the_page_and_named_once() -> None:
    page = (ROOT / "docs" / "doctor.md").read_text(encoding="utf-8")
    here, there = [check.id for check in LOCAL], [check.id for check in running_checks.CHECKS]
    more = [check.id for check in production_checks.CHECKS]
    for ids in (here + more, there):
        assert len(set(ids)) == len(ids)
    for id_ in ("settings.valid", *here, *there, *more):
        assert f"| `{id_}` |" in page, id_
