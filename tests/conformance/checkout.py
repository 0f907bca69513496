"""A checkout of an official client: where the package lies in it, and what it needs installed.

Where the checkout has its dependencies, it is used in place; where it has none, they are installed into a copy of it
under .pgdesk/cache. Tracked files of the checkout are never changed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.conformance.suite import ConformanceError, Suite

CACHE = Path(__file__).resolve().parents[2] / ".pgdesk" / "cache" / "conformance"
NODE = 22  # what the clients ask for: the first with a WebSocket of its own
INSTALL_SECONDS = 1200
NOT_COPIED = ("node_modules", ".git", "dist", ".venv", "__pycache__", ".nx")
INSTALLED = ".installed"
NO_NETWORK = "npm and PyPI have to be reached once: "


@dataclass(frozen=True)
class Checkout:
    """A package ready to be tested: `folder` to run in, `environment` to run with."""

    folder: Path
    environment: Mapping[str, str]


def find(suite: Suite, path: Path) -> Path:
    """The suite's package in a checkout of the monorepo, or of the package alone. Raises ConformanceError."""
    for folder in (path / suite.package, path):
        if suite.runner == "jest" and _name(folder) == f"@supabase/{Path(suite.package).name}":
            return folder
        if suite.runner == "pytest" and (folder / "pyproject.toml").exists() and (folder / "tests").is_dir():
            return folder
    raise ConformanceError(f"{path} has no {suite.package}: it should be a checkout of the package or of its monorepo")


def prepare(suite: Suite, path: Path) -> Checkout:
    """Make everything that the suite's tests import. Needs the network when it is done for the first time."""
    package = find(suite, path)
    return _prepare_node(suite, package) if suite.runner == "jest" else _prepare_python(package)


def _prepare_node(suite: Suite, package: Path) -> Checkout:
    environment = _node()
    if not (package / "node_modules").is_dir():
        package = _copy_with_dependencies(suite, package, environment)
    root = _workspace(package)
    if root:
        unbuilt = [each for each in _workspace_dependencies(package) if not (each / "dist").is_dir()]
        for each in unbuilt:
            _run(["npm", "run", "--silent", "build"], each, environment, f"{each.name} does not build")
    suite.files(package, environment)
    hoisted = (root or package) / "node_modules" / ".pnpm" / "node_modules"
    if hoisted.is_dir():  # where pnpm's own launchers look for what a package imports without declaring it
        environment["NODE_PATH"] = str(hoisted)
    return Checkout(package, environment)


