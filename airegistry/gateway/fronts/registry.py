"""The gateway's own sessions: whose they are, how many, and how long they may idle."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from time import monotonic

from airegistry.core.errors import NotFound
from airegistry.gateway.fronts.session import Session


class SessionRegistry:
    """Sessions by id, least recently used first out: at most `per_subject` of one caller, `limit` together.

    `idle` is in seconds; a session whose client is there, or for which something is done, does not idle. `end` is
    called with a session that is put out.
    """

    def __init__(
        self, end: Callable[[Session], None], *, limit: int = 10_000, per_subject: int = 200, idle: float = 3_600.0,
        clock: Callable[[], float] = monotonic,
    ) -> None:  # fmt: skip
        self._end = end
        self._limit = limit
        self._per_subject = per_subject
        self._idle = idle
        self._clock = clock
        self._held: OrderedDict[str, Session] = OrderedDict()
        self._counts: dict[str, int] = {}

    def __iter__(self) -> Iterator[Session]:
        return iter(list(self._held.values()))

    def __len__(self) -> int:
        return len(self._held)

    def add(self, session: Session) -> None:
        """Make a session known; a flood of sessions costs its author first."""
        subject = session.holder[0]
        if self._counts.get(subject, 0) >= self._per_subject:
            self._put_out(next(held for held in self._held.values() if held.holder[0] == subject))
        elif len(self._held) >= self._limit:
            greedy = max(self._counts, key=self._counts.__getitem__)
            self._put_out(next(held for held in self._held.values() if held.holder[0] == greedy))
        self._held[session.id] = session
        self._counts[subject] = self._counts.get(subject, 0) + 1

    def find(self, session_id: str, holder: tuple[str, str]) -> Session:
        """A caller's session at an endpoint; using it counts.

        Raises:
            NotFound: there is none, or it is another's.
        """
        session = self._held.get(session_id)
        if session is None or session.holder != holder:
            raise NotFound("no such session")
        session.used = self._clock()
        self._held.move_to_end(session_id)
        return session

    def remove(self, session: Session) -> None:
        """Forget a session; nothing happens when it is forgotten already."""
        if self._held.pop(session.id, None) is None:
            return
        subject = session.holder[0]
        self._counts[subject] -= 1
        if not self._counts[subject]:
            del self._counts[subject]

    def sweep(self) -> None:
        """Put out what idles, and in the others what waits in vain."""
        limit = self._clock() - self._idle
        for session in list(self._held.values()):
            if session.used < limit and not session.busy:
                self._put_out(session)
            else:
                session.sweep()

    def close(self) -> list[Session]:
        """Forget all sessions, which the caller ends."""
        sessions = list(self._held.values())
        self._held.clear()
        self._counts.clear()
        return sessions

    def _put_out(self, session: Session) -> None:
        self.remove(session)
        self._end(session)
