"""`airegistry setup keycloak`: a realm is made once, a second run changes nothing, and no secret is ever printed."""

import json
from pathlib import Path
from typing import Any

import pytest

from airegistry.cli.setup.keycloak_wanted import differing, merged
from tests.cli.conftest import Ran, Run
from tests.cli.registry import FakeRegistry
from tests.cli.setup.fake_keycloak import PASSWORD, FakeKeycloak

REGISTRY = "https://registry.example.org"
Json = dict[str, Any]


def set_up(run: Run, keycloak: FakeKeycloak, password: Path, *more: str) -> Ran:
    url: tuple[str, ...] = () if "--outputs" in more else ("--keycloak-url", keycloak.url)
    if not {"--outputs", "--url"} & {*more}:
        url += ("--url", REGISTRY)
    return run("setup", "keycloak", *url, "--admin-secret-file", str(password), "--json", *more)


def told(ran: Ran) -> Json:
    assert ran.status == 0, ran.err
    found: Json = json.loads(ran.out)
    return found


def test_the_first_run_makes_all_and_the_second_changes_nothing(
    run: Run, keycloak: FakeKeycloak, password: Path, tmp_path: Path
) -> None:
    more = ("--machine", "billing-bot", "--group", "staff", "--secrets", str(tmp_path / "secrets"))
    first = told(set_up(run, keycloak, password, *more))
    assert [(step["kind"], step["name"]) for step in first["steps"]][:7] == [
        ("realm", "airegistry"), ("group", "airegistry-administrators"), ("group", "staff"), ("client", "airegistry"),
        ("mapper", "airegistry/groups"), ("client", "billing-bot"), ("mapper", "billing-bot/audience"),
    ]  # fmt: skip
    assert first["changes"] == len(first["steps"]) == 9
    client = keycloak.realms["airegistry"]["#"]["clients"]["airegistry"]
    assert client["redirectUris"] == [f"{REGISTRY}/callback/keycloak"]
    assert client["attributes"]["backchannel.logout.url"] == f"{REGISTRY}/logout/keycloak"
    assert not client["publicClient"]
    assert not client["directAccessGrantsEnabled"]
    kept = tmp_path / "secrets" / "airegistry.secret"
    assert kept.read_text().strip() == client["secret"]
    assert kept.stat().st_mode & 0o077 == 0

    keycloak.writes.clear()
    second = told(set_up(run, keycloak, password, *more))
    assert {step["did"] for step in second["steps"]} == {"unchanged"}
    assert second["changes"] == 0
    assert keycloak.writes == []


def test_what_was_changed_by_hand_is_corrected_and_what_was_added_stays(
    run: Run, keycloak: FakeKeycloak, password: Path
) -> None:
    told(set_up(run, keycloak, password))
    realm = keycloak.realms["airegistry"]
    realm["registrationAllowed"], realm["displayName"] = True, "Ours"
    client = realm["#"]["clients"]["airegistry"]
    client["publicClient"] = True
    client["attributes"]["access.token.lifespan"] = "120"
    next(iter(realm["#"]["mappers"].values()))["groups"]["config"]["full.path"] = "true"
    steps = told(set_up(run, keycloak, password))["steps"]
    assert {step["kind"]: step["fields"] for step in steps if step["did"] == "updated"} == {
        "realm": ["registrationAllowed"], "client": ["publicClient"], "mapper": ["config.full.path"],
    }  # fmt: skip
    assert realm["registrationAllowed"] is False
    assert realm["displayName"] == "Ours"
    assert client["attributes"]["access.token.lifespan"] == "120"
    assert told(set_up(run, keycloak, password))["changes"] == 0


def test_redirect_uris_of_an_administrator_stay_beside_ours_and_are_named(
    run: Run, keycloak: FakeKeycloak, password: Path
) -> None:
    told(set_up(run, keycloak, password))
    client = keycloak.realms["airegistry"]["#"]["clients"]["airegistry"]
    theirs, ours = "https://staging.example.org/callback/keycloak", f"{REGISTRY}/callback/keycloak"
    client["redirectUris"].insert(0, theirs)
    client["attributes"]["post.logout.redirect.uris"] += "##https://staging.example.org/logout"
    keycloak.writes.clear()
    for _ in range(2):
        second = told(set_up(run, keycloak, password))
        assert second["changes"] == 0
        assert keycloak.writes == []
        assert next(step["kept"] for step in second["steps"] if step["kind"] == "client") == [
            f"redirectUris: {theirs}", "post.logout.redirect.uris: https://staging.example.org/logout",
        ]  # fmt: skip

    client["redirectUris"] = [theirs]
    client["attributes"]["post.logout.redirect.uris"] = "+"
    steps = told(set_up(run, keycloak, password))["steps"]
    corrected = next(step for step in steps if step["kind"] == "client")
    assert corrected["fields"] == ["redirectUris", "attributes.post.logout.redirect.uris"]
    assert client["redirectUris"] == [theirs, ours]
    assert client["attributes"]["post.logout.redirect.uris"] == f"{REGISTRY}/logout"
    keycloak.writes.clear()
    assert told(set_up(run, keycloak, password))["changes"] == 0
    assert keycloak.writes == []


