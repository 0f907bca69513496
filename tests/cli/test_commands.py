"""What a user sees on the command line: it teaches, answers in JSON, and fails in one line."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from infra.local.settings import Settings
from pgdesk import environment, reset
from tests.cli.conftest import Run, Said

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = ("up", "down", "reset", "demo", "mail", "status", "doctor", "jobs", "migration", "package")


def one_line(said: Said) -> str:
    """The error of a command that failed for a user's reasons."""
    assert said.code == 1
    assert said.out == ""
    lines = said.err.splitlines()
    assert len(lines) == 1, said.err
    assert lines[0].startswith("pgdesk: ")
    return lines[0].removeprefix("pgdesk: ")


def test_help_says_where_to_begin_and_what_every_command_does(pgdesk: Run) -> None:
    said = pgdesk("--help")
    assert said.code == 0
    assert "Start with `pgdesk demo`" in " ".join(said.out.split())
    for command in COMMANDS:
        assert re.search(rf"\b{command}\b\s+[A-Z]\w+\W", said.out), command


def test_without_a_command_help_is_shown(pgdesk: Run) -> None:
    said = pgdesk()
    assert "Usage: pgdesk" in said.out + said.err


@pytest.mark.parametrize(
    "words",
    [*((each,) for each in COMMANDS), ("mail", "send"), ("mail", "reconcile"), ("jobs", "dead"), ("jobs", "retry")],
)
def test_every_command_explains_itself(pgdesk: Run, words: tuple[str, ...]) -> None:
    said = pgdesk(*words, "--help")
    assert said.code == 0
    lines = [line.strip() for line in said.out.splitlines() if line.strip()]
    assert lines[0].startswith(f"Usage: pgdesk {' '.join(words)}")
    assert re.match(r"[A-Z].*\w", lines[1]), said.out


def test_a_command_that_is_not_there_is_named(pgdesk: Run) -> None:
    said = pgdesk("dmeo")
    assert said.code == 2
    assert "No such command 'dmeo'" in said.err


def test_status_says_how_to_start_where_nothing_runs(pgdesk: Run) -> None:
    said = pgdesk("status")
    assert (said.code, said.out.strip()) == (1, "no stack is running: start one with `make up`")


def test_status_as_json_is_json_and_nothing_else(pgdesk: Run, data: Path) -> None:
    said = pgdesk("status", "--json")
    assert said.code == 1
    assert json.loads(said.out) == {"running": False, "data": str(data)}


def test_doctor_finds_this_environment_able(pgdesk: Run) -> None:
    said = pgdesk("doctor", "--json")
    findings = json.loads(said.out)
    assert said.code == 0, findings
    assert {finding["what"] for finding in findings} >= {"Python", "PostgreSQL", "Embedding model", "Ports", "Node"}
    assert {finding["level"] for finding in findings} <= {"ok", "warning"}
    assert all(finding["says"] for finding in findings)


def test_doctor_says_the_same_in_a_table(pgdesk: Run) -> None:
    said = pgdesk("doctor")
    assert said.code == 0
    assert "Embedding model" in said.out


