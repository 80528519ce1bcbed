"""Commands in skills that lend the machine to somebody: tunnels into it, coins mined on it, its secrets piped away."""

from collections.abc import Iterator
from dataclasses import replace

from airegistry.core.findings import Finding
from airegistry.scanners.rules import Rule
from airegistry.scanners.skill_flow import FLOW, inline
from airegistry.scanners.skill_hosts import worst
from airegistry.scanners.skill_parts import Part
from airegistry.scanners.skill_rules import ANY, Spot, found, pattern, spotted
from airegistry.scanners.skill_shell import RUN_CODES, WHY

_TUNNEL = Rule(
    "skill-tunnel.into-the-machine",
    "high",
    "somebody elsewhere gets into this machine by a tunnel",
    WHY,
    RUN_CODES,
    "high",
    structural=True,
)
_MINER = Rule(
    "skill-miner.started",
    "high",
    "the machine mines coins for somebody",
    WHY,
    ("OWASP-MCP05:2025", "OWASP-ASI02:2026", "ATLAS-AML.T0034", "CWE-506"),
    "high",
    structural=True,
)
_ENTRANCES = r"(?:22|23|445|2375|3389|5900|5985|6443)"
"""Ports by which a machine is worked on from afar."""

_SPOTS = (
    Spot(
        _TUNNEL,
        pattern(
            rf"\b(?:auto)?ssh\b[^\n|;]{{0,200}}\s-[a-z]{{0,6}}R\s?[\"']?(?:[\w.*\[\]-]{{0,60}}:)?\d{{1,5}}:"
            rf"[\w.\[\]-]{{1,60}}:{_ENTRANCES}\b"
            rf"|\bngrok tcp (?:[\w.-]{{1,60}}:)?{_ENTRANCES}\b|\bbore local {_ENTRANCES}\b"
            rf"|\bcloudflared\b[^\n]{{0,80}}--url[ =](?:ssh|tcp|rdp)://"
            rf"|\bchisel client\b[^\n]{{0,120}}\sR:(?:socks|[\w.:]{{0,40}}:{_ENTRANCES}\b)"
        ),
        ANY,
        ("ssh", "ngrok tcp", "bore local", "cloudflared", "chisel client"),
    ),
    Spot(
        _MINER,
        pattern(
            r"\b(?:xmrig|minerd|cpuminer|ethminer|t-rex|phoenixminer|lolminer|nbminer|gminer|cgminer|bfgminer|xmr-stak"
            r"|srbminer(?:-multi)?)(?:\.exe)?[\"']?\s[^\n]{0,80}(?<!\S)(?:-o|--url|--pool|-p|--server|--config|-c)[ =]"
            r"|\bstratum\+(?:tcp|ssl|tls)://[\w.-]{3,80}:\d{2,5}[^\n]{0,60}\s(?:-u|--user|--wallet)\b"
            r"|\s(?:-o|--url|--pool)[ =][\w.+:/-]{3,80}:\d{2,5}\s[^\n]{0,40}(?:-u|--user|--wallet)[ =][\"']?\w{30,120}"
            r"|\bnew CoinHive\.\w{4,10}\("
        ),
        ANY,
        ("miner", "xmrig", "xmr-", "t-rex", "stratum", "-o ", "--url", "--pool", "coinhive"),
    ),
)

_ISSUED = (
    r"(?:kubectl\s[^\n|]{0,60}\b(?:get|describe)\s{1,2}(?:secrets?|configmaps?|all)\b|helm get values\b"
    r"|gh (?:auth token|secret\b)|glab auth\b|git config (?:-l\b|--list|--get-all|--global -l)"
    r"|aws (?:secretsmanager get-secret|configure (?:get|export-credentials|list)|ssm get-param"
    r"|sts (?:get-session|assume-role))"
    r"|gcloud (?:auth print|secrets versions access|config config-helper)|az (?:account get-access-token|keyvault "
    r"secret)"
    r"|vault (?:kv get|read|list|token)|op (?:item|read|vault)\b|bw (?:get|list|export)|lpass (?:show|export)"
    r"|pass show|heroku config|vercel env|fly(?:ctl)? (?:secrets|ssh)|doppler secrets|railway variables|netlify env"
    r"|supabase secrets|wrangler secret|stripe config|terraform (?:output|state pull|show)|pulumi (?:config|stack "
    r"export)"
    r"|docker (?:inspect|compose config|secret)|podman inspect|npm config (?:ls|list)|pip config (?:list|debug)|gpg "
    r"--export"
    r"-secret|cmdkey /list|netsh wlan (?:show|export)|security (?:dump-keychain|export)|reg (?:save|export)|secretsdump"
    r"|ansible-vault (?:view|decrypt)|sops (?:-d|--decrypt|decrypt)|wg showconf|crontab -l|history|printenv|env"
    r"|declare -x"
    r"|export -p|set)"
)
_PIPED_AWAY = pattern(
    rf"(?:^|[\s;&(`\"']){_ISSUED}(?=\s|\|)[^\n;]{{0,200}}\|\s{{0,3}}(?:[^\n|]{{0,160}}\|\s{{0,3}}){{0,3}}"
    r"(?:curl|wget|http|https|xh|nc|ncat|netcat|socat|telnet|openssl s_client|ssh|rclone rcat|aws s3 cp -|gsutil cp -"
    r"|gh gist create|pastebinit|termbin|wormhole|ntfy|mail|mailx|sendmail|mutt|sendEmail)\b[^\n]{2,400}"
)
_PLACED = pattern(
    rf"\b(?:curl|wget|https?|xh)\b[^\n]{{0,200}}\s(?:-d|--data\S{{0,12}}|-F|--form|--body-data|--post-data)[ =]"
    rf"[^\n]{{0,60}}?(?:\$\(|`|<\()\s{{0,2}}{_ISSUED}\b[^\n]{{0,300}}"
)


def reach_findings(part: Part) -> Iterator[Finding]:
    """What a part's commands open, take or use of the machine for somebody elsewhere."""
    yield from spotted(part, _SPOTS)
    part = inline(part)
    if "|" not in part.text and "$(" not in part.text and "`" not in part.text:
        return
    for each in (
        (_PIPED_AWAY, _PLACED) if part.hints(("curl", "wget", "nc", "http", "ssh", "mail", "gist", "cp")) else ()
    ):
        for match in each.finditer(part.text):
            kind = worst(match[0])
            if kind not in ("known", "local", "placeholder"):
                sure = kind is not None or "gist" in match[0]
                yield found(part, FLOW if sure else replace(FLOW, severity="high", structural=False), *match.span())
                break
