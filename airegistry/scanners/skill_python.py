"""What Python in skills runs that cannot be read: decoded, downloaded, received, or put together from pieces."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import replace

from airegistry.core.findings import Finding
from airegistry.scanners.rules import Rule
from airegistry.scanners.skill_parts import Part
from airegistry.scanners.skill_rules import found
from airegistry.scanners.skill_shell import PIPE, PIPED, READ_IT, RUN_CODES
from airegistry.scanners.skill_statements import tree_of

_RUNNERS = frozenset(("exec", "eval", "compile", "execfile", "runsource", "runcode"))
_COMMANDS = frozenset(
    "os.system os.popen subprocess.run subprocess.call subprocess.Popen subprocess.check_output"
    " subprocess.check_call "
    "subprocess.getoutput subprocess.getstatusoutput commands.getoutput pty.spawn".split()
)
_DECODERS = frozenset(
    "b64decode urlsafe_b64decode standard_b64decode b32decode b16decode b85decode a85decode decodebytes unhexlify "
    "fromhex a2b_hex a2b_base64 decompress decrypt".split()
)
_FETCHERS = frozenset(("urlopen", "urlretrieve", "recv", "recvfrom", "recv_into"))
_FETCHING = ("requests.", "httpx.", "urllib.", "aiohttp.", "http.client.")
_MOST_NODES = 60_000

_UNREAD = "skill-obfuscation.run-unread"
_DECODED = Rule(
    _UNREAD,
    "critical",
    "code runs a text that it decodes first",
    READ_IT,
    ("OWASP-MCP05:2025", "OWASP-ASI05:2026", "ATLAS-AML.T0068", "CWE-506"),
    "high",
    structural=True,
)
_FETCHED = Rule(
    "skill-code.run-fetched",
    "critical",
    "code runs what it downloads or receives",
    READ_IT,
    ("OWASP-MCP04:2025", "OWASP-ASI05:2026", "ATLAS-AML.T0011.002", "CWE-494"),
    "high",
    structural=True,
)
_DYNAMIC = Rule(
    "skill-code.dynamic",
    "medium",
    "code evaluates a text that may come from anywhere",
    "Parse what is given instead of evaluating it.",
    ("OWASP-MCP05:2025", "OWASP-ASI05:2026", "CWE-95"),
    "medium",
)
_SHELL = Rule(
    "skill-code.shell-injection",
    "medium",
    "a command line is put together from what the code is given",
    "Give the program its arguments as a list, without a shell.",
    ("OWASP-MCP05:2025", "OWASP-ASI05:2026", "CWE-78"),
    "medium",
)
_DISGUISED = Rule(
    "skill-obfuscation.disguised-call",
    "high",
    "a call to run code is disguised",
    READ_IT,
    RUN_CODES,
    "high",
    structural=True,
)


def python_findings(part: Part) -> Iterator[Finding]:
    """One finding per rule."""
    tree = tree_of(part.text) if part.language == "python" else None
    if tree is None:
        return
    lines = part.text.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    seen: set[str] = set()
    for rule, node in _Reading(tree).found():
        if rule.id not in seen:
            seen.add(rule.id)
            start = starts[min(node.lineno - 1, len(starts) - 1)]
            yield found(part, rule, start, start + len(lines[node.lineno - 1]) if node.lineno <= len(lines) else start)


class _Reading:
    """One look over a syntax tree: where names come from, and what is run."""

    def __init__(self, tree: ast.Module) -> None:
        self._origins: dict[str, str] = {}
        self._aliases: dict[str, str] = {}
        self._parameters: set[str] = set()
        self._nodes = [node for node, _ in zip(ast.walk(tree), range(_MOST_NODES), strict=False)]
        for node in self._nodes:
            self._learn(node)

    def _learn(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            self._aliases |= {alias.asname: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.ImportFrom):
            self._aliases |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            self._parameters |= {argument.arg for argument in (*node.args.args, *node.args.kwonlyargs)}
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr) and node.value is not None:
            origin = self._origin(node.value)
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if origin:
                self._origins |= {target.id: origin for target in targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.With | ast.AsyncWith):
            for item in node.items:
                if isinstance(item.optional_vars, ast.Name) and (origin := self._origin(item.context_expr)):
                    self._origins[item.optional_vars.id] = origin

    def _origin(self, value: ast.AST) -> str:
        """`decoded` or `fetched` where some part of an expression is; else empty."""
        found = ""
        for node in ast.walk(value):
            if isinstance(node, ast.Call):
                name = self._name(node.func)
                last = name.rpartition(".")[2]
                if last in _DECODERS or name in ("marshal.loads", "zlib.decompress", "codecs.decode"):
                    return "decoded"
                if last in _FETCHERS or name.startswith(_FETCHING):
                    found = "fetched"
            elif isinstance(node, ast.Name) and (known := self._origins.get(node.id)):
                found = known
        return found

    def _name(self, func: ast.AST) -> str:
        """The dotted name of what is called, aliases resolved."""
        parts: list[str] = []
        while isinstance(func, ast.Attribute):
            parts.append(func.attr)
            func = func.value
        if isinstance(func, ast.Name):
            parts.append(self._aliases.get(func.id, func.id))
        return ".".join(reversed(parts))

    def found(self) -> Iterator[tuple[Rule, ast.Call]]:
        """Pairs of rule and call."""
        for node in self._nodes:
            if isinstance(node, ast.Call):
                for rule in self._judge(node):
                    yield rule, node

    def _judge(self, call: ast.Call) -> Iterator[Rule]:
        name = self._name(call.func)
        runs = name in _RUNNERS or name.removeprefix("builtins.") in _RUNNERS
        commands = name in _COMMANDS
        if _disguised(call, self._aliases):
            yield _DISGUISED
        if not call.args or not (runs or commands):
            return
        origin = self._origin(call.args[0])
        if origin:
            yield _DECODED if origin == "decoded" else _FETCHED
        elif runs and name != "compile" and not isinstance(call.args[0], ast.Constant):
            yield _DISGUISED if _pieces(call.args[0]) else _DYNAMIC
        elif commands and self._shells(call, name):
            yield _SHELL
        if commands and PIPED.search(_spelt(call.args[0])):
            yield replace(PIPE, structural=True)

    def _shells(self, call: ast.Call, name: str) -> bool:
        """Whether a command line with a parameter in it goes to a shell."""
        shell = name.startswith(("os.", "subprocess.get")) or any(
            keyword.arg == "shell" and isinstance(keyword.value, ast.Constant) and keyword.value.value is True
            for keyword in call.keywords
        )
        names = {node.id for node in ast.walk(call.args[0]) if isinstance(node, ast.Name)}
        return shell and bool(names & self._parameters)


def _disguised(call: ast.Call, aliases: Mapping[str, str]) -> bool:
    """`getattr(__builtins__, …)(…)`, `__import__("os").system(…)`, `globals()["ex" + "ec"](…)`."""
    func = call.func
    if isinstance(func, ast.Attribute) and isinstance(func.value, ast.Call) and isinstance(func.value.func, ast.Name):
        imported = func.value
        return func.attr in ("system", "popen", "loads", "b64decode") and imported.func.id == "__import__"  # type: ignore[attr-defined]
    if isinstance(func, ast.Call) and isinstance(func.func, ast.Name) and func.func.id == "getattr" and func.args:
        owner = func.args[0]
        named = aliases.get(owner.id, owner.id) if isinstance(owner, ast.Name) else ""
        return named in ("__builtins__", "builtins", "os", "subprocess") and len(func.args) > 1
    if isinstance(func, ast.Subscript) and isinstance(func.value, ast.Call) and isinstance(func.value.func, ast.Name):
        return func.value.func.id in ("globals", "vars", "locals")
    return False


def _pieces(node: ast.AST) -> bool:
    """Whether a text is put together letter by letter."""
    calls = [self for self in ast.walk(node) if isinstance(self, ast.Call)]
    return any(isinstance(call.func, ast.Name) and call.func.id == "chr" for call in calls)


def _spelt(node: ast.AST) -> str:
    """The texts of an expression, one after the other."""
    return " ".join(
        each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str)
    )
