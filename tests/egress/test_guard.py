"""Which URLs and addresses may be connected to."""

import pytest

from airegistry.core.errors import Invalid, UpstreamFailed
from airegistry.egress.guard import Guard, parse_url
from tests.egress.servers import Answers
from tests.support.ssrf import ALLOWED, METADATA, REFUSED, REFUSED_BY_FORM, REFUSED_BY_PORT

pytestmark = pytest.mark.anyio

EVERYTHING = ["0.0.0.0/0", "::/0", "metadata", "metadata.google.internal", "169.254.169.254", "instance-data"]


@pytest.mark.parametrize("url", REFUSED)
def test_a_url_that_is_malformed_or_points_inside_is_refused(url: str) -> None:
    with pytest.raises(Invalid):
        Guard().check_url(url)


@pytest.mark.parametrize("url", ALLOWED)
def test_a_url_that_points_to_the_public_internet_is_allowed(url: str) -> None:
    Guard().check_url(url)


@pytest.mark.parametrize("url", METADATA)
def test_a_metadata_service_is_refused_whatever_is_exempted(url: str) -> None:
    with pytest.raises(Invalid, match="metadata"):
        Guard(allow=EVERYTHING, loopback=True).check_url(url)


@pytest.mark.parametrize("url", REFUSED_BY_FORM)
def test_an_exemption_does_not_excuse_the_form_of_a_url(url: str) -> None:
    with pytest.raises(Invalid):
        Guard(allow=EVERYTHING, loopback=True).check_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9000/",
        "http://127.8.9.10/",
        "http://localhost:9000/",
        "http://a.localhost/",
        "http://[::1]:9000/",
        "http://[::ffff:127.0.0.1]/",
    ],
)
def test_loopback_is_allowed_to_a_registry_on_loopback(url: str) -> None:
    Guard(loopback=True).check_url(url)


@pytest.mark.parametrize("url", ["http://10.0.0.1/", "http://0.0.0.0/", "http://[::]/", "http://192.168.0.1/"])
def test_loopback_exempts_nothing_but_loopback(url: str) -> None:
    with pytest.raises(Invalid):
        Guard(loopback=True).check_url(url)


def test_an_address_has_one_spelling_even_where_it_is_allowed() -> None:
    with pytest.raises(Invalid, match=r"write the address 134744072 as 8\.8\.8\.8"):
        Guard().check_url("http://134744072/")


@pytest.mark.parametrize("url", REFUSED_BY_PORT)
def test_a_port_of_another_protocol_is_for_hosts_on_the_list(url: str) -> None:
    target = parse_url(url)
    Guard(allow=[str(target)]).check_url(url)
    with pytest.raises(Invalid, match=f"port {target.port} is of another protocol"):
        Guard(loopback=True, allow=["10.0.0.0/8"]).check_url(url)


@pytest.mark.parametrize(
    ("entry", "url", "allowed"),
    [
        ("10.1.2.3", "http://10.1.2.3/", True),
        ("10.1.2.3", "http://10.1.2.4/", False),
        ("10.1.2.3:8080", "http://10.1.2.3:8080/", True),
        ("10.1.2.3:8080", "http://10.1.2.3/", False),
        ("10.1.0.0/16", "http://10.1.2.3:1234/", True),
        ("10.1.0.0/16", "http://10.2.2.3/", False),
        ("fd12::/16", "http://[fd12::7]/", True),
        ("[fd12::7]:8080", "http://[fd12::7]:8080/", True),
        ("[fd12::7]:8080", "http://[fd12::7]:8081/", False),
        ("fd12::7", "http://[fd12::7]/", True),
        ("localhost", "http://localhost:9000/", True),
        ("127.0.0.0/8", "http://localhost:9000/", True),
        ("localhost:9000", "http://localhost:9001/", False),
        ("10.0.0.0/8", "http://[64:ff9b::10.0.0.1]/", True),
        ("10.0.0.0/8", "http://[::ffff:10.0.0.1]/", True),
        (" 10.1.2.3 ", "http://10.1.2.3/", True),
        ("", "http://10.1.2.3/", False),
    ],
)
def test_an_exemption_covers_its_host_port_or_network_only(entry: str, url: str, allowed: bool) -> None:
    guard = Guard(allow=[entry])
    if allowed:
        guard.check_url(url)
    else:
        with pytest.raises(Invalid):
            guard.check_url(url)


