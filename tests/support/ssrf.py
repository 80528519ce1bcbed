"""URLs that nothing in the product may fetch, and a look at every connection this process tries.

Every feature that takes a URL is held against the whole table: `await assert_refused(feature)`.
"""

import errno
import sys
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import ip_address

from airegistry.core.errors import AirError

PUBLIC = "93.184.216.34"
"""What a resolver answers that is asked for a harmless name."""

REFUSED_BY_FORM = [
    "",
    "http",
    "http:",
    "http://",
    "http:///path",
    "//example.com/",
    "example.com/mcp",
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://example.com/",
    "javascript:alert(1)",
    "data:text/plain,hello",
    "unix:///run/docker.sock",
    "http:example.com",
    "http:/example.com",
    "http://user@example.com/",
    "http://user:secret@example.com/",
    "http://example.com@169.254.169.254/",
    "http://example.com:80@127.0.0.1/",
    "http://@example.com/",
    "http://example.com#@127.0.0.1/",
    "http://example.com/#fragment",
    "http://127.0.0.1#.example.com/",
    "http://example.com\\@127.0.0.1/",
    "http:\\\\127.0.0.1\\",
    "http://127.0.0.1\\.example.com/",
    "http://example.com/a\r\nHost: evil",
    "http://example.com/a b",
    " http://example.com/",
    "http://example.com/\n",
    "http://example.com/\t",
    "http://example.com/\x00",
    "http://exa\u200bmple.com/",
    "http://１２７.0.0.1/",
    "http://127。0。0。1/",
    "http://ⓛocalhost/",
    "http://bücher.example/",
    "http://example.com:0/",
    "http://example.com:65536/",
    "http://example.com:99999/",
    "http://example.com:http/",
    "http://example.com:-1/",
    "http://example.com:80:80/",
    "http://exam%70le.com/",
    "http://127.0.0.1%2f@example.com/",
    "http://%31%32%37.0.0.1/",
    "http://exa$mple.com/",
    "http://a..b/",
    "http://.example.com/",
    "http://[::1/",
    "http://::1/",
    "http://[fe80::1%25eth0]/",
    "http://[fe80::1%eth0]/",
    "http://[v1.fe80::a]/",
    "http://[]/",
    "http://[1:2:3]/",
    "http://1.2.3.4.5/",
    "http://256.1.1.1/",
    "http://1.2.3.256/",
    "http://4294967296/",
    "http://0x100000000/",
    "http://08.8.8.8/",
    "http://8_8.8.8.8/",
    "http://example.com/" + "a" * 2048,
    "http://" + "a" * 64 + ".example/",
    "http://" + "a." * 127 + "example/",
    "ws://example.com/",
    "dict://127.0.0.1:11211/stats",
    "ldap://127.0.0.1/",
    "jar:http://127.0.0.1!/",
    "http+unix://%2Frun%2Fdocker.sock/",
    "http://①②⑦.⓪.⓪.①/",
    "http://127．0．0．1/",
    "http://localhost%00.example.com/",
    "http://%6c%6fcalhost/",
    "http://127.0.0.1%00@example.com/",
    "http://127.0.0.1:80\\@example.com/",
    "http://example.com%2f@127.0.0.1/",
    "http://example.com;@127.0.0.1/",
    "http://127.0.0.1&@example.com/",
    "http://[::ffff:127.0.0.1%25lo]/",
    "http://[::1]example.com/",
    "http://[127.0.0.1]/",
    "http://0x7f.0.0.0x1g/",
    "http://127.0.0.1../",
    "http://localhost\u0000/",
    "http://loc\u00adalhost/",
    "http://ⅼocalhost/",
    "https:///169.254.169.254/",
    "http:////127.0.0.1/",
]

REFUSED_BY_ADDRESS = [
    "http://127.0.0.1/",
    "http://127.0.0.1./",
    "http://127.255.255.254/",
    "http://127.1/",
    "http://127.0.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7F.1/",
    "http://0x7f.0x0.0x0.0x1/",
    "http://0177.0.0.1/",
    "http://017700000001/",
    "http://0/",
    "http://0.0.0.0/",
    "http://0x/",
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://172.31.255.255/",
    "http://192.168.1.1/",
    "http://100.64.0.1/",
    "http://100.127.255.254/",
    "http://169.254.1.1/",
    "http://192.0.0.8/",
    "http://192.0.2.1/",
    "http://198.18.0.1/",
    "http://198.51.100.7/",
    "http://203.0.113.7/",
    "http://192.88.99.1/",
    "http://224.0.0.1/",
    "http://239.255.255.250/",
    "http://240.0.0.1/",
    "http://255.255.255.255/",
    "http://[::]/",
    "http://[::1]/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::ffff:10.0.0.1]/",
    "http://[::ffff:0:127.0.0.1]/",
    "http://[::127.0.0.1]/",
    "http://[::8.8.8.8]/",
    "http://[64:ff9b::127.0.0.1]/",
    "http://[64:ff9b::a00:1]/",
    "http://[64:ff9b:1::8.8.8.8]/",
    "http://[2002:7f00:1::]/",
    "http://[2002:808:808::1]/",
    "http://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/",
    "http://[2001:db8::1]/",
    "http://[3fff::1]/",
    "http://[fe80::1]/",
    "http://[fec0::1]/",
    "http://[fc00::1]/",
    "http://[fd12:3456::1]/",
    "http://[ff02::1]/",
    "http://[ff0e::1]/",
    "http://[100::1]/",
    "http://localhost/",
    "http://LOCALHOST/",
    "http://localhost./",
    "http://anything.localhost/",
    "http://localhost.localdomain/",
    "http://ip6-localhost/",
    "http://127.0.0.1:22/",
    "http://127.000.000.001/",
    "http://0x7f.0x1/",
    "http://0300.0250.0.1/",
    "http://192.168.257/",
    "http://3232235777/",
    "http://0xc0a80101/",
    "http://0xA000001/",
    "http://[0000:0000:0000:0000:0000:0000:0000:0001]/",
    "http://[::FFFF:C0A8:0101]/",
    "http://[2606:4700::5efe:10.0.0.1]/",
    "http://[2606:4700::200:5efe:7f00:1]/",
    "http://[2002:c0a8:101::1]/",
    "http://[2001:0:a00:1::1]/",
    "http://[64:ff9b::c0a8:101]/",
    "http://app.localhost:8080/mcp",
    "http://ip6-loopback/",
]

