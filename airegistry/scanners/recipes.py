"""Reads the recipes of local servers: what is started, whether it is what was seen, and what is slipped into it."""

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath, PureWindowsPath

from airegistry.core.assets import Server
from airegistry.core.findings import Finding
from airegistry.core.ports import AnyAsset, Surroundings
from airegistry.core.server_forms import current
from airegistry.core.server_packages import recipes_of
from airegistry.scanners.rules import Rule
from airegistry.scanners.skill_hosts import standing, urls

_RUN = ("OWASP-MCP05:2025", "OWASP-ASI05:2026", "ATLAS-AML.T0011.002", "CWE-78")
_CHAIN = ("OWASP-MCP04:2025", "OWASP-ASI04:2026", "OWASP-LLM03:2025", "ATLAS-AML.T0010.005", "CWE-1357")
_RIGHTS = ("OWASP-MCP02:2025", "OWASP-ASI03:2026", "CWE-250")

_SHELL = Rule(
    "recipe.shell",
    "high",
    "a shell is started and not a server",
    "Start the server's own program.",
    _RUN,
    "high",
    structural=True,
)
_INLINE = Rule(
    "recipe.inline-code",
    "high",
    "the recipe carries code in an argument",
    "Put the code in a package or a file that can be read.",
    _RUN,
    "high",
    structural=True,
)
_UNPINNED = Rule(
    "recipe.unpinned",
    "high",
    "whatever version is newest is started",
    "Name the exact version, or the image by its digest.",
    _CHAIN,
    "high",
)
_UNASKED = Rule(
    "recipe.unasked-install",
    "low",
    "a package is installed without asking",
    "Install it first, in a version that was read.",
    _CHAIN,
)
_REMOTE = Rule(
    "recipe.remote-source",
    "high",
    "what is started comes from an address and not from an index",
    "Publish a package, and pin its version.",
    _CHAIN,
)
_INDEX = Rule(
    "recipe.index",
    "high",
    "packages come from another index",
    "Install from the public index, or have operators set a mirror.",
    _CHAIN,
    "high",
    structural=True,
)
_ENVIRONMENT = Rule(
    "recipe.environment",
    "high",
    "a variable slips code into whatever is started",
    "Leave the variable out.",
    ("OWASP-MCP05:2025", "OWASP-ASI05:2026", "CWE-426"),
    "high",
    structural=True,
)
_PROXY = Rule(
    "recipe.proxy",
    "medium",
    "a variable sends traffic or trust elsewhere",
    "Leave it to operators.",
    ("OWASP-MCP05:2025", "OWASP-ASI03:2026", "CWE-441"),
)
_CONTAINER = Rule(
    "recipe.container-rights",
    "high",
    "the container gets the machine",
    "Mount one folder, read-only, and drop the option.",
    _RIGHTS,
    "high",
    structural=True,
)
_META = Rule("recipe.metacharacters", "medium", "an argument has a shell's signs in it", "Give plain arguments.", _RUN)
_LOOKALIKE = Rule(
    "recipe.lookalike",
    "high",
    "the package is named like a well-known one",
    "Check the name of the package.",
    _CHAIN,
    "high",
)
_TEMPORARY = Rule(
    "recipe.writable-place",
    "medium",
    "the program is in a place that anybody may write to",
    "Install it properly.",
    _RUN,
)
_DESTROYS = Rule(
    "recipe.not-a-server",
    "high",
    "the command is a tool of the system and no server",
    "Start the server's own program.",
    _RUN,
    "high",
    structural=True,
)

