"""npm `oidc-provider` as a process: an identity provider with the shape of each vendor's."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey, Key, KeySet, OKPKey, RSAKey

from tests.support.node import MODULES, NODE, env, require_node
from tests.support.processes import Process, free_port, listens

Json = dict[str, Any]
SECRET = "a secret of 256 bits: +/=%&? kept in the store, sealed"
TENANT = "11111111-2222-3333-4444-555555555555"
CLIENT = "registry"


def require_op() -> None:
    """Skip the test with the reason when Node or the package is missing."""
    require_node()
    if not (MODULES / "oidc-provider").exists():
        pytest.skip(f"no oidc-provider in {MODULES}: run .ci/install-node")


def new_keys() -> Json:
    """Private keys for every algorithm that providers sign with."""
    keys: list[Key] = [
        RSAKey.generate_key(2048, {"use": "sig"}, auto_kid=True),
        ECKey.generate_key("P-256", {"use": "sig"}, auto_kid=True),
        OKPKey.generate_key("Ed25519", {"use": "sig"}, auto_kid=True),
    ]
    made: Json = dict(KeySet(keys).as_dict(private=True))
    return made


def person(id_token: Json, userinfo: Json | None = None) -> Json:
    """What a provider says of somebody, and where."""
    return {"id_token": id_token, "userinfo": userinfo or {}}


class Op:
    """The process and its issuers, by name. `registry` is the URL that it sends people back to."""

    def __init__(self, folder: Path, registry: str) -> None:
        self.port = free_port()
        self.origin = f"http://127.0.0.1:{self.port}"
        self.keys = new_keys()
        self._folder = folder
        self._registry = registry
        self._issuers: dict[str, Json] = {}
        self._process: Process | None = None

    def add(
        self,
        name: str,
        path: str,
        users: Mapping[str, Json],
        *,
        slash: bool = False,
        tenant: bool = False,
        **client: Any,
    ) -> str:
        """One more issuer, at a path; the client is named `registry`. Returns the issuer."""
        callback = f"{self._registry}/callback/{name}"
        known = {
            "client_id": CLIENT,
            "client_secret": SECRET,
            "redirect_uris": [callback],
            "post_logout_redirect_uris": [f"{self._registry}/"],
            "backchannel_logout_uri": f"{self._registry}/logout/{name}",
            "backchannel_logout_session_required": True,
            **client,
        }
        scopes = ["profile", "email", "groups", "User.Read"]
        self._issuers[path] = {
            "path": path, "slash": slash, "tenant": tenant, "clients": [known], "users": dict(users), "scopes": scopes,
        }  # fmt: skip
        return f"{self.origin}{path}{'/' if slash else ''}"

    def start(self) -> None:
        """Start it, and wait until it listens."""
        config = self._folder / "op.json"
        config.write_text(
            json.dumps({"port": self.port, "jwks": self.keys, "issuers": list(self._issuers.values())}), "utf-8"
        )
        command = [str(NODE), str(Path(__file__).with_name("op.mjs")), str(config)]
        environment = {**env(self._folder), "AIREGISTRY_MODULES": str(MODULES)}
        self._process = Process(command, self._folder / "op.log", environment)
        self._process.wait_until(lambda: listens(self.port))

    def stop(self) -> None:
        """Stop it: it is down, and has forgotten every session."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def rotate(self) -> None:
        """Start it anew with other keys."""
        self.stop()
        self.keys = new_keys()
        self.start()
