"""Where the registry may connect to. Every outbound connection asks here: by URL first, by address at connect time.

A name is resolved once, every address of the answer is checked, and the connection is made to one of those very
addresses: a name that answers differently the second time (DNS rebinding) gains nothing.
"""

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, ip_address, ip_network

from airegistry.core.errors import Invalid, UpstreamFailed
from airegistry.egress.addresses import (
    Address,
    Network,
    canonical,
    embedded,
    is_metadata,
    is_public,
    parse_answer,
    parse_host,
)
from airegistry.egress.messages import reason

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Turns a host name and port into addresses; raises OSError when there are none."""

_URL = re.compile(
    r"(?P<scheme>https?)://(?:\[(?P<v6>[0-9A-Fa-f]*:[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?))"
    r"(?::(?P<port>[0-9]{1,5}))?(?P<rest>[/?].*)?",
    re.IGNORECASE,
)
"""Narrower than RFC 3986 on purpose: a URL that two parsers could read differently does not match."""

_METADATA_NAMES = frozenset(
    "metadata metadata.goog instance-data rancher-metadata metadata.tencentyun.com metadata.packet.net"
    " metadata.platformequinix.com".split()
)
_METADATA_LABELS = frozenset({"metadata", "instance-data"})
_LOOPBACK_NAMES = frozenset("localhost localhost.localdomain ip6-localhost ip6-loopback".split())
_LOOPBACK = IPv4Address("127.0.0.1")
_OTHER_PROTOCOLS = frozenset(
    (
        0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109,
        110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530,
        531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4160,
        4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
    )
)  # fmt: skip
"""The bad ports of the Fetch standard: what listens there may take lines of a request for commands of its own."""
_MAX_URL = 2048


@dataclass(frozen=True, slots=True)
class Target:
    """The part of a URL that a connection is made from. `host` is lower case, without brackets and final dot."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        default = 443 if self.scheme == "https" else 80
        return host if self.port == default else f"{host}:{self.port}"


def parse_url(url: str) -> Target:
    """Read a URL that leaves no room for interpretation.

    Raises:
        Invalid: not http or https, no host, credentials, a fragment, or characters that parsers disagree on.
    """
    if len(url) > _MAX_URL:
        raise Invalid(f"a URL of more than {_MAX_URL} characters", field="url")
    if not all("!" <= char <= "~" for char in url) or "\\" in url:
        raise Invalid("a URL holds printable ASCII only, without spaces and backslashes", field="url")
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.lower() not in {"http", "https"}:
        raise Invalid("a URL begins with http:// or https://", field="url")
    if "#" in url:
        raise Invalid("a URL here has no fragment (#)", field="url")
    if "@" in re.split(r"[/?]", rest, maxsplit=1)[0]:
        raise Invalid("a URL here holds no user name or password", field="url")
    match = _URL.fullmatch(url)
    if match is None:
        raise Invalid("the URL has no valid host", field="url")
    port = int(match["port"] or (443 if scheme.lower() == "https" else 80))
    if not 0 < port < 65536:
        raise Invalid(f"port {port} does not exist", field="url")
    host = (match["v6"] or match["name"]).lower().removesuffix(".")
    if len(host) > 253 or any(len(label) > 63 for label in host.split(".")):
        raise Invalid("the URL has a host longer than names may be", field="url")
    return Target(scheme.lower(), host, port)


async def system_resolve(host: str, port: int) -> list[str]:
    """The operating system's addresses for a name, in its order."""
    infos = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(info[4][0]) for info in infos))


