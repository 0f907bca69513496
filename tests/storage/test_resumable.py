"""Resumable uploads (TUS 1.0.0): they go on after breaks and restarts, and the caller's policies hold at every step."""

from __future__ import annotations

import json
import socket
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import md5
from typing import Any
from urllib.parse import urlparse

import httpx
import pytest

from infra.local.storage import signing
from tests.serving import serve
from tests.storage.conftest import Running, storage_app
from tests.waiting import until

PATCH = {"Content-Type": "application/offset+octet-stream"}
TUS = {"Tus-Resumable": "1.0.0"}


def metadata(**values: str) -> dict[str, str]:
    return {"Upload-Metadata": ",".join(f"{name} {b64encode(text.encode()).decode()}" for name, text in values.items())}


class Client:
    """One caller's TUS requests."""

    def __init__(self, storage: Running, token: str | None, **headers: str) -> None:
        self.storage, self.token, self.headers = storage, token, TUS | headers

    def send(self, method: str, url: str, headers: dict[str, str], content: Any = None) -> httpx.Response:
        url = url.removeprefix(f"{self.storage.url}/storage/v1")
        return self.storage.request(method, url, self.token, headers=self.headers | headers, content=content)

    def create(
        self, length: int | None, bucket: str = "private", key: str = "a.txt", path: str = "/upload/resumable",
        content: bytes | None = None, **extra: str,
    ) -> httpx.Response:  # fmt: skip
        size = {"Upload-Defer-Length": "1"} if length is None else {"Upload-Length": str(length)}
        body = PATCH if content is not None else {}
        described = metadata(bucketName=bucket, objectName=key, **extra)
        return self.send("POST", path, size | described | body, content)

    def patch(self, url: str, offset: int, content: Any, **headers: str) -> httpx.Response:
        return self.send("PATCH", url, PATCH | {"Upload-Offset": str(offset)} | headers, content)

    def offset(self, url: str) -> str:
        return self.send("HEAD", url, {}).headers["upload-offset"]


@pytest.fixture
def service(storage: Running) -> Client:
    return Client(storage, storage.settings.keys.service_role_key)


