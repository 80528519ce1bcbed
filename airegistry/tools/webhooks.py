"""Webhooks: who outside is told of what happens to assets."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from airegistry.core.lane import Delivery
from airegistry.core.webhook_records import Standing
from airegistry.core.webhooks import Webhooks
from airegistry.tools.caller import current_principal
from airegistry.tools.declare import tool
from airegistry.tools.shapes import Done, Shape

Name = Annotated[str, Field(min_length=1, max_length=64, description="Its name, as in `ci` or `chat-alerts`.")]
Url = Annotated[str, Field(max_length=2048, description="Where events are sent by POST.")]
EventGlobs = Annotated[
    list[str] | None, Field(description="Events by name, globs allowed: `server:register`, `*:drift`; left out: all.")
]
Kinds = Annotated[list[str] | None, Field(description="Kinds of assets; left out: all.")]
Paths = Annotated[list[str] | None, Field(description="Paths of assets, globs allowed; left out: all.")]
Moment = Annotated[datetime | None, Field(description="A moment in ISO 8601.")]
DeliveryState = Literal["waiting", "delivered", "dead"]


class WebhookShape(Shape):
    """A webhook without its secret. `paused` says why nothing is sent to it; `waiting` events wait for it."""

    name: str
    url: str
    description: str
    events: list[str]
    kinds: list[str]
    paths: list[str]
    active: bool
    paused: str
    failing_since: datetime | None
    waiting: int
    created_by: str
    created_at: datetime


class WebhookSecret(WebhookShape):
    """A webhook with its new secret, shown this once."""

    secret: str


class WebhookList(Shape):
    """All webhooks by name."""

    webhooks: list[WebhookShape]


class AttemptShape(Shape):
    """What a subscriber answered: a status, or why there was none."""

    ok: bool
    status: int | None = None
    error: str = ""
    seconds: float = 0.0


class DeliveryShape(Shape):
    """One event on its way to a webhook. `id` is the event's, as the subscriber gets it in `webhook-id`."""

    id: str
    event: str
    asset: str
    state: DeliveryState
    attempts: int
    due: datetime | None = None
    last: AttemptShape | None = None
    message: dict[str, object]


class DeliveryList(Shape):
    """Deliveries, newest first."""

    deliveries: list[DeliveryShape]


class Replayed(Shape):
    """How many events are sent once more."""

    replayed: int


