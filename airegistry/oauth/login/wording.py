"""What clients ask for, in words that a person can decide on."""

from collections.abc import Callable
from urllib.parse import urlsplit

from airegistry.oauth.model import ADMIN_SCOPE, MCP_SCOPE, OFFLINE_SCOPE, Client
from airegistry.oauth.providers import remote_keys

LONGEST = 120
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and symbols that look like nothing at all, and yet count as printable."""
_SCOPES = {
    MCP_SCOPE: "Use this registry as you: find, read and call whatever you may.",
    ADMIN_SCOPE: "Administer this registry as you: change users, access rules, applications and tokens.",
    OFFLINE_SCOPE: "Stay connected without asking you again, until you take that back.",
}
DEVICE = (
    "What you allow goes to a program on another machine. Allow it only if you started it there yourself, just now, "
    "and it shows this very code; nobody who sends you a code has any business doing so."
)
_ORIGINS = {
    "registered": "Set up by an administrator of this registry.",
    "dynamic": "It registered itself here. Nobody has checked its name.",
}


def shown(text: str, longest: int = LONGEST) -> str:
    """Somebody else's text, safe to read: no invisible or turning characters, and not too long."""
    text = "".join(char if char.isprintable() and char not in _BLANK else "\N{REPLACEMENT CHARACTER}" for char in text)
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def is_loopback(redirect_uri: str) -> bool:
    """Whether an answer goes to a port of the person's own computer."""
    parts = urlsplit(redirect_uri)
    return parts.scheme in {"http", "https"} and remote_keys.is_loopback(parts.hostname or "")


def stays_here(redirect_uri: str) -> bool:
    """Whether an answer goes to some program on the person's own device: nothing tells which one."""
    return urlsplit(redirect_uri).scheme != "https" or is_loopback(redirect_uri)


def destination(redirect_uri: str) -> str:
    """Where the browser goes after the answer."""
    parts = urlsplit(redirect_uri)
    if is_loopback(redirect_uri):
        return f"A program on this computer ({shown(parts.netloc)})"
    if parts.scheme in {"http", "https"}:
        return shown(parts.netloc, 255)
    return f"An app on this device that opens {shown(parts.scheme)}: links"


def origin(client: Client) -> str:
    """Who says that the client is what it says."""
    if client.origin == "document":
        return f"Described by a page at {shown(urlsplit(client.client_id).netloc, 255)}."
    return _ORIGINS[client.origin]


def warning(client: Client, redirect_uri: str) -> str | None:
    """What the person should look at twice."""
    if client.origin == "registered" or not stays_here(redirect_uri):
        return None
    return (
        f"Any program on this computer can say that it is {shown(client.name)}. Allow this only if you have just "
        "started the sign-in yourself."
    )


def scope(name: str, describe: Callable[[str], str]) -> str:
    """What a scope lets a client do. `describe` knows the scopes of the policy."""
    if name in _SCOPES:
        return _SCOPES[name]
    description = shown(describe(name), 300)
    return f"What the scope {name} allows" + (f": {description}" if description else ".")
