"""Where secrets go in a skill's code: from files and the environment to the network, within and across files."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from airegistry.core.findings import Finding
from airegistry.scanners.rules import Rule
from airegistry.scanners.skill_excuses import Excuse, excuse
from airegistry.scanners.skill_hosts import standing, urls, worst
from airegistry.scanners.skill_parts import Part
from airegistry.scanners.skill_rules import found, milder
from airegistry.scanners.skill_statements import Statement, statements

CODES = ("OWASP-MCP01:2025", "OWASP-ASI03:2026", "OWASP-LLM02:2025", "ATLAS-AML.T0086", "ATLAS-AML.T0098", "CWE-522")
_REMEDY = "Take it out: a skill has no need to send its user's secrets anywhere."

FLOW = Rule(
    "skill-exfiltration.secret-to-network",
    "critical",
    "secrets of the user are sent over the network",
    _REMEDY,
    CODES,
    "high",
    structural=True,
)
_KEY = replace(FLOW, id="skill-exfiltration.key-to-drop", message="a key is sent to a host that anybody may read from")
_DROP = Rule(
    "skill-hosts.drop",
    "high",
    "data is sent to a host that anybody may put up under no name",
    "Send data to a host of the publisher's own, by name and over TLS.",
    CODES,
    "medium",
)

SECRETS = re.compile(
    r"\.ssh(?![\w.-])(?!/(?:known_hosts|config))|\bid_(?:rsa|dsa|ecdsa|ed25519)\b(?!\.pub)|\.aws/(?:credentials|config)"
    r"|\.netrc\b|\.pypirc\b|\.git-credentials\b|\.pgpass\b|\.my\.cnf\b|\.s3cfg\b|\.boto\b|\.vault-token\b"
    r"|\.databrickscfg\b"
    r"|\.cargo/credentials|\.gem/credentials|\.m2/settings\.xml|\.terraform\.d/credentials|\brclone\.conf\b"
    r"|\.oci/config\b"
    r"|\.password-store\b|\.config/(?:op|sops|solana|doctl|github-copilot)/|\.codex/auth\.json|\.gemini/oauth_creds"
    r"|\.cursor/mcp\.json|\bclaude_desktop_config\.json|\.claude\.json|\.(?:huggingface|kaggle)/|share/keyrings\b"
    r"|\bKeychains/|\bLocal Extension Settings\b|\bnkbihfbeogaeaoehlefnkodbefgpgknn\b|\.(?:bitcoin|ethereum|electrum)/"
    r"|\b(?:Google/Chrome|BraveSoftware|Microsoft/Edge|Chromium(?=[/\\])|Firefox/Profiles|\.mozilla/firefox"
    r"|google-chrome)\b"
    r"|\bWeb Data\b|\bDPAPI\b|\bCryptUnprotectData\b"
    r"|\.docker/config\.json|\.kube/config|/etc/(?:shadow|gshadow|master\.passwd)|\.gnupg(?![\w.-])"
    r"|\.config/gcloud|application_default_credentials|\.azure/"
    r"|\.claude/\.credentials|auth-profiles\.json|\.openclaw/(?!skills|workspace)[\w./-]{1,60}\.json"
    r"|agent-identity\.json|\.config/gh/hosts"
    r"|\bLogin Data\b|\bcookies\.sqlite|\bCookies\.binarycookies|\bkey4\.db\b|\blogins\.json\b|/Cookies\b"
    r"|\bLocal State\b"
    r"|login\.keychain|\bfind-(?:generic|internet)-password\b|\bdump-keychain\b|\bwallet\.dat\b"
    r"|\b(?:MetaMask|Exodus|Electrum)\b|\bseed[ _]?phrase\b"
    r"|169\.254\.169\.254|metadata\.google\.internal|/proc/[^\s/]{1,20}/environ|user-secrets-envs"
    r"|\.(?:bash|zsh)_history\b"
    r"|toJSON\(\s?secrets\s?\)|\bsecrets\.toJSON\b|\bkeyring\.get_password\(|\bbrowser_cookie3\b"
    r"|\bpbpaste\b|\bImageGrab\.grab\(|\bpynput\b",
    re.IGNORECASE,
)
"""Places where secrets of a person lie. Keys by their own name are not here: a skill needs its own."""
_PLACES = re.compile(
    r"(?<![\w.])\.env(?:\.(?!example|sample|template|dist)\w{2,12})?(?![\w.-])|\.npmrc\b|/etc/passwd\b"
    r"|\bMEMORY\.md\b|\bSOUL\.md\b"
    r"|\bcredentials?\.(?:json|ya?ml|csv)\b|\bprivate[_-]?key\b|\*\.pem\b"
)
_DUMPS = re.compile(
    r"(?:^|[\s;|&(`])(?:printenv|env|set)(?:\s{1,2}2>\S{1,12})?\s{0,2}(?:\||>|`)"
    r"|(?:\$\(|`)\s{0,2}(?:printenv|env|set)(?:\s{1,2}2>\S{1,12})?\s{0,2}\)|\b(?:dict|str|list"
    r"|repr|dumps)\(\s{0,2}os\.environ\b|\bos\.environ\.items\(\)"
    r"|\bstringify\(\s{0,2}process\.env\b|\bObject\.(?:entries|keys|assign"
    r"|values)\([^\n)]{0,10}process\.env\b|\.\.\.process\.env\b|\bENV\.to_h\b"
    r"|\b(?:Get-ChildItem|gci|dir|ls) env:|=\s{0,2}(?:os\.environ(?:\.copy\(\))?|process\.env)\s{0,2};?$"
    r"|json=\s?os\.environ|data=\s?os\.environ",
    re.MULTILINE,
)
_NAMED_KEY = re.compile(
    r"\b(?:getenv|environ(?:\.get)?|env)[\[(.][\"']?\w{0,30}(?:KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL)"
    r"|\$\{?\w{0,30}(?:API_KEY|TOKEN|SECRET|PASSWORD)\b|\$\((?:uname|whoami|hostname|id|ifconfig|ip a)\b"
)
_READ = re.compile(
    r"\b(?:cat|tar|zip|cp|base64|xxd|head|tail|grep|find|open|read\w{0,12}|load\w{0,8}|glob|sqlite3?"
    r"|connect|jq|less|more|Get-Content|gc"
    r"|Compress-Archive|expanduser|Path|join|readdir\w{0,5}|walk|curl|wget|gzip|sed|awk|strings|security)\b|@|[\[\"']"
)
_HIDING = (
    *".ssh id_ .aws/ .netrc .pypirc .git-cred .pgpass .my.cnf .s3cfg .boto .vault .databricks .cargo/ .gem/ "
    ".m2/".split(),
    *".terraform.d rclone .oci/ .password-store .config/ .codex/ .gemini/ .cursor/ claude .huggingface .kaggle".split(),
    *"keyring keychain extension nkbihf .bitcoin .ethereum .electrum chrom brave edge firefox web dpapi crypt".split(),
    *".docker/ .kube/ /etc/ .gnupg gcloud application_default .azure/ auth-profiles openclaw agent-identity".split(),
    *"login cookie key4 local find- wallet metamask exodus electrum seed 169.254 metadata. /proc/ user-secrets".split(),
    *"_history tojson( pbpaste imagegrab pynput .env npmrc memory.md soul.md credential private *.pem env".split(),
    *"key token secret password $( set".split(),
)
"""In lower case, what stands in whatever the patterns of secrets match."""
_SENDERS = (
    *"curl wget nc netcat telnet scp rsync sftp dig nslookup host ping resolve-dns aws s3 gist mail .post .put".split(),
    *".patch .request urlopen request( http fetch( beacon .write( .end( .send upload invoke- gethostby getaddr "
    "resolver. dns. connection( put_object".split(),
)
"""In lower case, what stands in whatever sends."""
SEND = re.compile(
    r"\bcurl\b[^\n]{0,400}?\s(?:-d|--data(?:-\w{3,10})?|-F|--form|-T|--upload-file|--json|-X\s?(?:POST"
    r"|PUT)|--request\s(?:POST|PUT))\b"
    r"|\bcurl\b[^\n]{0,300}https?://[^\s]{0,200}(?:\$\(|`|\$\{?[A-Za-z_])|\bwget\b[^\n]{0,300}--(?:post"
    r"|body)-(?:data|file)"
    r"|\b(?:nc|ncat|netcat|telnet)\s{1,3}(?:-\w{1,6}\s{1,3}){0,3}[\w.$\{\}-]{3,80}\s{1,3}[\d$]|\b(?:scp"
    r"|rsync|sftp)\b[^\n]{0,200}\s[\w$.-]{0,40}@?[\w.$\{\}-]{3,80}:"
    r"|\b(?:dig|nslookup|host|ping|Resolve-DnsName)\b[^\n]{0,80}(?:\$\(|`|\$\{?\w)|\baws s3 (?:cp"
    r"|sync)\b[^\n]{0,120}s3://|\bgh gist create\b|\bmail(?:x)? -s\b"
    r"|\b(?:requests|httpx|session|client|http|axios|got|superagent|needle)\.(?:post|put|patch|request)\("
    r"|\burlopen\(|\bRequest\(|\baiohttp\b[^\n]{0,80}\.post\(|\.post\("
    r"|\b(?:requests|httpx)\.get\([^\n]{0,200}(?:params|\{|%|\+)|\bfetch\(|\bsendBeacon\("
    r"|\bhttps?\.(?:request|get)\(|\breq(?:uest)?\.(?:write|end|send)\(|\bxhr\.send\(|\bws\.send\("
    r"|\bInvoke-(?:RestMethod|WebRequest)\b[^\n]{0,300}-Method [\"']?(?:Post|Put)|\bUpload(?:String|File"
    r"|Data|Values)\(|\b(?:sock\w{0,6}|s|conn\w{0,8}|client)\.send(?:all|to)?\("
    r"|\bsendmail\(|\bsend_message\(|\bgethostbyname\(|\bgetaddrinfo\(|\bresolver\.(?:resolve|query)\("
    r"|\bdns\.(?:promises\.)?(?:lookup|resolve\w{0,3})\(|\bHTTPS?Connection\(|\bupload_fileobj\(|\bput_object\("
)
_NAMES = re.compile(
    r"(?<![\w.])(?:const |let |var |export |local |readonly |my "
    r"|\$)?([A-Za-z_]\w{0,60})\s?(?::\s?[\w.\[\]]{1,40}\s?)?[+]?=(?!=)"
)
_TARGETS = re.compile(
    r"\bas (\w{1,60})|\bfor (?:const |let |var )?\(?(?:const |let "
    r"|var )?(\w{1,60})(?:, ?(\w{1,60}))? (?:in|of)\b|\bread (?:-r )?(\w{1,60})|(\w{1,60})\.(?:append"
    r"|extend|update|push|add|write)\("
    r"|>{1,2}\s{0,2}[\"']?([\w./$\{\}-]{3,80})|\b(?:tar|zip)\s{1,2}[-\w]{1,10}\s{1,2}([\w./$\{\}-]{3,80})"
    r"|\s-(?:o|out)\s{1,2}([\w./$\{\}-]{3,80})|(\w{1,60})\[[^\n\]]{1,60}\]\s?="
    r"|\b(?:cp|mv|ln|install|rsync|ditto|tee|copy|Copy-Item|Move-Item|base64|gzip|gpg)\s[^\n|;&]{1,240}?\s[\"']?"
    r"([\w./~$\{\}-]{2,80})[\"']?\s{0,2}(?:$|[\n;&|)])"
    r"|\b(?:copy\w{0,8}|move|rename\w{0,4}|replace|symlink\w{0,4}|link\w{0,4}|make_archive"
    r"|write\w{0,12})\([^\n]{0,160}?[, ]"
    r"[\"']([\w./ ~-]{3,80})[\"']"
)
_MESSAGE = re.compile(
    r"(?:log\w{0,8}|echo|print\w{0,3}|info|warn\w{0,4}|error|console\.\w{3,5})\b[ (]{1,3}"
    r"(?:\"(?:[^\"$`{]|\$\{?\w{1,40}_(?:FILE|PATH|DIR|NAME)\b){0,300}\"|'[^'$`{]{0,300}')\)?;?$"
)
"""A statement that only says something."""
_PROBED = re.compile(r"[\[,]\s{0,20}[\"'`]/\.[\w./-]{2,40}[\"'`](?=\s{0,20}[,\]])")
"""A path at the root of a site, as scanners ask for: nobody keeps secrets there."""
_EVERYBODYS = re.compile(r"(?:/var)?/tmp|/dev/\w{1,8}|open|self|[.-]")
"""What says nothing of what is held."""
_SHORTEST = 4
"""Letters of a file's name that is known without its folder."""
_WORDS = re.compile(r"[\w./-]{1,80}")


