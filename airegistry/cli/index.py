"""`airegistry index`: how the search index is, making it again, and another embedder."""

from typing import Annotated

from cyclopts import App, Parameter

from airegistry.cli.client import HERE, Target, fetch, given
from airegistry.cli.output import note, show_fields
from airegistry.cli.values import Json

index = App("index", help="Look after the index that search answers from.")

_STATUS = ("embedder", "fingerprint", "ready", "assets", "documents", "missing", "stale", "names")


@index.command
def status(*, target: Target = HERE) -> None:
    """Show the embedder in force, what lacks vectors, and how far a running job has come."""
    if (found := fetch(target, "index_status", {})) is not None:
        job = found.get("job")
        show_fields({
            **{name: found.get(name) for name in _STATUS}, "job": _told(job) if isinstance(job, dict) else None,
        })  # fmt: skip


@index.command
def reindex(
    asset: Annotated[str | None, Parameter(help="One asset as `kind/path`; everything when left out.")] = None,
    /,
    *,
    target: Target = HERE,
) -> None:
    """Make texts and vectors again, in the background."""
    _start(target, "reindex", given(asset=asset))


@index.command
def switch(
    embedder: Annotated[str, Parameter(help="minilm, none, sentence-transformers:MODEL or openai:MODEL.")],
    /,
    *,
    target: Target = HERE,
) -> None:
    """Search by another model, from when everything has its vectors."""
    _start(target, "switch_embedder", {"embedder": embedder})


def _start(target: Target, tool: str, arguments: Json) -> None:
    if (job := fetch(target, tool, arguments)) is not None:
        note(f"{_told(job)}; follow it with `airegistry index status`")


def _told(job: Json) -> str:
    what = f"{job.get('act')} {job.get('of') or ''}".rstrip()
    told = f"{what}: {job.get('state')}, {job.get('done')} of {job.get('total')} assets"
    return f"{told}, {job.get('error')}" if job.get("error") else told
