"""Everything that can go wrong, as one tree.

RegistryError
├── Unreachable        nothing answered: no connection, or it broke off
│   └── TimedOut       not in time
├── BadAnswer          what answered is no registry, or not one that this client understands
├── LoginFailed        the token endpoint gave no token
├── InputRequired      a tool wants to be told something before it goes on
└── Refused            the registry said no; `code` says why, the same on all of its surfaces
    ├── Invalid            the request itself is wrong; `field` names the culprit where there is one
    ├── Unauthenticated    no token, or none that holds
    ├── AccessDenied       `missing` names the scopes that would help
    ├── ApprovalRequired   a person has to agree first; `id` and `status_of_request`, or `url` of the consent
    ├── GateRejected       the gate for registrations said no
    ├── ScanFailed         the scan holds the asset
    ├── Quarantined        an administrator cut it off, or you
    ├── NotFound           no such thing, or none that you may know of
    ├── Conflict           somebody was first
    │   └── Changed        the asset is another one than `if_match` names
    ├── RateLimited        `retry_after` seconds
    ├── UpstreamFailed     the backend is down; `retry_after` where it is left alone
    ├── Unsupported        not this way; `successor` names another where there is one
    └── Internal           the registry failed
"""

from collections.abc import Mapping
from typing import ClassVar

from pydantic import JsonValue


class RegistryError(Exception):
    """Whatever this client fails with."""


class Unreachable(RegistryError):
    """Nothing answered."""


class TimedOut(Unreachable):
    """Nothing answered in time."""


class BadAnswer(RegistryError):
    """The answer is not one of a registry."""


class LoginFailed(RegistryError):
    """The token endpoint gave no token."""


class InputRequired(RegistryError):
    """A tool asks for input: call it again with an answer to each of `requests`, by name, and with `state`."""

    def __init__(self, requests: Mapping[str, JsonValue], state: str | None) -> None:
        super().__init__(f"the tool asks for input: {', '.join(requests) or 'none is named'}")
        self.requests = requests
        self.state = state


class Refused(RegistryError):
    """The registry said no. `status` is the one of HTTP; `details` has the members beside the code."""

    code: ClassVar[str] = ""

    def __init__(self, message: str, *, code: str, status: int, details: Mapping[str, JsonValue]) -> None:
        super().__init__(message)
        self.message = message
        self.code = code  # type: ignore[misc]  # of a class the code is fixed, of `Refused` itself it is a new one
        self.status = status
        self.details = details

    @property
    def field(self) -> str | None:
        """The part of the request that is wrong, where one is named."""
        return self._text("field")

    @property
    def missing(self) -> tuple[str, ...]:
        """The scopes that would help."""
        found = self.details.get("missing")
        return tuple(str(each) for each in found) if isinstance(found, list) else ()

    @property
    def retry_after(self) -> float | None:
        """Seconds after which it is worth another try, where that is known."""
        found = self.details.get("retry_after")
        return float(found) if isinstance(found, int | float) else None

    def _text(self, name: str) -> str | None:
        found = self.details.get(name)
        return found if isinstance(found, str) else None


class Invalid(Refused):
    """The request is wrong as it is."""

    code = "invalid"


class Unauthenticated(Refused):
    """There is no token, or none that holds."""

    code = "unauthenticated"


class AccessDenied(Refused):
    """You may know of the thing, but not do this with it."""

    code = "access_denied"


class ApprovalRequired(Refused):
    """A person has to agree first; then make the same call again."""

    code = "approval_required"

    @property
    def id(self) -> str | None:
        """The request for approval."""
        return self._text("id") or self._text("elicitation_id")

    @property
    def status_of_request(self) -> str | None:
        """What became of that request."""
        return self._text("request_status") or self._text("status")

    @property
    def url(self) -> str | None:
        """Where you connect your own account of the server, if that is what is missing."""
        return self._text("url")


class GateRejected(Refused):
    """The gate for registrations said no."""

    code = "gate_rejected"


class ScanFailed(Refused):
    """The scan holds the asset, or none of it has passed."""

    code = "scan_failed"


class Quarantined(Refused):
    """An administrator cut the asset off, or you, or the tool changed since it was approved."""

    code = "quarantined"


class NotFound(Refused):
    """There is no such thing, or none that you may know of."""

    code = "not_found"


class Conflict(Refused):
    """It exists already, or changed meanwhile."""

    code = "conflict"


class Changed(Conflict):
    """The asset is another one than `if_match` names: read it again."""


class RateLimited(Refused):
    """Too many requests."""

    code = "rate_limited"


class UpstreamFailed(Refused):
    """The backend is down, or answers against its protocol."""

    code = "upstream_failed"


class Unsupported(Refused):
    """The thing is known, but not this way to it."""

    code = "unsupported"

    @property
    def successor(self) -> str | None:
        """The version to use in place of one that has ended."""
        return self._text("successor")


class Internal(Refused):
    """The registry failed."""

    code = "internal"


_KINDS: Mapping[str, type[Refused]] = {kind.code: kind for kind in Refused.__subclasses__()}
_CODES = {400: "invalid", 401: "unauthenticated", 403: "access_denied", 404: "not_found", 409: "conflict",
          429: "rate_limited"}  # fmt: skip
_OWN = frozenset({"type", "title", "status", "code", "detail", "message"})


def refusal(status: int, said: Mapping[str, JsonValue]) -> Refused:
    """The error for an answer of this HTTP status whose members are those of problem details, or of a tool's error."""
    code = said.get("code")
    known = code if isinstance(code, str) else _CODES.get(status, "internal")
    kind = Changed if status == 412 else _KINDS.get(known, Refused)
    message = said.get("detail") or said.get("message") or f"HTTP status {status}"
    details = {
        name: value for name, value in said.items() if name not in _OWN or (name == "status" and value != status)
    }
    return kind(str(message), code=known, status=status, details=details)
