"""What code and data in a skill say in words: comments, docstrings, long texts. A model reads them like any prose."""

import re
from collections.abc import Iterator
from dataclasses import replace

from airegistry.scanners.skill_parts import Part

_MARK = re.compile(r"^\s{0,80}(?:#{1,4}(?!!)|//{1,2}|\*(?!/)|--|;{1,2}|rem )\s?(.*)$", re.IGNORECASE)
_BLOCKS = (("/*", "*/"), ("<!--", "-->"))
_LONGEST_BLOCK = 6_000
_TEXT = re.compile(
    r"(?s:\"{3}(?!\")(.{24,6000}?)\"{3}|'{3}(?!')(.{24,6000}?)'{3})"
    r"|\"((?:[^\"\\\n]|\\.){24,4000}+)\"|'((?:[^'\\\n]|\\.){24,4000}+)'|`((?:[^`\\]|\\.){24,4000}+)`"
)
_ESCAPE = re.compile(r"\\(?:[nrt]|(.))")
_FEWEST = 5
"""Words of what may be a sentence."""
_MOST = 2_000


def remarks(part: Part) -> Iterator[Part]:
    """The words in a part that is code or data, as prose: each run of comments, and each long text."""
    if part.language in ("prose", "hidden", "decoded", "yaml", "other"):
        return
    said = [words for words in _said(part) if words.count(" ") >= _FEWEST - 1]
    if said:
        yield replace(part, language="prose", text="\n\n".join(said[:_MOST]), program=False)


def _said(part: Part) -> Iterator[str]:
    if part.language != "json":
        yield from _comments(part.text)
        yield from _blocks(part.text)
    for match in _TEXT.finditer(part.text):
        yield _ESCAPE.sub(lambda each: each[1] or " ", next(group for group in match.groups() if group))


def _blocks(text: str) -> Iterator[str]:
    """Comments between two marks."""
    for opening, closing in _BLOCKS:
        start = text.find(opening)
        while start >= 0 and (end := text.find(closing, start + len(opening))) >= 0:
            yield text[start + len(opening) : min(end, start + _LONGEST_BLOCK)]
            start = text.find(opening, end + len(closing))


def _comments(text: str) -> Iterator[str]:
    """Comments of lines in a row, each run as one text."""
    run: list[str] = []
    for line in text.splitlines():
        match = _MARK.match(line)
        if match:
            run.append(match[1])
        elif run:
            yield "\n".join(run)
            run = []
    if run:
        yield "\n".join(run)
