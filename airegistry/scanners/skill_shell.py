"""Commands in skills that fetch and run, open a shell to elsewhere, take rights, stay, or destroy."""

import re
from collections.abc import Iterator
from dataclasses import replace

from airegistry.core.findings import Finding
from airegistry.scanners.rules import Rule
from airegistry.scanners.skill_hosts import Standing, worst
from airegistry.scanners.skill_parts import Part
from airegistry.scanners.skill_rules import ANY, CODE, Spot, found, milder, noted, pattern, spotted

RUN_CODES = ("OWASP-MCP05:2025", "OWASP-ASI05:2026", "OWASP-LLM06:2025", "ATLAS-AML.T0011.002", "CWE-506")
FETCH_CODES = ("OWASP-MCP04:2025", "OWASP-ASI04:2026", "OWASP-LLM03:2025", "ATLAS-AML.T0010.005", "CWE-494")
STAY_CODES = ("OWASP-MCP05:2025", "OWASP-ASI05:2026", "ATLAS-AML.T0081", "CWE-506")
READ_IT = "Take the command out, or ship what it fetches with the skill so that it is scanned too."
WHY = "Ask the publisher why a skill needs this; take it out otherwise."

_FETCH = r"\b(?:curl|wget2?|aria2c|iwr|irm|Invoke-WebRequest|Invoke-RestMethod|lwp-request|fetch(?= -))\b"
_INTERPRETER = (
    r"(?:(?:sudo|doas)(?: -\w{1,12}){0,3} {1,3})?(?:env {1,3})?(?:/(?:usr/)?(?:local/)?bin/)?"
    r"(?:(?:ba|z|da|k|a)?sh\b(?! -c [\"']\$)|iex\b|Invoke-Expression\b|cmd(?:\.exe)? /c"
    r"|(?:python[\d.]{0,4}|node|perl|ruby|php|deno run|bun run)(?: {1,3}-)?(?=\s*(?:$|[;&|)\"'`\n])))"
)
PIPED = re.compile(
    rf"{_FETCH}[^\n|;]{{0,400}}\|\s{{0,4}}(?:[^\n|]{{0,120}}\|\s{{0,4}}){{0,2}}{_INTERPRETER}"
    rf"|(?:\b(?:ba|z)?sh|\bsource|(?:^|[\s;&])\.)\s{{1,3}}<\(\s{{0,3}}(?:curl|wget)\b[^\n)]{{0,300}}"
    rf"|(?:\b(?:ba|z)?sh\s{{1,3}}-c|\beval|\biex|\bInvoke-Expression)[\s\"'(&]{{0,5}}(?:\$\(|`|\()?\s{{0,2}}"
    rf"(?:curl|wget|iwr|irm|Invoke-WebRequest|Invoke-RestMethod|\(?New-Object [\w.]{{0,12}}WebClient)\b[^\n]{{0,300}}"
    r"|\bDownloadString\([^\n]{0,300}\)[^\n]{0,40}\|\s{0,3}(?:iex|Invoke-Expression)"
    r"|\b(?:curl|wget)\b[^\n]{0,300}(?:&&|;)\s{0,3}(?:sudo )?chmod [^\n;&]{1,120}(?:&&"
    r"|;)\s{0,3}(?:sudo )?(?:\./|/tmp/|~/|bash |sh )"
    r"|\b(?:curl|wget)\b[^\n]{0,300}(?:&&|;)\s{0,3}(?:sudo )?(?:ba|z)?sh {1,3}(?!-c)[^\s;&|]{1,80}",
    re.IGNORECASE | re.MULTILINE,
)
_FETCHERS = (*"curl wget aria2c iwr irm invoke- downloadstring lwp-".split(), "fetch -")
_SHELLS = (
    *"/dev/tcp /dev/udp ncat netcat mkfifo socat fsockopen tcpclient dup2( tcpsocket net.connect net.create".split(),
    "net.socket",
)
_NETCAT = re.compile(r"nc\b(?<![a-z0-9_]nc)")
_NOWHERE = re.compile(
    r"\b(?:curl|wget)(?: -\w{1,8}){0,2} {0,3}\||https?://(?:[\w-]{1,40}\.){0,2}example\.(?:com|org|net)\b"
)
"""No address, or one that is nobody's."""
_HOST = re.compile(
    r"\s[\"']?((?:[a-z0-9-]{1,40}\.){1,4}(?!sh\b|py\b|js\b|json\b|tgz\b|gz\b|txt\b)[a-z]{2,12})(?=[\s/)\"'|])"
)
_BARE = re.compile(r"\bcurl\b[^\n|]{0,200}\s(?:-k|--insecure|-[a-zA-Z]{0,8}k[a-zA-Z]{0,8})\s", re.MULTILINE)

