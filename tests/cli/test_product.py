"""The commands against the product itself, as a user runs both."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run
from tests.support.backends import Backend, start_python
from tests.support.logs import pytest_runtest_makereport  # noqa: F401  # a hook
from tests.support.registry import Registry, serving


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    started = start_python(tmp_path_factory.mktemp("backend"))
    yield started
    started.close()


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with serving(tmp_path_factory.mktemp("registry")) as started:
        yield started


@pytest.fixture
def operator(run: Run, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs commands against the registry as its operator."""
    monkeypatch.setenv("AIREGISTRY_URL", registry.url)
    monkeypatch.setenv("AIREGISTRY_TOKEN", registry.token)
    return run


def said(run: Run, *argv: str) -> Any:
    """What a command that must succeed prints as JSON."""
    ran = run(*argv, "--json")
    assert ran.status == 0, ran.err
    return json.loads(ran.out)


def test_from_registration_to_the_audit_trail(operator: Run, backend: Backend) -> None:
    registered = operator("register", backend.url, "--path", "parcel", "--tag", "freight")
    assert registered.status == 0, registered.err
    assert "quote_freight" in registered.out
    assert said(operator, "show", "parcel")["tags"] == ["freight"]
    assert "parcel" in {server["path"] for server in said(operator, "list")["services"]}
    assert len(said(operator, "list", "--kind", "skill")["skills"]) >= 3
    for kind in ("agent", "virtual_server", "entity"):
        assert operator("list", "--kind", kind).status == 0

    best = said(operator, "search", "price of shipping a parcel", "--kind", "tool")["results"][0]
    assert best["tool"] == "quote_freight"
    quoted = said(operator, "call", "parcel", "quote_freight", "--arg", "destination=Bern", "--arg", "kilograms=2")
    assert quoted == {"destination": "Bern", "euros": 9.0}
    failed = operator("call", "parcel", "fail", "--arg", "reason=no such street")
    assert (failed.status, failed.out) == (1, "")
    assert "no such street" in failed.err

    operator("toggle", "parcel", "off")
    assert said(operator, "show", "parcel")["enabled"] is False
    assert operator("call", "parcel", "echo", "--arg", "text=x").status == 1
    operator("toggle", "parcel", "on")
    assert operator("refresh", "parcel").status == 0
    events = said(operator, "audit", "query", "--tool", "quote_freight")["events"]
    assert "ok" in {event["outcome"] for event in events}
    assert operator("delete", "parcel").status == 0
    assert operator("show", "parcel") == (1, "", "error[not_found]: no server named 'parcel'\n")


def test_a_token_holds_what_it_was_given_until_it_is_revoked(operator: Run, backend: Backend, tmp_path: Path) -> None:
    said(operator, "register", backend.url, "--path", "desk")
    said(operator, "scope", "put", "echoes", "--grant", '{"assets": ["desk"], "tools": ["echo"]}')
    said(operator, "group", "put", "parrots", "--scope", "echoes")
    made = said(operator, "token", "create", "polly", "--group", "parrots", "--expires-in", "600")
    file = tmp_path / "token"
    file.write_text(made["token"])
    polly = ("--token-file", str(file))
    assert said(operator, "call", "desk", "echo", "--arg", "text=hi", *polly) == {"result": "hi"}
    refused = operator("call", "desk", "secret", *polly)
    assert refused.status == 1
    assert refused.err.startswith("error[access_denied]: ")
    assert made["id"] in operator("token", "list").out
    said(operator, "token", "revoke", made["id"])
    ended = operator("list", *polly)
    assert ended.status == 4
    assert ended.err.startswith("error[unauthenticated]: ")


def test_the_trail_of_a_stopped_registry_is_verified_and_of_a_running_one_refused(run: Run, tmp_path: Path) -> None:
    with serving(tmp_path) as registry:
        verify = ("audit", "verify", "--data", str(registry.data))
        assert run(*verify).status == 3
        registry.process.stop()
        verified = said(run, *verify)
    assert verified["intact"]
    assert verified["records"] > 0


def test_the_program_as_a_process_prints_json_alone(registry: Registry) -> None:
    ran = registry.cli("list", "--json")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "services" in json.loads(ran.stdout)


def test_the_doctor_finds_a_running_registry_well_and_tells_whom_it_cannot_ask(
    operator: Run, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = operator("doctor", "--url", registry.url, "--json")
    assert ran.status == 0, ran.out
    found = {row["id"]: row["verdict"] for row in json.loads(ran.out)["checks"]}
    # Whether all vectors are there yet, and every backend of the other tests, is another matter.
    assert found.pop("index") in {"ok", "warn"}
    assert found.pop("backends") in {"ok", "warn", "skip"}
    assert found.pop("identity.providers") == "skip"
    assert set(found.values()) == {"ok"}, found

    visitor = json.loads(operator("token", "create", "visitor", "--json").out)["token"]
    monkeypatch.setenv("AIREGISTRY_TOKEN", visitor)
    ran = operator("doctor", "--url", registry.url, "--json")
    assert ran.status == 0, ran.out
    rows = {row["id"]: row for row in json.loads(ran.out)["checks"]}
    assert rows["identity.providers"]["verdict"] == rows["audit.head"]["verdict"] == "skip"
    assert "takes an administrator" in rows["audit.head"]["saw"]