_METADATA = re.compile(r"https?://(?:169\.254\.169\.254|metadata\.google\.internal)")
_COMMAND = re.compile(r"`([^`\n]{8,600})`")
_BY_NAME = re.compile(r"\b(?:dig|nslookup|host|ping|Resolve-DnsName)\b")
_ENDS_BLOCK = re.compile(r"^(?:done|\)|\})[^\n]{0,20}\|")


@dataclass(slots=True)
class _Taint:
    """Names that hold secrets, and functions that give or send what they are given."""

    held: set[str] = field(default_factory=set)
    givers: set[str] = field(default_factory=set)
    senders: set[str] = field(default_factory=set)
    strong: bool = False


def flow_findings(parts: Sequence[Part]) -> Iterator[Finding]:
    """Flows of secrets to the network: in a statement, by way of names, through functions, and from file to file."""
    code = [inline(part) for part in parts if part.language not in ("json", "decoded")]
    hidden = [part for part in parts if part.language in ("decoded", "json")]
    for part in hidden:
        yield from _in_one(part)
    sending = [part.hints(_SENDERS) and SEND.search(part.text) is not None for part in code]
    secret = [any(sending) and _secret(part) for part in code]
    if any(secret):
        functions = _Taint()
        for part, *either in zip(code, secret, sending, strict=True):
            if any(either):
                _learn(list(statements(part)), functions)
        for part, holds in zip(code, secret, strict=True):
            if holds or any(name in part.text for name in functions.givers):
                yield from _through(part, list(statements(part)), functions)
    yield from _drops(code)


