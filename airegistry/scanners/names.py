"""Names that are taken for others: lookalike letters, and servers and tools called nearly as known ones are."""

import re
from collections.abc import Iterator, Sequence

from airegistry.core.assets import Server, VirtualServer
from airegistry.core.confusables import FOLD, disguised, poses, skeleton, unmarked
from airegistry.core.findings import Confidence, Finding, Severity, escaped
from airegistry.core.known_names import Lookalikes, core_of, spelt_core, tools_of
from airegistry.core.ports import AnyAsset, Lookalike, Surroundings
from airegistry.core.shelf import ref
from airegistry.scanners.texts import Text, texts
from airegistry.scanners.well_known import OFFICIAL, ORDINARY, WELL_KNOWN

HOMOGLYPH = ["OWASP-MCP03:2025", "OWASP-ASI04:2026", "CISCO-AITech-4.3.2:2.0", "CWE-1007"]
SHADOWING = [
    "OWASP-MCP03:2025", "OWASP-MCP09:2025", "OWASP-ASI04:2026", "ATLAS-AML.T0010.005", "CISCO-AITech-9.3.2:2.0",
]  # fmt: skip
_RENAME = "Give it a name of its own, in ASCII letters."
_VERIFY = "Make sure who publishes it, and have it renamed if it is not the one that its name suggests."
_TOKEN = re.compile(r"[^\W_]+")
_LETTERS = tuple(str.maketrans("01345@$!", letters) for letters in ("oleasasi", "oieasasl"))
_BRANDS = Lookalikes(WELL_KNOWN)
_SHORTEST_BRAND = 5
_NAMED = 8


class NameScanner:
    """Blocks names that pass for other ones; a name in any one script is none of them."""

    name = "names/1"

    def scan(self, asset: AnyAsset, around: Surroundings) -> Sequence[Finding]:
        """What is wrong with the names of an asset, its tools and their parameters."""
        found = [finding for text in texts(asset) for finding in _spelt(text)]
        if isinstance(asset, Server | VirtualServer):
            found += [*_server(asset, around), *_tools(asset, around), *_twins(asset)]
        return found


def _spelt(text: Text) -> Iterator[Finding]:
    """A name by itself: words that mix scripts, or letters that only look like ASCII."""
    if text.raw.isascii() or text.role not in ("name", "parameter"):
        return
    reads = _shown(unmarked(text.raw).translate(FOLD))
    identifier = text.role == "parameter" or text.field.startswith("/tools/")
    if mixed := disguised(text.raw):
        said = f"a name mixes Latin letters with others that look like them: it reads {reads}"
        yield _finding("homoglyph", "high", text.field, said, mixed[0], HOMOGLYPH)
    elif identifier and poses(text.raw):
        said = f"a name is written in letters that only look like ASCII: it reads {reads}"
        yield _finding("homoglyph", "high", text.field, said, text.raw, HOMOGLYPH)
    elif identifier:
        said = "a name has letters outside ASCII: people and clients may mistake or refuse it"
        yield _finding("non-ascii", "low", text.field, said, text.raw, HOMOGLYPH, structural=False)


def _server(asset: Server | VirtualServer, around: Surroundings) -> Iterator[Finding]:
    """The server's own name beside those of the catalog and those that are well known."""
    fields = [("/name", asset.name)]
    if core_of(asset.path) != core_of(asset.name):
        fields.append(("/path", asset.path))
    for field, name in fields:
        looks = [look for look in around.names.lookalikes(name, of="server") if look.owner != ref(asset)]
        looks = [look for look in looks if look.name.lower() != name.lower() or _has_its_tools(asset, look, around)]
        graded = [(look, *grade) for look in looks if (grade := _graded(name, look))]
        for look, severity, structural in graded[:1]:
            said = f"the name looks like {_shown(look.name)} of {look.owner}"
            yield _finding("lookalike-server", severity, field, said, name, SHADOWING, structural=structural)
        if not any(structural for _, _, structural in graded):
            yield from _brand(field, name)


def _has_its_tools(asset: Server | VirtualServer, look: Lookalike, around: Surroundings) -> bool:
    """Whether a server passes for another one by more than its name. A virtual one is named after its parts."""
    return isinstance(asset, Server) and any(look.owner in around.names.owners(name) for name in tools_of(asset))


