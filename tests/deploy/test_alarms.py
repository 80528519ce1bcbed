"""The alarms that count lines of logs: what a registry really writes is what their filters are looking for."""

import json
import logging
import re
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import httpx2
import pytest
from pymongo.errors import OperationFailure, ServerSelectionTimeoutError

from airegistry.stores.mongo.calls import Calls, translated
from tests.deploy.terraform import Workplace
from tests.support import http
from tests.support.backends import Backend
from tests.support.person import Form
from tests.support.registry import Registry, serving

Record = dict[str, Any]
PASSWORD = "the right password of ann"


def pattern(production: Workplace, alarm: str) -> str:
    """What CloudWatch counts for an alarm, as the plan has it."""
    planned: Any = production.resources[f'module.observability.aws_cloudwatch_log_metric_filter.this["{alarm}"]']
    watched: Any = production.resources[f'module.observability.aws_cloudwatch_metric_alarm.logged["{alarm}"]']
    (counted,) = planned["metric_transformation"]
    assert (counted["namespace"], counted["name"]) == (watched["namespace"], watched["metric_name"])
    return str(planned["pattern"])


def counts(said: str, record: Record) -> bool:
    """Whether a JSON pattern of CloudWatch counts a record: `&&`, `||`, parentheses, `$.field = "text"` with `*`."""

    def term(found: re.Match[str]) -> str:
        wanted = ".*".join(map(re.escape, found[2].split("*")))
        return str(re.fullmatch(wanted, str(record.get(found[1]))) is not None)

    assert (said[:1], said[-1:]) == ("{", "}"), said
    logic = re.sub(r'\$\.(\w+) = "([^"]*)"', term, said[1:-1]).replace("&&", "and").replace("||", "or")
    assert not set(re.findall(r"\w+|[^\w\s()]", logic)) - {"True", "False", "and", "or"}, logic
    return bool(eval(logic))  # made of four words and parentheses alone


class Collector(BaseHTTPRequestHandler):
    """Takes records as the collector beside a task does: their bodies are what goes into the log group."""

    records: list[Record] = []

    def do_POST(self) -> None:
        sent = json.loads(self.rfile.read(int(self.headers["content-length"])))
        for resource in sent["resourceLogs"]:
            for scope in resource["scopeLogs"]:
                self.records.extend(json.loads(each["body"]["stringValue"]) for each in scope["logRecords"])
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:  # as its base has it
        pass


@pytest.fixture(scope="module")
def collected() -> Iterator[str]:
    """The URL of a collector."""
    Collector.records.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def registry(collected: str, tmp_path_factory: pytest.TempPathFactory, backend: Backend) -> Iterator[Registry]:
    env = {"AIREGISTRY_AUDIT_OTLP_URL": collected, "AIREGISTRY_EMBEDDER": "none"}
    with serving(tmp_path_factory.mktemp("alarms"), env) as started:
        assert started.command("register", backend.url, "--path", "desk").returncode == 0
        yield started


def log_in(registry: Registry, password: str) -> None:
    with httpx2.Client(trust_env=False) as browser:
        form = Form(browser.get(f"{registry.url}/login"), "password")
        typed = {**form.fields, "username": "ann", "password": password}
        browser.post(form.action, data=typed, headers={"origin": registry.url, "sec-fetch-site": "same-origin"})


def ask_for_a_token(registry: Registry, **form: str) -> None:
    answer = httpx2.post(f"{registry.url}/token", data=form, trust_env=False)
    assert answer.status_code in (400, 401)


def test_alarms_count_the_failures_that_they_are_named_for_and_nothing_else(
    production: Workplace, registry: Registry
) -> None:
    made = http.call_tool(registry.mcp, "put_user", {"id": "ann", "password": PASSWORD}, token=registry.token)
    assert made.status_code == 200, made.text
    poor = json.loads(registry.command("token", "create", "poor", "--json").stdout)["token"]
    log_in(registry, PASSWORD)
    log_in(registry, "a wrong password")
    ask_for_a_token(registry, grant_type="client_credentials", client_id="nobody", client_secret="x")
    assert http.call_tool(registry.gateway("desk"), "echo", {"text": "a"}, token=registry.token).status_code == 200
    assert http.call_tool(registry.gateway("desk"), "echo", {"text": "a"}, token=poor).status_code == 403
    wanted = {"user:login": 2, "client:authenticate": 1, "tools/call": 2}
    seen = Collector.records
    registry.process.wait_until(lambda: Counter(each["action"] for each in seen) >= Counter(wanted))

    def counted(alarm: str) -> list[tuple[str, str]]:
        said = pattern(production, alarm)
        return sorted((each["action"], each["decision"]) for each in seen if counts(said, each))

    assert counted("authentication_failures") == [("client:authenticate", "deny"), ("user:login", "deny")]
    assert counted("denied_calls") == [("tools/call", "deny")]


@pytest.mark.anyio
async def test_a_database_that_is_away_or_refuses_is_counted(
    production: Workplace, caplog: pytest.LogCaptureFixture
) -> None:
    wanted = re.findall(r'\?"([^"]+)"', pattern(production, "store_errors"))
    with caplog.at_level(logging.WARNING):
        Calls().note(ServerSelectionTimeoutError("away"))
    refused = str(translated(OperationFailure("not authorized", 13)))
    for said in (caplog.text, refused):
        assert any(words in said for words in wanted), said
