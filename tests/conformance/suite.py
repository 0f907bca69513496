"""What one official suite is: where it lies, what it wants of a stack, how it is run."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

from infra.local.settings import Keys, Settings

NAMES = (
    "postgrest-js", "supabase-js", "storage-js", "auth-js", "postgrest-py", "auth-py", "realtime-py", "storage-py",
    "supabase-py",
)  # fmt: skip
# The suites were written for projects whose new tables and functions are exposed at once; ours are not, as hosted.
EXPOSE = "".join(
    f"alter default privileges for role postgres in schema public grant all on {kind} "
    "to anon, authenticated, service_role;"
    for kind in ("tables", "functions", "sequences")
)


class ConformanceError(Exception):
    """The suite cannot be run; the message is one line that says why."""


@dataclass(frozen=True)
class Server:
    """One listener besides the gateway: `service` (rest, auth, realtime, storage) at the root of `port`, as a container
    of the real one would be. `settings` and `keys` replace what the stack has."""

    service: str
    port: int
    settings: Mapping[str, Any] = field(default_factory=dict)
    keys: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Suite:
    """One package's tests.

    `package` is the folder inside the monorepo. `arguments` go to jest or pytest. `sql` gives the texts that `prepare`
    a fresh database, as the role postgres, from files of the checkout; `superuser_sql` runs before it, as
    supabase_admin. `files` makes what the suite makes before it starts (ignored by its git; the second argument is the
    environment that has node). `environment` is what the tests read. `no_server` are the tests, as patterns, that pass
    with no server there: they say nothing about the stack and are not counted.
    """

    name: str
    package: str
    runner: Literal["jest", "pytest"]
    arguments: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    keys: Callable[[Path], Mapping[str, Any]] = lambda package: {}
    servers: tuple[Server, ...] = ()
    files: Callable[[Path, Mapping[str, str]], None] = lambda package, environment: None
    sql: Callable[[Path], list[str]] = lambda package: []
    superuser_sql: str = ""
    environment: Callable[[Settings], Mapping[str, str]] = lambda settings: {}
    no_server: tuple[str, ...] = ()
    seconds: int = 900

    def needs_server(self, test: str) -> bool:
        return not any(matches(test, pattern) for pattern in self.no_server)


def matches(test: str, pattern: str) -> bool:
    """Whether `pattern` names `test`: `*` stands for anything, every other character for itself."""
    return fnmatchcase(test, pattern.replace("[", "[[]").replace("?", "[?]"))


def read(package: Path, *patterns: str) -> list[str]:
    """The texts of the package's files that match, in order of pattern, then of name. ConformanceError for none."""
    texts = []
    for pattern in patterns:
        files = sorted(package.glob(pattern))
        if not files:
            raise ConformanceError(f"{package} has no {pattern}: the suite is another than the one known here")
        texts += [file.read_text(encoding="utf-8") for file in files]
    return texts


def load(name: str) -> Suite:
    """The suite of that name. Raises ConformanceError, naming those there are."""
    if name not in NAMES:
        raise ConformanceError(f"there is no suite {name!r}: it is one of {', '.join(NAMES)}")
    suite: Suite = importlib.import_module(f"tests.conformance.suites.{name.replace('-', '_')}").SUITE
    return suite


def make_keys(changes: Mapping[str, Any]) -> Keys:
    """Keys of a stack nobody will miss, with the secrets that a suite has written down."""
    return replace(Keys.generate(), **changes)
