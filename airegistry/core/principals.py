"""Who is asking."""

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller, person or machine.

    `scopes` are names of scopes held directly or through `groups`; what they allow is the business of
    `core/access.py`. `operator` is held by the operator's token and by the registry itself only.
    """

    subject: str
    kind: Literal["person", "machine"] = "machine"
    client: str = ""
    groups: frozenset[str] = field(default_factory=frozenset)
    scopes: frozenset[str] = field(default_factory=frozenset)
    operator: bool = False


SYSTEM = Principal(subject="system", client="airegistry", operator=True)
"""The registry acting on its own account: sweeps, first start, sync."""
