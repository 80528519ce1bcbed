"""Foreign text and system errors as words that may stand in a message."""

import os
import ssl


def printable(text: str) -> str:
    """Foreign text made safe for a message: one line, escaped, at most 200 characters."""
    escaped = text.encode("unicode_escape").decode("ascii")
    return escaped if len(escaped) <= 200 else escaped[:199] + "…"


def reason(error: BaseException) -> str:
    """What an error says, in the words of OpenSSL or the operating system where they have some."""
    if isinstance(error, ssl.SSLError):
        return printable(getattr(error, "verify_message", "") or error.reason or "the handshake broke off")
    if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return printable(getattr(error, "strerror", None) or str(error) or type(error).__name__)
