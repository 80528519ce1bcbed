"""Requests to the REST API of a Git host: its token goes to the API's own origin and nowhere else."""

import base64
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode, urljoin

from pydantic import SecretStr

from airegistry.core.errors import CredentialRefused, Invalid, RateLimited, UpstreamFailed
from airegistry.core.git_skills import Gone
from airegistry.egress.addresses import parse_host
from airegistry.egress.guard import Target, parse_url
from airegistry.egress.json_http import Answer, JsonHttp
from airegistry.egress.retry_after import seconds_of

MAX_JSON = 8_000_000
"""Bytes of one JSON answer: GitHub tells of a tree in one, of at most 7 MB."""
LONGEST_REST = 3600.0
"""Seconds that a host which limits us is left alone at most, whatever it says; then it is asked again."""
_A_MINUTE = 60.0
_MAX_REDIRECTS = 3
_SLOW_DOWN = ("rate limit", "abuse detection")


@dataclass(frozen=True, slots=True)
class Rests:
    """Origins that want to be left alone, and until when in monotonic seconds."""

    until: dict[str, float] = field(default_factory=dict)
    monotonic: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time


class Api:
    """The API below `base`, as one caller. Answers are those of success; everything else is an error of ours."""

    def __init__(self, http: JsonHttp, base: str, token: SecretStr | None, rests: Rests) -> None:
        """Raises:
        Invalid: the token would go there in the clear.
        """
        self._http = http
        self._base = base
        self._target = parse_url(base)
        self._rests = rests
        self._headers = {"user-agent": "airegistry"}
        if token is not None:
            if self._target.scheme != "https" and not _is_here(self._target):
                raise Invalid(f"the token of {self._target} is sent over https alone", field="url")
            self._headers["authorization"] = _authorization(token.get_secret_value())

    @property
    def name(self) -> str:
        """The host, in messages."""
        return str(self._target)

    async def get(
        self, path: str, query: Mapping[str, str] | None = None, *, accept: str = "application/json",
        limit: int = MAX_JSON,
    ) -> Answer:  # fmt: skip
        """GET what is at a path below the base, of at most `limit` bytes. Redirects within the origin are followed.

        Raises:
            Gone: there is no such thing, or not for us (404, 410, an empty repository).
            CredentialRefused: it does not let us in (401, 403).
            RateLimited: it wants to be left alone, and is, until it said.
            UpstreamFailed: there is no answer, one too long, or one that is no success.
            Invalid: the URL is forbidden.
        """
        self._check_resting()
        url = f"{self._base}/{path}" + (f"?{urlencode(query, quote_via=quote)}" if query else "")
        for _ in range(_MAX_REDIRECTS):
            answer = await self._http.get(url, headers={**self._headers, "accept": accept}, limit=limit)
            if answer.status not in {301, 302, 307, 308}:
                break
            url = self._moved(url, answer)
        if answer.status != 200:
            self._refuse(answer)
        return answer

    def check_shown(self, public: object) -> None:
        """Refuse what the token alone reads: to whoever has none, such a repository is not there.

        Raises:
            Gone: it is such a one.
        """
        if public is not True and "authorization" in self._headers:
            raise Gone(f"{self.name} shows it to us alone", field="url")

    def _moved(self, url: str, answer: Answer) -> str:
        """Where a redirect leads, within this origin: a repository that was renamed."""
        there = urljoin(url, answer.headers.get("location", ""))
        if parse_url(there) != self._target:
            raise UpstreamFailed(f"{self.name} redirects to another host, which is not followed")
        return there

    def _check_resting(self) -> None:
        wait = self._rests.until.get(str(self._target), 0.0) - self._rests.monotonic()
        if wait > 0:
            raise RateLimited(f"{self.name} wants to be left alone for a while", retry_after=round(wait, 1))

    def _refuse(self, answer: Answer) -> None:
        status = answer.status
        if status == 429 or (status in {403, 503} and self._is_limit(answer)):
            wait = min(max(self._wait(answer), 1.0), LONGEST_REST)
            self._rests.until[str(self._target)] = self._rests.monotonic() + wait
            raise RateLimited(f"{self.name} has had enough requests for now (HTTP {status})", retry_after=wait)
        if status in {401, 403}:
            raise CredentialRefused(f"{self.name} does not let the registry in (HTTP {status})")
        if status in {404, 409, 410, 422}:
            raise Gone(f"{self.name} has no such thing, or none for whoever asks (HTTP {status})", field="url")
        raise UpstreamFailed(f"{self.name} answered HTTP {status}")

    @staticmethod
    def _is_limit(answer: Answer) -> bool:
        """Whether a refusal is a limit: GitHub says 403 for those too, primary and secondary ones."""
        headers, said = answer.headers, answer.body[:4096].decode(errors="replace").lower()
        spent = headers.get("x-ratelimit-remaining") == "0"
        return spent or "retry-after" in headers or any(word in said for word in _SLOW_DOWN)

    def _wait(self, answer: Answer) -> float:
        """Seconds that the host wants to be left alone, a minute when it does not say."""
        headers, wait = answer.headers, _A_MINUTE
        for prefix in ("x-ratelimit", "ratelimit"):
            reset = headers.get(f"{prefix}-reset", "")
            if headers.get(f"{prefix}-remaining") == "0" and re.fullmatch("[0-9]{1,11}", reset):
                wait = float(reset) - self._rests.now()
        return seconds_of(headers, wait)


def escaped(text: str, *, safe: str = "") -> str:
    """A text as one segment of a path; with `safe="/"` as several."""
    return quote(text, safe=safe)


def _authorization(token: str) -> str:
    """`user:password` by Basic, as Bitbucket has for app passwords; anything else as a bearer token."""
    if ":" in token:
        return f"Basic {base64.b64encode(token.encode()).decode()}"
    return f"Bearer {token}"


def _is_here(target: Target) -> bool:
    address = parse_host(target.host)
    return target.host == "localhost" or (address is not None and address.is_loopback)
