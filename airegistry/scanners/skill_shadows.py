"""Where a skill puts itself between its user and what they trust: aliases, wrappers, hooks, containers, prompts."""

from collections.abc import Iterator
from dataclasses import replace

from airegistry.core.findings import Finding
from airegistry.scanners.rules import Rule
from airegistry.scanners.skill_parts import Part
from airegistry.scanners.skill_rules import ANY, CODE, Spot, pattern, spotted
from airegistry.scanners.skill_shell import STAY_CODES, WHY

_MODEL_CODES = ("OWASP-MCP06:2025", "OWASP-ASI01:2026", "OWASP-LLM01:2025", "ATLAS-AML.T0051.001", "CWE-1427")
_SWAP = Rule(
    "skill-shadow.command", "high", "a command that its user trusts is replaced by another one", WHY, STAY_CODES
)
_WATCHED = replace(
    _SWAP,
    id="skill-shadow.watched-command",
    message="a command is replaced by one that reads along or calls elsewhere",
    confidence="high",
    structural=True,
)
_GIT = Rule("skill-hooks.git-network", "high", "a hook of git sends something away or fetches it", WHY, STAY_CODES)
_TRUST = Rule(
    "skill-shadow.trust", "medium", "what this machine trusts, or where its traffic goes, is changed", WHY, STAY_CODES
)
_PROMPT = Rule("skill-injection.piped-to-model", "high", "what is fetched is the prompt of a model", WHY, _MODEL_CODES)

_MOUNT = Rule(
    "skill-privilege.host-mount",
    "high",
    "a container gets the keys of the machine that runs it",
    WHY,
    ("OWASP-MCP02:2025", "OWASP-ASI03:2026", "CWE-250"),
    "high",
    structural=True,
)
_DOCKER = replace(
    _MOUNT,
    id="skill-privilege.docker",
    severity="medium",
    message="a container may control the machine that runs it",
    confidence="medium",
    structural=False,
)

_GUARDED = r"(?:sudo|su|doas|ssh|scp|gpg|passwd|login|pinentry|ssh-add|keychain|op)"
_COMMON = (
    r"(?:sudo|su|doas|ssh|scp|gpg|passwd|login|git|npm|npx|pip3?|curl|wget|aws|kubectl|docker|gh|ls|cd|cat|python3?"
    r"|node)"
)
_LEAKS = r"(?:\bcurl\b|\bwget\b|\bnc\b|\bncat\b|/dev/tcp|\bread -[a-z]{0,3}s|https?://|\btee -a\b|\bopenssl s_client\b)"
_NET = r"(?:\bcurl\b|\bwget\b|\bnc\b|/dev/tcp|\bscp\b|https?://|\brequests\.|\burlopen\b)"