def test_a_dry_run_says_what_would_be_done_and_does_nothing(run: Run, keycloak: FakeKeycloak, password: Path) -> None:
    would = told(set_up(run, keycloak, password, "--dry-run"))
    assert (would["dry_run"], would["changes"]) == (True, 4)
    assert keycloak.writes == []
    assert keycloak.realms == {}


def test_no_secret_is_printed_and_one_login_does_for_all(run: Run, keycloak: FakeKeycloak, password: Path) -> None:
    ran = set_up(run, keycloak, password)
    held = [client["secret"] for client in keycloak.realms["airegistry"]["#"]["clients"].values()]
    assert not any(secret in ran.out + ran.err for secret in [PASSWORD, *held])
    assert keycloak.logins == 1


def test_it_becomes_a_provider_of_the_registry_once(
    run: Run, keycloak: FakeKeycloak, password: Path, fake: FakeRegistry
) -> None:
    fake.says({"providers": []})
    ran = set_up(run, keycloak, password, "--connect", "--url", fake.url)
    step = told(ran)["steps"][-1]
    assert (step["kind"], step["name"], step["did"]) == ("provider", "keycloak", "created")
    named, given = fake.calls[-1]
    assert named == "put_identity_provider"
    secret = given.pop("client_secret")
    assert secret == keycloak.realms["airegistry"]["#"]["clients"]["airegistry"]["secret"]
    assert secret not in ran.out + ran.err
    assert given["issuer"] == f"{keycloak.url}/realms/airegistry"
    fake.calls.clear()
    fake.says({"providers": [given]})
    again = told(set_up(run, keycloak, password, "--connect", "--url", fake.url))
    assert again["changes"] == 0
    assert [name for name, _ in fake.calls] == ["list_identity_providers"]


def test_addresses_come_from_the_outputs_of_terraform(
    run: Run, keycloak: FakeKeycloak, password: Path, tmp_path: Path
) -> None:
    outputs = tmp_path / "outputs.json"
    outputs.write_text(json.dumps({"url": {"value": REGISTRY}, "keycloak_url": {"value": keycloak.url}}))
    told(set_up(run, keycloak, password, "--outputs", str(outputs)))
    client = keycloak.realms["airegistry"]["#"]["clients"]["airegistry"]
    assert client["redirectUris"] == [f"{REGISTRY}/callback/keycloak"]


def test_a_wrong_password_and_a_silent_keycloak_are_told_apart(
    run: Run, keycloak: FakeKeycloak, password: Path
) -> None:
    password.write_text("not the one")
    ran = set_up(run, keycloak, password)
    assert (ran.status, ran.out) == (1, "")
    assert "does not let `setup` in (401)" in ran.err
    ran = run("setup", "keycloak", "--keycloak-url", "http://127.0.0.1:1", "--admin-secret-file", str(password))
    assert ran.status == 4
    assert run("setup", "keycloak", "--admin-secret-file", str(password)).status == 2
    assert set_up(run, keycloak, password, "--machine", "airegistry").status == 2


@pytest.mark.parametrize(
    ("wanted", "there", "fields"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, []),
        ({"a": {"x": "1"}}, {"a": {"x": "2", "y": "3"}}, ["a.x"]),
        ({"a": ["x", "y"]}, {"a": ["y", "x"]}, []),
        ({"a": ["x"]}, {"a": ["y", "x"]}, []),
        ({"a": []}, {}, []),
        ({"a": []}, {"a": ["x"]}, []),
        ({"a": ["x"]}, {}, ["a"]),
        ({"a": False}, {}, ["a"]),
    ],
)
def test_only_what_is_wanted_is_compared(wanted: Json, there: Json, fields: list[str]) -> None:
    assert differing(wanted, there) == fields
    assert differing(wanted, merged(wanted, there)) == []