def inline(part: Part) -> Part:
    """Code as it is; of prose the commands between backquotes."""
    if part.language != "prose":
        return part
    commands = "\n".join(_COMMAND.findall(part.text))
    return Part(part.field, part.file, "shell", commands, part.warned or part.taught)


def _secret(part: Part) -> bool:
    return part.hints(_HIDING) and any(each.search(part.text) for each in (SECRETS, _PLACES, _DUMPS, _NAMED_KEY))


def _learn(lines: Sequence[Statement], functions: _Taint) -> None:
    """Which functions give secrets back, and which send something."""
    taint = _Taint()
    for line in lines:
        functions.strong |= bool(SECRETS.search(line.text) or _DUMPS.search(line.text))
        if line.inside and SEND.search(line.text):
            functions.senders.add(line.inside)
        tainted = _taints(line.text, taint)
        if tainted:
            taint.held |= _assigned(line.text)
            if line.inside and line.text.startswith(("return", "echo", "cat", "print")):
                functions.givers.add(line.inside)


def _through(part: Part, lines: Sequence[Statement], functions: _Taint) -> Iterator[Finding]:
    """The first flow in a part."""
    taint = _Taint(givers=functions.givers, senders=functions.senders)
    keys: set[str] = set()
    for line in lines:
        tainted = _taints(line.text, taint) or bool(taint.held and _ENDS_BLOCK.search(line.text))
        sends = SEND.search(line.text) or (tainted and _calls(line.text, taint.senders) and not line.defines)
        if tainted and sends and _is_flow(line.text, part):
            yield found(part, _graded(part, line, functions.strong), line.at, line.at + len(line.text))
            return
        if _NAMED_KEY.search(line.text) or keys & _said(line.text):
            if sends and _worst_near(part, line.text) == "suspect":
                yield found(part, _KEY, line.at, line.at + len(line.text))
                return
            keys |= _assigned(line.text)
        if tainted:
            taint.held |= _assigned(line.text)


