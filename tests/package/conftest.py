"""Packages, built once, and the database and services around them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from infra.aws import Template
from infra.local.settings import Settings
from pgdesk import package
from pgdesk.package import chalice
from pgdesk.package.player import Unpacked
from tests.people import Connection, connect

ROOT = Path(__file__).resolve().parents[2]


def pinned() -> list[Requirement]:
    """What functions/requirements.txt asks for here."""
    lines = (ROOT / "functions" / "requirements.txt").read_text().splitlines()
    requirements = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return [each for each in requirements if not each.marker or each.marker.evaluate()]


@pytest.fixture(scope="session")
def without_wheels(tmp_path_factory: pytest.TempPathFactory) -> Unpacked:
    """Our own part as it is packed; the pinned distributions, and no others, come from this environment."""
    scratch, wheels = tmp_path_factory.mktemp("scratch"), tmp_path_factory.mktemp("wheels")
    built = package.build(scratch / "built", chalice.without_wheels(ROOT / "functions", scratch))
    for requirement in pinned():
        link_distribution(requirement.name, wheels)
    return Unpacked(built.folder, tmp_path_factory.mktemp("unpacked"), [wheels])


@pytest.fixture(scope="session")
def template(without_wheels: Unpacked) -> Template:
    return without_wheels.template


def link_distribution(name: str, folder: Path) -> None:
    """Make the top-level modules of an installed distribution importable from `folder`."""
    distribution = metadata.distribution(name)
    tops = {file.parts[0] for file in distribution.files or () if file.parts[0] not in ("..", "__pycache__")}
    for top in tops:
        target = Path(str(distribution.locate_file(top)))
        if not (folder / top).exists():
            (folder / top).symlink_to(target)


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[package.Built, Unpacked]]:
    """The package as `make package` builds it."""
    built = package.build(tmp_path_factory.mktemp("built"))
    folder = tmp_path_factory.mktemp("unpacked")
    yield built, Unpacked(built.folder, folder)
    shutil.rmtree(folder)


@pytest.fixture
def owner(desk: Settings) -> Iterator[Connection]:
    """A session that sees everything."""
    with connect(desk, "postgres") as connection:
        yield connection
