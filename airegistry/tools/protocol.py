"""Domain errors as JSON-RPC errors, for what is not a tool call: resources, skills, completions."""

import logging

from fastmcp.exceptions import FastMCPError
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS

from airegistry.core.errors import AirError

REFUSED = -32003
"""The code of every refusal that JSON-RPC has no code for; the gateway answers with the same."""


class Refusal(MCPError, FastMCPError):
    """A domain error on the wire; `data.code` is its stable code.

    An MCPError reaches the client as it is. A FastMCPError names the level it is logged at: a caller who is refused
    is no fault of the server, and cannot fill the log with tracebacks.
    """

    def __init__(self, error: AirError) -> None:
        rpc = INVALID_PARAMS if error.code in {"invalid", "not_found"} else REFUSED
        super().__init__(code=rpc, message=error.message, data={**error.details(), "code": error.code})
        self.log_level = logging.DEBUG