def told(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.text


def test_an_upload_in_parts_becomes_an_object(storage: Running, service: Client) -> None:
    made = service.create(
        10, contentType="text/plain", cacheControl="60", metadata=json.dumps({"color": "red"}), key="x/a.txt"
    )
    url = made.headers["location"]
    assert made.status_code == 201
    assert url.startswith(f"{storage.url}/storage/v1/upload/resumable/")
    assert made.headers["tus-resumable"] == "1.0.0"
    assert "upload-expires" in made.headers
    first = service.patch(url, 0, b"01234")
    assert (first.status_code, first.headers["upload-offset"]) == (204, "5")
    asked = service.send("HEAD", url, {})
    assert (asked.status_code, asked.headers["upload-offset"], asked.headers["upload-length"]) == (200, "5", "10")
    assert asked.headers["cache-control"] == "no-store"
    last = service.patch(url, 5, b"56789")
    assert (last.status_code, last.headers["upload-offset"], last.headers["tus-complete"]) == (204, "10", "1")
    read = storage.request("GET", "/object/private/x/a.txt", service.token)
    assert read.content == b"0123456789"
    assert read.headers["etag"] == f'"{md5(read.content).hexdigest()}"'
    assert (read.headers["content-type"], read.headers["cache-control"]) == ("text/plain", "max-age=60")
    assert storage.request("GET", "/object/info/private/x/a.txt", service.token).json()["metadata"] == {"color": "red"}


def test_options_tell_what_is_offered(storage: Running) -> None:
    answer = storage.request("OPTIONS", "/upload/resumable")
    assert answer.status_code == 204
    assert answer.headers["tus-version"] == "1.0.0"
    assert {"creation", "creation-with-upload", "termination", "expiration", "creation-defer-length"} == set(
        answer.headers["tus-extension"].split(",")
    )
    assert answer.headers["tus-max-size"].isdigit()


def test_bytes_may_come_with_the_creation(storage: Running, service: Client) -> None:
    made = service.create(4, content=b"full")
    assert (made.status_code, made.headers["upload-offset"], made.headers["tus-complete"]) == (201, "4", "1")
    assert storage.request("GET", "/object/private/a.txt", service.token).content == b"full"
    part = service.create(4, key="b.txt", content=b"ha")
    assert part.headers["upload-offset"] == "2"
    assert service.create(0, key="empty").headers["tus-complete"] == "1"
    assert storage.request("GET", "/object/private/empty", service.token).content == b""


def test_the_length_may_be_told_later(storage: Running, service: Client) -> None:
    url = service.create(None).headers["location"]
    assert service.send("HEAD", url, {}).headers["upload-defer-length"] == "1"
    assert service.patch(url, 0, b"ab").headers["upload-offset"] == "2"
    assert told(service.patch(url, 2, b"cd", **{"Upload-Length": "1"}))[0] == 400
    assert service.patch(url, 2, b"cd", **{"Upload-Length": "4"}).headers["tus-complete"] == "1"
    assert storage.request("GET", "/object/private/a.txt", service.token).content == b"abcd"


def test_an_upload_goes_on_after_the_server_starts_again(storage: Running, service: Client) -> None:
    url = service.create(6).headers["location"]
    service.patch(url, 0, b"abc")
    with serve(storage_app(storage.settings)) as other:
        moved = url.replace(storage.url, other)
        headers = TUS | {"Authorization": f"Bearer {service.token}"}
        assert storage.session.head(moved, headers=headers).headers["upload-offset"] == "3"
        answer = storage.session.patch(moved, headers=headers | PATCH | {"Upload-Offset": "3"}, content=b"def")
        assert answer.headers["tus-complete"] == "1"
    assert storage.request("GET", "/object/private/a.txt", service.token).content == b"abcdef"


@contextmanager
def hanging(storage: Running, service: Client, url: str) -> Iterator[socket.socket]:
    """A PATCH that has sent 600000 bytes of more, and sends nothing then."""
    server = urlparse(storage.url)
    with socket.create_connection((server.hostname or "", server.port or 0), timeout=20) as connection:
        head = (
            f"PATCH {urlparse(url).path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {service.token}\r\n"
            f"Tus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\nContent-Type: {PATCH['Content-Type']}\r\n"
            "Content-Length: 1000000\r\n\r\n"
        )
        connection.sendall(head.encode() + b"x" * 600_000)
        until(lambda: any(file.suffix == ".bytes" and file.stat().st_size for file in storage.files()))
        yield connection


def test_what_came_before_a_break_is_kept(storage: Running, service: Client) -> None:
    url = service.create(1_000_000).headers["location"]
    with hanging(storage, service, url):
        pass
    until(lambda: service.offset(url) == "600000")
    assert service.patch(url, 600_000, b"y" * 400_000).headers["tus-complete"] == "1"


def test_a_second_request_ends_the_first_that_hangs(storage: Running, service: Client) -> None:
    url = service.create(1_000_000).headers["location"]
    with hanging(storage, service, url) as connection:
        assert service.offset(url) == "600000"  # waits for the first, which is told to end
        assert b"Request aborted due to lock acquired" in connection.recv(1000)
    assert service.patch(url, 600_000, b"y" * 400_000).headers["tus-complete"] == "1"


def test_of_two_that_send_the_same_part_one_wins(service: Client) -> None:
    url = service.create(4).headers["location"]
    assert service.patch(url, 0, b"ab").status_code == 204
    assert told(service.patch(url, 0, b"ab")) == (409, "Upload-Offset conflict\n")
    assert told(service.patch(url, 3, b"b")) == (409, "Upload-Offset conflict\n")
    assert service.offset(url) == "2"


def test_more_than_was_declared_is_refused(storage: Running, service: Client) -> None:
    url = service.create(4).headers["location"]
    assert told(service.patch(url, 0, b"abcde")) == (413, "upload's size exceeded\n")
    assert told(service.patch(url, 0, iter([b"abc", b"de"]))) == (413, "upload's size exceeded\n")
    assert told(service.create(1001, "small")) == (413, "Maximum size exceeded\n")
    assert service.create(1000, "small", contentType="text/plain").status_code == 201
    late = service.create(None, "small", "b", contentType="text/plain").headers["location"]
    assert service.patch(late, 0, b"x" * 1001).status_code == 413
    assert service.patch(late, 0, iter([b"x" * 900, b"x" * 900])).status_code == 413
    with storage.database() as db:
        assert db.execute("select * from storage.objects").fetchall() == []


def test_the_bucket_says_which_types_it_takes(service: Client) -> None:
    assert told(service.create(1, "small", contentType="text/html")) == (415, "mime type text/html is not supported")
    assert told(service.create(1, "nowhere")) == (404, "Bucket not found")


def test_an_upload_can_be_given_up_while_it_runs(storage: Running, service: Client) -> None:
    url = service.create(4).headers["location"]
    service.patch(url, 0, b"ab")
    assert service.send("DELETE", url, {}).status_code == 204
    assert told(service.patch(url, 2, b"cd")) == (404, "The file for this url was not found\n")
    assert service.send("HEAD", url, {}).status_code == 404
    assert storage.files() == []
    done = service.create(1, content=b"x").headers["location"]
    assert told(service.send("DELETE", done, {"x-upsert": "true"}))[0] == 400
    assert storage.request("GET", "/object/private/a.txt", service.token).content == b"x"


def test_a_finished_upload_says_so_to_a_client_that_missed_it(service: Client) -> None:
    url = service.create(2, content=b"ok").headers["location"]
    assert service.offset(url) == "2"
    again = service.patch(url, 2, b"", **{"x-upsert": "true"})
    assert (again.status_code, again.headers["upload-offset"]) == (204, "2")


def test_an_upload_is_over_after_its_time(storage: Running, service: Client) -> None:
    url = service.create(4).headers["location"]
    state = next(file for file in storage.files() if file.suffix == ".json")
    state.write_text(json.dumps(json.loads(state.read_text()) | {"created": 0}))
    assert told(service.patch(url, 0, b"ab")) == (410, "The file for this url no longer exists\n")
    assert service.send("HEAD", url, {}).status_code == 410
    service.create(4, key="another")
    assert not state.exists()


def test_policies_hold_for_every_part(storage: Running, ann: str) -> None:
    mine = Client(storage, storage.token(ann))
    refused = (403, "new row violates row-level security policy")
    assert told(mine.create(4, key="bob/a.txt")) == refused
    url = mine.create(4, key=f"{ann}/a.txt").headers["location"]
    hers = Client(storage, storage.token("bob"))
    assert told(hers.patch(url, 0, b"evil")) == refused
    assert told(hers.send("DELETE", url, {})) == refused
    nobody = Client(storage, None).patch(url, 0, b"evil")
    assert (nobody.status_code, nobody.json()["statusCode"]) == (400, "403")
    with storage.database() as db:
        db.execute('drop policy "own folder, add" on storage.objects')
    assert told(mine.patch(url, 0, b"late")) == refused
    assert all(file.stat().st_size == 0 for file in storage.files() if file.suffix == ".bytes")


def test_an_object_is_replaced_only_where_that_is_asked_for_and_allowed(storage: Running, ann: str) -> None:
    mine, replacing = Client(storage, storage.token(ann)), Client(storage, storage.token(ann), **{"x-upsert": "true"})
    assert mine.create(3, key=f"{ann}/a", content=b"old").status_code == 201
    assert told(mine.create(3, key=f"{ann}/a")) == (409, "The resource already exists")
    assert replacing.create(3, key=f"{ann}/a", content=b"new").status_code == 201
    assert storage.request("GET", f"/object/private/{ann}/a", mine.token).content == b"new"
    with storage.database() as db:
        db.execute('drop policy "own folder, change" on storage.objects')
    assert replacing.create(3, key=f"{ann}/a", content=b"bad").status_code == 403
    assert storage.request("GET", f"/object/private/{ann}/a", mine.token).content == b"new"


def test_a_signed_address_uploads_one_object_without_a_token(storage: Running, ann: str) -> None:
    path = f"private/{ann}/a.txt"
    token = storage.request("POST", f"/object/upload/sign/{path}", storage.token(ann)).json()["token"]
    anyone = Client(storage, None, **{"x-signature": token})
    made = anyone.create(4, key=f"{ann}/a.txt", path="/upload/resumable/sign")
    url = made.headers["location"]
    assert "/upload/resumable/sign/" in url
    assert told(Client(storage, None).patch(url, 0, b"evil")) == (400, "Missing x-signature header")
    assert anyone.patch(url, 0, b"good").headers["tus-complete"] == "1"
    with storage.database() as db:
        assert db.execute("select owner_id from storage.objects").fetchone() == (ann,)
    assert anyone.create(4, key=f"{ann}/b.txt", path="/upload/resumable/sign").status_code == 400
    for scope, place in ((signing.DOWNLOAD, path), (signing.UPLOAD, "public/a.txt"), (signing.UPLOAD, "private/a")):
        other = Client(storage, None, **{"x-signature": signing.sign(storage.settings.keys, scope, place, 60)})
        assert other.create(4, key=f"{ann}/a.txt", path="/upload/resumable/sign").status_code == 400


@pytest.mark.parametrize(
    ("headers", "answer"),
    [
        ({"Tus-Resumable": "0.2.2"}, (400, "Invalid tus-resumable\n")),
        ({"Upload-Length": "-1"}, (400, "Invalid upload-length\n")),
        ({"Upload-Length": "1e3"}, (400, "Invalid upload-length\n")),
        ({"Upload-Defer-Length": "1"}, (400, "Upload-Length or Upload-Defer-Length header required\n")),
        ({"Upload-Metadata": "a b c"}, (400, "Invalid upload-metadata\n")),
        ({"Upload-Metadata": "a YQ==,a YQ=="}, (400, "Invalid upload-metadata\n")),
        ({"Upload-Metadata": "a YQ="}, (400, "Invalid upload-metadata\n")),
        (metadata(bucketName="private"), (400, "Invalid key: ")),
        (metadata(objectName="a"), (400, "Bucket name invalid")),
        (metadata(bucketName="private", objectName="../../x"), (400, "Invalid key: ../../x")),
        (metadata(bucketName="private", objectName="a\r\nb"), (400, "Invalid key: a\r\nb")),
        (metadata(bucketName="private", objectName="a", contentType="a/b\r\nX: y"), None),
        ({"Upload-Concat": "partial"}, None),
    ],
)
def test_a_request_that_makes_no_sense_is_refused(
    storage: Running, service: Client, headers: dict[str, str], answer: tuple[int, str] | None
) -> None:
    asked = {"Upload-Length": "1"} | metadata(bucketName="private", objectName="a") | headers
    got = told(service.send("POST", "/upload/resumable", asked))
    assert got == answer if answer else 400 <= got[0] < 502
    assert storage.files() == []


@pytest.mark.parametrize("name", ["x", "..%2f..", "AAAA", "cHJpdmF0ZS9hLnR4dC8uLi8uLi9ldGM", "%00"])
def test_an_address_that_was_not_given_names_no_upload(service: Client, name: str) -> None:
    url = f"/upload/resumable/{name}"
    assert service.send("HEAD", url, {}).status_code in {400, 404}
    assert service.patch(url, 0, b"x").status_code in {400, 404}
    assert service.send("DELETE", url, {}).status_code in {400, 404}


def test_the_protocols_version_is_asked_for(service: Client) -> None:
    answer = service.storage.request("POST", "/upload/resumable", service.token)
    assert told(answer) == (412, "Tus-Resumable Required\n")