class Guard:
    """Decides where connections may go.

    `allow` exempts from the rules of private addresses and of ports: host, host:port or CIDR. `loopback` exempts
    loopback. Metadata services are refused whatever is exempted.
    """

    def __init__(self, allow: Sequence[str] = (), loopback: bool = False, resolve: Resolve | None = None) -> None:
        self._networks: list[tuple[Network, int | None]] = []
        self._hosts: set[tuple[str, int | None]] = set()
        self._loopback = loopback
        self._resolve = resolve or system_resolve
        self.target = lru_cache(4096)(self._target)
        for entry in allow:
            self._exempt(entry.strip().lower())

    def check_url(self, url: str) -> None:
        """Whether the URL's form, host name and, if it is literal, address are allowed.

        Raises:
            Invalid: they are not.
        """
        self.target(url)

    def _target(self, url: str) -> Target:
        """`check_url`, and what the URL points at. It depends on the URL alone, so `target` remembers.

        Raises:
            Invalid: the URL is not allowed.
        """
        target = parse_url(url)
        address = self._check_host(target.host)
        if address is not None:
            self._check(address, target.port, target.host)
            if target.host != str(address) and ":" not in target.host:
                # One way to write an address, or our parser and a client's may come to different ones.
                raise Invalid(f"write the address {target.host} as {address}", field="url")
        elif _is_loopback_name(target.host):
            address = _LOOPBACK
            self._check(address, target.port, target.host)
        if target.port in _OTHER_PROTOCOLS and not (
            self._is_listed(target.host, target.port) or (address is not None and self._is_exempt(address, target.port))
        ):
            raise Invalid(f"port {target.port} is of another protocol than HTTP", field="url")
        return target

    def check_address(self, ip: str, port: int, host: str) -> None:
        """Whether a connection to `ip` on behalf of `host` is allowed.

        Raises:
            Invalid: it is not.
        """
        try:
            address = parse_answer(ip)
        except ValueError:
            raise Invalid(f"{host} has no valid address", field="url") from None
        self._check(address, port, host.lower().removesuffix("."))

    async def resolve(self, host: str, port: int) -> list[str]:
        """The addresses to connect to for a host: all of its addresses, each one checked.

        Raises:
            Invalid: one of them is forbidden, or the name is.
            UpstreamFailed: the name has none.
        """
        name = host.lower().removesuffix(".")
        literal = self._check_host(name)
        if literal is not None:
            self._check(literal, port, name)
            return [str(canonical(literal))]
        try:
            answers = await self._resolve(name, port)
        except (OSError, UnicodeError) as error:  # the latter for names that IDNA refuses
            raise UpstreamFailed(f"{name}: the name does not resolve ({reason(error)})") from error
        if not answers:
            raise UpstreamFailed(f"{name}: the name does not resolve (no address)")
        for answer in answers:
            self.check_address(answer, port, name)
        return [str(parse_answer(answer)) for answer in answers]

    def _check_host(self, host: str) -> Address | None:
        """The address a host literally is, None for a permitted name."""
        try:
            address = parse_host(host)
        except ValueError as error:
            raise Invalid(f"{host[:80]} is neither a name nor an address ({error})", field="url") from None
        if address is None and _is_metadata_name(host):
            raise Invalid(f"{host} is a cloud metadata service: never allowed", field="url")
        return None if address is None else canonical(address)

    def _check(self, address: Address, port: int, host: str) -> None:
        forms = [address, *embedded(address)]
        if any(is_metadata(form) for form in forms):
            raise Invalid(f"{host} is a cloud metadata address or near one: never allowed", field="url")
        if self._is_listed(host, port):
            return
        if not all(is_public(form) or self._is_exempt(form, port) for form in forms):
            raise Invalid(
                f"{host} is or resolves to an address that is not public; AIREGISTRY_EGRESS_ALLOW can exempt it",
                field="url",
            )

    def _is_listed(self, host: str, port: int) -> bool:
        return (host, None) in self._hosts or (host, port) in self._hosts

    def _is_exempt(self, address: Address, port: int) -> bool:
        if self._loopback and address.is_loopback:
            return True
        return any(
            network.version == address.version and address in network and only in {None, port}
            for network, only in self._networks
        )

    def _exempt(self, entry: str) -> None:
        if not entry:
            return
        try:
            self._networks.append((ip_network(entry, strict=False), None))
        except ValueError:
            match = re.fullmatch(r"(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<name>[a-z0-9._-]+))(?::(?P<port>\d{1,5}))?", entry)
            if match is None:
                raise Invalid(f"{entry!r} is neither host, host:port nor CIDR", field="egress_allow") from None
            port = int(match["port"]) if match["port"] else None
            host = match["v6"] or match["name"].removesuffix(".")
            try:
                self._networks.append((ip_network(ip_address(host)), port))
            except ValueError:
                self._hosts.add((host, port))


def _is_metadata_name(host: str) -> bool:
    labels = host.split(".")
    return host in _METADATA_NAMES or (labels[-1] == "internal" and not _METADATA_LABELS.isdisjoint(labels))


def _is_loopback_name(host: str) -> bool:
    return host in _LOOPBACK_NAMES or host.endswith(".localhost")
