"""How far long work is: a bar on a terminal, a line now and then elsewhere, nothing in the answer itself."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from airegistry.cli.output import note
from airegistry.cli.values import Json

EVERY = 10.0
"""Seconds between two lines of progress where stderr is no terminal."""
PAUSE = 1.0
"""Seconds between two looks at work that a registry does in the background."""


class Tell(Protocol):
    """Takes how far something is; without a total there is no end to see."""

    def __call__(self, what: str, done: int, total: int | None = None, /) -> None:
        """`done` of `total` things."""


def watched() -> bool:
    """Whether a person sees stderr as it is written."""
    return sys.stderr.isatty()


@contextmanager
def progress(*, lines: bool = True) -> Iterator[Tell]:
    """Tells on stderr how far the work is, in place on a terminal; elsewhere in `lines`, or not at all."""
    # rich's progress takes a while to import, which `--help` must not wait for.
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    following = time.monotonic() + EVERY
    columns = (
        SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(bar_width=30),
        TextColumn("{task.completed:,.0f}{task.fields[of]}"), TimeElapsedColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as shown:
        task = shown.add_task("", total=None, of="")

        def tell(what: str, done: int, total: int | None = None, /) -> None:
            nonlocal following
            of = f" of {total:,}" if total is not None else ""
            shown.update(task, description=what, completed=done, total=total, of=of)
            if lines and not console.is_terminal and time.monotonic() >= following:
                following = time.monotonic() + EVERY
                note(f"{what} {done}{of}")

        yield tell


def follow(look: Callable[[], Json | None]) -> Json:
    """Show how far a job in the background is until it has ended; `look` answers with `what`, `done`, `total` and
    `running`. Interrupted, it goes on there."""
    with progress(lines=False) as tell:
        while True:
            job = look() or {}
            done, total = job.get("done"), job.get("total")
            tell(
                str(job.get("what", "")),
                done if isinstance(done, int) else 0,
                total if isinstance(total, int) and total else None,
            )
            if not job.get("running"):
                return job
            time.sleep(PAUSE)
