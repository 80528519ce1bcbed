"""What runs beside the catalog: sources, webhooks, the index, types of entities."""

from collections.abc import Mapping
from datetime import datetime

from pydantic import Field, JsonValue

from airegistry_client.models.answer import Answer


class EntityType(Answer):
    """A type of the company's own."""

    name: str
    description: str
    schema_: Mapping[str, JsonValue] = Field(alias="schema")


class Run(Answer):
    """One pass. `codes` counts what was refused by error code; `refusals` and, of a dry run, `planned` are the first
    hundred. `outcome` is missing while it goes on.
    """

    started: datetime
    ended: datetime | None = None
    outcome: str | None = None
    error: str = ""
    code: str = ""
    dry_run: bool = False
    whole: bool = False
    pages: int = 0
    offers: int = 0
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    retired: int = 0
    deleted: int = 0
    held: int = 0
    filtered: int = 0
    repeated: int = 0
    refused: int = 0
    codes: Mapping[str, int] = {}
    refusals: tuple[Mapping[str, JsonValue], ...] = ()
    planned: tuple[Mapping[str, JsonValue], ...] = ()


class Source(Answer):
    """A source with its last passes, newest first."""

    name: str
    kind: str
    url: str
    enabled: bool
    removing: bool
    description: str
    options: Mapping[str, JsonValue]
    has_secrets: bool
    interval: float
    jitter: float
    visibility: str
    groups: tuple[str, ...]
    prefix: str
    tags: tuple[str, ...]
    names: tuple[str, ...]
    namespace: tuple[str, ...]
    circuit: str
    failures: int
    generation: int
    created_by: str
    created_at: datetime
    on_duplicate: str | None = None
    due: datetime | None = None
    lag: float | None = None
    running: Run | None = None
    last: Run | None = None
    runs: tuple[Run, ...] = ()


class Sync(Answer):
    """What came of a request: the source, and its last pass, or what a dry run would do. `running` says that the pass
    goes on.
    """

    name: str
    running: bool
    run: Run | None = None


class Webhook(Answer):
    """A webhook. `secret` is there when a new one was made, and shown this once."""

    name: str
    url: str
    description: str
    events: tuple[str, ...]
    kinds: tuple[str, ...]
    paths: tuple[str, ...]
    active: bool
    paused: str
    failing_since: datetime | None
    waiting: int
    created_by: str
    created_at: datetime
    secret: str = ""


class Attempt(Answer):
    """What a subscriber answered: a status, or why there was none."""

    ok: bool
    status: int | None = None
    error: str = ""
    seconds: float = 0.0


class Delivery(Answer):
    """One event on its way to a webhook. `id` is the event's, as the subscriber gets it in `webhook-id`."""

    id: str
    event: str
    asset: str
    state: str
    attempts: int
    message: Mapping[str, JsonValue]
    due: datetime | None = None
    last: Attempt | None = None


class Job(Answer):
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


class IndexStatus(Answer):
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
    names: tuple[str, ...]
    job: Job | None


class RemovedSource(Answer):
    """That a source is gone, or with `ok` false, is going; of a dry run how many assets would go, and the first of
    them as `kind/path`."""

    ok: bool = True
    dry_run: bool = False
    total: int = 0
    assets: tuple[str, ...] = ()