_SPOTS = (
    Spot(
        _WATCHED,
        pattern(
            rf"\balias {_COMMON}=[\"'][^\n]{{0,200}}{_LEAKS}"
            rf"|(?:^|[\n;]\s{{0,8}})(?:function )?{_COMMON}\s?\(\)\s?\{{(?s:[^}}]){{0,300}}?{_LEAKS}"
            rf"|(?:>|\btee )\s{{0,2}}[\"']?[^\s\"'|;&]{{0,60}}/bin/{_COMMON}[\"']?\s[^\n]{{0,40}}\n?"
            rf"(?s:.){{0,300}}?{_LEAKS}"
        ),
        ANY,
        ("alias ", "()", "/bin/"),
    ),
    Spot(
        _SWAP,
        pattern(
            rf"\balias {_GUARDED}=[\"']?(?!{_GUARDED}\b)[^\s\"'][^\n]{{2,160}}"
            rf"|(?:>|\btee )\s{{0,2}}[\"']?(?:~|\$\{{?HOME\}}?|/usr/local|/opt/homebrew)[^\s\"'"
            rf"|;&]{{0,40}}/bin/{_GUARDED}\b(?![./-])"
            rf"|\b(?:cp|mv|ln -\w{{1,3}}|install)\s[^\n]{{1,100}}\s[\"']?(?:~|\$\{{?HOME\}}?|/usr/local"
            rf"|/opt/homebrew)[^\s\"'|;&]{{0,40}}"
            rf"/bin/{_GUARDED}[\"']?(?=\s|$|[;&|])"
        ),
        ANY,
        ("alias ", "/bin/"),
    ),
    Spot(
        _GIT,
        pattern(
            rf"\.git/hooks/\w(?s:.){{0,400}}?{_NET}[^\n]{{0,200}}"
            rf"|\bgit config [^\n]{{0,40}}\b(?:core\.(?:sshCommand|fsmonitor|askPass|pager|editor)"
            rf"|credential\.helper)\s[^\n]{{0,120}}{_NET}"
            r"|\bgit config [^\n]{0,40}\burl\.[\"']?https?://[^\n]{3,120}\.insteadOf\b"
        ),
        CODE,
        (".git/hooks", "git config"),
    ),
    Spot(
        _TRUST,
        pattern(
            r"\biptables\b[^\n]{0,160}\b(?:--dport (?:80|443)\b)[^\n]{0,80}-j (?:REDIRECT|DNAT)"
            r"|\bsecurity add-trusted-cert\b|\bcertutil\b[^\n]{0,30}-addstore\b|\bnetworksetup"
            r" -set(?:secure)?webproxy\b"
            r"|\bnetsh winhttp set proxy\b|\bgit config [^\n]{0,30}http\.sslVerify\s{1,2}false|\bstrict-ssl[ =]false\b"
            r"|\bGONOSUM(?:DB|CHECK)=|\bGOSUMDB=off\b|\bGOFLAGS=[^\n]{0,30}-insecure\b"
        ),
        CODE,
        (
            *"iptables add-trusted-cert addstore networksetup winhttp sslverify strict-ssl".split(),
            *("gonosum", "gosumdb", "goflags"),
        ),
    ),
    Spot(
        _PROMPT,
        pattern(
            r"\b(?:claude|codex(?: exec)?|gemini|llm|aichat|ollama run [\w.:-]{1,40}|cursor-agent|copilot|aider|goose"
            r" run)\b"
            r"[^\n|]{0,80}[\"'\s](?:\$\(|<\()\s{0,2}(?:curl|wget)\b[^\n]{0,200}"
            r"|\b(?:curl|wget)\b[^\n|]{3,300}\|\s{0,3}(?:claude|codex(?: exec)?|gemini|llm|aichat|cursor-agent|ollama"
            r" run [\w.:-]{1,40})"
            r"(?:\s{1,3}(?:-p|--print|exec|-|--dangerously[\w-]{1,40}|--yolo)){0,3}\s{0,3}(?=$|[\n;&|)])"
        ),
        ANY,
        ("curl", "wget"),
    ),
    Spot(
        _MOUNT,
        pattern(
            r"\bdocker run\b(?=[^\n]{0,600}(?:--privileged|--cap-add[= ](?:ALL|SYS_ADMIN)|--pid[= ]host))"
            r"[^\n]{0,600}(?:-v|--volume)[= ][\"']?(?:/:|/etc/shadow|/root\b|/home[:/]|~/?:|~/\.ssh)"
        ),
        CODE,
        ("docker",),
    ),
    Spot(
        _DOCKER,
        pattern(
            r"\bdocker run\b[^\n]{0,600}/var/run/docker\.sock\b"
            r"|\bdocker run\b(?=[^\n]{0,600}\s-e\s?\w{0,20}(?:KEY|SECRET|TOKEN|PASSWORD))[^\n]{0,600}"
            r"(?:--privileged\b|--cap-add[= ](?:ALL|SYS_ADMIN))"
        ),
        CODE,
        ("docker",),
    ),
)


def shadow_findings(part: Part) -> Iterator[Finding]:
    """What a part puts between its user and what they trust."""
    yield from spotted(part, _SPOTS)