START_BY_ITSELF = "skill-persistence.start-with-the-machine"
PIPE = Rule(
    "skill-shell.pipe-to-interpreter", "high", "a command runs what it downloads, unseen", READ_IT, FETCH_CODES, "high"
)
_DECODED_RUN = Rule(
    "skill-obfuscation.decode-and-run",
    "critical",
    "an encoded text is decoded and run",
    READ_IT,
    ("OWASP-MCP05:2025", "OWASP-ASI05:2026", "ATLAS-AML.T0068", "CWE-506"),
    "high",
    structural=True,
)
REVERSE = Rule(
    "skill-shell.reverse-shell",
    "critical",
    "a shell of this machine is given to another one",
    "Take it out: no skill needs to hand its user's shell to somebody else.",
    RUN_CODES,
    "high",
    structural=True,
)


def _rule(
    id: str, message: str, *, severity: str = "high", structural: bool = False, codes: tuple[str, ...] = RUN_CODES
) -> Rule:
    return Rule(id, severity, message, WHY, codes, "high" if structural else "medium", structural)  # type: ignore[arg-type]


_REVERSE_SHELL = re.compile(
    r"(?:[>&]&|<>|\b(?:ba|z)?sh\s{0,3}<)\s{0,3}/dev/(?:tcp|udp)/[^\s/]{1,100}/[^\s>&\"']{1,20}"
    r"|/dev/(?:tcp|udp)/[^\s/]{1,100}/[^\s>&\"']{1,20}[^\n]{0,40}(?:0>&1|0<&\d)"
    r"|\b(?:nc|ncat|netcat)(?:\.traditional|\.openbsd|\.exe)?\b[^\n|;]{0,80}\s(?:-[a-z]{0,6}e[a-z]{0,3}"
    r"|-c|--exec|--sh-exec)\s{1,3}"
    r"[\"']?(?:/bin/|/usr/bin/)?(?:ba|z)?(?:sh|cmd|powershell)\b"
    r"|\bmkfifo\b[^\n]{0,200}\b(?:nc|ncat|netcat|telnet|openssl s_client)\b"
    r"|\bsocat\b[^\n]{0,200}\bexec:[\"']?(?:/bin/)?(?:ba|z)?sh"
    r"|\bfsockopen\([^\n]{0,120}\b(?:exec|shell_exec|system|passthru|proc_open)\("
    r"|\bSockets?\.TCPClient\([^\n]{0,400}(?:iex|Invoke-Expression|cmd\.exe)"
    r"|\bdup2\(\s{0,2}\w{1,20}\.fileno\(\)"
    r"|\bTCPSocket\.(?:open|new)\([^\n]{0,160}\b(?:exec|spawn|popen)\b"
    r"|\bnet\.(?:connect|createConnection|Socket)\([^\n]{0,300}\.pipe\(\s{0,2}\w{1,20}\.stdin",
    re.IGNORECASE,
)
PLACE_HOLDER_TARGET = re.compile(
    r"[${\[]|<[A-Za-z]|\b(?:LHOST|ATTACKER|YOUR)|(?<![\d.])(?:127\.0\.0\.1|10\.\d|192\.168\.)|localhost|x\.x\.x|\.\.\."
    r"|/dev/tcp/(?:host|ip)\b"
)
_DECODE = re.compile(
    r"\bbase(?:64|32)\s{1,3}(?:-[dD]i?|--decode)\b[^\n|;]{0,80}\|\s{0,3}(?:[^\n|]{0,80}\|\s{0,3})?"
    rf"{_INTERPRETER}"
    r"|\b(?:xxd -r(?: -p)?|openssl (?:enc )?-?base64 -d|openssl enc -d|gunzip|zcat|rev|tr)\b[^\n"
    r"|;]{0,100}\|\s{0,3}(?:sudo )?(?:ba|z)?sh\b(?! -c)"
    r"|\b(?:eval|source|(?:ba|z)?sh -c|exec)\s{1,3}[\"']?(?:\$\(|`"
    r"|<\()[^\n)]{0,200}\b(?:base64\s{1,3}(?:-d|-D|--decode)|xxd -r)"
    r"|\bpowershell(?:\.exe)?\b[^\n]{0,120}\s-e(?:nc|ncodedcommand|c)?\s{1,3}[A-Za-z0-9+/=]{16,}+(?!\.\.)"
    r"|\b(?:iex|Invoke-Expression)\b(?!\|\w)[^\n]{0,120}FromBase64String"
    r"|FromBase64String\([^\n]{0,200}\|\s{0,3}(?:iex|Invoke-Expression)"
    r"|\b(?:exec|eval|compile)\(\s{0,3}(?:\w{1,20}\.){0,3}(?:b(?:ase)?(?:16|32|64|85)_?\w{0,3}decode"
    r"|unhexlify|fromhex|decompress|loads|a2b_\w{3,6})\("
    r"|\b(?:eval|Function|setTimeout|execSync|exec)\(\s{0,3}(?:atob\(|unescape\(|decodeURIComponent\("
    r"|String\.fromCharCode\(|Buffer\.from\([^\n)]{1,400},\s?[\"'](?:base64|hex)[\"']\))"
    r"|\b(?:eval|assert)\(\s{0,3}(?:base64_decode|gzinflate|str_rot13)\(",
    re.IGNORECASE,
)