_SHELLS = frozenset(
    "sh bash zsh dash ksh fish csh tcsh ash busybox cmd powershell pwsh wsl osascript mshta wscript"
    " cscript rundll32 regsvr32".split()
)
_TOOLS = frozenset(
    "curl wget nc ncat netcat socat telnet ssh scp rm dd mkfs chmod chown sudo su doas eval xargs"
    " certutil bitsadmin crontab systemctl launchctl".split()
)
_INTERPRETERS = frozenset("python python2 python3 py node nodejs deno bun perl ruby php lua rscript".split())
_INLINE_OPTIONS = frozenset(("-c", "-e", "-p", "-r", "--eval", "--print", "--exec", "eval", "-"))
_GLUED = re.compile(
    r"-[a-zA-Z]{0,3}[ce][^\s(;=]{0,80}[\s(;=]|--(?:eval|print|exec)=|--(?:import|require|loader)[= ]?data:"
)
_WRAPPERS = frozenset("nice ionice timeout nohup setsid stdbuf time command exec caffeinate chrt taskset".split())
"""Programs that start another one, which is what is judged."""
_RUNNERS = frozenset("npx bunx pnpx uvx pipx".split())
_TAKE_VALUE = frozenset(
    "-p --package --from --with --python -i --index-url --extra-index-url --default-index --index --registry --cache "
    "--userconfig --prefix --spec --pip-args -C --directory".split()
)
_INDEXES = frozenset("--index-url --extra-index-url --default-index --index --registry -i --find-links".split())
_OWN_INDEX = ("https://pypi.org/", "https://registry.npmjs.org", "https://registry.yarnpkg.com", "https://npm.jsr.io")
_CODE_VARIABLES = re.compile(
    r"(?:LD_(?:PRELOAD|LIBRARY_PATH|AUDIT)|DYLD_\w{1,40}|PYTHON(?:PATH|STARTUP|HOME|INSPECT|USERBASE"
    r"|WARNINGS|BREAKPOINT|EXECUTABLE)|NODE_(?:OPTIONS|PATH)"
    r"|RUBY(?:OPT|LIB)|PERL5?(?:OPT|LIB|DB)|PERL5DB|JAVA_TOOL_OPTIONS|_JAVA_OPTIONS|JDK_JAVA_OPTIONS"
    r"|CLASSPATH|BASH_ENV|ENV|PROMPT_COMMAND|SHELLOPTS|IFS|PATH|COMSPEC"
    r"|GIT_(?:SSH|SSH_COMMAND|EXTERNAL_DIFF|PAGER|EDITOR|ASKPASS|CONFIG_\w{1,20}|EXEC_PATH)|(?:NPM_CONFIG"
    r"|npm_config)_(?:\w{0,20}registry|script_shell|node_options)"
    r"|(?:PIP|UV)_(?:EXTRA_)?(?:DEFAULT_)?INDEX(?:_URL)?|DOTNET_STARTUP_HOOKS|COR_PROFILER\w{0,12}"
    r"|ELECTRON_RUN_AS_NODE|DENO_\w{1,20}|PHPRC|LUA_(?:INIT|PATH|CPATH)|R_PROFILE\w{0,8}|GCONV_PATH"
    r"|OPENSSL_CONF|EDITOR|VISUAL|PAGER|BROWSER)",
    re.IGNORECASE,
)
_TRUST_VARIABLES = re.compile(
    r"(?:(?:HTTPS?|ALL|NO)_PROXY|NODE_TLS_REJECT_UNAUTHORIZED|NODE_EXTRA_CA_CERTS|SSL_CERT_(?:FILE|DIR)"
    r"|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|PYTHONHTTPSVERIFY|(?:ANTHROPIC|OPENAI)_(?:API_)?BASE(?:_URL)?)",
    re.IGNORECASE,
)
_SIGNS = re.compile(r"\$\(|`|&&|\|\||[;|]\s?\w|>\s?/|\$\{IFS\}|\n")
_EXACT = re.compile(r"(?:@|==)v?\d[\w.+-]{0,40}$")
_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
_SOURCE = re.compile(r"^(?:git\+|https?:|git:|ssh:|github:|gitlab:|file:|\.{0,2}/)|\.(?:tgz|tar\.gz|whl|zip)$")
_PLACES = re.compile(r"^(?:/tmp|/var/tmp|/dev/shm|C:\\Windows\\Temp|%TEMP%|~/Downloads)[/\\]", re.IGNORECASE)
_MOUNTS = re.compile(r"^(?:/|/etc|/root|/home|/proc|/sys|/var/run/docker\.sock|/run/docker\.sock|~|\$HOME)(?::|,|$)")


class Recipes:
    """Finds recipes that start what nobody has seen: shells, code in arguments, floating versions, other indexes."""

    name = "recipe/1"

    def scan(self, asset: AnyAsset, around: Surroundings) -> Sequence[Finding]:
        """One finding per rule and argument."""
        if not isinstance(asset, Server):
            return ()
        found = [*_environment(asset)]
        if asset.command:
            words = asset.command.split() if " " in asset.command and not asset.args else [asset.command]
            found += _started([*words, *asset.args], around, len(words))
        return [*found, *_published(asset, around)]


