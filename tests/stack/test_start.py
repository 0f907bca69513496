"""What keeps a stack from starting is said in one line, and nothing is left running."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infra.local.postgres.cluster import _working_in
from infra.local.process import ROOT, StackError
from infra.local.settings import Settings
from infra.local.stack import Stack, status

NewStack = Callable[..., Stack]


def error_of(stack: Stack) -> str:
    with pytest.raises(StackError) as error:
        stack.start()
    assert status(stack.settings.data) is None
    message = str(error.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("name", ["api", "db", "mail", "queue", "functions"])
def test_a_taken_port_is_named_with_the_setting_that_moves_it(
    new_settings: Any, new_stack: NewStack, name: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        message = error_of(new_stack(replace(new_settings(), **{f"{name}_port": port})))
    assert message == f"port {port} is taken: stop what listens there, or set PGDESK_{name.upper()}_PORT"


def test_a_folder_that_is_no_data_folder_is_left_alone(new_settings: Any, new_stack: NewStack) -> None:
    settings: Settings = new_settings()
    (settings.data / "postgres").mkdir(parents=True)
    (settings.data / "postgres" / "precious.txt").write_text("mine")
    assert "is not a PostgreSQL data folder" in error_of(new_stack(settings))
    assert (settings.data / "postgres" / "precious.txt").read_text() == "mine"


def test_a_data_folder_of_another_version_is_named(new_settings: Any, new_stack: NewStack) -> None:
    settings: Settings = new_settings()
    (settings.data / "postgres").mkdir(parents=True)
    (settings.data / "postgres" / "PG_VERSION").write_text("9\n")
    assert "belongs to PostgreSQL 9, not 16" in error_of(new_stack(settings))


def test_a_damaged_data_folder_is_named_with_the_server_s_reason(new_settings: Any, new_stack: NewStack) -> None:
    settings: Settings = new_settings()
    (settings.data / "postgres").mkdir(parents=True)
    (settings.data / "postgres" / "PG_VERSION").write_text("16\n")
    message = error_of(new_stack(settings))
    assert message.startswith("PostgreSQL did not start: ")
    assert str(settings.data / "postgres.log") in message


def test_a_data_folder_that_is_a_file_is_named(new_settings: Any, new_stack: NewStack) -> None:
    settings: Settings = new_settings()
    settings.data.write_text("")
    assert error_of(new_stack(settings)).startswith(f"cannot keep data in {settings.data}")


def test_a_route_that_would_be_open_here_keeps_the_app_from_loading(tmp_path: Path) -> None:
    lines = [
        "from chalice import Chalice, IAMAuthorizer",
        "app = Chalice('x')",
        "@app.route('/secret', authorizer=IAMAuthorizer())",
        "def secret(): return 1",
    ]
    (tmp_path / "app.py").write_text("\n".join(lines))
    code = f"from pathlib import Path; from infra.local.runner.application import load; load(Path({str(tmp_path)!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert "AppError: the route /secret has an authorizer" in done.stderr


def test_a_broken_app_is_named_nothing_stays_and_what_a_killed_start_left_is_cleared_away(
    new_settings: Any, tmp_path: Path
) -> None:
    (tmp_path / "app.py").write_text("import nothing_like_this")
    settings: Settings = new_settings()
    (settings.data / "postgres-half").mkdir(parents=True)
    (settings.data / "tmpx.pw").write_text("secret")
    message = error_of(Stack(settings, tmp_path, {}, [], {}))
    assert message.startswith("the runner did not start: ModuleNotFoundError: No module named 'nothing_like_this'")
    assert _working_in(settings.data / "postgres") == []
    left = {path.name for path in settings.data.iterdir()}
    assert "postgres" in left
    assert not left & {"postgres-half", "tmpx.pw"}
