"""What a modern backend asks all at once, and what a client of the older era answers one by one."""

import anyio

from airegistry.core.assets import Json


class Round:
    """The answers to several questions that are asked at once; the first error ends it."""

    def __init__(self, waiting: set[str]) -> None:
        self._waiting = waiting
        self.answers: Json = {}
        self.failure: Json | None = None
        self.over = anyio.Event()

    async def take(self, key: str, method: str, reply: Json) -> None:
        """Take one answer. Whoever cannot or will not fill in a form has cancelled it."""
        result, error = reply.get("result"), reply.get("error")
        if isinstance(result, dict):
            self.answers[key] = result
        elif method == "elicitation/create":
            self.answers[key] = {"action": "cancel"}
        else:
            known = isinstance(error, dict) and isinstance(error.get("code"), int)
            self.failure = error if known and isinstance(error, dict) else {"code": -32603, "message": "no answer"}
        self._waiting.discard(key)
        if self.failure is not None or not self._waiting:
            self.over.set()
