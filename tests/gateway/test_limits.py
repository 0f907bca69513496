"""Requests that are too big, too deep or too many: refused in the service's own shape, and nobody else waits."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from infra.local.settings import Settings
from tests.gateway.conftest import Project

MEGABYTE = 1_000_000
SECONDS = 15.0  # more than any of these takes on a busy machine, far less than what would hurt
DEEP = 20_000


@pytest.fixture
def http(project: Project, embedded: Settings) -> Iterator[httpx.Client]:
    """As the service role. What a test asks must leave the gateway alive and answering."""
    headers = {"apikey": project.secret_key}
    began = time.monotonic()
    with httpx.Client(base_url=embedded.api_url, headers=headers, timeout=60) as client:
        yield client
        assert client.get("/health").status_code == 200
    assert time.monotonic() - began < SECONDS
    log = (embedded.data / "gateway.log").read_text()
    assert "RecursionError" not in log
    assert "MemoryError" not in log


def resident(settings: Settings) -> int:
    """Bytes that the gateway's process holds."""
    for status in Path("/proc").glob("[0-9]*/environ"):
        try:
            if str(settings.data / "plan.json").encode() in status.read_bytes():
                pages = int((status.parent / "statm").read_text().split()[1])
                if b"infra.local.gateway" in (status.parent / "cmdline").read_bytes():
                    return pages * 4096
        except OSError:
            continue
    pytest.skip("there is no /proc here")


def endless(settings: Settings, head: str, piece: bytes, total: int) -> bytes:
    """Send a body of `total` bytes until the other side answers; returns the first line of what it says."""
    with socket.create_connection((settings.host, settings.api_port), timeout=30) as connection:
        connection.sendall(head.encode())
        try:
            for _ in range(total // len(piece)):
                connection.sendall(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass
        try:
            return connection.recv(65_536).split(b"\r\n")[0]
        except ConnectionResetError:
            return b""


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/rest/v1/rpc/create_organization", b"413"),
        ("/rest/v1/organizations", b"413"),
        ("/auth/v1/signup", b"413"),
        ("/storage/v1/bucket", b"400"),  # Storage says 413 inside
        ("/realtime/v1/api/broadcast", b"413"),
        ("/functions/v1/inbound/mime", b"413"),
    ],
)
def test_a_body_without_end_is_refused_and_never_held(
    http: httpx.Client, project: Project, embedded: Settings, path: str, told: bytes
) -> None:
    before = resident(embedded)
    head = (
        f"POST {path} HTTP/1.1\r\nhost: x\r\napikey: {project.secret_key}\r\ncontent-type: application/json\r\n"
        f"transfer-encoding: chunked\r\n\r\n"
    )
    piece = b"10000\r\n" + b"[" * 65_536 + b"\r\n"
    line = endless(embedded, head, piece, 150 * MEGABYTE)
    assert told in line or line == b"", line
    assert resident(embedded) - before < 150 * MEGABYTE


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/rest/v1/organizations", 400),
        ("POST", "/rest/v1/rpc/create_organization", 400),
        ("PATCH", "/rest/v1/organizations?id=eq.1", 400),
        ("POST", "/auth/v1/signup", 400),
        ("POST", "/auth/v1/token?grant_type=password", 400),
        ("POST", "/storage/v1/bucket", 400),
        ("POST", "/storage/v1/object/list/attachments", 400),
        ("POST", "/realtime/v1/api/broadcast", 400),
    ],
)
@pytest.mark.parametrize("opening", ["[", '{"a":'], ids=["arrays", "objects"])
def test_json_of_any_depth_is_a_mistake_of_the_client(
    http: httpx.Client, method: str, path: str, status: int, opening: str
) -> None:
    closing = "]" if opening == "[" else "}"
    for body in (opening * DEEP, opening * DEEP + "1" + closing * DEEP):
        answer = http.request(method, path, content=body, headers={"content-type": "application/json"})
        assert status <= answer.status_code < 500, (answer.status_code, answer.text[:200])


