"""The runner of the official suites: what it reads, how it scores, what it refuses."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from infra.local.ports import free_ports
from tests.conformance import __main__ as program
from tests.conformance import checkout, network
from tests.conformance.results import Result, from_jest, from_pytest
from tests.conformance.score import Listed, read_listed, score
from tests.conformance.suite import NAMES, ConformanceError, Suite, load, make_keys, matches

ROOT = Path(__file__).resolve().parents[2]
SUITE = Suite("storage-js", "packages/core/storage-js", "jest", no_server=("test/unit.test.ts › *",))
# Where the clients' repositories are checked out, with their dependencies: `make test` runs all suites then.
JS, PY = (os.environ.get(f"CONFORMANCE_SUPABASE_{name}") for name in ("JS", "PY"))


def outcomes(passed: int, failed: int) -> list[Result]:
    good = [Result(f"test/a.test.ts › passes {number}", "passed") for number in range(passed)]
    return good + [Result(f"test/a.test.ts › fails {number}", "failed", "why") for number in range(failed)]


def listing(suite: str, count: int) -> list[Listed]:
    return [Listed(suite, f"test/a.test.ts › fails {number}", "fails", "a reason") for number in range(count)]


def test_every_suite_says_how_it_is_run() -> None:
    for name in NAMES:
        suite = load(name)
        assert suite.name == name
        assert suite.package.endswith({"supabase-py": "src/supabase"}.get(name, name.removesuffix("-py")))


def test_a_suite_that_is_not_known_is_refused_with_those_that_are() -> None:
    with pytest.raises(ConformanceError, match="no suite 'gotrue': it is one of postgrest-js, "):
        load("gotrue")


def test_only_a_star_stands_for_anything_in_the_name_of_a_test() -> None:
    assert matches("a › b [1] (why?)", "a › b [1] (why?)")
    assert matches("a › b [1]", "a › *")
    assert not matches("a › b 1", "a › b [1]")
    assert not matches("a › bc", "a › b?")


def test_jest_is_read_with_files_that_do_not_load(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    case = {"ancestorTitles": ["Storage", "list"], "title": "sorts"}
    report.write_text(
        json.dumps(
            {
                "testResults": [
                    {
                        "name": str(tmp_path / "test/a.test.ts"),
                        "status": "failed",
                        "assertionResults": [
                            case | {"status": "passed"},
                            case | {"status": "failed", "title": "pages", "failureMessages": ["\x1b[31mno\x1b[0m\nat"]},
                            case | {"status": "pending", "title": "later"},
                        ],
                    },
                    {"name": str(tmp_path / "b.test.ts"), "status": "failed", "assertionResults": [], "message": "x"},
                ]
            }
        )
    )
    assert from_jest(report, tmp_path) == [
        Result("test/a.test.ts › Storage › list › sorts", "passed"),
        Result("test/a.test.ts › Storage › list › pages", "failed", "no at"),
        Result("test/a.test.ts › Storage › list › later", "skipped"),
        Result("b.test.ts", "failed", "x"),
    ]


def test_pytest_is_read_with_modules_that_do_not_load(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(
        """<testsuites><testsuite>
        <testcase classname="tests._sync.test_client" name="test_list[a.b]"/>
        <testcase classname="tests.test_client.TestRange" name="test_one"><failure message="no">at</failure></testcase>
        <testcase classname="tests.test_client" name="test_two"><error message="gone"/></testcase>
        <testcase classname="tests.test_client" name="test_three"><skipped message="later"/></testcase>
        <testcase classname="" name="tests.test_broken"><error message="collection failure">x</error></testcase>
        </testsuite></testsuites>"""
    )
    assert [(each.test, each.outcome) for each in from_pytest(report)] == [
        ("tests/_sync/test_client.py › test_list[a.b]", "passed"),
        ("tests/test_client.py › TestRange › test_one", "failed"),
        ("tests/test_client.py › test_two", "failed"),
        ("tests/test_client.py › test_three", "skipped"),
        ("tests/test_broken.py › tests.test_broken", "failed"),
    ]


@pytest.mark.parametrize(
    ("passed", "failed", "listed", "good"),
    [(100, 0, 0, True), (98, 2, 2, True), (98, 2, 1, False), (97, 3, 3, False), (0, 0, 0, False)],
    ids=["all pass", "98 %", "one is not listed", "97 %", "none ran"],
)
def test_a_suite_is_good_where_98_percent_pass_and_the_rest_is_listed(
    passed: int, failed: int, listed: int, good: bool
) -> None:
    told = score(SUITE, outcomes(passed, failed), listing("storage-js", listed))
    assert told.good is good
    assert told.as_json()["good"] is good


def test_a_listing_counts_for_its_own_suite_only() -> None:
    told = score(SUITE, outcomes(99, 1), listing("storage-py", 1))
    assert [each.test for each in told.unlisted] == ["test/a.test.ts › fails 0"]


def test_tests_out_of_scope_skipped_or_without_a_server_are_not_counted() -> None:
    results = [
        *outcomes(49, 1),
        Result("test/unit.test.ts › adds", "passed"),
        Result("test/unit.test.ts › takes away", "failed"),
        Result("test/vector.test.ts › index", "failed"),
        Result("test/vector.test.ts › query", "passed"),
        Result("test/a.test.ts › later", "skipped"),
    ]
    vectors = Listed("storage-js", "test/vector.test.ts › *", "out of scope", "vector buckets")
    told = score(SUITE, results, [vectors, *listing("storage-js", 1)])
    assert told.share == 0.98
    assert told.good
    assert told.out_of_scope == [(f"test/vector.test.ts › {name}", "vector buckets") for name in ("index", "query")]
    assert [each.outcome for each in told.no_server] == ["passed", "failed"]
    assert told.skipped == ["test/a.test.ts › later"]


def test_a_listed_test_that_passes_is_told() -> None:
    listed = Listed("storage-js", "test/a.test.ts › passes 0", "fails", "once")
    assert score(SUITE, outcomes(1, 0), [listed]).mended == ["test/a.test.ts › passes 0"]


def test_rows_of_the_document_are_read_and_nothing_else(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "| suite | test | | reason |\n|---|---|---|---|\n"
        "| `auth-js` | `test/a.test.ts › b \\| c` | fails | because |\n"
        "| `auth-js` | ``test/a.test.ts › `x` `` | out of scope | passkeys |\n"
        "| `auth-js` | passes | 12 | 100 % |\n"
    )
    assert read_listed(page) == [
        Listed("auth-js", "test/a.test.ts › b | c", "fails", "because"),
        Listed("auth-js", "test/a.test.ts › `x`", "out of scope", "passkeys"),
    ]


def test_what_the_document_lists_names_suites_that_there_are() -> None:
    for row in read_listed():
        assert row.suite in NAMES, row
        assert len(row.reason) > 10, row


def test_the_package_is_found_in_the_monorepo_and_alone(tmp_path: Path) -> None:
    package = tmp_path / "packages/core/storage-js"
    package.mkdir(parents=True)
    (package / "package.json").write_text('{"name": "@supabase/storage-js"}')
    (tmp_path / "package.json").write_text('{"name": "monorepo"}')
    assert checkout.find(SUITE, tmp_path) == package
    assert checkout.find(SUITE, package) == package
    with pytest.raises(ConformanceError, match=r"has no packages/core/auth-js: it should be a checkout"):
        checkout.find(replace(SUITE, package="packages/core/auth-js"), tmp_path)


def test_neighbours_in_a_checkout_are_not_installed_from_the_registry(tmp_path: Path) -> None:
    for name, needs in {"supabase": '"realtime == 2.0", "httpx >=0.2"', "realtime": '"pydantic (>=2.1,<3)"'}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "pyproject.toml").write_text(
            f'[project]\nname = "{name}"\ndependencies = [{needs}]\n[dependency-groups]\ntests = ["pytest >= 8"]\n'
        )
    members = [tmp_path / "supabase", tmp_path / "realtime"]
    assert checkout._requirements(members) == {"httpx >=0.2", "pydantic >=2.1,<3", "pytest >= 8"}


def test_a_taken_port_is_one_line() -> None:
    port = free_ports(1)[0]
    network.refuse_taken([port])
    with socket.create_server(("127.0.0.1", port)), pytest.raises(ConformanceError, match=f"port {port} is "):
        network.refuse_taken([port])


def test_what_follows_two_dashes_goes_to_the_suite() -> None:
    options = program.read_arguments(["auth-js", "/x", "--verbose", "--", "-t", "signs in", "--json"])
    assert (options.suite, options.verbose, options.json, options.rest) == (
        "auth-js", True, None, ["-t", "signs in", "--json"],
    )  # fmt: skip


def test_keys_are_new_but_for_what_the_suite_has_written_down() -> None:
    one, other = make_keys({"jwt_secret": "s" * 32}), make_keys({})
    assert one.jwt_secret == "s" * 32
    assert one.signing_key != other.signing_key


def test_a_suite_that_cannot_run_is_one_line_and_status_2(tmp_path: Path) -> None:
    done = subprocess.run(
        [ROOT / "tests/conformance/run", "auth-js", "nowhere"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == (
        f"{tmp_path}/nowhere has no packages/core/auth-js: it should be a checkout of the package or of its monorepo\n"
    )


@pytest.mark.full
@pytest.mark.parametrize("name", NAMES)
def test_the_official_suite_passes(name: str) -> None:
    """CONFORMANCE_SUPABASE_JS and CONFORMANCE_SUPABASE_PY name checkouts of the two repositories."""
    path = JS if name.endswith("-js") else PY
    if not path:
        pytest.skip("no checkout is named by CONFORMANCE_SUPABASE_JS and CONFORMANCE_SUPABASE_PY")
    done = subprocess.run([ROOT / "tests/conformance/run", name, path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
