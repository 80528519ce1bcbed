"""Logins of the person at this machine: one file that only they can read, with the tokens for each registry."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import orjson
from pydantic import ValidationError

from airegistry.cli.errors import NoAnswer, Refused, Usage
from airegistry.cli.loopback import listening
from airegistry.cli.values import Json
from airegistry.core.errors import Invalid, UpstreamFailed
from airegistry.egress.guard import Guard
from airegistry.egress.json_http import JsonHttp
from airegistry.egress.oauth_client import Held, OAuthClient, client_metadata
from airegistry.egress.oauth_grants import ByPerson
from airegistry.egress.oauth_tokens import OAuthRefused
from airegistry.stores.files import make_folder, open_private, replace, write_all
from airegistry.stores.lock import FolderInUse, FolderLock

ADMIN = "mcp mcp:admin"
"""Scopes that a login asks for with `--admin`."""
_NAME = "logins.json"
_TURN_SECONDS = 60
_RETRY_SECONDS = 0.05


def default_folder() -> Path:
    """Where the logins of this person are: `~/.config/airegistry`."""
    return Path.home() / ".config" / "airegistry"


class LoginFile:
    """What is held for one MCP server, among that for others, in a file of mode 0600."""

    def __init__(self, folder: Path, server: str) -> None:
        self._folder = folder
        self._path = folder / _NAME
        self._server = server

    @property
    def exists(self) -> bool:
        """Whether anything was ever kept."""
        return self._path.exists()

    @asynccontextmanager
    async def exclusive(self) -> AsyncIterator[None]:
        """Commands that run at the same time take turns: they would use one refresh token twice."""
        lock = FolderLock(self._folder)
        with anyio.move_on_after(_TURN_SECONDS) as turn:
            while not _taken(lock):  # noqa: ASYNC110  # another process gives it back: there is no event to wait for
                await anyio.sleep(_RETRY_SECONDS)
        if turn.cancelled_caught:
            raise Usage(f"another command has held the logins in `{self._folder}` for {_TURN_SECONDS} s")
        try:
            yield
        finally:
            lock.release()

    async def load(self) -> Held | None:
        """What is kept for the server; what cannot be read counts as nothing."""
        try:
            return Held.model_validate(self._all()[self._server])
        except (KeyError, ValidationError):
            return None

    async def save(self, held: Held | None) -> None:
        """Keep it."""
        kept = {server: value for server, value in self._all().items() if server != self._server}
        if held is not None:
            kept[self._server] = held.model_dump(mode="json")
        make_folder(self._folder)
        fresh = self._path.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        with open_private(fresh, create=True) as file:
            write_all(file, [orjson.dumps(kept, option=orjson.OPT_INDENT_2)])
        replace(fresh, self._path)

    def _all(self) -> Json:
        try:
            value = orjson.loads(self._path.read_bytes())
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise Usage(f"cannot read the logins in `{self._path}`: {error.strerror}") from None
        except orjson.JSONDecodeError:
            return {}
        return value if isinstance(value, dict) else {}


async def log_in(url: str, *, admin: bool, open_pages: bool) -> Held:
    """Have the person log in to the registry at `url`, and keep the tokens.

    Raises:
        Refused: the registry, or the person, said no.
        NoAnswer: no registry answers, or nobody logged in.
    """
    async with listening(open_pages=open_pages) as browser, JsonHttp(_guard(url)) as http:
        grant = ByPerson(browser, client_metadata("airegistry command line"))
        client = OAuthClient(f"{url}/mcp", grant, http, LoginFile(default_folder(), f"{url}/mcp"))
        try:
            return await client.login(ADMIN if admin else None)
        except OAuthRefused as error:
            raise Refused(error.error, error.message) from None
        except (UpstreamFailed, Invalid) as error:
            raise _nobody(url, error.message) from None


async def log_out(url: str) -> bool:
    """Revoke and forget the login at the registry at `url`; whether there was one.

    Raises:
        NoAnswer: it is forgotten, but the registry could not be told.
    """
    async with JsonHttp(_guard(url)) as http:
        try:
            return await _kept(url, http).logout()
        except (UpstreamFailed, Invalid) as error:
            raise _nobody(url, f"the login is forgotten here, but not revoked: {error.message}") from None


async def saved_token(url: str) -> str | None:
    """The bearer token of the login at the registry at `url`, refreshed if need be; None without a login that holds.

    Raises:
        NoAnswer: it would have to be refreshed, and no registry answers.
    """
    if not LoginFile(default_folder(), url).exists:
        return None
    async with JsonHttp(_guard(url)) as http:
        try:
            sent = await _kept(url, http).headers("POST", f"{url}/mcp")
        except (UpstreamFailed, Invalid) as error:
            raise _nobody(url, error.message) from None
    scheme, _, token = sent.get("authorization", "").partition(" ")
    return token if scheme == "Bearer" else None


class _NoBrowser:
    """Tokens are refreshed and revoked without a person."""

    redirect_uri = ""

    async def visit(self, url: str) -> Mapping[str, str]:
        raise NoAnswer("unauthenticated", "nobody is asked to log in now", "run `airegistry login`")


def _kept(url: str, http: JsonHttp) -> OAuthClient:
    return OAuthClient(f"{url}/mcp", ByPerson(_NoBrowser(), {}), http, LoginFile(default_folder(), f"{url}/mcp"))


def _guard(url: str) -> Guard:
    """Private addresses are refused, that of the registry which the person named aside."""
    host = urlsplit(url).hostname or ""
    try:
        return Guard(allow=[f"[{host}]" if ":" in host else host], loopback=True)
    except Invalid:
        raise Usage(f"`{url}` is not the URL of a registry: write its host in ASCII") from None


def _taken(lock: FolderLock) -> bool:
    try:
        lock.acquire()
    except FolderInUse:
        return False
    return True


def _nobody(url: str, why: str) -> NoAnswer:
    return NoAnswer(
        "unreachable", f"no login at `{url}`: {why}", "name another registry with `--url` or AIREGISTRY_URL"
    )
