"""`tests/conformance/run SUITE PATH`: one official suite against a fresh embedded stack, and its score.

Exits with 0 where at least 98 % of the live tests pass and docs/compatibility.md lists each that does not; with 1 where
that is not so; with 2 where the suite could not be run.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from infra.local.postgres import ClusterError
from infra.local.process import StackError
from tests.conformance import network
from tests.conformance.checkout import Checkout, find, prepare
from tests.conformance.results import Result, from_jest, from_pytest
from tests.conformance.score import Score, read_listed, score
from tests.conformance.stack import running
from tests.conformance.suite import NAMES, ConformanceError, Suite, load


def read_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line; what follows `--` goes to jest or pytest."""
    parser = argparse.ArgumentParser(prog="tests/conformance/run", description=__doc__.splitlines()[0])
    parser.add_argument("suite", metavar="SUITE", help=", ".join(NAMES))
    parser.add_argument("path", metavar="PATH", type=Path, help="a checkout of the monorepo or of the package")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result there too")
    parser.add_argument("--verbose", action="store_true", help="show what the suite prints, and every failure's words")
    parser.add_argument("--no-stack", action="store_true", help="run without a server: what passes needs none")
    ours, theirs = list(arguments), []
    if "--" in ours:
        ours, theirs = ours[: ours.index("--")], ours[ours.index("--") + 1 :]
    options = parser.parse_args(ours)
    options.rest = theirs
    here = Path(os.environ.get("CONFORMANCE_FROM", "."))
    options.path = (here / options.path).resolve()
    options.json = (here / options.json).resolve() if options.json else None
    return options


def run(options: argparse.Namespace) -> Score:
    """Run the suite over a stack that lives as long. Raises ConformanceError."""
    suite = load(options.suite)
    checkout = prepare(suite, options.path)
    version = int(os.environ.get("PGDESK_POSTGRES", "16"))
    stack = nullcontext(None) if options.no_stack else running(suite, checkout.folder, version)
    with stack as settings, tempfile.TemporaryDirectory() as folder:
        environment = {**checkout.environment, **(suite.environment(settings) if settings else {})}
        results = test(suite, Checkout(checkout.folder, environment), Path(folder), options)
    return score(suite, results, read_listed())


def test(suite: Suite, checkout: Checkout, folder: Path, options: argparse.Namespace) -> list[Result]:
    """Start jest or pytest and read its report."""
    report = folder / "report"
    extra = [*suite.arguments, *options.rest]
    if suite.runner == "jest":
        entry = _jest(checkout.folder)
        command = ["node", str(entry), "--ci", "--runInBand", "--coverage=false", "--json", f"--outputFile={report}"]
    else:
        command = [
            checkout.environment["PYTHON"],
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            f"--junitxml={report}",
        ]
    shown = None if options.verbose else subprocess.PIPE
    try:
        done = subprocess.run(
            [*command, *extra], cwd=checkout.folder, env=dict(checkout.environment), stdin=subprocess.DEVNULL,
            stdout=shown, stderr=subprocess.STDOUT, check=False, timeout=suite.seconds,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise ConformanceError(f"the suite did not end within {suite.seconds} s") from None
    if not report.exists():
        words = (done.stdout or b"").decode(errors="replace").strip().splitlines()
        raise ConformanceError(f"the suite did not run: {words[-1] if words else 'it said nothing'}")
    return from_jest(report, checkout.folder) if suite.runner == "jest" else from_pytest(report)


def _jest(package: Path) -> Path:
    for folder in (package, *package.parents):
        entry = folder / "node_modules" / "jest" / "bin" / "jest.js"
        if entry.exists():
            return entry
    raise ConformanceError(f"jest is not installed in {package}")


def show(told: Score, *, verbose: bool) -> None:
    """Print the score as a table, then what fails."""
    rows = [
        ("passed", len(told.passed)), ("failed", len(told.failed)), ("of these listed", len(told.known)),
        ("out of scope", len(told.out_of_scope)), ("skipped by the suite", len(told.skipped)),
        ("needing no server", len(told.no_server)),
    ]  # fmt: skip
    print(f"{told.suite}: {told.share:.1%} of {len(told.passed) + len(told.failed)} live tests pass")
    for name, number in rows:
        print(f"  {name:<22}{number:>5}")
    reasons = dict(told.known)
    for failure in told.failed:
        print(f"  FAILED {failure.test}: {reasons.get(failure.test) or 'NOT LISTED in docs/compatibility.md'}")
        if verbose and failure.message:
            print(f"         {failure.message}")
    for reason in sorted({reason for _, reason in told.out_of_scope}):
        number = sum(each == reason for _, each in told.out_of_scope)
        print(f"  out of scope, {number}: {reason}")
    for test_name in told.mended:
        print(f"  listed, but passes: {test_name}")


def show_without_server(told: Score) -> None:
    """Print where a run without a server and the suite's `no_server` do not agree."""
    for test_name in told.passed:
        print(f"  needs no server, and is not said to: {test_name}")
    for result in told.no_server:
        if result.outcome == "failed":
            print(f"  is said to need no server, and fails without one: {result.test}")


def main(arguments: Sequence[str]) -> int:
    options = read_arguments(arguments)
    try:
        if network.may_isolate():
            suite = load(options.suite)
            find(suite, options.path)
            prepare(suite, options.path)  # while there is a network
            return network.run_isolated(arguments)
        if os.environ.get(network.INSIDE):
            network.raise_loopback()
        told = run(options)
    except (ConformanceError, ClusterError, StackError) as error:
        print(error, file=sys.stderr)
        return 2
    show(told, verbose=options.verbose)
    if options.no_stack:
        show_without_server(told)
    if options.json:
        options.json.write_text(json.dumps(told.as_json(), indent=1, ensure_ascii=False) + "\n")
    return 0 if told.good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
