"""From an embedder's name in the settings to the embedder."""

from airegistry.core.errors import Invalid
from airegistry.core.ports import Embedder
from airegistry.embedders.minilm import MiniLM
from airegistry.embedders.remote import EmbeddingServer, OpenAIEmbedder
from airegistry.embedders.sentence_transformers import SentenceTransformers

NAMES = "minilm, none, sentence-transformers:MODEL or openai:MODEL"


def open_embedder(name: str, server: EmbeddingServer | None = None) -> Embedder | None:
    """The embedder called `minilm`, `sentence-transformers:MODEL` or `openai:MODEL`, or None for `none` (lexical
    search only). A model of the OpenAI kind is asked for at `server`.

    Raises:
        Invalid: there is no such embedder, its library is not installed, or it has no server.
    """
    family, _, model = name.partition(":")
    match family, model:
        case "minilm", "":
            return MiniLM()
        case "none", "":
            return None
        case "sentence-transformers", str() if model:
            return SentenceTransformers(model)
        case "openai", str() if model:
            if server is None:
                raise Invalid(f"embedder {name!r}: there is no server for it here", field="embedder")
            return OpenAIEmbedder(model, server)
    raise Invalid(f"no embedder named {name!r}: {NAMES}", field="embedder")
