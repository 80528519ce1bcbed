"""Which namespaces of the MCP Registry a grant opens: `io.github.acme-*` names the paths of `io.github.acme/…`.

It fits the paths of `io.github.acme-labs/…` too, since the slash of a name is a dash in its path. So of a glob whose
wildcard begins before the end of a namespace, behind a dash in its last label, the namespace is the shorter one.
"""

import re
from fnmatch import fnmatchcase

from airegistry.core.access import Access
from airegistry.core.errors import AccessDenied
from airegistry.core.grants import Action
from airegistry.core.principals import Principal
from airegistry.core.rules import Ask

_WILD = re.compile(r"[*?\[]")


def check_namespace(access: Access, who: Principal, action: Action, name: str, path: str) -> None:
    """Return when the caller may act on a name, as far as that rests on grants; whether it may at all others decide.

    Raises:
        AccessDenied: every grant that fits the path is meant for another namespace.
    """
    namespace = name.partition("/")[0].lower()
    if who.operator or not path.startswith(
        f"{namespace}-"
    ):  # in the registry's own namespace a path is no more than a name
        return
    _, allows = access.rules(who).about("server", path).fitting(Ask(action, "server", path, None, None))
    globs = [glob for rule in allows for glob in rule.globs or ("*",) if glob == "all" or fnmatchcase(path, glob)]
    if globs and not any(opens(glob, namespace) for glob in globs):
        raise AccessDenied(
            f"{globs[0]!r} is no grant on the namespace {namespace}: name it whole, as in {namespace}-*",
            missing=[str(Ask(action, "server", f"{namespace}-*", None, None))],
        )


def opens(glob: str, namespace: str) -> bool:
    """Whether a glob that fits the path of a name in a namespace is meant for that namespace."""
    fixed = _WILD.split(glob, 1)[0]
    return len(fixed) > len(namespace) or "-" not in fixed.rpartition(".")[2]
