"""From an embedder's name in the settings to the embedder."""

from airegistry.core.errors import Invalid
from airegistry.core.ports import Embedder
from airegistry.embedders.minilm import MiniLM
from airegistry.embedders.sentence_transformers import SentenceTransformers


def open_embedder(name: str) -> Embedder | None:
    """The embedder called `minilm` or `sentence-transformers:MODEL`, or None for `none` (lexical search only).

    Raises:
        Invalid: there is no such embedder, or its library is not installed.
    """
    family, _, model = name.partition(":")
    match family, model:
        case "minilm", "":
            return MiniLM()
        case "none", "":
            return None
        case "sentence-transformers", str() if model:
            return SentenceTransformers(model)
    raise Invalid(f"no embedder named {name!r}: minilm, none or sentence-transformers:MODEL", field="embedder")
