"""What is kept of subscribers, and how it is shown and used."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import Field, ValidationError

from airegistry.core.ports import Cipher
from airegistry.core.validation import invalid
from airegistry.core.webhook_messages import Filter


class Webhook(Filter):
    """A subscriber: where it is, and which events it is told. Its secrets are sealed.

    `paused` says why nothing is sent to it; empty, it is sent to. `failing_since` is when it last began to fail,
    `well_at` when it last took something after that.
    """

    id: str
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
    url: str = Field(max_length=2048)
    description: str = Field(default="", max_length=1000)
    secret: str
    previous_secret: str | None = None
    previous_until: datetime | None = None
    paused: str = ""
    failing_since: datetime | None = None
    well_at: datetime | None = None
    created_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """A webhook, and how many deliveries wait for it."""

    webhook: Webhook
    waiting: int


@dataclass(frozen=True, slots=True)
class Address:
    """Where a webhook is now, and its secrets."""

    webhook: Webhook
    cipher: Cipher

    @property
    def url(self) -> str:
        """Where messages go."""
        return self.webhook.url

    def keys(self, now: datetime) -> Sequence[str]:
        """The secrets that are valid, the newest first."""
        known = self.webhook
        old = known.previous_secret if known.previous_until is not None and now < known.previous_until else None
        return [self.cipher.decrypt(sealed) for sealed in (known.secret, old) if sealed is not None]


def validated_webhook(fields: Mapping[str, object]) -> Webhook:
    """A webhook of plain fields.

    Raises:
        Invalid: one does not fit.
    """
    try:
        return Webhook.model_validate(fields)
    except ValidationError as error:
        raise invalid(error) from None
