"""What the core asks of the outside: small protocols that drivers obey and `app.py` fills."""

from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from airegistry.core.assets import Agent, Entity, Json, Prompt, Resource, Server, Skill, Tool, VirtualServer
from airegistry.core.findings import Finding

AnyAsset = Server | Agent | Skill | VirtualServer | Entity
Vectors = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


class Clock(Protocol):
    """Time: aware UTC for records, monotonic seconds for intervals."""

    def now(self) -> datetime:
        """The present, aware, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds on a clock that never goes back."""
        ...


class Embedder(Protocol):
    """Turns texts into unit vectors. Calls block: the caller gives them a thread."""

    @property
    def fingerprint(self) -> str:
        """Names the model and its preparation; vectors of different fingerprints do not compare."""
        ...

    @property
    def dimensions(self) -> int:
        """Length of a vector."""
        ...

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One unit vector per text: float32, shape (len(texts), dimensions). Thread-safe."""
        ...

    def embed_query(self, text: str) -> Vectors:
        """The unit vector of a query, shape (dimensions,). Thread-safe, cached."""
        ...


@dataclass(frozen=True, slots=True)
class IndexDocument:
    """What the index knows of one searchable thing.

    `id` is `kind/path` or, for a tool, `tool/server-path/tool-name`. `fields` maps a BM25F field (name,
    title, description, tags, server, tools, parameters, schema, body) to its text; `vectors` holds the
    head vector first, then part vectors, shape (n, dimensions), n may be 0. `facets` are what filters read.
    `content` is a digest of 16 bytes, equal for documents of the same texts by the same embedder; where it is empty,
    the index works out one of its own.
    """

    id: str
    kind: str
    fields: Mapping[str, str]
    vectors: Vectors
    facets: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    content: bytes = b""


@dataclass(frozen=True, slots=True)
class Match:
    """One document that matched: `score` in [0, 1] ranks; `lexical` and `dense` are its two legs.

    `words` are (field, word) pairs that matched, at most 8, and only where an explanation was asked for. `part` is the
    number of the part vector nearest to the query, from 0; None when no part is nearer than the head. `head` is the
    head's own cosine, None where there is none.
    """

    id: str
    score: float
    lexical: float
    dense: float
    words: tuple[tuple[str, str], ...] = ()
    part: int | None = None
    head: float | None = None


class VectorCache(Protocol):
    """Vectors of texts, of one embedder, kept across starts. Synchronous and thread-safe."""

    @property
    def fingerprint(self) -> str:
        """Of the embedder that made them."""
        ...

    def get(self, texts: Sequence[str]) -> dict[str, Vectors]:
        """The vectors of those of the texts that are known, each of shape (dimensions,)."""
        ...

    def put(self, vectors: Mapping[str, Vectors]) -> None:
        """Keep the vectors of texts."""
        ...


class SearchIndex(Protocol):
    """Hybrid index. Synchronous and thread-safe; an update is seen by the next search."""

    def put(self, document: IndexDocument) -> None:
        """Add or replace one document. One whose content is known needs no vectors."""
        ...

    def knows(self, document_id: str, content: bytes) -> bool:
        """Whether a document of this content was put, be it before the start."""
        ...

    def remove(self, document_id: str) -> None:
        """Remove one document; nothing happens when there is none."""
        ...

    def label(self, document_id: str, facets: Mapping[str, str | Sequence[str]]) -> None:
        """Replace the facets of one document and nothing else; nothing happens when there is none.

        For what changes often and decides nothing about access, as health does: it is not asked again who may see it.
        """
        ...

    def search(
        self,
        query: str,
        vector: Vectors | None,
        *,
        allowed: Callable[[Sequence[str]], Mask] | None = None,
        mask_key: Hashable | None = None,
        kinds: frozenset[str] | None = None,
        facets: Mapping[str, Sequence[str]] | None = None,
        limit: int = 10,
        explain: bool = False,
    ) -> tuple[list[Match], int]:
        """The best matches and how many visible documents matched at all.

        `allowed` turns document ids into a mask and is asked before any score is normalised or cut, so what
        the caller may not see changes nothing in the answer. Equal `mask_key`s promise equal answers of `allowed`
        about documents that were not put since: it may be asked about the others only. A document passes `facets` when
        for each name one of its values is among those given. `vector` None means lexical only; of several rows
        the first is of the query and the others are of its parts.
        """
        ...

    def __len__(self) -> int: ...


class Names(Protocol):
    """The names of the catalog and those that are well known. Synchronous and thread-safe."""

    def owners(self, tool: str) -> Sequence[str]:
        """Refs (`kind/path`) of the assets that offer a tool of exactly this name."""

    def trusts(self, owner: str) -> bool:
        """Whether a person has put an asset, by its ref, into production."""

    def lookalikes(self, name: str, *, of: Literal["server", "tool"]) -> Sequence["Lookalike"]:
        """Names that a person or a model takes for this one, itself left out; the nearest first."""


@dataclass(frozen=True, slots=True)
class Lookalike:
    """A name that looks like another one. `same_look`: letter by letter the same to the eye; else `distance` edits."""

    name: str
    owner: str
    same_look: bool
    distance: int
    trusted: bool


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a scanner may compare an asset with.

    `approved` is the asset as it is served now, None for a new one. `parts` are the servers behind a virtual one.
    """

    names: Names
    approved: AnyAsset | None = None
    parts: Sequence[Server] = ()


