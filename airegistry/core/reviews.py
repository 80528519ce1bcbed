"""What a registration, a change and a step mean for the approvals of an asset: pure functions, no storage.

Four eyes: whoever registered an asset of high or critical risk, submitted it, or changed its definition since it was
last approved for production does not approve it. Callers are told apart by their subjects.
"""

from datetime import datetime

from airegistry.core.definitions import changes_of, parts_of
from airegistry.core.errors import ApprovalRequired, Invalid
from airegistry.core.grants import Action
from airegistry.core.lifecycle import FirstStage, Review, Stage, Step, Taken, reach
from airegistry.core.ports import AnyAsset
from airegistry.core.principals import SYSTEM, Principal

HISTORY = 50
"""Steps that are remembered of a version of an asset."""
AUTHORS = 100
"""Of those who changed it without an approval, the last so many."""
LONGEST_REASON = 1000
HIGH_RISK = frozenset({"high", "critical"})

_NO_DEFINITION = frozenset(
    (
        "enabled stage stage_reason stage_since review visibility groups health health_report license owner_team "
        "technical_owner business_capability environment health_url documentation_url repository_url icons metadata "
        "retirement_date deprecation rating provenance created_at created_by updated_at updated_by tags risk_level "
        "held held_by_scan fetched_at server_info protocol_version"
    ).split()
)
"""Fields that change nothing of what an asset is or does; any other field is part of its definition."""


def needs_second_person(asset: AnyAsset) -> bool:
    """Whether an approval of it takes somebody who had no part in it."""
    return asset.review.four_eyes or asset.risk_level in HIGH_RISK


def check_second_person(who: Principal, asset: AnyAsset) -> None:
    """Refuse an approval by somebody who had a part in what is approved.

    Raises:
        ApprovalRequired: somebody else has to approve it.
    """
    review = asset.review
    parts = {
        "registered": {asset.created_by, review.registered_by},
        "submitted": {review.submitted_by},
        "changed": {*review.changed_by},
    }
    part = next((part for part, subjects in parts.items() if who.subject in subjects), None)
    if part is not None and needs_second_person(asset):
        raise ApprovalRequired(
            f"{asset.kind} {asset.path!r} is of high risk, and {who.subject} {part} it: a second person has to approve"
        )


def begun(asset: AnyAsset, who: Principal, first: FirstStage, head: AnyAsset | None) -> AnyAsset:
    """An asset as it enters the catalog; `head` is the default version where it is a further one, whose risk counts
    for it too. What the registry itself brings has the stage that it comes with."""
    stage: Stage = asset.stage if who.subject == SYSTEM.subject else first
    four_eyes = asset.risk_level in HIGH_RISK or (head is not None and needs_second_person(head))
    review = Review(registered_by=who.subject, changed_by=[who.subject], four_eyes=four_eyes)
    return asset.model_copy(update={"stage": stage, "review": review})


def followed(before: AnyAsset, after: AnyAsset, who: Principal, now: datetime, action: Action) -> AnyAsset:
    """A changed asset, with its author on record.

    What needs a second person's approval and is served everywhere goes back to review when its definition is written
    anew, when a refresh brings more than other wording, or when it turns out to be of high risk: what serves is what
    was approved.
    """
    review, changed = after.review, _redefined(before, after)
    if changed:
        others = [subject for subject in review.changed_by if subject != who.subject]
        review = review.model_copy(update={"changed_by": [*others, who.subject][-AUTHORS:]})
    was, is_ = needs_second_person(before), review.four_eyes or not HIGH_RISK.isdisjoint(_risks(before, after))
    if is_ and not review.four_eyes:
        review = review.model_copy(update={"four_eyes": True})
    if review is not after.review:
        after = after.model_copy(update={"review": review})
    approved = reach(before.stage, before.review.deprecated_from) == "everywhere"
    if action == "refresh":
        changed = changed and any(change.held for change in changes_of(parts_of(before), parts_of(after)))
    if action in {"update", "refresh"} and approved and after.stage == before.stage and is_ and (changed or not was):
        why = "its definition changed after its approval" if changed else "it is of high risk now"
        return moved(after, "security_review", who, why, now)
    return after


def stepped(asset: AnyAsset, step: Step, who: Principal, reason: str, now: datetime) -> AnyAsset:
    """An asset after a step.

    Raises:
        Invalid: the reason is missing, or too long.
        ApprovalRequired: somebody else has to approve it.
    """
    if step.reasoned and not reason.strip():
        raise Invalid(f"say why: the step from {asset.stage} to {step.to} takes a reason", field="reason")
    if len(reason) > LONGEST_REASON:
        raise Invalid(f"a reason has at most {LONGEST_REASON} characters", field="reason")
    if step.approves:
        check_second_person(who, asset)
    review = asset.review
    if step.approves and step.to == "approved_production":
        kept = {"changed_by": review.changed_by[-1:], "four_eyes": asset.risk_level in HIGH_RISK}
        asset = asset.model_copy(update={"review": review.model_copy(update=kept)})
    elif step.to == "submitted":
        asset = asset.model_copy(update={"review": review.model_copy(update={"submitted_by": who.subject})})
    return moved(asset, step.to, who, reason, now)


def moved(asset: AnyAsset, to: Stage, who: Principal, reason: str, now: datetime) -> AnyAsset:
    """An asset at another stage, with the step in its history."""
    taken = Taken(at=now, by=who.subject, before=asset.stage, to=to, reason=reason)
    review = asset.review.model_copy(
        update={
            "history": [*asset.review.history, taken][-HISTORY:],
            "deprecated_from": asset.stage if to == "deprecated" else None,
        }
    )
    return asset.model_copy(update={"stage": to, "stage_reason": reason, "stage_since": now, "review": review})


def _risks(before: AnyAsset, after: AnyAsset) -> tuple[str, str]:
    return before.risk_level or "", after.risk_level or ""


def _redefined(before: AnyAsset, after: AnyAsset) -> bool:
    return any(
        getattr(before, name) != getattr(after, name) for name in type(after).model_fields if name not in _NO_DEFINITION
    )
