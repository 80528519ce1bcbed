"""What the audit trail holds of one act, and how acts are asked for."""

import uuid
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, Field, JsonValue

from airegistry.core.assets import Model
from airegistry.core.documents import Json, Scalar

UNKNOWN = "unknown"
"""Decision and outcome of an act that was begun, and of which nothing more was recorded."""


class AuditEvent(Model):
    """One act: who, through which client, what, on which asset and tool, the decision and why, the outcome.

    `via` is the virtual server that a call came through, as `kind/path`; `parameters` are what a call said, masked;
    `request_id` is that of the HTTP request it was part of.
    """

    id: str = Field(default_factory=lambda: uuid.uuid4().hex)
    time: datetime
    subject: str
    client: str = ""
    action: str
    kind: str | None = None
    asset: str | None = None
    tool: str | None = None
    scopes: list[str] = Field(default_factory=list)
    decision: str
    reason: str = ""
    outcome: str
    latency_ms: float | None = None
    data_classification: str | None = None
    target: str | None = None
    via: str | None = None
    parameters: JsonValue = None
    request_id: str | None = None


Moment = Annotated[datetime, AfterValidator(lambda moment: moment.replace(tzinfo=moment.tzinfo or UTC))]
"""A time; without a zone it is UTC."""


class AuditFilter(Model):
    """Which events to answer; fields left out do not narrow."""

    since: Moment | None = None
    until: Moment | None = None
    subject: str | None = None
    asset: str | None = None
    tool: str | None = None
    action: str | None = None
    decision: str | None = None
    request_id: str | None = None

    @property
    def where(self) -> dict[str, Scalar]:
        """The conditions that a store can test by itself: all of them but the span of time, and most assets."""
        named = {
            "subject": self.subject, "tool": self.tool, "action": self.action, "decision": self.decision,
            "request_id": self.request_id,
        }  # fmt: skip
        conditions: dict[str, Scalar] = {name: value for name, value in named.items() if value is not None}
        kind, slash, path = (self.asset or "").removeprefix("/").partition("/")
        if slash and kind != "virtual_server":  # which may stand in `via` as well
            conditions |= {"kind": kind, "asset": path}
        return conditions

    def fits(self, body: Json, time: datetime) -> bool:
        """Whether a record that meets `where` is among those asked for."""
        if (self.since and time < self.since) or (self.until and time > self.until):
            return False
        asset = self.asset and self.asset.removeprefix("/")
        if not asset:
            return True
        via = str(body.get("via") or "")
        return asset in {body.get("asset"), f"{body.get('kind')}/{body.get('asset')}", via, via.partition("/")[2]}


_FIELDS = frozenset(AuditEvent.model_fields)


def event_of(body: Json) -> AuditEvent:
    """The event of a record; what a later version of the registry may have added to it is left out."""
    return AuditEvent.model_validate({name: value for name, value in body.items() if name in _FIELDS})


def time_of(body: Json) -> datetime:
    """When the act of a record ended."""
    return datetime.fromisoformat(str(body["time"]))