METADATA = [
    "http://169.254.169.254/latest/meta-data/",
    "http://169.254.169.254./",
    "http://2852039166/",
    "http://0xa9fea9fe/",
    "http://0xa9.0xfe.0xa9.0xfe/",
    "http://0251.0376.0251.0376/",
    "http://169.254.43518/",
    "http://169.254.170.2/v2/credentials",
    "http://100.100.100.200/",
    "http://168.63.129.16/",
    "http://192.0.0.192/",
    "http://[fd00:ec2::254]/",
    "http://[fd20:ce::254]/",
    "http://[::ffff:169.254.169.254]/",
    "http://[::ffff:a9fe:a9fe]/",
    "http://[64:ff9b::169.254.169.254]/",
    "http://[64:ff9b:1::a9fe:a9fe]/",
    "http://[2002:a9fe:a9fe::1]/",
    "http://[::a9fe:a9fe]/",
    "http://[fe80::5efe:a9fe:a9fe]/",
    "http://metadata/",
    "http://METADATA.google.internal/computeMetadata/v1/",
    "http://metadata.google.internal./",
    "http://metadata.goog/",
    "http://metadata.azure.internal/",
    "http://instance-data/",
    "http://instance-data.ec2.internal/",
    "http://rancher-metadata/",
    "http://169.254.169.254:80/latest/api/token",
    "http://0xA9FEA9FE/",
    "http://0xa9.0xfea9fe/",
    "http://[fd00:c1::a9fe:a9fe]/",
    "http://[fd00:42::42]/",
    "http://[::ffff:0:a9fe:a9fe]/",
    "http://[2606:4700::5efe:a9fe:a9fe]/",
    "http://[2001:0:a9fe:a9fe::1]/",
    "http://metadata.tencentyun.com/",
    "http://metadata.platformequinix.com/",
    "http://metadata.packet.net/",
    "http://instance-data./",
]

REFUSED_BY_PORT = [
    "http://example.com:22/",
    "http://example.com:25/",
    "https://example.com:465/",
    "http://example.com:6667/",
    "http://8.8.8.8:53/",
    "http://[2606:4700:4700::1111]:143/",
]

ALLOWED = [
    "http://example.com",
    "https://example.com/",
    "HTTPS://Example.COM/mcp",
    "https://example.com:8443/mcp?x=1&y=@z",
    "https://example.com?x",
    "https://xn--bcher-kva.example/mcp",
    "https://my_host.example/mcp",
    "https://example.com./mcp",
    "http://8.8.8.8/",
    "http://8.8.8.8:8080/mcp",
    "http://[2606:4700:4700::1111]/",
    "http://[64:ff9b::8.8.8.8]/",
    "http://[::ffff:8.8.8.8]/",
    "https://127.0.0.1.nip.io/",
    "https://metadata.example.com/",
]

REFUSED = [*REFUSED_BY_FORM, *REFUSED_BY_ADDRESS, *METADATA, *REFUSED_BY_PORT]


class Connects:
    """The addresses that sockets of this process tried to connect to since `clear`; off loopback none gets through."""

    def __init__(self) -> None:
        self.tried: list[str] = []

    def see(self, event: str, args: tuple[object, ...]) -> None:
        if event != "socket.connect" or not isinstance(args[1], tuple):
            return
        host = str(args[1][0])
        self.tried.append(host)
        if not ip_address(host).is_loopback:
            raise OSError(errno.ENETUNREACH, "Network is unreachable")


WATCH = Connects()
sys.addaudithook(WATCH.see)


async def assert_refused(
    check: Callable[[str], Awaitable[object]],
    urls: Sequence[str] = REFUSED,
    errors: tuple[type[Exception], ...] = (AirError,),
    aside: frozenset[str] = frozenset(),
) -> None:
    """Each URL makes `check` raise one of `errors`, and no socket is connected to, but to addresses `aside`."""
    assert len(urls) >= 60
    accepted: list[str] = []
    for url in urls:
        WATCH.tried.clear()
        try:
            await check(url)
        except errors:
            pass
        else:
            accepted.append(url)
        assert set(WATCH.tried) <= aside, f"{url!r} led to a connection"
    assert accepted == []
