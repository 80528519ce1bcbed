"""The `find` of the stores that live in memory: through the index of whatever is rarest of what is asked for."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from functools import partial
from heapq import merge
from itertools import groupby, islice
from typing import TypeVar

from anyio.lowlevel import checkpoint

from airegistry.core.documents import KEY
from airegistry.stores.rows import Rows
from airegistry.stores.where import WITHIN, Clause, Condition, meets, span

R = TypeVar("R")
Source = Callable[[str | None], Iterator[str]]
"""The keys after one, in ascending order; to be read before anything is written."""
PAUSE = 500
"""Rows tested or yielded before other tasks get a turn."""
MANY = 1000
"""Rows from which fields are indexed: looking at fewer takes no time."""


async def select(
    rows: Rows[R],
    asked: Sequence[Clause],
    after: str | None,
    limit: int | None,
    fits: Callable[[str, R], bool] | None = None,
) -> AsyncIterator[tuple[str, R]]:
    """The rows that are asked for, in order of key, as they were when the first was asked for. With a limit those
    beyond as many as were asked for that come into question are as they are by then. `fits` is whether a row is asked
    for, from whoever knows that sooner than its body tells."""
    for field in _fields(asked) if len(rows.order) >= MANY else ():
        if field not in rows.indexes:
            rows.index(field)
            await checkpoint()
    found = 0
    step = None if limit is None else min(limit, PAUSE) if asked else limit
    while limit is None or found < limit:
        chunk = rows.of([*islice(candidates(rows, asked, after), step)])
        for count, (key, row) in enumerate(chunk, start=1):
            if meets(asked, key, rows.body(row)) if fits is None else fits(key, row):
                yield key, row
                found += 1
                if found == limit:
                    return
            if count % PAUSE == 0:
                await checkpoint()
        if step is None or len(chunk) < step:
            return
        after, step = chunk[-1][0], min(2 * step, PAUSE)


def _fields(asked: Sequence[Clause]) -> set[str]:
    """The fields whose indexes may tell."""
    clauses = (clause for clause in asked if all(_indexed(condition) for condition in clause))
    return {condition.field for clause in clauses for condition in clause if condition.field != KEY}


def _indexed(condition: Condition) -> bool:
    plain = len(condition.path) == 1 or condition.field in WITHIN
    return condition.field == KEY or (plain and not condition.globs)


def candidates(rows: Rows[R], asked: Sequence[Clause], after: str | None) -> Iterator[str]:
    """The keys that come into question, in ascending order; to be read before anything is written."""
    size, sources = len(rows.order), [_within(rows, "", None)]
    many = size >= MANY
    for clause in asked:
        narrowed = _sources(rows, clause) if many or all(each.field == KEY for each in clause) else None
        if narrowed is not None and narrowed[0] < size:
            size, sources = narrowed
    keys = [source(after) for source in sources]
    return keys[0] if len(keys) == 1 else (key for key, _ in groupby(merge(*keys)))


def _sources(rows: Rows[R], clause: Clause) -> tuple[int, list[Source]] | None:
    """Where the keys are of rows that meet a clause, and how many these are at most; None when no index tells."""
    if not all(_indexed(condition) for condition in clause):
        return None
    size, sources = 0, list[Source]()
    for condition in clause:
        narrowed = _keys(rows, condition) if condition.field == KEY else _values(rows, condition)
        size, sources = size + narrowed[0], sources + narrowed[1]
    return size, sources or [_listed(())]


def _keys(rows: Rows[R], condition: Condition) -> tuple[int, list[Source]]:
    named = sorted(str(value) for _, value in condition.values if isinstance(value, str) and value in rows.by_key)
    size, sources = len(named), [_listed(named)]
    for glob, form in zip(condition.globs, condition.forms, strict=True):
        start, end = span(glob)
        within = _within(rows, start, end)
        between = _end(rows, end) - bisect_left(rows.order, start)
        if glob == f"{start}*":
            size, sources = size + between, [*sources, within]
        else:  # to compare keys costs less than to look at rows
            size, sources = size + between // 2, [*sources, _formed(within, form)]
    return size, sources


def _values(rows: Rows[R], condition: Condition) -> tuple[int, list[Source]]:
    index = rows.index(condition.field)
    size = sum(index.count(value) for value in condition.values)
    return size, [partial(index.after, value) for value in condition.values]


def _listed(keys: Iterable[str]) -> Source:
    return lambda after: (key for key in keys if after is None or key > after)


def _within(rows: Rows[R], start: str, end: str | None) -> Source:
    def keys(after: str | None) -> Iterator[str]:
        first = bisect_left(rows.order, start)
        first = first if after is None else max(first, bisect_right(rows.order, after))
        return map(rows.order.__getitem__, range(first, _end(rows, end)))

    return keys


def _formed(source: Source, form: re.Pattern[str]) -> Source:
    return lambda after: filter(form.match, source(after))


def _end(rows: Rows[R], end: str | None) -> int:
    return len(rows.order) if end is None else bisect_left(rows.order, end)
