"""What callers ask a registry for, over HTTP from the request to the whole answer, and how long it takes.

Callers speak raw HTTP, as those of the gateway's benchmark do: a client library costs more than what is measured. Over
several processes each request goes to the next of them, with the cursor that another one gave too.
"""

import statistics
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import cycle
from random import Random
from typing import Any

import anyio
import orjson

from benchmarks.invented import Words
from benchmarks.rig.messages import Address, WrongAnswer
from benchmarks.rig.traffic import Conversation
from benchmarks.scaling.population import SERVERS, TEN, draft, plain_server

PAGE, WORDS = 50, 5
"""Assets on a page, words of a query."""
FIRST = 3
"""Requests of a kind before those that count."""
CALLERS = ADMINISTRATOR, RESTRICTED = "administrator", "restricted"
LIST, BRIEF, GET, SEARCH, REGISTER = "list", "list, brief", "get", "search", "register"
Answer = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """One kind of request: by whom, and by how many at once."""

    what: str
    who: str = ADMINISTRATOR
    users: int = 1


Spent = Callable[[], tuple[float, float]]
"""Seconds of CPU so far: of the registries together, and of the database."""


@dataclass(frozen=True)
class Figures:
    """Milliseconds of each request of a kind, and the seconds that all of them took together.

    `cpu` and `engine` are milliseconds of CPU a request, on average: of the registries and of the database.
    """

    took: Sequence[float]
    seconds: float
    cpu: float = 0
    engine: float = 0

    @property
    def p50(self) -> float:
        """The median."""
        return statistics.median(self.took)

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.took) / self.seconds

    def cut(self, percent: int) -> float:
        """What so many of a hundred requests do not exceed."""
        return sorted(self.took)[min(len(self.took) * percent // 100, len(self.took) - 1)]


@dataclass(frozen=True)
class Amounts:
    """How often each thing is asked for; `crowds` are users at once, and searches of each."""

    rounds: int
    crowds: Sequence[tuple[int, int]]
    registrations: int


class Caller:
    """Somebody who calls the registry's tools, one after the other; `took` has the milliseconds of each call."""

    def __init__(self, talks: Sequence[Conversation], spent: Spent) -> None:
        self._talks = cycle(talks)
        self._spent = spent
        self._costs: list[tuple[float, float]] = []
        self._number = 0
        self.took: list[float] = []

    async def ask(self, tool: str, /, **arguments: object) -> Answer:
        """What a tool answers with.

        Raises:
            WrongAnswer: it failed.
        """
        self._number += 1
        before, began = self._spent(), time.perf_counter()
        answer = await next(self._talks).ask("tools/call", {"name": tool, "arguments": arguments}, self._number)
        self.took.append((time.perf_counter() - began) * 1000)
        self._costs.append(_between(before, self._spent()))
        message: Answer = orjson.loads(answer.message) if answer.status == 200 else {}
        result = message.get("result", {})
        if message.get("id") != self._number or result.get("isError") or "structuredContent" not in result:
            raise WrongAnswer(f"{tool} {str(arguments)[:200]}: {answer.status} {answer.body[:500]!r}")
        content: Answer = result["structuredContent"]
        return content

    def figures(self, kept: Sequence[int]) -> Figures:
        """Those of the calls that count, by their places; begin anew."""
        took, costs = [self.took[place] for place in kept], [self._costs[place] for place in kept]
        self.took, self._costs = [], []
        cpu, engine = (sum(column) * 1000 / len(kept) for column in zip(*costs, strict=True))
        return Figures(took, sum(took) / 1000, cpu, engine)

    def after_first(self) -> Figures:
        """Those of all calls but the first few."""
        return self.figures(range(FIRST, len(self.took)))


def _between(before: tuple[float, float], after: tuple[float, float]) -> tuple[float, float]:
    return after[0] - before[0], after[1] - before[1]


@asynccontextmanager
async def calling(addresses: Sequence[Address], spent: Spent) -> AsyncIterator[Caller]:
    """A caller who is connected to all of these."""
    async with AsyncExitStack() as stack:
        talks = [await Conversation.begin(address, "modern") for address in addresses]
        for talk in talks:
            stack.push_async_callback(talk.close)
        yield Caller(talks, spent)


async def measured(
    administrator: Sequence[Address],
    restricted: Sequence[Address],
    spent: Spent,
    size: int,
    amounts: Amounts,
    seed: int,
) -> dict[Asked, Figures]:
    """Everything that is measured over a catalog of a size, but for registration in bulk."""
    found: dict[Asked, Figures] = {}
    async with calling(administrator, spent) as one, calling(restricted, spent) as other:
        for what, arguments in ((LIST, {}), (BRIEF, {"detail": "brief"})):
            taken = await _lists((one, other), amounts.rounds, arguments)
            found |= {
                Asked(what, who): figures for who, figures in zip((ADMINISTRATOR, RESTRICTED), taken, strict=True)
            }
        found[Asked(GET)] = await _gets(one, amounts.rounds, size, seed)
        taken = await _searches((one, other), amounts.rounds, seed)
        found |= {Asked(SEARCH, who): figures for who, figures in zip(CALLERS, taken, strict=True)}
    for users, each in amounts.crowds:
        found[Asked(SEARCH, users=users)] = await _crowd(administrator, spent, users, each, seed)
    found[Asked(REGISTER)] = await registered(administrator, spent, amounts.registrations, 1, seed)
    return found


async def _lists(callers: Sequence[Caller], rounds: int, arguments: Answer) -> list[Figures]:
    """Page after page, callers in turn: what disturbs one disturbs the other. A last page of less does not count."""
    cursors: list[str | None] = [None for _ in callers]
    kept: list[list[int]] = [[] for _ in callers]
    for number in range(rounds + FIRST):
        for place, caller in enumerate(callers):
            begins = cursors[place] is None
            page = await caller.ask("list_services", limit=PAGE, cursor=cursors[place], **arguments)
            cursors[place] = page["next_cursor"]
            if number >= FIRST and (begins or len(page["services"]) == PAGE):
                kept[place].append(len(caller.took) - 1)
    return [caller.figures(places) for caller, places in zip(callers, kept, strict=True)]


async def _gets(caller: Caller, rounds: int, size: int, seed: int) -> Figures:
    dice = Random(seed)
    for _ in range(rounds + FIRST):
        number = dice.randrange(size // TEN) * TEN + dice.randrange(SERVERS)
        details = await caller.ask("get_server_details", path=f"server-{number}")
        assert details["path"] == f"server-{number}"
    return caller.after_first()


async def _searches(callers: Sequence[Caller], rounds: int, seed: int) -> list[Figures]:
    """Searches by callers in turn, each for words of its own: what was searched for once is remembered."""
    words = Words(seed)
    for _ in range(rounds + FIRST):
        for caller in callers:
            await _search(caller, words.text(WORDS))
    return [caller.after_first() for caller in callers]


async def _search(caller: Caller, query: str) -> None:
    answer = await caller.ask("search_registry", query=query)
    assert answer["results"], f"nothing is found for {query!r}"


async def _crowd(addresses: Sequence[Address], spent: Spent, users: int, each: int, seed: int) -> Figures:
    """Searches of many users at once, each of whom asks again as soon as there is an answer."""
    words = Words(seed + users)

    async def user(caller: Caller) -> None:
        for _ in range(each):
            await _search(caller, words.text(WORDS))

    return await _together(addresses, spent, users, user)


async def registered(addresses: Sequence[Address], spent: Spent, count: int, at_once: int, seed: int) -> Figures:
    """New servers, which nobody asks for their tools, registered by so many callers at once."""
    words = Words(seed)
    drafts = iter([draft(plain_server(words, number, f"new-{seed}")) for number in range(count)])

    async def work(caller: Caller) -> None:
        for each in drafts:
            await caller.ask("register_service", **each)

    return await _together(addresses, spent, at_once, work)


async def _together(
    addresses: Sequence[Address], spent: Spent, count: int, act: Callable[[Caller], Coroutine[None, None, None]]
) -> Figures:
    """So many callers at once, each of whom begins at another address."""
    async with AsyncExitStack() as stack:
        callers = []
        for number in range(count):
            turned = number % len(addresses)
            turns = [*addresses[turned:], *addresses[:turned]]
            callers.append(await stack.enter_async_context(calling(turns, spent)))
        before, began = spent(), time.perf_counter()
        async with anyio.create_task_group() as group:
            for caller in callers:
                group.start_soon(act, caller)
        seconds = time.perf_counter() - began
        took = [milliseconds for caller in callers for milliseconds in caller.took]
        cpu, engine = (each * 1000 / len(took) for each in _between(before, spent()))
    return Figures(took, seconds, cpu, engine)