_DECODERS = (
    *"base64 base32 xxd openssl gunzip zcat powershell decode hexlify fromhex compress atob unescape".split(),
    *"fromcharcode buffer.from gzinflate loads( rot13 |sh |bash".split(),
    *("| sh", "| bash", "| sudo"),
)
_WIPE = _rule(
    "skill-destruction.wipe",
    "a command destroys the system's or the user's files",
    severity="critical",
    structural=True,
    codes=("OWASP-MCP05:2025", "OWASP-ASI02:2026", "ATLAS-AML.T0101", "CWE-506"),
)
_WIPERS = (
    *"mkfs of=/dev :() vssadmin wbadmin bcdedit remove-item rmtree /dev/sd /dev/nvme preserve-root".split(),
    *("rm -", "rm  ", "rm\t", ": /", "chmod -r"),
)
_WIPES = pattern(
    r"\brm\s{1,3}(?:-[a-z]{1,6}\s{1,3}){1,3}(?:--no-preserve-root\s{1,3})?[\"']?(?:/|/\*|~|~/|~/\*"
    r"|\$\{?HOME\}?/?|\$\{?HOME\}?/\*"
    r"|/(?:etc|usr|var|bin|boot|home|lib|opt|root))[\"']?(?=\s|$|[;&|)`])"
    r"|--no-preserve-root|\bmkfs(?:\.\w{2,8})? [^\n]{0,60}/dev/|\bdd [^\n]{0,80}\bof=/dev/(?:sd|nvme|hd"
    r"|disk|vd)"
    r"|:\(\)\s?\{\s?:\|:\s?&\s?\}\s?;|\bvssadmin(?:\.exe)? delete shadows|\bwbadmin delete\b"
    r"|\bbcdedit\b[^\n]{0,60}recoveryenabled"
    r"|\bRemove-Item\b[^\n]{0,60}[\"' ](?:[A-Z]:\\|\$env:USERPROFILE|~|/)[\"'*]{0,2}(?=\s|$)"
    r"|\bformat [a-z]: /"
    r"|\bshutil\.rmtree\(\s{0,2}(?:[\"'](?:/|~|/home|/etc)[\"']|(?:\w{1,12}\.){1,3}(?:home"
    r"|expanduser)\([^\n)]{0,12}\)\s{0,2}[,)])"
    r"|>\s{0,2}/dev/(?:sd[a-z]|nvme\d)\b|\bchmod -R 0?(?:000|777) /(?=\s|$)"
)

