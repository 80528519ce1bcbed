"""`airegistry index`: how the search index is, making it again, and another embedder."""

from typing import Annotated

from cyclopts import App, Parameter

from airegistry.cli.client import HERE, Target, ask, fetch, given
from airegistry.cli.errors import Refused
from airegistry.cli.output import note, show_fields
from airegistry.cli.progress import follow, watched
from airegistry.cli.values import Json

index = App("index", help="Look after the index that search answers from.")

Wait = Annotated[
    bool | None,
    Parameter(negative="--no-wait", help="Show how far it is until it has ended; so by itself on a terminal."),
]
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
    wait: Wait = None,
    target: Target = HERE,
) -> None:
    """Make texts and vectors again, in the background."""
    _start(target, "reindex", given(asset=asset), wait)


@index.command
def switch(
    embedder: Annotated[str, Parameter(help="minilm, none, sentence-transformers:MODEL or openai:MODEL.")],
    /,
    *,
    wait: Wait = None,
    target: Target = HERE,
) -> None:
    """Search by another model, from when everything has its vectors."""
    _start(target, "switch_embedder", {"embedder": embedder}, wait)


def _start(target: Target, tool: str, arguments: Json, wait: bool | None) -> None:
    job = fetch(target, tool, arguments)
    if job is None:
        return
    if not (watched() if wait is None else wait):
        note(f"{_told(job)}; follow it with `airegistry index status`")
        return
    job = follow(lambda: _job(target))
    note(_told(job))
    if job.get("state") == "failed":
        raise Refused("internal", str(job.get("error") or "the job failed"))


def _job(target: Target) -> Json:
    """The job that runs, or the last one, as `follow` takes it."""
    status = ask(target, "index_status", {}).structured
    job = status.get("job") if isinstance(status, dict) else None
    job = job if isinstance(job, dict) else {}
    return {**job, "what": "embedding", "running": job.get("state") == "running"}


def _told(job: Json) -> str:
    what = f"{job.get('act')} {job.get('of') or ''}".rstrip()
    told = f"{what}: {job.get('state')}, {job.get('done')} of {job.get('total')} assets"
    return f"{told}, {job.get('error')}" if job.get("error") else told
