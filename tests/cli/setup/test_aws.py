"""`airegistry setup aws`: what Terraform says is read, and what is not reached is named with what to do."""

import asyncio
import json
import re
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from airegistry.cli.doctor.findings import examine
from airegistry.cli.setup.aws_checks import CHECKS, Deployment
from airegistry.cli.setup.outputs import NEEDED, Outputs, read_outputs
from airegistry.core.errors import UpstreamFailed
from airegistry.egress.certificates import certificate_of
from airegistry.egress.guard import Guard
from airegistry.egress.json_http import JsonHttp
from tests.cli.conftest import Run
from tests.cli.registry import FakeRegistry
from tests.support.certificates import Authority
from tests.support.processes import ROOT, free_port

pytestmark = pytest.mark.anyio
Json = dict[str, Any]
FULL: Json = {
    "url": "https://registry.test", "region": "eu-central-1", "cluster_name": "c", "service_name": "s",
    "log_groups": ["/a"], "secret_arns": {"a": "arn:a"}, "alarm_topic_arn": "arn:topic",
}  # fmt: skip


def written(folder: Path, values: Json) -> Path:
    file = folder / "outputs.json"
    file.write_text(json.dumps({name: {"value": value, "sensitive": False} for name, value in values.items()}))
    return file


def rows(run: Run, *argv: str) -> tuple[int, Json]:
    ran = run("setup", "aws", *argv, "--json")
    return ran.status, {row["id"]: row for row in json.loads(ran.out)["checks"]}


def test_every_example_has_the_outputs_that_are_read() -> None:
    for example in (ROOT / "terraform" / "examples").glob("*/outputs.tf"):
        named = set(re.findall(r'^output "(\w+)"', example.read_text(encoding="utf-8"), re.MULTILINE))
        assert set(NEEDED) <= named, example


def test_a_deployment_that_is_not_up_is_not_ready(run: Run, tmp_path: Path) -> None:
    values = {**FULL, "url": f"http://127.0.0.1:{free_port()}", "alarm_topic_arn": ""}
    status, found = rows(run, str(written(tmp_path, values)))
    assert status == 1
    wrong = {id_ for id_, row in found.items() if row["verdict"] == "fail"}
    assert wrong == {"aws.outputs", "aws.address", "aws.answers"}
    assert "alarm_topic_arn" in found["aws.outputs"]["saw"]
    assert all(found[id_]["do"] for id_ in wrong)


def test_a_dry_run_reads_the_outputs_and_asks_nobody(run: Run, tmp_path: Path) -> None:
    status, found = rows(run, str(written(tmp_path, FULL)), "--dry-run")
    assert status == 0
    assert found.pop("aws.outputs")["verdict"] == "ok"
    assert {row["verdict"] for row in found.values()} == {"skip"}


@pytest.mark.parametrize("text", ["[]", "nonsense", '{"url": "x"}', '{"url": {"value": "ftp://x"}}'])
def test_what_is_no_output_of_terraform_is_a_wrong_use(run: Run, tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_text(text)
    assert run("setup", "aws", str(tmp_path / "x.json")).status == 2


async def looked(outputs: Outputs, guard: Guard, tls: ssl.SSLContext | None = None) -> Json:
    async with JsonHttp(guard) as http:
        found = await examine(CHECKS, Deployment(outputs, guard, http, tls))
    return {row.id: row.finding for row in found}


async def test_a_name_that_leads_nowhere_is_named_with_where_it_should(tmp_path: Path) -> None:
    async def nobody(host: str, port: int) -> Sequence[str]:
        raise OSError(-2, "Name or service not known")

    values = {**FULL, "hosts": {"keycloak": "auth.test"}, "cloudfront_id": "E123", "keycloak_url": "https://auth.test"}
    found = await looked(read_outputs(written(tmp_path, values)), Guard(resolve=nobody))
    assert "registry.test" in found["aws.dns"].saw
    assert "auth.test" in found["aws.dns"].saw
    assert "E123" in found["aws.dns"].do
    assert found["aws.certificates"].verdict == found["aws.keycloak"].verdict == "fail"


@asynccontextmanager
async def shows(context: ssl.SSLContext) -> AsyncIterator[int]:
    """A port that shows a certificate and hangs up."""

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    # A listener of anyio's that is cancelled while it accepts leaves a socket behind.
    async with await asyncio.start_server(hang_up, "127.0.0.1", 0, ssl=context) as server:
        yield server.sockets[0].getsockname()[1]


async def home(host: str, port: int) -> Sequence[str]:
    return ["127.0.0.1"]


@pytest.mark.parametrize(("days", "verdict"), [(90, "ok"), (5, "warn")])
async def test_a_certificate_is_looked_at_and_its_end_told(tmp_path: Path, days: int, verdict: str) -> None:
    authority = Authority()
    async with shows(authority.server("registry.test", days=days)) as port:
        values = {**FULL, "url": f"https://registry.test:{port}"}
        guard = Guard(allow=["registry.test"], resolve=home)
        found = await looked(read_outputs(written(tmp_path, values)), guard, authority.trusting)
    assert found["aws.certificates"].verdict == verdict
    assert found["aws.certificates"].saw.endswith(f"{days - 1} days")


@pytest.mark.parametrize(("name", "trusted"), [("other.test", True), ("registry.test", False)])
async def test_a_certificate_of_another_name_or_authority_holds_nothing(name: str, trusted: bool) -> None:
    authority = Authority()
    trusting = authority.trusting if trusted else ssl.create_default_context()
    async with shows(authority.server(name)) as port:
        guard = Guard(allow=["registry.test"], resolve=home)
        with pytest.raises(UpstreamFailed, match="no certificate that holds"):
            await certificate_of(guard, f"https://registry.test:{port}", tls=trusting)


async def test_a_keycloak_that_calls_itself_otherwise_is_found(tmp_path: Path, fake: FakeRegistry) -> None:
    values = {**FULL, "url": fake.url, "keycloak_url": fake.url}
    found = await looked(read_outputs(written(tmp_path, values)), Guard(loopback=True))
    assert found["aws.keycloak"].verdict == "fail"
    assert found["aws.dns"].verdict == "ok"
