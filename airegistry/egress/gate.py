"""The registration gate: an endpoint outside that is asked before anything is stored. No clear yes is a no."""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import uniform
from typing import Literal

import anyio
from pydantic import JsonValue, SecretStr

from airegistry.core.assets import Json
from airegistry.core.credential_kinds import hide
from airegistry.core.errors import AirError, GateRejected, Invalid, UpstreamFailed
from airegistry.core.masking import public_form
from airegistry.core.ports import AnyAsset
from airegistry.core.principals import Principal
from airegistry.egress.guard import Guard
from airegistry.egress.json_http import Answer, JsonHttp
from airegistry.egress.messages import printable
from airegistry.egress.oauth_discovery import AuthorizationServer, checked_url
from airegistry.egress.oauth_tokens import ClientCredentials, OAuthRefused, TokenEndpoint, Tokens

GateAuth = Literal["none", "api_key", "bearer", "client_credentials"]
ATTEMPT_SECONDS = 10.0
FIRST_WAIT, LONGEST_WAIT = 0.25, 5.0
MAX_ANSWER = 65_536
_AGAIN = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class GateSettings:
    """Where the gate is, and how the registry shows who it is. `seconds` are for all attempts of one review."""

    url: str
    auth: GateAuth = "none"
    secret: SecretStr | None = field(default=None, repr=False)
    header: str = "X-API-Key"
    client_id: str = ""
    token_url: str = ""
    scope: str = ""
    seconds: float = 30.0


class HttpGate:
    """The `Gate` port over HTTP."""

    def __init__(self, settings: GateSettings, guard: Guard) -> None:
        """Raises:
        Invalid: an address is none that may be called, or a secret would go there in the clear, or is missing.
        """
        _check(settings, guard)
        self._settings = settings
        self._http = JsonHttp(guard, timeout=min(ATTEMPT_SECONDS, settings.seconds))
        self._tokens: Tokens | None = None

    async def __aenter__(self) -> "HttpGate":
        await self._http.__aenter__()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._http.__aexit__(*exc_info)

    async def review(self, who: Principal, act: str, asset: AnyAsset) -> None:
        """See `Gate`."""
        id_ = f"gate_{secrets.token_hex(16)}"
        question: Json = {
            "id": id_,
            "action": act,
            "caller": {"subject": who.subject, "client": who.client, "groups": [*sorted(who.groups)]},
            "asset": public_form(asset),
        }
        last = "it did not answer"
        with anyio.move_on_after(self._settings.seconds):
            wait = FIRST_WAIT
            while True:
                try:
                    answer = await self._ask(id_, question)
                except Invalid as error:
                    raise GateRejected(f"the registration gate may not be asked: {error.message}") from None
                except OAuthRefused as refusal:  # it would say so again
                    raise GateRejected(f"the registration gate could not be asked: {refusal.message}") from None
                except UpstreamFailed as failure:
                    last, quiet = failure.message, 0.0
                else:
                    if not _is_passing(answer):
                        self._decide(answer, id_)
                        return
                    last, quiet = f"it answered HTTP {answer.status}", _seconds(answer.headers.get("retry-after"))
                await anyio.sleep(max(quiet, wait * uniform(0.8, 1.2)))  # noqa: S311  # spreads load
                wait = min(2 * wait, LONGEST_WAIT)
        raise GateRejected(f"the registration gate gave no answer within {self._settings.seconds:g} s: {last}")

    def _decide(self, answer: Answer, id_: str) -> None:
        """Return for a clear yes. The reason for a no goes to the caller and into the trail: what it quotes of our own
        secrets is taken out."""
        secret, tokens = self._settings.secret, self._tokens
        try:
            _decide(answer, id_)
        except GateRejected as refusal:
            known = "" if secret is None else secret.get_secret_value()
            hide(refusal, (known, "" if tokens is None else tokens.access_token))
            raise

    async def _ask(self, id_: str, question: Json) -> Answer:
        """The answer; a token that is not taken is replaced once."""
        headers = {"idempotency-key": id_, **await self._credentials()}
        answer = await self._http.post_json(self._settings.url, question, headers=headers, limit=MAX_ANSWER)
        if answer.status == 401 and self._tokens is not None:
            self._tokens = None
            headers |= await self._credentials()
            answer = await self._http.post_json(self._settings.url, question, headers=headers, limit=MAX_ANSWER)
        return answer

    async def _credentials(self) -> Mapping[str, str]:
        known = self._settings
        if known.auth == "none":
            return {}
        assert known.secret is not None  # it was checked at the start
        secret = known.secret.get_secret_value()
        if known.auth == "api_key":
            return {known.header.lower(): secret}
        if known.auth == "bearer":
            return {"authorization": f"Bearer {secret}"}
        return {"authorization": f"Bearer {await self._token(secret)}"}

    async def _token(self, secret: str) -> str:
        if self._tokens is None or self._tokens.ended(time.time()):
            url, form = self._settings.token_url, {"grant_type": "client_credentials"}
            at = AuthorizationServer(resource="", issuer=url, authorization_endpoint="", token_endpoint=url)
            client = ClientCredentials(
                issuer=url, client_id=self._settings.client_id, client_secret=secret, method="client_secret_basic"
            )
            form |= {"scope": self._settings.scope} if self._settings.scope else {}
            self._tokens = await TokenEndpoint(self._http, at).ask(client, form)
        return self._tokens.access_token


def _is_passing(answer: Answer) -> bool:
    """Whether a later attempt may fare better."""
    return answer.status >= 500 or answer.status in _AGAIN


def _decide(answer: Answer, id_: str) -> None:
    """Return for a clear yes to this very question.

    Raises:
        GateRejected: for anything else.
    """
    said = _read(answer)
    reason = said.get("reason")
    why = f": {printable(reason)}" if isinstance(reason, str) and reason else ""
    if answer.status != 200:
        raise GateRejected(f"the registration gate answered HTTP {answer.status}{why}")
    if said.get("decision") == "deny":
        raise GateRejected(f"the registration gate said no{why}")
    if said.get("decision") != "allow":
        raise GateRejected("the registration gate answered neither allow nor deny")
    if said.get("id") != id_:
        raise GateRejected("the registration gate answered another question than the one it was asked")


def _read(answer: Answer) -> Json:
    """The members of the answer; none when it is no JSON object, or does not say that it is JSON."""
    if answer.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        return {}
    try:
        value: JsonValue = answer.json()
    except UpstreamFailed:
        return {}
    return value if isinstance(value, dict) else {}


def _seconds(retry_after: str | None) -> float:
    known = retry_after or ""
    return float(known) if known.isascii() and known.isdigit() and len(known) < 5 else 0.0


def _check(settings: GateSettings, guard: Guard) -> None:
    guard.check_url(settings.url)
    if settings.auth == "none":
        return
    if settings.secret is None or not settings.secret.get_secret_value():
        raise Invalid(f"AIREGISTRY_GATE_SECRET is needed for {settings.auth}", field="GATE_SECRET")
    urls = [(settings.url, "GATE_URL")]
    if settings.auth == "client_credentials":
        if not settings.client_id or not settings.token_url:
            raise Invalid("AIREGISTRY_GATE_CLIENT_ID and _TOKEN_URL are needed for client_credentials", field="GATE")
        guard.check_url(settings.token_url)
        urls.append((settings.token_url, "GATE_TOKEN_URL"))
    for url, name in urls:
        try:
            checked_url(url, f"AIREGISTRY_{name}")
        except AirError as error:
            raise Invalid(error.message, field=name) from None
