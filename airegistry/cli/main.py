"""`airegistry`: the commands, and what every one of them ends with."""

import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper

from cyclopts import App, CycloptsError, Parameter

from airegistry import __version__
from airegistry.cli import serve
from airegistry.cli.errors import NoAnswer, Status, Told, Usage
from airegistry.cli.output import complain
from airegistry.core.errors import AirError
from airegistry.stores.lock import FolderInUse


def version() -> None:
    """Show the version."""
    print(f"airegistry {__version__}")


def commands() -> App:
    """The commands; each raises what it fails with."""
    app = _empty()
    app.command(serve.serve)
    app.command(version)
    # Whoever serves needs none of their modules.
    from rich.console import Console

    from airegistry.cli.all_commands import add_all

    app.console = Console()  # of this terminal as it is now: groups of commands would keep the one that they had first
    add_all(app)
    app.register_install_completion_command(help="Install shell completion for bash, zsh, fish or PowerShell.")
    return app


def _empty() -> App:
    return App(
        "airegistry",
        help="The registry and gateway for MCP servers, A2A agents and skills.",
        help_format="plaintext",
        help_formatter="plain",
        version=f"airegistry {__version__}",
        version_flags=["--version"],
        default_parameter=Parameter(negative=()),
        result_action="return_value",
        exit_on_error=False,
        print_error=False,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line, by default that of the process, and return the exit status of docs/cli.md."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        status = _run(sys.argv[1:] if argv is None else argv)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return Status.INTERRUPTED
    except BrokenPipeError:
        # The reader is gone: what is still buffered goes nowhere, also when the interpreter flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Status.BROKEN_PIPE
    return status


def _app(argv: Sequence[str]) -> App:
    """The commands that a command line may mean."""
    if list(argv[:1]) != ["serve"]:
        return commands()
    app = _empty()
    app.command(serve.serve)
    return app


def _run(argv: Sequence[str]) -> Status:
    """Run a command line; an error becomes a message and a status."""
    try:
        _app(argv)(list(argv))
    except CycloptsError as error:
        path = " ".join(["airegistry", *(error.command_chain or ())])
        complain("", str(error), f"run `{path} --help`")
        return Status.USAGE
    except Told as told:
        return told.status
    except Usage as error:
        complain("", error.message, error.hint)
        return Status.USAGE
    except FolderInUse as error:
        complain(error.code, error.message)
        return Status.IN_USE
    except NoAnswer as error:
        complain(error.code, error.message, error.hint)
        return Status.NO_ANSWER
    except AirError as error:
        complain(error.code, error.message)
        return Status.REFUSED
    return Status.OK
