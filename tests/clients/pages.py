"""The pages of `clients/`: their commands and JSON blocks."""

import re

from tests.support.processes import ROOT

FOLDER = ROOT / "clients"


def blocks(page: str, language: str) -> list[str]:
    """The code blocks of one language on a page."""
    return re.findall(rf"^```{language}\n(.*?)^```$", (FOLDER / f"{page}.md").read_text(), re.MULTILINE | re.DOTALL)
