"""The records of calls, made apart from other acts: there are many, and each costs the data path."""

from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from pydantic import JsonValue

from airegistry.core.audit_parameters import Parameters, Said
from airegistry.core.documents import Json
from airegistry.core.principals import Principal
from airegistry.core.random_ids import random_id

GATHER = 0.025
"""Seconds that noted events wait for more of them: one write and one sync to disk serve all."""


@dataclass(frozen=True, slots=True)
class CallRules:
    """How calls are recorded: before they go out too (`durable`), gathered for `window` seconds, with what they say."""

    durable: bool = False
    window: float = GATHER
    parameters: Parameters = field(default_factory=lambda: Parameters({}))


BATCHED = CallRules()


def call_event(
    time: datetime, latency: float | None, who: Principal, method: str, ref: str, name: str | None, decision: str,
    outcome: str, reason: str, target: str | None, data_classification: str | None, via: str | None,
    parameters: Parameters, said: Said | None, id: str | None, request_id: str | None = None,
) -> Json:  # fmt: skip
    """What a model of the event would print, which takes several times as long."""
    kind, _, path = ref.partition("/")
    return {
        "id": id or random_id(), "time": time.isoformat().replace("+00:00", "Z"),
        "subject": who.subject, "client": who.client, "action": text(method), "kind": kind,
        "asset": text(path), "tool": None if name is None else text(name), "scopes": _sorted(who.scopes),
        "decision": decision, "reason": text(reason, 1000), "outcome": outcome,
        "latency_ms": None if latency is None else round(latency * 1000, 3),
        "data_classification": data_classification, "target": None if target is None else text(target, 2000),
        "via": via, "parameters": parameters.of(said, data_classification), "request_id": request_id,
    }  # fmt: skip


def text(value: str, longest: int = 300) -> str:
    """What callers name may be of any length, and no Unicode at all: the trail takes it down nevertheless."""
    value = value[:longest]
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


@lru_cache(1024)
def _sorted(names: frozenset[str]) -> list[JsonValue]:
    return [*sorted(names)]
