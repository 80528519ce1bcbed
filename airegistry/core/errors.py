"""Every error a caller can act on, each with a stable `code`.

AirError
├── Invalid            the request itself is wrong
├── NotFound           no such thing, or none the caller may know of
│   └── UnknownTool    the server is known, the tool is not
├── Conflict           somebody else was first
├── AccessDenied       seen, but not allowed; `missing` names the scopes that would help
├── Unauthenticated    no or bad credentials (HTTP 401; never a tool error)
├── ApprovalRequired   a person has to agree first
│   └── ConsentRequired    the caller has to connect an account of the backend first; `url` says where
├── GateRejected       the registration gate said no
├── ScanFailed         the scanner said no, or could not answer
├── RateLimited        too many; `retry_after` seconds
├── Quarantined        cut off by an administrator
├── UpstreamFailed     the backend is down, lies or does not answer
│   ├── CallRefused        it works, and refuses this caller or this request (HTTP 403)
│   │   └── CredentialRefused  it does not take the credential it was sent, or wants one (HTTP 401)
│   └── BackendResting     it failed too often lately and is left alone; `retry_after` seconds
├── Unsupported        known, but not offered here
│   └── Retired            it was, until its sunset
└── Internal           our fault
"""

from collections.abc import Sequence


class AirError(Exception):
    """An error with a `code` that stays the same over all surfaces and versions."""

    code = "internal"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def details(self) -> dict[str, object]:
        """The members that surfaces add beside `code` and `message`."""
        return {}


class Invalid(AirError):
    """The request is malformed; `field` names the culprit where there is one."""

    code = "invalid"

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field

    def details(self) -> dict[str, object]:
        return {"field": self.field} if self.field else {}


class NotFound(AirError):
    """There is no such thing, or none that the caller may know of: both read the same."""

    code = "not_found"


class UnknownTool(NotFound):
    """The server is known and has no such tool: as far as it was described, and so scanned."""


class Conflict(AirError):
    """The thing exists already, or changed since the caller read it."""

    code = "conflict"


class AccessDenied(AirError):
    """The caller sees the thing but may not do this with it.

    `step_up` are those of the `missing` scopes that a broader token of the same subject would carry.
    """

    code = "access_denied"

    def __init__(self, message: str, *, missing: Sequence[str] = (), step_up: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.missing = list(missing)
        self.step_up = list(step_up)

    def details(self) -> dict[str, object]:
        return {"missing": self.missing}


class Unauthenticated(AirError):
    """There are no credentials, or none that hold."""

    code = "unauthenticated"


class ApprovalRequired(AirError):
    """The act waits for a person's approval."""

    code = "approval_required"


class ConsentRequired(ApprovalRequired):
    """The backend knows its users itself: the caller has to connect an account there, at `url`, and call again.

    `id` names this request for consent, as `elicitationId` of MCP does.
    """

    def __init__(self, message: str, *, url: str, id: str) -> None:
        super().__init__(message)
        self.url = url
        self.id = id

    def details(self) -> dict[str, object]:
        return {"url": self.url, "elicitation_id": self.id}


class GateRejected(AirError):
    """The registration gate refused, or did not answer."""

    code = "gate_rejected"


class ScanFailed(AirError):
    """The scan refused the asset, or no scan of it has passed yet."""

    code = "scan_failed"


class RateLimited(AirError):
    """Too many requests; try again after `retry_after` seconds."""

    code = "rate_limited"

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after

    def details(self) -> dict[str, object]:
        return {"retry_after": self.retry_after}


class Quarantined(AirError):
    """An administrator cut the asset or the caller off."""

    code = "quarantined"


class UpstreamFailed(AirError):
    """The backend cannot be reached, broke off, or answered against its protocol."""

    code = "upstream_failed"


class CallRefused(UpstreamFailed):
    """The backend works, and refuses this caller or this request (HTTP 403): others may fare better."""


class CredentialRefused(CallRefused):
    """The backend wants a credential, or does not take the one it was sent (HTTP 401)."""


class BackendResting(UpstreamFailed):
    """The backend failed too often lately and is left alone; try again after `retry_after` seconds."""

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after

    def details(self) -> dict[str, object]:
        return {"retry_after": self.retry_after}


class Unsupported(AirError):
    """The thing is known but not offered here."""

    code = "unsupported"


class Retired(Unsupported):
    """A version whose sunset has passed; `successor` is the one to use instead, where there is one."""

    def __init__(self, message: str, *, successor: str | None = None) -> None:
        super().__init__(message)
        self.successor = successor

    def details(self) -> dict[str, object]:
        return {"successor": self.successor} if self.successor else {}


class Internal(AirError):
    """A fault of the registry itself."""
