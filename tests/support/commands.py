"""Commands in this process, which has imported everything by now: a start takes a second. Not where a loop runs."""

import io
import os
import subprocess
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from unittest.mock import patch

from airegistry.cli.main import main


def run_command(*args: str, env: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    """`airegistry args`, as `run_module` has it: without settings of the product but those of `env`."""
    out, err = io.StringIO(), io.StringIO()
    with patch.dict(os.environ), redirect_stdout(out), redirect_stderr(err):
        for name in [name for name in os.environ if name.startswith("AIREGISTRY_")]:
            del os.environ[name]
        os.environ.update(env)
        status = main(args)
    return subprocess.CompletedProcess(args, status, out.getvalue(), err.getvalue())
