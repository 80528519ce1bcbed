"""A FastMCP backend that shows what passes: progress, questions, state, cancellation, headers."""

import anyio
from fastmcp import Context, FastMCP
from fastmcp.server.dependencies import get_http_request
from mcp_types import ElicitRequest, ElicitRequestFormParams, ElicitResult, InputRequiredResult


class Signals:
    """Where tests and backend wait for each other; both run in one loop."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.go = anyio.Event()
        self.arrived = anyio.Event()
        self.cancelled = anyio.Event()


signals = Signals()


async def echo(text: str) -> str:
    """Give it back."""
    return text


async def secret() -> str:
    """For a few."""
    return "s3cret"


async def fail() -> str:
    """Always fails."""
    raise ValueError("no")


async def headers() -> dict[str, str]:
    """What reached the backend."""
    return dict(get_http_request().headers)


async def paced(ctx: Context) -> str:
    """Report, wait for the test, report again."""
    await ctx.report_progress(1, 2)
    await signals.go.wait()
    await ctx.report_progress(2, 2)
    return "done"


async def hang(ctx: Context) -> str:
    """Wait until cancelled."""
    await ctx.report_progress(0, 1)
    signals.arrived.set()
    try:
        await anyio.sleep_forever()
    finally:
        signals.cancelled.set()
    return ""


async def canary(text: str, ctx: Context) -> str:
    """Say it on the way and at the end."""
    await ctx.report_progress(1, 2, message=text)
    return text


async def ask(ctx: Context) -> str:
    """Ask the user."""
    answer = await ctx.elicit("name?", response_type=str)
    return f"{answer.action}:{getattr(answer, 'data', None)}"


async def ask_modern(ctx: Context) -> str | InputRequiredResult:
    """Ask the user in the modern way: answer with a question, and be called again."""
    if ctx.input_responses is None:
        schema = {"type": "object", "properties": {"value": {"type": "string"}}, "required": ["value"]}
        form = ElicitRequestFormParams(message="name?", requested_schema=schema)
        question = ElicitRequest(method="elicitation/create", params=form)
        return InputRequiredResult(result_type="input_required", input_requests={"n": question})
    answer = ctx.input_responses["n"]
    assert isinstance(answer, ElicitResult)
    return f"{answer.action}:{answer.content}"


async def counter(ctx: Context) -> int:
    """Count within a session."""
    value = (await ctx.get_state("n") or 0) + 1
    await ctx.set_state("n", value)
    return int(value)


def note() -> str:
    """A note."""
    return "open"


def shut() -> str:
    """A private note."""
    return "shut"


def page(number: str) -> str:
    """A page."""
    return number


def greet(name: str) -> str:
    """Greet somebody."""
    return f"Greet {name}"


def curse() -> str:
    """Do not."""
    return "no"


TOOLS = (echo, secret, fail, headers, paced, hang, canary, ask, ask_modern, counter)


def build_backend() -> FastMCP:
    mcp = FastMCP("desk", version="1")
    for tool in TOOLS:
        mcp.tool(tool)
    for prompt in (greet, curse):
        mcp.prompt(prompt)
    mcp.resource("note://open")(note)
    mcp.resource("note://shut")(shut)
    mcp.resource("page://{number}")(page)
    return mcp
