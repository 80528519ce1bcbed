"""The commands that the pages show do what the pages say, against real processes.

`pip install .` itself is run by `.ci/run`, on a clean machine.
"""

import shlex

from tests.docs.console import Reader, alike, blocks, every_step
from tests.support.processes import ROOT

README = ROOT / "README.md"
GETTING_STARTED = ROOT / "docs" / "getting-started.md"


def test_getting_started_goes_as_it_says(reader: Reader) -> None:
    reader.follow(GETTING_STARTED)
    both_starts = reader.serve()
    assert both_starts.count("shown this once") == 2, "the password and the token, at the first start alone"
    assert "weather" in reader.run("airegistry list")


def test_the_readme_shows_steps_of_getting_started() -> None:
    assert blocks(README)[0].text == "pip install . && airegistry serve\n"
    known = {tuple(shlex.split(step.command, comments=True)): step.shown for step in every_step(GETTING_STARTED)}
    assert ("airegistry", "serve") in known
    for step in every_step(README):
        shown = known[tuple(shlex.split(step.command, comments=True))]
        assert step.shown in ([], shown), step.command


def test_the_readme_begins_with_code_by_line_25() -> None:
    lines = README.read_text(encoding="utf-8").splitlines()
    assert next(number for number, line in enumerate(lines, start=1) if line.startswith("```")) <= 25


def test_a_page_that_shows_something_else_is_noticed() -> None:
    printed = ["tool  weather get_forecast  0.600  Weather"]
    assert alike(["tool weather get_forecast 0.599 Wea…"], printed)
    assert not alike(["tool weather get_forecast 0.700 Weather"], printed)
    assert not alike(["tool weather get_forecast 0.600 Storm"], printed)
    assert not alike(["tool weather get_forecast 0.600 Weather", "one more"], printed)
