"""Makes the schema of the AWS provider's types that our Terraform names, from npm's @cdktf/provider-aws.

That package is generated from the provider's own schema and says of each type which arguments and blocks it has, of
what type, and whether they are required or computed. Used as `schema.py PACKAGE.tgz TERRAFORM_FOLDER OUT.json`.
"""

# ruff: noqa: ANN401 -- schemas are JSON

import json
import re
import sys
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

Block = dict[str, Any]
"""`a`: attributes {t: type, c: computed, o: optional, r: required}; `b`: blocks {n: nesting, max, min, b}, by name."""

_ENTRY = re.compile(
    r'^\s+(\w+): \{\s*value: [^\n]*\n\s*isBlock: (true|false),\s*type: "(\w+)",\s*storageClassType: "(\w+)"', re.M
)
_ACCESSOR = re.compile(
    r"// (\w+) - computed: (\w+), optional: (\w+), required: (\w+)\n(?=([^\n]*(?:\n(?!\s*//)[^\n]*)?))"
)
_INTERFACE = re.compile(r"^export interface (\w+)[^{]*\{(.*?)^\}", re.M | re.S)
_PROPERTY = re.compile(r"^    readonly (\w+): ", re.M)
_TO_HCL = re.compile(r"^function (\w+)ToHclTerraform\(struct\) \{(.*?)^\}", re.M | re.S)
_CONFIG = re.compile(r"export interface (\w+) extends cdktf.TerraformMetaArguments")
_USED = re.compile(r'^(resource|data) "(aws_\w+)"', re.M)
_SCALARS = {"string": "string", "number": "number", "boolean": "bool", "any": "dynamic"}
_GETTERS = (
    ("Fn.tolist(this.getListAttribute", ["set", "string"]),
    ("getStringMapAttribute", ["map", "string"]),
    ("getNumberListAttribute", ["list", "number"]),
    ("getListAttribute", ["list", "string"]),
    ("getStringAttribute", "string"),
    ("getNumberAttribute", "number"),
    ("getBooleanAttribute", "bool"),
    ("getAnyMapAttribute", ["map", "dynamic"]),
    ("new cdktf.StringMap(", ["map", "string"]),
    ("new cdktf.BooleanMap(", ["map", "bool"]),
    ("new cdktf.NumberMap(", ["map", "number"]),
    ("StringMapList", ["list", ["map", "string"]]),
)
_DEEPEST = 9


class Module:
    """One type of the package: its classes, and which properties its interfaces require."""

    def __init__(self, code: str, declarations: str) -> None:
        """Read `index.js` and `index.d.ts` of it."""
        self._code = code
        self._required = {
            name: {each.lower() for each in _PROPERTY.findall(body)} for name, body in _INTERFACE.findall(declarations)
        }
        parts = re.split(r"^class (\w+) extends ", code, flags=re.M)
        self._classes = dict(zip(parts[1::2], parts[2::2], strict=True))
        self._hcl = dict(_TO_HCL.findall(code))
        configs = _CONFIG.findall(declarations)  # the provider's own has no such arguments
        self._config: str = configs[0] if configs else next(name for name in self._required if name.endswith("Config"))

    def read(self) -> Block:
        """The schema of the type."""
        main = next(body for body in self._classes.values() if "terraformResourceType: '" in body)
        written = main[main.index("synthesizeHclAttributes()") :] if "synthesizeHclAttributes()" in main else ""
        return self._block(main, written, self._config, 0)

    def _block(self, body: str, written: str, interface: str, depth: int) -> Block:
        required = self._required.get(interface, set())
        entries = {name: rest for name, *rest in _ENTRY.findall(written)}
        accessors: dict[str, tuple[str, ...]] = {}
        for name, *rest in _ACCESSOR.findall(body):
            accessors.setdefault(name, tuple(rest))
        block: Block = {"a": {}, "b": {}}
        for name in [*accessors, *(entry for entry in entries if entry not in accessors)]:
            accessor = accessors.get(name)
            if accessor:
                flags = [word == "true" for word in accessor[:3]]
            else:
                needed = name.replace("_", "").lower() in required
                flags = [False, False, True] if needed else [name not in {"count", "for_each"}, True, False]
            self._member(block, name, flags, accessor[3] if accessor else "", entries.get(name), depth)
        return block

    def _member(
        self, block: Block, name: str, flags: list[bool], code: str, entry: list[str] | None, depth: int
    ) -> None:
        computed, optional, required = flags
        if entry and entry[0] == "false":
            block["a"][name] = _attribute(_simple(entry[1], entry[2]) or "dynamic", *flags)
            return
        kind, struct, nesting = self._struct(code, entry)
        if struct is None or depth > _DEEPEST:
            block["a"][name] = _attribute(_getter(code), computed or not (optional or required), optional, required)
            return
        inner = self._block(
            self._classes[struct + "OutputReference"],
            self._hcl.get(struct[0].lower() + struct[1:], ""),
            struct,
            depth + 1,
        )
        if entry and not computed:
            single = "single" if nesting == "struct" else nesting
            most = 1 if kind == "OutputReference" and single in {"list", "set"} else 0
            block["b"][name] = {"n": single, "max": most, "min": int(required), "b": inner}
            return
        # Computed only, or an attribute that is written as blocks: of an object type either way.
        of = ["object", _object(inner)]
        whole = (
            of if nesting in {"struct", "single"} else [nesting if nesting in {"list", "set", "map"} else "list", of]
        )
        block["a"][name] = _attribute(whole, computed or not entry, optional and bool(entry), required and bool(entry))

    def _struct(self, code: str, entry: list[str] | None) -> tuple[str | None, str | None, str]:
        """The kind of class a member is held in, the struct that it is of (None without one), and how it nests."""
        made = re.search(r'new (\w+?)(OutputReference|List|Map)?\(this, "', code)
        kind = made[2] if made else None
        if entry:
            struct, nesting = re.sub(r"(List|Map)$", "", entry[2]), entry[1]
        elif made:
            struct = made[1]
            nesting = "single" if kind == "OutputReference" else "set" if ", true)" in code else "list"
        else:
            return kind, None, ""
        return kind, struct if struct + "OutputReference" in self._classes else None, nesting


