"""What is to be done about what a source offers, by what is here of it: pure, no storage.

Of a source's asset the default version is written last, with the digest of what was offered. So whatever a pass that
was broken off has left half done is not `unchanged` for the next one.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from airegistry.core.assets import Kind, namespace_of
from airegistry.core.documents import Json
from airegistry.core.ports import AnyAsset
from airegistry.core.source_records import Terms
from airegistry.core.sources import Offer

GONE = "its source does not offer it any more"
"""The reason of the step to `retired` that a pass takes, and takes back when it is offered again."""
LONGEST_ID = 512
MOST_VERSIONS = 200
"""Versions that are taken of one thing, the first ones."""

Act = Literal["add", "change", "unchanged", "retire", "refuse", "filter", "ignore"]


@dataclass(frozen=True, slots=True)
class Held:
    """What is here of one thing of a source: its asset's default version, and the others with whether they are retired.

    `digest` is of what was offered when its last pass was through with it; None when it never was.
    """

    id: str
    kind: Kind
    path: str
    version: str
    digest: str | None
    audience: tuple[str, tuple[str, ...]]
    gone_since: datetime | None = None
    """Since when the default version is retired for not being offered."""
    beside: Mapping[str, bool] = field(default_factory=dict)
    """The other versions, and whether each is retired for not being offered."""

    @property
    def offered(self) -> frozenset[str]:
        """The versions that were offered last."""
        own = set() if self.gone_since else {self.version}
        return frozenset(own | {version for version, gone in self.beside.items() if not gone})


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done about an offer. `code` and `reason` say why it is refused."""

    act: Act
    offer: Offer
    held: Held | None = None
    code: str = ""
    reason: str = ""


def held_by_id(heads: Iterable[Json], beside: Iterable[Json]) -> dict[str, Held]:
    """What is here of a source, by the ids there, of the stored bodies of its assets and of their further versions."""
    others: dict[tuple[str, str], dict[str, bool]] = {}
    for body in beside:
        where = namespace_of(_kind(body)), str(body["path"])
        others.setdefault(where, {})[str(body["version"])] = _gone_since(body) is not None
    found: dict[str, Held] = {}
    for body in heads:
        provenance, kind = body["provenance"], _kind(body)
        assert isinstance(provenance, dict)  # an asset has one
        path, version, groups = str(body["path"]), str(body["version"]), body.get("groups")
        versions = others.get((namespace_of(kind), path), {})
        digest = provenance.get("digest")
        id_ = str(provenance.get("id") or "")
        found[id_] = Held(
            id=id_, kind=kind, path=path, version=version,
            digest=digest if isinstance(digest, str) and digest else None,
            audience=(str(body["visibility"]), tuple(map(str, groups)) if isinstance(groups, list) else ()),
            gone_since=_gone_since(body),
            beside={number: gone for number, gone in versions.items() if number != version},
        )  # fmt: skip
    return found


def decide(held: Held | None, offer: Offer, terms: Terms) -> Decision:
    """What is to be done about an offer, where this is here of it."""
    if not offer.id or len(offer.id) > LONGEST_ID:
        return Decision("refuse", offer, held, "invalid", f"its id is empty or longer than {LONGEST_ID} characters")
    if offer.refused:
        return Decision("refuse", offer, held, "invalid", offer.refused)
    if not offer.versions:
        return Decision("retire" if held is not None and held.offered else "ignore", offer, held)
    first = offer.versions[0]
    if first.kind == "virtual_server" or any(version.kind != first.kind for version in offer.versions):
        why = "its versions are of several kinds, or it is a virtual server, which is its own registry's affair"
        return Decision("refuse", offer, held, "invalid", why)
    if not terms.wants(offer.id, first):
        return Decision("retire" if held is not None and held.offered else "filter", offer, held)
    if stranger := next((version for version in offer.versions if not terms.owns(version)), None):
        why = f"its name {stranger.name[:80]!r} is outside the namespace of the source"
        return Decision("refuse", offer, held, "access_denied", why)
    if held is None:
        return Decision("add", offer)
    return Decision("unchanged" if _is_same(held, offer, terms) else "change", offer, held)


def orphans(held: Mapping[str, Held], seen: Collection[str]) -> list[Held]:
    """What a whole pass did not name and is offered no more."""
    return [each for id_, each in held.items() if id_ not in seen and each.offered]


def versions_of(offer: Offer) -> Sequence[AnyAsset]:
    """The versions of an offer that are taken, each number once, the one by default first."""
    found = {version.version: version for version in reversed(offer.versions[:MOST_VERSIONS])}
    return [found[number] for number in dict.fromkeys(version.version for version in offer.versions[:MOST_VERSIONS])]


def _is_same(held: Held, offer: Offer, terms: Terms) -> bool:
    first = offer.versions[0]
    return (
        bool(offer.digest)
        and held.digest == offer.digest
        and held.kind == first.kind
        and held.version == first.version
        and held.offered == {version.version for version in offer.versions[:MOST_VERSIONS]}
        and held.audience == terms.audience_key
    )


def _kind(body: Json) -> Kind:
    kind = body["kind"]
    assert kind in {"server", "agent", "skill", "virtual_server", "entity"}  # it was stored as one
    return kind  # type: ignore[return-value]  # as asserted


def _gone_since(body: Json) -> datetime | None:
    since = body.get("stage_since")
    gone = body.get("stage") == "retired" and body.get("stage_reason") == GONE
    return datetime.fromisoformat(str(since)) if gone and since else None
