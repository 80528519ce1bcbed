"""What of an asset decides on who sees it, without all the rest."""

from dataclasses import dataclass
from functools import lru_cache
from sys import intern
from typing import TypeGuard

from airegistry.core.assets import Agent, Health, Kind, Server, VirtualServer, Visibility
from airegistry.core.lifecycle import Review, Stage
from airegistry.core.ports import AnyAsset


@dataclass(frozen=True, slots=True)
class Sketch:
    """An asset as access and visibility look at it, under the same names.

    `parted` is whether it has tools or skills, which may be hidden from some of its readers, `has_endpoint` whether its
    health is looked after, `source` where it comes from, `fetched` whether a backend ever told what it offers, `linked`
    whether it has a name of the Agent Name Service. `listed` digests what lists show, another number for another state;
    it is never 0.
    """

    kind: Kind
    path: str
    created_by: str
    visibility: Visibility
    groups: tuple[str, ...]
    enabled: bool
    stage: Stage
    review: Review
    health: Health
    parted: bool
    has_endpoint: bool
    source: str
    fetched: bool
    linked: bool
    listed: int

    @classmethod
    def of(cls, asset: AnyAsset) -> "Sketch":
        """That of an asset."""
        return cls(
            asset.kind, asset.path, intern(asset.created_by), asset.visibility, _same(tuple(asset.groups)),
            asset.enabled, asset.stage, _review(asset.review.deprecated_from), asset.health,
            part_field(asset) is not None, has_endpoint(asset), intern(asset.provenance.source),
            isinstance(asset, Server) and asset.fetched_at is not None,
            isinstance(asset, Server | Agent) and asset.ans is not None, _listed(asset),
        )  # fmt: skip


def has_endpoint(asset: AnyAsset) -> TypeGuard[Server | Agent]:
    """Whether an asset is something on the network that can be asked how it is."""
    if isinstance(asset, Server):
        return asset.transport != "stdio" and asset.url is not None
    return isinstance(asset, Agent) and (asset.health_url or asset.card_url or asset.url) is not None


def part_field(asset: AnyAsset) -> str | None:
    """The field of an asset that holds what may be hidden from some of its readers; None when there is nothing."""
    if isinstance(asset, Agent):
        return "skills" if asset.skills else None
    return "tools" if isinstance(asset, Server | VirtualServer) and asset.tools else None


@lru_cache(1024)
def _same(groups: tuple[str, ...]) -> tuple[str, ...]:
    return groups


@lru_cache(64)
def _review(deprecated_from: Stage | None) -> Review:
    return Review(deprecated_from=deprecated_from)


def _listed(asset: AnyAsset) -> int:
    return hash((asset.kind, asset.path, asset.name, asset.title, asset.description, asset.enabled)) or 1