def _graded(name: str, look: Lookalike) -> tuple[Severity, bool] | None:
    """How bad it is to be called like another server, and whether that is certain; None for an honest likeness."""
    if look.name.lower() == name.lower():
        # It may be a second deployment: a person tells. A virtual server is named after what it is made of.
        return ("medium", False) if look.trusted and look.owner.startswith("server/") else None
    if look.same_look and not name.isascii():
        return ("critical" if look.trusted else "high"), True
    if look.same_look and spelt_core(name) == spelt_core(look.name):
        if _words(name) == _words(look.name) or not look.trusted:
            return None
        # One word in two, as in git-hub, passes for the other; a word more, as in github-server, need not.
        return ("high", True) if "".join(_words(name)) == "".join(_words(look.name)) else ("medium", False)
    words, others = set(_words(name)), set(_words(look.name))
    if not look.same_look and (words < others or others < words):  # a whole word more is no slip
        return "low", False
    if look.trusted:
        return "high", True
    return ("medium" if look.same_look else "low"), False


def _brand(field: str, name: str) -> Iterator[Finding]:
    """Words of a name that nearly are a well-known name; a word that is one of them, or means something, is not."""
    tokens = _TOKEN.findall(name)
    for token in dict.fromkeys((*tokens, spelt_core(name))):
        if len(token) < _SHORTEST_BRAND or _SPARED & {token.lower(), spelt_core(token)}:
            continue
        near = [each for each in _BRANDS.of(token) if each[0].isalpha() or not each[2]]
        for brand, _, edits in near[:1]:
            severity: Severity = "critical" if not edits and not token.isascii() else "high"
            said = f"the name looks like the well-known name {_shown(brand)}"
            yield _finding("lookalike-brand", severity, field, said, name, SHADOWING, confidence="medium")
            return
    claims = {token.lower() for token in tokens}
    spelt = (token for token in sorted(claims) if token.isascii() and not token.isalpha())
    posing = next((token for token in spelt if any(token.translate(table) in OFFICIAL for table in _LETTERS)), None)
    if posing is not None:
        said = f"a word of trust is spelt with digits for letters: {_shown(posing)}"
        yield _finding("claims-official", "high", field, said, name, SHADOWING)
    elif claims & OFFICIAL and (known := sorted(claims & WELL_KNOWN)):
        said = f"the name claims to be the maker's own: {', '.join(known)}"
        yield _finding("claims-official", "medium", field, said, name, SHADOWING, structural=False)


def _tools(asset: Server | VirtualServer, around: Surroundings) -> Iterator[Finding]:
    """Names of tools beside those of other servers."""
    me, shared, own = ref(asset), [], frozenset(tools_of(asset))
    for i, name in enumerate(tools_of(asset)):
        looks = [look for look in around.names.lookalikes(name, of="tool") if look.owner != me]
        slip = next((look for look in looks if look.distance and look.trusted and look.name not in own), None)
        if slip is not None:
            said = f"the tool's name is a slip of {_shown(slip.name)} of {slip.owner}"
            yield _finding("near-tool", "high", f"/tools/{i}/name", said, name, SHADOWING)
        for look in [look for look in looks if not look.distance][:1]:
            disguise = not name.isascii()
            severity: Severity = "critical" if disguise else "high" if look.trusted else "low"
            said = f"the tool's name looks like {_shown(look.name)} of {look.owner}"
            certain = disguise or look.trusted
            yield _finding("lookalike-tool", severity, f"/tools/{i}/name", said, name, HOMOGLYPH, structural=certain)
        if any(owner != me for owner in around.names.owners(name)):
            shared.append(name)
    if shared:
        said = f"other servers have tools of these names too ({len(shared)})"
        evidence = ", ".join(shared[:_NAMED])
        yield _finding("same-tool", "low", "/tools", said, evidence, SHADOWING, structural=False)


def _twins(asset: Server | VirtualServer) -> Iterator[Finding]:
    """Two tools of one server that look alike."""
    seen: dict[str, str] = {}
    for i, name in enumerate(tools_of(asset)):
        other = seen.setdefault(skeleton(name), name)
        if other.lower() != name.lower():
            disguise = not (name.isascii() and other.isascii())
            said = f"two tools of the server look alike: the other one is {_shown(other)}"
            severity: Severity = "high" if disguise else "low"
            yield _finding("twin-tools", severity, f"/tools/{i}/name", said, name, HOMOGLYPH, structural=disguise)


_SPARED = WELL_KNOWN | ORDINARY | OFFICIAL


def _words(name: str) -> list[str]:
    return _TOKEN.findall(name.lower())


def _shown(name: str) -> str:
    return f"'{escaped(name)}'"


def _finding(
    rule: str, severity: Severity, field: str, message: str, evidence: str, codes: Sequence[str],
    *, structural: bool = True, confidence: Confidence = "high",
) -> Finding:  # fmt: skip
    return Finding(
        rule=f"names.{rule}", severity=severity, confidence=confidence, structural=structural, field=field,
        message=message, evidence=escaped(evidence), remediation=_RENAME if codes is HOMOGLYPH else _VERIFY,
        codes=list(codes),
    )  # fmt: skip
