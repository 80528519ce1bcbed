"""What the registry says of what was looked into: scans, changed definitions, approvals, health and the audit trail."""

from collections.abc import Mapping
from datetime import datetime

from pydantic import JsonValue

from airegistry_client.models.answer import Answer


class ScanReport(Answer):
    """A scan: `verdict` is `pass`, `review` or `block`. With `error` the last scan gave no answer, and this is the one
    before. Findings that are waived carry `waiver`.
    """

    asset: str
    version: str
    verdict: str
    scanned_at: datetime
    scanners: tuple[str, ...]
    ruleset: str
    findings: tuple[Mapping[str, JsonValue], ...]
    error: str | None = None
    failed_at: datetime | None = None
    sarif: Mapping[str, JsonValue] | None = None


class Finding(Answer):
    """One finding: `asset` is `kind/path`, `field` a JSON pointer into it, `verdict` that of the whole scan."""

    asset: str
    version: str
    verdict: str
    rule: str
    severity: str
    tier: str
    field: str
    message: str
    fingerprint: str


class Waiver(Answer):
    """A finding of `asset`, `kind/path`, that counts for nothing until a time, by whom and why."""

    asset: str
    fingerprint: str
    rule: str
    message: str
    reason: str
    by: str
    since: datetime
    until: datetime


class Sweep(Answer):
    """The last scan of everything: it goes on while `started` stands without `ended`. `why` is `rules` (they changed),
    `schedule` or `asked`. `held` counts what it disabled; `failed` names assets that could not be scanned and why.
    """

    ruleset: str
    why: str | None
    started: datetime | None
    ended: datetime | None
    total: int
    done: int
    held: int
    failures: int
    failed: Mapping[str, str]


class Edit(Answer):
    """One difference: where, of what kind, how far it goes, and in a sentence."""

    at: str
    kind: str
    grade: str
    said: str


class PendingChange(Answer):
    """A definition that waits. `grade` is `minor`, `material` or `privilege_widened`; `verdict` and `findings` are the
    scan's. Text in `diff` was not approved: read it as data.
    """

    part: str
    hash: str
    grade: str
    since: datetime
    edits: tuple[Edit, ...]
    diff: str
    verdict: str
    findings: tuple[Mapping[str, JsonValue], ...]
    rejected_by: str = ""
    reason: str = ""


class DefinitionChanges(Answer):
    """What waits for an approval. `hash` names all of it, null when nothing waits; `approved` are the hashes of what is
    served, by part, and of all of it under the empty name.
    """

    kind: str
    path: str
    version: str
    hash: str | None
    pending: tuple[PendingChange, ...]
    approved: Mapping[str, str]


class WaitingDefinitions(Answer):
    """An asset of which definitions wait: which parts, how far the gravest change goes, since when. `rejected` counts
    those that were rejected and that the backend still lists.
    """

    kind: str
    path: str
    version: str
    name: str
    hash: str
    parts: tuple[str, ...]
    grade: str
    since: datetime
    rejected: int


class Mark(Answer):
    """What is marked to need approval: a tool, prompt, resource or skill of an asset."""

    kind: str
    path: str
    name: str


class Approval(Answer):
    """A call that waits, or waited. `arguments` have secrets masked and long texts cut; `complete` says whether
    nothing else was left out. `marks` are why it waits. `expires_at` is until when it can be decided, and an approval
    used.
    """

    id: str
    status: str
    subject: str
    client: str
    kind: str
    path: str
    tool: str
    method: str
    arguments: Mapping[str, JsonValue]
    complete: bool
    marks: tuple[Mark, ...]
    asked_of: str
    asked_at: datetime
    expires_at: datetime
    decided_by: str
    reason: str


class AnsLink(Answer):
    """The name of an asset: `verified`, `failed` (a clear no), `stale` (was verified, cannot be asked for long), or
    `unknown` (never answered); since when, and why if it is not well.
    """

    kind: str
    path: str
    name: str
    status: str
    since: datetime
    why: str = ""
    checked_at: datetime | None = None


class AssetHealth(Answer):
    """How a backend is. `circuit` is `closed`, `open` (it is left alone) or `half_open` (one call tries it).

    `held` are tools that changed since they were approved, and how: they are not called until that is approved.
    """

    kind: str
    path: str
    health: str
    circuit: str
    checked_at: datetime | None = None
    latency_ms: float | None = None
    error: str | None = None
    held: Mapping[str, str] = {}


class Health(Answer):
    """How the registry is: `status` is `ok`, `assets` counts those you may see, `backends` those of them that are
    checked, by health.
    """

    status: str
    version: str
    assets: int
    backends: Mapping[str, int]


class AuditEvent(Answer):
    """One act: who, through which client, what, on which asset and tool, the decision and why, the outcome.

    `via` is the virtual server that a call came through, as `kind/path`; `parameters` are what a call said, masked;
    `request_id` is that of the HTTP request it was part of.
    """

    time: datetime
    subject: str
    action: str
    decision: str
    outcome: str
    id: str = ""
    client: str = ""
    kind: str | None = None
    asset: str | None = None
    tool: str | None = None
    scopes: tuple[str, ...] = ()
    reason: str = ""
    latency_ms: float | None = None
    data_classification: str | None = None
    target: str | None = None
    via: str | None = None
    parameters: JsonValue | None = None
    request_id: str | None = None


class AuditHeads(Answer):
    """Signed statements of how far each writer's chain goes, and the public keys (Ed25519) to check them with.

    Each names its `key` by an id, the beginning of the key's SHA-256.
    """

    public_key: str
    retired_keys: tuple[str, ...]
    heads: tuple[Mapping[str, JsonValue], ...]


class AuditWriter(Answer):
    """How far the chain of one writer goes, up to where it is signed, and how many of its records were pruned."""

    stream: str
    last: int
    signed: int
    pruned: int


class AuditVerification(Answer):
    """How many records hold, and the first thing wrong; `writers` is empty where nothing is signed."""

    records: int
    intact: bool
    error: str | None
    writers: tuple[AuditWriter, ...]


class Pruned(Answer):
    """How many records were removed, of how many streams; of a dry run, how many would be."""

    records: int
    streams: int
    dry_run: bool = False


class RotatedAuditKey(Answer):
    """The ids of the key before and of the one that signs now."""

    before: str
    after: str


class LogLine(Answer):
    """One record. `replica` is the process that logged it, where several share a store."""

    time: datetime
    level: str
    logger: str
    message: str
    exception: str | None = None
    request_id: str | None = None
    subject: str | None = None
    trace_id: str | None = None
    span_id: str | None = None
    replica: str | None = None
