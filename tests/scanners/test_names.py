"""Which names pass for other ones, and which are only like them."""

from collections.abc import Mapping, Sequence

import pytest

from airegistry.core.findings import Finding, judged
from airegistry.core.known_names import KnownNames
from airegistry.core.ports import Surroundings
from airegistry.scanners.names import NameScanner
from airegistry.scanners.texts import texts
from tests.core.wiring import asset


def around(trusted: Mapping[str, Sequence[str]] = {}, others: Mapping[str, Sequence[str]] = {}) -> Surroundings:
    names = KnownNames()
    for stage, servers in (("approved_production", trusted), ("approved_dev", others)):
        for name, tools in servers.items():
            names.put(asset("server", name, name=name, stage=stage, tools=[{"name": tool} for tool in tools]))
    return Surroundings(names)


def found(name: str, *tools: str, beside: Surroundings | None = None) -> list[Finding]:
    one = asset("server", "mine", name=name, tools=[{"name": tool} for tool in tools])
    return list(NameScanner().scan(one, beside or around()))


def rules(findings: Sequence[Finding]) -> dict[str, str]:
    return {finding.rule.removeprefix("names."): finding.severity for finding in findings}


def blocked(findings: Sequence[Finding]) -> bool:
    return judged(findings)[0] == "block"


@pytest.mark.parametrize(
    "tool",
    ["r\u0435ad_file", "re\u0430d_file", "read_f\u0456le", "\uff52ead_file", "re\u03b1d_f\u0131le",
     "\U0001d42dead_file", "\u0441\u043e\u0440\u0443_file", "\u13a1ead_file", "list_\u0458\u043ebs"],
)  # fmt: skip
def test_a_tool_name_of_lookalike_letters_blocks_by_itself(tool: str) -> None:
    assert blocked(found("files", tool))


def test_a_lookalike_of_a_known_tool_is_critical_and_names_it() -> None:
    findings = found("files", "r\u0435ad_file", beside=around(trusted={"filesystem": ["read_file"]}))
    assert rules(findings) == {"homoglyph": "high", "lookalike-tool": "critical"}
    assert "'read_file' of server/filesystem" in findings[1].message
    assert findings[1].evidence == "r\\u0435ad_file"
    assert findings[1].field == "/tools/0/name"


@pytest.mark.parametrize("tool", ["1ist_files", "retum_book", "g0_back"])
def test_a_tool_in_ascii_that_looks_like_one_of_a_trusted_server_blocks(tool: str) -> None:
    known = ["list_files", "return_book", "go_back"]
    assert blocked(found("files", tool, beside=around(trusted={"filesystem": known})))
    assert not blocked(found("files", tool, beside=around(others={"filesystem": known})))


@pytest.mark.parametrize(
    "tool",
    [
        "查询天气",
        "wetter_für_köln",
        "名前を検索",
        "поиск",
        "get_天气",
        "مرحبا",
        "खोज",
        "søg",
        "α",
        "read_file",
        "Read_File",
    ],
)
def test_names_in_any_one_script_pass(tool: str) -> None:
    assert not blocked(found("files", tool, beside=around(trusted={"filesystem": ["read_file", "search"]})))
    assert "homoglyph" not in rules(found("files", tool))


def test_a_parameter_of_mixed_letters_blocks() -> None:
    tool = {"name": "t", "inputSchema": {"properties": {"p\u0430th": {"type": "string"}}}}
    (finding,) = NameScanner().scan(asset("server", "mine", name="x", tools=[tool]), around())
    assert (finding.rule, finding.structural) == ("names.homoglyph", True)
    assert finding.field == "/tools/0/inputSchema/properties/p\u0430th"


def test_the_same_tool_name_alone_is_a_note() -> None:
    findings = found("web", "search", beside=around(trusted={"docs": ["search"]}))
    assert rules(findings) == {"same-tool": "low"}
    assert judged(findings)[0] == "pass"


