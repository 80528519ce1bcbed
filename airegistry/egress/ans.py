"""The Agent Name Service over HTTP: `GET /v1/agents/{name}`, as its registration authority answers it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import quote

from pydantic import JsonValue, SecretStr

from airegistry.core.ans import Entry
from airegistry.core.documents import Json
from airegistry.core.errors import Invalid, UpstreamFailed
from airegistry.egress.guard import Guard
from airegistry.egress.json_http import JsonHttp
from airegistry.egress.oauth_discovery import checked_url

MAX_ANSWER = 262_144
_MANY = 200


class HttpNameService:
    """The `NameService` port. With `key` and `secret` it shows who it is by an `sso-key` header."""

    def __init__(self, url: str, guard: Guard, *, key: str = "", secret: SecretStr | None = None) -> None:
        """Raises:
        Invalid: the address is none that may be called, or the secret would go there in the clear.
        """
        guard.check_url(url)
        self._headers: dict[str, str] = {}
        if secret is not None:
            try:
                checked_url(url, "AIREGISTRY_ANS_URL")
            except UpstreamFailed as error:
                raise Invalid(error.message, field="ANS_URL") from None
            self._headers["authorization"] = f"sso-key {key}:{secret.get_secret_value()}"
        self._url = url.rstrip("/")
        self._http = JsonHttp(guard)

    async def __aenter__(self) -> "HttpNameService":
        await self._http.__aenter__()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._http.__aexit__(*exc_info)

    @property
    def url(self) -> str:
        """See `NameService`."""
        return self._url

    async def look_up(self, name: str) -> Entry | None:
        """See `NameService`."""
        try:
            answer = await self._http.get(
                f"{self._url}/v1/agents/{quote(name, safe='')}", headers=self._headers, limit=MAX_ANSWER
            )
        except Invalid as error:  # the address became a forbidden one: the fault of whoever names it
            raise UpstreamFailed(f"the Agent Name Service may not be asked: {error.message}") from None
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise UpstreamFailed(f"the Agent Name Service answered HTTP {answer.status}")
        return _entry(answer.object())


def _entry(said: Json) -> Entry:
    """What an answer says; a field that is not as it should be speaks against the name, never for it.

    Raises:
        UpstreamFailed: it does not say of which name it speaks.
    """
    name = said.get("ansName") or said.get("name")
    if not isinstance(name, str):
        raise UpstreamFailed("the Agent Name Service answered without the name")
    state = said.get("agentStatus", "ACTIVE")
    revoked = said.get("revoked", False) is not False
    certificate = said.get("certificate")
    return Entry(
        name=name,
        host=_text(said, "agentHost") or _text(said, "domain"),
        state="REVOKED" if revoked else state if isinstance(state, str) else "UNREADABLE",
        urls=_urls(said.get("endpoints")),
        ends=_ends(certificate if isinstance(certificate, dict) else {}),
    )


def _urls(endpoints: JsonValue) -> list[str]:
    listed = endpoints if isinstance(endpoints, list) else []
    found = [_text(each, "agentUrl") or _text(each, "url") for each in listed[:_MANY] if isinstance(each, dict)]
    return [url for url in found if url]


def _ends(certificate: Mapping[str, JsonValue]) -> datetime | None:
    moment = certificate.get("notAfter") or certificate.get("not_after")
    if moment is None:
        return None
    try:
        ends = datetime.fromisoformat(str(moment))
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return ends if ends.tzinfo is not None else ends.replace(tzinfo=UTC)


def _text(said: Mapping[str, JsonValue], field: str) -> str:
    value = said.get(field)
    return value if isinstance(value, str) else ""
