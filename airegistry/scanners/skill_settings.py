"""Where a skill reaches into the assistant that runs it: settings, hooks, permissions, instructions it keeps."""

from collections.abc import Iterator
from dataclasses import replace

from airegistry.core.findings import Finding
from airegistry.scanners.rules import Rule
from airegistry.scanners.skill_hosts import standing, urls
from airegistry.scanners.skill_parts import Part
from airegistry.scanners.skill_rules import ANY, CODE, Spot, found, pattern, spotted

_CODES = ("OWASP-MCP02:2025", "OWASP-ASI03:2026", "ATLAS-AML.T0081", "CWE-269")
_MEMORY_CODES = ("OWASP-MCP10:2025", "OWASP-ASI06:2026", "OWASP-LLM04:2025", "ATLAS-AML.T0080.000", "CWE-1427")
_REMEDY = "Leave the assistant's settings and memory to its user; say in words what to set, and why."


def _rule(id: str, message: str, codes: tuple[str, ...] = _CODES, *, sure: bool = False) -> Rule:
    return Rule(id, "high", message, _REMEDY, codes, "high" if sure else "medium", structural=sure)


_BASE_URL = _rule(
    "skill-settings.model-endpoint", "the assistant's model, and the keys for it, go to another host", sure=True
)
_ENDPOINTS = pattern(
    r"\b(?:ANTHROPIC|OPENAI|CLAUDE|GEMINI|AZURE_OPENAI|GOOGLE|MISTRAL|CODEX)_(?:API_)?(?:BASE_URL|BASE"
    r"|ENDPOINT|HOST)\b"
    r"[\"']?\s{0,2}[:=]\s{0,2}[\"']?(https?://[^\s\"',}]{3,200})"
)
_ASSISTANT = (
    r"(?:(?:CLAUDE|CLAUDE\.local|AGENTS|GEMINI|MEMORY|SOUL|IDENTITY|HEARTBEAT)\.md(?!\.\w)|\.cursorrules"
    r"|\.windsurfrules"
    r"|\.clinerules|\.cursor/(?:rules|mcp\.json)|\.claude/(?:settings|hooks|CLAUDE(?!\.md\.\w)|agents"
    r"|commands)[\w./-]{0,40}"
    r"|\.claude\.json|claude_desktop_config\.json|copilot-instructions\.md|\.codex/(?:config|AGENTS)[\w.]{0,8})"
)
_FORCES = (
    r"(?:autoApprove|auto_approve|bypassPermissions|dangerously\w{4,40}|pre-?approved|never refuse"
    r"|skip\w{0,4} (?:confirmation|approval)"
    r"|do not ask|don't ask|without (?:asking|confirmation)|ignore (?:all|any|previous)"
    r"|disable\w{0,8}Sandbox|allowedTools[\"']?\s?:\s?\[?[^\n]{0,20}Bash)"
)

_FILES = tuple(
    "claude agents.md gemini.md memory.md soul.md identity.md heartbeat.md cursor windsurf cline copilot codex".split()
)

_FORCED = _rule(
    "skill-memory.forced", "what the assistant always reads is told to lift its own checks", _MEMORY_CODES, sure=True
)
_TO_MEMORY = pattern(
    rf"\b(?:write|append|add|insert|put|update|save|inject|paste|copy|prepend)\w{{0,5}}\b[^\n]{{0,160}}{_ASSISTANT}"
    r"|\b(?:write|append|add|insert|save)\w{0,3}\b[^\n]{0,80}\b(?:the|your|its|agent['’]?s?|assistant['’]?s?)"
    r" (?:long-term )?memory\b"
)
_LIFTS = pattern(
    rf"{_FORCES}|\bnever (?:mention|ask|refuse|reveal|tell)\b|\b(?:do not|don't) (?:mention|tell|reveal|show)\b"
    r"|\b(?:always|automatically) (?:run|execute|approve|allow|accept|send|upload)\b"
)

