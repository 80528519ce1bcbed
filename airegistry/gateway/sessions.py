"""Whose session is whose: an id that a backend gave out is good for the caller who got it, on that server, here.

A session id is not a credential. Backends see the gateway's identity and cannot tell callers apart, so the gateway
does. Ids live in this process only; after a restart clients meet 404 and initialize anew, as the protocol has it.
"""

import asyncio
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

SESSION_ID = re.compile(r"[\x21-\x7e]{1,1024}")
MAX_OPENING = 64 * 1024
"""The longest `initialize` request that is kept to repeat it, in bytes."""

MAX_SETTINGS = 100
"""How much of what a client set up in its session is set up again: its log level, and resources it subscribed to.

Together they are no longer than an opening may be.
"""

MAX_EVENT_ID = 256
"""The longest event id that a stream can be resumed after, in bytes."""

MAX_EVENTS = 500
"""How many events of a session can be resumed after: those sent last."""


@dataclass(slots=True, eq=False)
class Session:
    """A session as its client knows it, by `id`, and what it is at the backend, by `backend`.

    The two differ after the backend has restarted: the session was opened anew by `opening`, and what `settings`
    hold was sent again. `version` is the server's version that it was opened at: it stays there. `url` is where it is:
    no other address learns its id.
    """

    id: str
    backend: str
    version: str
    opening: bytes | None = None
    protocol: str | None = None
    used: float = 0.0
    settings: OrderedDict[str, bytes] = field(default_factory=OrderedDict)
    renewing: asyncio.Lock = field(default_factory=asyncio.Lock)
    url: str | None = None
    events: OrderedDict[bytes, None] = field(default_factory=OrderedDict)

    def heard(self, event: bytes) -> None:
        """Keep the id of an event that was sent in this session: its client may resume after it."""
        if 0 < len(event) <= MAX_EVENT_ID:
            self.events[event] = None
            if len(self.events) > MAX_EVENTS:
                self.events.popitem(last=False)

    def remember(self, key: str, body: bytes) -> None:
        """Keep a request that set something up; the one before it of that key is forgotten."""
        self.settings[key] = body
        self.settings.move_to_end(key)
        while len(self.settings) > MAX_SETTINGS or sum(map(len, self.settings.values())) > MAX_OPENING:
            self.settings.popitem(last=False)


class EventIds:
    """Reads the event ids in one passing event stream into its session: only those may be resumed after in it."""

    __slots__ = ("_line", "_session")

    def __init__(self, session: Session) -> None:
        self._session = session
        self._line = b""

    def feed(self, chunk: bytes) -> None:
        """Look at the next bytes of the stream."""
        if self._line == b"?" and b"\n" not in chunk and b"\r" not in chunk:
            return  # a further part of a long line
        lines = (self._line + chunk).splitlines(keepends=True)
        rest = lines.pop() if lines and not lines[-1].endswith((b"\n", b"\r")) else b""
        for line in lines:
            if line.startswith(b"id:"):
                self._session.heard(line[3:].strip())
        maybe = len(rest) <= MAX_EVENT_ID and (rest.startswith(b"id:") or b"id:".startswith(rest))
        self._line = rest if maybe else b"?"  # of a line that has begun, and is none


class Sessions:
    """Bound session ids, least recently used first out: at most `per_subject` each and `limit` together."""

    def __init__(
        self,
        *,
        limit: int = 20_000,
        per_subject: int = 500,
        idle: float = 24 * 3600.0,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._limit = limit
        self._per_subject = per_subject
        self._idle = idle
        self._clock = clock
        self._held: dict[str, OrderedDict[tuple[str, str], Session]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def bind(self, subject: str, target: str, session: Session) -> Session:
        """Make a session usable by `subject` on `target`; a flood of sessions costs its author first.

        It gets another id when the caller has one of this id that was opened before the backend restarted.
        """
        held = self._held.setdefault(subject, OrderedDict())
        key = target, session.id
        if (before := held.get(key)) is not None and before.backend != session.backend:
            session.id = secrets.token_urlsafe(24)
            key = target, session.id
        if key not in held:
            self._count += 1
        session.used = self._clock()
        held[key] = session
        held.move_to_end(key)
        if len(held) > self._per_subject:
            self._drop_oldest(subject)
        if self._count > self._limit:
            self._drop_oldest(max(self._held, key=lambda who: len(self._held[who])))
        return session

    def find(self, subject: str, target: str, session_id: str) -> Session | None:
        """The session that `subject` got by this id on `target`, if it was used lately; using it counts."""
        held = self._held.get(subject)
        session = held.get((target, session_id)) if held else None
        if held is None or session is None:
            return None
        now = self._clock()
        if now - session.used > self._idle:
            self.unbind(subject, target, session_id)
            return None
        session.used = now
        held.move_to_end((target, session_id))
        return session

    def unbind(self, subject: str, target: str, session_id: str) -> None:
        """Forget one id; nothing happens when there is none."""
        held = self._held.get(subject)
        if held is None or held.pop((target, session_id), None) is None:
            return
        self._count -= 1
        if not held:
            del self._held[subject]

    def _drop_oldest(self, subject: str) -> None:
        target, session_id = next(iter(self._held[subject]))
        self.unbind(subject, target, session_id)