class WebhookTools:
    """Tools for whoever decides who is told."""

    def __init__(self, webhooks: Webhooks) -> None:
        self._webhooks = webhooks

    @tool("Create a webhook", needs="policy")
    async def create_webhook(
        self, name: Name, url: Url, events: EventGlobs = None, kinds: Kinds = None, paths: Paths = None,
        description: Annotated[str, Field(max_length=1000)] = "",
    ) -> WebhookSecret:  # fmt: skip
        """Have every event of assets from now on sent to a URL, or those that fit `events`, `kinds` and `paths`.

        Messages are signed as Standard Webhooks says; the answer holds the secret, which is not shown again.
        """
        choice = _given(events=events, kinds=kinds, paths=paths, description=description)
        webhook, secret = await self._webhooks.create(current_principal(), name, url, choice)
        return WebhookSecret(**_shown(Standing(webhook, 0)), secret=secret)

    @tool("List webhooks", read_only=True, needs="policy")
    async def list_webhooks(self) -> WebhookList:
        """Who is told of what, how many events wait for each, and whether it is paused or failing."""
        return WebhookList(
            webhooks=[WebhookShape(**_shown(each)) for each in self._webhooks.list(current_principal())]
        )  # fmt: skip

    @tool("Change a webhook", destructive=True, idempotent=True, needs="policy")
    async def update_webhook(
        self, name: Name, url: Annotated[str | None, Field(max_length=2048)] = None, events: EventGlobs = None,
        kinds: Kinds = None, paths: Paths = None,
        description: Annotated[str | None, Field(max_length=1000)] = None,
        active: Annotated[bool | None, Field(description="False pauses it; True sends what waits.")] = None,
    ) -> WebhookShape:  # fmt: skip
        """Change what is given of a webhook, pause it, or go on with one that was paused. Its secret stays."""
        changes = _given(url=url, events=events, kinds=kinds, paths=paths, description=description)
        return WebhookShape(**_shown(await self._webhooks.update(current_principal(), name, changes, active=active)))

    @tool(
        "Remove a webhook",
        destructive=True,
        idempotent=True,
        needs="policy",
        confirm="Remove webhook '{name}'? Its subscriber is told of nothing any more.",
    )
    async def delete_webhook(self, name: Name) -> Done:
        """Remove a webhook, with its log and all that waits for it."""
        return Done(ok=await self._webhooks.delete(current_principal(), name))

    @tool("Change a webhook's secret", destructive=True, needs="policy")
    async def rotate_webhook_secret(
        self, name: Name,
        overlap_hours: Annotated[
            float, Field(ge=0, le=720, description="Hours for which the old secret signs as well.")
        ] = 24,
    ) -> WebhookSecret:  # fmt: skip
        """A new secret, shown this once; until the old one has ended, messages carry a signature by each."""
        standing, secret = await self._webhooks.rotate(current_principal(), name, overlap_hours=overlap_hours)
        return WebhookSecret(**_shown(standing), secret=secret)

    @tool("Test a webhook", open_world=True, needs="policy")
    async def test_webhook(self, name: Name) -> AttemptShape:
        """Send one `webhook:test` now, and say what the subscriber answered."""
        receipt = await self._webhooks.test(current_principal(), name)
        return AttemptShape(ok=receipt.ok, status=receipt.status, error=receipt.error, seconds=receipt.seconds)

    @tool("List deliveries of a webhook", read_only=True, needs="policy")
    async def list_webhook_deliveries(
        self, name: Name,
        state: Annotated[DeliveryState | None, Field(description="Only those; left out: all.")] = None,
        since: Moment = None, until: Moment = None,
        limit: Annotated[int, Field(ge=1, le=1000)] = 50,
    ) -> DeliveryList:  # fmt: skip
        """What waits for a webhook, arrived there or is dead, newest first, with what the subscriber answered last."""
        found = await self._webhooks.deliveries(
            current_principal(), name, state=state, since=since, until=until, limit=limit
        )
        return DeliveryList(deliveries=[_delivery(each) for each in found])

    @tool("Send events once more", needs="policy")
    async def replay_webhook(
        self, name: Name,
        event: Annotated[str | None, Field(description="One event by its id; then the rest is not looked at.")] = None,
        state: Annotated[
            Literal["dead", "delivered", "all"], Field(description="Which of those that do not wait already.")
        ] = "dead",
        since: Moment = None, until: Moment = None,
    ) -> Replayed:  # fmt: skip
        """Send one event once more, or all dead ones, or all of a span of time; subscribers know them by their ids."""
        which: DeliveryState | None = None if state == "all" else state
        count = await self._webhooks.replay(
            current_principal(), name, event=event, state=which, since=since, until=until
        )
        return Replayed(replayed=count)


def _given(**fields: object) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}


def _shown(standing: Standing) -> dict[str, object]:
    webhook = standing.webhook
    secret = {"id", "secret", "previous_secret", "previous_until"}
    return {**webhook.model_dump(exclude=secret), "active": not webhook.paused, "waiting": standing.waiting}


def _delivery(delivery: Delivery) -> DeliveryShape:
    last = delivery.last
    return DeliveryShape(
        id=delivery.id, event=delivery.event, asset=delivery.about, state=delivery.state, attempts=delivery.attempts,
        due=delivery.due, message=dict(delivery.message),
        last=last and AttemptShape(ok=last.ok, status=last.status, error=last.error, seconds=last.seconds),
    )  # fmt: skip
