"""AWS APIs: botocore writes, signs and reads the messages, and the guarded client carries every one of them.

botocore asks before it sends (`before-send`), and takes an answer given there for one from the network: it opens no
connection of its own. It runs in a worker thread, from which the message comes back to the loop.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from threading import Lock

import anyio
import httpx2
from anyio import from_thread, to_thread
from botocore.awsrequest import (  # type: ignore[import-untyped]  # botocore has no types
    AWSPreparedRequest,
    AWSResponse,
)
from botocore.config import Config  # type: ignore[import-untyped]
from botocore.exceptions import (  # type: ignore[import-untyped]
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    InvalidConfigError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
)
from botocore.session import Session  # type: ignore[import-untyped]
from pydantic import JsonValue

from airegistry.core.assets import Json
from airegistry.core.errors import AirError, CredentialRefused, Invalid, RateLimited, UpstreamFailed
from airegistry.egress.aws_credentials import restrict
from airegistry.egress.guard import Guard, parse_url
from airegistry.egress.http import explain, guarded_http, read_limited
from airegistry.egress.messages import printable
from airegistry.egress.retry_after import seconds_of

LIMIT = 8_388_608
"""Bytes of an answer: a page of a hundred records, or a record with all of its content, has a tenth of it at most."""
TRIES = 4
LONGEST_PAUSE = 20.0
"""Seconds that are waited inside a call for AWS to take it; beyond that whoever asked waits."""
ROLE_SECONDS = 3600
_ONCE = {"total_max_attempts": 1, "mode": "standard"}
_MODE = "standard"
"""Named, since `auto`, which the environment may ask for, lets botocore ask a metadata service where it is."""
_THROTTLED = frozenset(
    "Throttling ThrottlingException ThrottledException RequestThrottled RequestThrottledException "
    "TooManyRequestsException RequestLimitExceeded SlowDown LimitExceededException".split()
)
_REFUSED = frozenset(
    "AccessDenied AccessDeniedException UnrecognizedClientException InvalidClientTokenId ExpiredToken "
    "ExpiredTokenException InvalidSignatureException SignatureDoesNotMatch MissingAuthenticationToken "
    "MissingAuthenticationTokenException IncompleteSignature OptInRequired NotAuthorized RequestExpired".split()
)
_WRONG = frozenset({"ValidationException", "ValidationError", "InvalidParameterValue", "RegionDisabledException"})
_WITHOUT = (
    CredentialRetrievalError, InvalidConfigError, NoCredentialsError, PartialCredentialsError, ProfileNotFound,
)  # fmt: skip
_QUIET = frozenset({"SignatureDoesNotMatch", "InvalidSignatureException", "IncompleteSignature"})
"""Errors that repeat what was signed, the session token with it."""


class AwsMissing(UpstreamFailed):
    """AWS knows no such thing (HTTP 404)."""


@dataclass(frozen=True, slots=True)
class AwsKeys:
    """A key pair, and the session token of one that is lent for a while."""

    access_key: str
    secret_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class AwsPlace:
    """Where and as whom: without `keys` with those of the environment; `endpoint` in place of the service's own URL."""

    region: str
    keys: AwsKeys | None = None
    endpoint: str | None = None