@pytest.mark.parametrize(
    "name",
    [
        "payrol",
        "payrolll",
        "pyaroll",
        "payr0ll",
        "pa\u0443roll",
        "payrall",
        "pay-roll",
        "PAYRoIl",
        "hayroll",
        "payrol1-mcp",
    ],
)
def test_a_server_called_nearly_as_a_trusted_one_blocks(name: str) -> None:
    assert blocked(found(name, "x", beside=around(trusted={"payroll": ["y"]}))), name


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("payroll", "payroll"),
        ("Payroll", "payroll"),
        ("payrolls", "payroll"),
        ("service-a", "service-b"),
        ("weather-2", "weather-1"),
        ("weather2024", "weather2025"),
        ("cat", "bat"),
        ("Issue Tracker", "issue-tracker"),
        ("invoices", "payroll"),
        ("pool", "poll"),
    ],
)
def test_names_of_a_row_plurals_and_other_spellings_pass(name: str, known: str) -> None:
    assert judged(found(name, "x", beside=around(trusted={known: ["y"]})))[0] == "pass"


def test_a_name_with_a_word_more_is_for_a_person_to_look_at() -> None:
    assert judged(found("payroll-mcp-server", "x", beside=around(trusted={"payroll": ["y"]})))[0] == "review"


def test_a_name_near_to_one_that_nobody_approved_is_a_note() -> None:
    assert rules(found("payrol", "x", beside=around(others={"payroll": ["y"]}))) == {"lookalike-server": "low"}


def test_a_server_is_no_lookalike_of_itself() -> None:
    names = KnownNames()
    one = asset("server", "mine", name="payroll", stage="approved_production", tools=[{"name": "r\u0435ad"}])
    names.put(one)
    later = asset("server", "mine", name="payrol", tools=[{"name": "read"}])
    assert list(NameScanner().scan(later, Surroundings(names))) == []


@pytest.mark.parametrize(
    "name",
    ["githup", "gihtub", "g1thub", "git\u04bbub", "my-slakc-tools", "rnicrosoft-teams", "goog1e", "com.paypa1/mcp",
     "postgers", "huggingfcae", "anthropik", "stirpe_payments", "hithub"],
)  # fmt: skip
def test_a_name_that_imitates_a_well_known_one_blocks(name: str) -> None:
    assert blocked(found(name, "x"))


@pytest.mark.parametrize(
    "name",
    ["github", "github-mcp-server", "GitHub Enterprise", "openapi", "stack-overflow", "canvas", "llama-tools", "motion",
     "context", "google-drive", "io.github.somebody/weather", "sqlite3", "math-mcp", "my weather", "Wetter für Köln"],
)  # fmt: skip
def test_well_known_names_and_words_near_to_them_pass(name: str) -> None:
    assert judged(found(name, "x"))[0] == "pass"


def test_a_claim_to_be_the_makers_own_is_for_a_person_to_look_at() -> None:
    assert judged(found("github-official", "x"))[0] == "review"
    assert judged(found("official-weather", "x"))[0] == "pass"


def test_two_tools_of_a_server_that_look_alike_block_when_letters_are_disguised() -> None:
    findings = found("files", "read", "r\u0435\u0430d")
    assert rules(findings)["twin-tools"] == "high"
    assert rules(found("files", "go_l", "go_I")) == {"twin-tools": "low"}


@pytest.mark.parametrize("kind", ["agent", "skill", "virtual_server", "entity"])
def test_names_of_every_kind_are_read(kind: str) -> None:
    fields = {"type": "t"} if kind == "entity" else {}
    one = asset(kind, "a", name="G\u043eogle helper", **fields)
    assert "names.homoglyph" in [finding.rule for finding in NameScanner().scan(one, around())]
    assert [text.role for text in texts(one) if text.field == "/name"] == ["name"]


def test_tools_of_a_virtual_server_are_known_by_their_aliases() -> None:
    one = asset("virtual_server", "v", tools=[{"server": "s", "tool": "x", "alias": "r\u0435ad_file"}])
    findings = NameScanner().scan(one, around(trusted={"filesystem": ["read_file"]}))
    assert "names.lookalike-tool" in [finding.rule for finding in findings]


@pytest.mark.parametrize("name", ["ledger-mcp-officia1", "ver1fied-ledger"])
def test_a_word_of_trust_spelt_with_digits_blocks(name: str) -> None:
    assert blocked(found(name, "post"))
    assert not blocked(found(name.replace("1", "_l_"), "post"))


def test_a_server_with_the_name_and_the_tools_of_a_trusted_one_is_looked_at() -> None:
    beside = around(trusted={"payroll": ["pay_out", "list_staff"]}, others={"ledger": ["post"]})
    assert judged(found("Payroll", "pay_out", beside=beside))[0] == "review"
    assert judged(found("payroll", "other", beside=beside))[0] == "pass"
    assert judged(found("ledger", "post", beside=beside))[0] == "pass"
