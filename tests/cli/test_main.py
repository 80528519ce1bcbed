"""What holds for the program as a whole: version, help, wrong use, pipes and interruption."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence

import pytest

from airegistry import __version__
from airegistry.cli.errors import Status
from tests.cli.conftest import Run
from tests.cli.registry import TOKEN, FakeRegistry
from tests.support.processes import python_env, run_module


def start(argv: Sequence[str], env: dict[str, str]) -> "subprocess.Popen[bytes]":
    """The program as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "airegistry", *argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=python_env(env)
    )


@pytest.mark.parametrize("argv", [["version"], ["--version"]])
def test_the_version_is_shown(run: Run, argv: list[str]) -> None:
    assert run(*argv) == (0, f"airegistry {__version__}\n", "")


def test_version_and_help_do_not_wait_for_heavy_imports() -> None:
    program = (
        "import sys; from airegistry.cli.main import main\n"
        "main(['version']); main(['--help']); main(['register', '--help'])\n"
        "heavy = {'fastmcp', 'mcp', 'httpx2', 'pydantic_settings', 'numpy', 'uvicorn'}\n"
        "print(*heavy.intersection(sys.modules), file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stderr.strip() == ""


@pytest.mark.parametrize(
    ("argv", "said", "hint"),
    [
        (["serach"], 'Unknown command "serach". Did you mean "search"?', "airegistry --help"),
        (["token", "make"], 'Unknown command "make".', "airegistry token --help"),
        (["show"], "PATH requires an argument", "airegistry show --help"),
        (["show", "a", "b"], "Unused Tokens: ['b']", "airegistry show --help"),
        (["list", "--limit", "many"], 'Invalid value for --limit: unable to convert "many"', "airegistry list --help"),
        (["list", "--kind", "tool"], 'Choose from: "server"', "airegistry list --help"),
        (["list", "--colour"], "Unknown option: --colour", "airegistry list --help"),
    ],
)
def test_a_wrong_command_line_ends_with_2_and_a_hint(run: Run, argv: list[str], said: str, hint: str) -> None:
    ran = run(*argv)
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.startswith("error: ")
    assert said in ran.err
    assert ran.err.endswith(f"\n\nhint: run `{hint}`\n")


def test_the_module_is_the_program() -> None:
    ran = run_module("airegistry", "list", "--limit", "many", env={})
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "Traceback" not in ran.stderr


def test_a_reader_that_went_away_ends_it_quietly(fake: FakeRegistry) -> None:
    fake.says({"services": [{"path": "weather", "description": "word " * 40_000}]})
    with start(["list"], {"AIREGISTRY_URL": fake.url, "AIREGISTRY_TOKEN": TOKEN}) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(30) == Status.BROKEN_PIPE


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Shells have what they run in the background ignore SIGINT, and whatever that starts in turn."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupted_command_ends_with_130_and_no_traceback() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(30)
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with start(["list"], {"AIREGISTRY_URL": url}) as process:
            connection, _ = silent.accept()
            with connection:
                assert connection.recv(1).startswith(b"P")  # of POST: the request is under way
                process.send_signal(signal.SIGINT)
                out, err = process.communicate(timeout=30)
            assert (process.returncode, out, err) == (Status.INTERRUPTED, b"", b"")
