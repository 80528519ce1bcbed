"""The keys that the trail's heads are signed with: the newest signs, those before it still vouch for what they signed.

Of a key that another one followed the public half is kept, in a list that the newest signs: whoever can write to the
store but not open the newest can add none.
"""

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from typing import Protocol

import orjson

from airegistry.core.documents import Document, DocumentStore, Json
from airegistry.core.errors import Conflict, Internal
from airegistry.core.ports import Cipher

KEYS = "audit_keys"
_KEY = "signing"
_PURPOSE = b"airegistry audit keys 1\n"


class Signatures(Protocol):
    """A signature algorithm; keys and signatures are printable."""

    def make(self) -> str:
        """A new private key."""
        ...

    def public(self, private: str) -> str:
        """The public key of a private one."""
        ...

    def sign(self, private: str, text: bytes) -> str:
        """The signature of a text."""
        ...

    def holds(self, public: str, text: bytes, signature: str) -> bool:
        """Whether a signature is of this text, by this key."""
        ...


class TrailKeys:
    """The keys in a store. `public` is that of the newest, empty while there is none."""

    def __init__(self, store: DocumentStore, cipher: Cipher, signatures: Signatures) -> None:
        self._store = store
        self._cipher = cipher
        self._signatures = signatures
        self._private = ""
        self._version = 0
        self.public = ""
        self.retired: Mapping[str, str] = {}
        """The public keys of before by their ids, the oldest first."""

    @property
    def id(self) -> str:
        """The name of the newest."""
        return id_of(self.public)

    async def open(self, *, create: bool = True) -> None:
        """Get the keys, the first made by whoever comes first; with `create` False there may be none.

        Raises:
            Internal: the newest does not open with the registry's own, or the list of the others was changed.
        """
        await self.follow()
        if not self.public and create:
            made = self._signatures.make()
            body: Json = {"public": self._signatures.public(made), "sealed": self._cipher.encrypt(made)}
            try:
                self._take(await self._store.put(KEYS, _KEY, body, expect=0))
            except Conflict:
                await self.follow()

    async def follow(self) -> None:
        """Take over the key that another process made meanwhile: until then the one before it is signed with.

        Raises:
            Internal: as `open`.
        """
        found = await self._store.get(KEYS, _KEY)
        if found is not None and found.version != self._version:
            self._take(found)

    def knows(self, key: str) -> bool:
        """Whether there is a key of this id, as far as is known here; "" is for any."""
        return key in ("", self.id, *self.retired)

    async def rotate(self) -> None:
        """Make a new key, which signs from now on.

        Raises:
            Internal: as `open`.
        """
        while True:
            await self.follow()
            made, retired = self._signatures.make(), [*self.retired.values(), self.public]
            body: Json = {
                "public": self._signatures.public(made), "sealed": self._cipher.encrypt(made), "retired": [*retired],
                "vouched": self._signatures.sign(made, _listed(retired)),
            }  # fmt: skip
            with suppress(Conflict):  # another process was faster, or sealed the key anew
                self._take(await self._store.put(KEYS, _KEY, body, expect=self._version))
                return

    def sign(self, text: bytes) -> str:
        """The signature of a text, by the newest key."""
        return self._signatures.sign(self._private, text)

    def holds(self, text: bytes, signature: str, key: str) -> bool:
        """Whether a signature is of this text, by the key of this id; by any, where it was made before keys had one."""
        known = {self.id: self.public, **self.retired} if self.public else {}
        named = [public for id_, public in known.items() if key in ("", id_)]
        return any(self._signatures.holds(public, text, signature) for public in named)

    def _take(self, document: Document) -> None:
        private = self._cipher.decrypt(str(document.body["sealed"]))
        public = self._signatures.public(private)
        if public != document.body["public"]:
            raise Internal("the public key of the audit trail is not that of its sealed private key")
        listed = document.body.get("retired", [])
        retired = [str(each) for each in listed] if isinstance(listed, list) else []
        if retired and not self._signatures.holds(public, _listed(retired), str(document.body.get("vouched", ""))):
            raise Internal("the list of keys that the audit trail was signed with before was changed")
        self._private, self.public, self._version = private, public, document.version
        self.retired = {id_of(each): each for each in retired}


def id_of(public: str) -> str:
    """The name of a key: the beginning of its SHA-256, empty for none."""
    return hashlib.sha256(public.encode()).hexdigest()[:16] if public else ""


def _listed(retired: list[str]) -> bytes:
    return _PURPOSE + orjson.dumps(retired)
