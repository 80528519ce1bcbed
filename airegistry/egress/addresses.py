"""What an IP address really points at, however it is written. Pure functions, no I/O.

`ipaddress.is_global` alone is not enough: its tables are as old as the interpreter (3.11 calls 192.0.0.192, fec0::/10
and 64:ff9b:1::/48 global), and it does not look into addresses that carry another address.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def _networks(text: str) -> tuple[Network, ...]:
    return tuple(ip_network(word) for word in text.split())


_METADATA = _networks(
    "169.254.0.0/16 100.100.100.200/32 168.63.129.16/32 192.0.0.192/32"
    " fd00:ec2::/32 fd20:ce::254/128 fd00:c1::a9fe:a9fe/128 fd00:42::42/128"
)
"""Metadata and credential services: AWS, Azure, Google, Alibaba, Oracle, Scaleway. IPv4 link-local as a whole,
for clouds put new ones there every year."""

_NOT_PUBLIC = _networks(
    "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24"
    " 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24"
    " 224.0.0.0/4 240.0.0.0/4"
    " 2001::/23 2001:db8::/32 2002::/16 3fff::/20"
)
"""What the IANA special-purpose registries (RFC 6890 and later) call not globally reachable, as far as it lies in
0.0.0.0/0 and 2000::/3."""

_PUBLIC_V6 = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
_NAT64_LOCAL = IPv6Network("64:ff9b:1::/48")
_TRANSLATED = IPv6Network("::ffff:0:0:0/96")
_COMPATIBLE = IPv6Network("::/96")
_ISATAP = (b"\x00\x00\x5e\xfe", b"\x02\x00\x5e\xfe")


def canonical(address: Address) -> Address:
    """The address a socket would talk to: an IPv4-mapped one is its IPv4 address."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def embedded(address: Address) -> list[IPv4Address]:
    """The IPv4 addresses that a translator or tunnel would make of an IPv6 address."""
    if isinstance(address, IPv4Address):
        return []
    low = IPv4Address(address.packed[12:])
    found: list[IPv4Address] = []
    if address in _NAT64 or address in _NAT64_LOCAL or address in _TRANSLATED or address.packed[8:12] in _ISATAP:
        found.append(low)
    if address in _COMPATIBLE and int(address) > 1:
        found.append(low)
    if address.sixtofour is not None:
        found.append(address.sixtofour)
    if address.teredo is not None:
        found.extend(address.teredo)
    return found


def is_metadata(address: Address) -> bool:
    """Whether the address is a cloud's metadata or credential service, or near one."""
    return any(address in network for network in _METADATA if network.version == address.version)


def is_public(address: Address) -> bool:
    """Whether the address itself, embedded ones aside, is unicast and globally routable."""
    if isinstance(address, IPv6Address) and address not in _PUBLIC_V6:
        return address in _NAT64
    return not any(address in network for network in _NOT_PUBLIC if network.version == address.version)


def parse_host(host: str) -> Address | None:
    """The address a host is, in any notation the operating system reads; None for a name.

    Raises:
        ValueError: it looks like a number but is no address, or has a zone.
    """
    if ":" in host or "%" in host:
        address = IPv6Address(host)
        if address.scope_id is not None:
            raise ValueError("an address with a zone")
        return address
    parts = host.removesuffix(".").split(".")
    if not (parts[-1].isdigit() or parts[-1].lower().startswith("0x")):
        return None
    return _aton(parts)


def parse_answer(text: str) -> Address:
    """The address in a resolver's answer.

    Raises:
        ValueError: it is none.
    """
    return canonical(ip_address(text))


def _aton(parts: list[str]) -> IPv4Address:
    """inet_aton: one to four parts, each decimal, octal or hexadecimal; the last fills the rest."""
    if len(parts) > 4:
        raise ValueError("more than four numbers")
    numbers = [_number(part) for part in parts]
    *heads, last = numbers
    if any(head > 255 for head in heads) or last >= 256 ** (5 - len(numbers)):
        raise ValueError("a number is too large")
    value = last
    for index, head in enumerate(heads):
        value += head << (24 - 8 * index)
    return IPv4Address(value)


def _number(part: str) -> int:
    if "_" in part:
        raise ValueError("no number")  # int() would read it
    if part.lower().startswith("0x"):
        return int(part[2:] or "0", 16)
    return int(part, 8 if len(part) > 1 and part.startswith("0") else 10)
