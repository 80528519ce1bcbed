"""`airegistry logs`: what the registry itself logged, all its replicas together."""

import json
import sys
import time
from collections.abc import Iterator
from typing import Annotated, Literal

from cyclopts import Parameter

from airegistry.cli.client import HERE, Target, ask, given, items
from airegistry.cli.output import note
from airegistry.cli.values import Json

PAGE = 1000
POLL_SECONDS = 1.0
Level = Literal["debug", "info", "warning", "error", "critical"]


def logs(
    *,
    since: Annotated[str | None, Parameter(help="Only from then on, as in 2026-11-20T12:00:00Z.")] = None,
    until: Annotated[str | None, Parameter(help="Only up to then.")] = None,
    level: Annotated[Level | None, Parameter(help="The least severe level to show.")] = None,
    logger: Annotated[str | None, Parameter(help="Only this logger and those below it.")] = None,
    request_id: Annotated[str | None, Parameter(help="Only what was logged for this request.")] = None,
    subject: Annotated[str | None, Parameter(help="Only for requests of this caller.")] = None,
    text: Annotated[str | None, Parameter(help="Only with this in message or traceback.")] = None,
    limit: Annotated[int, Parameter(help="At most this many, the newest.")] = 100,
    follow: Annotated[bool, Parameter(help="Go on with what is logged from now on.", show_default=False)] = False,
    target: Target = HERE,
) -> None:
    """Show what the registry logged, oldest first; with `--json` an object a line."""
    wanted = given(
        since=since, until=until, level=level, logger=logger, request_id=request_id, subject=subject, text=text
    )
    shown = [*_newest(target, wanted, limit)][::-1]
    for record in shown:
        _show(record, as_json=target.json)
    if follow:
        last = str(shown[-1]["time"]) if shown else since
        for record in _following(target, {**wanted, **given(since=last)}):
            if record not in shown:
                _show(record, as_json=target.json)
    elif not shown:
        note("nothing")


def _newest(target: Target, wanted: Json, limit: int) -> Iterator[Json]:
    """The newest records that fit, newest first."""
    cursor, left = None, limit
    while left > 0:
        page = _page(target, {**wanted, **given(limit=min(left, PAGE), cursor=cursor)})
        records = items(page["records"])
        yield from records
        left -= len(records)
        cursor = page.get("next_cursor")
        if cursor is None:
            return


def _following(target: Target, wanted: Json) -> Iterator[Json]:
    """Records that fit, oldest first, also those that come later; without end."""
    cursor = None
    while True:
        page = _page(target, {**wanted, **given(order="oldest", limit=PAGE, cursor=cursor)})
        records = items(page["records"])
        yield from records
        cursor = page["next_cursor"]
        if len(records) < PAGE:
            time.sleep(POLL_SECONDS)


def _page(target: Target, wanted: Json) -> Json:
    answer = ask(target, "get_logs", wanted).structured
    assert isinstance(answer, dict), "get_logs answers with an object"
    return answer


def _show(record: Json, *, as_json: bool) -> None:
    # The core's models take long to import, which `--help` must not wait for.
    from airegistry.core.log_lines import printed_text

    said: Json = {name: value for name, value in record.items() if value is not None}
    sys.stdout.write(f"{json.dumps(said) if as_json else printed_text(said)}\n")
    sys.stdout.flush()
