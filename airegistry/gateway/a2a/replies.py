"""How a refusal looks to a client of A2A, in either binding.

In JSON-RPC it is as everywhere at the gateway, `data.code` the stable code; refusals that JSON-RPC has no number for
have -32000, since A2A has meanings of its own from -32001 on. HTTP+JSON has `google.rpc.Status` (A2A 1.0, 11.6).
"""

import orjson
from starlette.types import Send

from airegistry.core.errors import AirError, NotFound
from airegistry.gateway.errors import REFUSED, Reply

TASK_NOT_FOUND = -32001
REFUSED_HERE = -32000
_INFO = "type.googleapis.com/google.rpc.ErrorInfo"
_STATUS = {
    400: "INVALID_ARGUMENT", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 409: "ALREADY_EXISTS",
    429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 501: "UNIMPLEMENTED", 502: "UNAVAILABLE", 503: "UNAVAILABLE",
}  # fmt: skip


class UnknownTask(NotFound):
    """There is no such task or context, or it is another caller's: both read the same."""

    def __init__(self) -> None:
        super().__init__("no such task")


class AgentReply(Reply):
    """A reply that refuses as A2A does. `rpc` is whether the client speaks JSON-RPC, `older` whether A2A 0.3."""

    __slots__ = ("_refusal", "older", "rpc")

    def __init__(self, send: Send) -> None:
        super().__init__(send)
        self.rpc = True
        self.older = False
        self._refusal: AirError | None = None

    async def refuse(self, error: AirError, *, status: int | None = None, challenge: bytes | None = None) -> None:
        """Answer with an error; an answer already begun is left unfinished, so that the client sees it broken."""
        self._refusal = error
        # JSON-RPC of A2A tells of a task in the body alone: its clients read no body of an HTTP error.
        status = 200 if isinstance(error, UnknownTask) and self.rpc else status
        await super().refuse(error, status=status, challenge=challenge)

    async def whole(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes = b"") -> None:
        """Send an answer in one piece; that of a refusal in the form of the client's binding."""
        if self._refusal is not None:
            body = self._restated(status, body)
        await super().whole(status, headers, body)

    def _restated(self, status: int, body: bytes) -> bytes:
        message = orjson.loads(body)
        error = message["error"]
        info = {"@type": _INFO, "reason": str(error["data"]["code"]).upper(), "domain": "airegistry", "metadata": {}}
        if isinstance(self._refusal, UnknownTask):
            info |= {"reason": "TASK_NOT_FOUND", "domain": "a2a-protocol.org"}
            error |= {"code": TASK_NOT_FOUND, "message": "Task not found", "data": [info]}
        elif error["code"] == REFUSED:
            error["code"] = REFUSED_HERE
        if self.rpc:
            return orjson.dumps(message)
        told = {
            "code": status,
            "status": _STATUS.get(status, "UNKNOWN"),
            "message": error["message"],
            "details": [info],
        }
        if not isinstance(error["data"], list):
            told["data"] = error["data"]
        older = {"type": "TaskNotFoundError", "message": error["message"]}
        named = older if self.older and isinstance(self._refusal, UnknownTask) else {}
        return orjson.dumps({"error": told, **named})