class Aws:
    """Calls of AWS APIs, each within `timeout` seconds. An async context manager: one client, to be closed.

    `machine` lets botocore ask the link-local services of its machine for credentials. `pause` waits that many seconds.
    """

    def __init__(
        self,
        guard: Guard,
        *,
        machine: bool = False,
        timeout: float = 30.0,
        pause: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        self._machine = machine
        self._timeout = timeout
        self._pause = pause
        self._http = guarded_http(guard, timeout=timeout)
        self._session: Session | None = None
        self._made: dict[tuple[str, AwsPlace], object] = {}
        self._lock = Lock()

    async def __aenter__(self) -> "Aws":
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._http.aclose()

    async def call(self, service: str, operation: str, place: AwsPlace, **parameters: JsonValue) -> Json:
        """What an operation answers, by botocore's names, as in `call("sts", "get_caller_identity", place)`.

        A call that AWS throttles is made again after a while, a few times.

        Raises:
            CredentialRefused: there are no credentials, or AWS does not take them, or not for this.
            RateLimited: AWS goes on throttling.
            AwsMissing: there is no such thing.
            Invalid: a parameter does not fit, or the endpoint is none that may be connected to.
            UpstreamFailed: AWS does not answer, or not as its description says.
        """
        for attempt in range(1, TRIES + 1):
            try:
                return await to_thread.run_sync(partial(self._call, service, operation, place, parameters))
            except RateLimited as error:
                wait = max(error.retry_after, 2.0**attempt / 2)
                if attempt == TRIES or wait > LONGEST_PAUSE:
                    raise
                await self._pause(wait)
        raise AssertionError("the last attempt returns or raises")

    async def assume(self, role_arn: str, external_id: str | None, place: AwsPlace, *, session: str) -> AwsKeys:
        """The keys of a role, lent for an hour. `place.endpoint` is that of STS.

        Raises:
            CredentialRefused, RateLimited, Invalid, UpstreamFailed: see `call`.
        """
        extra: Json = {} if external_id is None else {"ExternalId": external_id}
        answer = await self.call(
            "sts",
            "assume_role",
            place,
            RoleArn=role_arn,
            RoleSessionName=session,
            DurationSeconds=ROLE_SECONDS,
            **extra,
        )
        keys = answer.get("Credentials")
        texts = [keys.get(name) for name in _KEYS] if isinstance(keys, dict) else []
        known = [text for text in texts if isinstance(text, str) and text]
        if len(known) < len(_KEYS):
            raise UpstreamFailed("AWS STS assumed the role and gave no credentials of it")
        return AwsKeys(*known)

    def _call(self, service: str, operation: str, place: AwsPlace, parameters: Mapping[str, JsonValue]) -> Json:
        """In a worker thread."""
        what = f"AWS {service} in {place.region}"
        try:
            client = self._client(service, place)
            answer = getattr(client, operation)(**parameters)
            return _checked(client, operation, answer, what)
        except AirError:
            raise
        except ClientError as error:
            raise _refusal(error, f"{what}, {operation}") from None
        except _WITHOUT as error:
            raise CredentialRefused(
                f"no AWS credentials: {printable(str(error))}; they come from the source's secrets, the environment or "
                "shared files"
            ) from None
        except ParamValidationError as error:
            raise Invalid(f"{what}, {operation}: {printable(str(error))}") from None
        except (BotoCoreError, ValueError, TypeError, KeyError, AttributeError, RuntimeError) as error:
            raise UpstreamFailed(f"{what}, {operation}: no answer that can be read ({type(error).__name__})") from None

    def _client(self, service: str, place: AwsPlace) -> object:
        """A client of botocore: they may be used by several threads, and made by one at a time."""
        with self._lock:
            key = service, place
            if key not in self._made:
                self._made[key] = self._new(service, place)
            return self._made[key]

    def _new(self, service: str, place: AwsPlace) -> object:
        if self._session is None:
            self._session = Session()
            self._session.register("before-send", self._sent)
            restrict(self._session, place.region, machine=self._machine)
        keys = place.keys
        client: object = self._session.create_client(
            service,
            region_name=place.region,
            endpoint_url=place.endpoint,
            config=Config(
                retries=_ONCE, defaults_mode=_MODE, user_agent_extra="airegistry", ignore_configured_endpoint_urls=True
            ),
            aws_access_key_id=keys and keys.access_key,
            aws_secret_access_key=keys and keys.secret_key,
            aws_session_token=keys and keys.session_token,
        )
        return client

    def _sent(self, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        """Botocore's question before it sends, answered by the guarded client."""
        headers = {name: _text(value) for name, value in request.headers.items()}
        body = request.body
        content = body.encode() if isinstance(body, str) else bytes(body or b"")
        status, answered, read = from_thread.run(self._send, request.method, request.url, headers, content)
        return AWSResponse(request.url, status, answered, _Body(read))

    async def _send(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers with names in lower case, and body of the answer; redirects are answers."""
        target = parse_url(url)
        known = {**headers, "accept-encoding": "gzip"}
        try:
            with anyio.fail_after(self._timeout):
                async with self._http.stream(method, url, headers=known, content=content or None) as answer:
                    body = await read_limited(answer, LIMIT, target)
        except TimeoutError:
            raise UpstreamFailed(f"{target} did not answer within {self._timeout:g} s") from None
        except httpx2.HTTPError as error:
            raise explain(error, target) from error
        if 300 <= answer.status_code < 400:
            raise UpstreamFailed(f"{target} answered HTTP {answer.status_code}, a redirect: AWS does not send any")
        said = {name.lower(): value for name, value in answer.headers.items()}
        return answer.status_code, {name: value for name, value in said.items() if name != "content-encoding"}, body


_KEYS = ("AccessKeyId", "SecretAccessKey", "SessionToken")


class _Body:
    """A body as botocore reads one."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, **_: object) -> Iterator[bytes]:
        yield self._body

    def read(self, *_: object) -> bytes:
        return self._body


def _checked(client: object, operation: str, answer: Mapping[str, object], what: str) -> Json:
    """An answer as JSON. botocore takes a body that breaks off for an empty one: what must be there tells.

    Raises:
        UpstreamFailed: a member is missing that the service's description requires.
    """
    meta = client.meta  # type: ignore[attr-defined]  # every client of botocore has it
    shape = meta.service_model.operation_model(meta.method_to_api_mapping[operation]).output_shape
    for member in shape.required_members:
        if member not in answer:
            raise UpstreamFailed(f"{what}, {operation}: the answer has no {member}")
    return {name: _plain(value) for name, value in answer.items() if name != "ResponseMetadata"}


def _plain(value: object) -> JsonValue:
    """What botocore makes of an answer, times as text."""
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, str | int | float | bool) else None


def _refusal(error: ClientError, what: str) -> AirError:
    """What an error of AWS is here."""
    about, response = error.response.get("Error") or {}, error.response.get("ResponseMetadata") or {}
    code, status = str(about.get("Code", "")), response.get("HTTPStatusCode")
    said = "" if code in _QUIET else f": {printable(str(about.get('Message', '')))}"
    told = f"{what}: {printable(code)} (HTTP {status}){said}"
    if code in _THROTTLED or status == 429:
        return RateLimited(told, retry_after=seconds_of(response.get("HTTPHeaders") or {}, 0.0))
    if code in _REFUSED or status in {401, 403}:
        return CredentialRefused(told)
    if code == "ResourceNotFoundException" or status == 404:
        return AwsMissing(told)
    if code in _WRONG:
        return Invalid(told, field="options")
    return UpstreamFailed(told)


def _text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
