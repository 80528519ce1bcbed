"""Two processes of the product over one database: they behave as one."""

from collections.abc import Awaitable, Callable, Iterator
from functools import partial

import anyio
import pytest
from cryptography.fernet import Fernet
from fastmcp import Context, FastMCP
from mcp_types import ElicitRequest, ElicitRequestFormParams, InputRequiredResult

from tests.contract.acts import Desk, Json, fresh
from tests.stores.mongo.engine import INSTALLED, MISSING, running
from tests.support import http, mcp
from tests.support.asgi import serve
from tests.support.backends import Backend
from tests.support.registry import Registry

pytestmark = [pytest.mark.anyio, pytest.mark.skipif(not INSTALLED, reason=MISSING)]

SECOND = 1.0


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Registry, Registry]]:
    """Two registries that share a database and a key, both of them started at once over an empty one."""
    folder = tmp_path_factory.mktemp("replicas")
    with running(folder / "mongo") as engine:
        shared = {
            "AIREGISTRY_STORE_URL": f"{engine.url}replicas?retryWrites=false",
            "AIREGISTRY_SECRET_KEY": Fernet.generate_key().decode(),
        }
        made = [Registry(folder / name, shared) for name in ("a", "b")]
        for registry in made:
            registry.data.parent.mkdir()
            registry.token = registry.env["AIREGISTRY_ADMIN_TOKEN"] = "operator-token-of-both-replicas-1234"
            registry.spawn()
        try:
            for registry in made:
                registry.process.wait_until(registry.is_ready)
            yield made[0], made[1]
        finally:
            for registry in made:
                registry.close()


@pytest.fixture
async def desks(both: tuple[Registry, Registry]) -> tuple[Desk, Desk]:
    return Desk(both[0]), Desk(both[1])


async def within_a_second(check: Callable[[], Awaitable[bool]]) -> None:
    began = anyio.current_time()
    while not await check():
        assert anyio.current_time() - began < SECOND, "it took longer"
        await anyio.sleep(0.01)


async def test_policy_tokens_and_the_catalog_of_one_are_those_of_the_other(
    desks: tuple[Desk, Desk], backend: Backend
) -> None:
    a, b = desks
    path = fresh("weather")
    await a.register(path, backend.url)
    token = await a.token({"assets": [path], "actions": ["call"]})

    async def called() -> bool:
        answer = http.call_tool(b.registry.gateway(path), "echo", {"text": "hello"}, token=token)
        return answer.status_code == 200 and b"hello" in answer.content

    await within_a_second(called)
    found = await b.ask("search_registry", query=path)
    assert path in str(found)
    (record,) = [each for each in (await b.ask("list_tokens"))["tokens"] if each["id"] in token]
    await b.ask("revoke_token", id=record["id"])

    async def ended() -> bool:
        return http.call(a.registry.mcp, "tools/list", token=token).status_code == 401

    await within_a_second(ended)
    await b.ask("delete_asset", kind="server", path=path)

    async def gone() -> bool:
        answer: Json = http.body(http.call(a.registry.gateway(path), "tools/list", token=a.registry.token))
        return "error" in answer or "code" in answer

    await within_a_second(gone)


async def test_a_session_of_the_older_era_stays_where_it_was_opened(desks: tuple[Desk, Desk], backend: Backend) -> None:
    a, b = desks
    path = fresh("weather")
    await a.register(path, backend.url)
    for url in (a.registry.mcp, a.registry.gateway(path)):
        session = http.session(url, a.registry.token)
        assert http.legacy_call(url, "tools/list", {}, token=a.registry.token, session=session).status_code == 200
        elsewhere = url.replace(a.registry.url, b.registry.url)
        answer = http.legacy_call(elsewhere, "tools/list", {}, token=b.registry.token, session=session)
        assert answer.status_code == 404


