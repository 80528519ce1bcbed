"""Keeps bearer tokens of servers fresh: gets each by client credentials, and sets it as the server's credential."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import anyio
from pydantic import SecretStr

from airegistry.cli.errors import NoAnswer
from airegistry.cli.token_manifest import Entry
from airegistry.cli.values import Json
from airegistry.core.errors import AirError, Invalid, UpstreamFailed
from airegistry.egress.guard import Guard
from airegistry.egress.json_http import JsonHttp
from airegistry.egress.oauth_discovery import AuthorizationServer, checked_url
from airegistry.egress.oauth_tokens import ClientCredentials, TokenEndpoint, Tokens

MARGIN, SHARE = 300.0, 0.2
"""A token is renewed so many seconds before it ends, or at this share of its life if that is shorter."""
SHORTEST = 10.0
FIRST_PAUSE, LONGEST_PAUSE = 30.0, 600.0
"""Seconds after which a failure is tried again; they double with each."""

Set = Callable[[str, Json], object]
"""Calls a tool of the registry."""


@dataclass(slots=True)
class Due:
    """When an entry is to be seen to, in seconds of the caller's clock, and how long it waits after a failure."""

    entry: Entry
    at: float = 0.0
    pause: float = FIRST_PAUSE


class Refresher:
    """The entries of a manifest, each seen to when it is due. `interval`: seconds for tokens that do not say when they
    end, and at most."""

    def __init__(
        self, guard: Guard, entries: Sequence[Entry], set_: Set, tell: Callable[[str], None], interval: float
    ) -> None:
        self._guard = guard
        self._due = [Due(entry) for entry in entries]
        self._set = set_
        self._tell = tell
        self._interval = interval

    def refresh(self, now: float) -> bool:
        """See to everything that is due; whether all of it was done.

        Raises:
            NoAnswer: the registry does not answer: nothing can be set.
        """
        done = True
        for due in self._due:
            if due.at <= now:
                done &= self._seen_to(due, now)
        return done

    def wait(self, now: float) -> float:
        """The seconds until something is due."""
        return max(0.0, min(due.at for due in self._due) - now)

    def _seen_to(self, due: Due, now: float) -> bool:
        entry = due.entry
        try:
            if entry.secret is None:
                raise Invalid(f"the environment has no {entry.secret_env}", field="client_secret_env")
            tokens = anyio.run(token_of, self._guard, entry, entry.secret)
            credential: Json = {"kind": "bearer", "token": tokens.access_token}
            self._set("set_credential", {"path": entry.path, "kind": entry.kind, "credential": credential})
        except NoAnswer:
            raise
        except AirError as error:
            due.at, due.pause = now + due.pause, min(due.pause * 2, LONGEST_PAUSE)
            self._tell(f"{entry.kind} `{entry.path}`: {error.message}")
            return False
        life = None if tokens.expires_at is None else tokens.expires_at - tokens.issued_at
        due.at, due.pause = now + next_in(life, self._interval), FIRST_PAUSE
        self._tell(f"{entry.kind} `{entry.path}` has a new token; the next one in {due.at - now:.0f} s")
        return True


def next_in(life: float | None, interval: float) -> float:
    """The seconds after which a token that holds for `life` seconds is renewed: before it ends."""
    if life is None:
        return interval
    return min(interval, max(life - min(MARGIN, life * SHARE), min(SHORTEST, life / 2)))


async def token_of(guard: Guard, entry: Entry, secret: SecretStr) -> Tokens:
    """A token by client credentials. The secret goes to the token endpoint alone.

    Raises:
        Invalid: an address is forbidden.
        UpstreamFailed: the authorization server does not answer, or refuses.
    """
    async with JsonHttp(guard) as http:
        endpoint = checked_url(entry.token_endpoint or await _discovered(http, entry), "the token endpoint")
        at = AuthorizationServer(resource="", issuer=endpoint, authorization_endpoint="", token_endpoint=endpoint)
        client = ClientCredentials(
            issuer=endpoint, client_id=entry.client, client_secret=secret.get_secret_value(), method=entry.auth_method
        )
        form = {"grant_type": "client_credentials"}
        form |= {"scope": entry.wanted_scope} if entry.wanted_scope else {}
        form |= {"audience": entry.audience} if entry.audience else {}
        return await TokenEndpoint(http, at).ask(client, form)


async def _discovered(http: JsonHttp, entry: Entry) -> str:
    """The token endpoint that a discovery document names."""
    url = checked_url(entry.discovery_url, "the discovery_url")
    answer = await http.get(url)
    if answer.status != 200:
        raise UpstreamFailed(f"{url} answered HTTP {answer.status}")
    endpoint = answer.object().get("token_endpoint")
    if not isinstance(endpoint, str):
        raise UpstreamFailed(f"{url} names no token_endpoint")
    return endpoint
