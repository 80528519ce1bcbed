"""Logins of the person at this machine: tokens for each registry, in the keyring or in a file only they can read."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import orjson
from anyio.to_thread import run_sync
from pydantic import ValidationError

from airegistry.cli.errors import NoAnswer, Refused, Usage
from airegistry.cli.keyrings import Keyring, system_keyring
from airegistry.cli.loopback import listening
from airegistry.cli.output import note
from airegistry.cli.values import Json
from airegistry.core.errors import Invalid, UpstreamFailed
from airegistry.egress.guard import Guard
from airegistry.egress.json_http import JsonHttp
from airegistry.egress.oauth_client import Held, OAuthClient, client_metadata
from airegistry.egress.oauth_device import ByDevice, Shown, device_metadata
from airegistry.egress.oauth_grants import ByPerson, Grant
from airegistry.egress.oauth_tokens import OAuthRefused
from airegistry.settings import config_folder
from airegistry.stores.files import make_folder, open_private, replace, write_all
from airegistry.stores.lock import FolderInUse, FolderLock

ADMIN = "mcp mcp:admin"
"""Scopes that a login asks for with `--admin`."""
_NAME = "logins.json"
_IN_KEYRING: Json = {"in": "keyring"}
_TURN_SECONDS = 60
_RETRY_SECONDS = 0.05


class LoginFile:
    """What is held for one MCP server, among that for others, in a file of mode 0600; with a keyring the file says only
    that it is there."""

    def __init__(self, folder: Path, server: str, keyring: Keyring | None = None) -> None:
        self._folder = folder
        self._keyring = keyring
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
        kept = self._all().get(self._server)
        try:
            if kept != _IN_KEYRING:
                return None if kept is None else Held.model_validate(kept)
            text = None if self._keyring is None else await run_sync(self._keyring.read, self._server)
            return None if text is None else Held.model_validate_json(text)
        except ValidationError:
            return None

    async def save(self, held: Held | None) -> None:
        """Keep it."""
        known = self._all()
        kept = {server: value for server, value in known.items() if server != self._server}
        if held is not None:
            in_keyring = self._keyring is not None and await run_sync(
                self._keyring.write, self._server, held.model_dump_json()
            )
            kept[self._server] = {**_IN_KEYRING} if in_keyring else held.model_dump(mode="json")
        if known.get(self._server) == _IN_KEYRING != kept.get(self._server) and self._keyring is not None:
            await run_sync(self._keyring.forget, self._server)
        make_folder(self._folder)
        fresh = self._path.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        with open_private(fresh, create=True) as file:
            write_all(file, [orjson.dumps(kept, option=orjson.OPT_INDENT_2)])
        replace(fresh, self._path)

    @property
    def place(self) -> str:
        """Where it is kept, in words."""
        if self._keyring is not None and self._all().get(self._server) == _IN_KEYRING:
            return f"the keyring ({self._keyring.name})"
        return f"`{self._path}`"

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


async def log_in(url: str, *, admin: bool, open_pages: bool, device: bool = False) -> tuple[Held, str]:
    """Have the person log in to the registry at `url`, by a browser here or by one elsewhere (`device`), and keep the
    tokens; also where they are kept, in words.

    Raises:
        Refused: the registry, or the person, said no.
        NoAnswer: no registry answers, or nobody logged in.
    """
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(JsonHttp(guard_of(url)))
        grant: Grant
        if device:
            grant = ByDevice(_tell, device_metadata("airegistry command line"))
        else:
            browser = await stack.enter_async_context(listening(open_pages=open_pages))
            grant = ByPerson(browser, client_metadata("airegistry command line"))
        keep = await _login_file(url)
        client = OAuthClient(f"{url}/mcp", grant, http, keep)
        try:
            return await client.login(ADMIN if admin else None), keep.place
        except OAuthRefused as error:
            raise Refused(error.error, error.message) from None
        except (UpstreamFailed, Invalid) as error:
            raise _nobody(url, error.message) from None


async def log_out(url: str) -> bool:
    """Revoke and forget the login at the registry at `url`; whether there was one.

    Raises:
        NoAnswer: it is forgotten, but the registry could not be told.
    """
    async with JsonHttp(guard_of(url)) as http:
        try:
            return await (await _kept(url, http)).logout()
        except (UpstreamFailed, Invalid) as error:
            raise _nobody(url, f"the login is forgotten here, but not revoked: {error.message}") from None


async def saved_token(url: str) -> str | None:
    """The bearer token of the login at the registry at `url`, refreshed if need be; None without a login that holds.

    Raises:
        NoAnswer: it would have to be refreshed, and no registry answers.
    """
    if not LoginFile(config_folder(), url).exists:
        return None
    async with JsonHttp(guard_of(url)) as http:
        try:
            sent = await (await _kept(url, http)).headers("POST", f"{url}/mcp")
        except (UpstreamFailed, Invalid) as error:
            raise _nobody(url, error.message) from None
    scheme, _, token = sent.get("authorization", "").partition(" ")
    return token if scheme == "Bearer" else None


class _NoBrowser:
    """Tokens are refreshed and revoked without a person."""

    redirect_uri = ""

    async def visit(self, url: str) -> Mapping[str, str]:
        raise NoAnswer("unauthenticated", "nobody is asked to log in now", "run `airegistry login`")


async def _kept(url: str, http: JsonHttp) -> OAuthClient:
    return OAuthClient(f"{url}/mcp", ByPerson(_NoBrowser(), {}), http, await _login_file(url))


async def _login_file(url: str) -> LoginFile:
    # A keyring may ask the session for it, which blocks.
    return LoginFile(config_folder(), f"{url}/mcp", await run_sync(system_keyring))


def _tell(shown: Shown) -> None:
    note(f"open this page in any browser, on any machine:\n\n  {shown.url}\n\nand enter the code:  {shown.code}\n")
    if shown.complete is not None:
        note(f"(or open {shown.complete})\n")
    note("waiting for you to allow it there ...")


def guard_of(url: str) -> Guard:
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