def _copy_with_dependencies(suite: Suite, package: Path, environment: Mapping[str, str]) -> Path:
    root = _workspace(package) or package
    lock = next((root / name for name in ("pnpm-lock.yaml", "package-lock.json") if (root / name).exists()), None)
    version = (lock.read_bytes() if lock else b"") + _commit(root)
    copy = CACHE / f"{root.name}-{suite.name}-{hashlib.sha256(str(root).encode() + version).hexdigest()[:12]}"
    _copy_sources(root, copy)
    if not (copy / INSTALLED).exists():
        if (root / "pnpm-workspace.yaml").exists():
            told = json.loads((root / "package.json").read_text()).get("packageManager", "pnpm@10").split("+")[0]
            wanted = f"{_name(package)}..."
            command = ["npx", "--yes", told, "install", "--ignore-scripts", "--frozen-lockfile", "--filter", wanted]
        else:
            command = ["npm", "ci" if lock else "install", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
        _run(command, copy, environment, NO_NETWORK + "the dependencies cannot be installed")
        (copy / INSTALLED).touch()
    return copy / package.relative_to(root)


def _copy_sources(root: Path, copy: Path) -> None:
    """Bring the copy up to date; what was installed and built in it stays."""
    ignored = shutil.ignore_patterns(*NOT_COPIED)
    shutil.copytree(root, copy, ignore=ignored, dirs_exist_ok=True, ignore_dangling_symlinks=True)
    for folder, folders, files in os.walk(copy):
        folders[:] = [name for name in folders if name not in NOT_COPIED]
        for name in files:
            there = Path(folder, name)
            if name != INSTALLED and not (root / there.relative_to(copy)).exists():
                there.unlink()


def _commit(root: Path) -> bytes:
    """What is checked out: another commit gets a copy, and builds, of its own. Empty where that is unknown."""
    command = ["git", "-C", str(root), "rev-parse", "HEAD"]
    return subprocess.run(command, capture_output=True, check=False).stdout if shutil.which("git") else b""


def _workspace(package: Path) -> Path | None:
    return next((each for each in (package, *package.parents) if (each / "pnpm-workspace.yaml").exists()), None)


def _workspace_dependencies(package: Path) -> list[Path]:
    """The packages of the same workspace that this one needs, those first that the others need."""
    root = _workspace(package)
    assert root
    known = {_name(each.parent): each.parent for each in root.glob("packages/*/*/package.json")}
    found: list[Path] = []

    def visit(folder: Path) -> None:
        told = json.loads((folder / "package.json").read_text())
        for name, version in (told.get("dependencies", {}) | told.get("devDependencies", {})).items():
            if version.startswith("workspace:") and name in known and known[name] not in found:
                visit(known[name])
                found.append(known[name])

    visit(package)
    return found


def _name(folder: Path) -> str | None:
    file = folder / "package.json"
    return json.loads(file.read_text()).get("name") if file.exists() else None


def _node() -> dict[str, str]:
    """An environment whose `node` is new enough: the machine's, or npm's own copy of it."""
    if not shutil.which("npm"):
        raise ConformanceError("the JavaScript suites need node and npm")
    told = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False).stdout
    environment = {**os.environ, "NX_DAEMON": "false", "CI": "1"}
    if int(re.sub(r"\D.*", "", told.strip().lstrip("v")) or 0) >= NODE:
        return environment
    folder = CACHE / f"node-{NODE}"
    bin_folder = folder / "node_modules" / ".bin"
    if not (bin_folder / "node").exists():
        folder.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), f"node@{NODE}"]
        _run(command, folder, environment, f"{NO_NETWORK}node {NODE} cannot be installed")
    return environment | {"PATH": f"{bin_folder}{os.pathsep}{environment['PATH']}"}


def _prepare_python(package: Path) -> Checkout:
    """A virtualenv with what the package and its neighbours need; the checkout's own sources come by PYTHONPATH."""
    members = [each.parent for each in package.parent.glob("*/pyproject.toml")] if package.parent.name == "src" else []
    if package not in members:
        members = [package]
    required = sorted(_requirements(members))
    digest = hashlib.sha256("\n".join([sys.version, *required]).encode()).hexdigest()[:12]
    folder = CACHE / f"python-{digest}"
    python = folder / "bin" / "python"
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    if not (folder / INSTALLED).exists():
        _run([sys.executable, "-m", "venv", "--clear", str(folder)], Path("/"), environment, "no virtualenv")
        command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *required]
        _run(command, Path("/"), environment, NO_NETWORK + "the dependencies cannot be installed")
        (folder / INSTALLED).touch()
    sources = os.pathsep.join(str(each / "src" if (each / "src").is_dir() else each) for each in members)
    environment |= {"PYTHONPATH": sources, "PYTHONDONTWRITEBYTECODE": "1", "PYTHON": str(python)}
    return Checkout(package, environment)


def _requirements(members: Sequence[Path]) -> set[str]:
    """What pip has to install for these packages and their tests, without the packages themselves."""
    told = [tomllib.loads((each / "pyproject.toml").read_text()) for each in members]
    own = {_project(each["project"]["name"]) for each in told if "project" in each}
    found: set[str] = set()
    for each in told:
        groups = each.get("dependency-groups", {})
        listed = [*each.get("project", {}).get("dependencies", []), *groups.get("tests", []), *groups.get("test", [])]
        # PEP 508 no longer allows the parentheses that some of them have.
        found |= {re.sub(r"\(([^)]*)\)", r"\1", line) for line in listed if isinstance(line, str)}
    return {line for line in found if _project(line) not in own}


def _project(requirement: str) -> str:
    return re.split(r"[^\w.-]", requirement.strip())[0].lower().replace("_", "-")


def _run(command: Sequence[str], folder: Path, environment: Mapping[str, str], problem: str) -> None:
    done = subprocess.run(
        command, cwd=folder, env=dict(environment), capture_output=True, text=True, check=False, timeout=INSTALL_SECONDS
    )
    if done.returncode:
        words = (done.stderr.strip() or done.stdout.strip() or "no word why").splitlines()
        raise ConformanceError(f"{problem}: {words[-1][:300]}")
