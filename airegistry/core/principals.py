"""Who is asking."""

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller, person or machine.

    `subject` reads `user:ID`, `client:ID`, `token:NAME`, `issuer:NAME:SUB`, `operator` or `system`. `scopes` are names
    of scopes held directly or through `groups`; what they allow is the business of `core/access.py`. `operator` is
    held by the operator's token and by the registry itself only.

    A token may carry less than its subject is entitled to. `withheld` are the scopes the subject holds and this token
    does not carry: a broader token would help (step-up). `restraints` are those of them that deny something: their
    denials hold still, their grants do not, so that nobody sheds a denial by asking for less. `administers` is
    whether the token carries administration at all. `actor` acts on the subject's behalf (RFC 8693 `act`).
    `expires_at` is when the token ends, in seconds since the epoch, None when nothing is known of that;
    `authorization` is what a person allowed, and the token ends with, where there is such a thing.
    """

    subject: str
    kind: Literal["person", "machine"] = "machine"
    client: str = ""
    groups: frozenset[str] = field(default_factory=frozenset)
    scopes: frozenset[str] = field(default_factory=frozenset)
    operator: bool = False
    withheld: frozenset[str] = field(default_factory=frozenset)
    restraints: frozenset[str] = field(default_factory=frozenset)
    administers: bool = True
    actor: str = ""
    expires_at: float | None = field(default=None, compare=False)
    authorization: str | None = field(default=None, compare=False)


SYSTEM = Principal(subject="system", client="airegistry", operator=True)
"""The registry acting on its own account: sweeps, first start, sync."""
