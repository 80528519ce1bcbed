"""What the registry itself logs."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from airegistry.core.log_lines import Level, LogFilter, LogLine
from airegistry.core.logs import Logs
from airegistry.tools.caller import current_principal
from airegistry.tools.declare import tool
from airegistry.tools.shapes import Cursor, Limit, Shape


class LogPage(Shape):
    """Records in order of time. `next_cursor` goes on; a page may have few records, or none, and yet go on."""

    records: list[LogLine]
    next_cursor: str | None = None


class LogTools:
    """Tools for whoever runs the registry."""

    def __init__(self, logs: Logs) -> None:
        self._logs = logs

    @tool("Read the registry's logs", read_only=True, needs="policy")
    async def get_logs(
        self,
        since: datetime | None = None,
        until: datetime | None = None,
        level: Annotated[Level | None, Field(description="The least severe to answer.")] = None,
        logger: Annotated[
            str | None, Field(max_length=200, description="One logger and those below it, as in `airegistry.core`.")
        ] = None,
        request_id: Annotated[str | None, Field(max_length=128, description="What was logged for one request.")] = None,
        subject: Annotated[str | None, Field(max_length=300, description="For the requests of one caller.")] = None,
        text: Annotated[str | None, Field(max_length=300, description="Is in the message or the traceback.")] = None,
        order: Annotated[
            Literal["newest", "oldest"], Field(description="Which come first. With `oldest` the cursor never ends.")
        ] = "newest",
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> LogPage:
        """What the registry itself logged, all its replicas together: faults, warnings and what it does by itself.

        To follow the logs, ask again with the last cursor of `order=oldest`. Who did what is in `query_audit`.
        """
        wanted = LogFilter(
            since=since, until=until, level=level, logger=logger, request_id=request_id, subject=subject, text=text
        )
        found, after = await self._logs.query(
            current_principal(), wanted, limit=limit, newest_first=order == "newest", cursor=cursor
        )
        return LogPage(records=found, next_cursor=after)
