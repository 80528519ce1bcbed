"""The product as a process: the conformance of `/scim/v2` by scim2-tester, restarts, and two processes as one."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest
from cryptography.fernet import Fernet

from airegistry.core.assets import Json
from tests.rest.scim.world import CORP, GROUP, PATCH, USER, fresh
from tests.stores.mongo.engine import INSTALLED, MISSING, running
from tests.support.registry import Registry, serving

OPERATOR = "operator-token-of-both-replicas-1234"
SECOND = 1.0


def client_of(registry: Registry, token: str) -> httpx2.Client:
    """A client of `/scim/v2`."""
    headers = {"authorization": f"Bearer {token}", "content-type": "application/scim+json"}
    return httpx2.Client(base_url=f"{registry.url}/scim/v2", headers=headers, trust_env=False, timeout=30)


def done(answer: httpx2.Response) -> Json:
    """The body of an answer that is none of refusal."""
    assert answer.status_code < 300, answer.text
    found: Json = answer.json()
    return found


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """One registry over a folder, whose people sign in at `corp`."""
    providers = {"AIREGISTRY_IDENTITY_PROVIDERS": json.dumps([CORP])}
    with serving(tmp_path_factory.mktemp("scim"), providers) as registry:
        yield registry


def test_scim2_tester_finds_nothing_but_that_active_always_has_a_value(alone: Registry) -> None:
    tester = pytest.importorskip("scim2_tester", reason="scim2-tester is not installed")
    engine = pytest.importorskip("scim2_client.engines.httpx2", reason="scim2-client is not installed")
    with client_of(alone, alone.token) as http:
        scim = engine.SyncSCIMClient(http)
        scim.discover()
        results = tester.check_server(scim)
    wrong = [f"{each.title}: {each.reason}" for each in results if each.status is not tester.Status.SUCCESS]
    assert wrong == ["check_remove_attribute: PATCH modify() did not remove attribute 'active'"]
    assert len(results) > 120


def provisioner(registry: Registry) -> str:
    """A static token that may provision, made by the command line as docs/scim.md says."""
    assert registry.cli("scope", "put", "provisioning", "--grant", '{"actions": ["provision"]}').returncode == 0
    made = registry.cli("token", "create", fresh("idp"), "--scope", "provisioning", "--json")
    assert made.returncode == 0, made.stderr
    return str(json.loads(made.stdout)["token"])


def test_people_and_groups_stay_over_a_restart(alone: Registry) -> None:
    name = fresh()
    token = provisioner(alone)
    with client_of(alone, token) as http:
        user = done(http.post("/Users", json={"schemas": [USER], "userName": name}))
        body = {"schemas": [GROUP], "displayName": fresh("group"), "members": [{"value": user["id"]}]}
        group = done(http.post("/Groups", json=body))
    alone.restart()
    with client_of(alone, token) as http:
        assert done(http.get(f"/Groups/{group['id']}")) == group
        found = done(http.get("/Users", params={"filter": f'userName eq "{name.upper()}"'}))
        assert found["totalResults"] == 1
        assert done(http.get(f"/Users/{user['id']}"))["groups"]
    listed = alone.cli("user", "list", "--json")
    assert name in listed.stdout


@pytest.mark.skipif(not INSTALLED, reason=MISSING)
def test_what_one_replica_is_told_holds_at_the_other_within_a_second(tmp_path: Path) -> None:
    with running(tmp_path / "mongo") as engine:
        shared = {
            "AIREGISTRY_STORE_URL": f"{engine.url}scim?retryWrites=false",
            "AIREGISTRY_SECRET_KEY": Fernet.generate_key().decode(), "AIREGISTRY_ADMIN_TOKEN": OPERATOR,
        }  # fmt: skip
        both = [Registry(tmp_path / name, shared) for name in ("a", "b")]
        try:
            for registry in both:
                registry.data.parent.mkdir()
                registry.spawn()
            for registry in both:
                registry.process.wait_until(registry.is_ready)
            _walk(*both)
        finally:
            for registry in both:
                registry.close()


def _walk(a: Registry, b: Registry) -> None:
    with client_of(a, OPERATOR) as at_a, client_of(b, OPERATOR) as at_b:
        name = fresh()
        user = done(at_a.post("/Users", json={"schemas": [USER], "userName": name}))
        # The very next request may come to the other one, which has not heard of it yet.
        off = {"schemas": [PATCH], "Operations": [{"op": "Replace", "path": "active", "value": "False"}]}
        assert done(at_b.patch(f"/Users/{user['id']}", json=off))["active"] is False
        assert at_b.post("/Users", json={"schemas": [USER], "userName": name}).status_code == 409
        members = [{"value": user["id"]}]
        group = done(at_b.post("/Groups", json={"schemas": [GROUP], "displayName": fresh("g"), "members": members}))
        assert done(at_a.get(f"/Groups/{group['id']}"))["id"] == group["id"]
        _soon(lambda: "groups" in done(at_a.get(f"/Users/{user['id']}")))
        tag = 'W/"2"'
        change = {"schemas": [PATCH], "Operations": [{"op": "add", "path": "title", "value": "x"}]}
        answers = [each.patch(f"/Users/{user['id']}", json=change, headers={"if-match": tag}) for each in (at_a, at_b)]
        assert [each.status_code for each in answers] == [200, 412]


def _soon(so: Callable[[], bool]) -> None:
    began = time.monotonic()
    while not so():
        assert time.monotonic() - began < SECOND, "it took longer"
        time.sleep(0.01)