class Scanner(Protocol):
    """Reads an asset for danger. Blocks: the caller gives it a thread."""

    @property
    def name(self) -> str:
        """Name and version, kept in reports."""
        ...

    def scan(self, asset: AnyAsset, around: Surroundings) -> Sequence[Finding]:
        """What was found. An exception is no pass: admission refuses."""
        ...


class OutsideScanner(Protocol):
    """Asks something else about an asset: a model, another process. What it says is no proof."""

    @property
    def name(self) -> str:
        """Name and version, kept in reports."""
        ...

    async def scan(self, asset: AnyAsset, around: Surroundings) -> Sequence[Finding]:
        """What was found, nothing of it structural.

        Raises:
            ScanFailed: it gave no answer, or not on all of the asset; that is no pass.
        """
        ...


@dataclass(frozen=True, slots=True)
class Description:
    """What a live MCP server says of itself."""

    tools: Sequence[Tool]
    resources: Sequence[Resource]
    resource_templates: Sequence[Resource]
    prompts: Sequence[Prompt]
    instructions: str | None
    server_info: Json
    protocol_version: str


class Backends(Protocol):
    """Speaks MCP and A2A to registered backends, through the guarded client."""

    async def describe(self, server: Server, headers: Mapping[str, str] = {}) -> Description:
        """Tools, resources and prompts of a live server. `headers` carry its own credential, to its origin alone.

        Raises:
            UpstreamFailed: it cannot be reached, does not answer, or answers nonsense; CredentialRefused for 401.
        """
        ...

    async def ping(self, server: Server, headers: Mapping[str, str] = {}) -> None:
        """Returns when the server answers its protocol.

        Raises:
            UpstreamFailed: it does not; CredentialRefused for 401.
        """
        ...

    async def list_tools(self, server: Server, headers: Mapping[str, str] = {}) -> Sequence[Tool]:
        """The tools that a live server lists now, as `describe` has them.

        Raises:
            UpstreamFailed: as `describe`.
        """
        ...

    async def reach(self, url: str) -> None:
        """Returns when something answers HTTP at a URL, whatever it says but that it is broken (5xx).

        Raises:
            Invalid: the URL is none that may be fetched.
            UpstreamFailed: nothing answers.
        """
        ...

    async def fetch_text(self, url: str, *, limit: int) -> str:
        """A small text document (agent card, SKILL.md) by URL, at most `limit` bytes.

        Raises:
            Invalid: the URL is none that may be fetched.
            UpstreamFailed: it cannot be had.
        """
        ...

    def check_url(self, url: str) -> None:
        """Whether a URL may be registered: scheme, form, and literal addresses.

        Raises:
            Invalid: it may not.
        """
        ...


@dataclass(frozen=True, slots=True)
class UpstreamResult:
    """The answer to one JSON-RPC request: `result` or `error`, as the backend gave it."""

    result: Json | None
    error: Json | None


Renew = Callable[[], Awaitable[Mapping[str, str] | None]]
"""Gets other headers after a backend refused the credential in the first; None when there are none."""


@dataclass(frozen=True, slots=True)
class Audience:
    """What the one who waits for an answer can do meanwhile.

    `on_progress` takes the params of a progress notification. `on_question` takes method and params of what the backend
    asks, and gives `{"result": …}` or `{"error": …}`; `capabilities` tell the backend what it may ask. With
    `takes_input_required` an answer `input_required` is the caller's to act on.
    """

    on_progress: Callable[[Json], Awaitable[None]] | None = None
    on_question: Callable[[str, Json], Awaitable[Json]] | None = None
    capabilities: Json = field(default_factory=dict)
    takes_input_required: bool = False


NOBODY = Audience()
"""Waits for the answer alone."""


class Upstream(Protocol):
    """One JSON-RPC request to a backend over the gateway's own pool, whatever its era."""

    async def request(
        self,
        server: Server,
        headers: Mapping[str, str],
        method: str,
        params: Json,
        *,
        timeout: float,
        owner: str | None = None,
        audience: Audience = NOBODY,
        renew: Renew | None = None,
    ) -> UpstreamResult:
        """The answer. A backend's session is shared between requests of one `owner` only.

        Raises:
            UpstreamFailed: there was none.
            Unsupported: the backend asks for input that the audience does not give.
        """
        ...


class Cipher(Protocol):
    """Authenticated encryption of secrets at rest."""

    def encrypt(self, text: str) -> str:
        """A printable form that only this registry's key opens."""
        ...

    def decrypt(self, sealed: str) -> str:
        """The text.

        Raises:
            Internal: it was sealed under a key that is not at hand, or altered.
        """
        ...


class PasswordHasher(Protocol):
    """Slow, salted hashes of passwords. Blocks: the caller gives it a thread."""

    def hash(self, password: str) -> str:
        """What is kept of a password; a different string each time."""
        ...

    def verify(self, kept: str | None, password: str) -> bool:
        """Whether it is that password; with None it takes as long, and is not."""
        ...

    def outdated(self, kept: str) -> bool:
        """Whether it was hashed under weaker parameters than those in force."""
        ...


class SecondFactors(Protocol):
    """Codes that prove a device: time-based ones (RFC 6238), and recovery codes for when it is lost."""

    def secret(self) -> str:
        """A new secret in base32, as authenticator apps take it."""
        ...

    def step(self, secret: str, code: str, at: datetime) -> int | None:
        """The time step whose code this is, of those that count at a moment; None when it is none of them."""
        ...

    def recovery_codes(self) -> list[str]:
        """New recovery codes."""
        ...

    def recovery_hash(self, code: str) -> str:
        """What is kept of a recovery code, however it was typed."""
        ...