_SPOTS = (
    Spot(
        _rule(
            "skill-secrets.password-check",
            "a password of the system is asked for and tried out",
            structural=True,
            codes=("OWASP-MCP01:2025", "OWASP-ASI03:2026", "ATLAS-AML.T0098", "CWE-522"),
        ),
        pattern(
            r"\bdscl\b[^\n]{0,30}-authonly|\bValidateCredentials\(|\bosascript\b[^\n]{0,200}(?:with hidden answer"
            r"|administrator privileges)"
            r"|\bsudo -S\b[^\n]{0,40}<<<|\bpam_authenticate\b|\bCredUIPromptFor"
        ),
        CODE,
        ("authonly", "validatecredentials", "osascript", "sudo -s", "pam_auth", "creduiprompt"),
    ),
    Spot(
        _rule("skill-code.remote-command", "what comes over the network is run as a command", structural=True),
        pattern(
            r"\b(?:onmessage\s?=|on\([\"'](?:data|message)[\"'],)(?s:.){0,240}?(?:\b(?:spawn|execSync|execFile"
            r"|spawnSync)\(|(?<![.\w])(?:exec|eval)\()"
        ),
        CODE,
        ("onmessage", "on('data", 'on("data', "on('message", 'on("message'),
    ),
    Spot(
        replace(
            _rule(
                "skill-backdoor.switch",
                "a word in capitals switches rules off",
                codes=("OWASP-MCP06:2025", "OWASP-ASI01:2026", "CWE-1427"),
            )
        ),
        re.compile(
            r"\b[A-Z_]{0,20}(?:ADMIN_OVERRIDE|BYPASS_(?:ALL|SAFETY|CONTENT|FILTER|SECURITY|AUTH|APPROVAL|POLICY"
            r"|PERMISSION|RESTRICTION|GUARD)\w{0,20}|OVERRIDE_ENABLED|DISABLE_SAFETY|GOD_MODE"
            r"|UNRESTRICTED_MODE|DAN_MODE|IGNORE_POLICY)"
        ),
        ANY,
        ("override", "bypass_", "disable_safety", "god_mode", "unrestricted_mode", "dan_mode", "ignore_policy"),
    ),
    Spot(
        _rule(
            "skill-hidden.markup",
            "a passage is made so that nobody sees it",
            codes=("OWASP-MCP06:2025", "OWASP-ASI01:2026", "ATLAS-AML.T0068", "CWE-451"),
        ),
        pattern(
            r"<\w{1,8} [^<>\n]{0,80}style=[\"'][^\"'\n]{0,80}(?:display:\s?none|visibility:\s?hidden"
            r"|font-size:\s?0|opacity:\s?0)[^<>\n]{0,80}>[^<\n]{0,20}"
            r"\b(?:ignore|you|system|instruction|assistant|send|run|execute|always|never)\b"
        ),
        ANY,
        ("style=",),
    ),
    Spot(
        _rule(
            "skill-hosts.fetch",
            "something is fetched from a host that anybody may put up under no name",
            codes=FETCH_CODES,
        ),
        pattern(
            r"\b(?:git clone|pip3? install|npm (?:i|install)|npx|curl|wget|fetch|iwr|irm|Invoke-WebRequest"
            r"|urlopen|requests\.get|download)\b[^\n]{0,120}"
            r"https?://(?:[\w.-]{0,80}\b(?:evil|attacker|malicious|malware|exfil|stealer|c2)\b[\w.-]{0,60}"
            r"|(?:\d{1,3}\.){3}\d{1,3})[:/][^\s]{0,200}"
        ),
        ANY,
        (
            "evil",
            "attacker",
            "malicious",
            "malware",
            "exfil",
            "stealer",
            "c2",
            "://1",
            "://2",
            "://3",
            "://4",
            "://5",
            "://6",
            "://7",
            "://8",
            "://9",
        ),
    ),
    Spot(
        _DECODED_RUN,
        _DECODE,
        ANY,
        _DECODERS,
    ),
    Spot(
        _rule(
            "skill-shell.living-off-the-land",
            "a program of the system is used to run something remote",
            severity="high",
            structural=True,
        ),
        pattern(
            r"\bmshta(?:\.exe)?\s{1,3}[\"']?(?:https?:|javascript:|vbscript:)"
            r"|\bregsvr32\b[^\n]{0,80}/i:\s{0,2}https?:"
            r"|\brundll32\b[^\n]{0,80}(?:javascript:|https?:|\\\\)|\bcertutil\b[^\n]{0,60}-urlcache\b"
            r"|\bbitsadmin\b[^\n]{0,60}/transfer\b"
            r"|\bnet use [a-z*]: [\"']?\\\\[^\n]{3,160}(?:&&|;|&)|\bwmic\b[^\n]{0,60}process call create\b"
            r"|\b(?:nslookup|dig)\b[^\n]{0,200}\|[^\n]{0,200}\b(?:iex|Invoke-Expression|(?:ba)?sh)\b"
            r"|\bin \('nslookup[^\n]{0,200}\bdo\b"
        ),
        ANY,
        tuple("mshta regsvr32 rundll32 certutil bitsadmin wmic nslookup dig net".split()),
    ),
    Spot(_WIPE, _WIPES, frozenset(("shell", "powershell", "python", "decoded", "hidden")), _WIPERS),
    Spot(
        replace(_WIPE, severity="high", structural=False),
        _WIPES,
        frozenset(("prose", "javascript", "json", "yaml", "other")),
        _WIPERS,
    ),
    Spot(
        _rule(
            "skill-defence.switched-off",
            "protections of the machine are switched off or told to look away",
            severity="high",
            structural=True,
        ),
        pattern(
            r"\bSet-MpPreference\b[^\n]{0,80}-Disable\w{4,40}|\bAdd-MpPreference\b[^\n]{0,80}-Exclusion\w{3,12}"
            r"|\bspctl\b[^\n]{0,20}--(?:master|global)-disable"
            r"|\bcsrutil disable|\bsetenforce 0|\bsc(?:\.exe)? (?:stop|delete|config) (?:WinDefend|Sense|wscsvc)\b"
            r"|\bnetsh advfirewall set \w{3,12} state off|\bsystemctl (?:stop|disable|mask)[^\n]{0,20} (?:auditd"
            r"|falcon-sensor|clamav|osqueryd|apparmor)\b"
            r"|\bdefaults write [^\n]{0,60}LSQuarantine\b"
        ),
        ANY,
        tuple("preference spctl csrutil setenforce sc netsh systemctl quarantine".split()),
    ),
    Spot(
        _rule("skill-defence.disarm", "somebody is told to switch protections off"),
        pattern(
            r"\b(?:disable|turn off|deactivate|kill|stop|uninstall|bypass) (?:your |the |any |all |windows "
            r"|macos )?(?:\w{1,12} )?"
            r"(?:anti-?virus|defender|gatekeeper|firewall|EDR|endpoint protection|smartscreen|security software"
            r"|real-?time (?:protection|monitoring))\b"
            r"|\bunset HISTFILE|\bhistory -c\b|\bHISTSIZE=0|\brm [^\n]{0,20}\.(?:bash|zsh)_history"
            r"|\bxattr -[a-z]{0,3}[cd][a-z]{0,3} (?![^\n]{0,80}brew --)[^\n]{0,60}(?:quarantine|\.app\b)"
        ),
        ANY,
        tuple(
            "virus defender gatekeeper firewall edr endpoint smartscreen security protection monitoring hist"
            " quarantine xattr".split()
        ),
    ),
    Spot(
        _rule(
            "skill-persistence.keys-and-rights",
            "a key, a sudo rule or a set-uid bit lets somebody back in",
            structural=True,
            codes=STAY_CODES,
        ),
        pattern(
            r">>\s{0,3}[^\s;]{0,60}\.ssh/authorized_keys|\btee (?:-a )?[^\s;]{0,60}(?:authorized_keys|/etc/sudoers)"
            r"|NOPASSWD:\s{0,2}ALL[^\n]{0,60}/etc/sudoers|>>\s{0,3}/etc/(?:sudoers|passwd|shadow|ld\.so\.preload)"
            r"|\bchmod (?:[ug]?\+s|[0-7]?[4-7]7\d\d|4755) [^\n]{0,60}(?:bash|sh|python)\b"
            r"|\becho [^\n]{0,100}NOPASSWD[^\n]{0,60}sudoers"
        ),
        ANY,
        tuple("authorized_keys sudoers nopasswd >>/etc /etc/passwd /etc/shadow ld.so.preload chmod".split()),
    ),
    Spot(
        _rule(
            START_BY_ITSELF,
            "something is made to start by itself from now on",
            codes=STAY_CODES,
        ),
        pattern(
            r"\|\s{0,3}crontab -|\bcrontab\b[^\n]{0,10}<<|>>?\s{0,3}/etc/cron[^\s]{1,60}|@reboot\b"
            r"|>>?\s{0,3}[^\s;]{0,60}(?:LaunchAgents|LaunchDaemons|autostart|systemd/(?:system|user)|init\.d"
            r"|profile\.d)/[^\s;]{1,80}"
            r"|\bcp [^\n]{1,120}(?:LaunchAgents|LaunchDaemons|\.config/autostart|systemd/system"
            r"|Start Menu\\Programs\\Startup)"
            r"|\bschtasks(?:\.exe)? /create|\bNew-ScheduledTask\w{0,12}"
            r"|\breg add [^\n]{0,80}\\CurrentVersion\\Run|\bNew-Service\b"
            r"|\bregister-scheduledtask\b"
        ),
        CODE | {"prose"},
        tuple(
            "crontab /etc/cron @reboot launchagents launchdaemons autostart systemd init.d profile.d startup"
            " schtasks scheduledtask currentversion new-service".split()
        ),
    ),
    Spot(
        _rule(
            "skill-persistence.shell-start-up",
            "the shell's start-up file is changed to run something",
            codes=STAY_CODES,
        ),
        pattern(
            r"\b(?:echo|printf|cat)\b[^\n]{0,200}(?:curl|wget|nohup|base64|eval|/tmp/|python|node|\.sh\b"
            r"|&[\"'])[^\n]{0,160}>>\s{0,3}[\"']?"
            r"(?:~|\$\{?HOME\}?|/root|/home/\w{1,20})/\.(?:bashrc|zshrc|profile|bash_profile|zprofile|zshenv)\b"
        ),
        CODE | {"prose"},
        tuple("bashrc zshrc profile zshenv".split()),
    ),
)


