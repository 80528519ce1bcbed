"""The index: how it is, making it again, and another embedder."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from airegistry.core.index_care import IndexCare, Job
from airegistry.tools.caller import current_principal
from airegistry.tools.declare import tool
from airegistry.tools.shapes import Shape


class JobShape(Shape):
    """Something that is done to the index: `act` is `reindex` or `switch`, `state` `running`, `done` or `failed`.

    `of` is an asset as `kind/path`, an embedder, or empty for everything; `done` of `total` assets are ready.
    """

    act: str
    of: str
    state: str
    done: int
    total: int
    started_at: datetime
    by: str
    error: str | None = None


class IndexShape(Shape):
    """How the index is. `assets` of `missing` or `stale` vectors are found by words alone, or by old ones.

    `fingerprint` names the model in force, None where search goes by words alone. `names` has the first 100 of them.
    """

    embedder: str
    fingerprint: str | None
    ready: bool
    assets: int
    documents: int
    missing: int
    stale: int
    names: list[str]
    job: JobShape | None


class IndexCareTools:
    """Tools for administrators of policy: the index that search answers from."""

    def __init__(self, care: IndexCare) -> None:
        self._care = care

    @tool("Status of the search index", read_only=True, needs="policy")
    async def index_status(self) -> IndexShape:
        """How the search index is: the embedder in force, how much is held, which assets lack vectors, and how far a
        `reindex` or `switch_embedder` has come. Call it again to follow one that is running.
        """
        status = self._care.status(current_principal())
        return IndexShape(
            embedder=status.embedder, fingerprint=status.fingerprint, ready=status.ready, assets=status.assets,
            documents=status.documents, missing=status.missing, stale=status.stale, names=[*status.names],
            job=None if status.job is None else _shaped(status.job),
        )  # fmt: skip

    @tool("Make the search index again", idempotent=True, needs="policy")
    async def reindex(
        self,
        asset: Annotated[
            str | None, Field(description="One asset as `kind/path`; everything when left out.", max_length=200)
        ] = None,
    ) -> JobShape:
        """Make texts and vectors of one asset, or of everything, again: when `index_status` names assets without
        vectors, or a model gave wrong ones. Starts it and returns at once; searches go on meanwhile. `conflict` while
        another one runs.
        """
        return _shaped(await self._care.reindex(current_principal(), asset))

    @tool("Switch the embedder", destructive=True, idempotent=True, needs="policy")
    async def switch_embedder(
        self,
        embedder: Annotated[
            str,
            Field(description="`minilm`, `none`, `sentence-transformers:MODEL` or `openai:MODEL`.", max_length=200),
        ],
    ) -> JobShape:
        """Search by another model from when everything has its vectors; until then, and if that fails, the one in
        force goes on. Starts it and returns at once; follow it with `index_status`. It holds after a restart too,
        until AIREGISTRY_EMBEDDER is changed.
        """
        return _shaped(await self._care.switch(current_principal(), embedder))


def _shaped(job: Job) -> JobShape:
    return JobShape(
        act=job.act, of=job.of, state=job.state, done=job.progress.done, total=job.progress.total,
        started_at=job.started, by=job.who.subject, error=job.error or None,
    )  # fmt: skip
