"""Lists of the catalog, a page at a time: one question to the store, as a rule."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from airegistry.core.access import Access
from airegistry.core.assets import MODELS, Kind, namespace_of
from airegistry.core.audience import Audience
from airegistry.core.documents import KEY, Glob, Where
from airegistry.core.errors import Invalid
from airegistry.core.ports import AnyAsset
from airegistry.core.principals import Principal
from airegistry.core.shelf import Shelf
from airegistry.core.visibility import Visibility

MOST = 1000
"""Assets asked for at once."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list, and the cursor of the next."""

    assets: Sequence[AnyAsset]
    next_cursor: str | None


class Pages:
    """Cuts pages out of what a caller may see, in order of path."""

    def __init__(self, shelf: Shelf, access: Access, visibility: Visibility) -> None:
        self._shelf = shelf
        self._access = access
        self._visibility = visibility

    async def page(
        self, who: Principal, kinds: Sequence[Kind], *, limit: int, cursor: str | None, where: Where,
        fits: Callable[[AnyAsset], bool],
    ) -> Page:  # fmt: skip
        """See `Catalog.list`.

        Raises:
            Invalid: the cursor is none of this registry's.
        """
        after = _start(kinds, cursor)
        audience = Audience.of(who, kinds, self._access, self._visibility)
        asked = {**_of_kinds(audience.kinds), **where}
        assets: list[AnyAsset] = []
        size, last = limit + 1, None
        while audience.kinds:
            found = await self._shelf.some(asked, audience.any_of, after, size)
            for key, asset in found:
                if fits(asset) and self._visibility.shows(who, asset):
                    if len(assets) == limit:
                        return Page(assets, last)
                    assets.append(asset)
                    last = key
            if len(found) < size:
                break
            # Some of it was not for this caller, or does not fit: the longer that goes on the more is asked for.
            after, size = found[-1][0], min(2 * size, max(MOST, limit + 1))
        return Page(assets, None)


def _of_kinds(kinds: Sequence[Kind]) -> Where:
    """Assets of these kinds, by their keys and, where two kinds share a namespace, by what they are."""
    spaces = sorted({namespace_of(kind) for kind in kinds})
    where: Where = {KEY: [Glob(f"{space}/*") for space in spaces]}
    others = [kind for kind in MODELS if namespace_of(kind) in spaces and kind not in kinds]
    return {**where, "kind": [*kinds]} if others else where


def _start(kinds: Sequence[Kind], cursor: str | None) -> str:
    """The key a list goes on after."""
    first = f"{min(namespace_of(kind) for kind in kinds)}/"
    if cursor is None:
        return first
    if "/" not in cursor or cursor < first:
        raise Invalid(f"cursor {cursor[:40]!r} is none of this registry's", field="cursor")
    return cursor
