"""Every kind of caller with every shape of scope, on every surface: as a naive reading of docs/access.md says.

A block of cases is one test, which names the cases that differ.
"""

from collections.abc import Awaitable, Callable

import pytest

from airegistry.core.assets import Kind, Server
from airegistry.core.audit_events import AuditFilter
from airegistry.core.calls import Call, Member
from airegistry.core.errors import AccessDenied, NotFound
from airegistry.core.grants import Action
from airegistry.core.invocation import Invocation
from airegistry.core.principals import Principal
from airegistry.core.scans import ScanReport
from tests.policy.reference import Answer
from tests.policy.world import PARTS, PROMPT, READ_URI, SERVERS, THINGS, TOOLS, Held, Matrix, agree, furnished

pytestmark = pytest.mark.anyio

NAMED: dict[str, tuple[str, ...]] = {
    "tools/call": TOOLS,
    "prompts/get": (PROMPT,),
    "resources/read": (READ_URI,),
    "resources/subscribe": (READ_URI,),
    "resources/unsubscribe": (READ_URI,),
    "completion/complete": (PROMPT,),
}
UNNAMED = (
    "initialize", "ping", "server/discover", "logging/setLevel", "subscriptions/listen", "stream/open", "session/close",
    "notifications/initialized", "tools/list", "prompts/list", "resources/list", "resources/templates/list",
    "odd/method",
)  # fmt: skip
MESSAGES = [(method, name) for method, names in NAMED.items() for name in names] + [(each, None) for each in UNNAMED]


@pytest.fixture
async def matrix() -> Matrix:
    return await furnished()


async def answer(act: Awaitable[object]) -> Answer:
    """How an act on a real service ended."""
    try:
        await act
    except NotFound:
        return "hidden"
    except AccessDenied:
        return "no"
    return "yes"


async def passed(invocation: Invocation, who: Principal, path: str, method: str, name: str | None) -> None:
    """A message that comes in and is over at once."""
    invocation.leave(await invocation.enter(who, path, method, name), "ok")


async def test_lists_and_counts_hold_what_the_caller_may_know_of(matrix: Matrix) -> None:
    differences, cases = [], 0
    catalog, search = matrix.world.services.catalog, matrix.world.services.search
    kinds: list[Kind] = ["server", "agent", "skill", "virtual_server"]
    for held in matrix.callers:
        page = await catalog.list(held.who, kinds, limit=100)
        shown = {f"{each.kind}/{each.path}" for each in page.assets}
        known = {name for name, it in THINGS.items() if matrix.reference.knows(held.caller, it)}
        differences += [f"{held.name}: list of {name}" for name in shown ^ known]
        differences += [f"{held.name}: count"] if search.count(held.who) != len(known) else []
        cases += len(THINGS) + 1
    agree(differences, cases, 3000)


async def test_searches_find_and_count_what_the_caller_may_know_of(matrix: Matrix) -> None:
    differences, cases = [], 0
    for held in matrix.callers:
        known = {it.path for it in THINGS.values() if matrix.reference.knows(held.caller, it)}
        tools = {
            (it.path, tool) for it in SERVERS for tool in TOOLS
            if it.path in known and matrix.reference.sees_part(held.caller, it, tool)
        }  # fmt: skip
        found = await matrix.world.services.search.find(
            held.who, "server agent skill rain open staff private", limit=100
        )
        paths = {hit.asset.path for hit in found.hits if hit.tool is None}
        hits = {(hit.asset.path, hit.tool.name) for hit in found.hits if hit.tool is not None}
        differences += [f"{held.name}: search for {path}" for path in paths ^ known]
        differences += [f"{held.name}: search for {tool}" for tool in hits ^ tools]
        differences += [f"{held.name}: total"] if found.total != len(known) + len(tools) else []
        cases += len(THINGS) + len(SERVERS) * len(TOOLS) + 1
    agree(differences, cases, 4000)


async def test_details_show_the_parts_that_the_caller_may_see(matrix: Matrix) -> None:
    differences, cases = [], 0
    catalog = matrix.world.services.catalog
    for held, it in matrix.pairs():
        kind: Kind = it.kind  # type: ignore[assignment]  # the assets of this world are of known kinds
        got = await answer(catalog.get(held.who, kind, it.path))
        differences += (
            [f"{held.name}: details of {it.path}"] if got != matrix.reference.asks(held.caller, "read", it) else []
        )
        cases += 1
    listings = {**dict.fromkeys(TOOLS, "tools/list"), PROMPT: "prompts/list", READ_URI: "resources/list"}
    for it in SERVERS:
        found = await matrix.world.shelf.get("server", it.path)
        assert found is not None
        for held in matrix.callers:
            part = catalog.part(held.who, found[0])
            assert isinstance(part, Server)
            shown = {*(tool.name for tool in catalog.tools(held.who, found[0]))}
            shown |= {*(each.name for each in part.prompts), *(str(each.uri) for each in part.resources)}
            seen = {name for name in PARTS if matrix.reference.sees_part(held.caller, it, name, listings[name])}
            differences += [f"{held.name}: {name} in the details of {it.path}" for name in shown ^ seen]
            cases += len(PARTS)
    agree(differences, cases, 4000)


