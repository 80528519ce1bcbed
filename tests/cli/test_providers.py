"""`provider`."""

import io
import sys

import pytest

from tests.cli.conftest import Run
from tests.cli.registry import FakeRegistry, Json

CORP: Json = {
    "name": "corp", "profile": "okta", "title": "Okta", "issuer": "https://corp.okta.com", "client_id": "registry",
    "enabled": True,
}  # fmt: skip
FOUND: Json = {
    "name": "corp", "issuer": "https://corp.okta.com", "keys": 2, "algorithms": ["RS256"], "problems": [],
    "redirect_uri": "https://registry.test/callback/corp", "backchannel_logout_uri": "https://registry.test/logout/corp",
    "endpoints": {"token_endpoint": "https://corp.okta.com/token"},
}  # fmt: skip


def test_a_provider_is_added_and_its_secret_is_not_on_the_command_line(
    fake: FakeRegistry, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.says(CORP)
    monkeypatch.setattr(sys, "stdin", io.StringIO("s3cret\n"))
    ran = run(
        "provider", "add", "corp", "registry", "--profile", "okta", "--issuer", "https://corp.okta.com",
        "--secret-file", "-",
    )  # fmt: skip
    assert (ran.status, ran.out) == (0, "")
    assert ran.err == "persons may log in at `corp`; try it with `airegistry provider test corp`\n"
    assert fake.calls == [("put_identity_provider", {
        "name": "corp", "client_id": "registry", "profile": "okta", "issuer": "https://corp.okta.com",
        "client_secret": "s3cret",
    })]  # fmt: skip


def test_a_provider_is_added_with_all_that_can_be_said_of_it(fake: FakeRegistry, run: Run) -> None:
    fake.says(CORP)
    options = {
        "title": "Corp", "auth-method": "none", "scope": "openid", "groups-claim": "a.b", "group-filter": "team-*",
        "group-map": "CN=devs=developers", "email-domain": "corp.test", "tenant": "t", "max-age": "60",
        "logout-endpoint": "https://corp.test/bye", "api": "https://corp.test/api",
    }  # fmt: skip
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    assert run("provider", "add", "corp", "registry", *words, "--no-dn-to-cn", "--disabled").status == 0
    assert fake.calls == [("put_identity_provider", {
        "name": "corp", "client_id": "registry", "title": "Corp", "token_endpoint_auth_method": "none",
        "scopes": ["openid"], "groups_claim": "a.b", "group_filter": ["team-*"],
        "group_map": {"CN=devs": "developers"}, "dn_to_cn": False, "email_domains": ["corp.test"], "tenants": ["t"],
        "max_age": 60, "logout_endpoint": "https://corp.test/bye", "api": "https://corp.test/api", "enabled": False,
    })]  # fmt: skip


@pytest.mark.parametrize("pair", ["devs", "=ours", "theirs="])
def test_a_group_without_its_other_name_is_a_usage_error(fake: FakeRegistry, run: Run, pair: str) -> None:
    assert run("provider", "add", "corp", "registry", "--group-map", pair).status == 2
    assert fake.calls == []


def test_providers_are_listed(fake: FakeRegistry, run: Run) -> None:
    fake.says({"providers": [CORP]})
    assert run("provider", "list").out.splitlines() == [
        "NAME  PROFILE  TITLE  ISSUER                 CLIENT_ID  ENABLED",
        "corp  okta     Okta   https://corp.okta.com  registry   yes",
    ]
    assert fake.calls == [("list_identity_providers", {})]


def test_a_provider_is_removed(fake: FakeRegistry, run: Run) -> None:
    fake.says({"ok": True})
    assert run("provider", "remove", "corp") == (0, "", "removed identity provider `corp`\n")
    assert fake.calls == [("delete_identity_provider", {"name": "corp"})]


def test_a_test_shows_what_was_found_and_what_to_register_there(fake: FakeRegistry, run: Run) -> None:
    fake.says(FOUND)
    ran = run("provider", "test", "corp")
    assert ran.out.splitlines() == [
        "issuer                  https://corp.okta.com",
        "keys                    2",
        "algorithms              RS256",
        "redirect uri            https://registry.test/callback/corp",
        "backchannel logout uri  https://registry.test/logout/corp",
        "token endpoint          https://corp.okta.com/token",
    ]
    assert (ran.status, ran.err) == (0, "a login can begin at `corp`\n")


def test_a_test_that_finds_a_problem_fails(fake: FakeRegistry, run: Run) -> None:
    fake.says({**FOUND, "endpoints": {}, "problems": ["it is down", "it is switched off"]})
    ran = run("provider", "test", "corp")
    assert ran.status == 1
    assert "it is down; it is switched off" in ran.err


def test_every_command_prints_json_when_asked(fake: FakeRegistry, run: Run) -> None:
    fake.says(FOUND)
    for words in (("add", "corp", "registry"), ("list",), ("remove", "corp"), ("test", "corp")):
        assert run("provider", *words, "--json").out.startswith("{")
