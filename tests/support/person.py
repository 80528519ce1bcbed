"""A person at a browser: opens the page, logs in, agrees, and follows what comes: `python -m tests.support.person URL`.

Name, password and decision are in PERSON_NAME, PERSON_PASSWORD and PERSON_DECISION.
"""

import os
import sys
from html.parser import HTMLParser

import httpx2


class Form(HTMLParser):
    """The form of a page that has a field of this name: where it goes, and its hidden fields."""

    def __init__(self, page: httpx2.Response, field: str) -> None:
        super().__init__()
        self._page = page
        self._field = field
        self._action = ""
        self._fields: dict[str, str] = {}
        self._names: set[str] = set()
        self.action = ""
        self.fields: dict[str, str] = {}
        self.feed(page.text)
        assert self.action, f"no form with {field} at {page.url}: {page.status_code}\n{page.text}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._action = str(self._page.url.join(given.get("action", "")))
            self._fields, self._names = {}, set()
        if tag in {"input", "button"} and "name" in given:
            self._names.add(given["name"])
            if given.get("type") == "hidden":
                self._fields[given["name"]] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form" and self._field in self._names:
            self.action, self.fields = self._action, self._fields


def visit(url: str, name: str, password: str, decision: str = "allow") -> httpx2.Response:
    """Log in and decide; the page that the person sees at the end."""
    with httpx2.Client(follow_redirects=True, trust_env=False, timeout=30) as browser:
        form = Form(browser.get(url), "password")
        page = _send(browser, form, {"username": name, "password": password})
        return _send(browser, Form(page, "decision"), {"decision": decision})


def type_code(url: str, code: str, name: str, password: str, decision: str = "allow") -> httpx2.Response:
    """Type the code of a device, log in and decide; the page that the person sees at the end."""
    with httpx2.Client(follow_redirects=True, trust_env=False, timeout=30) as browser:
        page = _send(browser, Form(browser.get(url), "user_code"), {"user_code": code})
        page = _send(browser, Form(page, "password"), {"username": name, "password": password})
        return _send(browser, Form(page, "decision"), {"decision": decision})


def _send(browser: httpx2.Client, form: Form, typed: dict[str, str]) -> httpx2.Response:
    url = httpx2.URL(form.action)
    headers = {"origin": f"{url.scheme}://{url.netloc.decode()}", "sec-fetch-site": "same-origin"}
    return browser.post(url, data={**form.fields, **typed}, headers=headers)


if __name__ == "__main__":
    visit(
        sys.argv[1],
        os.environ["PERSON_NAME"],
        os.environ["PERSON_PASSWORD"],
        os.environ.get("PERSON_DECISION", "allow"),
    )
