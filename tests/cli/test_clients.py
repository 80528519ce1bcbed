"""`client`."""

import json

from tests.cli.conftest import Run
from tests.cli.registry import FakeRegistry, Json

CI: Json = {
    "client_id": "ci", "origin": "registered", "client_name": "", "redirect_uris": [], "groups": ["staff"],
    "scopes": ["a", "b"], "grant_types": ["client_credentials"], "token_endpoint_auth_method": "client_secret_basic",
    "active": True, "used_at": None,
}  # fmt: skip


def test_a_machine_is_added_and_its_secret_shown_once_with_a_warning(fake: FakeRegistry, run: Run) -> None:
    fake.says({"client": CI, "client_secret": "s3cret"})
    ran = run("client", "add", "ci", "--group", "staff", "--scope", "a", "--scope", "b")
    assert ran.out.splitlines() == [
        "client id                   ci",
        "token endpoint auth method  client_secret_basic",
        "grant types                 client_credentials",
        "groups                      staff",
        "scopes                      a, b",
        "client secret               s3cret",
    ]
    assert "shown this once" in ran.err
    assert fake.calls == [("put_client", {"client_id": "ci", "groups": ["staff"], "scopes": ["a", "b"]})]


def test_a_connector_is_added_with_what_it_may_do(fake: FakeRegistry, run: Run) -> None:
    fake.says({"client": CI, "client_secret": None})
    ran = run(
        "client", "add", "app", "--name", "App", "--redirect-uri", "https://app.example/a", "--redirect-uri",
        "app:/b", "--grant-type", "authorization_code", "--auth-method", "private_key_jwt", "--jwks", '{"keys": []}',
    )  # fmt: skip
    assert (ran.status, ran.err) == (0, "")
    assert "secret" not in ran.out.replace("client_secret_basic", "")
    assert fake.calls == [("put_client", {
        "client_id": "app", "client_name": "App", "redirect_uris": ["https://app.example/a", "app:/b"],
        "grant_types": ["authorization_code"], "token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": []},
    })]  # fmt: skip


def test_a_secret_is_rotated_and_a_client_switched_off(fake: FakeRegistry, run: Run) -> None:
    fake.says({"client": CI, "client_secret": "new"})
    ran = run("client", "add", "ci", "--rotate-secret", "--jwks-uri", "https://ci.example/keys", "--json")
    assert json.loads(ran.out)["client_secret"] == "new"
    run("client", "add", "ci", "--inactive")
    assert fake.calls == [
        ("put_client", {"client_id": "ci", "rotate_secret": True, "jwks_uri": "https://ci.example/keys"}),
        ("put_client", {"client_id": "ci", "active": False}),
    ]


def test_keys_that_are_no_object_are_a_usage_error(fake: FakeRegistry, run: Run) -> None:
    assert run("client", "add", "ci", "--jwks", "[]").status == 2
    assert fake.calls == []


def test_clients_are_listed_page_by_page(fake: FakeRegistry, run: Run) -> None:
    fake.says({"clients": [CI], "next_cursor": "ci"})
    ran = run("client", "list", "--origin", "registered", "--limit", "1", "--cursor", "a")
    assert ran.out.splitlines() == [
        "CLIENT_ID  ORIGIN      CLIENT_NAME  GRANT_TYPES         ACTIVE  USED_AT",
        "ci         registered               client_credentials  yes",
    ]
    assert ran.err == "more with `--cursor ci`\n"
    fake.says({"clients": []})
    assert run("client", "list", "--json").out == '{\n  "clients": []\n}\n'
    assert fake.calls == [("list_clients", {"origin": "registered", "limit": 1, "cursor": "a"}), ("list_clients", {})]


def test_a_client_is_removed_by_its_id(fake: FakeRegistry, run: Run) -> None:
    fake.says({"ok": True})
    assert run("client", "remove", "ci") == (0, "", "removed client `ci`\n")
    assert fake.calls == [("delete_client", {"client_id": "ci"})]