def shell_findings(part: Part) -> Iterator[Finding]:
    """What the commands of a part do that no skill should."""
    yield from (
        each for each in spotted(part, _SPOTS) if each.rule != "skill-hosts.fetch" or worst(each.evidence) == "suspect"
    )
    if part.hints(_FETCHERS):
        yield from _pipes(part)
    if not part.hints(_SHELLS) and _NETCAT.search(part.lower) is None:
        return
    for match in _REVERSE_SHELL.finditer(part.text):
        target = part.text[match.start() : match.end() + 60]
        rule = milder(REVERSE) if PLACE_HOLDER_TARGET.search(target) and not part.program else REVERSE
        yield found(part, rule, *match.span())
        return


def _unschemed(command: str) -> Standing | None:
    """Whether the first host in a command that names it without a scheme is known; None if it is not."""
    named = _HOST.search(command)
    return "known" if named and worst(f"https://{named[1]}") == "known" else None


def _pipes(part: Part) -> Iterator[Finding]:
    """Pipes to interpreters, judged by whose host it is that they trust."""
    for match in PIPED.finditer(part.text):
        kind = worst(match[0]) or _unschemed(match[0])
        sure = kind == "suspect" or _BARE.search(match[0]) or part.language in ("hidden", "decoded")
        if sure or (part.language == "json" and kind != "known"):
            rule = replace(PIPE, structural=True)
        elif kind in ("known", "local") or (kind != "unknown" and _NOWHERE.search(match[0])):
            rule = noted(PIPE)
        else:
            rule = PIPE if kind == "unknown" else milder(PIPE)
        yield found(part, rule, *match.span())
