"""A person at a browser, without one: follows redirects, keeps cookies, fills in the forms of the login pages."""

import re
from html import unescape
from urllib.parse import urljoin, urlsplit

import httpx2

from tests.support.tls import TLS

_FORM = re.compile(r"<form\b(.*?)</form>", re.DOTALL)
_HIDDEN = re.compile(r'<input[^>]*type="hidden"[^>]*>')
_ATTRIBUTE = re.compile(r'(\w+)="([^"]*)"')


class Browser:
    """One browser at one registry, signed out at first. `allow` is what its person answers when asked for consent.

    With `provider`, a name and the origin of an identity provider, its person signs in there.
    """

    def __init__(
        self, registry: str, username: str, password: str, *, allow: bool = True,
        provider: tuple[str, str] | None = None,
    ) -> None:  # fmt: skip
        self._registry = registry
        self._username = username
        self._password = password
        self._allow = allow
        self._provider, self._elsewhere = provider or ("", registry)
        self.http = httpx2.Client(timeout=30, trust_env=False, verify=TLS)
        self.seen: list[str] = []

    def open(self, url: str) -> str:
        """Visit an address and do what its pages ask, until it leads elsewhere; returns where to."""
        answer = self.http.get(url)
        for _ in range(30):
            self.seen.append(urlsplit(str(answer.url)).path)
            if answer.is_redirect:
                target = urljoin(str(answer.url), answer.headers["location"])
                if not target.startswith((f"{self._registry}/", f"{self._elsewhere}/")):
                    return target
                answer = self.http.get(target)
            else:
                answer = self._go_on(answer)
        raise AssertionError(f"going round in circles: {self.seen}")

    def visit(self, url: str) -> None:
        """The same, and the address it leads to is visited too: the client behind it hears of the answer."""
        with httpx2.Client(timeout=30, trust_env=False, verify=TLS) as elsewhere:
            elsewhere.get(self.open(url))

    def close(self) -> None:
        """Close it."""
        self.http.close()

    def _go_on(self, page: httpx2.Response) -> httpx2.Response:
        """Do what a page asks."""
        assert page.status_code == 200, f"{page.url} is a dead end ({page.status_code}): {page.text}"
        if not str(page.url).startswith(f"{self._registry}/"):
            login = {"login": self._username, "password": "any"} if 'name="login"' in page.text else {}
            return self._submit(page, **login)
        if 'name="decision"' in page.text:
            return self._submit(page, decision="allow" if self._allow else "deny")
        if self._provider:
            link = re.search(rf'href="([^"]*/login/{self._provider}\b[^"]*)"', page.text)
            assert link, f"no way to {self._provider}: {page.text}"
            return self.http.get(urljoin(str(page.url), unescape(link[1])))
        return self._submit(page, username=self._username, password=self._password)

    def _submit(self, page: httpx2.Response, **filled: str) -> httpx2.Response:
        """Send the form that has these fields, with its hidden ones."""
        forms = [form for form in _FORM.findall(page.text) if all(f'name="{name}"' in form for name in filled)]
        assert forms, f"{page.url} is a dead end: {page.text}"
        hidden = {}
        for tag in _HIDDEN.findall(forms[0]):
            attributes = dict(_ATTRIBUTE.findall(tag))
            hidden[attributes["name"]] = unescape(attributes.get("value", ""))
        action = re.search(r'\baction="([^"]*)"', forms[0])
        target = urljoin(str(page.url), unescape(action[1]) if action else str(page.url))
        secretive = page.headers.get("referrer-policy") == "no-referrer"  # Fetch standard, "append a request Origin"
        origin = "null" if secretive else "://".join(urlsplit(target)[:2])
        return self.http.post(target, data={**hidden, **filled}, headers={"origin": origin})
