"""The image's recipe: what it is made of, by version and hash, and what it leaves to nobody."""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.deploy.tools import DOCKER, run, tool
from tests.support.processes import ROOT

LOCKS = sorted(DOCKER.glob("*.lock"))
DOCKERFILE = (DOCKER / "Dockerfile").read_text("utf-8")


def pins(text: str) -> dict[str, str]:
    """Versions by package."""
    return {canonicalize_name(name): version for name, version in re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE)}


def test_hadolint_finds_nothing() -> None:
    judged = run(tool("hadolint"), str(DOCKER / "Dockerfile"))
    assert (judged.returncode, judged.stdout) == (0, "")


def test_a_dockerfile_that_runs_as_root_with_apt_and_latest_is_found() -> None:
    bad = "FROM debian:latest\nRUN apt-get install curl\n"
    judged = run("sh", "-c", f"printf '{bad}' | {tool('hadolint')} -")
    assert judged.returncode == 1
    assert "DL3007" in judged.stdout


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: str(lock.name))
def test_a_lock_names_each_package_by_hash_and_no_place_to_get_it_from(lock: Path) -> None:
    text = lock.read_text("utf-8")
    entries = [entry for entry in re.split(r"^(?=\S)", text, flags=re.MULTILINE) if entry.strip()]
    assert entries
    assert not [entry for entry in entries if "==" not in entry or "--hash=sha256:" not in entry]
    assert "://" not in text


def test_the_image_has_the_versions_that_the_tests_run_with() -> None:
    tested, image = (
        pins(path.read_text("utf-8")) for path in (ROOT / "requirements.lock", DOCKER / "requirements.lock")
    )
    # The exporter's packages are pinned in pyproject.toml, beside those of the development lock.
    common = {name for name in tested.keys() & image.keys() if not name.startswith("opentelemetry")}
    assert len(common) > 50
    assert {name: image[name] for name in common} == {name: tested[name] for name in common}


def test_the_images_lock_has_all_that_the_package_and_its_extras_ask_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [
        Requirement(line) for line in [*project["dependencies"], *extras["mongo"], *extras["otel"], *extras["aws"]]
    ]
    image = pins((DOCKER / "requirements.lock").read_text("utf-8"))
    assert not [
        str(each) for each in wanted if not each.specifier.contains(image.get(canonicalize_name(each.name), "0"))
    ]


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13", "3.14"])
def test_the_lock_has_what_its_packages_ask_of_each_other_on_every_python(python: str) -> None:
    """A machine without a container has a Python of its own; what is asked is read from what is installed here."""
    here = {"python_version": python, "python_full_version": f"{python}.0", "sys_platform": "linux", "extra": ""}
    rows = re.findall(r"^([\w.-]+==[^\\\n]+)", (DOCKER / "requirements.lock").read_text("utf-8"), re.MULTILINE)
    locked = {canonicalize_name(row.name): row for row in map(Requirement, rows) if meant(row, here)}
    looked_at = 0
    for name, row in locked.items():
        try:
            found = distribution(name)
        except PackageNotFoundError:
            continue  # of another Python, or of an extra that is not installed here
        if row.specifier.contains(found.version):
            asked = [each for each in map(Requirement, found.requires or []) if meant(each, here)]
            assert [str(each) for each in asked if canonicalize_name(each.name) not in locked] == [], name
            looked_at += 1
    assert looked_at > 70


def meant(requirement: Requirement, where: dict[str, str]) -> bool:
    return requirement.marker is None or requirement.marker.evaluate(where)


def test_the_image_is_of_no_tag_that_moves_and_runs_as_a_number() -> None:
    assert re.search(r"^ARG BASE=python:\d+\.\d+\.\d+-slim-\w+$", DOCKERFILE, re.MULTILINE)
    assert re.findall(r"^USER (.+)$", DOCKERFILE, re.MULTILINE) == ["10001:10001"]
    assert not DOCKERFILE.startswith("# syntax")


def test_secrets_of_the_build_are_mounted_and_never_arguments() -> None:
    arguments = re.findall(r"^ARG (\w+)", DOCKERFILE, re.MULTILINE)
    assert not [name for name in arguments if re.search("TOKEN|PASSWORD|SECRET|INDEX", name)]
    assert "--mount=type=secret,id=ca" in DOCKERFILE


def test_nothing_goes_to_the_builder_but_what_is_named() -> None:
    lines = [line for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line and line[0] != "#"]
    assert lines[0] == "*"
    assert all(line.startswith(("!", "**/")) for line in lines[1:])
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    allowed = [line[1:] for line in lines if line.startswith("!")]
    for source in (source for line in copied for source in line.split()):
        assert source in allowed or (source.endswith(".lock") and "docker/*.lock" in allowed), source