def _graded(part: Part, line: Statement, strong: bool) -> Rule:
    """A flow to where it belongs, as a key to its own service, is for a person to see."""
    kind = _worst_near(part, line.text)
    if kind in ("known", "local"):
        return milder(FLOW)
    return (
        FLOW
        if strong or kind == "suspect" or _PLACES.search(line.text)
        else replace(FLOW, severity="high", structural=False)
    )


def _worst_near(part: Part, text: str) -> str | None:
    """Of the hosts in a statement; where it names none, of those in the part that are not this machine."""
    near = worst(_METADATA.sub("", text))
    if near is None and not _BY_NAME.search(text):
        near = worst(_METADATA.sub("", part.text))
        near = None if near in ("local", "placeholder") else near
    return near


def _is_flow(text: str, part: Part) -> bool:
    """Whether something leaves the machine: one pipe, or a request with what is held in it."""
    return not re.search(r"\b(?:ssh-copy-id|ssh-keygen|git (?:push|clone))\b", text) or part.language == "hidden"


def _taints(text: str, taint: _Taint) -> bool:
    if _MESSAGE.match(text):
        return False
    text = _PROBED.sub("", text)
    if (SECRETS.search(text) or _PLACES.search(text)) and _READ.search(text):
        return not re.search(
            r"file://|<!ENTITY|\.\./|(?:^|\s)(?:source|export \$\()|load_dotenv|dotenv|ssh\s{1,2}-i|--netrc"
            r"|scp\s{1,2}-i",
            text,
        )
    if _DUMPS.search(text):
        return True
    said = _said(text)
    return bool(taint.held & said) or _calls(text, taint.givers)