def test_doctor_names_a_taken_port_and_the_setting_that_moves_it(pgdesk: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        monkeypatch.setenv("PGDESK_MAIL_PORT", str(port))
        said = pgdesk("doctor", "--json")
    assert said.code == 1
    wrong = [finding for finding in json.loads(said.out) if finding["level"] == "error"]
    assert wrong == [
        {
            "what": "Ports",
            "level": "error",
            "says": f"{port} is taken: stop what listens there, or set PGDESK_MAIL_PORT",
        }
    ]


def test_up_names_a_taken_port_in_one_line(pgdesk: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        monkeypatch.setenv("PGDESK_API_PORT", str(port))
        said = one_line(pgdesk("up"))
    assert said == f"port {port} is taken: stop what listens there, or set PGDESK_API_PORT"


@pytest.mark.parametrize("value", ["", "http", "0", "65536", "-1", "80 80"])
def test_a_port_that_is_none_is_named_with_its_variable(
    pgdesk: Run, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("PGDESK_DB_PORT", value)
    said = pgdesk("status")
    if value == "":
        assert "no stack is running" in said.out, "an empty variable is one that is not set"
    else:
        assert one_line(said) == f"PGDESK_DB_PORT is not a port: {value}"


def test_a_version_of_postgres_that_there_is_not_is_named(pgdesk: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGDESK_POSTGRES", "17")
    assert one_line(pgdesk("up")) == "PGDESK_POSTGRES is 16 or 18, not 17"


def test_dotenv_sets_what_the_environment_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / ".env"
    file.write_text(
        "# a comment\nPGDESK_TEST_ONE=from file\n\nPGDESK_TEST_TWO = 'quoted'\nnonsense\nPGDESK_TEST_SET=file\n"
    )
    monkeypatch.setenv("PGDESK_TEST_SET", "environment")
    for name in ("PGDESK_TEST_ONE", "PGDESK_TEST_TWO"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    environment.load_dotenv(file)
    import os

    assert [os.environ[f"PGDESK_TEST_{name}"] for name in ("ONE", "TWO", "SET")] == [
        "from file",
        "quoted",
        "environment",
    ]
    for name in ("PGDESK_TEST_ONE", "PGDESK_TEST_TWO"):
        del os.environ[name]


def test_the_demo_names_a_mailbox_that_is_not_there(pgdesk: Run, tmp_path: Path) -> None:
    path = tmp_path / "no" / "[bold]mail[/bold] with a name that is far longer than a terminal is wide" / "box"
    assert one_line(pgdesk("demo", "--mailbox", str(path))) == f"there is no mailbox at {path}"


def test_the_demo_names_a_mailbox_without_messages(pgdesk: Run, tmp_path: Path) -> None:
    (tmp_path / "box").mkdir()
    assert one_line(pgdesk("demo", "--mailbox", str(tmp_path / "box"))) == f"there are no messages in {tmp_path}/box"


def test_sending_mail_to_a_desk_that_does_not_run_says_how_to_start_it(pgdesk: Run, tmp_path: Path) -> None:
    (tmp_path / "a.eml").write_text("From: a@x.example\n\nhello")
    assert one_line(pgdesk("mail", "send", str(tmp_path / "a.eml"))) == "no desk answers: start one with `make up`"


def test_sending_a_file_that_is_not_there_names_it(pgdesk: Run, tmp_path: Path) -> None:
    assert str(tmp_path / "none.eml") in one_line(pgdesk("mail", "send", str(tmp_path / "none.eml")))


@pytest.mark.parametrize("words", [("jobs", "dead"), ("jobs", "retry")])
def test_dead_letters_without_a_stack_say_how_to_start_it(pgdesk: Run, words: tuple[str, ...]) -> None:
    said = one_line(pgdesk(*words))
    assert said.startswith("the database does not answer")
    assert said.endswith("start the stack with `make up`")


def test_down_where_nothing_runs_says_so(pgdesk: Run) -> None:
    said = pgdesk("down")
    assert (said.code, said.out.strip()) == (0, "no stack is running")


def furnish(data: Path) -> None:
    """A data folder as a stack leaves it, and the downloads."""
    for name in ("postgres", "storage/attachments", "mailbox", "logs", "cache"):
        (data / name).mkdir(parents=True)
        (data / name / "file").write_text("x")
    (data / "postgres.log").write_text("x")
    (data / "storage" / "link").symlink_to(data / "cache")


def test_reset_deletes_everything_but_the_downloads(pgdesk: Run, data: Path) -> None:
    furnish(data)
    said = pgdesk("reset", "--yes")
    assert (said.code, said.out.strip()) == (0, "deleted")
    assert [entry.name for entry in data.iterdir()] == ["cache"]
    assert (data / "cache" / "file").read_text() == "x"


def test_reset_asks_first(pgdesk: Run, data: Path) -> None:
    furnish(data)
    said = pgdesk("reset")
    assert said.code == 1
    assert f"Delete everything in {data}?" in said.out
    assert (data / "postgres" / "file").exists()


def test_reset_where_nothing_is_does_nothing(tmp_path: Path) -> None:
    reset.reset(Settings(data=tmp_path / "never"))
    assert not (tmp_path / "never").exists()


def test_reset_does_not_follow_a_link_out_of_the_data_folder(pgdesk: Run, data: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("mine")
    data.mkdir()
    (data / "storage").symlink_to(precious)
    pgdesk("reset", "--yes")
    assert (precious / "file").read_text() == "mine"
    assert not (data / "storage").exists()


def test_the_command_is_there_as_a_program_and_as_a_module() -> None:
    for command in ([str(Path(sys.executable).with_name("pgdesk"))], [sys.executable, "-m", "pgdesk"]):
        done = subprocess.run([*command, "--help"], capture_output=True, text=True, check=True, cwd=ROOT)
        assert "doctor" in done.stdout


@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
def test_make_help_names_every_target_with_what_it_does() -> None:
    said = subprocess.run(["make", "help"], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    told = dict(re.findall(r"^  make (\w+)\s+(\S.*)$", said, re.MULTILINE))
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony
    assert set(told) == set(phony[1].split())


@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
def test_make_migration_without_a_name_says_what_to_give_it() -> None:
    done = subprocess.run(["make", "-n", "migration"], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode != 0
    assert "say NAME=what_it_does" in done.stderr
