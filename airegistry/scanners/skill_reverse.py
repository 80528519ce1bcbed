"""Shells that are handed to another machine, and code that runs what it fetches, told by what stands together."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from airegistry.core.findings import Finding
from airegistry.scanners.rules import Rule
from airegistry.scanners.skill_parts import Part
from airegistry.scanners.skill_rules import found, milder, pattern
from airegistry.scanners.skill_shell import PLACE_HOLDER_TARGET, READ_IT, REVERSE, RUN_CODES

_WITHIN = 3_000
"""Characters that signs of one thing stand apart at most."""

_RUN_FETCHED = Rule(
    "skill-code.run-fetched", "critical", "code runs what it downloads or receives", READ_IT, RUN_CODES, "high", True
)
_SHELL = r"[\"'`](?:/(?:usr/)?bin/)?(?:(?:ba|z|da|k)?sh|cmd(?:\.exe)?|powershell(?:\.exe)?|pwsh)\b"


@dataclass(frozen=True, slots=True)
class Together:
    """A rule that holds where every one of some patterns is met near the first."""

    rule: Rule
    signs: tuple[re.Pattern[str], ...]
    hints: tuple[str, ...]


_TOGETHER = (
    Together(
        REVERSE,
        (
            pattern(rf"\b(?:spawn|exec|execFile|fork)\(\s{{0,3}}(?:{_SHELL}|process\.env\.SHELL)"),
            pattern(
                r"\.connect\(\s{0,3}[^)\s]|\b(?:net|tls)\.(?:connect|createConnection)\("
                r"|\bnew \w{0,12}\.?WebSocket\(|\brequire\([\"']net[\"']\)\.connect"
            ),
            pattern(r"\.pipe\(\s{0,2}[\w.]{1,40}stdin|\.stdout\.(?:pipe|on)\(|\.stdin\.write\("),
            pattern(r"\.stdout\.pipe\(|\.pipe\(\s{0,2}[\w.]{1,40}stdin|\.write\(|\.send\("),
        ),
        ("stdin", "stdout"),
    ),
    Together(
        REVERSE,
        (
            pattern(r"\bTCPClient\b"),
            pattern(r"\bGetStream\("),
            pattern(r"(?<![\w-])iex\b|\bInvoke-Expression\b|\bcmd(?:\.exe)? /c\b|Start-Process\b|\bProcessStartInfo\b"),
        ),
        ("tcpclient",),
    ),
    Together(
        REVERSE,
        (
            pattern(
                r"\bsocket\(|\bIO::Socket::INET\b|\bTCPSocket\.(?:open|new)\(|\b[pf]?sockopen\("
                r"|\bstream_socket_client\("
            ),
            pattern(
                r"\b(?:exec|system|popen|proc_open|spawn|passthru"
                r"|shell_exec)\b[\s(]{0,3}(?:sprintf[\s(]{1,2})?[\"'{(]{0,2}"
                r"(?:/(?:usr/)?bin/)?(?:ba|z|da|k)?sh\b|[\"'`][^\"'`\n]{0,12}/bin/(?:ba|z|da|k)?sh -i\b"
            ),
            pattern(
                r"open\(\s{0,2}STD(?:IN|OUT)\b|[<>]&|\bdup2\(|\bfdopen\(|\.reopen\(|\$pipes\b|\bsh -i\b"
                r"|\bstream_select\("
            ),
        ),
        ("sock",),
    ),
    Together(
        REVERSE,
        (
            pattern(r"\bsocket\.(?:socket|create_connection)\(|\bsocket\(\s{0,2}(?:socket\.)?AF_INET"),
            pattern(r"\.connect(?:_ex)?\(\s{0,3}\(|\bcreate_connection\("),
            pattern(r"\.recv(?:from|_into)?\("),
            pattern(
                r"\b(?:subprocess\.\w{3,14}|os\.(?:system|popen)|Popen|check_output|getoutput|run|call)\([^\n]{0,160}"
                r"(?:shell\s?=\s?True|\bcmd\b|command|data|recv|decode)|\bpty\.spawn\("
            ),
        ),
        ("recv",),
    ),
    Together(
        REVERSE,
        (
            pattern(r"\bsocket\.(?:socket|create_connection)\("),
            pattern(r"\.connect(?:_ex)?\(\s{0,3}\(|\bcreate_connection\("),
            pattern(
                rf"\bpty\.spawn\(|\b(?:Popen|call|run)\(\s{{0,3}}\[?\s{{0,3}}{_SHELL}[^\n]{{0,200}}fileno\(\)|\bdup2\("
            ),
        ),
        ("socket",),
    ),
    Together(
        REVERSE,
        (
            pattern(r"\bnet\.Dial\(|\bnew Socket\(|\bTcpStream::connect\(|\bsocket\.tcp\(\)"),
            pattern(
                r"\bexec\.Command\(\s{0,2}[\"'](?:/bin/)?(?:ba)?sh|\bcmd\.exe\b"
                r"|\bCommand::new\(\s{0,2}[\"'](?:/bin/)?(?:ba)?sh"
                r"|\bProcessBuilder\([^\n]{0,30}sh\b|\bgetRuntime\(\)\.exec\([^\n]{0,30}sh\b|\bio\.popen\("
            ),
        ),
        ("dial(", "new socket(", "tcpstream", "socket.tcp"),
    ),
    Together(
        _RUN_FETCHED,
        (
            pattern(
                r"(?<![\w.])(?:eval|Function|execSync|(?:vm\.)?runIn(?:This|New)Context|_compile)\(\s{0,3}[\"'\w,"
                r" ]{0,12}\(?"
                r"(?:await )?\(?(?:await )?[^\n;]{0,100}(?:\.text\(\)|\.data\b|\.body\b|responseText\b)"
            ),
            pattern(r"\b(?:fetch|axios|got|superagent|needle|request|https?\.get|XMLHttpRequest)\b"),
        ),
        ("eval(", "function(", "execsync(", "context(", "_compile("),
    ),
    Together(
        Rule(
            "skill-obfuscation.run-unread",
            "critical",
            "code runs a text that it decodes first",
            READ_IT,
            RUN_CODES,
            "high",
            True,
        ),
        (
            pattern(
                r"\b(?:deno run|node|bun(?: run)?|import)\b[^\n]{0,200}[\"' (]data:(?:application|text)/[\w.-]{1,24}"
                r"[^\s,\"']{0,40};base64,"
            ),
        ),
        (";base64,",),
    ),
    Together(
        REVERSE,
        (
            pattern(
                r"\btelnet\s[^\n|]{3,100}\|\s{0,3}(?:/bin/)?(?:ba|z)?sh\b[^\n|]{0,40}\|\s{0,3}telnet\b"
                r"|/inet/tcp/0/[^\n]{3,160}getline"
                r"|\bexec\s{1,3}\d{1,3}<>\s{0,2}/dev/tcp/|\bbusybox nc\b[^\n]{0,80}\s-e\b|\bzsh/net/tcp\b"
                r"|\bncat\b[^\n]{0,80}--ssl[^\n]{0,60}(?:-e|--exec)\b"
            ),
        ),
        ("telnet", "/inet/tcp", "/dev/tcp", "busybox", "zsh/net", "ncat"),
    ),
)


def reverse_findings(part: Part) -> Iterator[Finding]:
    """One finding per rule."""
    if not part.code and part.language != "hidden":
        return
    seen: set[str] = set()
    for each in _TOGETHER:
        if each.rule.id in seen or not part.hints(each.hints):
            continue
        first = each.signs[0].search(part.text)
        if first is None:
            continue
        around = part.text[max(0, first.start() - _WITHIN) : first.end() + _WITHIN]
        if all(sign.search(around) for sign in each.signs[1:]):
            seen.add(each.rule.id)
            target = part.text[first.start() : first.end() + 60].partition("\n")[0]
            doubtful = each.rule is REVERSE and not part.program and PLACE_HOLDER_TARGET.search(target)
            yield found(part, milder(each.rule) if doubtful else each.rule, *first.span())
