"""The command line, run in this process over a data folder of its own."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.local.ports import free_ports
from pgdesk import cli


@dataclass(frozen=True)
class Said:
    """What a command left behind."""

    code: int
    out: str
    err: str


COLOUR = re.compile(r"\x1b\[[0-9;]*m")  # a CI may ask for it
Run = Callable[..., Said]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The environment names a new data folder and free ports; no .env of the checkout is read."""
    monkeypatch.setattr(cli, "load_dotenv", lambda: None)
    for name in [name for name in os.environ if name.startswith("PGDESK_") and name != "PGDESK_POSTGRES"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PGDESK_DATA_FOLDER", str(tmp_path / "data"))
    for port in ("API", "DB", "MAIL", "QUEUE", "FUNCTIONS"):
        monkeypatch.setenv(f"PGDESK_{port}_PORT", str(free_ports(1)[0]))
    return tmp_path / "data"


@pytest.fixture
def pgdesk(data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `pgdesk WORD…`."""

    def run(*words: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["pgdesk", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return Said(int(ended.value.code or 0), COLOUR.sub("", said.out), COLOUR.sub("", said.err))

    return run
