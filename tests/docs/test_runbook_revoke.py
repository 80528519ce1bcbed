"""The drill of docs/runbook.md, "Revoke", on two replicas: a compromised agent is cut off at both in under 5 s."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import orjson
import pytest

from tests.docs.drills import replicas, status, succeeds
from tests.stores.mongo.engine import INSTALLED, MISSING
from tests.support import http
from tests.support.backends import Backend
from tests.support.registry import Registry

pytestmark = pytest.mark.skipif(not INSTALLED, reason=MISSING)
SOON = 5.0
"""Seconds from the decision until nothing of the agent's goes on anywhere."""


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, backend: Backend) -> Iterator[list[Registry]]:
    with replicas(tmp_path_factory.mktemp("revoke")) as (_, both):
        for registry in both:
            registry.start()
        succeeds(both[0].command("register", backend.url, "--path", "desk"))
        grants = [{"assets": ["desk"], "tools": ["*"], "actions": ["call"]}]
        scope = {"name": "agents", "grants": grants}
        assert http.call_tool(both[0].mcp, "put_scope", scope, token=both[0].token).status_code == 200
        yield both


@contextmanager
def calling(registry: Registry, token: str) -> Iterator[httpx2.Response]:
    """A call that is answered by a stream, and would not end by itself."""
    message = http.message("tools/call", {"name": "hang", "arguments": {}})
    message["params"]["_meta"]["progressToken"] = 1
    headers = {**http.modern_headers(message, token), "Content-Type": "application/json"}
    with http.client() as client:
        with client.stream("POST", registry.gateway("desk"), content=orjson.dumps(message), headers=headers) as got:
            assert got.status_code == 200
            yield got


def order(registry: Registry, tool: str, **arguments: object) -> float:
    """What an administrator decides, by the registry's own tools; when that was."""
    began = time.monotonic()
    answer = http.body(http.call_tool(registry.mcp, tool, arguments, token=registry.token))
    assert not answer["result"].get("isError"), answer
    return began


def until_answered(pair: list[Registry], token: str, wanted: int, began: float) -> None:
    """Return when calls get this status at every replica.

    Raises:
        AssertionError: they do not, in time.
    """
    for registry in pair:
        while (seen := status(registry, token)) != wanted:
            assert time.monotonic() - began < SOON, f"{seen} and not {wanted}"
    assert time.monotonic() - began < SOON


def test_a_compromised_agent_is_cut_off_everywhere_in_under_five_seconds(pair: list[Registry]) -> None:
    one, other = pair
    made = json.loads(succeeds(one.command("token", "create", "clerk", "--scope", "agents", "--json")))
    token = made["token"]
    assert [status(registry, token) for registry in pair] == [200, 200]
    with calling(one, token) as here, calling(other, token) as there:
        began = order(one, "quarantine", kind="caller", id="token:clerk", reason="its token was in a paste")
        for stream in (here, there):
            stream.read()
        until_answered(pair, token, 403, began)
    until_answered(pair, token, 401, order(one, "revoke_token", id=made["id"]))


def test_an_agent_that_logs_in_as_a_client_is_out_and_gets_no_further_token(pair: list[Registry]) -> None:
    one, _ = pair
    made = json.loads(succeeds(one.command("client", "add", "planner", "--scope", "agents", "--json")))
    form = {
        "grant_type": "client_credentials", "client_id": "planner", "client_secret": made["client_secret"],
        "resource": one.gateway("desk"),
    }  # fmt: skip
    token = httpx2.post(f"{one.url}/token", data=form, trust_env=False).json()["access_token"]
    assert status(one, token) == 200
    until_answered([one], token, 401, order(one, "put_client", client_id="planner", active=False))
    assert httpx2.post(f"{one.url}/token", data=form, trust_env=False).status_code == 401


def test_the_commands_of_the_page_cut_off_and_let_in_again(pair: list[Registry]) -> None:
    one, other = pair
    made = json.loads(succeeds(one.command("token", "create", "porter", "--scope", "agents", "--json")))
    succeeds(one.command("quarantine", "put", "caller", "token:porter", "--reason", "calls at night"))
    until_answered(pair, made["token"], 403, time.monotonic())
    succeeds(other.command("quarantine", "lift", "caller", "token:porter"))
    until_answered(pair, made["token"], 200, time.monotonic())
    succeeds(other.command("token", "revoke", made["id"], "--yes"))
    until_answered(pair, made["token"], 401, time.monotonic())
