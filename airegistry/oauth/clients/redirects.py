"""Redirect URIs: which may be registered, and which of a client's a request may name (RFC 6749 3.1.2, RFC 8252 7)."""

import re
from collections.abc import Iterable
from typing import Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from airegistry.core.errors import Invalid
from airegistry.egress.addresses import parse_host
from airegistry.egress.guard import parse_url
from airegistry.oauth.forms import OAuthError
from airegistry.oauth.model import Client
from airegistry.oauth.providers.remote_keys import is_loopback

ApplicationType = Literal["web", "native"]
MAX_LENGTH = 2048

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9._~:/?\[\]@!$&'()+,;=-]|%[0-9A-Fa-f]{2})+")
"""What RFC 3986 allows, without a fragment, and without `*`, which nobody needs and some take for a wildcard."""
_ENCODED_CONTROL = re.compile(r"%(?:[01][0-9a-f]|7f)", re.IGNORECASE)
_LOOPBACK = re.compile(r"http://(127\.0\.0\.1|\[::1\]|localhost)(?::[0-9]{1,5})?((?:[/?].*)?)")
_NOT_PRIVATE_USE = frozenset(
    (
        "javascript data vbscript file about blob filesystem view-source jar resource chrome chrome-extension edge "
        "moz-extension safari-web-extension intent android-app content urn ftp ftps sftp ssh telnet gopher ldap ldaps "
        "smb nfs dav davs ws wss mailto tel sms facetime news nntp irc ircs git svn rsync magnet steam shell "
        "search-ms ms-msdt ms-officecmd ms-word ms-excel ms-powerpoint res mk mhtml wyciwyg"
    ).split()
)
"""Schemes that run code, reach into the browser or the network, or open a program with the code as its argument."""
_ANSWERS = frozenset({"code", "state", "iss", "error", "error_description", "error_uri"})


def check(uri: str, application_type: ApplicationType) -> None:
    """Whether a client of this type may register a redirect URI.

    Web clients are reached over https, native ones over loopback, a private-use scheme or https.

    Raises:
        OAuthError: it may not (`invalid_redirect_uri`).
    """
    _check_form(uri)
    scheme = uri.partition(":")[0].lower()
    if scheme in {"http", "https"}:
        _check_http(uri, application_type)
    elif application_type == "web":
        raise _refused(uri, "a web client's redirect URIs are https")
    elif scheme in _NOT_PRIVATE_USE or scheme.startswith("ms-"):
        raise _refused(uri, f"{scheme}: is no scheme of an application's own")
    elif "@" in urlsplit(uri).netloc:
        raise _refused(uri, "it holds a user name")


def derived_type(uris: Iterable[str]) -> ApplicationType:
    """The type of a client that did not name its own: only one that is reached over https alone is a web client."""
    return "web" if all(_beyond_loopback(uri) for uri in uris) else "native"


def allowed(client: Client, uri: str) -> bool:
    """Whether a request of a client may name this redirect URI: one that it registered, as it stands there.

    The port of a native client's loopback URI is chosen when it listens, and may differ (RFC 8252 section 7.3).
    """
    if uri in client.redirect_uris:
        return True
    asked = _without_port(uri) if client.application_type == "native" else None
    return asked is not None and any(_without_port(registered) == asked for registered in client.redirect_uris)


def _check_form(uri: str) -> None:
    if len(uri) > MAX_LENGTH:
        raise _refused(uri, f"it is longer than {MAX_LENGTH} characters")
    if not _URI.fullmatch(uri) or _ENCODED_CONTROL.search(uri):
        raise _refused(uri, "it is no absolute URI of plain characters without a fragment and wildcards")
    try:
        parts = urlsplit(uri)
        names = {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
    except ValueError:
        raise _refused(uri, "it is malformed") from None
    if not {".", ".."}.isdisjoint(unquote(parts.path).split("/")):
        raise _refused(uri, "its path has dot segments, which browsers resolve")
    if taken := sorted(names & _ANSWERS):
        raise _refused(uri, f"its query holds {taken[0]}, which the answer will")


def _check_http(uri: str, application_type: ApplicationType) -> None:
    try:
        target = parse_url(uri)
        address = parse_host(target.host)
    except Invalid as error:
        raise _refused(uri, error.message) from None
    except ValueError:
        raise _refused(uri, "its host is neither a name nor an address") from None
    if (address is not None and str(address) != target.host) or (urlsplit(uri).hostname or "").endswith("."):
        raise _refused(uri, "its host is written in an unusual way")
    if target.scheme == "http" and not _LOOPBACK.fullmatch(uri):
        raise _refused(uri, "http is for http://127.0.0.1, http://[::1] and http://localhost alone")
    if application_type == "web" and (target.scheme == "http" or is_loopback(target.host)):
        raise _refused(uri, "on loopback the application_type is native")


def _beyond_loopback(uri: str) -> bool:
    try:
        target = parse_url(uri)
    except Invalid:
        return False
    return target.scheme == "https" and not is_loopback(target.host)


def _without_port(uri: str) -> tuple[str, str] | None:
    """Host and rest of a loopback URI; None of any other."""
    match = _LOOPBACK.fullmatch(uri)
    if match is None:
        return None
    try:
        check(uri, "native")
    except OAuthError:
        return None
    return match[1], match[2] or "/"


def _refused(uri: str, why: str) -> OAuthError:
    shown = uri[:100].encode("ascii", "backslashreplace").decode()
    return OAuthError("invalid_redirect_uri", f"redirect URI {shown!r} is refused: {why}")