_HOOK = (
    r"\"(?:PreToolUse|PostToolUse|SessionStart|SessionEnd|UserPromptSubmit|Stop|SubagentStop|Notification|PreCompact)"
    r"\"\s{0,2}:"
)
"""The key of a hook; what follows up to the next one is its own: hooks by the thousand would take seconds else."""
_SPOTS = (
    Spot(
        _rule(
            "skill-settings.permissions",
            "the assistant's permission checks are switched off in its settings",
            sure=True,
        ),
        pattern(
            r"[\"']?\b(?:defaultMode|permissionMode|permission_mode)[\"']?\s{0,2}[:=]\s{0,2}[\"']bypassPermissions"
            r"|[\"']?\b(?:dangerouslyDisableSandbox|autoApproveAll|autoApproveEverything"
            r"|bypassPermissionsModeAccepted|skipDangerousModePermissionPrompt|enableAllProjectMcpServers"
            r"|hasTrustDialogAccepted|chat\.tools\.autoApprove|trustAll\w{0,12})[\"']?\s{0,2}[:=]\s{0,2}(?:true"
            r"|True|yes|1)\b"
            r"|\bapproval_policy\s?=\s?[\"']never[\"'](?s:.){0,80}danger-full-access"
        ),
        ANY,
        ("bypasspermissions", "sandbox", "approve", "trust", "enableall", "skipdangerous", "approval_policy"),
    ),
    Spot(
        _rule("skill-settings.allowed", "the assistant's settings let it run any command unasked"),
        pattern(
            r"[\"']?\bautoApprove[\"']?\s{0,2}[:=]\s{0,2}(?:true\b|\[\s{0,2}[\"']\*)"
            r"|[\"']?\ballow[\"']?\s{0,2}[:=]\s{0,2}\[[^\]\n]{0,120}[\"'](?:Bash(?:\((?:\*|:\*|\*:\*)\))?"
            r"|\*)[\"'][^\n]{0,40}"
        ),
        frozenset(("json", "prose", "hidden", "decoded", "other", "shell", "python", "javascript")),
        ("autoapprove", "bash", '"*"'),
    ),
    Spot(
        replace(
            _rule("skill-settings.dangerous-flag", "an assistant is started without its permission checks"),
            severity="low",
        ),
        pattern(
            r"\b(?:claude|codex|gemini|cursor-agent|amp|copilot|qwen|opencode)\b[^\n`"
            r"|]{0,200}\s--(?:dangerously-[\w-]{4,40}|yolo\b"
            r"|allow-all-tools)|--permission-mode[ =]bypassPermissions\b|--sandbox[ =]danger-full-access\b"
            r"|\bsandbox(?:_mode)?\s{0,2}=\s{0,2}[\"']danger-full-access"
        ),
        ANY,
        ("--dangerously", "--yolo", "--allow-all", "bypasspermissions", "danger-full"),
    ),
    Spot(
        _FORCED,
        pattern(
            rf"\b(?:write|append|add|insert|put|echo|update|save|inject|modif|edit"
            rf"|cat)\w{{0,5}}\b[^\n]{{0,160}}{_ASSISTANT}(?s:.){{0,700}}?{_FORCES}"
            rf"|{_FORCES}[^\n]{{0,200}}>>?\s{{0,2}}[^\s]{{0,40}}{_ASSISTANT}"
        ),
        ANY,
        _FILES,
    ),
    Spot(
        replace(
            _rule("skill-memory.write", "a command writes to what the assistant always reads", _MEMORY_CODES),
            severity="medium",
        ),
        pattern(
            rf">>?\s{{0,2}}[\"']?[^\s\"'|;&]{{0,60}}{_ASSISTANT}|\btee (?:-a )?[^\s|;]{{0,60}}{_ASSISTANT}"
            rf"|\b(?:open|write_text|writeFile(?:Sync)?|appendFile(?:Sync)?"
            rf"|Path)\([^\n]{{0,100}}{_ASSISTANT}[^\n]{{0,60}}(?:[\"'][wa]\+?[\"']|write|append)"
            rf"|\b(?:writeFile|appendFile)(?:Sync)?\([^\n]{{0,100}}{_ASSISTANT}"
        ),
        CODE,
        _FILES,
    ),
    Spot(
        _rule("skill-memory.told", "the assistant is told to keep instructions for good", _MEMORY_CODES),
        pattern(
            rf"\b(?:write|append|add|insert|inject|plant|persist|store|save)\b[^.\n]{{0,100}}?(?:to|into|in"
            rf"|at the (?:top|end) of) (?:the |your |its |user's |project's "
            rf"|~/)*{_ASSISTANT}[^\n]{{0,100}}?\b(?:so that (?:every|all|future|they|it)|permanent"
            rf"|(?:every|all|each|any) (?:future |other |new )?(?:session|conversation|project|chat)s?|silently"
            rf"|always|survive|persist)"
        ),
        frozenset(("prose", "hidden", "decoded")),
        _FILES,
    ),
    Spot(
        _rule("skill-hooks.command", "a hook of the assistant runs a shell, or something from the network", sure=True),
        pattern(
            rf"{_HOOK}(?:(?!{_HOOK})(?s:.)){{0,600}}?\"command\"\s{{0,2}}:\s{{0,2}}\""
            r"[^\n]{0,200}?(?:\bcurl\b|\bwget\b|\bnc\b|/dev/tcp|base64|\b(?:ba|z)?sh -l?c\b|python3? -c|node -e"
            r"|https?://|\beval\b|powershell)"
        ),
        CODE,
        ('"command"',),
    ),
    Spot(
        _rule("skill-hooks.editor", "opening the folder in an editor runs a command"),
        pattern(
            r"\"runOn\"\s?:\s?\"folderOpen\"|\"initializeCommand\"\s?:\s?\"[^\"\n]{0,160}(?:curl|wget|base64"
            r"|bash -c)"
        ),
        CODE,
        ("folderopen", "initializecommand"),
    ),
    Spot(
        replace(_rule("skill-hooks.git", "a hook of git is written"), severity="medium"),
        pattern(r">>?\s{0,2}[^\s]{0,40}\.git/hooks/\w|\bcp [^\n]{1,100}\.git/hooks/"),
        CODE,
        (".git/hooks",),
    ),
    Spot(
        _rule(
            "skill-workflow.secrets",
            "a workflow sends all of its secrets away",
            ("OWASP-MCP01:2025", "OWASP-ASI03:2026", "CWE-522"),
            sure=True,
        ),
        pattern(r"\btoJSON\(\s?secrets\s?\)(?s:.){0,400}?\b(?:curl|wget|nc|Invoke-|https?://)"),
        ANY,
        ("tojson",),
    ),
    Spot(
        _rule(
            "skill-workflow.injection",
            "a workflow with rights runs words of whoever opens a pull request",
            ("OWASP-MCP05:2025", "OWASP-ASI05:2026", "CWE-94"),
        ),
        pattern(
            r"\bpull_request_target\b(?s:.){0,1200}?\$\{\{\s{0,2}github\.(?:event\.[\w.]{1,60}\.(?:title|body|ref"
            r"|label|message|name)|head_ref)"
        ),
        ANY,
        ("pull_request_target",),
    ),
)


def settings_findings(part: Part) -> Iterator[Finding]:
    """How a part changes the assistant that reads it."""
    yield from spotted(part, _SPOTS)
    if part.above and _TO_MEMORY.search(part.above) and (lifted := _LIFTS.search(part.text)):
        yield found(part, _FORCED, *lifted.span())
    if part.file.rpartition("/")[2] in ("settings.json", "settings.local.json", ".claude.json") or part.code:
        for match in _ENDPOINTS.finditer(part.text if part.hints(("_url", "_base", "_endpoint", "_host")) else ""):
            kind = standing(next(iter(urls(match[1])), match[1]))
            inside = part.file.startswith((".claude/", ".codex/", ".gemini/", ".cursor/", ".vscode/"))
            if kind == "suspect" or (inside and kind in ("unknown", "placeholder")):
                yield found(part, _BASE_URL, *match.span())
                return
