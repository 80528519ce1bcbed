"""`issuer`, and `token vend`."""

import json

from tests.cli.conftest import Run
from tests.cli.registry import FakeRegistry, Json

ACME: Json = {
    "name": "acme", "issuer": "https://acme.test", "accepts": ["access_token"], "groups": ["staff"], "active": True
}  # fmt: skip
VENDED: Json = {
    "id": "8f", "token": "air_8f_secret", "name": "job", "expires_at": "2026-11-21T12:00:00Z", "scopes": ["a"]
}  # fmt: skip


def test_an_issuer_is_trusted_with_what_was_named_and_no_more(fake: FakeRegistry, run: Run) -> None:
    fake.says(ACME)
    assert run("issuer", "add", "acme", "https://acme.test") == (0, "", "trusted issuer `acme`: https://acme.test\n")
    assert fake.calls == [("put_trusted_issuer", {"name": "acme", "issuer": "https://acme.test"})]


def test_an_issuer_is_trusted_with_all_that_can_be_said_of_it(fake: FakeRegistry, run: Run) -> None:
    fake.says(ACME)
    ran = run(
        "issuer", "add", "acme", "https://acme.test", "--jwks-uri", "https://acme.test/keys", "--accept", "id_jag",
        "--accept", "subject_token", "--audience", "api://x", "--algorithm", "ES256", "--subject-claim", "oid",
        "--groups-claim", "realm_access.roles", "--group", "staff", "--map-group", "a=b=c", "--map-group", "x=y",
        "--map-group", "x=z", "--group-filter", "eu-*", "--scopes-claim", "scp", "--scope", "mcp",
        "--require", "env=prod", "--require", "level=3", "--leeway", "30",
    )  # fmt: skip
    assert ran.status == 0
    assert fake.calls == [("put_trusted_issuer", {
        "name": "acme", "issuer": "https://acme.test", "jwks_uri": "https://acme.test/keys",
        "accepts": ["id_jag", "subject_token"], "audiences": ["api://x"], "algorithms": ["ES256"],
        "subject_claim": "oid", "groups_claim": "realm_access.roles", "groups": ["staff"],
        "group_map": {"a=b": ["c"], "x": ["y", "z"]}, "group_filter": ["eu-*"], "scopes_claim": "scp",
        "scopes": ["mcp"], "required_claims": {"env": "prod", "level": 3}, "leeway": 30,
    })]  # fmt: skip


def test_a_map_of_groups_names_both(fake: FakeRegistry, run: Run) -> None:
    for pair in ("devs", "=staff", "devs="):
        ran = run("issuer", "add", "acme", "https://acme.test", "--map-group", pair)
        assert ran.status == 2
        assert "theirs=ours" in ran.err
    assert fake.calls == []


def test_issuers_are_listed(fake: FakeRegistry, run: Run) -> None:
    fake.says({"issuers": [ACME]})
    assert run("issuer", "list").out.splitlines() == [
        "NAME  ISSUER             ACCEPTS       GROUPS  ACTIVE",
        "acme  https://acme.test  access_token  staff   yes",
    ]
    assert fake.calls == [("list_trusted_issuers", {})]


def test_answers_can_be_had_as_json(fake: FakeRegistry, run: Run) -> None:
    for answer, command in (
        (ACME, ("add", "acme", "https://acme.test")),
        ({"issuers": [ACME]}, ("list",)),
        ({"ok": True}, ("remove", "acme")),
    ):
        fake.says(answer)
        ran = run("issuer", *command, "--json")
        assert (json.loads(ran.out), ran.err) == (answer, "")
    fake.says(VENDED)
    assert json.loads(run("token", "vend", "job", "--json").out) == VENDED


def test_an_issuer_is_removed(fake: FakeRegistry, run: Run) -> None:
    fake.says({"ok": True})
    assert run("issuer", "remove", "acme") == (0, "", "removed trusted issuer `acme`\n")
    assert fake.calls == [("delete_trusted_issuer", {"name": "acme"})]


def test_a_narrower_token_is_shown_once(fake: FakeRegistry, run: Run) -> None:
    fake.says(VENDED)
    ran = run("token", "vend", "job", "--scope", "a", "--expires-in", "60")
    assert "air_8f_secret" in ran.out
    assert "shown this once" in ran.err
    run("token", "vend", "job")
    assert fake.calls == [
        ("vend_token", {"name": "job", "scopes": ["a"], "expires_in": 60}),
        ("vend_token", {"name": "job"}),
    ]