async def test_every_message_to_a_server_is_answered_as_its_method_and_name_are_granted(matrix: Matrix) -> None:
    differences, cases = [], 0
    invocation = matrix.world.services.invocation
    for held in matrix.callers:
        for it in SERVERS:
            for method, name in MESSAGES:
                got = await answer(passed(invocation, held.who, it.path, method, name))
                expected = matrix.reference.sends(held.caller, it, method, name)
                differences += [f"{held.name}: {method} {name} of {it.path}: {got}"] if got != expected else []
                cases += 1
    agree(differences, cases, 12_000)


async def test_lists_of_the_gateway_hold_what_the_caller_may_use(matrix: Matrix) -> None:
    differences, cases = [], 0
    uses: dict[Member, tuple[str, tuple[str, ...]]] = {
        "tools": ("tools/call", TOOLS),
        "prompts": ("prompts/get", (PROMPT,)),
        "resources": ("resources/read", (READ_URI,)),
    }
    for it in SERVERS:
        found = await matrix.world.shelf.get("server", it.path)
        assert found is not None
        assert isinstance(found[0], Server)
        for held in matrix.callers:
            call = Call(held.who, found[0], "tools/list", None, 0.0, described=frozenset(TOOLS))
            for member, (method, names) in uses.items():
                for name in names:
                    shown = matrix.world.services.invocation.may_use(call, member, name)
                    usable = matrix.reference.asks(held.caller, "call", it, name, method) == "yes"
                    differences += [f"{held.name}: {name} in {member}/list of {it.path}"] if shown != usable else []
                    cases += 1
    agree(differences, cases, 2500)


async def test_tools_are_called_through_the_registry_as_through_the_gateway(matrix: Matrix) -> None:
    differences, cases = [], 0
    for held in matrix.callers:
        for it in SERVERS:
            for tool in TOOLS:
                got = await answer(matrix.world.services.invocation.call_tool(held.who, it.path, tool, {}))
                expected = matrix.reference.sends(held.caller, it, "tools/call", tool)
                differences += [f"{held.name}: call_tool {it.path} {tool}: {got}"] if got != expected else []
                cases += 1
    agree(differences, cases, 1500)


ACTS: tuple[Action, ...] = (
    "list", "read", "call", "rate", "register", "update", "toggle", "refresh", "delete", "transition", "scan",
    "approve",
)  # fmt: skip


async def test_every_action_on_every_asset_is_decided_as_documented(matrix: Matrix) -> None:
    differences, cases = [], 0
    access = matrix.world.services.access
    assets = {f"{each.kind}/{each.path}": each async for _, each in matrix.world.shelf.walk()}
    for held in matrix.callers:
        for name, it in THINGS.items():
            for action in ACTS:
                decision = access.decide(held.who, action, assets[name])
                got = "yes" if decision.allowed else "no" if decision.visible else "hidden"
                expected = matrix.reference.asks(held.caller, action, it)
                differences += [f"{held.name}: {action} {name}: {got}, {decision.reason}"] if got != expected else []
                new = access.decide(held.who, action, target=(it.kind, f"{it.path}-new"))
                planned = matrix.reference.acts(held.caller, action, it.kind, f"{it.path}-new")
                differences += [f"{held.name}: {action} new {name}"] if new.allowed != (planned == "yes") else []
                cases += 2
    agree(differences, cases, 30_000)


async def test_administration_is_for_who_holds_it_by_a_token_that_carries_it(matrix: Matrix) -> None:
    services = matrix.world.services
    acts: dict[Action, Callable[[Principal], Awaitable[object]]] = {
        "policy": services.policy.scopes,
        "token": services.tokens.records,
        "audit": lambda who: services.audit.query(who, AuditFilter(), limit=1),
    }
    differences, cases = [], 0
    for held in matrix.callers:
        for action, act in acts.items():
            got = await answer(act(held.who))
            differences += [f"{held.name}: {action}"] if got != matrix.reference.acts(held.caller, action) else []
            cases += 1
    agree(differences, cases, 750)


async def test_changes_of_assets_are_made_by_who_may_make_them(matrix: Matrix) -> None:
    catalog, scans, ratings = (
        matrix.world.services.catalog,
        matrix.world.services.scans,
        matrix.world.services.ratings,
    )

    async def report(held: Held, path: str) -> ScanReport:
        return await scans.report(held.who, await catalog.get(held.who, "server", path))

    acts: dict[Action, Callable[[Held, str], Awaitable[object]]] = {
        "update": lambda held, path: catalog.update(held.who, "server", path, {}),
        "toggle": lambda held, path: catalog.toggle(held.who, "server", path, True),
        "rate": lambda held, path: ratings.rate(held.who, "server", path, 3),
        "scan": report,
    }
    differences, cases = [], 0
    for held in matrix.callers:
        for it in SERVERS:
            for action, act in acts.items():
                got, expected = await answer(act(held, it.path)), matrix.reference.asks(held.caller, action, it)
                if action == "scan" and matrix.reference.asks(held.caller, "read", it) != "yes":
                    expected = matrix.reference.asks(held.caller, "read", it)
                differences += [f"{held.name}: {action} {it.path}: {got}"] if got != expected else []
                cases += 1
    agree(differences, cases, 2500)
