"""The official client, storage3, cannot tell this Storage from the platform's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from storage3 import SyncStorageClient
from storage3.exceptions import StorageApiError

from tests.storage.conftest import Running


def refused(error: pytest.ExceptionInfo[StorageApiError]) -> tuple[str, str]:
    return str(error.value.status), error.value.code


def test_buckets_are_made_read_changed_and_deleted(admin: SyncStorageClient) -> None:
    options: Any = {"public": True, "file_size_limit": "2MB", "allowed_mime_types": ["image/png"]}
    assert admin.create_bucket("pictures", options=options) == {"name": "pictures"}
    bucket = admin.get_bucket("pictures")
    assert (bucket.public, bucket.file_size_limit, bucket.allowed_mime_types) == (True, 2_000_000, ["image/png"])
    assert {found.id for found in admin.list_buckets()} == {"private", "public", "small", "pictures"}
    admin.update_bucket("pictures", {"public": False})
    assert (admin.get_bucket("pictures").public, admin.get_bucket("pictures").file_size_limit) == (False, 2_000_000)
    with pytest.raises(StorageApiError) as error:
        admin.create_bucket("pictures")
    assert refused(error) == ("409", "Duplicate")
    admin.delete_bucket("pictures")
    with pytest.raises(StorageApiError) as error:
        admin.get_bucket("pictures")
    assert refused(error) == ("404", "Bucket not found")


def test_a_bucket_with_objects_is_deleted_only_once_emptied(storage: Running, admin: SyncStorageClient) -> None:
    admin.from_("private").upload("a.txt", b"a")
    with pytest.raises(StorageApiError) as error:
        admin.delete_bucket("private")
    assert refused(error) == ("409", "ResourceNotEmpty")
    admin.empty_bucket("private")
    assert storage.files() == []
    admin.delete_bucket("private")


def test_a_file_goes_in_and_comes_out(admin: SyncStorageClient, tmp_path: Path) -> None:
    bucket, data = admin.from_("private"), bytes(range(256)) * 5000
    (tmp_path / "disk.bin").write_bytes(data)
    sent = bucket.upload(
        "deep/er/file.bin", tmp_path / "disk.bin",
        {"content-type": "application/x-thing", "cache-control": "60", "metadata": {"ticket": "42"}},
    )  # fmt: skip
    assert (sent.path, sent.full_path) == ("deep/er/file.bin", "private/deep/er/file.bin")
    assert bucket.download("deep/er/file.bin") == data
    info = bucket.info("deep/er/file.bin")
    assert (info["size"], info["content_type"], info["cache_control"]) == (
        len(data),
        "application/x-thing",
        "max-age=60",
    )
    assert info["metadata"] == {"ticket": "42"}
    assert bucket.exists("deep/er/file.bin")
    assert not bucket.exists("deep/er/other.bin")


def test_a_second_upload_is_refused_unless_it_says_upsert(storage: Running, admin: SyncStorageClient) -> None:
    bucket = admin.from_("private")
    bucket.upload("a.txt", b"one")
    with pytest.raises(StorageApiError) as error:
        bucket.upload("a.txt", b"two")
    assert refused(error) == ("409", "Duplicate")
    assert bucket.download("a.txt") == b"one"
    bucket.upload("a.txt", b"three", {"upsert": "true"})
    assert bucket.download("a.txt") == b"three"
    bucket.update("a.txt", b"four")
    assert bucket.download("a.txt") == b"four"
    assert len(storage.files()) == 1


def test_objects_are_listed_moved_copied_and_removed(admin: SyncStorageClient) -> None:
    bucket = admin.from_("private")
    for name in ("b.txt", "a.txt", "docs/x.txt"):
        bucket.upload(name, name.encode())
    assert [(found["name"], found["id"] is None) for found in bucket.list()] == [
        ("a.txt", False), ("b.txt", False), ("docs", True),
    ]  # fmt: skip
    assert bucket.list()[0]["metadata"]["size"] == 5
    assert [found["name"] for found in bucket.list("docs")] == ["x.txt"]
    assert [found["name"] for found in bucket.list("", {"limit": 1, "offset": 1})] == ["b.txt"]
    assert bucket.move("a.txt", "docs/a.txt")["message"] == "Successfully moved"
    assert bucket.copy("b.txt", "docs/b.txt")["Key"] == "private/docs/b.txt"
    assert bucket.download("docs/a.txt") == b"a.txt"
    assert [found["name"] for found in bucket.remove(["b.txt", "nothing.txt"])] == ["b.txt"]
    assert bucket.download("docs/b.txt") == b"b.txt"
    with pytest.raises(StorageApiError) as error:
        bucket.move("a.txt", "z.txt")
    assert refused(error) == ("404", "not_found")


@pytest.mark.parametrize("column", ["name", "created_at", "updated_at"])
@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("delimited", [True, False])
def test_pages_hold_every_object_once(admin: SyncStorageClient, column: Any, order: Any, delimited: bool) -> None:
    bucket = admin.from_("private")
    for name in ("a.txt", "d/1.txt", "d/2.txt", "b.txt", "e/f/3.txt", "c.txt"):
        bucket.upload(name, b"")
    seen: list[str] = []
    cursor: dict[str, Any] = {}
    while True:
        page = bucket.list_v2(
            {"limit": 2, "with_delimiter": delimited, "sortBy": {"column": column, "order": order}} | cursor  # type: ignore[arg-type]
        )
        seen += [str(found.name) for found in page.objects] + [folder.name for folder in page.folders]
        if not page.hasNext:
            break
        cursor = {"cursor": page.nextCursor}
    wanted = ["a.txt", "b.txt", "c.txt"] + (["d/", "e/"] if delimited else ["d/1.txt", "d/2.txt", "e/f/3.txt"])
    assert sorted(seen) == wanted


def test_a_signed_address_opens_one_object(storage: Running, admin: SyncStorageClient) -> None:
    bucket = admin.from_("private")
    bucket.upload("a b/ü.txt".replace("ü", "u"), b"secret", {"content-type": "text/plain"})
    url = str(bucket.create_signed_url("a b/u.txt", 60, {"download": "Rechnung ü.txt"})["signedURL"])
    answer = storage.session.get(url)
    assert (answer.status_code, answer.content) == (200, b"secret")
    assert answer.headers["content-disposition"].endswith("filename*=UTF-8''Rechnung%20%C3%BC.txt")
    many = bucket.create_signed_urls(["a b/u.txt", "none.txt"], 60)
    assert storage.session.get(str(many[0]["signedURL"])).content == b"secret"
    assert (many[1]["signedURL"], bool(many[1]["error"])) == (None, True)


def test_a_signed_address_takes_one_upload(admin: SyncStorageClient, storage: Running) -> None:
    owner = storage.client(storage.token("u1")).from_("private")
    signed = owner.create_signed_upload_url("u1/in.txt")
    stranger = storage.client(storage.settings.keys.anon_key).from_("private")
    assert stranger.upload_to_signed_url("u1/in.txt", signed["token"], b"hello").full_path == "private/u1/in.txt"
    assert owner.download("u1/in.txt") == b"hello"
    with pytest.raises(StorageApiError) as error:
        stranger.upload_to_signed_url("u1/in.txt", signed["token"], b"again")
    assert refused(error) == ("409", "Duplicate")
    with storage.database() as db:
        assert db.execute("select owner_id from storage.objects").fetchall() == [("u1",)]


def test_a_public_object_is_read_without_a_key(storage: Running, admin: SyncStorageClient) -> None:
    bucket = admin.from_("public")
    bucket.upload("logo.png", b"\x89PNG", {"content-type": "image/png"})
    answer = storage.session.get(bucket.get_public_url("logo.png"))
    assert (answer.content, answer.headers["content-type"]) == (b"\x89PNG", "image/png")
    assert storage.session.head(bucket.get_public_url("logo.png")).headers["content-length"] == "4"
    assert storage.request("GET", "/object/public/private/logo.png").json()["error"] == "Bucket not found"
