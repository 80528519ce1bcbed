"""What a skill brings or installs: other package indexes, install scripts, files that run, names that deceive."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace

from airegistry.core.assets import Skill
from airegistry.core.findings import Finding, escaped
from airegistry.scanners.package_names import Index, misspelt
from airegistry.scanners.rules import Rule
from airegistry.scanners.skill_hosts import worst
from airegistry.scanners.skill_parts import Part
from airegistry.scanners.skill_rules import found, milder, noted, pattern

_CODES = ("OWASP-MCP04:2025", "OWASP-ASI04:2026", "OWASP-LLM03:2025", "ATLAS-AML.T0010.005", "CWE-829")


def _rule(id: str, message: str, remedy: str, *, sure: bool = False) -> Rule:
    return Rule(id, "high", message, remedy, _CODES, "high" if sure else "medium", structural=sure)


_INDEX = _rule(
    "skill-packages.index",
    "packages come from an index that is not the language's own",
    "Install from the public index, or have operators set the mirror themselves.",
)
_SCRIPT = _rule(
    "skill-packages.install-script",
    "installing runs a command that fetches or hides what it runs",
    "Take the install script out.",
    sure=True,
)
_LIFECYCLE = replace(
    _rule("skill-packages.lifecycle", "installing runs a script of the package", "Run it openly, when it is needed."),
    severity="medium",
)
_BINARY = _rule(
    "skill-files.binary",
    "a file is a program that cannot be read here",
    "Ship sources, or say where the program comes from.",
)
_DISGUISE = _rule(
    "skill-files.double-ending",
    "a file that runs is named as one that does not",
    "Name files as what they are.",
    sure=True,
)
_ESCAPES = _rule(
    "skill-files.leaves-folder",
    "a file's name leads out of the skill's folder",
    "Keep every file inside the folder.",
    sure=True,
)
_LINK = _rule("skill-files.link", "a file is a link to a place outside the skill", "Ship the file itself.")

_OPTION = pattern(
    r"(?:--(?:extra-|default-)?index(?:-url)?|--registry|--find-links|--trusted-host|\bregistry|index-url"
    r"|PIP_(?:EXTRA_)?INDEX_URL|UV_(?:DEFAULT_|EXTRA_)?INDEX(?:_URL)?|npm_config_registry|NPM_CONFIG_REGISTRY|GOPROXY"
    r"|YARN_REGISTRY|npmRegistryServer|gem sources (?:--add|-a)|gem install [^\n]{1,80}--source|bundle config"
    r" mirror\.\S{4,80}"
    r"|poetry source add [\w -]{1,60}|pip config set [\w.-]{4,40}|replace-with[^\n]{0,200}|cargo [^\n]{1,80}--index"
    r"|CARGO_REGISTRIES_\w{1,40}_INDEX|pip3? install [^\n]{0,120}\s-[if]|conda [^\n]{1,80}\s-c)"
    r"[ =:\"'\[]{1,4}(?:sparse\+)?(https?://[^\s\"'`,)]{3,200})"
)
_TRUSTED = pattern(r"--trusted-host[ =][\"']?(?!localhost|127\.|10\.|192\.168\.)([\w-]{1,60}(?:\.[\w-]{1,60}){1,6})")
"""A host whose certificate, or lack of one, nobody looks at."""
_OPTIONS = (
    *"index registry find-links trusted-host goproxy cargo conda".split(),
    *("gem ", "poetry source", "pip config", "bundle config", "replace-with", "pip install", "pip3 install"),
)
_OFFICIAL = (
    "pypi.org pythonhosted.org npmjs.org npmjs.com yarnpkg.com github.com gitlab.com pytorch.org"
    " nvidia.com rubygems.org "
    "golang.org goproxy.io proxy.golang.org jsr.io npmmirror.com aliyun.com tsinghua.edu.cn ustc.edu.cn tencent.com "
    "pkg.dev amazonaws.com azure.com visualstudio.com jfrog.io cloudsmith.io fury.io googleapis.com"
    " maven.org crates.io "
    "huggingface.co anaconda.org openpolicyagent.org sigstore.dev buf.build docker.io docker.com ghcr.io quay.io "
    "entrust.net livekit.cloud taobao.org doubanio.com huaweicloud.com"
).split()
_FETCHING = pattern(
    r"\b(?:curl|wget|iwr|Invoke-WebRequest|powershell|base64|eval|nc)\b|\bnode -e\b|\bpython3? -c\b"
    r"|https?://|/dev/tcp|\b(?:ba|z)?sh -c\b|\$\(|\|\s?(?:ba)?sh\b"
)
_INSTALLS = pattern(
    r"\bnpm (?:i|install|exec)\b|\bnpx\b|\bpip3? install\b|\bnode \S{1,60}\.[cm]?js\b"
    r"|\bpython3? \S{1,60}\.py\b"
)
_MAGIC = (
    "MZ\x90",
    "\x7fELF",
    "\xcf\xfa\xed\xfe",
    "\xfe\xed\xfa",
    "\xca\xfe\xba\xbe",
    "PK\x03\x04",
    "Rar!",
    "7z\xbc\xaf",
)
_RUNS = re.compile(
    r"\.(?:exe|dll|so|dylib|scr|lnk|msi|com|pif|hta|jar|pyc|pyo|vbs|wsf|cpl|apk|node|bin)$", re.IGNORECASE
)
_DOUBLE = re.compile(
    r"[\w-]{1,80}\.(?:pdf|docx?|xlsx?|pptx?|txt|jpe?g|png|gif|mp[34]|mov|avi|csv|zip|md)\s{0,40}\.(?:lnk"
    r"|exe|scr|js|vbs|bat|cmd|hta|com|pif|ps1|msi|jar|sh)\b",
    re.IGNORECASE,
)
_LINK_TEXT = re.compile(
    r"\A(?:\.\./){1,20}[\w./-]{1,200}\Z|\A/(?:etc|root|home|proc|var|usr)/[\w./-]{1,200}\Z"
    r"|\A~/[\w./-]{1,200}\Z"
)


_MISSPELT = _rule(
    "skill-packages.misspelt",
    "a package is named like a well-known one with a slip",
    "Check the name of the package.",
    sure=True,
)
_INSTALLED = re.compile(
    r"\b(?:(?P<pypi>(?:uv )?pip3? install|uv add|uvx|pipx (?:install|run)|poetry add|pipenv install)"
    r"|npm (?:i|install|add|exec)|npx|pnpm (?:add|i|dlx)|yarn add|bun add|bunx)"
    r"((?: {1,3}(?:-[\w-]{1,30}(?:=\S{1,80})?|[\"']?@?[a-z0-9][\w.@/\[\]=<>~^,-]{1,60}[\"']?)){1,24})",
    re.IGNORECASE,
)
_REQUIRED = re.compile(r"^\s{0,4}([a-z0-9][\w.-]{2,60})\s{0,2}(?:$|[\[=<>~!;#@ ])", re.IGNORECASE | re.MULTILINE)
_WORD = re.compile(r"[a-z0-9][\w.-]{2,60}")
_BESIDE = re.compile(r"\.\./[\w-][\w./-]{0,200}\Z")
"""A link to the folder of another skill in the same place."""


def package_findings(part: Part) -> Iterator[Finding]:
    """What a part installs, and from where."""
    for match in _OPTION.finditer(part.text if part.hints(_OPTIONS) else ""):
        kind = worst(match[1])
        host = re.sub(r"^https?://(?:[^@/]{0,100}@)?", "", match[1]).partition("/")[0].partition(":")[0]
        if kind not in ("known", "local", "placeholder") and not _official(host):
            yield found(part, replace(_INDEX, structural=True) if kind == "suspect" else _INDEX, *match.span())
            break
    for match in _TRUSTED.finditer(part.text if "--trusted-host" in part.lower else ""):
        if worst(f"https://{match[1]}") in ("unknown", "suspect") and not _official(match[1].lower()):
            yield found(part, replace(_INDEX, structural=True), *match.span())
            break
    for name, index, at in _named(part):
        if near := misspelt(name, index):
            message = found(part, _MISSPELT, at, at + len(name))
            yield message.model_copy(update={"evidence": escaped(f"{name} for {near}")})
            break
    if part.language == "json" and '"scripts"' in part.text:
        yield from _scripts(part)
    if named := _DOUBLE.search(part.text):
        yield found(part, milder(_DISGUISE), *named.span())


def _named(part: Part) -> Iterator[tuple[str, Index, int]]:
    """Triples of a package that a part installs or requires, its index, and where it is named."""
    file = part.file.rpartition("/")[2].lower()
    if file == "package.json" and part.language == "json":
        for name in _dependencies(part.text):
            yield name, "npm", max(part.text.find(f'"{name}"'), 0)
    elif file.startswith("requirements") and file.endswith((".txt", ".in")):
        for match in _REQUIRED.finditer(part.text):
            yield match[1].lower(), "pypi", match.start(1)
    for match in _INSTALLED.finditer(part.text if part.hints(_INSTALLERS) else ""):
        for each in match[2].split():
            named = _WORD.match(each.strip("\"'").lower())
            if named and not each.startswith(("-", "@")) and "/" not in each:
                yield named[0].partition("@")[0], "pypi" if match["pypi"] else "npm", match.start()


_INSTALLERS = tuple("pip uv poetry npm npx yarn bun".split())


def _dependencies(text: str) -> Iterator[str]:
    try:
        manifest = json.loads(text)
    except (ValueError, RecursionError):
        return
    for kind in ("dependencies", "devDependencies", "optionalDependencies"):
        named = manifest.get(kind) if isinstance(manifest, dict) else None
        if isinstance(named, dict):
            yield from (name.lower() for name in named)


def _official(host: str) -> bool:
    return any(host == each or host.endswith("." + each) for each in _OFFICIAL)


def _scripts(part: Part) -> Iterator[Finding]:
    try:
        scripts = json.loads(part.text).get("scripts", {})
    except (ValueError, AttributeError, RecursionError):
        return
    for name in ("preinstall", "install", "postinstall", "prepare", "preuninstall"):
        command = scripts.get(name) if isinstance(scripts, dict) else None
        if isinstance(command, str):
            at = max(part.text.find(f'"{name}"'), 0)
            if _FETCHING.search(command):
                yield found(part, _SCRIPT, at, at + len(command))
            elif name != "prepare" and _INSTALLS.search(command):
                yield found(part, _LIFECYCLE, at, at + len(command))


def file_findings(skill: Skill) -> Iterator[Finding]:
    """What the files are, by their names and first bytes."""
    for name, text in skill.files.items():
        pointer = "/files/" + name.replace("~", "~0").replace("/", "~1")
        if name.startswith(("/", "~", "\\")) or ".." in re.split(r"[/\\]", name) or re.match(r"[A-Za-z]:", name):
            yield _ESCAPES.finding(pointer, name)
        if _DOUBLE.search(name):
            yield _DISGUISE.finding(pointer, name)
        elif _RUNS.search(name) or text.startswith(_MAGIC) or text.count("\x00") > 4:
            yield _BINARY.finding(pointer, name)
        if len(text) < 300 and _LINK_TEXT.match(text.strip()):
            beside = _BESIDE.match(text.strip())
            yield (noted(_LINK) if beside else _LINK).finding(pointer, text.strip())
