"""The product under cProfile: `python -m benchmarks.rig.profiled FILE serve ...` writes FILE when it is stopped.

Profiling begins at SIGUSR1, so that starting and setting up are not in it.
"""

import cProfile
import signal
import sys

from airegistry.cli.main import main


def profiled(file: str, arguments: list[str]) -> None:
    """Run the command line, then keep what was found."""
    profile = cProfile.Profile()
    signal.signal(signal.SIGUSR1, lambda *_: profile.enable())
    # The server passes the signal on when it has shut down, and by default that would end the process at once.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        main(arguments)
    finally:
        profile.disable()
        profile.dump_stats(file)


if __name__ == "__main__":
    profiled(sys.argv[1], sys.argv[2:])
