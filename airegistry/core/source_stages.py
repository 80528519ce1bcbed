"""Stages of what comes from sources: out of service while it is not offered, and else as persons here left it. Pure."""

from datetime import datetime

from airegistry.core.lifecycle import Stage, reach
from airegistry.core.ports import AnyAsset
from airegistry.core.principals import Principal
from airegistry.core.reviews import moved
from airegistry.core.source_diff import GONE


def is_gone(asset: AnyAsset) -> bool:
    """Whether an asset is retired for not being offered."""
    return asset.stage == "retired" and asset.stage_reason == GONE


def offered_again(asset: AnyAsset, before: AnyAsset, who: Principal, now: datetime) -> AnyAsset:
    """An asset at the stage that it had before it was gone."""
    stage = _stage_of(before)
    asset = moved(asset, stage, who, "its source offers it again", now)
    came_from = next((each.before for each in reversed(before.review.history) if each.to == stage), None)
    kept = {"deprecated_from": came_from if stage == "deprecated" else None}
    return asset.model_copy(update={"review": asset.review.model_copy(update=kept)})


def follows(asset: AnyAsset, head: AnyAsset, who: Principal, now: datetime) -> AnyAsset:
    """A version that takes the place of the default one, with what persons decided of that: that it is switched off or
    out of service, and which tools wait. A source that publishes it anew changes none of this."""
    update: dict[str, object] = {
        "requires_approval": list(dict.fromkeys([*head.requires_approval, *asset.requires_approval]))
    }
    if not head.enabled and not head.held_by_scan:
        update["enabled"] = False
    asset, stage = asset.model_copy(update=update), _stage_of(head)
    if reach(stage, head.review.deprecated_from) == "nowhere" != reach(asset.stage, asset.review.deprecated_from):
        return moved(asset, stage, who, f"version {head.version} was {stage}", now)
    return asset


def _stage_of(asset: AnyAsset) -> Stage:
    """The stage of an asset, or the one that it had before it was gone."""
    if not is_gone(asset):
        return asset.stage
    steps = [step for step in asset.review.history if step.to == "retired"]
    return steps[-1].before if steps else "draft"
