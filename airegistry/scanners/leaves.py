"""Every text in an asset, by where it stands."""

from collections.abc import Iterator

from airegistry.core.ports import AnyAsset

SKIPPED = frozenset({"path", "created_at", "updated_at", "created_by", "updated_by", "fetched_at", "content_hash"})


def leaves(asset: AnyAsset) -> Iterator[tuple[str, str]]:
    """Pairs of JSON pointer and text, keys of objects included: a parameter's name is text that models read."""
    fields = asset.model_dump(mode="json", by_alias=True, exclude_none=True, exclude=set(SKIPPED))
    stack: list[tuple[str, object]] = [("", fields)]
    while stack:
        pointer, value = stack.pop()
        if isinstance(value, str):
            yield pointer, value
        elif isinstance(value, dict):
            for key, item in value.items():
                yield f"{pointer}/{_escaped(key)}", key
                stack.append((f"{pointer}/{_escaped(key)}", item))
        elif isinstance(value, list):
            stack += [(f"{pointer}/{i}", item) for i, item in enumerate(value)]


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
