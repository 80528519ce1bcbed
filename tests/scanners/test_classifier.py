"""The classifier reads texts by sentences, and what it takes for an injection asks for a review and no more."""

from collections.abc import Sequence

import pytest

from airegistry.core.assets import Server, Tool
from airegistry.core.errors import Invalid
from airegistry.core.findings import Finding, judged
from airegistry.scanners import classifier, open
from airegistry.scanners.classifier import LONGEST, Classifier, open_classifier
from tests.scanners.around import ALONE

FIELD = "/tools/0/description"


class Model:
    """Takes whatever speaks of gold for an injection."""

    def __init__(self) -> None:
        self.read: list[str] = []

    def judge(self, texts: list[str]) -> Sequence[tuple[float, float | None]]:
        self.read += texts
        return [(0.99 if "gold" in text else 0.97, None) for text in texts]


def server(description: str) -> Server:
    return Server(path="weather", name="weather", tools=[Tool(name="gold_price", description=description)])


def test_what_sounds_like_an_injection_asks_for_a_review_and_agrees_with_nobody() -> None:
    scanner = Classifier(Model().judge, "1.0")
    (found,) = scanner.scan(server("Give me gold. More gold."), ALONE)
    assert (scanner.name, found.rule, found.field) == ("classifier/1:1.0", "classifier.injection", FIELD)
    other = Finding(rule="builtin.rule", severity="high", field=FIELD, message="m")
    assert judged([found])[0] == judged([found, other])[0] == "review"
    assert scanner.scan(server("The sky."), ALONE) == []


def test_long_texts_are_read_to_the_end_in_pieces_of_whole_sentences() -> None:
    model = Model()
    text = " ".join(f"Sentence number {number} ends here." for number in range(100))
    Classifier(model.judge, "1").scan(server(text), ALONE)
    assert "".join(model.read) == text
    assert all(len(piece) <= LONGEST and piece.endswith(".") for piece in model.read)
    model.read.clear()
    Classifier(model.judge, "1").scan(server("x" * 2000), ALONE)
    assert "".join(model.read) == "x" * 2000


def test_what_is_longer_than_it_reads_is_no_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classifier, "MOST", 1)
    with pytest.raises(ValueError, match="more than 600 characters"):
        Classifier(Model().judge, "1").scan(server("word. " * 300), ALONE)


def test_without_the_extra_the_setting_is_refused() -> None:
    with pytest.raises(Invalid, match=r"needs stackone-defender\[onnx\]"):
        open_classifier()
    with pytest.raises(Invalid):
        open.scanners_with(classifier=True)
    assert len(open.scanners_with(classifier=False)) == len(open.open_scanners())
