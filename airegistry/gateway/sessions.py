"""Whose session is whose: an id that a backend gave out is good for the caller who got it, on that server, here.

A session id is not a credential. Backends see the gateway's identity and cannot tell callers apart, so the gateway
does. Ids live in this process only; after a restart clients meet 404 and initialize anew, as the protocol has it.
"""

from collections import OrderedDict
from collections.abc import Callable
from time import monotonic


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
        self._held: dict[str, OrderedDict[tuple[str, str], float]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def bind(self, subject: str, target: str, session_id: str) -> None:
        """Make `session_id` usable by `subject` on `target`; a flood of sessions costs its author first."""
        held = self._held.setdefault(subject, OrderedDict())
        if (target, session_id) not in held:
            self._count += 1
        held[target, session_id] = self._clock()
        held.move_to_end((target, session_id))
        if len(held) > self._per_subject:
            self._drop_oldest(subject)
        if self._count > self._limit:
            self._drop_oldest(max(self._held, key=lambda who: len(self._held[who])))

    def holds(self, subject: str, target: str, session_id: str) -> bool:
        """Whether `subject` got this id on `target` and used it lately; using it counts."""
        held = self._held.get(subject)
        used = held.get((target, session_id)) if held else None
        if held is None or used is None:
            return False
        now = self._clock()
        if now - used > self._idle:
            self.unbind(subject, target, session_id)
            return False
        held[target, session_id] = now
        held.move_to_end((target, session_id))
        return True

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
