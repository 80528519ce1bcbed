"""A small text classifier for prompt injection, that of stackone-defender: an extra, its model in the package.

It knows how injections sound, and errs: what it says asks a person to look, and agrees with nobody in holding an asset.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module, metadata

from airegistry.core.errors import Invalid
from airegistry.core.findings import Finding, escaped
from airegistry.core.ports import AnyAsset, Surroundings
from airegistry.scanners.texts import texts

PACKAGE = "stackone-defender"
ENOUGH = 0.98
"""The score of the first head from which a text counts. The second head knows mails and pages, not definitions: with it
next to nothing of the development set is found."""

LONGEST, MOST = 600, 400
"""Characters of one piece, some 250 tokens of which the model reads 256; and pieces of one asset."""

CODES = ["OWASP-MCP03:2025", "OWASP-ASI01:2026", "OWASP-LLM01:2025", "ATLAS-AML.T0051", "CWE-1427"]
_READ = frozenset({"description", "title", "default", "example", "instructions", "prompt", "resource", "file", "data"})
_SENTENCES = re.compile(r"[^.!?\n]{0,600}(?:[.!?\n]|\Z)?")

Judge = Callable[[list[str]], Sequence[tuple[float, float | None]]]


class Classifier:
    """A `Scanner`; the model is loaded when the first asset is scanned."""

    def __init__(self, judge: Judge, version: str) -> None:
        """`judge` gives the scores of both heads of the model for each text."""
        self.name = f"classifier/1:{version}"
        self._judge = judge

    def scan(self, asset: AnyAsset, around: Surroundings) -> Sequence[Finding]:
        """Texts that sound like an injection, as far as the model can tell.

        Raises:
            ValueError: there is more text than it reads.
        """
        pieces = [(text.field, piece) for text in texts(asset) if text.role in _READ for piece in _pieces(text.plain)]
        if len(pieces) > MOST:
            raise ValueError(f"more than {MOST * LONGEST} characters of text")
        scores = self._judge([piece for _, piece in pieces]) if pieces else ()
        found: dict[str, Finding] = {}
        for (field, piece), (score, _) in zip(pieces, scores, strict=True):
            if score >= ENOUGH:
                found.setdefault(field, Finding(
                    rule="classifier.injection", severity="medium", confidence="low", field=field,
                    message="a classifier takes this for an instruction to the model", evidence=escaped(piece),
                    remediation="Read the text yourself: a classifier may be wrong.", codes=CODES,
                ))  # fmt: skip
        return list(found.values())


def open_classifier() -> Classifier:
    """The classifier, if its extra is installed.

    Raises:
        Invalid: it is not.
    """
    try:
        made = import_module("stackone_defender.classifiers.onnx_classifier").OnnxClassifier()
        made.load_model()
    except ImportError as error:
        raise Invalid(f"the classifier needs {PACKAGE}[onnx]: {error}", field="scan_classifier") from None
    return Classifier(made.classify_batch_pair, metadata.version(PACKAGE))


def _pieces(text: str) -> Iterator[str]:
    """A text by sentences, as many to a piece as fit."""
    piece = ""
    for match in _SENTENCES.finditer(text):
        sentence = match[0]
        if piece and len(piece) + len(sentence) > LONGEST:
            yield piece
            piece = ""
        piece += sentence
    if piece.strip():
        yield piece