async def test_what_is_used_up_at_one_is_so_at_the_other(desks: tuple[Desk, Desk], backend: Backend) -> None:
    a, b = desks
    path = fresh("weather")
    await a.register(path, backend.url)
    token = await a.token({"assets": [path], "actions": ["call"]})
    await a.ask("put_limit", name=path, assets=[path], calls=10, seconds=86_400)

    async def limited() -> bool:
        return path in str(await b.ask("list_limits"))

    def answered(desk: Desk) -> int:
        return http.call_tool(desk.registry.gateway(path), "echo", {"text": "hello"}, token=token).status_code

    await within_a_second(limited)
    assert [answered(a) for _ in range(10)] == [200] * 10

    async def used_up() -> bool:
        await anyio.sleep(0.15)  # so seldom that the calls of a second alone would use nothing up
        return answered(b) == 429

    await within_a_second(used_up)
    await a.ask("delete_limit", name=path)


async def asked(desk: Desk, path: str, token: str, **more: object) -> Json:
    """A call of the tool that asks before it does something, or what is said to its question."""
    params = {"name": "wipe", "arguments": {}, **more}
    url = desk.registry.gateway(path)
    return http.body(await anyio.to_thread.run_sync(partial(http.call, url, "tools/call", params, token=token)))


async def test_who_is_asked_at_one_may_answer_at_the_other_and_nobody_else(desks: tuple[Desk, Desk]) -> None:
    a, b = desks
    path, asking = fresh("asking"), FastMCP("asking")
    wiped = list[str]()

    @asking.tool
    async def wipe(ctx: Context) -> str | InputRequiredResult:
        """Asks before it wipes."""
        if ctx.input_responses is None:
            form = ElicitRequestFormParams(message="really?", requested_schema={"type": "object", "properties": {}})
            question = ElicitRequest(params=form)
            return InputRequiredResult(input_requests={"really": question}, request_state="it")
        wiped.append(ctx.request_state or "")
        return "wiped"

    async with serve(asking.http_app(path="/mcp", stateless_http=True)) as url:
        await a.register(path, f"{url}/mcp")
        grant: Json = {"assets": [path], "actions": ["call"]}
        ann, bob = [await a.token(grant) for _ in "ab"]

        async def known() -> bool:
            return all(["result" in await asked(desk, path, token) for desk in desks for token in (ann, bob)])

        await within_a_second(known)
        state = (await asked(a, path, ann))["result"]["requestState"]
        said = {"requestState": state, "inputResponses": {"really": {"action": "accept", "content": {}}}}
        for desk in (b, a):
            assert (await asked(desk, path, bob, **said))["error"]["message"] == "no such requestState"
        assert not wiped
        answer = await asked(b, path, ann, **said)
        assert ("wiped" in str(answer["result"]), wiped) == (True, ["it"])


async def test_one_that_is_killed_is_missed_by_nobody(desks: tuple[Desk, Desk]) -> None:
    a, b = desks
    path = fresh("kept")
    await a.store(path)
    a.registry.process.kill()
    assert path in str(await mcp.ask(b.registry.mcp, b.registry.token, "list_services", limit=200))
    a.registry.start()
    assert path in str(await mcp.ask(a.registry.mcp, a.registry.token, "list_services", limit=200))


async def test_either_tells_the_logs_of_both_in_order_of_time(desks: tuple[Desk, Desk]) -> None:
    running = {desk.registry.process.pid for desk in desks}  # one of them may have been killed and begun anew
    for desk in desks:
        with anyio.fail_after(30):
            while True:
                began = await desk.ask("get_logs", text=" serves http://", limit=1000)
                if running <= {int(line["replica"].rpartition(":")[2]) for line in began["records"]}:
                    break
                await anyio.sleep(0.1)  # until the other one writes what it has gathered
        for page in (began, await desk.ask("get_logs", limit=1000)):
            times = [line["time"] for line in page["records"]]
            assert times == sorted(times, reverse=True)
