"""What the web page is to people: `python -m benchmarks.web`, over 10,000 assets or as many as `--assets` says.

A registry as it is installed, an administrator who is signed in, and Chromium: how soon the first view is there and the
results of each letter, how many calls a step takes, how much of a long list there is, and what Lighthouse says. Exit
status 1 when a target is missed.
"""

import argparse
import sys
from collections.abc import Sequence

from playwright.sync_api import sync_playwright

from benchmarks.invented import Words
from benchmarks.webpage import hands, lighthouse
from benchmarks.webpage.site import cookie, serving
from tests.web.people import ARGUMENTS, CHROMIUM, People


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, and say whether the targets are met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--assets", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3, help="runs of Lighthouse for each view")
    parser.add_argument("--preset", choices=["desktop", "mobile"], default="desktop")
    arguments = parser.parse_args(argv)
    words, missed = [Words(seed).text(1) for seed in range(hands.ROUNDS)], 0
    with serving(arguments.assets) as registry:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            found = [*hands.felt(People(browser, registry.url), words)]
            signed_in = cookie(browser, registry)
            browser.close()
        for verdict in found:
            print(verdict, flush=True)
            missed += not verdict.met
        for verdict in lighthouse.judged(registry.url, signed_in, arguments.rounds, arguments.preset):
            print(verdict, flush=True)
            missed += not verdict.met
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
