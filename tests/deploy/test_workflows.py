""".github/workflows: pinned, with least rights, in the order that a release takes, by commands that there are."""

import os
import re
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from airegistry.cli.main import commands
from tests.deploy.tools import run
from tests.support.processes import ROOT

WORKFLOWS = ROOT / ".github" / "workflows"
FILES = sorted(WORKFLOWS.glob("*.yml"))
_USES = re.compile(r"uses: (\S+)(.*)")


def workflow(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((WORKFLOWS / f"{name}.yml").read_text(encoding="utf-8"))
    return found


def scripts(job: dict[str, Any]) -> str:
    """What a job runs."""
    return "\n".join(step.get("run", "") for step in job["steps"])


def test_zizmor_finds_nothing() -> None:
    zizmor = shutil.which("zizmor", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if zizmor is None:
        assert not os.environ.get("AIREGISTRY_CI"), "zizmor is of the development tools"
        pytest.skip("no zizmor: pip install zizmor")
    judged = run(zizmor, "--offline", "--no-progress", "--persona", "regular", str(WORKFLOWS))
    assert judged.returncode == 0, judged.stdout + judged.stderr


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.stem))
def test_every_action_is_pinned_by_the_hash_of_a_named_version(file: Path) -> None:
    used = _USES.findall(file.read_text(encoding="utf-8"))
    assert used
    for action, note in used:
        if action != "$/.github/workflows/ci.yml":
            assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action), action
            assert re.fullmatch(r" # v\d+\.\d+\.\d+", note), action


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.stem))
def test_a_job_has_the_rights_that_it_names_and_no_others(file: Path) -> None:
    found = workflow(file.stem)
    assert found["permissions"] == {}
    for job in found["jobs"].values():
        assert job["permissions"].items() >= {"contents": "read"}.items()
        assert not {name for name, right in job["permissions"].items() if right == "write"} - {
            "id-token",
            "attestations",
        }


def test_ci_runs_on_every_version_of_python_that_the_package_is_for() -> None:
    job = workflow("ci")["jobs"]["run"]
    assert job["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13", "3.14"]
    *prepared, run_all = [step for step in job["steps"] if "run" in step]
    assert run_all["run"] == ".ci/run"
    # It is run by nobody's root on Ubuntu, which has neither Debian's mirror nor its keys, nor networks for everybody.
    assert job["runs-on"].startswith("ubuntu-")
    assert run_all["env"]["AIREGISTRY_DEBIAN_MIRROR"] == "${{ vars.DEBIAN_MIRROR }}"
    (prepared,) = [step["run"] for step in prepared]
    assert "debian-archive-keyring" in prepared
    assert "kernel.apparmor_restrict_unprivileged_userns=0" in prepared