def _said(text: str) -> set[str]:
    return {
        word
        for whole in _WORDS.findall(text)
        for word in (whole, *whole.split("."), *((whole.rstrip("/"), whole.rpartition("/")[2]) if "/" in whole else ()))
        if word
    }


def _calls(text: str, names: set[str]) -> bool:
    return bool(names) and any(
        name in names and (f"{name}(" in text or text.startswith(name) or f"$({name}" in text) for name in _said(text)
    )


def _assigned(text: str) -> set[str]:
    names = {match[1] for match in _NAMES.finditer(text[:400])}
    for match in _TARGETS.finditer(text[:2000]):
        names |= {name for group in match.groups() if group for name in _known_as(group)}
    return names


def _known_as(name: str) -> Iterator[str]:
    """What a name of an assignment, or of a file, may be said as later: as it is, without its folder, by its folder."""
    name = name.strip("${}\"'")
    if _EVERYBODYS.fullmatch(name):
        return
    yield name
    folder, slash, last = name.rpartition("/")
    if slash:
        if len(last) > _SHORTEST and "." in last:
            yield last
        if folder.lstrip("./~").count("/") and not _EVERYBODYS.fullmatch(folder):
            yield folder
        elif folder.startswith("$"):
            yield folder.strip("${}")


def _in_one(part: Part) -> Iterator[Finding]:
    """A secret and a sender side by side, as in a text that was encoded."""
    secret, sends = SECRETS.search(part.text), SEND.search(part.text)
    if secret and sends:
        first, last = sorted((secret.span(), sends.span()))
        yield found(part, FLOW, first[0], last[1])


def _drops(code: Sequence[Part]) -> Iterator[Finding]:
    """Anything that is sent to a paste, a request catcher, a tunnel or a bare address."""
    for part in code:
        suspect = "://" in part.text and any(standing(url) == "suspect" for url in urls(part.text))
        for match in SEND.finditer(part.text if suspect else ""):
            near = part.text[match.start() : match.end() + 300]
            if excuse(part, match.start()) == Excuse.NONE and any(standing(url) == "suspect" for url in urls(near)):
                yield found(part, _DROP, match.start(), match.end())
                break
