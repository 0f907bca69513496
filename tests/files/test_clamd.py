"""The scanner is asked as clamd's manual says; what it does not answer is never taken for clean."""

from __future__ import annotations

import shutil
import socket
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from chalicelib.files import clamd

from infra.local.ports import free_ports
from tests.waiting import until


@contextmanager
def daemon(answer: Callable[[bytes], bytes | None]) -> Iterator[str]:
    """A clamd that speaks INSTREAM; answers what `answer` makes of the file, closes at None."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        door.settimeout(10)

        def serve() -> None:
            talk, _ = door.accept()
            with talk, talk.makefile("rb") as heard:
                assert heard.read(10) == b"zINSTREAM\0"
                file = b""
                while length := struct.unpack("!I", heard.read(4))[0]:
                    file += heard.read(length)
                if (told := answer(file)) is not None:
                    talk.sendall(told)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"tcp://127.0.0.1:{door.getsockname()[1]}"
        thread.join(10)


def test_a_clean_file_is_clean_and_arrived_whole() -> None:
    sent = bytes(range(256)) * 1000
    seen: list[bytes] = []

    def answer(file: bytes) -> bytes:
        seen.append(file)
        return b"stream: OK\0"

    with daemon(answer) as address:
        assert clamd.scan(address, sent) is None
    assert seen == [sent]


def test_what_is_found_is_named() -> None:
    with daemon(lambda _file: b"stream: Eicar-Test-Signature FOUND\0") as address:
        assert clamd.scan(address, b"x") == "Eicar-Test-Signature"


def test_a_file_beyond_the_scanners_limit_is_told_apart() -> None:
    with daemon(lambda _file: b"INSTREAM size limit exceeded. ERROR\0") as address, pytest.raises(clamd.TooLarge):
        clamd.scan(address, b"x")


@pytest.mark.parametrize(
    "told", [None, b"", b"\0", b"stream: ERROR\0", b"OK\0", b"stream: OK FOUND it\0", b"HTTP/1.1 200 OK\r\n"]
)
def test_no_other_answer_is_a_verdict(told: bytes | None) -> None:
    with daemon(lambda _file: told) as address, pytest.raises(clamd.Away):
        clamd.scan(address, b"x")


def test_a_scanner_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clamd, "SECONDS", 0.2)
    done = threading.Event()

    def answer(_file: bytes) -> None:
        done.wait(10)

    with daemon(answer) as address:
        try:
            with pytest.raises(clamd.Away):
                clamd.scan(address, b"x")
        finally:
            done.set()


@pytest.mark.parametrize(
    "address", ["tcp://127.0.0.1:1", "unix:///nowhere/clamd.sock", "nonsense", "http://127.0.0.1:1"]
)
def test_a_scanner_that_is_not_there_is_away(address: str) -> None:
    with pytest.raises(clamd.Away):
        clamd.scan(address, b"x")


@pytest.fixture
def clam(tmp_path: Path) -> Iterator[str]:
    """ClamAV itself, with one signature of ours: no database of viruses is needed."""
    program = shutil.which("clamd") or shutil.which("clamd", path="/usr/sbin")
    if program is None:
        pytest.skip("clamd is not installed (Debian: clamav-daemon)")
    (port,) = free_ports(1)
    signatures = tmp_path / "db"
    signatures.mkdir()
    (signatures / "own.ndb").write_text(f"Pgdesk.Test:0:*:{b'pgdesk test virus'.hex()}\n")
    config = tmp_path / "clamd.conf"
    config.write_text(
        f"DatabaseDirectory {signatures}\nTCPSocket {port}\nTCPAddr 127.0.0.1\nForeground yes\nUser root\n"
        f"TemporaryDirectory {tmp_path}\nStreamMaxLength 1M\n"
    )
    with subprocess.Popen(
        [program, "--config-file", config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as run:
        try:
            until(lambda: run.poll() is not None or _answers(port), otherwise=lambda: "clamd does not answer")
            yield f"tcp://127.0.0.1:{port}"
        finally:
            run.terminate()


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as talk:
            talk.sendall(b"zPING\0")
            return talk.recv(5) == b"PONG\0"
    except OSError:
        return False


def test_clamav_itself_is_understood(clam: str) -> None:
    assert clamd.scan(clam, b"all is well") is None
    assert clamd.scan(clam, b"before pgdesk test virus after") == "Pgdesk.Test.UNOFFICIAL"
    with pytest.raises(clamd.TooLarge):
        clamd.scan(clam, bytes(2_000_000))
