"""Which document of a corpus a running registry's search result is."""

import re
from collections.abc import Iterable, Sequence

from airegistry.core.assets import Json
from airegistry.evaluation.corpus import Document


class Names:
    """Matches by kind and name, as a registry does not know a corpus' ids.

    Of several documents of one kind and name each is taken once, in the order of the corpus; of tools first those whose
    server's name, written as a path, is the path of the result's server.
    """

    def __init__(self, documents: Iterable[Document]) -> None:
        self._named: dict[tuple[str, str], list[Document]] = {}
        for document in documents:
            self._named.setdefault((document.type, document.name), []).append(document)

    def ids(self, results: Sequence[Json]) -> list[str]:
        """The documents that the results of `search_registry` are, in their order; other results are left out."""
        taken: dict[str, None] = {}
        for result in results:
            named = self._named.get((str(result.get("kind")), str(result.get("name"))), [])
            free = [document for document in named if document.id not in taken]
            ours = [document for document in free if as_path(document.server) == result.get("server")]
            if free:
                taken[(ours or free)[0].id] = None
        return list(taken)


def as_path(name: str) -> str:
    """A name as somebody would write it as a path."""
    return re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("-._")[:64]