def _published(server: Server, around: Surroundings) -> Iterator[Finding]:
    """What the other packages of its `server.json` start: whoever reads that may choose any of them."""
    for recipe in recipes_of(current(server.manifest)):
        if recipe.command is not None and (recipe.command, [*recipe.args]) != (server.command, server.args):
            other = server.model_copy(update={"env": [*recipe.env]})
            for finding in (*_environment(other), *_started([recipe.command, *recipe.args], around, 1)):
                yield finding.model_copy(update={"field": "/manifest/packages"})


def _environment(server: Server) -> Iterator[Finding]:
    for place, entry in enumerate(server.env):
        name = entry.partition("=")[0].strip()
        if _CODE_VARIABLES.fullmatch(name):
            yield _ENVIRONMENT.finding(f"/env/{place}", name)
        elif _TRUST_VARIABLES.fullmatch(name):
            yield _PROXY.finding(f"/env/{place}", name)


def _started(argv: Sequence[str], around: Surroundings, words: int) -> Iterator[Finding]:
    """What a command line starts, `env NAME=value` in front read through; the first `words` of it are the command."""
    program = _program(argv[0])
    if program == "env" and len(argv) > 1:
        yield from _behind_env(argv, around, words)
        return
    if program in _SHELLS:
        yield _SHELL.finding(_pointer(0, words), " ".join(argv))
    elif program in _TOOLS:
        yield _DESTROYS.finding(_pointer(0, words), " ".join(argv))
    elif program in _WRAPPERS and (inner := _wrapped(argv)):
        yield from _started(argv[inner:], around, words - inner)
    elif program in _INTERPRETERS and _inline(argv):
        yield _INLINE.finding("/args", " ".join(argv))
    elif program in _RUNNERS or (program, *argv[1:2]) in (
        ("npm", "exec"),
        ("pnpm", "dlx"),
        ("yarn", "dlx"),
        ("uv", "tool"),
        ("pipx", "run"),
    ):
        yield from _package([*argv], program, around, words)
    elif program in ("docker", "podman", "nerdctl"):
        yield from _container(argv, words)
    if _PLACES.search(argv[0]):
        yield _TEMPORARY.finding(_pointer(0, words), argv[0])
    for place, each in enumerate(argv):
        if program not in _SHELLS and _SIGNS.search(each):
            yield _META.finding(_pointer(place, words), each)
        if any(standing(url) == "suspect" for url in urls(each)):
            yield _REMOTE.finding(_pointer(place, words), each)


def _wrapped(argv: Sequence[str]) -> int:
    """Where the command begins that a wrapper starts, its options and a duration or number passed over; 0 for none."""
    place = 1
    while place < len(argv) and (argv[place].startswith("-") or re.fullmatch(r"[\d.]{1,9}[smhd]?", argv[place])):
        place += 1
    return place if place < len(argv) else 0


def _inline(argv: Sequence[str]) -> bool:
    """Whether an interpreter is given code: by an option before its script, or glued to one, or as a data URL."""
    for each in argv[1:]:
        if each in _INLINE_OPTIONS or _GLUED.match(each):
            return True
        if not each.startswith("-"):
            return each == "eval" or each.startswith("data:")
    return False


def _behind_env(argv: Sequence[str], around: Surroundings, words: int) -> Iterator[Finding]:
    for place, each in enumerate(argv[1:], 1):
        if "=" not in each and not each.startswith("-"):
            yield from _started(argv[place:], around, words - place)
            return
        if _CODE_VARIABLES.fullmatch(each.partition("=")[0]):
            yield _ENVIRONMENT.finding(_pointer(place, words), each)


def _program(command: str) -> str:
    name = PureWindowsPath(command).name if "\\" in command else PurePosixPath(command).name
    return re.sub(r"\.(?:exe|cmd|bat|ps1)$", "", name.lower())


def _pointer(place: int, words: int) -> str:
    return "/command" if place < words else f"/args/{place - words}"


