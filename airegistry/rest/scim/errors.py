"""Errors in the form of SCIM (RFC 7644, section 3.12)."""

from collections.abc import Mapping
from typing import Final

from airegistry.core.assets import Json
from airegistry.core.documents import Unavailable
from airegistry.core.errors import AirError, Invalid
from airegistry.core.preconditions import Changed
from airegistry.core.provisioned import Taken

ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
STATUS: Final[Mapping[str, int]] = {
    "invalid": 400, "unauthenticated": 401, "access_denied": 403, "quarantined": 403, "not_found": 404,
    "conflict": 409, "rate_limited": 429, "unsupported": 501, "internal": 500,
}  # fmt: skip
_OWN: Final[Mapping[type[AirError], int]] = {Changed: 412, Unavailable: 503}


class Refused(Invalid):
    """A request that is not as SCIM has it. `type` is the `scimType`, `status` the one of HTTP."""

    def __init__(self, message: str, type_: str = "invalidValue", *, status: int = 400) -> None:
        super().__init__(message)
        self.type = type_
        self.status = status


class NoMethod(Refused):
    """A path that is there, but not with this method; `allowed` are those it has."""

    def __init__(self, allowed: str) -> None:
        super().__init__(f"there is only {allowed} here", "", status=405)
        self.allowed = allowed


def status_of(error: AirError) -> int:
    """The status of HTTP that tells of an error."""
    if isinstance(error, Refused):
        return error.status
    return next((own for kind, own in _OWN.items() if isinstance(error, kind)), STATUS.get(error.code, 500))


def told(error: AirError) -> Json:
    """An error as SCIM has it."""
    status = status_of(error)
    detail = error.message if status != 500 else "the registry failed"
    body: Json = {"schemas": [ERROR], "status": str(status), "detail": detail}
    kind = ""
    if isinstance(error, Refused):
        kind = error.type
    elif isinstance(error, Taken):
        kind = "uniqueness"
    elif isinstance(error, Invalid):
        kind = "invalidValue"
    return {**body, "scimType": kind} if kind else body
