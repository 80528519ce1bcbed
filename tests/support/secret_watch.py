"""Fails every test during which a secret was logged: by this process, or by a registry that was started.

Records are looked at as they were made, before the product masks anything: the mask is for what nobody thought of. A
secret is whatever `secrets.token_urlsafe` made meanwhile, what a test module calls one, and what has the form of one.
"""

import logging
import re
import secrets
from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from types import ModuleType

import pytest

from tests.support.processes import served

SHORTEST = 12
"""Characters of a secret from which on it is told from a word; made secrets are looked up by so many."""
DISTINCT = 4
"""Characters that a secret has more than: of fewer there is many a text that is made up at random."""
_NAMED = re.compile(r"(?:TOKEN|SECRET|PASSWORD|PASSPHRASE|CREDENTIAL)$")
_FORM = re.compile(
    r"airr?_[A-Za-z0-9_.-]{24,}|whsec_[A-Za-z0-9+/=]{24,}|eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----|[Bb]earer [A-Za-z0-9._~+/-]{20,}"
)
_RUN = re.compile(rf"[A-Za-z0-9_-]{{{SHORTEST},}}")
_SHOWN_ONCE = ("administrator's token, shown this once: ", "first user, shown this once: ", "connect as a machine")
"""Lines for whoever starts a registry the first time: they go to the standard output and into no log."""
_TEXT = logging.Formatter()


class SecretWatch(logging.Handler):
    """A handler, and a plugin of pytest. `logs` names the logs of the registries that were started."""

    def __init__(self, logs: Callable[[], Iterable[Path]] = served) -> None:
        super().__init__()
        self._logs = logs
        self._texts: list[str] = []
        self._read: dict[Path, int] = {}
        self._known: set[str] = set()
        self._minted: dict[str, str] = {}
        self._mint = secrets.token_urlsafe

    def start(self) -> None:
        """Take part in all logging, down to the product's debug messages, and see which secrets are made."""
        logging.getLogger().addHandler(self)
        logging.getLogger("airegistry").setLevel(logging.DEBUG)
        secrets.token_urlsafe = self._minting

    def stop(self) -> None:
        """Leave no trace."""
        secrets.token_urlsafe = self._mint
        logging.getLogger("airegistry").setLevel(logging.NOTSET)
        logging.getLogger().removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Remember all of a record: message and traceback."""
        self._texts.append(f"{record.name}: {_TEXT.format(record)}")

    def know(self, secret: str) -> None:
        """Look for a secret from now on."""
        if len(secret) >= SHORTEST:
            self._known.add(secret)

    def know_those_of(self, module: ModuleType) -> None:
        """Look for what a test module calls a secret."""
        for name, value in vars(module).items():
            if isinstance(value, str) and _NAMED.search(name) and " " not in value:
                assert len(value) < SHORTEST or len(set(value)) > DISTINCT, f"{name} is found in whatever is long"
                self.know(value)

    def complaints(self) -> list[str]:
        """What was logged since this was asked last that holds a secret, with the secret in it."""
        texts, self._texts = self._texts, []
        found = []
        for text in (*texts, *self._printed()):
            secret = self._secret_in(text)
            if secret is not None:
                found.append(f"{secret[:40]!r} in {text[:2000]}")
        return found

    def _secret_in(self, text: str) -> str | None:
        form = _FORM.search(text)
        if form is not None:
            return form[0]
        for run in _RUN.findall(text):
            for start in range(len(run) - SHORTEST + 1):
                made = self._minted.get(run[start : start + SHORTEST])
                if made is not None and run.startswith(made, start):
                    return made
        return next((known for known in self._known if known in text), None)

    def _printed(self) -> Iterable[str]:
        """What started registries have printed since, line by line."""
        for path in self._logs():
            begin = self._read.get(path, 0)
            if not path.exists() or path.stat().st_size == begin:
                continue
            with path.open("rb") as file:
                file.seek(begin)
                new = file.read()
            self._read[path] = begin + len(new)
            for line in new.decode("utf-8", "replace").splitlines():
                if not line.startswith(_SHOWN_ONCE):
                    yield f"{path.name}: {line}"

    def _minting(self, nbytes: int | None = None) -> str:
        made = self._mint(nbytes)
        if len(made) >= SHORTEST:
            self._minted[made[:SHORTEST]] = made
        return made

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Look for what the test modules call secrets."""
        for module in {item.module for item in items if isinstance(item, pytest.Function)}:
            self.know_those_of(module)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, None, None]:
        """Fail a test during which a secret was logged, its fixtures' ends included."""
        yield
        if complaints := self.complaints():
            pytest.fail("secrets were logged:\n" + "\n".join(complaints), pytrace=False)

    def pytest_unconfigure(self) -> None:
        """The end of the session."""
        self.stop()