def test_programs_of_debian_come_from_the_mirror_that_is_named(tmp_path: Path) -> None:
    """As on Ubuntu, where the sources are not Debian's; apt itself is played, and says what it was told."""
    script = (
        r"""cat "$(sed -n 's/.*sourcelist "\(.*\)";/\1/p' "$APT_CONFIG")" >&2"""
        """\ncase "$*" in *download*) touch a.deb;; esac\n"""
    )
    for name, text in (("apt-get", script), ("dpkg", 'echo "$@" >&2\n'), ("awk", "exit 2\n")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    path = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    unpack = (str(ROOT / ".ci" / "unpack-debian"), "forky", str(tmp_path / "to"), "prometheus")
    assert run(*unpack, env=path).returncode == 2, "no sources of Debian, and no mirror"
    unpacked = run(*unpack, env={**path, "AIREGISTRY_DEBIAN_MIRROR": "http://mirror.test/debian"})
    assert unpacked.returncode == 0, unpacked.stderr
    assert "debian-archive-keyring.gpg] http://mirror.test/debian forky main" in unpacked.stderr
    assert unpacked.stderr.rstrip().endswith(f"a.deb {tmp_path / 'to'}")


def test_a_release_is_tested_built_scanned_attested_planned_approved_applied_set_up_and_verified() -> None:
    jobs = workflow("release")["jobs"]
    assert [*jobs] == ["test", "image", "plan", "apply", "notify"]
    assert (jobs["image"]["needs"], jobs["plan"]["needs"], jobs["apply"]["needs"]) == (
        "test",
        "image",
        ["image", "plan"],
    )
    assert jobs["apply"]["environment"] == "production"
    names = [step.get("name", "") for step in jobs["image"]["steps"]]
    assert names.index("Scan") < names.index("Push what was scanned") < names.index("Provenance")
    applied = scripts(jobs["apply"])
    order = ["terraform apply plan", "setup aws", "setup keycloak", "setup verify"]
    assert sorted(order, key=applied.index) == order
    assert "-auto-approve" not in applied


@pytest.mark.parametrize(
    ("results", "said"),
    [
        (("success", "success", "success", "success"), "airegistry v1.2.3: released"),
        (("failure", "skipped", "skipped", "skipped"), "airegistry v1.2.3: not released"),
        (("success", "success", "failure", "skipped"), "airegistry v1.2.3: not released"),
        (("success", "success", "success", "cancelled"), "airegistry v1.2.3: not released"),
    ],
)
def test_somebody_is_told_whichever_job_ends_a_release(results: tuple[str, ...], said: str, tmp_path: Path) -> None:
    jobs = workflow("release")["jobs"]
    told = jobs["notify"]
    assert {*told["needs"]} == {*jobs} - {"notify"}
    assert told["if"] == "always()"
    assert told["environment"] != jobs["apply"]["environment"]
    (step,) = [step for step in told["steps"] if "run" in step]
    assert {name: value for name, value in step["env"].items() if name != "TOPIC"} == {
        name.upper(): f"${{{{ needs.{name}.result }}}}" for name in told["needs"]
    }
    (tmp_path / "aws").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n', encoding="utf-8")
    (tmp_path / "aws").chmod(0o755)
    env = dict(zip((name.upper() for name in told["needs"]), results, strict=True))
    github = {"GITHUB_REF_NAME": "v1.2.3", "GITHUB_SERVER_URL": "https://g.test", "GITHUB_REPOSITORY": "a/b"}
    path = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    ran = run("bash", "-euc", step["run"], env={**env, **github, **path, "TOPIC": "arn:topic", "GITHUB_RUN_ID": "7"})
    assert ran.returncode == 0, ran.stderr
    given = ran.stdout.splitlines()
    assert given[:6] == ["sns", "publish", "--topic-arn", "arn:topic", "--subject", said]
    assert given[-1].endswith("https://g.test/a/b/actions/runs/7")


def test_the_page_names_what_each_environment_of_a_release_needs() -> None:
    page = (ROOT / "docs" / "deploy-aws.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(build|plan|production|notify)`(.*)$", page, re.MULTILINE))
    for job in workflow("release")["jobs"].values():
        if "environment" in job:
            wanted = set(re.findall(r"\b(?:vars|secrets)\.([A-Z_]+)", str(job)))
            assert set(re.findall(r"`([A-Z_]{5,})`", rows[job["environment"]])) == wanted


def test_the_commands_of_a_release_are_commands_with_options_that_they_have() -> None:
    applied = scripts(workflow("release")["jobs"]["apply"])
    given = [shlex.split(line.split("airegistry ")[1]) for line in applied.splitlines() if "airegistry setup" in line]
    assert [words[:2] for words in given] == [["setup", "aws"], ["setup", "keycloak"], ["setup", "verify"]]
    for words in given:
        command, _, unused = commands().parse_known_args(words)[:3]
        assert command.__name__.endswith(words[1]), words
        assert unused == [], words
    keycloak = commands().parse_known_args(given[1])[1]
    assert keycloak.arguments["there"].admin == "$ADMIN", "`setup` may be removed: docs/deploy-aws.md"
