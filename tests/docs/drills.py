"""What the drills of docs/runbook.md have in common."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from cryptography.fernet import Fernet

from tests.stores.mongo.engine import Engine, running
from tests.support import http
from tests.support.registry import Registry

LIGHT = {"AIREGISTRY_EMBEDDER": "none"}


def succeeds(ran: "subprocess.CompletedProcess[str]") -> str:
    """What a command printed that has to succeed."""
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def give(registry: Registry, folder: Path, secret: str) -> None:
    """Set the credential of the server `desk`."""
    file = folder / "credential.json"
    file.write_text(json.dumps({"kind": "bearer", "token": secret}), encoding="utf-8")
    succeeds(registry.command("credential", "set", "desk", str(file)))


def sent(registry: Registry, token: str | None = None) -> str:
    """The credential that the backend sees."""
    answer = http.body(http.call_tool(registry.gateway("desk"), "headers", {}, token=token or registry.token))
    return str(answer["result"]["structuredContent"].get("authorization"))


def status(registry: Registry, token: str) -> int:
    """What a call of the server `desk` is answered."""
    return http.call_tool(registry.gateway("desk"), "echo", {"text": "a"}, token=token).status_code


def intact(registry: Registry) -> bool:
    """Whether the audit trail is whole, as the registry itself says."""
    answer = http.body(http.call_tool(registry.mcp, "verify_audit", {}, token=registry.token))
    return bool(answer["result"]["structuredContent"]["intact"])


@contextmanager
def replicas(folder: Path, count: int = 2) -> Iterator[tuple[Engine, list[Registry]]]:
    """A database, and registries over it, none of them started; all are stopped at the end."""
    with ExitStack() as stack:
        engine = stack.enter_context(running(folder / "mongo"))
        shared = {
            "AIREGISTRY_STORE_URL": f"{engine.url}drill?retryWrites=false",
            "AIREGISTRY_SECRET_KEY": Fernet.generate_key().decode(), **LIGHT,
        }  # fmt: skip
        made = []
        for number in range(count):
            (folder / str(number)).mkdir()
            registry = Registry(folder / str(number), shared)
            registry.token = registry.env["AIREGISTRY_ADMIN_TOKEN"] = "operator-token-of-every-replica-12345"
            stack.callback(registry.close)
            made.append(registry)
        yield engine, made
