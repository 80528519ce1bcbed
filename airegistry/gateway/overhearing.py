"""Notices what a backend says on a stream that passes byte for byte."""

from collections.abc import Callable
from typing import Final

from starlette.types import Message, Send

_CHANGED: Final = b"/list_changed"
"""The end of what is said of tools, prompts and resources alike."""


def overheard(send: Send, on_tools_changed: Callable[[], None]) -> Send:
    """The same, calling back when a notification passes that tools, prompts or resources have changed; one spelled
    otherwise is missed."""
    tail = b""

    async def listened(message: Message) -> None:
        nonlocal tail
        heard = tail + message.get("body", b"")
        if _CHANGED in heard:
            on_tools_changed()
            heard = b""
        tail = heard[1 - len(_CHANGED) :]
        await send(message)

    return listened