def _package(argv: Sequence[str], program: str, around: Surroundings, words: int) -> Iterator[Finding]:
    """The package that a runner fetches and starts."""
    named: list[tuple[int, str]] = []
    skip = False
    for place, each in enumerate(argv[1:], 1):
        if skip:
            skip = False
            if argv[place - 1] in ("--from", "--package", "-p", "--spec", "--with"):
                named.append((place, each))
            elif argv[place - 1] in _INDEXES and not each.startswith(_OWN_INDEX):
                yield _INDEX.finding(_pointer(place, words), each)
        elif each in ("-y", "--yes"):
            yield _UNASKED.finding(_pointer(place, words), each)
        elif each.startswith(tuple(f"{option}=" for option in _INDEXES if option.startswith("--"))):
            if not each.partition("=")[2].startswith(_OWN_INDEX):
                yield _INDEX.finding(_pointer(place, words), each)
        elif each.startswith(("--package=", "--from=")):
            named.append((place, each.partition("=")[2]))
        elif each in _TAKE_VALUE:
            skip = True
        elif not each.startswith("-") and each not in ("exec", "dlx", "tool", "run"):
            if not named:
                named.append((place, each))
            break
    for place, spec in named:
        yield from _spec(spec, program, _pointer(place, words), around)


def _spec(spec: str, program: str, pointer: str, around: Surroundings) -> Iterator[Finding]:
    if _SOURCE.search(spec):
        if "://" in spec or spec.startswith(("git", "github:", "gitlab:")):
            yield (_UNPINNED if re.search(r"[@#][0-9a-f]{40}$", spec) is None else _UNASKED).finding(
                pointer, f"{program} {spec}"
            )
        if spec.startswith("http:") or any(standing(url) == "suspect" for url in urls(spec)):
            yield _REMOTE.finding(pointer, spec)
        return
    if not _EXACT.search(spec):
        yield _UNPINNED.finding(pointer, f"{program} {spec}")
    name = re.sub(r"(?:@|==|>=|~=|\[).*$", "", spec[1:] if spec.startswith("@") else spec)
    package = name.rpartition("/")[2]
    for alike in around.names.lookalikes(package, of="server"):
        if alike.name.lower() != package.lower() and alike.trusted and (alike.same_look or alike.distance <= 1):
            yield _LOOKALIKE.finding(pointer, f"{name} for {alike.name}")
            return


def _container(argv: Sequence[str], words: int) -> Iterator[Finding]:
    """Options that hand over the machine, and the image."""
    takes, image = False, None
    for place, each in enumerate(argv[1:], 1):
        value = each.partition("=")[2]
        if takes:
            takes = False
            if argv[place - 1] in ("-v", "--volume", "--mount") and _mounts(each):
                yield _CONTAINER.finding(_pointer(place, words), each)
            elif argv[place - 1] in (
                "--cap-add",
                "--pid",
                "--network",
                "--net",
                "--userns",
                "--ipc",
            ) and each.upper() in ("ALL", "SYS_ADMIN", "HOST"):
                yield (_META if argv[place - 1].startswith("--net") else _CONTAINER).finding(
                    _pointer(place, words), each
                )
            elif argv[place - 1] in ("-e", "--env") and _CODE_VARIABLES.fullmatch(each.partition("=")[0]):
                yield _ENVIRONMENT.finding(_pointer(place, words), each)
        elif (
            each == "--privileged"
            or (each.startswith(("--cap-add=", "--pid=")) and value.upper() in ("ALL", "SYS_ADMIN", "HOST"))
            or (each.startswith(("--volume=", "--mount=", "-v=")) and _mounts(value))
        ):
            yield _CONTAINER.finding(_pointer(place, words), each)
        elif each in _CONTAINER_VALUES:
            takes = True
        elif not each.startswith("-") and each not in ("run", "container"):
            image = (place, each)
            break
    if image is not None and not _DIGEST.search(image[1]) and not re.search(r":v?\d[\w.-]*\.\d", image[1]):
        yield _UNPINNED.finding(_pointer(image[0], words), image[1])


_CONTAINER_VALUES = frozenset(
    "-v --volume --mount -e --env --name --network --net -p --publish --cap-add --pid -w --workdir -u"
    " --user --env-file "
    "--entrypoint --platform --ipc --userns -h --hostname -l --label -m --memory --cpus --add-host"
    " --security-opt --tmpfs".split()
)


def _mounts(text: str) -> bool:
    """Whether a mount gives away more than a folder of somebody's."""
    source = next((part.partition("=")[2] for part in text.split(",") if part.startswith(("source=", "src="))), text)
    return bool(_MOUNTS.match(source)) or "docker.sock" in text
