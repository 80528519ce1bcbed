"""A small MCP server of both eras to put behind the gateway: `python -m tests.support.backend PORT`."""

import sys

import anyio
import uvicorn
from fastmcp import Context, FastMCP
from fastmcp.exceptions import ToolError
from fastmcp.server.dependencies import get_http_request
from mcp_types import ToolAnnotations
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

FREIGHT = "Quotes the freight price in euros for shipping a parcel, from its weight in kilograms and the destination."

server = FastMCP("Parcel desk", version="3.1.0", instructions="Prices and tracks parcels.")


class Signals:
    """What the tests steer and wait for over plain HTTP routes, one test at a time."""

    def __init__(self) -> None:
        self.released = anyio.Event()
        self.cancelled = anyio.Event()


signals = Signals()


class Quote(BaseModel):
    """A price."""

    destination: str
    euros: float


@server.tool(title="Freight quote", description=FREIGHT, annotations=ToolAnnotations(read_only_hint=True))
async def quote_freight(destination: str, kilograms: float) -> Quote:
    """See FREIGHT."""
    return Quote(destination=destination, euros=round(4 + 2.5 * kilograms, 2))


@server.tool
async def echo(text: str) -> str:
    """Answers with the same text."""
    return text


@server.tool
async def add(a: int, b: int) -> int:
    """Adds two integers."""
    return a + b


@server.tool
async def fail(reason: str) -> str:
    """Fails with the reason given."""
    raise ToolError(reason)


@server.tool
async def secret() -> str:
    """Opens the strong room; for a few callers only."""
    return "the strong room is open"


@server.tool
async def headers() -> dict[str, str]:
    """The HTTP headers that reached this server."""
    return dict(get_http_request().headers)


@server.tool
async def paced(steps: int, ctx: Context) -> str:
    """Reports progress, then waits at `/release` for each next step: shows whether progress passes at once."""
    for step in range(steps):
        signals.released = anyio.Event()
        await ctx.report_progress(step + 1, steps, f"step {step + 1}")
        await signals.released.wait()
    return f"{steps} steps done"


@server.tool
async def hang(ctx: Context) -> str:
    """Reports progress once and then never answers; `/cancelled` answers when it was cancelled."""
    signals.cancelled = anyio.Event()
    try:
        await ctx.report_progress(1, 2)
        await anyio.sleep_forever()
    except anyio.get_cancelled_exc_class():
        signals.cancelled.set()
        raise
    return "never"


class Answer(BaseModel):
    """What a person says."""

    name: str


@server.tool
async def greet(ctx: Context) -> str:
    """Asks the person for a name, in the older era, and greets."""
    answer = await ctx.elicit("Who are you?", Answer)
    return f"Hello, {answer.data.name}!" if answer.action == "accept" else "Hello, nobody!"


@server.resource("parcel://tariff", mime_type="text/plain")
async def tariff() -> str:
    """The tariff."""
    return "4 euros and 2.50 a kilogram"


@server.resource("parcel://vault", mime_type="text/plain")
async def vault() -> str:
    """What the vault holds."""
    return "gold"


@server.prompt
async def complaint(parcel: str) -> str:
    """A letter of complaint about a parcel."""
    return f"Write a letter of complaint about parcel {parcel}."


@server.custom_route("/release", methods=["POST"])
async def release(request: Request) -> Response:
    """Lets `paced` go on to its next step."""
    signals.released.set()
    return Response(status_code=204)


@server.custom_route("/cancelled", methods=["GET"])
async def cancelled(request: Request) -> Response:
    """Answers as soon as the latest `hang` was cancelled."""
    await signals.cancelled.wait()
    return Response(status_code=204)


if __name__ == "__main__":
    uvicorn.run(server.http_app(path="/mcp"), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