@pytest.mark.parametrize("entry", ["http://x", "10.0.0.0/33", "a b", "x:y", "[::1", "*"])
def test_an_exemption_that_is_no_host_or_network_is_refused(entry: str) -> None:
    with pytest.raises(Invalid, match="neither host, host:port nor CIDR"):
        Guard(allow=[entry])


@pytest.mark.parametrize(
    ("answers", "refused"),
    [
        (["93.184.216.34"], False),
        (["93.184.216.34", "2606:4700:4700::1111"], False),
        (["64:ff9b::5db8:d822"], False),
        (["93.184.216.34", "10.0.0.1"], True),
        (["10.0.0.1", "93.184.216.34"], True),
        (["93.184.216.34", "::1"], True),
        (["93.184.216.34", "64:ff9b::7f00:1"], True),
        (["127.0.0.1"], True),
        (["169.254.169.254"], True),
        (["fe80::1%eth0"], True),
        (["::ffff:192.168.0.1"], True),
        (["nonsense"], True),
    ],
)
async def test_a_name_is_refused_when_any_of_its_addresses_is(answers: list[str], refused: bool) -> None:
    guard = Guard(resolve=Answers(answers))
    if refused:
        with pytest.raises(Invalid):
            await guard.resolve("backend.example", 443)
    else:
        assert await guard.resolve("backend.example", 443) == answers


async def test_a_name_on_the_list_may_resolve_to_a_private_address_and_never_to_metadata() -> None:
    listed = Guard(allow=["backend.example:8080"], resolve=Answers(["10.0.0.1"]))
    assert await listed.resolve("Backend.Example.", 8080) == ["10.0.0.1"]
    with pytest.raises(Invalid):
        await listed.resolve("backend.example", 443)
    with pytest.raises(Invalid, match="metadata"):
        await Guard(allow=["backend.example"], resolve=Answers(["169.254.169.254"])).resolve("backend.example", 80)


async def test_a_metadata_name_is_never_looked_up() -> None:
    answers = Answers(["93.184.216.34"])
    with pytest.raises(Invalid, match="metadata"):
        await Guard(allow=EVERYTHING, resolve=answers).resolve("metadata.google.internal", 80)
    assert answers.asked == 0


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "::ffff:127.0.0.1", "10.0.0.1"])
async def test_an_address_in_any_notation_is_checked_and_never_looked_up(host: str) -> None:
    answers = Answers(["93.184.216.34"])
    with pytest.raises(Invalid):
        await Guard(resolve=answers).resolve(host, 80)
    assert answers.asked == 0


async def test_a_literal_address_resolves_to_itself() -> None:
    assert await Guard().resolve("8.8.8.8", 53) == ["8.8.8.8"]


async def test_the_system_resolver_is_asked_by_default() -> None:
    assert "127.0.0.1" in await Guard(loopback=True).resolve("localhost", 80)


@pytest.mark.parametrize("answers", [Answers([]), Answers([], ["93.184.216.34"])])
async def test_a_name_without_addresses_says_so(answers: Answers) -> None:
    with pytest.raises(UpstreamFailed, match=r"nowhere\.example: the name does not resolve"):
        await Guard(resolve=answers).resolve("nowhere.example", 80)


async def test_a_name_that_no_resolver_takes_does_not_resolve() -> None:
    with pytest.raises(UpstreamFailed, match="does not resolve"):
        await Guard().resolve("a" * 64 + ".example", 80)


async def test_an_empty_answer_of_a_resolver_is_no_address() -> None:
    async def empty(host: str, port: int) -> list[str]:
        return []

    with pytest.raises(UpstreamFailed, match="no address"):
        await Guard(resolve=empty).resolve("nowhere.example", 80)


def test_an_address_given_at_connect_time_is_checked_with_its_host() -> None:
    guard = Guard(allow=["inside.example"])
    guard.check_address("10.0.0.1", 80, "inside.example")
    with pytest.raises(Invalid, match=r"outside\.example is or resolves to"):
        guard.check_address("10.0.0.1", 80, "outside.example")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://Example.com./x", "example.com"),
        ("http://example.com:80/", "example.com"),
        ("http://example.com:443/", "example.com:443"),
        ("http://[2606:4700::1]:8080/", "[2606:4700::1]:8080"),
    ],
)
def test_a_target_is_shown_as_host_and_unusual_port(url: str, shown: str) -> None:
    assert str(parse_url(url)) == shown