@pytest.mark.parametrize(
    "query",
    {
        "and": "and=" + "(and" * 5000 + "(id.eq.1)" + ")" * 5000,
        "not": "or=(" + "not.and(" * 3000 + "id.eq.1" + ")" * 3001,
        "embeds": "select=" + "members(" * 3000 + "id" + ")" * 3000,
        "spreads": "select=" + "...members(" * 3000 + "id" + ")" * 3000,
        "json path": "select=name" + "->a" * 5000,
        "casts": "select=id" + "::text" * 5000,
        "open brackets": "select=" + "(" * 15_000,
        "quotes": "or=(" + '"' * 15_000,
        "backslashes": 'id=in.("' + "\\" * 15_000,
        "commas": "select=" + "," * 15_000,
        "dots": "id=" + "not." * 8000 + "eq.1",
        "order": "order=" + "members(" * 5000,
        "columns": "columns=" + '"' * 15_000,
    }.values(),
    ids=[
        "and",
        "not",
        "embeds",
        "spreads",
        "json path",
        "casts",
        "open brackets",
        "quotes",
        "backslashes",
        "commas",
        "dots",
        "order",
        "columns",
    ],
)
def test_a_query_nested_without_end_is_a_mistake_of_the_client(http: httpx.Client, query: str) -> None:
    answer = http.get(f"/rest/v1/organizations?{query}")
    # 54001 is PostgreSQL's own limit, which PostgREST tells as 500.
    assert 400 <= answer.status_code < 500 or answer.json()["code"] == "54001", (answer.status_code, answer.text[:300])


@pytest.mark.parametrize("count", [100, 2000])
def test_thousands_of_filters_are_answered_or_refused_but_not_failed(http: httpx.Client, count: int) -> None:
    filters = "&".join(f"slug=neq.s{number}" for number in range(count))
    inside = ",".join(f"slug.neq.s{number}" for number in range(count))
    for query in (filters, f"or=({inside})", f"slug=in.({','.join(str(number) for number in range(count))})"):
        answer = http.get(f"/rest/v1/organizations?{query}")
        assert answer.status_code < 500, (answer.status_code, answer.text[:300])


def test_thousands_of_headers_are_answered_or_refused_but_not_failed(http: httpx.Client) -> None:
    for path in ("/rest/v1/", "/auth/v1/settings", "/storage/v1/bucket"):
        answer = http.get(path, headers={f"x-{number}": "y" for number in range(2500)})
        assert answer.status_code in (200, 400, 431), answer.text[:300]


def test_a_number_beyond_all_bounds_is_a_mistake_of_the_client(http: httpx.Client) -> None:
    digits = "9" * 15_000
    for query in (f"limit={digits}", f"offset={digits}", f"id=eq.{digits}", f"select=name->{digits}"):
        assert 400 <= http.get(f"/rest/v1/organizations?{query}").status_code < 500, query[:20]
    for path, body in {
        "/rest/v1/organizations": f'{{"name": {digits}}}',
        "/auth/v1/signup": f'{{"email": {digits}}}',
        "/storage/v1/object/list/attachments": f'{{"prefix": "", "limit": {digits}}}',
    }.items():
        answer = http.post(path, content=body, headers={"content-type": "application/json"})
        assert 400 <= answer.status_code < 500, (path, answer.text[:300])
    assert http.get("/rest/v1/organizations", headers={"Range": f"0-{digits}"}).status_code < 500


def test_a_page_of_keys_is_no_more_than_a_mistake(http: httpx.Client) -> None:
    body = json.dumps({f"k{number}": number for number in range(20_000)})
    for path in ("/rest/v1/organizations", "/rest/v1/rpc/create_organization", "/auth/v1/signup"):
        answer = http.post(path, content=body, headers={"content-type": "application/json"})
        assert 400 <= answer.status_code < 500, (path, answer.text[:300])


def test_everything_listens_on_loopback_unless_told(embedded: Settings) -> None:
    assert embedded.host == "127.0.0.1"
    for port in (embedded.api_port, embedded.mail_port, embedded.db_port):
        listening = {address for address, each in _listeners() if each == port}
        assert listening == {"0100007F"}, port  # 127.0.0.1, as the kernel writes it


def _listeners() -> list[tuple[str, int]]:
    found = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            local, state = line.split()[1], line.split()[3]
            if state == "0A":
                address, port = local.split(":")
                found.append((address, int(port, 16)))
    return found
