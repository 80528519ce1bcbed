"""From a subject and what its token carries to the Principal that `core/access.py` decides on."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from airegistry.core.access import Access
from airegistry.core.grants import Action
from airegistry.core.principals import Principal
from airegistry.oauth.clients.clients import DYNAMIC_PREFIX
from airegistry.oauth.model import ADMIN_SCOPE, MCP_SCOPE, OFFLINE_SCOPE, Client
from airegistry.oauth.tokens.access_tokens import Issued

_OWN = (MCP_SCOPE, OFFLINE_SCOPE)
_ADMINISTER: tuple[Action, ...] = ("policy", "token", "provision")
_MAX_CACHED = 20_000


class Person(Protocol):
    """What of a user counts here."""

    @property
    def active(self) -> bool: ...
    @property
    def groups(self) -> Sequence[str]: ...
    @property
    def provider_groups(self) -> Sequence[str]: ...
    @property
    def created_at(self) -> datetime: ...
    @property
    def ended_at(self) -> datetime | None: ...


class People(Protocol):
    """The directory: users by id, and a number that grows with each change."""

    @property
    def revision(self) -> int: ...
    def known(self, user_id: str) -> Person | None: ...


class Machines(Protocol):
    """The clients: by id, and a number that grows with each change."""

    @property
    def revision(self) -> int: ...
    def known(self, client_id: str) -> Client | None: ...


class Foreign(Protocol):
    """The trusted issuers: what still counts of what their tokens say, and a number that grows with each change."""

    @property
    def revision(self) -> int: ...
    def entitled(self, subject: str, groups: frozenset[str]) -> Sequence[str] | None: ...


class Callers:
    """Makes Principals, anew after each change of policy, users, clients or issuers, so that a change holds at once."""

    def __init__(
        self, access: Access, people: People, machines: Machines, foreign: Foreign | None = None, *,
        provisioned: Callable[[str], Sequence[str]] = lambda user_id: (),
    ) -> None:  # fmt: skip
        """`provisioned` says which groups a user is in by provisioning; they change with the people's number."""
        self._provisioned = provisioned
        self._access = access
        self._people = people
        self._machines = machines
        self._foreign = foreign
        self._made: dict[tuple[str, str, frozenset[str], str, frozenset[str]], Principal | None] = {}
        self._stamp = (-1, -1, -1, -1)

    def machine(self, client_id: str, *, scopes: Iterable[str], actor: str = "") -> Principal | None:
        """A client on its own account; None when there is none, or it is switched off."""
        return self.by_subject(f"client:{client_id}", client=client_id, scopes=scopes, actor=actor)

    def of(self, issued: Issued) -> Principal | None:
        """Who holds a token that was issued here.

        A token of an authorization ends with that. Others end with the logins of their person.
        """
        found = self.by_subject(
            issued.subject, client=issued.client_id, scopes=issued.scopes, actor=issued.actor, groups=issued.groups,
            since=issued.issued_at if issued.authorization is None else None,
        )  # fmt: skip
        if found is None or not self._may_hold(issued.client_id):
            return None
        return replace(found, expires_at=issued.expires_at, authorization=issued.authorization)

    def by_subject(
        self, subject: str, *, client: str = "", scopes: Iterable[str] = (MCP_SCOPE,), actor: str = "",
        groups: Iterable[str] = (), since: float | None = None,
    ) -> Principal | None:  # fmt: skip
        """Whoever a subject of the forms `user:ID`, `client:ID` or `issuer:NAME:SUB` names, with a token of these OAuth
        scopes. `groups` are what the token says of an issuer's subject; of others the registry knows better. Nobody,
        where the subject began `since` a time (in seconds since the epoch), or its logins were ended."""
        if since is not None and since < self._begins(subject):
            return None
        stamp = self.stamp()
        if stamp != self._stamp or len(self._made) > _MAX_CACHED:
            self._made, self._stamp = {}, stamp
        key = (subject, client, frozenset(scopes), actor, frozenset(groups))
        if key not in self._made:
            self._made[key] = self._make(*key)
        return self._made[key]

    def stamp(self) -> tuple[int, int, int, int]:
        """Other numbers after each change of policy, users, clients or issuers."""
        foreign = 0 if self._foreign is None else self._foreign.revision
        return self._access.revision, self._people.revision, self._machines.revision, foreign

    def grantable(self, subject: str, requested: Sequence[str], *, groups: Iterable[str] = ()) -> list[str]:
        """Of the OAuth scopes a client asked for those that the subject can give; nothing asked for means `mcp`."""
        whole = self.by_subject(subject, scopes=(MCP_SCOPE, ADMIN_SCOPE), groups=groups)
        if whole is None:
            return []
        held = {*_OWN, *(scope for scope in requested if self._access.carries(whole, scope))}
        if any(self._access.decide(whole, action).allowed for action in _ADMINISTER):
            held.add(ADMIN_SCOPE)
        return [scope for scope in requested or [MCP_SCOPE] if scope in held]

    def _make(
        self, subject: str, client: str, carried: frozenset[str], actor: str, said: frozenset[str]
    ) -> Principal | None:
        entitled = self._entitled(subject, said)
        if entitled is None:
            return None
        groups, scopes, inherited = entitled
        narrowed = self._access.narrowed(groups, scopes, carried)
        return Principal(
            subject=subject, kind="person" if subject.startswith("user:") else "machine", client=client,
            groups=frozenset(groups), scopes=narrowed.scopes, withheld=narrowed.withheld,
            restraints=narrowed.restraints.union(inherited), administers=ADMIN_SCOPE in carried, actor=actor,
        )  # fmt: skip

    def _begins(self, subject: str) -> float:
        """Since when a subject's tokens count; tokens tell whole seconds."""
        kind, _, name = subject.partition(":")
        if kind == "client" and (machine := self._machines.known(name)):
            return math.floor(machine.created_at.timestamp())
        person = self._people.known(name) if kind == "user" else None
        if person is None or person.ended_at is None:
            return 0.0
        ended = person.ended_at.timestamp()
        return math.floor(ended) if person.ended_at == person.created_at else ended

    def _may_hold(self, client_id: str) -> bool:
        """Whether a client may still use what it was given. Of those that administrators do not register the tokens
        end with what their persons allowed."""
        if client_id.startswith(DYNAMIC_PREFIX) or "://" in client_id:
            return True
        client = self._machines.known(client_id)
        return client is not None and client.active

    def _entitled(
        self, subject: str, said: frozenset[str]
    ) -> tuple[Sequence[str], Sequence[str], Sequence[str]] | None:
        """Groups and scopes that a subject holds, whatever its token carries, and scopes whose denials it inherited."""
        kind, _, name = subject.partition(":")
        if kind == "user":
            person = self._people.known(name)
            if person is None or not person.active:
                return None
            return (*person.groups, *person.provider_groups, *self._provisioned(name)), (), ()
        if kind == "client":
            machine = self._machines.known(name)
            return (machine.groups, machine.scopes, machine.restraints) if machine and machine.active else None
        if kind == "issuer" and self._foreign is not None:
            groups = self._foreign.entitled(subject, said)
            return None if groups is None else (groups, (), ())
        return None
