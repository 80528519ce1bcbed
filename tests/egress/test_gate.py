"""The registration gate over real sockets: what it is told, and that nothing but a clear yes lets anything in."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio
import orjson
import pytest
from pydantic import SecretStr
from starlette.types import Receive, Scope, Send

from airegistry.core.assets import Json
from airegistry.core.errors import GateRejected, Invalid, NotFound
from airegistry.core.ports import AnyAsset
from airegistry.core.principals import SYSTEM, Principal
from airegistry.egress.gate import GateAuth, GateSettings, HttpGate
from airegistry.egress.guard import Guard
from tests.core.wiring import asset, build
from tests.support.asgi import serve
from tests.support.processes import free_port

pytestmark = pytest.mark.anyio

ANN = Principal(subject="token:ann", client="cli", groups=frozenset({"staff"}))
JSON = (b"content-type", b"application/json")
Reply = tuple[int, bytes, list[tuple[bytes, bytes]]]


class Judge:
    """A gate that answers as it is told, and notes what it was asked; `/token` is its token endpoint."""

    def __init__(self, *replies: Callable[[Json], Reply]) -> None:
        self.asked: list[tuple[Json, dict[str, str]]] = []
        self.tokens: list[tuple[str, str]] = []
        self._replies = list(replies) or [allow]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body, more = b"", True
        while more:
            part = await receive()
            body, more = body + part.get("body", b""), part.get("more_body", False)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        if scope["path"] == "/token":
            self.tokens.append((headers["authorization"], body.decode()))
            made = {"access_token": f"t{len(self.tokens)}", "token_type": "Bearer", "expires_in": 3600}
            status, answer, more_headers = 200, orjson.dumps(made), [JSON]
        else:
            question: Json = orjson.loads(body)
            self.asked.append((question, headers))
            reply = self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]
            status, answer, more_headers = reply(question)
        await send({"type": "http.response.start", "status": status, "headers": more_headers})
        await send({"type": "http.response.body", "body": answer})


def allow(question: Json) -> Reply:
    return 200, orjson.dumps({"id": question["id"], "decision": "allow"}), [JSON]


def deny(question: Json) -> Reply:
    return 200, orjson.dumps({"id": question["id"], "decision": "deny", "reason": "no\nway"}), [JSON]


def status(code: int, *headers: tuple[bytes, bytes]) -> Callable[[Json], Reply]:
    return lambda question: (code, orjson.dumps({"id": question["id"], "decision": "allow"}), [JSON, *headers])


@asynccontextmanager
async def gate(
    judge: Judge, *, auth: GateAuth = "none", secret: str | None = None, seconds: float = 3.0
) -> AsyncIterator[HttpGate]:
    async with serve(judge) as base:
        settings = GateSettings(
            f"{base}/gate", auth, None if secret is None else SecretStr(secret), client_id="registry",
            token_url=f"{base}/token", scope="gate", seconds=seconds,
        )  # fmt: skip
        async with HttpGate(settings, Guard(loopback=True)) as opened:
            yield opened


def server(**fields: object) -> AnyAsset:
    return asset("server", "weather", **fields)


async def test_it_is_told_who_does_what_with_which_asset() -> None:
    judge = Judge()
    async with gate(judge) as asked:
        await asked.review(ANN, "register", server(description="Tells.", tools=[{"name": "forecast"}]))
    [(question, headers)] = judge.asked
    assert question["action"] == "register"
    assert question["caller"] == {"subject": "token:ann", "client": "cli", "groups": ["staff"]}
    told = question["asset"]
    assert isinstance(told, dict)
    assert (told["kind"], told["path"], told["description"]) == ("server", "weather", "Tells.")
    assert told["tools"] == [{"name": "forecast", "description": "", "inputSchema": {"type": "object"}}]
    assert headers["idempotency-key"] == question["id"]


async def test_it_is_told_no_secrets() -> None:
    judge = Judge()
    async with gate(judge) as asked:
        await asked.review(ANN, "register", server(
            url="https://u:hunter2@weather.test/mcp?api_key=hunter2&city=Oslo", transport="streamable-http",
            metadata={"apiToken": "hunter2", "docs": "https://x.test/?token=hunter2", "more": {"password": "hunter2"}},
        ))  # fmt: skip
        await asked.review(ANN, "register", asset(
            "server", "local", transport="stdio", command="run",
            args=["--token", "hunter2", "--key=hunter2", "TOKEN=hunter2", "--city", "Oslo"],
            env=["API_KEY=hunter2", "LANG"],
        ))  # fmt: skip
    for question, _ in judge.asked:
        assert b"hunter2" not in orjson.dumps(question)
    local = judge.asked[1][0]["asset"]
    assert isinstance(local, dict)
    assert local["args"] == ["--token", "***", "--key=***", "TOKEN=***", "--city", "Oslo"]


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (deny, r"said no: no\\nway"),
        (status(202), "HTTP 202"),
        (status(302, (b"location", b"/yes")), "HTTP 302"),
        (status(403), "HTTP 403"),
        (lambda question: (200, b"", [JSON]), "neither allow nor deny"),
        (lambda question: (200, b"<p>allow</p>", [(b"content-type", b"text/html")]), "neither allow nor deny"),
        (lambda question: (200, orjson.dumps({"id": question["id"], "decision": "allow"}), []), "neither allow nor"),
        (lambda question: (200, orjson.dumps({"id": question["id"], "decision": True}), [JSON]), "neither allow"),
        (lambda question: (200, orjson.dumps({"id": question["id"], "allow": "yes"}), [JSON]), "neither allow"),
        (lambda question: (200, orjson.dumps([{"decision": "allow"}]), [JSON]), "neither allow nor deny"),
        (lambda question: (200, orjson.dumps({"decision": "allow"}), [JSON]), "another question"),
        (lambda question: (200, orjson.dumps({"id": "gate_0", "decision": "allow"}), [JSON]), "another question"),
    ],
)
async def test_whatever_is_no_clear_yes_to_this_question_is_a_no(reply: Callable[[Json], Reply], says: str) -> None:
    judge = Judge(reply)
    async with gate(judge) as asked:
        with pytest.raises(GateRejected, match=says):
            await asked.review(ANN, "register", server())
    assert len(judge.asked) == 1


async def test_a_yes_that_is_replayed_lets_nothing_else_in() -> None:
    kept: list[Reply] = []

    def replaying(question: Json) -> Reply:
        kept.append(allow(question))
        return kept[0]

    async with gate(Judge(replaying)) as asked:
        await asked.review(ANN, "register", server())
        with pytest.raises(GateRejected, match="another question"):
            await asked.review(ANN, "update", server(description="Changed."))


async def test_a_gate_that_fails_for_a_moment_is_asked_again_with_the_same_key() -> None:
    judge = Judge(status(503), status(429, (b"retry-after", b"0")), allow)
    async with gate(judge) as asked:
        await asked.review(ANN, "register", server())
    assert len({headers["idempotency-key"] for _, headers in judge.asked}) == 1
    assert len(judge.asked) == 3


async def test_a_gate_that_stays_broken_is_a_no_within_the_time_it_has() -> None:
    async with gate(Judge(status(500)), seconds=0.5) as asked:
        with anyio.fail_after(3), pytest.raises(GateRejected, match=r"within 0\.5 s: it answered HTTP 500"):
            await asked.review(ANN, "register", server())


async def test_a_gate_that_is_down_is_a_no() -> None:
    settings = GateSettings(f"http://127.0.0.1:{free_port()}/", seconds=0.4)
    async with HttpGate(settings, Guard(loopback=True)) as asked:
        with pytest.raises(GateRejected, match="no connection"):
            await asked.review(ANN, "register", server())


async def test_an_answer_that_is_too_long_is_a_no() -> None:
    huge = Judge(lambda question: (200, b" " * 70_000 + allow(question)[1], [JSON]))
    async with gate(huge, seconds=0.4) as asked:
        with pytest.raises(GateRejected, match="more than 65536 bytes"):
            await asked.review(ANN, "register", server())


async def test_a_gate_that_is_slow_is_a_no() -> None:
    async def silent(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        while (await receive())["type"] != "http.disconnect":
            pass

    async with serve(silent) as base, HttpGate(GateSettings(base, seconds=0.4), Guard(loopback=True)) as asked:
        with anyio.fail_after(3), pytest.raises(GateRejected, match=r"no answer within 0\.4 s"):
            await asked.review(ANN, "register", server())


@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [("api_key", "x-api-key", "s3cret"), ("bearer", "authorization", "Bearer s3cret"), ("none", "x-api-key", None)],
)
async def test_the_registry_shows_who_it_is(auth: GateAuth, header: str, value: str | None) -> None:
    judge = Judge()
    async with gate(judge, auth=auth, secret="s3cret") as asked:
        await asked.review(ANN, "register", server())
    assert judge.asked[0][1].get(header) == value


@pytest.mark.parametrize("auth", ["api_key", "bearer", "client_credentials"])
async def test_what_the_gate_says_of_the_registrys_own_secrets_is_not_passed_on(
    auth: GateAuth, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    secret = "s3cret-of-the-registry"

    def telling(question: Json) -> Reply:
        sent = [*judge.asked[-1][1].values(), secret]
        return 403, orjson.dumps({"id": question["id"], "decision": "deny", "reason": f"I know {sent}"}), [JSON]

    judge = Judge(telling)
    async with gate(judge, auth=auth, secret=secret) as asked:
        with pytest.raises(GateRejected, match="I know") as refused:
            await asked.review(ANN, "register", server())
    assert secret not in str(refused.value) + refused.value.message + caplog.text


async def test_a_token_by_client_credentials_is_used_until_it_is_refused() -> None:
    judge = Judge(allow, allow, status(401), allow)
    async with gate(judge, auth="client_credentials", secret="s3cret") as asked:
        for _ in range(3):
            await asked.review(ANN, "register", server())
    assert [headers["authorization"] for _, headers in judge.asked] == ["Bearer t1"] * 3 + ["Bearer t2"]
    assert judge.tokens[0][0].startswith("Basic ")
    assert judge.tokens[0][1] == "grant_type=client_credentials&scope=gate"


@pytest.mark.parametrize(
    "settings",
    [
        GateSettings("http://169.254.169.254/gate"),
        GateSettings("http://gate.test/", "bearer", SecretStr("s")),
        GateSettings("http://gate.test/", "api_key", SecretStr("s")),
        GateSettings("http://127.0.0.1.gate.test/", "api_key", SecretStr("s")),
        GateSettings(
            "https://gate.test/", "client_credentials", SecretStr("s"), client_id="c", token_url="http://login.test/"
        ),
        GateSettings("https://gate.test/", "bearer"),
        GateSettings("https://gate.test/", "client_credentials", SecretStr("s")),
    ],
)
def test_a_gate_that_cannot_be_asked_safely_is_refused_at_the_start(settings: GateSettings) -> None:
    with pytest.raises(Invalid):
        HttpGate(settings, Guard())


async def test_every_way_into_the_catalog_passes_the_gate() -> None:
    judge = Judge()
    async with gate(judge) as asked:
        world = await build(gate=asked)
        catalog = world.services.catalog
        await world.put_server("weather")
        await catalog.update(SYSTEM, "server", "weather", {"description": "Tells."})
        await catalog.refresh(SYSTEM, "weather")
        for kind in ("agent", "skill", "virtual_server"):
            await catalog.register(SYSTEM, asset(kind, "planner"), fetch=False)
    assert [question["action"] for question, _ in judge.asked] == ["register", "update", "refresh", *["register"] * 3]


async def test_what_the_gate_refuses_is_not_stored_and_a_change_it_refuses_changes_nothing() -> None:
    judge = Judge(deny, allow, deny)
    async with gate(judge) as asked:
        world = await build(gate=asked)
        with pytest.raises(GateRejected):
            await world.put_server("weather")
        with pytest.raises(NotFound):
            await world.services.catalog.get(SYSTEM, "server", "weather")
        await world.put_server("weather", description="Before.")
        with pytest.raises(GateRejected):
            await world.services.catalog.update(SYSTEM, "server", "weather", {"description": "After."})
        assert (await world.services.catalog.get(SYSTEM, "server", "weather")).description == "Before."
