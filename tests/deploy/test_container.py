"""What the container image is made from: pinned, locked by hash, and nothing that the service does not need."""

import re
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from cds_service.settings import SETTINGS, read_settings

DOCKERFILE = Path("Dockerfile").read_text(encoding="utf-8")
LOCKS = sorted(Path("deploy/container").glob("*.txt"))
EXTRAS = {"requirements.txt": ["postgresql"], "requirements-with-traces.txt": ["postgresql", "otel"]}


def locked(lock: Path) -> Iterator[tuple[Requirement, int]]:
    """Each requirement of a lock file, with the number of its hashes."""
    text = re.sub(r"^ *#.*\n", "", lock.read_text(encoding="utf-8"), flags=re.MULTILINE)
    for entry in text.replace("\\\n", " ").splitlines():
        requirement, *hashes = entry.split("--hash=sha256:")
        yield Requirement(requirement.strip()), len(hashes)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_file_names_one_version_and_its_hashes_for_everything(lock: Path) -> None:
    entries = list(locked(lock))
    assert entries
    for requirement, hashes in entries:
        assert [one.operator for one in requirement.specifier] == ["=="], requirement
        assert hashes > 0, requirement
    assert "://" not in lock.read_text(encoding="utf-8"), "where packages come from is a matter of who builds"


@pytest.mark.parametrize(("name", "extras"), EXTRAS.items())
def test_what_is_locked_is_what_the_service_asks_for(name: str, extras: list[str]) -> None:
    setup = ConfigParser()
    setup.read("setup.cfg", encoding="utf-8")
    asked = setup["options"]["install_requires"].split("\n")
    asked += [line for extra in extras for line in setup["options.extras_require"][extra].split("\n")]
    versions = {
        canonicalize_name(one.name): next(iter(one.specifier)).version for one, _ in locked(Path("deploy/container", name))
    }
    for line in filter(None, asked):
        requirement = Requirement(line)
        version = versions[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), f"{requirement}: {version} is locked; run `make lock`"


def test_the_base_is_slim_and_named_by_its_full_version() -> None:
    assert re.search(r"^ARG BASE=\S+/python:3\.\d+\.\d+-slim-\w+$", DOCKERFILE, re.MULTILINE)
    assert set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)) == {"${BASE}"}


def test_what_the_image_sets_is_a_setting_with_a_valid_value() -> None:
    said = dict(re.findall(r"(CDS_[A-Z_]+)=(\S+)", DOCKERFILE))
    assert said
    read_settings(said)


def test_only_what_the_dockerfile_copies_gets_into_the_build() -> None:
    let_in = {line.lstrip("!").rstrip("/") for line in Path(".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {
        word.rstrip("/").removesuffix("/*.txt")
        for words in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
        for word in words.split()
    }
    assert let_in == copied


def test_every_file_that_the_package_links_to_gets_into_the_build() -> None:
    linked = [path.resolve().relative_to(Path.cwd()) for path in Path("cds_service").rglob("*") if path.is_symlink()]
    assert linked
    assert all(str(path).startswith("docs/schemas/") for path in linked)
    assert "COPY docs/schemas/ " in DOCKERFILE


def test_the_image_sets_nothing_that_a_file_may_hold() -> None:
    """A setting and its _FILE exclude each other: one set in the image would have to be unset by who mounts a secret."""
    said = re.findall(r"(CDS_[A-Z_]+)=", DOCKERFILE)
    assert {setting.name for setting in SETTINGS if setting.in_file is not None}.isdisjoint(said)
