"""Bytes arrive whole or not at all, leave as asked for, and go when the last object that has them goes."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from hashlib import md5
from typing import Any
from urllib.parse import urlparse

import pytest
from storage3 import SyncStorageClient

from tests.serving import serve
from tests.storage.conftest import Running, storage_app
from tests.waiting import until

TEXT = b"0123456789"
PLAIN = {"Content-Type": "text/plain"}


@pytest.fixture
def key(storage: Running) -> str:
    return storage.settings.keys.service_role_key


@pytest.fixture
def stored(storage: Running, key: str) -> str:
    headers = PLAIN | {"Cache-Control": "max-age=60"}
    assert storage.request("POST", "/object/private/a.txt", key, content=TEXT, headers=headers).status_code == 200
    return "/object/private/a.txt"


@pytest.mark.parametrize(
    ("asked", "status", "body", "span"),
    [
        ("bytes=0-3", 206, b"0123", "bytes 0-3/10"),
        ("bytes=7-", 206, b"789", "bytes 7-9/10"),
        ("bytes=-2", 206, b"89", "bytes 8-9/10"),
        ("bytes=-99", 206, TEXT, "bytes 0-9/10"),
        ("bytes=8-99", 206, b"89", "bytes 8-9/10"),
        ("bytes=3-1", 200, TEXT, None),
        ("bytes=0-1,4-5", 200, TEXT, None),
        ("bytes=-", 200, TEXT, None),
        ("lines=0-1", 200, TEXT, None),
    ],
)
def test_a_range_is_a_part(
    storage: Running, key: str, stored: str, asked: str, status: int, body: bytes, span: str | None
) -> None:
    answer = storage.request("GET", stored, key, headers={"Range": asked})
    assert (answer.status_code, answer.content, answer.headers.get("content-range")) == (status, body, span)
    assert answer.headers["content-length"] == str(len(body))


@pytest.mark.parametrize("asked", ["bytes=10-", "bytes=-0", "bytes=99-100"])
def test_a_range_beyond_the_end_is_refused(storage: Running, key: str, stored: str, asked: str) -> None:
    answer = storage.request("GET", stored, key, headers={"Range": asked})
    assert (answer.status_code, answer.json()["statusCode"], answer.json()["code"]) == (400, "416", "InvalidRange")


def test_what_the_client_has_is_not_sent_again(storage: Running, key: str, stored: str) -> None:
    answer = storage.request("GET", stored, key)
    tag, modified = answer.headers["etag"], answer.headers["last-modified"]
    assert tag == f'"{md5(TEXT).hexdigest()}"'
    assert answer.headers["cache-control"] == "max-age=60"
    assert answer.headers["content-type"] == "text/plain"
    for headers in ({"If-None-Match": tag}, {"If-None-Match": f'"x", W/{tag}'}, {"If-Modified-Since": modified}):
        again = storage.request("GET", stored, key, headers=headers)
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert storage.request("GET", stored, key, headers={"If-None-Match": '"x"'}).status_code == 200
    stale = storage.request("GET", stored, key, headers={"Range": "bytes=0-1", "If-Range": '"x"'})
    assert (stale.status_code, stale.content) == (200, TEXT)


def test_head_tells_and_sends_nothing(storage: Running, key: str, stored: str) -> None:
    answer = storage.request("HEAD", stored, key)
    assert (answer.status_code, answer.headers["content-length"], answer.content) == (200, "10", b"")


@pytest.mark.parametrize(
    ("sent", "served"),
    [("text/html", "text/plain"), ("image/svg+xml", "image/svg+xml"), ("application/xhtml+xml", None)],
)
def test_a_strangers_page_does_not_run(storage: Running, key: str, sent: str, served: str | None) -> None:
    page = b"<script>alert(1)</script>"
    assert storage.request("POST", "/object/public/x", key, content=page, headers={"Content-Type": sent}).is_success
    answer = storage.request("GET", "/object/public/public/x")
    type_ = answer.headers["content-type"]
    assert type_ == "text/plain" or answer.headers["content-security-policy"].startswith("sandbox;")
    assert served is None or type_ == served
    assert answer.headers["x-content-type-options"] == "nosniff"


def chunks(total: int) -> Any:
    for _ in range(total // 10_000):
        yield b"x" * 10_000


def test_a_file_beyond_the_limit_is_refused_and_leaves_nothing(storage: Running, key: str) -> None:
    for content in (b"x" * 1001, chunks(200_000)):  # with a declared length, and without
        answer = storage.request("POST", "/object/small/a.txt", key, content=content, headers=PLAIN)
        assert (answer.status_code, answer.json()["statusCode"]) == (400, "413")
    form = {"file": ("a.txt", b"x" * 1001, "text/plain")}
    assert storage.request("POST", "/object/small/a.txt", key, files=form).json()["code"] == "EntityTooLarge"
    assert storage.files() == []
    assert storage.request("POST", "/object/small/a.txt", key, content=b"x" * 1000, headers=PLAIN).status_code == 200
    assert storage.request(
        "POST", "/object/small/b.txt", key, files={"file": ("a.txt", b"x" * 1000, "text/plain")}
    ).is_success


def test_no_bucket_can_lift_the_servers_limit(storage: Running, key: str) -> None:
    body = {"name": "huge", "file_size_limit": storage.settings.file_size_limit + 1}
    assert storage.request("POST", "/bucket", key, json=body).json()["code"] == "EntityTooLarge"


@pytest.mark.parametrize("mime_type", ["text/html", "image", "application/octet-stream", ""])
def test_a_type_that_the_bucket_does_not_take_is_refused(storage: Running, key: str, mime_type: str) -> None:
    answer = storage.request("POST", "/object/small/a", key, content=b"x", headers={"Content-Type": mime_type})
    assert (answer.status_code, answer.json()["statusCode"]) == (400, "415")
    form = {"file": ("a", b"x", "image/png")}
    fields = {"contentType": "text/plain\r\nX-Injected: 1"}
    assert storage.request("POST", "/object/small/a", key, files=form, data=fields).json()["code"] == "InvalidMimeType"
    assert storage.request("POST", "/object/small/a", key, files=form).is_success


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--b--\r\n",
        b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nvalue\r\n--b--\r\n',
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\ncut off',
        b"no boundary at all",
        b'--b\r\nContent-Disposition: form-data; name="metadata"\r\n\r\n' + b"x" * 1_100_000,
        b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nv\r\n' * 12,
    ],
)
def test_a_broken_form_is_refused_and_leaves_nothing(storage: Running, key: str, body: bytes) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = storage.request("POST", "/object/private/a", key, content=body, headers=headers)
    assert answer.status_code == 400
    assert answer.json().keys() == {"statusCode", "code", "error", "message"}
    assert storage.files() == []


def test_an_upload_that_is_cut_off_leaves_nothing(storage: Running, key: str) -> None:
    server = urlparse(storage.url)
    with socket.create_connection((server.hostname or "", server.port or 0)) as connection:
        head = (
            f"POST /storage/v1/object/private/a HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
            "Content-Length: 10000000\r\n\r\n"
        )
        connection.sendall(head.encode() + b"x" * 600_000)
        until(lambda: any(file.stat().st_size for file in storage.files()))  # the server has begun to write
    until(lambda: not storage.files())
    with storage.database() as db:
        assert db.execute("select * from storage.objects").fetchall() == []


def test_equal_bytes_are_kept_once_and_as_long_as_needed(storage: Running, admin: SyncStorageClient) -> None:
    bucket = admin.from_("private")
    bucket.upload("a", b"same")
    bucket.upload("b", b"same")
    bucket.copy("a", "c")
    assert len(storage.files()) == 1
    bucket.remove(["a", "b"])
    assert bucket.download("c") == b"same"
    bucket.remove(["c"])
    assert storage.files() == []


def test_many_writers_of_one_key_leave_one_whole_file(storage: Running, key: str) -> None:
    def put(number: int) -> int:
        body = bytes([number]) * 100_000
        headers = {"x-upsert": "true"} | PLAIN
        return storage.request("POST", "/object/private/a", key, content=body, headers=headers).status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(put, range(24))) == {200}
    content = storage.request("GET", "/object/private/a", key).content
    assert content == content[:1] * 100_000


def test_a_reader_always_finds_one_of_the_files_that_writers_exchange(storage: Running, key: str) -> None:
    def put(number: int) -> int:
        headers = {"x-upsert": "true"} | PLAIN
        return storage.request("POST", "/object/private/a", key, content=b"%d" % number, headers=headers).status_code

    put(0)
    with ThreadPoolExecutor(4) as pool:
        writing = [pool.submit(put, number) for number in range(40)]
        read = [storage.request("GET", "/object/private/a", key) for _ in range(40)]
        assert {done.result() for done in writing} == {200}
    assert all(answer.status_code == 200 and answer.content.isdigit() for answer in read)


def test_of_many_that_add_one_key_one_wins(storage: Running, key: str) -> None:
    def add(number: int) -> int:
        return storage.request("POST", "/object/private/a", key, content=b"%d" % number).status_code

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(add, range(8))) == [200] + [400] * 7
    assert len(storage.files()) == 1


def test_adding_and_removing_equal_bytes_at_once_loses_none(storage: Running, admin: SyncStorageClient) -> None:
    bucket = admin.from_("private")

    def turn(name: str) -> bytes:
        for _ in range(6):
            bucket.upload(name, b"same")
            bucket.remove([name])
        bucket.upload(name, b"same")
        return bucket.download(name)

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(turn, "abcd")) == {b"same"}


def test_a_start_clears_what_a_killed_process_left(storage: Running, key: str) -> None:
    storage.request("POST", "/object/private/a", key, content=b"kept")
    orphan = storage.folder / "ab" / ("ab" + "0" * 62)
    orphan.parent.mkdir(exist_ok=True)
    orphan.write_bytes(b"no row")
    (storage.folder / "incoming" / "tmp1").write_bytes(b"half")
    with serve(storage_app(storage.settings)):
        assert [file.read_bytes() for file in storage.files()] == [b"kept"]


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b"\xff", b'{"prefix": 1}', b'{"prefix": "", "limit": "x"}', b'{"prefix": "\\ud800"}']
)
def test_a_body_that_makes_no_sense_is_refused(storage: Running, key: str, body: bytes) -> None:
    answer = storage.request("POST", "/object/list/private", key, content=body)
    assert answer.status_code == 400
    assert answer.json().keys() == {"statusCode", "code", "error", "message"}


@pytest.mark.parametrize("cursor", ["x", "W10=", "WyJuYW1lIiwgMSwgMiwgM10=", "WyJpZCIsIGZhbHNlLCAiYSIsICJhIl0=", "é"])
def test_a_cursor_that_was_not_given_is_refused(storage: Running, key: str, cursor: str) -> None:
    answer = storage.request("POST", "/object/list-v2/private", key, json={"cursor": cursor})
    assert (answer.status_code, answer.json()["code"]) == (400, "InvalidParameter")
