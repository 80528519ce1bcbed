"""Pages for persons: templates whose every value is escaped, under a strict Content-Security-Policy."""

import html
import secrets
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from string import Template

from starlette.responses import HTMLResponse

PAGES = Path(__file__).parent / "pages"


class Html(str):
    """Markup that is put into a page as it is."""

    __slots__ = ()


def fragment(template: str, **values: object) -> Html:
    """Markup from `pages/TEMPLATE.html`; `$name` stands for a value, escaped unless it is `Html`."""
    return Html(_template(template).substitute({name: _escaped(value) for name, value in values.items()}))


def joined(parts: Iterable[Html]) -> Html:
    """Markup one after the other."""
    return Html("".join(parts))


def page(template: str, title: str, *, status: int = 200, **values: object) -> HTMLResponse:
    """A whole page: the template inside `pages/frame.html`.

    No `form-action`: browsers apply it to the whole chain of redirects after a form, and the last one of them leads to
    the client's own address. No `no-referrer` either: forms of such a page are sent with `Origin: null`, as strangers'.
    """
    nonce = secrets.token_urlsafe(16)
    body = fragment("frame", title=title, nonce=nonce, body=fragment(template, **values))
    policy = f"default-src 'none'; style-src 'nonce-{nonce}'; img-src data:; base-uri 'none'; frame-ancestors 'none'"
    headers = {
        "content-security-policy": policy,
        "x-frame-options": "DENY",
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",
        "cache-control": "no-store",
    }
    return HTMLResponse(body, status, headers)


def message(title: str, text: str, *, status: int) -> HTMLResponse:
    """A page that says one thing."""
    return page("message", title, status=status, heading=title, text=text)


@cache
def _template(name: str) -> Template:
    return Template((PAGES / f"{name}.html").read_text("utf-8"))


def _escaped(value: object) -> str:
    return value if isinstance(value, Html) else html.escape(str(value), quote=True)
