"""Settings: where the registry listens, how it is reached, and how much of it at once."""

import ipaddress
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from airegistry.settings_parts.section import Section


class Serving(Section):
    """Where the registry listens, how it is reached, and how much of it at once."""

    host: str = Field("127.0.0.1", description="Address to listen on; beyond loopback only with TLS declared in front.")
    port: int = Field(8080, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    public_url: str | None = Field(
        None, description="URL the registry is reached at: resource URLs, allowed Host and Origin."
    )
    tls_terminated: bool = Field(False, description="Declares that TLS ends in front of the registry.")
    trusted_proxies: Annotated[list[str], NoDecode] = Field(
        default_factory=list,
        description="Addresses (CIDR) of proxies whose X-Forwarded-For names the client; for limits and the audit.",
    )
    egress_allow: Annotated[list[str], NoDecode] = Field(
        default_factory=list,
        description="Hosts, host:port or CIDR exempted from the rule that private addresses are not reached.",
    )
    environment: str = Field("dev", min_length=1, description="The environment whose assets callers see.")
    calls_at_once: int = Field(1000, ge=1, description="Calls one caller may have under way at once.")
    streams_at_once: int = Field(1000, ge=1, description="Event streams one caller may have open at once.")
    shutdown_seconds: float = Field(
        10.0, ge=0, description="Seconds that running calls have to finish when the registry is asked to stop."
    )

    @field_validator("public_url")
    @classmethod
    def _origin(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        _ = parts.port  # raises ValueError when it is none
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("a public URL is http(s)://host[:port][/prefix]")
        return value.rstrip("/")

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: list[str]) -> list[str]:
        for network in value:
            ipaddress.ip_network(network, strict=False)  # raises ValueError when it is none
        return value

    @property
    def loopback(self) -> bool:
        """Whether the registry listens on this machine only."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def url(self) -> str:
        """Where clients reach the registry, without a slash at the end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.public_url or f"http://{host}:{self.port}"
