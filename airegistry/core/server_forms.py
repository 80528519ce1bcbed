"""Older forms of `server.json`, brought to the current one: those of 2025 before its schema of 2025-09-16."""

from collections.abc import Mapping
from typing import TypeGuard

from pydantic import JsonValue

from airegistry.core.assets import Json

_SERVER = {"website_url": "websiteUrl"}
_PACKAGE = {
    "registry_type": "registryType",
    "registry_name": "registryType",
    "name": "identifier",
    "registry_base_url": "registryBaseUrl",
    "file_sha256": "fileSha256",
    "runtime_hint": "runtimeHint",
    "runtime_arguments": "runtimeArguments",
    "package_arguments": "packageArguments",
    "environment_variables": "environmentVariables",
}
_INPUT = {
    "is_required": "isRequired",
    "is_secret": "isSecret",
    "value_hint": "valueHint",
    "is_repeated": "isRepeated",
}
_REMOTE = {"transport_type": "type"}
_INPUTS = ("runtimeArguments", "packageArguments", "environmentVariables")
_TYPES = {"docker": "oci", "dockerhub": "oci"}


def text(value: JsonValue) -> str:
    """A text, or an empty one for anything else."""
    return value if isinstance(value, str) else ""


def objects(value: JsonValue) -> list[Json]:
    """The objects of a list; no list has none."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def is_old(document: Json) -> bool:
    """Whether a document is in an older form."""
    packages, remotes = objects(document.get("packages")), objects(document.get("remotes"))
    return (
        "version_detail" in document
        or any("registryType" not in package for package in packages)
        or any("type" not in remote for remote in remotes)
    )


def current(document: Json) -> Json:
    """A document in the current form; one that is already is returned as it is."""
    if not is_old(document):
        return document
    brought = _renamed(document, _SERVER)
    detail = brought.pop("version_detail", None)
    if isinstance(detail, dict):
        brought.setdefault("version", detail.get("version"))
    if _is_list(packages := brought.get("packages")):
        brought["packages"] = [_package(package) for package in objects(packages)]
    if _is_list(remotes := brought.get("remotes")):
        brought["remotes"] = [_remote(remote) for remote in objects(remotes)]
    return brought


def _package(package: Json) -> Json:
    brought = _renamed(package, _PACKAGE)
    kind = text(brought.get("registryType")).lower()
    brought["registryType"] = _TYPES.get(kind, kind)
    if not brought.get("version"):
        brought.pop("version", None)
    for name in _INPUTS:
        if _is_list(given := brought.get(name)):
            brought[name] = [_renamed(item, _INPUT) for item in objects(given)]
    brought.setdefault("transport", {"type": "stdio"})
    return brought


def _remote(remote: Json) -> Json:
    brought = _renamed(remote, _REMOTE)
    kind = text(brought.get("type")).replace("_", "-")
    brought["type"] = "streamable-http" if kind in ("streamable", "http") else kind
    if _is_list(headers := brought.get("headers")):
        brought["headers"] = [_renamed(header, _INPUT) for header in objects(headers)]
    return brought


def _renamed(holder: Json, names: Mapping[str, str]) -> Json:
    """Members by their present names; one that has both keeps the present one."""
    present = {name: value for name, value in holder.items() if name not in names}
    return {**{names[name]: value for name, value in holder.items() if name in names}, **present}


def _is_list(value: JsonValue) -> TypeGuard[list[JsonValue]]:
    return isinstance(value, list)
