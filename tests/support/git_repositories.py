"""Git repositories in memory, and what fake Git hosts have in common: requests are kept, faults can be put in."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote

import orjson
from pydantic import JsonValue
from starlette.types import Receive, Scope, Send

Json = dict[str, JsonValue]
FILE, PROGRAM, LINK, MODULE = "100644", "100755", "120000", "160000"
DAY = "2026-11-01T08:00:00Z"


@dataclass(frozen=True)
class Blob:
    """A file as Git keeps it."""

    body: bytes
    mode: str = FILE

    @property
    def id(self) -> str:
        return hashlib.sha1(b"blob %d\0" % len(self.body) + self.body).hexdigest()  # as Git names it


Files = Mapping[str, Blob | str | bytes]


@dataclass
class Repo:
    """A repository: branches and tags point at commits, which are whole sets of files by path."""

    name: str
    default: str = "main"
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    commits: dict[str, dict[str, Blob]] = field(default_factory=dict)
    about: Json = field(default_factory=dict)
    """What the host says of it, in the host's own words."""

    def commit(self, files: Files, branch: str = "main") -> str:
        """Put these files on a branch, in place of all that were there; the commit's id."""
        blobs = {
            path: each if isinstance(each, Blob) else Blob(each.encode() if isinstance(each, str) else each)
            for path, each in files.items()
        }
        text = f"{len(self.commits)}{sorted((path, blob.id, blob.mode) for path, blob in blobs.items())}"
        made = hashlib.sha1(text.encode()).hexdigest()  # as Git names it
        self.commits[made] = blobs
        self.branches[branch] = made
        return made

    def find(self, ref: str | None) -> str | None:
        """The commit that a reference is, in any of the ways Git takes."""
        name = self.default if ref in {None, "", "HEAD"} else str(ref)
        for prefix, known in (("refs/heads/", self.branches), ("refs/tags/", self.tags), ("heads/", self.branches),
                              ("tags/", self.tags), ("", self.branches), ("", self.tags)):  # fmt: skip
            if name.startswith(prefix) and name.removeprefix(prefix) in known:
                return known[name.removeprefix(prefix)]
        return name if name in self.commits else None

    def blob(self, id: str) -> Blob | None:
        """A file by its id, of whatever commit."""
        return next((blob for files in self.commits.values() for blob in files.values() if blob.id == id), None)


@dataclass(frozen=True)
class Asked:
    """A request: the segments of its path, decoded, its parameters and headers."""

    path: str
    parts: tuple[str, ...]
    query: Mapping[str, str]
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Reply:
    """An answer. With `endless` its body is repeated to a gigabyte."""

    status: int
    body: JsonValue | bytes = None
    headers: Mapping[str, str] = field(default_factory=dict)
    endless: bool = False


NOT_FOUND = Reply(404, {"message": "Not Found"})
Fault = Callable[[Asked], Reply | None]
CHUNK = b"x" * 65_536


class FakeHost:
    """An ASGI application that answers as a Git host's API does. With a `token` it lets in who shows that alone."""

    base = ""
    """The path its API lies below."""
    kind = ""
    """What settings call such a host."""

    def __init__(self) -> None:
        self.repos: dict[str, Repo] = {}
        self.asked: list[Asked] = []
        self.fault: Fault = lambda asked: None
        self.authorization: str | None = None

    def repo(self, name: str = "acme/tools") -> Repo:
        """A repository, made when it is first asked for."""
        return self.repos.setdefault(name, Repo(name))

    def url(self, web: str, path: str, ref: str = "main") -> str:
        """The URL by which a person reads a path."""
        raise AssertionError

    def answer(self, asked: Asked, rest: list[str]) -> Reply:
        """What is answered below the API's base."""
        raise AssertionError

    @property
    def paths(self) -> list[str]:
        """The paths that were asked for, in order."""
        return [each.path for each in self.asked]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        raw = scope["raw_path"].decode()
        query = {name: values[0] for name, values in parse_qs(scope["query_string"].decode()).items()}
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        parts = tuple(unquote(part) for part in raw.split("/")[1:])
        asked = Asked(raw, parts, query, headers)
        self.asked.append(asked)
        reply = self.fault(asked) or self._known(asked)
        body = reply.body if isinstance(reply.body, bytes) else orjson.dumps(reply.body)
        kind = "application/octet-stream" if isinstance(reply.body, bytes) else "application/json"
        lines = [(b"content-type", kind.encode()), *((k.encode(), v.encode()) for k, v in reply.headers.items())]
        await send({"type": "http.response.start", "status": reply.status, "headers": lines})
        if reply.endless:
            for _ in range(2**30 // len(CHUNK)):
                await send({"type": "http.response.body", "body": CHUNK, "more_body": True})
        await send({"type": "http.response.body", "body": body})

    def _known(self, asked: Asked) -> Reply:
        if self.authorization is not None and asked.headers.get("authorization") != self.authorization:
            return NOT_FOUND  # as all of these hosts answer for what one may not know of
        base = self.base.strip("/").split("/")
        if list(asked.parts[: len(base)]) != base:
            return NOT_FOUND
        return self.answer(asked, list(asked.parts[len(base) :]))
