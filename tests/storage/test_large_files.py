"""Memory stays flat however large a file is: it goes to the disk as it comes, and from the disk as it is read."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import psycopg
import pytest

from infra.local.ports import free_ports
from infra.local.settings import Settings
from tests.waiting import until

SIZE = 1024**3
PIECE = bytes(1024 * 1024)
GROWTH = 64 * 1024**2  # bytes of memory that a server may need beside what it has when idle
SERVER = """
import json, sys
from dataclasses import fields
from pathlib import Path
import uvicorn
from infra.local.settings import Keys, Settings
from tests.storage.conftest import storage_app
told = json.loads(sys.argv[1])
settings = Settings(**told | {"data": Path(told["data"]), "keys": Keys(**told["keys"]), "schemas": ("public",)})
uvicorn.run(storage_app(settings), host="127.0.0.1", port=int(sys.argv[2]), log_level="warning")
"""


def memory(pid: int) -> int:
    """The most memory that a process ever had, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


@pytest.mark.full
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_a_file_of_a_gigabyte_needs_no_memory(empty: Settings, tmp_path: Path) -> None:
    settings = replace(empty, data=tmp_path, file_size_limit=2 * SIZE)
    with psycopg.connect(settings.database_url("postgres")) as db:
        db.execute("insert into storage.buckets (id, name, public) values ('large', 'large', true)")
    told = json.dumps({**settings.__dict__, "data": str(tmp_path), "keys": settings.keys.__dict__}, default=dict)
    (port,) = free_ports(1)
    process = subprocess.Popen([sys.executable, "-c", SERVER, told, str(port)], cwd=Path.cwd())
    try:
        url = f"http://127.0.0.1:{port}/storage/v1"
        with httpx.Client(timeout=300, headers={"Authorization": f"Bearer {settings.keys.service_role_key}"}) as client:
            until(lambda: _up(client, url))
            _move_a_gigabyte(client, url, process.pid)
    finally:
        process.terminate()
        process.wait(10)


def _move_a_gigabyte(client: httpx.Client, url: str, pid: int) -> None:
    before, began = memory(pid), time.monotonic()
    assert client.post(f"{url}/object/large/a", content=_pieces()).status_code == 200
    uploaded = time.monotonic() - began
    with client.stream("GET", f"{url}/object/public/large/a") as answer:
        assert sum(len(piece) for piece in answer.iter_raw(1024 * 1024)) == SIZE
    resumable = {"Tus-Resumable": "1.0.0", "Upload-Length": str(SIZE)}
    names = {"Upload-Metadata": "bucketName bGFyZ2U=,objectName Yg=="}
    body = {"Content-Type": "application/offset+octet-stream"}
    made = client.post(f"{url}/upload/resumable", headers=resumable | names | body, content=_pieces())
    assert (made.status_code, made.headers["upload-offset"]) == (201, str(SIZE))
    growth = memory(pid) - before
    print(f"1 GB up in {uploaded:.1f} s; {growth / 1024**2:.0f} MB of memory for it, its download and a resumable one")
    assert growth < GROWTH


def _pieces() -> Iterator[bytes]:
    for _ in range(SIZE // len(PIECE)):
        yield PIECE


def _up(client: httpx.Client, url: str) -> bool:
    try:
        return client.get(f"{url}/status").status_code == 200
    except httpx.TransportError:
        return False