def _attribute(of: Any, computed: bool, optional: bool, required: bool) -> Block:
    return {"t": of, "c": computed, "o": optional, "r": required}


def _simple(kind: str, stored: str) -> Any:
    if stored in _SCALARS:
        return _SCALARS[stored]
    match = re.match(r"(string|number|boolean|any)(List|Map)(List)?$", stored)
    if not match:
        return None
    inner = ["list", _SCALARS[match[1]]] if match[3] else _SCALARS[match[1]]
    return ["map" if match[2] == "Map" else "set" if kind == "set" else "list", inner]


def _getter(code: str) -> Any:
    return next((of for call, of in _GETTERS if call in code), "dynamic")


def _object(block: Block) -> Block:
    types = {name: attribute["t"] for name, attribute in block["a"].items()}
    for name, nested in block["b"].items():
        inner = ["object", _object(nested["b"])]
        types[name] = inner if nested["n"] == "single" else [nested["n"], inner]
    return types


def used(folder: Path) -> set[str]:
    """What the folder's Terraform names, as the package calls it: `ecs-service`, `data-aws-region`, `provider`."""
    found = {"provider"}
    for path in folder.rglob("*.tf"):
        for sort, name in _USED.findall(path.read_text()):
            bare = name.removeprefix("aws_").replace("_", "-")
            found.add(f"data-aws-{bare}" if sort == "data" else bare)
    return found


def _sources(package: Path, wanted: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """Each wanted type with its code and its declarations."""
    halves: dict[str, dict[str, str]] = {name: {} for name in wanted}
    with tarfile.open(package) as archive:
        for member in archive:
            parts = member.name.split("/")
            if parts[1] == "lib" and len(parts) == 4 and parts[2] in halves and parts[3] in {"index.js", "index.d.ts"}:
                file = archive.extractfile(member)
                halves[parts[2]][parts[3]] = file.read().decode() if file else ""
    for name, half in halves.items():
        if len(half) < 2:
            # Terraform itself says so with the place: it knows no such type then.
            print(f"schema: the provider has no {name}", file=sys.stderr)  # noqa: T201
            continue
        yield name, half["index.js"], half["index.d.ts"]


def main(package: Path, folder: Path, out: Path) -> None:
    """Write the schema."""
    schema: Block = {"provider": {}, "resources": {}, "data": {}}
    for name, code, declarations in sorted(_sources(package, used(folder))):
        match = re.search(r"terraformResourceType: '(\w+)'", code)
        block = Module(code, declarations).read()
        if name == "provider":
            schema["provider"] = block
        else:
            schema["data" if name.startswith("data-aws-") else "resources"][match[1] if match else name] = block
    out.write_text(json.dumps(schema))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
