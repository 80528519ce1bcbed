"""Completion as it is installed, in a new shell of a new home."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.clients.terminal import Terminal

COMPINIT = "autoload -Uz compinit && compinit -u\n"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of one's own, which no settings of others reach."""
    for name in ("ZSH", "ZSH_CUSTOM", "ZDOTDIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "INPUTRC"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def there(shell: str) -> str:
    """Where a shell is; skips the test where it is not."""
    if (found := shutil.which(shell)) is None:
        pytest.skip(f"no {shell}: run .ci/install-shells")
    return found


def typed(command: list[str], home: Path, keys: str) -> str:
    """What a line becomes on a terminal: it is printed in place of being run."""
    env = {"HOME": str(home), "PATH": os.environ["PATH"], "TERM": "dumb", "PS1": "> ", "LANG": "C.UTF-8"}
    terminal = Terminal(command, env, home)
    try:
        terminal.wait_for("(>|%|#|\\$) ?$", 30)
        terminal.type(f"{keys}\x01printf '=%s' ")
        return terminal.wait_for(r"(?m)^(=airegistry.*)$", 30)
    finally:
        terminal.close()


KEYS = "airegistry tok\tcre\t--expi\t"
BECOMES = "=airegistry=token=create=--expires-in"


def test_bash_completes_commands_and_options(run: Run, home: Path) -> None:
    assert run("--install-completion", "--shell", "bash").status == 0
    assert typed([there("bash"), "--noprofile", "-i"], home, KEYS).startswith(BECOMES)


def test_bash_offers_what_may_follow(run: Run, home: Path) -> None:
    script = home / "completion"
    assert run("--install-completion", "--shell", "bash", "--output", str(script)).status == 0
    program = (
        f'. "{script}"; COMP_WORDS=(airegistry versions de); COMP_CWORD=2; '
        "f=$(complete -p airegistry | sed 's/.*-F \\([^ ]*\\).*/\\1/'); $f; printf '%s\\n' \"${COMPREPLY[@]}\""
    )
    ran = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=True)
    assert sorted(ran.stdout.split()) == ["default", "delete", "deprecate"]


@pytest.mark.parametrize("at", ["before", "after"])
def test_zsh_completes_commands_and_options_wherever_its_own_lines_stand(run: Run, home: Path, at: str) -> None:
    zsh, own = there("zsh"), home / ".zshrc"
    if at == "before":
        own.write_text(COMPINIT)
    assert run("--install-completion", "--shell", "zsh").status == 0
    if at == "after":
        own.write_text(own.read_text() + COMPINIT)
    assert typed([zsh, "-d", "-i"], home, f"{KEYS}\t").startswith(BECOMES)  # it tells of an option before it writes it


def test_fish_completes_commands_options_and_choices(run: Run, home: Path) -> None:
    fish = there("fish")
    assert run("--install-completion", "--shell", "fish").status == 0

    def offered(line: str) -> list[str]:
        ran = subprocess.run(
            [fish, "-c", f"complete -C {line!r}"], cwd=home, env={**os.environ, "HOME": str(home)},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return [each.split("\t")[0] for each in ran.stdout.splitlines()]

    assert offered("airegistry tok") == ["token"]
    assert offered("airegistry versions de") == ["default", "delete", "deprecate"]
    assert offered("airegistry token create --expi") == ["--expires-in"]
    assert offered("airegistry delete weather --kind ") == ["agent", "entity", "server", "skill", "virtual_server"]
